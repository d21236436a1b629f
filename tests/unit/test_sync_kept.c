/* test_sync_kept: what stays and what goes: exceptions with their series, entries that a list names
 * no more, old removals, accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/changes.h"
#include "tests/unit/sync_world.h"

static struct world w;

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

/* A hole in a series and an instance that was renamed: what becomes of them depends on the series.
 */
static void test_series_and_exceptions(void **state)
{
    (void)state;
    static const char *const names[] = {"edited", "single", "gone00"};
    char path[128];
    world_begin(&w, true, "");
    for (size_t i = 0; i < 3; i++) {
        insert_event(&w, names[i], "\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"]");
        snprintf(path, sizeof(path), "/calendars/primary/events/%s_20260702T100000Z", names[i]);
        api(&w, "DELETE", path, NULL);
        snprintf(path, sizeof(path), "/calendars/primary/events/%s_20260703T100000Z", names[i]);
        api(&w, "PATCH", path, "{\"summary\":\"another\"}");
    }
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    uint64_t listings = counters_of(&w, events_of(&w, ME).no).listings;

    api(&w, "PATCH", "/calendars/primary/events/edited", "{\"summary\":\"new\"}");
    api(&w, "DELETE", "/calendars/primary/events/gone00", NULL);
    WAIT(is_equal(&w, ME));
    assert_int_equal(flags_of(&w, "edited_20260702T100000Z"), EVENT_EXCEPTION | EVENT_CANCELLED);
    assert_int_equal(flags_of(&w, "edited_20260703T100000Z"), EVENT_EXCEPTION);
    assert_int_equal(flags_of(&w, "gone00_20260702T100000Z"), UINT32_MAX);
    assert_int_equal(flags_of(&w, "gone00_20260703T100000Z"), UINT32_MAX);

    /* As the only change: nothing is told of its exceptions. */
    control(&w, "PUT", "events?calendar=me%40example.com&id=single",
            "{\"id\":\"single\",\"status\":\"confirmed\",\"updated\":\"2099-01-01T00:00:00.000Z\","
            "\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\"},"
            "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\"}}");
    control(&w, "POST", "ping", "{\"calendar\":\"" ME "\"}");
    WAIT(!(flags_of(&w, "single") & EVENT_SERIES));
    assert_int_equal(flags_of(&w, "single_20260702T100000Z"), UINT32_MAX);
    assert_int_equal(flags_of(&w, "single_20260703T100000Z"), UINT32_MAX);
    WAIT(is_idle(&w));
    assert_int_equal(counters_of(&w, events_of(&w, ME).no).listings, listings);
}

/* An increment may name an instance as it was before it names the end of its series. */
static void test_an_instance_before_the_end_of_its_series(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "series", "\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
    api(&w, "PATCH", "/calendars/primary/events/series_20260702T100000Z", "{\"summary\":\"x\"}");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    control(&w, "POST", "pings", "{\"paused\":true}");
    control(&w, "PUT", "events?calendar=me%40example.com&id=series_20260702T100000Z",
            "{\"id\":\"series_20260702T100000Z\",\"status\":\"confirmed\",\"summary\":\"y\","
            "\"recurringEventId\":\"series\",\"updated\":\"2026-06-01T00:00:00.000Z\","
            "\"originalStartTime\":{\"dateTime\":\"2026-07-02T10:00:00Z\"},"
            "\"start\":{\"dateTime\":\"2026-07-02T10:00:00Z\"},"
            "\"end\":{\"dateTime\":\"2026-07-02T11:00:00Z\"}}");
    control(&w, "PUT", "events?calendar=me%40example.com&id=series",
            "{\"id\":\"series\",\"status\":\"confirmed\",\"updated\":\"2099-01-01T00:00:00.000Z\","
            "\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\"},"
            "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\"}}");
    control(&w, "POST", "pings", "{\"paused\":false}");
    WAIT(!(flags_of(&w, "series") & EVENT_SERIES));
    assert_int_equal(flags_of(&w, "series_20260702T100000Z"), UINT32_MAX);
}

static uint64_t live_items(enum coll_kind kind, const char *calendar)
{
    struct collection c = {0};
    (void)look_coll(&w, kind, calendar, &c);
    return c.live_items;
}

static void put_rule(const char *who)
{
    char body[128];
    snprintf(body, sizeof(body),
             "{\"role\":\"reader\",\"scope\":{\"type\":\"user\",\"value\":\"%s\"}}", who);
    api(&w, "POST", "/calendars/primary/acl?sendNotifications=false", body);
}

