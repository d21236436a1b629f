/* test_sync_races: what happens at Google, or here, while a run is under way or cannot end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tests/unit/sync_world.h"

static struct world w;

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static bool has_event(const char *id)
{
    return !(flags_of(&w, id) & EVENT_CANCELLED);
}

/* The exceptions of a deleted series are dropped with it. When it lives again they may be there,
 * too, and nothing need name them. */
static void test_revived_series_has_its_exceptions(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "series", "\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
    api(&w, "PATCH", "/calendars/primary/events/series_20260702T100000Z",
        "{\"summary\":\"moved\"}");
    mirror_up(&w);
    live_channel(&w);
    assert_true(has_event("series_20260702T100000Z"));
    api(&w, "DELETE", "/calendars/primary/events/series", NULL);
    WAIT(!has_event("series"));
    assert_false(has_event("series_20260702T100000Z"));
    control(&w, "POST", "pings", "{\"paused\":true}");
    api(&w, "PATCH", "/calendars/primary/events/series", "{\"status\":\"confirmed\"}");
    insert_event(&w, "behind", ""); /* in the same increment */
    control(&w, "POST", "pings", "{\"paused\":false}");
    WAIT(has_event("series"));
    WAIT(has_event("series_20260702T100000Z"));
    WAIT(is_idle(&w));
    assert_true(is_equal(&w, ME));
}

/* So many answers are held at the emulator. */
static void wait_held_all(const char *count)
{
    WAIT(span_is(json_get(control(&w, "GET", "held", NULL), "count"), count));
}

static void wait_held(void)
{
    wait_held_all("1");
}

/* And until they are there, what is served is no younger than before. */
static void test_a_revived_series_is_not_all(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "series", "\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
    mirror_up(&w);
    live_channel(&w);
    api(&w, "DELETE", "/calendars/primary/events/series", NULL);
    WAIT(!has_event("series"));
    WAIT(is_idle(&w));
    control(&w, "POST", "faults", "{\"match\":\"GET */events\",\"skip\":1,\"hold\":true}");
    clock_shift(1000, 0); /* all this may be within one millisecond */
    int64_t lived_ms = clock_wall_ms();
    api(&w, "PATCH", "/calendars/primary/events/series", "{\"status\":\"confirmed\"}");
    WAIT(has_event("series"));
    wait_held();
    assert_true(events_of(&w, ME).fresh_ms < lived_ms);
    control(&w, "POST", "release", "{}");
    WAIT(events_of(&w, ME).fresh_ms >= lived_ms);
}

static bool is_named(const char *name)
{
    char quoted[40];
    struct collection roster;
    struct item item;
    snprintf(quoted, sizeof(quoted), "\"%s\"", name);
    assert_true(look_coll(&w, COLL_ROSTER, "", &roster));
    struct txn *t = reading(&w);
    bool named = item_get(t, roster.no, span_of(ME), &item) == RC_OK &&
                 span_is(json_get(item.raw, "summary"), quoted);
    txn_abort(t);
    return named;
}

/* Its name shows in the head of its events, and from there the calendar list is owed a listing. */
static void rename_calendar(const char *name, const char *event)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"summary\":\"%s\"}", name);
    api(&w, "PATCH", "/calendars/primary", body);
    insert_event(&w, event, "");
}

/* A calendar is renamed again while the listing that tells of its first name is on its way: that
 * one does not answer what was asked for since. */
static void test_renamed_again_while_the_list_is_read(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    control(&w, "POST", "faults",
            "{\"match\":\"GET */calendarList\",\"when\":\"after\",\"hold\":true,\"count\":1}");
    rename_calendar("first", "aaaaaa");
    wait_held();
    rename_calendar("second", "bbbbbb");
    WAIT(has_event("bbbbbb"));
    WAIT(({
        struct queue_totals totals;
        queue_totals(w.queue, &totals);
        totals.running == 1;
    }));
    control(&w, "POST", "release", "{}");
    WAIT(is_named("second"));
}

