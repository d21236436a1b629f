/* test_serve_single: instances of series: in lists, by their ids, and as events.instances gives
 * them. */
#include "tests/unit/serve_fixture.h"

#define SINGLE EV "?singleEvents=true"
#define MARCH  "&timeMin=2026-03-01T00:00:00Z&timeMax=2026-04-30T00:00:00Z"

/* Mondays at nine in Berlin, over the change of clocks; one moved, one cancelled, one renamed. */
static void make_weekly(struct world *w)
{
    world_event(
        w, &w->me,
        "{\"kind\":\"calendar#event\",\"etag\":\"\\\"7\\\"\",\"id\":\"wk\",\"status\":"
        "\"confirmed\","
        "\"htmlLink\":\"https://www.google.com/calendar/event?eid=d2sgbWVAZXhhbXBsZS5jb20&x=1\","
        "\"updated\":\"2026-01-01T00:00:00.000Z\",\"summary\":\"Weekly\","
        "\"start\":{\"dateTime\":\"2026-03-16T09:00:00+01:00\",\"timeZone\":\"Europe/Berlin\"},"
        "\"end\":{\"dateTime\":\"2026-03-16T09:30:00+01:00\",\"timeZone\":\"Europe/Berlin\"},"
        "\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=5\"],\"iCalUID\":\"wk@x\",\"sequence\":1}");
    world_event(w, &w->me,
                "{\"id\":\"wk_20260323T080000Z\",\"status\":\"confirmed\",\"updated\":\"2026-01-"
                "03T00:00:00Z\","
                "\"summary\":\"Moved\",\"recurringEventId\":\"wk\",\"iCalUID\":\"wk@x\","
                "\"originalStartTime\":{\"dateTime\":\"2026-03-23T09:00:00+01:00\"},"
                "\"start\":{\"dateTime\":\"2026-05-20T09:00:00+02:00\"},"
                "\"end\":{\"dateTime\":\"2026-05-20T09:30:00+02:00\"}}");
    world_event(
        w, &w->me,
        "{\"id\":\"wk_20260330T070000Z\",\"status\":\"cancelled\",\"recurringEventId\":\"wk\","
        "\"originalStartTime\":{\"dateTime\":\"2026-03-30T09:00:00+02:00\"}}");
}

