/* test_queue_fair: who comes first, and who leaves room for others. */
#include "tests/unit/queue_fixture.h"

static void test_pings_go_before_the_crowd(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 1, 1);
    for (uint32_t coll = 2; coll < 500; coll++)
        queue_add(q, coll, 1, QUEUE_NEW);
    ping(q, 1, 1);
    struct queue_ticket t = take(q);
    assert_int_equal(t.coll, 1);
    finish(q, &t, QUEUE_PING, HOUR);
    clock_shift(0, HOUR); /* the crowd has waited for an hour: now it goes first */
    ping(q, 1, 2);
    t = take(q);
    assert_int_not_equal(t.coll, 1);
    finish(q, &t, QUEUE_NEW, HOUR);
    queue_free(q);
}

static void test_accounts_take_turns(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    for (uint32_t coll = 1; coll <= 100; coll++)
        queue_add(q, coll, 1, QUEUE_NEW);
    queue_add(q, 200, 2, QUEUE_NEW);
    queue_add(q, 300, 3, QUEUE_NEW);
    bool seen[4] = {0};
    for (int i = 0; i < 3; i++) {
        struct queue_ticket t = take(q);
        seen[t.account] = true;
        finish(q, &t, QUEUE_NEW, HOUR);
    }
    assert_true(seen[1] && seen[2] && seen[3]);
    queue_free(q);
}

static void test_one_account_gets_its_share(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_set_workers(q, 4);
    for (uint32_t coll = 1; coll <= 10; coll++)
        queue_add(q, coll, 1, QUEUE_NEW);
    struct queue_ticket a = take(q), b = take(q), c = take(q);
    assert_int_equal(a.account + b.account + c.account,
                     3); /* nobody else waits: it may have more */
    finish(q, &c, QUEUE_NEW, HOUR);
    queue_add(q, 20, 2, QUEUE_NEW);
    queue_add(q, 21, 2, QUEUE_NEW);
    c = take(q);
    struct queue_ticket d = take(q);
    assert_int_equal(c.account, 2);
    assert_int_equal(d.account, 2);
    queue_free(q);
}

static void test_suspects_leave_room(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_set_workers(q, 4);
    for (uint32_t account = 1; account <= 10; account++) {
        queue_add(q, account, account, QUEUE_NEW);
        struct queue_ticket t = take(q);
        finish_failed(q, &t, 0);
    }
    queue_add(q, 100, 100, QUEUE_NEW);
    queue_add(q, 101, 101, QUEUE_NEW);
    struct queue_ticket t[4];
    unsigned good = 0;
    for (int i = 0; i < 4; i++) {
        t[i] = take(q);
        good += t[i].account >= 100;
    }
    assert_int_equal(good, 2); /* ten accounts that fail hold two workers of four at most */
    queue_free(q);
}

/* Nobody else waits, but somebody may: the last worker is kept for that. */
static void test_one_worker_is_spared(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_set_workers(q, 4);
    add_idle(q, 20, 2);
    for (uint32_t coll = 1; coll <= 10; coll++)
        queue_add(q, coll, 1, QUEUE_NEW);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(q).account, 1);
    ping(q, 20, 1);
    assert_int_equal(take(q).account, 2); /* not the fourth of the first account */
    queue_free(q);
}

/* An account that has used up its quota keeps its workers waiting: half of them are left for
 * others. */
static void test_slow_accounts_leave_room(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_set_workers(q, 4);
    for (uint32_t coll = 1; coll <= 10; coll++)
        queue_add(q, coll, 1, QUEUE_NEW);
    struct queue_ticket t[2] = {take(q), take(q)}, u;
    queue_finish(q, &t[0], &(struct queue_result){.slow = true, .delay_ms = HOUR});
    t[0] = take(q);
    queue_add(q, 20, 2, QUEUE_NEW); /* nothing of the first account, though it has waited longer */
    u = take(q);
    assert_int_equal(u.account, 2);
    finish(q, &u, QUEUE_NEW, HOUR);
    finish(q, &t[0], QUEUE_NEW, HOUR); /* it no longer waits */
    u = take(q);
    t[0] = take(q);
    assert_int_equal(u.account + t[0].account, 2);
    queue_free(q);
}

