/* test_sync: the workers against the real emulator: listing, pulling, watching, failing, starting
 * over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/sync_world.h"

#define NO_WAIT_MS 30000 /* half of what a request may take: who waits for one takes longer */

static struct world w;

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static struct job job_of(uint32_t coll)
{
    struct job job = {0};
    struct txn *t = reading(&w);
    assert_int_equal(job_get(t, coll, &job), RC_OK);
    txn_abort(t);
    return job;
}

static void test_first_sync_then_pings(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "aaaaaa", "");
    insert_event(&w, "bbbbbb", "\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    struct collection c = events_of(&w, ME);
    assert_string_equal(c.zone, "Europe/Berlin");
    assert_true(c.sync_token[0] && c.fresh_ms > 0 && c.full_ms > 0);

    size_t calls = requests(&w, "GET */events*");
    insert_event(&w, "cccccc", "");
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    assert_int_equal(requests(&w, "GET */events*"), calls + 1);
    /* The next pull asks from here on. */
    assert_string_not_equal(events_of(&w, ME).sync_token, c.sync_token);
    assert_int_equal(counters_of(&w, c.no).changes, 3);
    api(&w, "DELETE", "/calendars/primary/events/aaaaaa", NULL);
    WAIT(is_equal(&w, ME));

    WAIT(is_idle(&w));
    /* A run need not wait for the mark of what it answers. */
    WAIT(job_of(c.no).pinged >= 2 && job_of(c.no).pinged == job_of(c.no).pulled);

    /* A series ends with its last instance, 3 July, 11:00 UTC, or as zones may have it one day. */
    struct event ev;
    struct txn *t = reading(&w);
    assert_int_equal(event_get(t, c.no, span_of("bbbbbb"), &ev), RC_OK);
    txn_abort(t);
    assert_int_equal(ev.end_ms, 1783076400000 + 26 * HOUR_MS);
}

static void test_small_collections(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    mirror_up(&w);
    struct collection roster = {0}, settings = {0}, colors = {0}, acl = {0};
    WAIT(look_coll(&w, COLL_ROSTER, "", &roster) && roster.state == COLL_READY);
    WAIT(look_coll(&w, COLL_SETTINGS, "", &settings) && settings.state == COLL_READY);
    WAIT(look_coll(&w, COLL_COLORS, "", &colors) && colors.state == COLL_READY);
    WAIT(look_coll(&w, COLL_ACL, ME, &acl) && acl.state == COLL_READY);
    struct item item;
    struct txn *t = reading(&w);
    assert_int_equal(item_get(t, roster.no, span_of(ME), &item), RC_OK);
    assert_int_equal(item_get(t, settings.no, span_of("timezone"), &item), RC_OK);
    assert_true(span_is(json_get(item.raw, "value"), "\"Europe/Berlin\""));
    assert_int_equal(item_get(t, colors.no, span_of("colors"), &item), RC_OK);
    assert_true(json_get(item.raw, "event").n > 0);
    assert_true(json_get(coll_head(t, settings.no), "etag").n > 0);
    txn_abort(t);

    WAIT(channels_of(&w, acl.no).ch.state == CHANNEL_LIVE);
    WAIT(is_idle(&w));
    struct collection now;
    assert_true(look_coll(&w, COLL_ACL, ME, &acl));
    api(&w, "POST", "/calendars/primary/acl?sendNotifications=false",
        "{\"role\":\"reader\",\"scope\":{\"type\":\"user\",\"value\":\"ann@example.com\"}}");
    WAIT(look_coll(&w, COLL_ACL, ME, &now) && now.all_items == acl.all_items + 1);
    assert_string_not_equal(now.sync_token, acl.sync_token);
    assert_int_equal(now.full_ms, acl.full_ms);
}

static void test_dead_token_lists_again(void **state)
{
    (void)state;
    static const char *const kinds[] = {"{\"kind\":410}", "{\"kind\":400}"};
    for (size_t i = 0; i < 2; i++) {
        world_begin(&w, true, "");
        insert_event(&w, "aaaaaa", "");
        insert_event(&w, "bbbbbb", "");
        mirror_up(&w);
        WAIT(is_equal(&w, ME));
        live_channel(&w);
        control(&w, "POST", "sync-tokens/invalidate", kinds[i]);
        api(&w, "DELETE", "/calendars/primary/events/aaaaaa", NULL);
        insert_event(&w, "cccccc", "");
        WAIT(is_equal(&w, ME));
        WAIT(events_of(&w, ME).sync_token[0]);
        assert_int_equal(events_of(&w, ME).stale_count, 1);
        world_end(&w);
    }
    world_begin(&w, false, "");
}