/* After dead tokens what is listed stays and what is not goes; a calendar with all that it has. */
static void test_small_collections_in_full(void **state)
{
    (void)state;
    static const char *const rules[] = {"zoe@example.com", "bob@example.com", "ann@example.com",
                                        "max@example.com"};
    world_begin(&w, false, "");
    for (size_t i = 0; i < 4; i++)
        put_rule(rules[i]);
    struct span made = api(&w, "POST", "/calendars", "{\"summary\":\"second\"}");
    char id[200], path[300];
    assert_true(json_string_copy(json_get(made, "id"), id, sizeof(id)));
    mirror_up(&w);
    WAIT(is_equal(&w, ME) && is_equal(&w, id));
    WAIT(is_idle(&w));
    struct collection roster, acl, gone;
    assert_true(look_coll(&w, COLL_ROSTER, "", &roster) && look_coll(&w, COLL_ACL, ME, &acl));
    uint64_t settings = live_items(COLL_SETTINGS, "");
    assert_int_equal(acl.live_items, 5);

    api(&w, "DELETE", "/calendars/primary/acl/user:zoe@example.com", NULL);
    api(&w, "DELETE", "/calendars/primary/acl/user:ann@example.com", NULL);
    snprintf(path, sizeof(path), "/users/me/calendarList/%s", id);
    api(&w, "DELETE", path, NULL);
    control(&w, "POST", "sync-tokens/invalidate", "{\"kind\":410,\"of\":\"calendarList\"}");
    control(&w, "POST", "sync-tokens/invalidate", "{\"kind\":410,\"of\":\"settings\"}");
    control(&w, "POST", "sync-tokens/invalidate", "{\"kind\":410,\"of\":\"acl\"}");
    clock_shift(0, 24 * 3600 * 1000);
    queue_poke_all(w.queue);
    WAIT(!look_coll(&w, COLL_EVENTS, id, &gone) && !look_coll(&w, COLL_ACL, id, &gone));
    WAIT(live_items(COLL_ACL, ME) == 3);
    WAIT(is_idle(&w));
    struct item item;
    struct txn *t = reading(&w);
    assert_int_equal(item_get(t, acl.no, span_of("user:bob@example.com"), &item), RC_OK);
    assert_int_equal(item_get(t, acl.no, span_of("user:max@example.com"), &item), RC_OK);
    assert_int_equal(item_get(t, roster.no, span_of(ME), &item), RC_OK);
    txn_abort(t);
    assert_int_equal(live_items(COLL_ROSTER, ""), 1);
    assert_int_equal(live_items(COLL_SETTINGS, ""), settings);
    assert_true(is_equal(&w, ME));
}

/* Nothing says of a calendar that it left but that a full list does not name it; and of one that
 * left that it is back, but that the list names it. */
static void test_as_the_full_list_says(void **state)
{
    (void)state;
    struct collection lost = {.kind = COLL_EVENTS, .state = COLL_READY}, gone;
    struct collection back = {.kind = COLL_EVENTS, .state = COLL_GONE, .calendar = ME};
    struct account a;
    struct txn *t;
    struct err e = {0};
    strcpy(lost.calendar, "lost@example.com");
    world_begin(&w, false, "");
    mirror_open(&w);
    assert_int_equal(txn_write(w.store, &t, NULL), RC_OK);
    assert_int_equal(account_find(t, "a", &a), RC_OK);
    lost.account = back.account = a.no;
    coll_put(t, &lost);
    coll_put(t, &back);
    assert_int_equal(txn_commit(t, NULL), RC_OK);
    assert_int_equal(sync_start(w.sync, 1, &e), RC_OK);
    WAIT(is_equal(&w, ME));
    assert_int_equal(events_of(&w, ME).no, back.no); /* it was not dropped before */
    WAIT(!look_coll(&w, COLL_EVENTS, lost.calendar, &gone));
}

static struct collection list_in_full(void)
{
    struct collection c = events_of(&w, ME);
    clock_shift(1000, 0); /* no two listings are of one millisecond */
    (void)queue_resync(w.queue, c.no);
    WAIT(is_idle(&w) && events_of(&w, ME).full_ms > c.full_ms);
    return events_of(&w, ME);
}

/* RC_STALE: what happened since the first change is not known to the last any more. */
static enum rc history_of(const struct collection *c)
{
    struct change_iter *it = NULL;
    struct txn *t = reading(&w);
    enum rc rc = changes_open(t, c, 0, &it);
    changes_close(it);
    txn_abort(t);
    return rc;
}

/* More than are pruned in one transaction. */
static void come_and_go(void)
{
    struct collection c = events_of(&w, ME);
    struct event ev = {.raw = span_of("{}")};
    char id[16];
    struct txn *t;
    assert_int_equal(txn_write(w.store, &t, NULL), RC_OK);
    assert_int_equal(coll_get(t, c.no, &c), RC_OK);
    for (int i = 0; i < 10001; i++) {
        ev.id = (struct span){id, (size_t)snprintf(id, sizeof(id), "come%05d", i)};
        assert_true(event_put(t, &c, &ev));
        assert_true(event_remove(t, &c, ev.id));
    }
    coll_put(t, &c);
    assert_int_equal(txn_commit(t, NULL), RC_OK);
}

