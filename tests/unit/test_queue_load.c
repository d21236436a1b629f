/* test_queue_load: what a queue is filled with at a start. */
#include "core/queue/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/accounts.h"
#include "storage/jobs.h"
#include "tests/unit/queue_fixture.h"

static void test_restore(void **state)
{
    (void)state;
    struct queue *q = queue_new();
    queue_restore(
        q, 1,
        &(struct queue_owed){.coll = 1, .pinged = 5, .pulled = 4, .ping_ms = 99, .delay_ms = HOUR});
    queue_restore(q, 1,
                  &(struct queue_owed){.coll = 2, .pinged = 4, .pulled = 4, .delay_ms = HOUR});
    queue_restore(q, 1, &(struct queue_owed){.coll = 3, .delay_ms = -HOUR});
    queue_restore(q, 1, &(struct queue_owed){.coll = 4, .delay_ms = HOUR, .reasons = QUEUE_RESYNC});
    queue_restore(q, 1, &(struct queue_owed){.coll = 5, .delay_ms = 10000 * HOUR});
    assert_int_equal(due(q), 3);
    struct queue_ticket t = take(q);
    assert_int_equal(t.coll, 1);
    assert_int_equal(t.pinged, 5);
    assert_int_equal(t.pinged_ms, 99);
    finish(q, &t, QUEUE_PING, HOUR);
    ping(q, 1, 6); /* serials go on behind those on disk */
    assert_true(queue_resync(q, 4));
    struct queue_counters c;
    assert_true(queue_counters(q, 5, &c));
    assert_true(c.due_in_ms <= 24 * HOUR);
    queue_free(q);
}

/* What is asked for at a start: everything, but what failed waits on; each with what it is owed. */
static void test_load(void **state)
{
    (void)state;
    static const struct {
        const char *calendar;
        enum coll_state coll;
        uint32_t fails;
        struct job job;
        unsigned reasons; /* 0: not due */
    } rows[] = {
        {"quiet", COLL_READY, 0, {.pinged = 3, .pulled = 3}, QUEUE_SCHEDULE},
        {"new", COLL_NEW, 0, {0}, QUEUE_NEW | QUEUE_SCHEDULE},
        {"asked", COLL_READY, 0, {.resync = true}, QUEUE_RESYNC | QUEUE_SCHEDULE},
        {"pinged", COLL_READY, 0, {.pinged = 3, .pulled = 2}, QUEUE_PING | QUEUE_SCHEDULE},
        {"failed", COLL_READY, 2, {0}, 0},
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    uint32_t no[ROWS];
    char dir[] = "/tmp/calmirror-queue-XXXXXX", command[64];
    struct store *s = NULL;
    struct txn *t = NULL;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(
        store_open(&s, dir, &(struct store_options){.map_bytes = 16 << 20, .no_fsync = true}, NULL),
        RC_OK);
    assert_int_equal(txn_write(s, &t, NULL), RC_OK);
    for (size_t i = 0; i < ROWS; i++) {
        struct collection c = {.account = 1, .kind = COLL_EVENTS, .state = rows[i].coll};
        struct job job = rows[i].job;
        c.fails = rows[i].fails;
        strcpy(c.calendar, rows[i].calendar);
        coll_put(t, &c);
        no[i] = job.coll = c.no;
        job.due_ms = clock_wall_ms() + HOUR / 2;
        job_put(t, &job);
    }
    assert_int_equal(txn_commit(t, NULL), RC_OK);

    struct queue *q = queue_new();
    struct queue_counters counters;
    unsigned reasons[ROWS] = {0};
    assert_int_equal(queue_load(q, s, NULL), RC_OK);
    assert_true(queue_counters(q, no[ROWS - 1], &counters));
    assert_in_range(counters.due_in_ms, HOUR / 2 - 20000, HOUR / 2);
    while (due(q) > 0) {
        struct queue_ticket ticket = take(q);
        for (size_t i = 0; i < ROWS; i++)
            reasons[i] |= no[i] == ticket.coll ? ticket.reasons : 0;
        finish(q, &ticket, ticket.reasons, HOUR);
    }
    for (size_t i = 0; i < ROWS; i++)
        if (reasons[i] != rows[i].reasons)
            fail_msg("%s: reasons %x", rows[i].calendar, reasons[i]);
    queue_free(q);
    store_close(s);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore),
        cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests_name("queue_load", tests, NULL, NULL);
}