static void test_calendars_come_and_go(void **state)
{
    (void)state;
    struct collection roster, acl;
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_ready(&w, ME));
    WAIT(look_coll(&w, COLL_ROSTER, "", &roster) &&
         channels_of(&w, roster.no).ch.state == CHANNEL_LIVE);
    struct span made = api(&w, "POST", "/calendars", "{\"summary\":\"second\"}");
    char id[200], path[300];
    assert_true(json_string_copy(json_get(made, "id"), id, sizeof(id)));
    WAIT(is_equal(&w, id));
    uint32_t no = events_of(&w, id).no;
    WAIT(channels_of(&w, no).ch.state == CHANNEL_LIVE);
    WAIT(look_coll(&w, COLL_ACL, id, &acl));

    /* A new name shows in the head of its events, and from there in the calendar list. */
    snprintf(path, sizeof(path), "/calendars/%s", id);
    api(&w, "PATCH", path, "{\"summary\":\"renamed\"}");
    struct item item;
    bool renamed = false;
    int polls = 0;
    WAIT(({
        struct txn *t = reading(&w);
        renamed = item_get(t, roster.no, span_of(id), &item) == RC_OK &&
                  span_is(json_get(item.raw, "summary"), "\"renamed\"");
        txn_abort(t);
        if (!renamed && is_idle(&w) && polls++ < 2)
            clock_shift(0, 1000 * 1000); /* the next poll of events; the list's is much later */
        renamed;
    }));

    snprintf(path, sizeof(path), "/users/me/calendarList/%s", id);
    api(&w, "DELETE", path, NULL);
    struct collection gone;
    WAIT(!look_coll(&w, COLL_EVENTS, id, &gone));
    WAIT(!look_coll(&w, COLL_ACL, id, &gone));
    assert_int_equal(channels_of(&w, no).n, 0);
    assert_true(requests(&w, "POST */channels/stop") >= 1);
    assert_true(is_ready(&w, ME));
}

static void test_not_found_is_confirmed(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    size_t lists = requests(&w, "GET */calendarList*");
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"status\":404,\"reason\":\"notFound\",\"count\":3}");
    insert_event(&w, "aaaaaa", "");
    WAIT(is_equal(&w, ME)); /* the list still has it: it is kept, and works again */
    WAIT(is_idle(&w));
    assert_int_equal(counters_of(&w, events_of(&w, ME).no).failures, 3);
    assert_int_equal(requests(&w, "GET */calendarList*"), lists + 1);
}

/* What may pass by itself asks for nothing more than another try. */
static void test_one_bad_answer_is_asked_for_again(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "{\"match\":\"GET */events\",\"status\":503,\"count\":1}",
        "{\"match\":\"GET */events\",\"status\":200,\"body\":\"{}\",\"count\":1}",
    };
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    uint32_t no = events_of(&w, ME).no;
    uint64_t listings = counters_of(&w, no).listings;
    size_t lists = requests(&w, "GET */calendarList*");
    for (size_t i = 0; i < 2; i++) {
        char id[16];
        snprintf(id, sizeof(id), "event%zu", i);
        control(&w, "POST", "faults", faults[i]);
        insert_event(&w, id, "");
        WAIT(is_equal(&w, ME));
        WAIT(is_idle(&w));
        assert_int_equal(counters_of(&w, no).failures, i + 1);
    }
    assert_int_equal(counters_of(&w, no).listings, listings);
    assert_int_equal(requests(&w, "GET */calendarList*"), lists);
}