static bool has_changes(const struct collection *c)
{
    struct change_iter *it = NULL;
    struct change row;
    struct txn *t = reading(&w);
    assert_int_equal(changes_open(t, c, c->pruned_seq, &it), RC_OK);
    bool has = changes_next(it, &row);
    changes_close(it);
    txn_abort(t);
    return has;
}

/* Removals that are older than the change log is kept go with the next full listing. */
static void test_old_changes_go(void **state)
{
    (void)state;
    static const int64_t two_days = 2 * 24 * 3600 * 1000;
    world_begin(&w, true, "change_retention = 1d\n");
    insert_event(&w, "aaaaaa", "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    WAIT(is_idle(&w));
    come_and_go();
    control(&w, "DELETE", "events?calendar=me%40example.com&id=aaaaaa", NULL);
    struct collection c = list_in_full();
    assert_int_equal(c.all_items, 0);
    assert_int_equal(history_of(&c), RC_OK);
    clock_shift(two_days, 0);
    c = list_in_full();
    clock_shift(-two_days, 0);
    assert_int_equal(history_of(&c), RC_STALE);
    c = events_of(&w, ME); /* what was pruned after the listing */
    assert_false(has_changes(&c));
}

static struct collection settings_in_full(void)
{
    struct collection c, now;
    assert_true(look_coll(&w, COLL_SETTINGS, "", &c));
    clock_shift(1000, 0);
    (void)queue_resync(w.queue, c.no);
    WAIT(is_idle(&w) && look_coll(&w, COLL_SETTINGS, "", &now) && now.full_ms > c.full_ms);
    return now;
}

/* Those of the small collections, too. */
static void test_old_entries_go(void **state)
{
    (void)state;
    static const int64_t two_days = 2 * 24 * 3600 * 1000;
    const struct item item = {.id = span_of("madeUp"), .raw = span_of("{}")};
    struct collection c;
    struct txn *t;
    world_begin(&w, false, "change_retention = 1d\n");
    mirror_up(&w);
    WAIT(look_coll(&w, COLL_SETTINGS, "", &c) && c.state == COLL_READY && is_idle(&w));
    assert_int_equal(txn_write(w.store, &t, NULL), RC_OK);
    assert_int_equal(coll_get(t, c.no, &c), RC_OK);
    assert_true(item_put(t, &c, &item));
    coll_put(t, &c);
    assert_int_equal(txn_commit(t, NULL), RC_OK);
    uint64_t all = c.all_items;
    c = settings_in_full();
    assert_int_equal(c.all_items, all - 1);
    assert_int_equal(history_of(&c), RC_OK);
    clock_shift(two_days, 0);
    c = settings_in_full();
    clock_shift(-two_days, 0);
    assert_int_equal(history_of(&c), RC_STALE);
}

static bool count_coll(void *arg, enum rc rc, const struct collection *c)
{
    (void)rc;
    (void)c;
    ++*(int *)arg;
    return true;
}

/* What an account left behind goes, as far as it can be told of without its credential. */
static void test_account_leaves(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "aaaaaa", "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    uint32_t no = events_of(&w, ME).no;
    strcpy(w.account, "b");
    struct conf *next = world_conf(&w);
    struct err e = {0};
    assert_int_equal(sync_reload(w.sync, next, &e), RC_OK);
    conf_free(next);
    WAIT(is_equal(&w, ME)); /* as the other account's */
    WAIT(({
        int n = 0;
        struct txn *t = reading(&w);
        colls_each(t, count_coll, &n);
        txn_abort(t);
        n == 5; /* one account's list, settings, colours, events, access rules */
    }));
    assert_int_not_equal(events_of(&w, ME).no, no);
    assert_int_equal(channels_of(&w, no).n, 0);
    struct account a;
    struct txn *t = reading(&w);
    assert_int_equal(account_find(t, "a", &a), RC_OK);
    assert_int_equal(a.state, ACCOUNT_GONE);
    txn_abort(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_series_and_exceptions, end),
        cmocka_unit_test_teardown(test_an_instance_before_the_end_of_its_series, end),
        cmocka_unit_test_teardown(test_small_collections_in_full, end),
        cmocka_unit_test_teardown(test_as_the_full_list_says, end),
        cmocka_unit_test_teardown(test_old_entries_go, end),
        cmocka_unit_test_teardown(test_old_changes_go, end),
        cmocka_unit_test_teardown(test_account_leaves, end),
    };
    return cmocka_run_group_tests_name("sync_kept", tests, NULL, NULL);
}
