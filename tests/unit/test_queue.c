/* test_queue: coalescing, one run at a time, backoff of the queue, with real threads. */
#include "core/queue/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/queue/backoff.h"
#include "core/queue/heap.h"
#include "core/queue/token.h"
#include "tests/unit/queue_fixture.h"

static void test_burst_of_pings_costs_one_run(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    assert_int_equal(due(q), 0);
    ping(q, 7, 1);
    uint64_t serial = 0;
    for (int i = 0; i < 1000; i++)
        assert_false(queue_ping(q, 7, &serial));
    struct queue_ticket t = take(q);
    assert_int_equal(t.reasons, QUEUE_PING);
    assert_int_equal(t.pinged, 1);
    assert_true(t.pinged_ms > 0);
    finish(q, &t, QUEUE_PING, HOUR);
    assert_int_equal(due(q), 0);
    struct queue_counters c;
    assert_true(queue_counters(q, 7, &c));
    assert_int_equal(c.pings, 1001);
    queue_free(q);
}

static void test_ping_during_run_costs_one_more(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    ping(q, 7, 1);
    struct queue_ticket t = take(q);
    ping(q, 7, 2);
    uint64_t serial = 0;
    assert_false(queue_ping(q, 7, &serial));
    assert_int_equal(due(q), 0); /* one run at a time */
    finish(q, &t, QUEUE_PING, HOUR);
    assert_int_equal(due(q), 1);
    t = take(q);
    assert_int_equal(t.pinged, 2);
    finish(q, &t, QUEUE_PING, HOUR);
    assert_int_equal(due(q), 0);
    queue_free(q);
}

static void test_a_run_need_not_wait_for_the_mark(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    uint64_t a = 0, b = 0;
    assert_true(queue_ping(q, 7, &a));
    assert_true(
        queue_ping(q, 7, &b)); /* nothing durable yet: both must be written, as the same serial */
    assert_int_equal(a, b);
    assert_int_equal(due(q), 1);
    struct queue_ticket t = take(q);
    assert_int_equal(t.pinged, a);
    uint64_t c = 0, d = 0;
    assert_true(queue_ping(q, 7, &c)); /* may be about what the run has read past */
    assert_int_equal(c, a + 1);
    queue_marked(q, 7, a); /* only now is the first one on disk: that makes the other no safer */
    assert_true(queue_ping(q, 7, &d));
    assert_int_equal(d, c);
    queue_marked(q, 7, c);
    assert_false(queue_ping(q, 7, &d));
    finish(q, &t, QUEUE_PING, HOUR);
    t = take(q);
    assert_int_equal(t.pinged, c);
    finish(q, &t, QUEUE_PING, HOUR);
    assert_int_equal(due(q), 0);
    queue_free(q);
}

#define SETTLE 50

/* A run begins some time after the first ping of a burst, in order among others, and what comes in
 * until then is part of it. */
static void test_bursts_settle(void **state)
{
    (void)state;
    clock_shift(0, HOUR); /* it goes back below, and not before the machine's start */
    struct queue *q = queue_new();
    for (uint32_t coll = 1; coll <= 3; coll++)
        add_idle(q, coll, 1);
    queue_set_settle(q, SETTLE);
    int64_t began = clock_mono_ms();
    ping(q, 2, 1);
    ping(q, 1, 1);
    assert_int_equal(due(q), 2); /* as good as that */
    uint64_t serial = 0;
    assert_false(queue_ping(q, 2, &serial));
    queue_drop(q, 1); /* leaves the line */
    ping(q, 3, 1);
    struct queue_ticket t = take(q), u = take(q);
    assert_true(clock_mono_ms() - began >= SETTLE);
    assert_int_equal(t.coll, 2);
    assert_int_equal(t.pinged, 1);
    assert_int_equal(u.coll, 3);

    queue_set_settle(q, HOUR / 2); /* longer than any machine takes */
    ping(q, 2, 2);                 /* during the run: the next one waits for it to settle, too */
    finish(q, &u, QUEUE_PING, HOUR);
    finish(q, &t, QUEUE_PING, HOUR);
    struct queue_counters c = {0};
    assert_true(queue_counters(q, 2, &c) && c.due_in_ms > 0 && c.due_in_ms <= HOUR / 2);
    queue_poke(q, 2); /* somebody else needs it now: it takes the ping along */
    assert_true(queue_counters(q, 2, &c) && c.due_in_ms < 0);
    t = take(q);
    assert_int_equal(t.pinged, 2);
    finish(q, &t, QUEUE_PING, HOUR);

    ping(q, 3, 2);
    clock_shift(0, -HOUR); /* a clock that jumps makes nobody wait */
    u = take(q);
    assert_int_equal(u.coll, 3);
    queue_free(q);
}

