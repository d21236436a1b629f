/* test_serve_freebusy: what counts as busy, how it is merged, and what is wrong in a query or a
 * calendar. */
#include "tests/unit/serve_fixture.h"

#define JANUARY \
    "\"timeMin\":\"2026-01-05T00:00:00+01:00\",\"timeMax\":\"2026-01-06T00:00:00+01:00\""

static void expect(struct world *w, unsigned status, const char *body, const char *part)
{
    struct http_answer a =
        http_ask(w->port, "POST", "/calendar/v3/freeBusy?prettyPrint=false", "", body);
    if (a.status != status || !a.body || !strstr(a.body, part))
        fail_msg("%s: %u %s instead of %u %s", body, a.status, a.body, status, part);
    http_answer_release(&a);
}

static void test_blocks(void **state)
{
    struct world *w = *state;
    world_timed(w, "a", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "touching", "2026-01-05T10:00:00", "2026-01-05T10:30:00", "");
    world_timed(w, "over", "2026-01-05T09:30:00", "2026-01-05T09:45:00", "");
    world_timed(w, "free", "2026-01-05T11:00:00", "2026-01-05T12:00:00",
                ",\"transparency\":\"transparent\"");
    world_timed(w, "declined", "2026-01-05T12:00:00", "2026-01-05T13:00:00",
                ",\"attendees\":[{\"email\":\"x\",\"self\":true,\"responseStatus\":\"declined\"}]");
    world_timed(
        w, "tentative", "2026-01-05T14:00:00", "2026-01-05T14:10:00",
        ",\"attendees\":[{\"email\":\"x\",\"self\":true,\"responseStatus\":\"tentative\"}]");
    world_timed(w, "point", "2026-01-05T15:00:00", "2026-01-05T15:00:00", "");
    world_timed(w, "series", "2025-12-29T16:00:00", "2025-12-29T17:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY\"]");
    world_timed(w, "before", "2026-01-04T20:00:00", "2026-01-05T01:00:00", "");
    expect(w, 200, "{" JANUARY ",\"items\":[{\"id\":\"primary\"}]}",
           "{\"kind\":\"calendar#freeBusy\",\"timeMin\":\"2026-01-04T23:00:00.000Z\","
           "\"timeMax\":\"2026-01-05T23:00:00.000Z\",\"calendars\":{\"primary\":{\"busy\":["
           "{\"start\":\"2026-01-04T23:00:00Z\",\"end\":\"2026-01-05T00:00:00Z\"},"
           "{\"start\":\"2026-01-05T08:00:00Z\",\"end\":\"2026-01-05T09:30:00Z\"},"
           "{\"start\":\"2026-01-05T13:00:00Z\",\"end\":\"2026-01-05T13:10:00Z\"},"
           "{\"start\":\"2026-01-05T15:00:00Z\",\"end\":\"2026-01-05T16:00:00Z\"}]}}}");
    /* A cancelled instance is free, an opaque day is busy from midnight to midnight there. */
    world_event(w, &w->me,
                "{\"id\":\"series_20260105T150000Z\",\"status\":\"cancelled\",\"recurringEventId\":"
                "\"series\",\"originalStartTime\":{\"dateTime\":\"2026-01-05T16:00:00+01:00\"}}");
    world_day(w, "day", "2026-01-06", "2026-01-07", "");
    expect(w, 200,
           "{\"timeMin\":\"2026-01-05T14:00:00Z\",\"timeMax\":\"2026-01-08T00:00:00Z\","
           "\"timeZone\":\"Europe/Berlin\",\"items\":[{\"id\":\"" ME "\"}]}",
           "\"" ME "\":{\"busy\":[{\"start\":\"2026-01-06T00:00:00+01:00\","
           "\"end\":\"2026-01-07T00:00:00+01:00\"}]}");
}

