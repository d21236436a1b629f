/* test_serve_lists: what all lists of events have in common, whichever source they are read from.
 */
#include "core/base/text.h"
#include "core/serve/answer.h"
#include "tests/unit/serve_fixture.h"

#define MORE(id, updated, times)                                                                 \
    "{\"id\":\"" id "\",\"status\":\"confirmed\",\"updated\":\"2026-01-" updated "T00:00:00Z\"," \
    "\"iCalUID\":\"" id "@x\"" times "}"
#define FROM(a, b) \
    ",\"start\":{\"dateTime\":\"2026-01-" a ":00Z\"},\"end\":{\"dateTime\":\"2026-01-" b ":00Z\"}"

/* Sources that have no window of their own, asked with one. */
static void test_windows_of_other_orders(void **state)
{
    struct world *w = *state;
    world_event(w, &w->me, MORE("c", "03", FROM("05T08:00", "05T09:00")));
    world_event(
        w, &w->me,
        MORE("a", "01", ",\"start\":{\"date\":\"2026-01-06\"},\"end\":{\"date\":\"2026-01-07\"}"));
    world_event(
        w, &w->me,
        MORE("b", "02",
             FROM("05T11:00", "05T12:00") ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=2\"]"));
    world_event(w, &w->me, MORE("z", "04", FROM("07T11:00", "07T11:00")));
    world_event(w, &w->me, MORE("no", "06", ""));
    world_event(w, &w->me,
                "{\"id\":\"x\",\"status\":\"cancelled\",\"updated\":\"2026-01-05T00:00:00Z\"}");
    expect_ids(w, EV "?orderBy=updated", "a b c z no");
    expect_pages(w, EV "?orderBy=updated", 2, "a b|c z|no", NULL);
    expect_ids(w, EV "?updatedMin=2026-01-03T00:00:00Z", "c z x no"); /* deletions count always */
    expect_pages(w, EV "?updatedMin=2026-01-02T00:00:01Z", 1, "c|z|x|no", NULL);
    static const struct {
        const char *from, *to, *ids;
    } windows[] = {
        {"05T09:00", "05T11:00", ""},  {"05T08:59", "05T11:01", "b c"},
        {"05T07:00", "05T08:00", ""},  {"08T00:00", "09T00:00", ""},
        {"12T11:30", "12T12:30", "b"}, {"12T12:00", "13T00:00", ""},
        {"05T23:00", "06T23:00", "a"}, {"05T22:00", "05T23:00", ""},
        {"06T23:00", "07T11:00", ""},  {"07T11:00", "07T12:00", "z"},
    };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        char target[256];
        const char *from = windows[i].from, *to = windows[i].to;
        (void)snprintf(target, sizeof target,
                       EV "?orderBy=updated&timeMin=2026-01-%s:00Z&timeMax=2026-01-%s:00Z", from,
                       to);
        expect_ids(w, target, windows[i].ids);
        for (const char *id = "abcz"; *id; id++) {
            (void)snprintf(target, sizeof target,
                           EV "?iCalUID=%c@x&timeMin=2026-01-%s:00Z&timeMax=2026-01-%s:00Z", *id,
                           from, to);
            expect_ids(w, target, strchr(windows[i].ids, *id) ? (char[]){*id, '\0'} : "");
        }
    }
    expect_ids(w, EV "?iCalUID=no@x", "no");
    expect_ids(w, EV "?iCalUID=no@x&timeMin=1960-01-01T00:00:00Z", "");
    expect_ids(w, EV "?iCalUID=no@x&timeMax=2026-01-01T00:00:00Z", "");
    expect_ids(w, EV "?iCalUID=c@x&timeMin=2026-01-05T08:59:00Z", "c");
    expect_ids(w, EV "?iCalUID=c@x&timeMin=2026-01-05T09:00:00Z", "");
    expect_ids(w, EV "?iCalUID=c@x&timeMax=2026-01-05T08:00:00Z", "");
    expect_ids(w, EV "?iCalUID=c@x&timeMax=2026-01-05T08:01:00Z", "c");
}