/* What the calendar list is owed is owed after a restart, too. */
static void test_renamed_before_a_restart(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    control(&w, "POST", "faults", "{\"match\":\"GET */calendarList\",\"hold\":true,\"count\":1}");
    rename_calendar("first", "aaaaaa");
    wait_held();
    mirror_down(&w);
    mirror_open(&w);
    struct collection roster;
    struct job job;
    assert_true(has_event("aaaaaa") && look_coll(&w, COLL_ROSTER, "", &roster));
    struct txn *t = reading(&w);
    assert_int_equal(job_get(t, roster.no, &job), RC_OK);
    txn_abort(t);
    assert_true(job.resync);
}

/* The last notification of a change: how often it was sent; whether it was taken. */
static int64_t attempts_of_last_ping(bool *ret_delivered)
{
    struct json_iter it = json_iter(control(&w, "GET", "pings", NULL));
    struct span key, ping;
    int64_t attempts = 0;
    *ret_delivered = false;
    while (json_next(&it, &key, &ping)) {
        if (!span_is(json_get(ping, "state"), "\"exists\""))
            continue;
        assert_true(json_int64(json_get(ping, "attempts"), &attempts));
        *ret_delivered = span_is(json_get(ping, "result"), "\"delivered\"");
    }
    return attempts;
}

/* While nothing can be written, no notification is taken, however often it comes. */
static void test_nothing_is_taken_that_is_not_written_down(void **state)
{
    (void)state;
    struct rlimit was, none;
    struct err e = {0};
    bool delivered = false;
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    uint32_t no = events_of(&w, ME).no;
    mirror_down(&w);
    mirror_open(&w);
    assert_int_equal(sync_load(w.sync, &e), RC_OK);
    control(&w, "POST", "pings", "{\"retry_base_ms\":20,\"retry_max\":20}");

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    none = was;
    none.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    insert_event(&w, "aaaaaa", "");
    WAIT(attempts_of_last_ping(&delivered) > 3 || delivered);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_false(delivered);

    struct job job;
    WAIT(({
        struct txn *t = reading(&w);
        assert_int_equal(job_get(t, no, &job), RC_OK);
        txn_abort(t);
        job.pinged > job.pulled;
    }));
    WAIT(attempts_of_last_ping(&delivered) > 0 && delivered);
}

/* A calendar moves to another zone: the answer that says so has its events in that zone already. */
static void test_events_are_of_the_zone_of_their_answer(void **state)
{
    (void)state;
    struct event ev = {0};
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    api(&w, "PATCH", "/calendars/primary", "{\"timeZone\":\"America/New_York\"}");
    insert_event(&w, "aaaaaa", "");
    WAIT(is_equal(&w, ME));
    struct collection c = events_of(&w, ME);
    assert_string_equal(c.zone, "America/New_York");
    struct txn *t = reading(&w);
    assert_int_equal(event_get(t, c.no, span_of("aaaaaa"), &ev), RC_OK);
    txn_abort(t);
    assert_int_equal(ev.zone_hash, event_zone_hash(span_of("America/New_York")));
}

/* A listing whose page token dies begins again at its first page: at once, or after a failure. */
static void test_page_tokens_that_die(void **state)
{
    (void)state;
    static const char *const ids[] = {"aaaaaa", "bbbbbb", "cccccc"};
    for (unsigned deaths = 1; deaths <= 2; deaths++) {
        char fault[128];
        world_begin(&w, false, "");
        for (size_t i = 0; i < 3; i++)
            insert_event(&w, ids[i], "");
        control(&w, "POST", "pages", "{\"max_page\":2}");
        snprintf(fault, sizeof(fault),
                 "{\"match\":\"GET */events\",\"status\":410,\"skip\":1,\"count\":%u}", deaths);
        control(&w, "POST", "faults", fault);
        mirror_up(&w);
        WAIT(is_equal(&w, ME));
        WAIT(is_idle(&w));
        assert_int_equal(counters_of(&w, events_of(&w, ME).no).failures, deaths - 1);
        /* One page, those that died, both pages, and what changed meanwhile. */
        assert_int_equal(requests(&w, "GET */events"), 1 + deaths + 2 + 1);
        if (deaths == 1)
            world_end(&w);
    }
}