static void test_bad_pages(void **state)
{
    (void)state;
    static const struct {
        const char *on, *off, *error;
    } rows[] = {
        {"{\"max_page\":1,\"same_page_token\":true}", "{\"max_page\":0,\"same_page_token\":false}",
         "circles"},
        {"{\"no_sync_token\":true}", "{\"no_sync_token\":false}", "no sync token"},
    };
    for (size_t i = 0; i < 2; i++) {
        world_begin(&w, false, "");
        insert_event(&w, "aaaaaa", "");
        insert_event(&w, "bbbbbb", "");
        insert_event(&w, "cccccc", "");
        mirror_open(&w);
        struct collection roster;
        control(&w, "POST", "pages", rows[i].on);
        control(&w, "POST", "pages", rows[i].off);
        struct err e = {0};
        assert_int_equal(sync_start(w.sync, 2, &e), RC_OK);
        WAIT(look_coll(&w, COLL_ROSTER, "", &roster) && roster.state == COLL_READY);
        WAIT(is_equal(&w, ME));
        WAIT(is_idle(&w));
        control(&w, "POST", "pages", rows[i].on);
        insert_event(&w, "dddddd", "");
        insert_event(&w, "eeeeee", "");
        insert_event(&w, "ffffff", "");
        clock_shift(0, 3600 * 1000);
        WAIT(strstr(events_of(&w, ME).last_error, rows[i].error));
        assert_int_equal(events_of(&w, ME).all_items, 3);
        control(&w, "POST", "pages", rows[i].off);
        WAIT(is_equal(&w, ME));
        assert_string_equal(events_of(&w, ME).last_error, "");
        world_end(&w);
    }
    world_begin(&w, false, "");
}

static void test_many_odd_pages(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    for (int i = 0; i < 23; i++) {
        char id[16];
        snprintf(id, sizeof(id), "event%d", i);
        insert_event(&w, id, "");
    }
    control(&w, "POST", "pages",
            "{\"max_page\":5,\"empty_every\":2,\"duplicate_items\":3,\"duplicate_older\":true}");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    control(&w, "POST", "pings", "{\"paused\":true}");
    for (int i = 0; i < 23; i += 2) {
        char path[64];
        snprintf(path, sizeof(path), "/calendars/primary/events/event%d", i);
        api(&w, "PATCH", path, "{\"summary\":\"again\"}");
    }
    control(&w, "POST", "pings", "{\"paused\":false}"); /* an increment of several pages */
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    struct queue_counters counters = counters_of(&w, events_of(&w, ME).no);
    assert_int_equal(counters.failures, 0);
    assert_int_equal(counters.listings, 1); /* the changes came by increments */
}

/* Stopped between two pages, started again: goes on with the next page, not with the first. */
static void test_listing_resumes(void **state)
{
    (void)state;
    world_begin(&w, false, "");
    for (int i = 0; i < 9; i++) {
        char id[16];
        snprintf(id, sizeof(id), "event%d", i);
        insert_event(&w, id, "");
    }
    control(&w, "POST", "pages", "{\"max_page\":2}");
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"hold\":true,\"skip\":2,\"count\":1}");
    mirror_up(&w);
    WAIT(events_of(&w, ME).listing.pages == 2);
    WAIT(json_get(control(&w, "GET", "held", NULL), "count").p[0] == '1');
    int64_t began = clock_mono_ms();
    mirror_down(&w);
    assert_true(clock_mono_ms() - began < NO_WAIT_MS);
    control(&w, "DELETE", "faults", NULL);
    control(&w, "DELETE", "requests", NULL);
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    assert_int_equal(requests(&w, "GET */events"), 4); /* pages 3 to 5, and the catch-up */
}

/* A notification that comes before the first worker runs is written down like any other. */
static void test_pings_before_the_workers(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    uint32_t no = events_of(&w, ME).no;
    mirror_down(&w);
    struct err e = {0};
    mirror_open(&w);
    assert_int_equal(sync_load(w.sync, &e), RC_OK);
    insert_event(&w, "aaaaaa", "");
    WAIT(job_of(no).pinged > job_of(no).pulled);
    assert_int_equal(sync_start(w.sync, 2, &e), RC_OK);
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    assert_int_equal(job_of(no).pinged, job_of(no).pulled);
}

static void test_refused_watch(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    control(&w, "POST", "watch",
            "{\"refuse\":{\"status\":400,\"reason\":\"pushNotSupportedForRequestedResource\"}}");
    mirror_up(&w);
    WAIT(events_of(&w, ME).watch == WATCH_REFUSED);
    WAIT(is_idle(&w));
    struct collection c = events_of(&w, ME);
    assert_true(c.watch_error[0]);
    assert_int_equal(channels_of(&w, c.no).n, 0);
    assert_string_equal(c.last_error, "");
    assert_true(is_equal(&w, ME));
    size_t asked = requests(&w, "POST */events/watch");
    assert_int_equal(asked, 1);
    mirror_down(&w); /* remembered across restarts */
    mirror_up(&w);
    WAIT(is_idle(&w));
    clock_shift(0, 3600 * 1000);
    WAIT(counters_of(&w, c.no).pulls > 0);
    WAIT(is_idle(&w));
    assert_int_equal(requests(&w, "POST */events/watch"), asked);
}