#define PACE_BURST 40 /* as in queue.c */
#define PACE_MS    500

/* Pings without end: a burst of runs, then one now and then, the last of which covers the last
 * ping. */
static void test_endless_pings_are_paced(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    add_idle(q, 8, 1);
    uint64_t serial = 0;
    unsigned runs = 0, pings = 0;
    struct queue_ticket t;
    int64_t began = clock_mono_ms();
    for (int turn = 0; turn < 20; turn++) { /* ten seconds, a hundred pings each half of one */
        bool ran = true;
        for (int i = 0; i < 100 || ran; i++) { /* until one is late */
            pings++;
            if (queue_ping(q, 7, &serial))
                queue_marked(q, 7, serial);
            ran = due(q);
            if (!ran)
                continue;
            t = take(q);
            finish(q, &t, QUEUE_PING, HOUR);
            runs++;
        }
        clock_shift(0, PACE_MS);
    }
    assert_in_range(runs, PACE_BURST, PACE_BURST + 1 + (clock_mono_ms() - began) / PACE_MS);
    struct queue_counters c = {0};
    assert_true(queue_counters(q, 7, &c) && c.pings == pings);
    t = take(q); /* what came last is still owed, and its time has come */
    assert_int_equal(t.coll, 7);
    assert_int_equal(t.pinged, serial);
    ping(q, 8, 1); /* others are as quick as ever */
    assert_int_equal(due(q), 1);
    clock_shift(0, 2 * PACE_BURST * PACE_MS);
    finish(q, &t, QUEUE_PING, HOUR);
    t = take(q);
    finish(q, &t, QUEUE_PING, HOUR);
    for (int i = 0; i < PACE_BURST / 2; i++) { /* after some quiet it is, too */
        ping(q, 7, ++serial);
        t = take(q);
        finish(q, &t, QUEUE_PING, HOUR);
    }
    queue_free(q);
}

/* A long run may take what comes in meanwhile, if it asks for what changed once more. */
static void test_a_run_takes_more(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    queue_poke(q, 7);
    struct queue_ticket t = take(q);
    assert_int_equal(t.reasons, QUEUE_SCHEDULE);
    assert_false(queue_more(q, &t));
    ping(q, 7, 1);
    assert_true(queue_more(q, &t));
    assert_int_equal(t.pinged, 1);
    assert_true(t.reasons & QUEUE_PING && t.pinged_ms > 0);
    assert_false(queue_more(q, &t));
    finish(q, &t, QUEUE_PING, HOUR);
    assert_int_equal(due(q), 0);

    queue_poke(q, 7);
    t = take(q);
    ping(q, 7, 2);
    assert_true(queue_more(q, &t));
    ping(q, 7, 3);
    finish(q, &t, 0, HOUR); /* took it, but did not fulfil it */
    t = take(q);
    assert_int_equal(t.pinged, 3);
    finish(q, &t, QUEUE_PING, HOUR);
    assert_int_equal(due(q), 0);
    queue_free(q);
}

static void test_failed_run_owes_still_and_holds(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    ping(q, 7, 1);
    struct queue_ticket t = take(q);
    int64_t pinged_ms = t.pinged_ms;
    clock_shift(1000, 0);
    ping(q, 7, 2);
    finish_failed(q, &t, HOUR / 2);
    uint64_t serial = 0;
    assert_false(queue_ping(q, 7, &serial)); /* covered by what is owed */
    assert_int_equal(due(q), 0);             /* backoff is kept whatever comes in */
    assert_false(queue_resync(q, 7));
    assert_int_equal(due(q), 0);
    clock_shift(0, HOUR / 2 + 1);
    assert_int_equal(due(q), 1);
    t = take(q);
    assert_int_equal(t.fails, 1);
    assert_int_equal(t.pinged, 2);
    assert_int_equal(t.pinged_ms, pinged_ms); /* the first that is not answered yet */
    assert_int_equal(t.reasons & (QUEUE_PING | QUEUE_RESYNC), QUEUE_PING | QUEUE_RESYNC);
    finish(q, &t, QUEUE_PING | QUEUE_RESYNC, HOUR);
    assert_int_equal(due(q), 0);
    clock_shift(1000, 0);
    ping(q, 7, 3);
    assert_int_equal(due(q), 1);
    t = take(q);
    assert_true(t.pinged_ms >= pinged_ms + 2000);
    finish_failed(q, &t, HOUR / 2); /* and no other comes */
    clock_shift(0, HOUR / 2 + 1);
    t = take(q);
    assert_int_equal(t.pinged, 3);
    assert_int_equal(t.reasons & QUEUE_PING, QUEUE_PING);
    finish(q, &t, QUEUE_PING, HOUR);
    queue_free(q);
}

