/* timers: calls due at a time of the monotonic clock, for the event loop. */
#ifndef EMULATOR_TIMERS_H
#define EMULATOR_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer;

struct timers {
    struct timer **heap;
    size_t n, cap;
    uint64_t order; /* equal times run in the order they were added */
};

typedef void timer_fn(void *arg);

/* Runs once, then the handle is gone. */
struct timer *timer_add(struct timers *t, int64_t delay_ms, timer_fn *fn, void *arg);
void timer_cancel(struct timers *t, struct timer *timer); /* NULL is fine */
int64_t timers_wait_ms(const struct timers *t);           /* -1: none is set */
void timers_run(struct timers *t);
void timers_release(struct timers *t);

#endif