/* An id that is taken is no refusal: another one is tried at once, but one alone. */
static void test_taken_channel_ids(void **state)
{
    (void)state;
    static const struct {
        int refused, asked;
    } rows[] = {{1, 2}, {2, 2}};
    for (size_t i = 0; i < 2; i++) {
        char fault[200];
        world_begin(&w, true, "");
        snprintf(
            fault, sizeof(fault),
            "{\"match\":\"POST */events/watch\",\"status\":400,\"reason\":\"channelIdNotUnique\","
            "\"count\":%d}",
            rows[i].refused);
        control(&w, "POST", "faults", fault);
        mirror_up(&w);
        WAIT(is_equal(&w, ME));
        WAIT(is_idle(&w));
        struct one_channel one = channels_of(&w, events_of(&w, ME).no);
        assert_int_equal(requests(&w, "POST */events/watch"), rows[i].asked);
        assert_int_equal(one.n, rows[i].refused < rows[i].asked);
        assert_int_not_equal(events_of(&w, ME).watch, WATCH_REFUSED);
        world_end(&w);
    }
    world_begin(&w, false, "");
}

static void test_silent_channel_is_replaced(void **state)
{
    (void)state;
    world_begin(&w, true, "poll_interval = 3s\npoll_interval_unhealthy = 1s\n");
    mirror_up(&w);
    live_channel(&w);
    char first[LIMIT_CHANNEL_BYTES + 1];
    strcpy(first, channels_of(&w, events_of(&w, ME).no).ch.id);
    control(&w, "POST", "pings", "{\"drop\":true,\"state\":\"exists\"}");
    int n = 0;
    WAIT(({ /* a change soon after a poll is old when the next one finds it */
            char id[16];
            snprintf(id, sizeof(id), "event%d", n);
            if (is_equal(&w, ME) && ++n)
                insert_event(&w, id, "");
            strcmp(channels_of(&w, events_of(&w, ME).no).ch.id, first) != 0;
    }));
    control(&w, "POST", "pings", "{\"reset\":true}");
    WAIT(({
        struct one_channel one = channels_of(&w, events_of(&w, ME).no);
        one.n == 1 && strcmp(one.ch.id, first) != 0 && one.ch.state == CHANNEL_LIVE;
    }));
}

static void test_renewal_overlaps(void **state)
{
    (void)state;
    world_begin(&w, true, "channel_ttl = 1h\nchannel_overlap = 20m\n");
    mirror_up(&w);
    live_channel(&w);
    uint32_t no = events_of(&w, ME).no;
    struct channel first = channels_of(&w, no).ch;
    /* What Google knows no more need not be stopped again. */
    control(
        &w, "POST", "faults",
        "{\"match\":\"POST */channels/stop\",\"status\":404,\"reason\":\"notFound\",\"count\":-1}");
    assert_in_range(first.renew_ms, first.created_ms + 30 * MINUTE_MS,
                    first.expires_ms - 10 * MINUTE_MS);
    char body[64];
    int64_t ahead_ms = first.renew_ms - clock_wall_ms();
    snprintf(body, sizeof(body), "{\"advance_ms\":%lld}", (long long)ahead_ms);
    control(&w, "POST", "clock", body);
    clock_shift(ahead_ms, ahead_ms);
    WAIT(({
        struct one_channel one = channels_of(&w, no);
        one.n == 1 && strcmp(one.ch.id, first.id) != 0 && one.ch.state == CHANNEL_LIVE;
    }));
    assert_true(clock_wall_ms() <= first.expires_ms);
    assert_true(requests(&w, "POST */channels/stop") >= 1);
    struct channel old; /* known for a while, as one that is stopped */
    struct txn *t = reading(&w);
    assert_int_equal(channel_get(t, span_of(first.id), &old), RC_OK);
    txn_abort(t);
    assert_int_equal(old.state, CHANNEL_STOPPED);
    assert_in_range(old.renew_ms, clock_wall_ms() + 500 * 1000, clock_wall_ms() + 600 * 1000);
    clock_shift(600 * 1000, 0);
    WAIT(({
        queue_poke_all(w.queue);
        t = reading(&w);
        enum rc rc = channel_get(t, span_of(first.id), &old);
        txn_abort(t);
        rc == RC_NOTFOUND;
    }));
    clock_shift(-600 * 1000 - ahead_ms, 0);
    insert_event(&w, "aaaaaa", "");
    WAIT(is_equal(&w, ME));
}