static void test_resync_joins(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    assert_false(queue_resync(q, 7));
    assert_true(queue_resync(q, 7));
    struct queue_ticket t = take(q);
    assert_true(t.reasons & QUEUE_RESYNC);
    assert_true(queue_resync(q, 7)); /* runs */
    finish(q, &t, 0, 0);             /* was cut short: still owed */
    assert_true(queue_resync(q, 7));
    t = take(q);
    assert_true(t.reasons & QUEUE_RESYNC);
    assert_true(queue_resync(q, 7));
    finish(q, &t, QUEUE_RESYNC, HOUR);
    t = take(q); /* looks whether it came too late for that one, but asks for no other */
    assert_int_equal(t.reasons, QUEUE_SCHEDULE);
    finish(q, &t, 0, HOUR);
    assert_int_equal(due(q), 0);
    assert_false(queue_resync(q, 8)); /* of none that is known */

    ping(q, 7, 1);
    t = take(q);
    assert_false(queue_resync(q, 7)); /* another kind of run: comes after it */
    finish(q, &t, QUEUE_PING, HOUR);
    t = take(q);
    assert_int_equal(t.reasons, QUEUE_RESYNC);
    finish(q, &t, QUEUE_RESYNC, HOUR);
    queue_free(q);
}

static void test_look_again_during_run(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    queue_add(q, 7, 1, QUEUE_SCHEDULE);
    struct queue_ticket t = take(q);
    assert_int_equal(t.reasons, QUEUE_SCHEDULE);
    queue_add(q, 7, 1, QUEUE_SCHEDULE);
    finish(q, &t, 0, HOUR);
    for (int i = 0; i < 2; i++) {
        t = take(q);
        assert_int_equal(t.reasons, QUEUE_SCHEDULE);
        if (i == 0)
            queue_poke(q, 7);
        else
            queue_poke_all(q);
        finish(q, &t, 0, HOUR);
    }
    t = take(q);
    assert_int_equal(t.reasons, QUEUE_SCHEDULE);
    finish(q, &t, 0, HOUR);
    assert_int_equal(due(q), 0);
    queue_poke(q, 8); /* none that is known */
    queue_poke_all(q);
    assert_int_equal(due(q), 1);
    queue_free(q);
}

static void test_many_are_found(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    uint64_t serial = 0;
    for (uint32_t coll = 1; coll <= 1000; coll++) {
        queue_add(q, coll, 1, QUEUE_NEW);
        for (uint32_t one = coll; one > 0; one /= 2)
            assert_true(queue_ping(q, one, &serial));
    }
    struct queue_totals totals;
    queue_totals(q, &totals);
    assert_int_equal(totals.collections, 1000);
    for (uint32_t coll = 1; coll <= 1000; coll++)
        queue_drop(q, coll);
    queue_totals(q, &totals);
    assert_int_equal(totals.collections, 0);
    queue_free(q);
}

static void test_drop(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_add(q, 1, 1, QUEUE_NEW);
    queue_drop(q, 1);
    queue_drop(q, 1);
    assert_int_equal(due(q), 0);
    queue_add(q, 1, 1, QUEUE_NEW);
    struct queue_ticket t = take(q);
    queue_drop(q, 1);
    uint64_t serial = 0;
    (void)queue_ping(
        q, 1, &serial); /* late pings of a run that ends find something, and nothing after it */
    finish(q, &t, QUEUE_NEW, 0);
    struct queue_totals totals;
    queue_totals(q, &totals);
    assert_int_equal(totals.collections, 0);
    assert_false(queue_ping(q, 1, &serial));

    queue_add(q, 1, 1, QUEUE_NEW);
    t = take(q);
    queue_drop(q, 1);
    queue_add(q, 1, 1, QUEUE_NEW); /* it comes back before its run has ended */
    finish(q, &t, QUEUE_NEW, HOUR);
    t = take(q);
    assert_int_equal(t.reasons & QUEUE_NEW, QUEUE_NEW);
    finish(q, &t, QUEUE_NEW, HOUR);
    queue_free(q);
}

