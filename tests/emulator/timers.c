/* timers: a binary heap of due calls. */
#include "tests/emulator/timers.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tests/emulator/util.h"

struct timer {
    int64_t due_ms;
    uint64_t order;
    size_t at; /* index in the heap */
    timer_fn *fn;
    void *arg;
};

static bool before(const struct timer *a, const struct timer *b)
{
    return a->due_ms < b->due_ms || (a->due_ms == b->due_ms && a->order < b->order);
}

static void put(struct timers *t, size_t i, struct timer *timer)
{
    t->heap[i] = timer;
    timer->at = i;
}

static void sift(struct timers *t, size_t i)
{
    struct timer *moving = t->heap[i];
    while (i > 0 && before(moving, t->heap[(i - 1) / 2])) {
        put(t, i, t->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < t->n && before(t->heap[child + 1], t->heap[child])) {
            child++;
        }
        if (child >= t->n || !before(t->heap[child], moving)) {
            break;
        }
        put(t, i, t->heap[child]);
        i = child;
    }
    put(t, i, moving);
}

struct timer *timer_add(struct timers *t, int64_t delay_ms, timer_fn *fn, void *arg)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->heap = xgrow(t->heap, t->cap * sizeof(*t->heap));
    }
    struct timer *timer = xalloc(sizeof(*timer));
    *timer =
        (struct timer){.due_ms = mono_ms() + delay_ms, .order = t->order++, .fn = fn, .arg = arg};
    put(t, t->n++, timer);
    sift(t, timer->at);
    return timer;
}

static void take_out(struct timers *t, struct timer *timer)
{
    struct timer *last = t->heap[--t->n];
    if (last != timer) {
        put(t, timer->at, last);
        sift(t, last->at);
    }
}

void timer_cancel(struct timers *t, struct timer *timer)
{
    if (timer != NULL) {
        take_out(t, timer);
        free(timer);
    }
}

int64_t timers_wait_ms(const struct timers *t)
{
    if (t->n == 0) {
        return -1;
    }
    int64_t left = t->heap[0]->due_ms - mono_ms();
    return left > 0 ? left : 0;
}

void timers_run(struct timers *t)
{
    int64_t now = mono_ms();
    while (t->n > 0 && t->heap[0]->due_ms <= now) {
        struct timer *timer = t->heap[0];
        take_out(t, timer);
        timer->fn(timer->arg);
        free(timer);
    }
}

void timers_release(struct timers *t)
{
    while (t->n > 0) {
        free(t->heap[--t->n]);
    }
    free(t->heap);
    *t = (struct timers){0};
}
