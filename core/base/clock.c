/* clock: reads the kernel's clocks and adds the shift that tests asked for. */
#include "core/base/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>

static_assert(sizeof(time_t) >= 8, "calendars go beyond 2038: see WIDE in the Makefile");

static _Atomic int64_t wall_shift_ms;
static _Atomic int64_t mono_shift_ms;

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000 +
           atomic_load_explicit(&wall_shift_ms, memory_order_relaxed);
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_BOOTTIME) +
           atomic_load_explicit(&mono_shift_ms, memory_order_relaxed) * 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_awake_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

void clock_shift(int64_t wall_ms, int64_t mono_ms)
{
    atomic_fetch_add(&wall_shift_ms, wall_ms);
    atomic_fetch_add(&mono_shift_ms, mono_ms);
}