struct waiter {
    struct queue *q;
    atomic_int turns;
    atomic_int taken;
    enum rc rc;
};

static void count_turn(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void *wait_for_one(void *arg)
{
    struct waiter *w = arg;
    struct queue_ticket t;
    w->rc = queue_take(w->q, &t, count_turn, &w->turns);
    if (w->rc == RC_OK)
        finish(w->q, &t, 0, HOUR);
    atomic_store(&w->taken, 1);
    return NULL;
}

static void test_waiting_take_notices_a_shifted_clock(void **state)
{
    (void)state;
    struct waiter w = {.q = queue_new()};
    add_idle(w.q, 1, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_one, &w), 0);
    while (atomic_load(&w.turns) == 0)
        ;
    assert_int_equal(atomic_load(&w.taken), 0);
    clock_shift(0, HOUR + 1);
    pthread_join(thread, NULL);
    assert_int_equal(w.rc, RC_OK);
    queue_free(w.q);
}

static void test_stop_wakes(void **state)
{
    (void)state;
    struct waiter w = {.q = queue_new()};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_one, &w), 0);
    queue_stop(w.q);
    pthread_join(thread, NULL);
    assert_int_equal(w.rc, RC_CANCELED);
    queue_free(w.q);
}

/* Many workers, many pingers: no collection is ever run twice at once, and after the last ping each
 * one is run again: what a run saw at its start is all that was marked before. */
#define STORM_COLLS 8
#define STORM_PINGS 4000

struct storm {
    struct queue *q;
    atomic_int inside[STORM_COLLS + 1];
    atomic_ullong marked[STORM_COLLS + 1], pulled[STORM_COLLS + 1];
    atomic_int doubled;
};

static void *storm_worker(void *arg)
{
    struct storm *s = arg;
    struct queue_ticket t;
    while (queue_take(s->q, &t, NULL, NULL) == RC_OK) {
        if (atomic_fetch_add(&s->inside[t.coll], 1) != 0)
            atomic_store(&s->doubled, 1);
        bool lost = t.pinged % 5 == 3 && t.fails == 0; /* some runs fail */
        if (!lost)
            atomic_store(&s->pulled[t.coll], t.pinged);
        atomic_fetch_sub(&s->inside[t.coll], 1);
        if (lost)
            finish_failed(s->q, &t, 0);
        else
            finish(s->q, &t, t.reasons, HOUR);
    }
    return NULL;
}

static void *storm_pinger(void *arg)
{
    struct storm *s = arg;
    for (int i = 0; i < STORM_PINGS; i++) {
        uint32_t coll = (uint32_t)i % STORM_COLLS + 1;
        uint64_t serial = 0;
        if (queue_ping(s->q, coll, &serial)) {
            unsigned long long old = atomic_load(&s->marked[coll]);
            while (old < serial && !atomic_compare_exchange_weak(&s->marked[coll], &old, serial))
                ;
            queue_marked(s->q, coll, serial);
        }
    }
    return NULL;
}

/* Nothing is left to do but what comes in an hour: paced pings are due sooner, but not yet. */
static void wait_until_idle(struct queue *q, uint32_t coll)
{
    struct queue_counters c;
    do
        assert_true(queue_counters(q, coll, &c));
    while (c.running || c.due_in_ms < HOUR / 2);
}

static void test_storm(void **state)
{
    (void)state;
    static struct storm s;
    s.q = queue_new();
    queue_set_workers(s.q, 4);
    for (uint32_t coll = 1; coll <= STORM_COLLS; coll++)
        queue_add(s.q, coll, coll % 3, QUEUE_NEW);
    pthread_t workers[4], pingers[2];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, storm_worker, &s), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&pingers[i], NULL, storm_pinger, &s), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(pingers[i], NULL);
    for (uint32_t coll = 1; coll <= STORM_COLLS; coll++)
        wait_until_idle(s.q, coll);
    struct queue_totals totals;
    queue_totals(s.q, &totals);
    queue_stop(s.q);
    for (int i = 0; i < 4; i++)
        pthread_join(workers[i], NULL);
    assert_int_equal(atomic_load(&s.doubled), 0);
    for (int coll = 1; coll <= STORM_COLLS; coll++)
        assert_int_equal(atomic_load(&s.pulled[coll]), atomic_load(&s.marked[coll]));
    assert_int_equal(totals.pings, 2 * STORM_PINGS);
    queue_free(s.q);
}