static void test_instances_in_lists(void **state)
{
    struct world *w = *state;
    make_weekly(w);
    world_timed(w, "one", "2026-03-16T08:00:00", "2026-03-16T08:10:00", "");
    world_day(w, "day", "2026-04-06", "2026-04-07", "");
    expect_ids(w, SINGLE MARCH "&orderBy=startTime",
               "one wk_20260316T080000Z day wk_20260406T070000Z wk_20260413T070000Z");
    expect_ids(w, SINGLE MARCH "&showDeleted=true",
               "one wk_20260316T080000Z wk_20260330T070000Z day wk_20260406T070000Z "
               "wk_20260413T070000Z");
    /* A moved one is where it is, not where it was. */
    expect_ids(w, SINGLE "&timeMin=2026-05-01T00:00:00Z", "wk_20260323T080000Z");
    expect_ids(w, SINGLE "&timeMin=2026-03-23T08:00:00Z&timeMax=2026-03-23T09:00:00Z", "");
    /* Bounds are exclusive for instances too. */
    expect_ids(w, SINGLE "&timeMin=2026-04-06T07:30:00Z&timeMax=2026-04-13T07:00:00Z", "day");
    expect_ids(w, SINGLE "&timeMin=2026-04-06T07:29:59Z&timeMax=2026-04-13T07:00:01Z",
               "day wk_20260406T070000Z wk_20260413T070000Z");
    expect_ids(w, SINGLE "&q=weekly",
               "wk_20260316T080000Z wk_20260406T070000Z wk_20260413T070000Z");
    expect_ids(w, SINGLE "&q=moved", "wk_20260323T080000Z");
    expect_ids(w, SINGLE "&iCalUID=wk@x",
               "wk_20260316T080000Z wk_20260406T070000Z wk_20260413T070000Z wk_20260323T080000Z");
    expect_ids(w, SINGLE "&orderBy=updated&timeMin=2026-04-01T00:00:00Z",
               "wk_20260406T070000Z wk_20260413T070000Z day wk_20260323T080000Z");
    expect_pages(w, SINGLE MARCH "&orderBy=updated", 2,
                 "wk_20260316T080000Z wk_20260406T070000Z|wk_20260413T070000Z one|day", NULL);
    expect_ids(w, SINGLE "&updatedMin=2026-01-02T00:00:00Z", "wk_20260323T080000Z");
    expect_ids(w, SINGLE "&updatedMin=2026-01-03T00:00:00Z", "wk_20260323T080000Z");
    expect_ids(w, SINGLE "&updatedMin=2026-01-03T00:00:01Z", "");
    /* Holes are of the series' UID, though they do not say so. */
    expect_ids(w, EV "?iCalUID=wk@x", "wk wk_20260323T080000Z wk_20260330T070000Z");
    expect_pages(w, EV "?iCalUID=wk@x", 1, "wk|wk_20260323T080000Z|wk_20260330T070000Z", NULL);
    expect_ids(w, EV "?iCalUID=one@x", "one");
    /* The master is in no such list, but in the others when an instance is in the window. */
    expect_ids(w, EV "?timeMin=2026-04-12T00:00:00Z&timeMax=2026-04-15T00:00:00Z", "wk");
}

/* A page token leads on in the list that gave it and in no other one of the calendar. */
static void test_page_tokens_of_instances(void **state)
{
    struct world *w = *state;
    char text[2048];
    static const char *const more = ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=4\"]";
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", more);
    world_timed(w, "b", "2026-03-02T09:00:00", "2026-03-02T10:00:00", more);
    struct buf next = {0};
    struct http_answer a = get(w, 200, EV "/a/instances?maxResults=2");
    (void)member(&a, "nextPageToken", text);
    http_answer_release(&a);
    buf_printf(&next, EV "/a/instances?pageToken=%s", text);
    expect_ids(w, buf_text(&next), "a_20260304T080000Z a_20260305T080000Z");
    static const char *const others[] = {EV "/b/instances", EV};
    for (size_t i = 0; i < 2; i++) {
        buf_reset(&next);
        buf_printf(&next, "%s?pageToken=%s", others[i], text);
        expect_error(w, 400, "invalid", buf_text(&next));
    }
    static const char *const lists[] = {EV "?maxResults=1", SINGLE "&maxResults=1"};
    for (size_t i = 0; i < 2; i++) {
        a = get(w, 200, lists[i]);
        buf_reset(&next);
        buf_printf(&next, EV "/a/instances?pageToken=%s", member(&a, "nextPageToken", text));
        http_answer_release(&a);
        expect_error(w, 400, "invalid", buf_text(&next));
    }
    buf_release(&next);
}

/* Asked for by id a damaged series is not said to be gone. */
static void test_damaged_series(void **state)
{
    struct world *w = *state;
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=4\"]");
    expect_error(w, 404, "notFound", EV "/nobody/instances");
    damage_value(w->f.store, SPACE_EVENT, 0, 70);
    expect_error(w, 503, "backendError", EV "/a");
    expect_error(w, 503, "backendError", EV "/a/instances");
    expect_error(w, 503, "backendError", EV "/a_20260303T080000Z");
}