/* Single events first, then series, one on each page. */
static void test_pages_with_series(void **state)
{
    struct world *w = *state;
    const char *weekly = ",\"recurrence\":[\"RRULE:FREQ=WEEKLY\"]";
    world_timed(w, "s3", "2025-12-01T09:00:00", "2025-12-01T10:00:00", weekly);
    world_timed(w, "one", "2026-01-05T11:00:00", "2026-01-05T12:00:00", "");
    world_timed(w, "s1", "2025-12-01T07:00:00", "2025-12-01T08:00:00", weekly);
    world_timed(w, "two", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "s2", "2025-12-02T08:00:00", "2025-12-02T09:00:00", weekly); /* Tuesdays */
    expect_pages(w, EV "?timeMin=2026-01-05T00:00:00Z&timeMax=2026-01-06T00:00:00Z", 1,
                 "two|one|s3|s1", NULL);
    expect_pages(w, EV "?timeMin=2026-01-05T00:00:00Z&timeMax=2026-01-08T00:00:00Z", 2,
                 "two one|s3 s1|s2", NULL);
    expect_pages(w, EV, 2, "one s1|s2 s3|two", NULL);
}

/* West of Greenwich a day begins after its date does in UTC; pages end between two that begin
 * alike. */
static void test_pages_of_days(void **state)
{
    struct world *w = *state;
    static const char *const zones[] = {"America/New_York", "Pacific/Kiritimati"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(w->me.zone, sizeof w->me.zone, "%s", zones[i]);
        world_day(w, "a", "2026-01-06", "2026-01-07", "");
        world_day(w, "b", "2026-01-06", "2026-01-07", "");
        world_day(w, "c", "2026-01-06", "2026-01-09", "");
        world_day(w, "d", "2026-01-07", "2026-01-08", "");
        expect_pages(w, EV "?singleEvents=true", 1, "a|b|c|d", NULL);
        expect_pages(w, EV "?singleEvents=true&timeMin=2026-01-08T08:00:00Z", 1, "c", NULL);
    }
}

#define NINE(d) "{\"dateTime\":\"2026-01-" d "T09:00:00+01:00\"}"
#define HOLE(id, at) \
    "{\"id\":\"" id  \
    "\",\"status\":\"cancelled\",\"recurringEventId\":\"w\",\"originalStartTime\":" at "}"

/* Exceptions stand in the slots that they name, whatever their ids say of an order. */
static void test_exceptions_in_any_order(void **state)
{
    struct world *w = *state;
    world_timed(w, "w", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"]");
    world_event(w, &w->me, HOLE("x1", NINE("08")));
    world_event(w, &w->me, HOLE("x2", NINE("07")));
    world_event(w, &w->me, HOLE("x3", NINE("06")));
    expect_ids(w, EV "?singleEvents=true", "w_20260105T080000Z w_20260109T080000Z");
}

/* All series of a query share its budget. */
static void test_a_budget_for_all(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 6; i++)
        world_timed(w, (char[]){(char)('a' + i), '\0'}, "2026-01-01T09:00:00",
                    "2026-01-01T10:00:00", ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]");
#define IN_JANUARY(to)                                                                       \
    EV "?singleEvents=true&orderBy=updated&timeMin=2026-01-05T00:00:00Z&timeMax=2026-01-" to \
       "T00:00:00Z"
    struct http_answer a = get(w, 200, IN_JANUARY("15"));
    http_answer_release(&a);
    expect_error(w, 400, "timeRangeTooLong", IN_JANUARY("25"));
#undef IN_JANUARY
}

static int setup_budget(void **state)
{
    return world_setup_with(state, "instance_budget = 100\n");
}

/* What the filters of a query are, is for filter.c to know; that they are asked, is not. */
static void test_filters_asked(void **state)
{
    struct world *w = *state;
    world_timed(w, "alpha", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"extendedProperties\":{\"private\":{\"k\":\"v\"}}");
    world_timed(w, "beta", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"extendedProperties\":{\"shared\":{\"k\":\"v\"}}");
    world_timed(w, "gamma", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"eventType\":\"outOfOffice\"");
    expect_ids(w, EV "?privateExtendedProperty=k%3Dv", "alpha");
    expect_ids(w, EV "?sharedExtendedProperty=k%3Dv", "beta");
    expect_ids(w, EV "?eventTypes=outOfOffice", "gamma");
    expect_ids(w, EV "?eventTypes=default", "alpha beta");
    expect_ids(w, EV "?eventTypes=outOfOffice&eventTypes=default", "alpha beta gamma");
    expect_ids(w, EV "?q=bet", "beta");
    expect_error(w, 400, "invalid", EV "?sharedExtendedProperty=k");
    expect_error(w, 400, "invalid", EV "?privateExtendedProperty=k");
}