/* Who waits without an answer is told when others wait for its worker. */
static void test_who_is_waited_for(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_set_workers(q, 2);
    for (uint32_t account = 1; account <= 4; account++)
        queue_add(q, account, account, QUEUE_NEW);
    struct queue_ticket a = take(q);
    assert_false(queue_is_short(q, a.account)); /* the second worker is free */
    struct queue_ticket b = take(q);
    assert_true(queue_is_short(q, a.account));
    queue_finish(q, &a, &(struct queue_result){.slow = true, .delay_ms = 0});
    struct queue_ticket c = take(q), d;
    finish(q, &b, QUEUE_NEW, HOUR);
    d = take(q); /* the last one that was never asked for: now only the suspect waits */
    assert_int_not_equal(d.account, a.account);
    assert_true(queue_is_short(q, c.account));
    finish(q, &d, QUEUE_NEW, HOUR);
    d = take(q);
    assert_int_equal(d.account, a.account);
    queue_add(q, 5, 5, QUEUE_NEW);
    assert_true(queue_is_short(q, a.account));
    finish_failed(q, &c, 0);
    b = take(q);
    assert_int_equal(b.account, 5);
    assert_true(queue_is_short(q, a.account));  /* another suspect waits for its share */
    assert_false(queue_is_short(q, b.account)); /* who could not have this one's */
    queue_free(q);
}

static void test_hold_stops_an_account(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_add(q, 1, 1, QUEUE_NEW);
    queue_add(q, 2, 2, QUEUE_NEW);
    queue_hold(q, 1, HOUR);
    struct queue_ticket t = take(q);
    assert_int_equal(t.coll, 2);
    finish(q, &t, QUEUE_NEW, 2 * HOUR);
    queue_hold(q, 1, 0);
    t = take(q);
    assert_int_equal(t.coll, 1);
    finish(q, &t, QUEUE_NEW, 2 * HOUR);

    /* It ends by itself, and no sooner: then account 1 goes first, having waited longer. */
    queue_poke(q, 2);
    t = take(q);
    finish(q, &t, 0, 2 * HOUR);
    queue_hold(q, 1, HOUR);
    queue_poke(q, 1);
    clock_shift(0, HOUR - 60 * 1000);
    queue_add(q, 3, 2, QUEUE_NEW);
    t = take(q);
    assert_int_equal(t.coll, 3);
    finish(q, &t, QUEUE_NEW, 2 * HOUR);
    clock_shift(0, 60 * 1000);
    queue_add(q, 4, 2, QUEUE_NEW);
    assert_int_equal(take(q).coll, 1);
    clock_shift(0, -HOUR);
    queue_free(q);
}

/* Pings that have to wait for their turn do not take along what was asked for at once. */
static void test_paced_pings_delay_nothing_else(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    struct queue_counters c = {0};
    add_idle(q, 7, 1);
    for (uint64_t serial = 1;; serial++) {
        ping(q, 7, serial);
        assert_true(queue_counters(q, 7, &c));
        if (c.due_in_ms > 0) /* the burst is used up */
            break;
        struct queue_ticket t = take(q);
        finish(q, &t, QUEUE_PING, HOUR);
    }
    struct queue_ticket t = take(q); /* in its turn */
    finish(q, &t, QUEUE_PING, HOUR);
    assert_false(queue_resync(q, 7));
    uint64_t serial;
    assert_true(queue_ping(q, 7, &serial));
    assert_true(queue_counters(q, 7, &c) && c.due_in_ms <= 0);
    t = take(q);
    assert_int_equal(t.reasons & QUEUE_RESYNC, QUEUE_RESYNC);
    queue_free(q);
}

/* A ping during a run stands in no line that others are taken from. */
static void test_a_ping_that_settles_during_a_run(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    add_idle(q, 7, 1);
    queue_set_settle(q, 1000);
    queue_poke(q, 7);
    struct queue_ticket t = take(q);
    ping(q, 7, 1);
    clock_shift(0, 2000);
    queue_add(q, 8, 2, QUEUE_NEW);
    assert_int_equal(take(q).coll, 8);
    finish(q, &t, 0, HOUR);
    t = take(q);
    assert_int_equal(t.reasons, QUEUE_PING);
    clock_shift(0, -2000);
    queue_free(q);
}

static void count(void *times)
{
    ++*(unsigned *)times;
}

/* `alive` is called at each look: less than one a second besides those that have a cause. */
static void test_waiting_costs_nothing(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    struct queue_ticket t = {0};
    unsigned looks = 0;
    queue_add(q, 1, 1, QUEUE_NEW);
    t = take(q);
    finish(q, &t, QUEUE_NEW, 1500);
    assert_int_equal(queue_take(q, &t, count, &looks), RC_OK);
    assert_in_range(looks, 2, 10);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pings_go_before_the_crowd),
        cmocka_unit_test(test_accounts_take_turns),
        cmocka_unit_test(test_one_account_gets_its_share),
        cmocka_unit_test(test_suspects_leave_room),
        cmocka_unit_test(test_one_worker_is_spared),
        cmocka_unit_test(test_slow_accounts_leave_room),
        cmocka_unit_test(test_who_is_waited_for),
        cmocka_unit_test(test_hold_stops_an_account),
        cmocka_unit_test(test_paced_pings_delay_nothing_else),
        cmocka_unit_test(test_a_ping_that_settles_during_a_run),
        cmocka_unit_test(test_waiting_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