/* An instance of no length is in a window that begins with it, the last one of its series too. */
static void test_no_length_at_the_edge(void **state)
{
    struct world *w = *state;
    world_timed(w, "z", "2026-03-02T09:00:00", "2026-03-02T09:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=3\"]");
    world_timed(w, "hour", "2026-03-02T08:00:00", "2026-03-02T09:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=3\"]");
    static const char *const days[][2] = {{"09", "z_20260309T080000Z"},
                                          {"16", "z_20260316T080000Z"}};
    for (size_t i = 0; i < 2; i++) {
        char target[160];
        for (int single = 0; single < 2; single++)
            for (int ordered = 0; ordered < 2; ordered++) {
                (void)snprintf(target, sizeof(target),
                               EV "?timeMin=2026-03-%sT08:00:00Z&timeMax=2026-03-%sT08:00:01Z%s%s",
                               days[i][0], days[i][0], single ? "&singleEvents=true" : "",
                               ordered ? "&orderBy=updated" : "");
                expect_ids(w, target, single ? days[i][1] : "z");
            }
        (void)snprintf(target, sizeof(target), EV "?iCalUID=z%%40x&timeMin=2026-03-%sT08:00:00Z",
                       days[i][0]);
        expect_ids(w, target, "z");
    }
    expect_ids(w, EV "?timeMin=2026-03-16T08:00:01Z", "");
    expect_ids(w, SINGLE "&timeMin=2026-03-16T08:00:01Z", "");
}

static void test_instance_looks(void **state)
{
    struct world *w = *state;
    char text[2048];
    make_weekly(w);
    struct http_answer a = get(w, 200, EV "/wk_20260406T070000Z?prettyPrint=false");
    assert_string_equal(
        a.body,
        "{\"kind\":\"calendar#event\",\"etag\":\"\\\"7\\\"\",\"id\":\"wk_20260406T070000Z\","
        "\"status\":\"confirmed\",\"htmlLink\":\"https://www.google.com/calendar/event?eid="
        "d2tfMjAyNjA0MDZUMDcwMDAwWiBtZUBleGFtcGxlLmNvbQ&x=1\","
        "\"updated\":\"2026-01-01T00:00:00.000Z\",\"summary\":\"Weekly\","
        "\"start\":{\"dateTime\":\"2026-04-06T09:00:00+02:00\",\"timeZone\":\"Europe/Berlin\"},"
        "\"end\":{\"dateTime\":\"2026-04-06T09:30:00+02:00\",\"timeZone\":\"Europe/Berlin\"},"
        "\"recurringEventId\":\"wk\",\"originalStartTime\":{\"dateTime\":\"2026-04-06T09:00:00+02:"
        "00\","
        "\"timeZone\":\"Europe/Berlin\"},\"iCalUID\":\"wk@x\",\"sequence\":1}");
    http_answer_release(&a);
    a = get(w, 200, EV "/wk_20260316T080000Z?timeZone=UTC&prettyPrint=false");
    assert_non_null(strstr(a.body, "\"start\":{\"dateTime\":\"2026-03-16T08:00:00Z\","));
    assert_non_null(
        strstr(a.body, "\"originalStartTime\":{\"dateTime\":\"2026-03-16T08:00:00Z\","));
    http_answer_release(&a);
    a = get(w, 200, EV "/wk_20260323T080000Z");
    assert_string_equal(member(&a, "summary", text), "Moved");
    http_answer_release(&a);
    a = get(w, 200, EV "/wk_20260330T070000Z");
    assert_string_equal(member(&a, "status", text), "cancelled");
    http_answer_release(&a);
    expect_error(w, 404, "notFound", EV "/wk_20260406T080000Z"); /* no such slot */
    expect_error(w, 404, "notFound", EV "/wk_20260420T070000Z"); /* behind the last */
    expect_error(w, 404, "notFound", EV "/wk_20260406");
    expect_error(w, 404, "notFound", EV "/nobody_20260406T070000Z");
}