/* `etag` is the one from before a change, and then that of now. */
static void revalidate(struct world *w, const char *target, char etag[CALL_ETAG_SIZE])
{
    char text[256], header[64];
    (void)snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", CALL_ETAG_SIZE, etag);
    struct http_answer a = http_ask(w->port, "GET", target, header, "");
    if (a.status != 200 || !http_answer_header(&a, "Age", text)[0] ||
        !http_answer_header(&a, "Last-Modified", text)[0])
        fail_msg("%s: %u %s", target, a.status, a.head);
    (void)http_answer_header(&a, "ETag", text);
    assert_true(text[0] && text_copy(etag, CALL_ETAG_SIZE, span_of(text)));
    http_answer_release(&a);
    (void)snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", CALL_ETAG_SIZE, etag);
    a = http_ask(w->port, "GET", target, header, "");
    if (a.status != 304 || a.n != 0)
        fail_msg("%s: %u with %zu bytes", target, a.status, a.n);
    http_answer_release(&a);
}

/* Whatever is answered out of the mirror says how fresh it is, and whether it has changed. */
static void test_validators_of_all(void **state)
{
    struct world *w = *state;
    static const char *const targets[] = {
        EV,
        EV "?singleEvents=true",
        EV "/a",
        EV "/s_20260105T080000Z",
        EV "/s/instances",
        "/calendar/v3/users/me/calendarList",
        "/calendar/v3/users/me/calendarList/primary",
        "/calendar/v3/calendars/primary",
        "/calendar/v3/users/me/settings",
        "/calendar/v3/users/me/settings/k",
        "/calendar/v3/colors",
        "/calendar/v3/calendars/primary/acl",
        "/calendar/v3/calendars/primary/acl/k",
    };
    char etags[sizeof targets / sizeof *targets][CALL_ETAG_SIZE] = {0};
    struct collection settings = world_coll(w, w->home, COLL_SETTINGS, "", COLL_READY);
    struct collection colors = world_coll(w, w->home, COLL_COLORS, "", COLL_READY);
    struct collection acl = world_coll(w, w->home, COLL_ACL, ME, COLL_READY);
    for (int turn = 0; turn < 2; turn++) {
        const char *item = turn ? "{\"id\":\"k\",\"v\":2}" : "{\"id\":\"k\",\"v\":1}";
        world_timed(w, "a", "2026-01-05T09:00:00", "2026-01-05T10:00:00", turn ? ",\"x\":1" : "");
        world_timed(w, "s", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                    turn ? ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=2\"]"
                         : ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=3\"]");
        world_item(w, &settings, "k", item, false);
        world_item(w, &acl, "k", item, false);
        world_item(w, &colors, "colors", item, false);
        world_item(w, &w->roster, ME,
                   turn ? "{\"id\":\"" ME "\",\"primary\":true,\"summary\":\"new\"}"
                        : "{\"id\":\"" ME "\",\"primary\":true,\"summary\":\"old\"}",
                   false);
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
            revalidate(w, targets[i], etags[i]);
    }
}

/* One answer looks at so many events at most, and goes on behind them. */
static void test_a_page_that_finds_little(void **state)
{
    struct world *w = *state;
    world_many(w, 20002, 1, 19999);
    expect_pages(w, EV "?q=needle", 10, "n19999|n20000 n20001", NULL);
    expect_pages(w, EV "?q=needle&orderBy=updated", 10, "n19999|n20000 n20001", NULL);
    expect_pages(w, EV "?q=nothing", 10, "|", NULL);
}