static void test_trouble(void **state)
{
    struct world *w = *state;
    (void)world_coll(w, w->home, COLL_EVENTS, "new", COLL_NEW);
    expect(
        w, 200,
        "{" JANUARY ",\"items\":[{\"id\":\"nobody\"},{\"id\":\"new\"},{\"id\":\"" ME "\"}]}",
        "\"nobody\":{\"errors\":[{\"domain\":\"global\",\"reason\":\"notFound\"}],\"busy\":[]},"
        "\"new\":{\"errors\":[{\"domain\":\"global\",\"reason\":\"internalError\"}],\"busy\":[]},"
        "\"" ME "\":{\"busy\":[]}}");
    expect(w, 200,
           "{" JANUARY ",\"calendarExpansionMax\":1,\"items\":[{\"id\":\"" ME "\"},"
           "{\"id\":\"" ME "\"},{\"id\":\"primary\"}]}",
           "{\"busy\":[]},\"primary\":{\"errors\":[{\"domain\":\"global\","
           "\"reason\":\"tooManyCalendarsRequested\"}],\"busy\":[]}}");
    expect(w, 200, "{" JANUARY "}", "\"calendars\":{}");
    expect(w, 400, "", "parseError");
    expect(w, 400, "{", "parseError");
    expect(w, 400, "[]", "parseError");
    expect(w, 400, "{\"timeMin\":\"2026-01-05T00:00:00Z\"}", "\"required\"");
    expect(w, 400, "{" JANUARY ",\"items\":[{}]}", "\"required\"");
    expect(w, 400, "{" JANUARY ",\"items\":{}}", "\"invalid\"");
    expect(w, 400, "{" JANUARY ",\"items\":[{\"id\":7}]}", "\"invalid\"");
    expect(w, 400, "{" JANUARY ",\"timeZone\":\"Nowhere\"}", "\"invalid\"");
    expect(w, 400, "{" JANUARY ",\"calendarExpansionMax\":51}", "\"invalid\"");
    expect(w, 400, "{" JANUARY ",\"calendarExpansionMax\":0}", "\"invalid\"");
    expect(w, 200, "{" JANUARY ",\"calendarExpansionMax\":50}", "\"calendars\":{}");
    expect(w, 400, "{" JANUARY ",\"groupExpansionMax\":101}", "\"invalid\"");
    expect(w, 200, "{" JANUARY ",\"groupExpansionMax\":100}", "\"calendars\":{}");
    expect(w, 400, "{\"timeMin\":\"2026-01-05T00:00:00\",\"timeMax\":\"2026-01-05T00:00:00\"}",
           "\"badRequest\"");
    expect(w, 400, "{\"timeMin\":\"2026-01-05T00:00:00Z\",\"timeMax\":\"2026-01-05T00:00:00.5Z\"}",
           "\"timeRangeEmpty\"");
    world_timed(w, "s", "2026-01-01T00:00:00", "2026-01-01T00:00:01",
                ",\"recurrence\":[\"RRULE:FREQ=SECONDLY;INTERVAL=2\"]");
    expect(w, 400,
           "{\"timeMin\":\"2026-01-05T00:00:00Z\",\"timeMax\":\"2027-01-05T00:00:00Z\","
           "\"items\":[{\"id\":\"" ME "\"}]}",
           "\"timeRangeTooLong\"");
    /* One calendar that is too much work does not take the others along. */
    (void)world_coll(w, w->home, COLL_EVENTS, "calm", COLL_READY);
    expect(w, 200,
           "{\"timeMin\":\"2026-01-05T00:00:00Z\",\"timeMax\":\"2027-01-05T00:00:00Z\","
           "\"timeZone\":null,\"items\":[{\"id\":\"" ME "\"},{\"id\":\"calm\"}]}",
           "{\"" ME "\":{\"errors\":[{\"domain\":\"calendar\",\"reason\":\"timeRangeTooLong\"}],"
           "\"busy\":[]},\"calm\":{\"busy\":[]}}");
}

/* As many items as Google takes; of more, nothing is answered. */
static void test_number_of_items(void **state)
{
    struct world *w = *state;
    for (int n = 1000; n < 1002; n++) {
        struct buf body = {0};
        buf_add_text(&body, "{" JANUARY ",\"items\":[");
        for (int i = 0; i < n; i++)
            buf_printf(&body, "%s{\"id\":\"c%d\"}", i ? "," : "", i);
        buf_add_text(&body, "]}");
        expect(w, n == 1000 ? 200 : 400, buf_text(&body),
               n == 1000 ? "\"c999\":{\"errors\":" : "\"message\":\"Too many items.\"");
        buf_release(&body);
    }
}

/* Many more blocks than there is room for at first, and times before the epoch. */
static void test_many_blocks(void **state)
{
    struct world *w = *state;
    world_timed(w, "s", "1969-12-29T00:00:00", "1969-12-29T00:10:00",
                ",\"recurrence\":[\"RRULE:FREQ=MINUTELY;INTERVAL=20;COUNT=300\"]");
    struct http_answer a =
        http_ask(w->port, "POST", "/calendar/v3/freeBusy?prettyPrint=false", "",
                 "{\"timeMin\":\"1969-12-28T00:00:00.7Z\",\"timeMax\":\"1970-02-01T00:00:00Z\","
                 "\"items\":[{\"id\":\"primary\"}]}");
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "\"timeMin\":\"1969-12-28T00:00:00.000Z\""));
    unsigned n = 0;
    for (const char *p = a.body; (p = strstr(p, "{\"start\":")); p++)
        n++;
    assert_int_equal(n, 300);
    http_answer_release(&a);
}

/* The answer is as fresh as the least fresh calendar in it, wherever that stands. */
static void test_freshness(void **state)
{
    struct world *w = *state;
    char text[256];
    struct collection old = world_coll(w, w->home, COLL_EVENTS, "old", COLL_READY);
    old.fresh_ms -= 100000;
    old.changed_ms += 86400000;
    struct txn *t = begin_write(w->f.store);
    coll_put(t, &old);
    commit(t);
    static const struct {
        const char *items, *changed;
        int age;
    } cases[] = {
        {"{\"id\":\"old\"},{\"id\":\"primary\"}", "Tue, 03 Feb 2026", 103},
        {"{\"id\":\"primary\"},{\"id\":\"old\"}", "Tue, 03 Feb 2026", 103},
        {"{\"id\":\"nobody\"},{\"id\":\"primary\"}", "Mon, 02 Feb 2026", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[256];
        (void)snprintf(body, sizeof body, "{" JANUARY ",\"items\":[%s]}", cases[i].items);
        struct http_answer a = http_ask(w->port, "POST", "/calendar/v3/freeBusy", "", body);
        assert_int_equal(a.status, 200);
        assert_in_range(atoi(http_answer_header(&a, "Age", text)), cases[i].age, cases[i].age + 50);
        assert_non_null(strstr(http_answer_header(&a, "Last-Modified", text), cases[i].changed));
        http_answer_release(&a);
    }
}

/* A block that is missing for a damaged record would be a lie. */
static void test_damage(void **state)
{
    struct world *w = *state;
    world_timed(w, "a", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    damage_value(w->f.store, SPACE_EVENT, 0, 70);
    expect(w, 200, "{" JANUARY ",\"items\":[{\"id\":\"" ME "\"}]}",
           "{\"errors\":[{\"domain\":\"global\",\"reason\":\"internalError\"}],\"busy\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD(test_blocks),          WORLD(test_trouble),
                                       WORLD(test_freshness),       WORLD(test_damage),
                                       WORLD(test_number_of_items), WORLD(test_many_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
