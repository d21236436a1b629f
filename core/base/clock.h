/* clock: the two clocks, with a seam for tests. Times are int64_t milliseconds. */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include <stdint.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

int64_t clock_wall_ms(void); /* since 1970-01-01 UTC; may jump */
int64_t clock_mono_ms(
    void); /* CLOCK_BOOTTIME: never goes back, counts sleep; for intervals and due times */
int64_t clock_mono_us(void);
/* CLOCK_MONOTONIC: stands still while the machine sleeps, as its threads do: for heartbeats. */
int64_t clock_awake_ms(void);

/* Tests: adds to what each clock says from now on. Thread-safe. */
void clock_shift(int64_t wall_ms, int64_t mono_ms);

#endif