static void test_days(void **state)
{
    struct world *w = *state;
    world_day(w, "d", "2026-03-28", "2026-03-30",
              ",\"recurrence\":[\"RRULE:FREQ=DAILY;INTERVAL=3\"]");
    expect_ids(w, SINGLE "&timeMin=2026-03-29T21:59:59Z&timeMax=2026-04-02T22:00:00Z",
               "d_20260328 d_20260331");
    expect_ids(w, SINGLE "&timeMin=2026-03-29T22:00:00Z&timeMax=2026-04-02T22:00:01Z",
               "d_20260331 d_20260403");
    struct http_answer a = get(w, 200, EV "/d_20260331?prettyPrint=false");
    assert_non_null(strstr(a.body, "\"start\":{\"date\":\"2026-03-31\"},"
                                   "\"end\":{\"date\":\"2026-04-02\"},\"recurringEventId\":\"d\","
                                   "\"originalStartTime\":{\"date\":\"2026-03-31\"}"));
    http_answer_release(&a);
    expect_ids(w, EV "/d/instances?originalStart=2026-03-31", "d_20260331");
    expect_ids(w, EV "/d/instances?originalStart=2026-04-01", "");
}

/* "This and following" edited in Google's interface: the new series' instances bear the base id. */
static void test_split(void **state)
{
    struct world *w = *state;
    world_timed(w, "s", "2026-03-02T09:00:00", "2026-03-02T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;UNTIL=20260308T225959Z\"]");
    world_timed(w, "s_R20260309T080000", "2026-03-09T11:00:00", "2026-03-09T12:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=2\"]");
    expect_ids(w, SINGLE, "s_20260302T080000Z s_20260309T100000Z s_20260316T100000Z");
    char text[2048];
    struct http_answer a = get(w, 200, EV "/s_20260316T100000Z");
    assert_string_equal(member(&a, "recurringEventId", text), "s_R20260309T080000");
    http_answer_release(&a);
    /* No list gives out such an id; under it an exception would not be found. */
    expect_error(w, 404, "notFound", EV "/s_R20260309T080000_20260316T100000Z");
}

/* Ids that look like those of instances, of what has none there. */
static void test_no_such_instance(void **state)
{
    struct world *w = *state;
    const char *daily = ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]";
    world_timed(w, "one", "2026-03-02T01:00:00", "2026-03-02T02:00:00", "");
    world_timed(w, "midnight", "2026-03-02T01:00:00", "2026-03-02T02:00:00", daily);
    world_day(w, "day", "2026-03-02", "2026-03-03", daily);
    world_timed(w, "gone", "2026-03-02T01:00:00", "2026-03-02T02:00:00", daily);
    world_event(w, &w->me,
                "{\"id\":\"gone\",\"status\":\"cancelled\",\"recurrence\":[\"RRULE:FREQ=DAILY\"],"
                "\"start\":{\"dateTime\":\"2026-03-02T00:00:00Z\"},"
                "\"end\":{\"dateTime\":\"2026-03-02T01:00:00Z\"}}");
    struct http_answer a = get(w, 200, EV "/midnight_20260302T000000Z");
    http_answer_release(&a);
    a = get(w, 200, EV "/day_20260302");
    http_answer_release(&a);
    static const char *const none[] = {"one_20260302T000000Z", "midnight_20260302",
                                       "day_20260302T000000Z", "gone_20260302T000000Z",
                                       "mid_20260302T000000Z", "midnight_20260302T010000Z"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char target[128];
        (void)snprintf(target, sizeof target, EV "/%s", none[i]);
        expect_error(w, 404, "notFound", target);
    }
}

