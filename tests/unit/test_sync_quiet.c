/* test_sync_quiet: what a calendar costs at which nothing happens, at the default intervals, by the
 * clock of eight days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/sync_world.h"

#define DAYS      8
#define A_DAY     96 /* pulls, at 15 minutes */
#define A_RENEWAL 3  /* watch, what happened meanwhile, stop of the old channel */

static struct world w;

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

struct soonest {
    int64_t ms;
    uint32_t account;
};

static bool look_at(void *arg, enum rc rc, const struct collection *c)
{
    struct soonest *s = arg;
    struct queue_counters n = {0};
    if (rc == RC_OK && queue_counters(w.queue, c->no, &n) && !n.running && n.due_in_ms < s->ms)
        s->ms = n.due_in_ms;
    s->account = c->account;
    return true;
}

/* Sleeps, on both machines, to the moment at which something is due next; how long that was. */
static int64_t sleep_to_next(void)
{
    char body[64];
    struct soonest s = {.ms = HOUR_MS};
    struct txn *t = reading(&w);
    colls_each(t, look_at, &s);
    txn_abort(t);
    int64_t ms = s.ms > 0 ? s.ms : 0;
    snprintf(body, sizeof(body), "{\"advance_ms\":%lld}", (long long)ms);
    control(&w, "POST", "clock", body);
    clock_shift(ms, ms);
    /* Nothing is held: wakes who waits, since the clock has moved. */
    queue_hold(w.queue, s.account, 0);
    WAIT(is_quiet(&w)); /* a notification takes no time by these clocks */
    return ms;
}

static void test_quiet_days(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "aaaaaa", "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    control(&w, "DELETE", "requests", NULL);
    struct queue_counters before = counters_of(&w, events_of(&w, ME).no);

    for (int64_t gone = 0; gone < DAYS * 24 * HOUR_MS;)
        gone += sleep_to_next();

    struct queue_counters after = counters_of(&w, events_of(&w, ME).no);
    size_t pulls = requests(&w, "GET */calendars/*/events*");
    size_t watches = requests(&w, "POST */events/watch");
    uint64_t calls = after.upstream_calls - before.upstream_calls;
    size_t all = requests(&w, "*");
    print_message(
        "%d quiet days: %llu calls of the calendar (%zu pulls and listings, %zu renewals), "
        "%zu with its account's lists\n",
        DAYS, (unsigned long long)calls, pulls, watches, all);
    assert_in_range(watches, 1, 2);                          /* channels live for seven days */
    assert_in_range(after.listings - before.listings, 1, 1); /* verified once in seven days */
    assert_in_range(calls, DAYS * A_DAY * 8 / 10, DAYS * A_DAY + watches * A_RENEWAL + 1);
    assert_in_range(pulls, DAYS * A_DAY * 8 / 10, DAYS * A_DAY + watches + 1);
    assert_int_equal(after.failures, before.failures);
    assert_true(is_equal(&w, ME));
    assert_int_equal(channels_of(&w, events_of(&w, ME).no).ch.state, CHANNEL_LIVE);
    /* The calendar list each hour, rarely the settings and access rules; each has its renewals. */
    assert_true(all - calls <= DAYS * (24 + 4 + 4 + 1) + 3 * 2 * A_RENEWAL + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_quiet_days, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