/* And it holds so many bytes at most, but for its last event. */
static void test_a_page_that_is_long(void **state)
{
    struct world *w = *state;
    enum { N = 11, EACH = 2 << 20 };
    char next[2048], target[2300] = EV "?prettyPrint=false";
    unsigned told = 0, pages = 0;
    world_many(w, N, EACH, 0);
    do {
        struct http_answer a = get(w, 200, target);
        assert_true(a.n < (16u << 20) + EACH + 4096);
        for (const char *p = a.body; (p = strstr(p, "\"id\":\"n")); p++)
            assert_int_equal(atoi(p + strlen("\"id\":\"n")), told++);
        (void)member(&a, "nextPageToken", next);
        http_answer_release(&a);
        (void)snprintf(target, sizeof target, EV "?prettyPrint=false&pageToken=%s", next);
        pages++;
    } while (next[0]);
    assert_int_equal(told, N);
    assert_int_equal(pages, 2);
}

/* Validators in a list, as intermediaries write them. */
static void test_lists_of_validators(void **state)
{
    struct world *w = *state;
    char etag[256], header[600];
    struct http_answer a = http_ask(w->port, "GET", EV, "", "");
    (void)http_answer_header(&a, "ETag", etag);
    http_answer_release(&a);
    static const struct {
        const char *before, *behind;
        unsigned status;
    } cases[] = {
        {"", "", 304},
        {"\"x\", ", "", 304},
        {"\"x\",", ",\"y\"", 304},
        {"W/", "", 304},
        {"W/\"x\" ,\tW/", "", 304},
        {"x, ", "", 304},
        {"*, ", "", 304},
        {"\"a,b\" ", "", 304},
        {"", "x", 200},
        {"x", "", 200},
        {"\"", "", 200},
        {"w/", "", 200},
        {"\"x, ", "", 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(header, sizeof header, "If-None-Match: %s%s%s\r\n", cases[i].before, etag,
                       cases[i].behind);
        a = http_ask(w->port, "GET", EV, header, "");
        if (a.status != cases[i].status)
            fail_msg("%s: %u", header, a.status);
        http_answer_release(&a);
    }
    a = http_ask(w->port, "GET", EV, "If-None-Match: *\r\n", "");
    assert_int_equal(a.status, 304);
    http_answer_release(&a);
}

/* A calendar that two accounts have, and whose first one comes later: what was given out for the
 * one calls for a new list of the other. A token of another calendar, or of another kind, is a
 * mistake. */
static void test_the_same_calendar_elsewhere(void **state)
{
    static const char path[] = "/calendar/v3/calendars/team%231%2Fa%20b@group.calendar.google.com/";
    struct world *w = *state;
    struct buf sync = {0}, page = {0}, wrong = {0};
    char token[2048];
    for (int i = 0; i < 2; i++)
        world_event(w, &w->other,
                    i ? "{\"id\":\"b\",\"start\":{\"date\":\"2026-01-06\"}}"
                      : "{\"id\":\"a\",\"start\":{\"date\":\"2026-01-06\"}}");
    buf_printf(&sync, "%sevents", path);
    struct http_answer a = get(w, 200, buf_text(&sync));
    assert_true(member(&a, "nextSyncToken", token)[0]);
    buf_printf(&sync, "?syncToken=%s", token);
    buf_printf(&wrong, EV "?syncToken=%s", token);
    http_answer_release(&a);
    buf_printf(&page, "%sevents?maxResults=1", path);
    a = get(w, 200, buf_text(&page));
    buf_printf(&page, "&pageToken=%s", member(&a, "nextPageToken", token));
    http_answer_release(&a);
    expect_ids(w, buf_text(&page), "b");
    (void)world_coll(w, w->home, COLL_EVENTS, GROUP, COLL_READY);
    expect_error(w, 410, "fullSyncRequired", buf_text(&sync));
    expect_error(w, 410, "fullSyncRequired", buf_text(&page));
    expect_error(w, 400, "invalid", buf_text(&wrong));
    buf_release(&sync);
    buf_release(&page);
    buf_release(&wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_windows_of_other_orders),
        WORLD(test_pages_with_series),
        WORLD(test_pages_of_days),
        WORLD(test_exceptions_in_any_order),
        cmocka_unit_test_setup_teardown(test_a_budget_for_all, setup_budget, world_teardown),
        WORLD(test_filters_asked),
        WORLD(test_validators_of_all),
        WORLD(test_a_page_that_finds_little),
        WORLD(test_a_page_that_is_long),
        WORLD(test_lists_of_validators),
        WORLD(test_the_same_calendar_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
