/* test_serve_narrow: lists that a query narrows down by what events say, or by when they changed:
 * what of deletions they tell, and in which order. */
#include "tests/unit/serve_fixture.h"

#define FOCUS ",\"eventType\":\"focusTime\",\"extendedProperties\":{\"private\":{\"k\":\"1\"}}"

/* Of what is deleted Google need tell no more than the id, of a hole its place: whoever had the
 * event or the series hears of it, whatever the list is narrowed down by. */
static void test_deleted_narrowly(void **state)
{
    struct world *w = *state;
    char text[2048];
    struct buf next = {0};
    world_timed(w, "f", "2026-01-05T09:00:00", "2026-01-05T10:00:00", FOCUS);
    world_timed(w, "d", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    world_timed(w, "s", "2026-01-05T09:00:00", "2026-01-05T10:00:00",
                ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"]" FOCUS);
    struct http_answer a = get(w, 200, EV "?eventTypes=focusTime");
    assert_string_equal(ids_of(&a), "f s");
    buf_printf(&next, EV "?eventTypes=focusTime&syncToken=%s", member(&a, "nextSyncToken", text));
    http_answer_release(&a);

    world_event(w, &w->me, "{\"id\":\"f\",\"status\":\"cancelled\"}");
    world_timed(w, "d", "2026-01-05T09:00:00", "2026-01-05T11:00:00", "");
    world_event(w, &w->me,
                "{\"id\":\"s_20260106T080000Z\",\"status\":\"cancelled\",\"etag\":\"\\\"5\\\"\","
                "\"recurringEventId\":\"s\","
                "\"originalStartTime\":{\"dateTime\":\"2026-01-06T09:00:00+01:00\"}}");
    expect_ids(w, buf_text(&next), "f s_20260106T080000Z");
    expect_ids(w, EV "?eventTypes=default", "d");
    static const char *const queries[] = {"eventTypes=focusTime", "iCalUID=s%40x", "q=s",
                                          "privateExtendedProperty=k%3D1"};
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        buf_reset(&next);
        buf_printf(&next, EV "?%s", queries[i]);
        expect_ids(w, buf_text(&next), "s s_20260106T080000Z");
        buf_add_text(&next, "&singleEvents=true&showDeleted=true&timeMax=2026-01-07T00:00:00Z");
        expect_ids(w, buf_text(&next), "s_20260105T080000Z s_20260106T080000Z");
    }
    buf_release(&next);
}

/* updatedMin asks for all deletions since, whatever the window; 3535315200000000 is twice the
 * microseconds of January the 6th. */
static void test_deleted_since(void **state)
{
    struct world *w = *state;
    world_timed(w, "old", "2026-02-01T09:00:00", "2026-02-01T10:00:00", "");
    world_event(w, &w->me,
                "{\"id\":\"x\",\"status\":\"cancelled\",\"etag\":\"\\\"3535315200000000\\\"\"}");
    world_event(w, &w->me,
                "{\"id\":\"y\",\"status\":\"cancelled\",\"etag\":\"\\\"3535315200000002\\\"\"}");
    world_event(w, &w->me,
                "{\"id\":\"new\",\"status\":\"confirmed\",\"updated\":\"2026-01-08T00:00:00.000Z\","
                "\"start\":{\"date\":\"2026-02-01\"},\"end\":{\"date\":\"2026-02-02\"}}");
    static const char *const more[] = {
        "", "&timeMin=2026-02-01T00:00:00Z&timeMax=2026-02-02T00:00:00Z"};
    for (size_t i = 0; i < 2; i++) {
        static const struct {
            const char *query, *ids;
        } cases[] = {
            {"updatedMin=2026-01-06T00:00:00Z", "x y new"},
            {"updatedMin=2026-01-06T00:00:00Z&orderBy=updated", "x y new"},
            {"updatedMin=2026-01-06T00:00:00Z&singleEvents=true", "new x y"},
            {"updatedMin=2026-01-06T00:00:00Z&singleEvents=true&orderBy=startTime", "new x y"},
            {"updatedMin=2026-01-06T00:00:00Z&singleEvents=true&orderBy=updated", "x y new"},
            {"updatedMin=2026-01-07T00:00:00Z&singleEvents=true", "new"},
            {"updatedMin=2026-01-06T00:00:00Z&q=x", ""},
        };
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            struct buf target = {0};
            buf_printf(&target, EV "?%s%s", cases[k].query, more[i]);
            expect_ids(w, buf_text(&target), cases[k].ids);
            buf_release(&target);
        }
    }
    char text[2048], seen[64] = "";
    struct buf next = {0};
    buf_add_text(&next, EV "?maxResults=1&singleEvents=true&updatedMin=2026-01-06T00:00:00Z");
    for (int page = 0; page < 5 && next.n; page++) {
        struct http_answer a = get(w, 200, buf_text(&next));
        strcat(strcat(seen, ids_of(&a)), "|");
        buf_reset(&next);
        if (member(&a, "nextPageToken", text)[0])
            buf_printf(&next, EV "?maxResults=1&pageToken=%s", text);
        http_answer_release(&a);
    }
    assert_string_equal(seen, "new|x|y|");
    buf_release(&next);
}

static void put_of_uid(struct world *w, const char *id, const char *day)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"id\":\"%s\",\"status\":\"confirmed\",\"iCalUID\":\"u@x\","
               "\"updated\":\"2026-01-%sT00:00:00.000Z\",\"start\":{\"date\":\"2026-02-01\"},"
               "\"end\":{\"date\":\"2026-02-02\"}}",
               id, day);
    world_event(w, &w->me, buf_text(&b));
    buf_release(&b);
}

/* What a list is narrowed by besides does not take its order or its other bounds from it. */
static void test_uid_with_updated(void **state)
{
    struct world *w = *state;
    put_of_uid(w, "third", "07");
    put_of_uid(w, "first", "05");
    put_of_uid(w, "second", "06");
    world_timed(w, "other", "2026-02-01T00:00:00", "2026-02-01T01:00:00", "");
    expect_ids(w, EV "?iCalUID=u%40x&orderBy=updated", "first second third");
    expect_ids(w, EV "?iCalUID=u%40x&updatedMin=2026-01-06T00:00:00Z", "second third");
    expect_ids(w, EV "?iCalUID=u%40x&updatedMin=2026-01-06T00:00:00Z&singleEvents=true",
               "third second");
    expect_ids(w, EV "?iCalUID=u%40x", "third first second");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_deleted_narrowly),
        WORLD(test_deleted_since),
        WORLD(test_uid_with_updated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