/* Attendees are cut wherever events are shown, be they stored or computed. */
static void test_few_attendees(void **state)
{
    struct world *w = *state;
    const char *people =
        ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=2\"],\"attendees\":["
        "{\"email\":\"a@x\"},{\"email\":\"me@x\",\"self\":true},{\"email\":\"b@x\"}]";
    world_timed(w, "p", "2026-03-02T09:00:00", "2026-03-02T10:00:00", people);
    static const char *const targets[] = {
        EV "?prettyPrint=false", EV "?prettyPrint=false&singleEvents=true",
        EV "/p?prettyPrint=false", EV "/p_20260303T080000Z?prettyPrint=false",
        EV "/p/instances?prettyPrint=false"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        for (int most = 1; most <= 3; most++) {
            char target[128];
            (void)snprintf(target, sizeof target, "%s&maxAttendees=%d", targets[i], most);
            struct http_answer a = get(w, 200, target);
            bool whole = strstr(a.body, "a@x") && strstr(a.body, "me@x") && strstr(a.body, "b@x");
            bool own = strstr(a.body, "\"attendees\":[{\"email\":\"me@x\",\"self\":true}],"
                                      "\"attendeesOmitted\":true");
            if (whole != (most == 3) || own != (most < 3))
                fail_msg("%s: %s", target, a.body);
            http_answer_release(&a);
        }
}

static void test_instances_method(void **state)
{
    struct world *w = *state;
    char text[2048];
    make_weekly(w);
    world_timed(w, "one", "2026-03-16T08:00:00", "2026-03-16T08:10:00", "");
#define OF EV "/wk/instances"
    expect_ids(w, OF,
               "wk_20260316T080000Z wk_20260406T070000Z wk_20260413T070000Z wk_20260323T080000Z");
    expect_ids(w, OF "?showDeleted=true",
               "wk_20260316T080000Z wk_20260330T070000Z wk_20260406T070000Z wk_20260413T070000Z "
               "wk_20260323T080000Z");
    /* The lower bound is inclusive here. */
    expect_ids(w, OF "?timeMin=2026-04-06T07:30:00Z&timeMax=2026-04-14T00:00:00Z",
               "wk_20260406T070000Z wk_20260413T070000Z");
    expect_ids(w, OF "?timeMin=2026-04-06T07:30:01Z&timeMax=2026-04-14T00:00:00Z",
               "wk_20260413T070000Z");
    expect_ids(w, OF "?originalStart=2026-03-23T09:00:00%2B01:00", "wk_20260323T080000Z");
    expect_ids(w, OF "?originalStart=2026-03-30T07:00:00Z", "");
    expect_ids(w, OF "?originalStart=2026-03-30T07:00:00Z&showDeleted=true", "wk_20260330T070000Z");
    expect_ids(w, OF "?originalStart=2026-04-06T07:00:00Z", "wk_20260406T070000Z");
    expect_ids(w, OF "?originalStart=2026-04-06T07:00:00Z&timeMin=2026-04-06T07:30:00Z",
               "wk_20260406T070000Z");
    expect_ids(w, OF "?originalStart=2026-04-06T07:00:00Z&timeMin=2026-04-06T07:30:01Z", "");
    expect_ids(w, OF "?originalStart=2026-04-06T07:00:00Z&timeMax=2026-04-06T07:00:00Z", "");
    expect_ids(w, OF "?originalStart=2026-03-23T08:00:00Z&timeMax=2026-04-01T00:00:00Z", "");
    expect_error(w, 400, "badRequest", OF "?originalStart=2026-04-06");
    expect_error(w, 404, "notFound", EV "/nothing/instances");
    expect_ids(w, EV "/one/instances", "");
    expect_ids(w, EV "/one/instances?originalStart=2026-03-16T07:00:00Z", "");
    expect_error(w, 400, "timeRangeEmpty",
                 OF "?timeMin=2026-04-06T07:30:00Z&timeMax=2026-04-06T07:30:00Z");
    expect_pages(w, OF, 3,
                 "wk_20260316T080000Z wk_20260406T070000Z wk_20260413T070000Z|wk_20260323T080000Z",
                 NULL);

    struct http_answer a = get(w, 200, OF "?maxResults=2");
    assert_string_equal(ids_of(&a), "wk_20260316T080000Z wk_20260406T070000Z");
    assert_string_equal(member(&a, "nextSyncToken", text), "");
    struct buf next = {0};
    buf_printf(&next, OF "?pageToken=%s", member(&a, "nextPageToken", text));
    http_answer_release(&a);
    expect_ids(w, buf_text(&next), "wk_20260413T070000Z wk_20260323T080000Z");
    buf_release(&next);
#undef OF
}

/* The first `total` of a list come in pages of `size` as they come at once. */
static void expect_pages_of(struct world *w, const char *query, int total, int size)
{
    char text[2048], last[64] = "";
    struct buf seen = {0}, next = {0};
    buf_printf(&next, "%s&maxResults=%d", query, total);
    struct http_answer whole = get(w, 200, buf_text(&next));
    char *all = strdup(ids_of(&whole));
    http_answer_release(&whole);

    buf_reset(&next);
    buf_printf(&next, "%s&maxResults=%d", query, size);
    for (int n = 0; n < total;) {
        struct http_answer a = get(w, 200, buf_text(&next));
        struct json_iter it = json_iter(json_get(span_of(a.body), "items"));
        struct span item;
        while (json_next(&it, NULL, &item)) {
            char id[64];
            assert_true(json_string_copy(json_get(item, "id"), id, sizeof(id)));
            assert_string_not_equal(id, last);
            (void)snprintf(last, sizeof(last), "%s", id);
            if (n++ < total)
                buf_printf(&seen, "%s%s", seen.n ? " " : "", id);
        }
        assert_true(n >= total || member(&a, "nextPageToken", text)[0]);
        buf_reset(&next);
        buf_printf(&next, EV "?maxResults=%d&pageToken=%s", size, text);
        http_answer_release(&a);
    }
    assert_string_equal(buf_text(&seen), all);
    buf_release(&seen);
    buf_release(&next);
    free(all);
}

/* Pages over endless series and what else there is, ordered, each once. */
static void test_pages(void **state)
{
    struct world *w = *state;
    world_timed(w, "a", "2026-01-01T09:00:00", "2026-01-01T09:30:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]");
    world_timed(w, "b", "2026-01-01T09:00:00", "2026-01-01T09:30:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR\"]");
    world_day(w, "c", "2026-01-01", "2026-01-03",
              ",\"recurrence\":[\"RRULE:FREQ=DAILY;INTERVAL=2\"]");
    for (int i = 1; i < 28; i++) {
        char id[16], at[32];
        (void)snprintf(id, sizeof(id), "e%02d", i);
        (void)snprintf(at, sizeof(at), "2026-01-%02dT09:00:00", i);
        world_timed(w, id, at, at, "");
        (void)snprintf(at, sizeof(at), "2026-01-%02d", i);
        (void)snprintf(id, sizeof(id), "f%02d", i);
        world_day(w, id, at, "2026-02-01", "");
    }
    expect_pages_of(w, SINGLE, 150, 7);
}

/* In order of change a list that has no end can be had, too, and begins like one that has. */
static void test_pages_by_updated(void **state)
{
    struct world *w = *state;
    make_weekly(w);
    world_day(w, "day", "2026-04-06", "2026-04-07", "");
    world_day(w, "days", "2026-03-28", "2026-03-29",
              ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=4\"]");
#define UPDATED SINGLE "&orderBy=updated"
#define ENDS    "&timeMax=2027-01-01T00:00:00Z"
    static const char *const more[] = {"",
                                       "&showDeleted=true",
                                       "&timeMin=2026-04-06T07:30:00Z",
                                       "&timeMin=2026-03-29T22:00:00Z",
                                       "&iCalUID=wk@x",
                                       "&updatedMin=2026-01-02T00:00:00Z"};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        char target[200], ids[1024];
        (void)snprintf(target, sizeof(target), UPDATED ENDS "%s", more[i]);
        struct http_answer a = get(w, 200, target);
        (void)snprintf(ids, sizeof(ids), "%s", ids_of(&a));
        http_answer_release(&a);
        (void)snprintf(target, sizeof(target), UPDATED "%s", more[i]);
        expect_ids(w, target, ids);
    }
    expect_pages_of(w, UPDATED "&showDeleted=true", 10, 1);
    world_day(w, "d", "2026-01-01", "2026-01-02", ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]");
    world_timed(w, "e", "2026-01-01T09:00:00", "2026-01-01T09:30:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]");
    expect_pages_of(w, UPDATED "&timeMin=2026-04-01T00:00:00Z", 60, 7);
    expect_ids(w, UPDATED "&updatedMin=2026-01-02T00:00:00Z", "wk_20260323T080000Z");
    expect_error(w, 400, "timeRangeTooLong", UPDATED "&timeMax=9990-01-01T00:00:00Z");
#undef UPDATED
#undef ENDS
}