/* Only returns when the ping of it is there. */
static void insert_announced(const char *id)
{
    uint32_t no = events_of(&w, ME).no;
    uint64_t pings = counters_of(&w, no).pings;
    insert_event(&w, id, "");
    WAIT(counters_of(&w, no).pings > pings);
}

/* What a listing brings is no worse for it: it goes on. */
static void test_a_token_that_dies_during_a_listing(void **state)
{
    (void)state;
    static const char *const ids[] = {"aaaaaa", "bbbbbb", "cccccc", "dddddd", "eeeeee"};
    world_begin(&w, true, "");
    for (size_t i = 0; i < 5; i++)
        insert_event(&w, ids[i], "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    uint32_t no = events_of(&w, ME).no;
    uint64_t listings = counters_of(&w, no).listings;
    control(&w, "POST", "pages", "{\"max_page\":2}");
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"query\":\"*pageToken=*\",\"hold\":true,"
            "\"when\":\"after\",\"count\":1}");
    size_t calls = requests(&w, "GET */events");
    (void)queue_resync(w.queue, no);
    wait_held();
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"query\":\"*syncToken=*\",\"status\":410,\"count\":1}");
    insert_announced("behind");
    control(&w, "POST", "release", "{}");
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    assert_int_equal(counters_of(&w, no).failures, 0);
    assert_int_equal(counters_of(&w, no).listings, listings + 1);
    /* Three pages, the increment that found the token dead, and one with the new token. */
    assert_int_equal(requests(&w, "GET */events"), calls + 5);
}

/* Of this size, and of these many, events are put closer together in more than one transaction. */
static void put_large_events(void)
{
    static char body[4400], text[4000];
    char path[96];
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 320; i++) {
        snprintf(path, sizeof(path), "events?calendar=me%%40example.com&id=large%d&silent=1", i);
        snprintf(body, sizeof(body),
                 "{\"id\":\"large%d\",\"status\":\"confirmed\",\"description\":\"%s\","
                 "\"updated\":\"2026-06-01T00:00:00.000Z\","
                 "\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\"},"
                 "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\"}}",
                 i, text);
        control(&w, "PUT", path, body);
    }
}

/* A ping that is taken up while events are put closer together, when nothing can be asked for any
 * more with the token that there is. */
static void test_a_token_that_dies_behind_a_listing(void **state)
{
    (void)state;
    world_begin(&w, true, "poll_interval_unhealthy = 1s\n");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    put_large_events();
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"hold\":true,\"when\":\"after\",\"count\":1}");
    (void)queue_resync(w.queue, events_of(&w, ME).no);
    wait_held();
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"query\":\"*syncToken=*\",\"status\":410,\"count\":1}");
    insert_announced("behind");
    control(&w, "POST", "release", "{}");
    WAIT(is_equal(&w, ME));
}

/* Two tokens die in one run, and what was listed in their place has more than one page. The ping
 * that the run was for is no reason to keep those that come after it waiting. */
static void test_a_ping_behind_dead_tokens(void **state)
{
    (void)state;
    static const char *const ids[] = {"aaaaaa", "bbbbbb", "cccccc"};
    world_begin(&w, true, "poll_interval_unhealthy = 1s\n");
    for (size_t i = 0; i < 3; i++)
        insert_event(&w, ids[i], "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    control(&w, "POST", "pages", "{\"max_page\":2}");
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"query\":\"*syncToken=*\",\"status\":410,\"count\":2}");
    insert_announced("before");
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    insert_announced("behind");
    WAIT(is_equal(&w, ME));
}

/* A ping that comes behind the only page of a verification, which can take no increment any more,
 * is answered by an increment with the new token. */