static void test_backoff(void **state)
{
    (void)state;
    static const struct {
        uint32_t fails;
        int64_t retry_after, lo, hi;
    } rows[] = {
        {0, -1, 500, 1000},
        {1, -1, 500, 1000},
        {2, -1, 1000, 2000},
        {3, -1, 2000, 4000},
        {7, -1, 30000, 60000},
        {4000000000u, -1, 30000, 60000},
        {1, 0, 500, 1000},
        {1, 10000, 10000, 12500},
        {5, 100, 8000, 16000},
        {1, HOUR, HOUR, HOUR * 5 / 4},
        {1, 1000 * HOUR, 24 * HOUR, 30 * HOUR},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t lo = queue_backoff_ms(rows[i].fails, 1000, 60000, rows[i].retry_after, 0);
        int64_t hi = queue_backoff_ms(rows[i].fails, 1000, 60000, rows[i].retry_after, 65535);
        assert_int_equal(lo, rows[i].lo);
        assert_int_equal(hi, rows[i].hi);
    }
}

static void test_heap_orders(void **state)
{
    (void)state;
    struct heap h = {0};
    static struct heap_node nodes[300];
    unsigned x = 12345;
    for (int i = 0; i < 300; i++)
        heap_set(&h, &nodes[i], (x = x * 1103515245u + 12345u) >> 8);
    for (int i = 0; i < 300; i += 3)
        heap_set(&h, &nodes[i], (x = x * 1103515245u + 12345u) >> 8);
    for (int i = 0; i < 300; i += 7)
        heap_remove(&h, &nodes[i]);
    heap_remove(&h, &nodes[0]);
    int64_t last = INT64_MIN;
    size_t n = 0;
    for (struct heap_node *top; (top = heap_top(&h)); n++) {
        assert_true(top->key >= last);
        last = top->key;
        heap_remove(&h, top);
    }
    assert_int_equal(n, 300 - 43);
    heap_release(&h);
}

static void test_token(void **state)
{
    (void)state;
    uint8_t secret[32] = {1, 2, 3}, other[32] = {4};
    char a[CHANNEL_TOKEN_MAX], b[CHANNEL_TOKEN_MAX];
    channel_token(secret, span_of("abc"), 4294967295u, a);
    /* Google holds it for weeks, also while another version of the service comes. */
    assert_string_equal(a, "4294967295.siXYPpqc2ouGAMddfv6uO-dapY9FQbGucBU-KIhaeT4");
    uint32_t coll = 0;
    assert_true(channel_token_check(secret, span_of("abc"), span_of(a), &coll));
    assert_int_equal(coll, 4294967295u);
    assert_false(channel_token_check(other, span_of("abc"), span_of(a), &coll));
    assert_false(channel_token_check(secret, span_of("abd"), span_of(a), &coll));
    channel_token(secret, span_of("abc"), 12, b);
    assert_string_not_equal(a, b);
    b[1]++; /* 12 -> 13 */
    assert_false(channel_token_check(secret, span_of("abc"), span_of(b), &coll));
    assert_false(channel_token_check(secret, span_of("abc"), span_of(""), &coll));
    assert_false(channel_token_check(secret, span_of("abc"), (struct span){0}, &coll));
    assert_false(channel_token_check(secret, span_of("abc"), span_of("0.x"), &coll));
    assert_false(channel_token_check(secret, span_of("abc"), span_of("nodot"), &coll));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_of_pings_costs_one_run),
        cmocka_unit_test(test_ping_during_run_costs_one_more),
        cmocka_unit_test(test_a_run_need_not_wait_for_the_mark),
        cmocka_unit_test(test_bursts_settle),
        cmocka_unit_test(test_endless_pings_are_paced),
        cmocka_unit_test(test_a_run_takes_more),
        cmocka_unit_test(test_failed_run_owes_still_and_holds),
        cmocka_unit_test(test_resync_joins),
        cmocka_unit_test(test_look_again_during_run),
        cmocka_unit_test(test_many_are_found),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_waiting_take_notices_a_shifted_clock),
        cmocka_unit_test(test_stop_wakes),
        cmocka_unit_test(test_storm),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_heap_orders),
        cmocka_unit_test(test_token),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