/* What a client that sees instances cannot be told by a change of their master, it must list again.
 */
static void test_sync(void **state)
{
    struct world *w = *state;
    char text[2048];
    make_weekly(w);
    struct http_answer a = get(w, 200, SINGLE MARCH);
    struct buf next = {0};
    buf_printf(&next, SINGLE "&syncToken=%s", member(&a, "nextSyncToken", text));
    http_answer_release(&a);
    expect_ids(w, buf_text(&next), "");
    world_timed(w, "one", "2026-03-16T08:00:00", "2026-03-16T08:10:00", "");
    world_event(
        w, &w->me,
        "{\"id\":\"wk_20260413T070000Z\",\"status\":\"cancelled\",\"recurringEventId\":\"wk\","
        "\"originalStartTime\":{\"dateTime\":\"2026-04-13T09:00:00+02:00\"}}");
    expect_ids(w, buf_text(&next), "one wk_20260413T070000Z");
    world_timed(w, "wk", "2026-03-16T10:00:00", "2026-03-16T11:10:00",
                ",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=6\"]");
    expect_error(w, 410, "fullSyncRequired", buf_text(&next));
    buf_release(&next);
}

/* A series that ends as a tombstone or as a single event leaves instances behind that no entry
 * names. */
static void test_sync_of_former_series(void **state)
{
    struct world *w = *state;
    char text[2048];
    static const char *const ends[] = {
        "{\"id\":\"s\",\"status\":\"cancelled\"}",
        "{\"id\":\"s\",\"status\":\"confirmed\",\"start\":{\"date\":\"2026-03-02\"},"
        "\"end\":{\"date\":\"2026-03-03\"}}",
    };
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        world_timed(w, "s", "2026-03-02T09:00:00", "2026-03-02T10:00:00",
                    ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
        struct http_answer a = get(w, 200, SINGLE MARCH);
        struct buf next = {0};
        buf_printf(&next, SINGLE "&syncToken=%s", member(&a, "nextSyncToken", text));
        http_answer_release(&a);
        world_event(w, &w->me, ends[i]);
        expect_error(w, 410, "fullSyncRequired", buf_text(&next));
        buf_reset(&next);
        a = get(w, 200, EV);
        buf_printf(&next, EV "?syncToken=%s", member(&a, "nextSyncToken", text));
        http_answer_release(&a);
        expect_ids(w, buf_text(&next), "");
        world_event(w, &w->me, ends[i]); /* the same again is no change */
        expect_ids(w, buf_text(&next), "");
        buf_release(&next);
    }
}