static void test_a_ping_behind_a_verification(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    insert_event(&w, "aaaaaa", "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    uint32_t no = events_of(&w, ME).no;
    struct txn *t = NULL;
    struct job job;
    assert_int_equal(txn_write(w.store, &t, NULL), RC_OK);
    assert_int_equal(job_get(t, no, &job), RC_OK);
    job.verify |= VERIFY_EVENTS;
    job_put(t, &job);
    assert_int_equal(txn_commit(t, NULL), RC_OK);
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"hold\":true,\"when\":\"after\",\"count\":2}");
    queue_poke(w.queue, no);
    wait_held(); /* what the verification begins with; the token it brings dies on the way */
    control(&w, "POST", "sync-tokens/invalidate", "{\"kind\":410}");
    control(&w, "POST", "release", "{}");
    WAIT(events_of(&w, ME).listing.reason == LISTING_AUDIT);
    wait_held();
    insert_announced("behind");
    control(&w, "POST", "release", "{}");
    WAIT(is_equal(&w, ME));
}

static char second[200]; /* its id */

/* Two calendars are mirrored, and of the list of them notifications come in. */
static void begin_with_two(void)
{
    world_begin(&w, true, "");
    struct span made = api(&w, "POST", "/calendars", "{\"summary\":\"second\"}");
    assert_true(json_string_copy(json_get(made, "id"), second, sizeof(second)));
    mirror_up(&w);
    WAIT(is_equal(&w, ME) && is_equal(&w, second));
    struct collection c = {0};
    WAIT(look_coll(&w, COLL_ROSTER, "", &c) && channels_of(&w, c.no).ch.state == CHANNEL_LIVE);
    WAIT(is_quiet(&w));
}

static void second_leaves(void)
{
    char path[300];
    snprintf(path, sizeof(path), "/users/me/calendarList/%s", second);
    api(&w, "DELETE", path, NULL);
}

/* A calendar that leaves while it is listed does not come back with the listing. */
static void test_a_calendar_that_leaves_while_it_is_listed(void **state)
{
    (void)state;
    struct collection c;
    begin_with_two();
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"hold\":true,\"when\":\"after\",\"count\":1}");
    (void)queue_resync(w.queue, events_of(&w, second).no);
    wait_held();
    second_leaves();
    WAIT(events_of(&w, second).state == COLL_GONE);
    control(&w, "POST", "release", "{}");
    WAIT(!look_coll(&w, COLL_EVENTS, second, &c));
}

/* One that is back while its channel is being stopped keeps what it has, and is followed again. */
static void test_a_calendar_that_comes_back_at_once(void **state)
{
    (void)state;
    char body[300];
    begin_with_two();
    uint32_t no = events_of(&w, second).no;
    control(&w, "POST", "faults",
            "{\"match\":\"POST */channels/stop\",\"hold\":true,\"when\":\"after\",\"count\":2}");
    second_leaves();
    wait_held_all("2"); /* of its events and of its access list, by two workers in any order */
    snprintf(body, sizeof(body), "{\"id\":\"%s\"}", second);
    api(&w, "POST", "/users/me/calendarList", body);
    WAIT(events_of(&w, second).state != COLL_GONE);
    control(&w, "POST", "release", "{}");
    WAIT(is_idle(&w));
    WAIT(is_equal(&w, second));
    assert_int_equal(events_of(&w, second).no, no);
}

/* A channel that cannot be stopped is tried some more times, and holds nothing up for ever. */
static void test_a_calendar_that_leaves_its_channel_behind(void **state)
{
    (void)state;
    struct collection c;
    begin_with_two();
    size_t stops = requests(&w, "POST */channels/stop");
    control(&w, "POST", "faults",
            "{\"match\":\"POST */channels/stop\",\"status\":503,\"count\":-1}");
    second_leaves();
    WAIT(!look_coll(&w, COLL_ACL, second, &c) && !look_coll(&w, COLL_EVENTS, second, &c));
    assert_int_equal(requests(&w, "POST */channels/stop"), stops + 2 * 6);
}

