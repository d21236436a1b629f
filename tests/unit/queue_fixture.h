/* queue_fixture: short ways to fill, take from and ask a queue. */
#ifndef TESTS_UNIT_QUEUE_FIXTURE_H
#define TESTS_UNIT_QUEUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/queue/queue.h"

#define HOUR (3600 * 1000LL)

[[maybe_unused]] static struct queue_ticket take(struct queue *q)
{
    struct queue_ticket t = {0};
    assert_int_equal(queue_take(q, &t, NULL, NULL), RC_OK);
    return t;
}

[[maybe_unused]] static void finish(struct queue *q, const struct queue_ticket *t, unsigned covered,
                                    int64_t delay)
{
    queue_finish(q, t, &(struct queue_result){.covered = covered, .delay_ms = delay});
}

[[maybe_unused]] static void finish_failed(struct queue *q, const struct queue_ticket *t,
                                           int64_t delay)
{
    queue_finish(q, t, &(struct queue_result){.failed = true, .delay_ms = delay});
}

[[maybe_unused]] static uint64_t due(struct queue *q)
{
    struct queue_totals totals;
    queue_totals(q, &totals);
    return totals.due;
}

/* A collection that ran once and is next due in an hour. */
[[maybe_unused]] static void add_idle(struct queue *q, uint32_t coll, uint32_t account)
{
    queue_add(q, coll, account, QUEUE_NEW);
    struct queue_ticket t = take(q);
    assert_int_equal(t.coll, coll);
    assert_int_equal(t.reasons & QUEUE_NEW, QUEUE_NEW);
    finish(q, &t, QUEUE_NEW, HOUR);
}

[[maybe_unused]] static void ping(struct queue *q, uint32_t coll, uint64_t want)
{
    uint64_t serial = 0;
    assert_true(queue_ping(q, coll, &serial));
    assert_int_equal(serial, want);
    queue_marked(q, coll, serial);
}

#endif