/* What is kept of series between queries follows each change of them. */
static void test_series_change(void **state)
{
    struct world *w = *state;
#define DAYS "&timeMin=2026-01-05T00:00:00Z&timeMax=2026-01-08T00:00:00Z"
    static const struct {
        const char *start, *end, *more, *ids, *masters;
    } steps[] = {
        {"2026-01-05T09:00:00", "2026-01-05T10:00:00",
         ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=2\"]", "s_20260105T080000Z s_20260106T080000Z",
         "s"},
        {"2026-01-05T09:00:00", "2026-01-05T10:00:00",
         ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=1\"]", "s_20260105T080000Z", "s"},
        {"2026-01-05T09:00:00", "2026-01-05T10:00:00", "", "s", "s"},
        {"2026-01-06T11:00:00", "2026-01-06T12:00:00", ",\"recurrence\":[\"RRULE:FREQ=WEEKLY\"]",
         "s_20260106T100000Z", "s"},
        {"2026-01-09T11:00:00", "2026-01-09T12:00:00", ",\"recurrence\":[\"RRULE:FREQ=WEEKLY\"]",
         "", ""},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        world_timed(w, "s", steps[i].start, steps[i].end, steps[i].more);
        expect_ids(w, SINGLE DAYS, steps[i].ids);
        expect_ids(w, EV "?x=1" DAYS, steps[i].masters);
    }
    world_timed(w, "t", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]");
    expect_ids(w, EV "?x=1" DAYS, "t");
    world_remove(w, &w->me, "t");
    expect_ids(w, EV "?x=1" DAYS, "");
    expect_ids(w, SINGLE DAYS, "");
    for (int i = 0; i < 1200; i++) { /* more than is worth following one by one */
        char id[16];
        (void)snprintf(id, sizeof(id), "m%04d", i);
        world_timed(w, id, "2026-01-09T09:00:00", "2026-01-09T10:00:00",
                    ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]");
    }
    struct http_answer a = get(w, 200,
                               SINGLE "&timeMin=2026-01-09T08:30:00Z&maxResults=2500"
                                      "&timeMax=2026-01-09T08:31:00Z");
    assert_int_equal(strlen(ids_of(&a)), 1200 * 23 - 1);
    http_answer_release(&a);
#undef DAYS
}