/* The answer that opened a channel was lost, but its first message came: it is there, and stopped.
 */
static void test_channel_whose_answer_was_lost(void **state)
{
    (void)state;
    world_begin(&w, true, "");
    control(&w, "POST", "faults",
            "{\"match\":\"POST */events/watch\",\"when\":\"after\",\"hold\":true,\"status\":500,"
            "\"count\":1}");
    mirror_up(&w);
    WAIT(events_of(&w, ME).no && channels_of(&w, events_of(&w, ME).no).ch.resource_id[0]);
    control(&w, "POST", "release", "{}");
    WAIT(requests(&w, "POST */channels/stop") == 1);
    WAIT(is_equal(&w, ME));
    WAIT(channels_of(&w, events_of(&w, ME).no).n == 0);
    assert_true(events_of(&w, ME).watch_error[0]);
}

/* Nobody listened here: that its channel told nothing is not the channel's fault. */
static void test_changes_while_it_was_down(void **state)
{
    (void)state;
    static const int64_t hour = 3600 * 1000;
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    struct channel ch = channels_of(&w, events_of(&w, ME).no).ch;
    mirror_down(&w);
    control(&w, "POST", "pings", "{\"drop\":true}");
    insert_event(&w, "aaaaaa", "");
    clock_shift(hour, hour);
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    struct one_channel now = channels_of(&w, events_of(&w, ME).no);
    clock_shift(-hour, 0);
    assert_int_equal(now.n, 1);
    assert_string_equal(now.ch.id, ch.id);
    assert_int_equal(now.ch.state, CHANNEL_LIVE);
}

/* The listener stays as it is until the next start, and so does where Google is told to find it. */
static void test_reload_leaves_the_webhook(void **state)
{
    (void)state;
    struct err e = {0};
    world_begin(&w, true, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    live_channel(&w);
    int port = w.hook_port;
    w.hook_port = 0;
    struct conf *without = world_conf(&w);
    w.hook_port = port;
    assert_int_equal(sync_reload(w.sync, without, &e), RC_OK);
    conf_free(without);
    WAIT(is_idle(&w));
    assert_int_equal(requests(&w, "POST */channels/stop"), 0);
    assert_int_equal(channels_of(&w, events_of(&w, ME).no).ch.state, CHANNEL_LIVE);
    insert_event(&w, "aaaaaa", "");
    WAIT(is_equal(&w, ME));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_revived_series_has_its_exceptions, end),
        cmocka_unit_test_teardown(test_a_revived_series_is_not_all, end),
        cmocka_unit_test_teardown(test_renamed_again_while_the_list_is_read, end),
        cmocka_unit_test_teardown(test_renamed_before_a_restart, end),
        cmocka_unit_test_teardown(test_nothing_is_taken_that_is_not_written_down, end),
        cmocka_unit_test_teardown(test_events_are_of_the_zone_of_their_answer, end),
        cmocka_unit_test_teardown(test_page_tokens_that_die, end),
        cmocka_unit_test_teardown(test_a_token_that_dies_during_a_listing, end),
        cmocka_unit_test_teardown(test_a_token_that_dies_behind_a_listing, end),
        cmocka_unit_test_teardown(test_a_ping_behind_dead_tokens, end),
        cmocka_unit_test_teardown(test_a_ping_behind_a_verification, end),
        cmocka_unit_test_teardown(test_a_calendar_that_leaves_while_it_is_listed, end),
        cmocka_unit_test_teardown(test_a_calendar_that_comes_back_at_once, end),
        cmocka_unit_test_teardown(test_a_calendar_that_leaves_its_channel_behind, end),
        cmocka_unit_test_teardown(test_channel_whose_answer_was_lost, end),
        cmocka_unit_test_teardown(test_changes_while_it_was_down, end),
        cmocka_unit_test_teardown(test_reload_leaves_the_webhook, end),
    };
    return cmocka_run_group_tests_name("sync races", tests, NULL, NULL);
}