static void test_run_once(void **state)
{
    (void)state;
    struct err e = {0};
    world_begin(&w, true, "");
    insert_event(&w, "aaaaaa", "");
    mirror_open(&w);
    assert_int_equal(sync_run_once(w.sync, NULL, 2, NULL, NULL, &e), RC_OK);
    assert_true(is_equal(&w, ME));
    assert_int_equal(requests(&w, "POST */watch"), 0);
    mirror_down(&w);
    insert_event(&w, "bbbbbb", "");
    mirror_open(&w);
    control(&w, "DELETE", "requests", NULL);
    assert_int_equal(sync_run_once(w.sync, ME, 2, NULL, NULL, &e), RC_OK);
    assert_true(is_equal(&w, ME));
    assert_int_equal(requests(&w, "GET */events"), 1);
    mirror_down(&w);
    mirror_open(&w);
    assert_int_equal(sync_run_once(w.sync, "nobody@example.com", 2, NULL, NULL, &e), RC_NOTFOUND);
    mirror_down(&w);
    control(&w, "POST", "faults", "{\"match\":\"GET */events\",\"status\":500,\"count\":-1}");
    mirror_open(&w);
    assert_int_equal(sync_run_once(w.sync, NULL, 2, NULL, NULL, &e), RC_AGAIN);
    mirror_down(&w);
    /* Nobody waits for an account that cannot be asked. */
    char path[128];
    snprintf(path, sizeof(path), "%s/token", w.dir);
    unlink(path);
    mirror_open(&w);
    assert_int_equal(sync_run_once(w.sync, NULL, 2, NULL, NULL, &e), RC_AGAIN);
    assert_true(strstr(e.text, "its account needs attention"));
}

static void test_hang_is_interrupted(void **state)
{
    (void)state;
    world_begin(&w, false, "");
    control(&w, "POST", "faults", "{\"match\":\"GET */events\",\"hang\":true}");
    mirror_up(&w);
    WAIT(requests(&w, "GET */events") == 1);
    assert_true(sync_oldest_heartbeat_ms(w.sync) < NO_WAIT_MS);
    int64_t began = clock_mono_ms();
    sync_stop(w.sync);
    assert_true(clock_mono_ms() - began < NO_WAIT_MS);
    assert_int_equal(sync_oldest_heartbeat_ms(w.sync), 0);
}

static void test_passing_trouble(void **state)
{
    (void)state;
    world_begin(&w, false, "poll_interval_unhealthy = 1s\n");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"status\":503,\"body\":\"<html>\",\"count\":-1}");
    insert_event(&w, "aaaaaa", "");
    int64_t began = clock_wall_ms();
    struct collection c;
    WAIT((c = events_of(&w, ME)).last_error[0]);
    assert_true(c.fails > 0);
    assert_in_range(c.failed_ms, began, clock_wall_ms());
    control(&w, "DELETE", "faults", NULL);
    WAIT(is_equal(&w, ME));
    assert_true(counters_of(&w, events_of(&w, ME).no).failures >= 1);
    assert_string_equal(events_of(&w, ME).last_error, "");
    assert_int_equal(events_of(&w, ME).fails, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_first_sync_then_pings, end),
        cmocka_unit_test_teardown(test_small_collections, end),
        cmocka_unit_test_teardown(test_dead_token_lists_again, end),
        cmocka_unit_test_teardown(test_calendars_come_and_go, end),
        cmocka_unit_test_teardown(test_not_found_is_confirmed, end),
        cmocka_unit_test_teardown(test_one_bad_answer_is_asked_for_again, end),
        cmocka_unit_test_teardown(test_bad_pages, end),
        cmocka_unit_test_teardown(test_many_odd_pages, end),
        cmocka_unit_test_teardown(test_listing_resumes, end),
        cmocka_unit_test_teardown(test_pings_before_the_workers, end),
        cmocka_unit_test_teardown(test_refused_watch, end),
        cmocka_unit_test_teardown(test_taken_channel_ids, end),
        cmocka_unit_test_teardown(test_silent_channel_is_replaced, end),
        cmocka_unit_test_teardown(test_renewal_overlaps, end),
        cmocka_unit_test_teardown(test_run_once, end),
        cmocka_unit_test_teardown(test_hang_is_interrupted, end),
        cmocka_unit_test_teardown(test_passing_trouble, end),
    };
    if (getenv("SYNC_TEST"))
        cmocka_set_test_filter(getenv("SYNC_TEST"));
    return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