/* Rules made to hurt cost bounded time and say so. */
static void test_bombs(void **state)
{
    struct world *w = *state;
    clock_t began = clock(); /* what it costs, not how long others keep it waiting */
    world_timed(w, "s", "2026-01-01T00:00:00", "2026-01-01T00:00:01",
                ",\"recurrence\":[\"RRULE:FREQ=SECONDLY\"]");
    world_timed(w, "n", "2026-01-01T00:00:00", "2026-01-01T00:00:01",
                ",\"recurrence\":[\"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\"]");
    struct http_answer a = get(w, 200, SINGLE "&timeMin=2030-01-01T00:00:00Z&maxResults=3");
    assert_string_equal(ids_of(&a), "s_20300101T000000Z s_20300101T000001Z s_20300101T000002Z");
    http_answer_release(&a);
    expect_error(w, 400, "timeRangeTooLong",
                 SINGLE "&orderBy=updated&timeMin=2030-01-01T00:00:00Z"
                        "&timeMax=2040-01-01T00:00:00Z");
    a = get(w, 200, SINGLE "&orderBy=updated&timeMin=2030-01-01T00:00:00Z&maxResults=2");
    assert_string_equal(ids_of(&a), "s_20300101T000000Z s_20300101T000001Z");
    http_answer_release(&a);
    a = get(w, 200, EV "?timeMin=9990-01-01T00:00:00Z");
    http_answer_release(&a);
    assert_true(clock() - began < 3 * CLOCKS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_page_tokens_of_instances),
        WORLD(test_damaged_series),
        WORLD(test_no_length_at_the_edge),
        WORLD(test_instances_in_lists),
        WORLD(test_instance_looks),
        WORLD(test_days),
        WORLD(test_split),
        WORLD(test_no_such_instance),
        WORLD(test_few_attendees),
        WORLD(test_instances_method),
        WORLD(test_pages),
        WORLD(test_pages_by_updated),
        WORLD(test_sync),
        WORLD(test_sync_of_former_series),
        WORLD(test_series_change),
        WORLD(test_bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
