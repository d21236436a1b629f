/* test_sync_batch: events of a pull, each id once; extents of series; walks that go in circles. */
#include "core/sync/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/json.h"
#include "core/sync/pages.h"

static struct google_page page_of(const char *items)
{
    struct google_page page = {.items = span_of(items)};
    assert_int_equal(json_check(page.items, NULL), RC_OK);
    return page;
}

static void test_each_id_once(void **state)
{
    (void)state;
    static const char items[] =
        "[{\"id\":\"b\",\"summary\":\"old\",\"updated\":\"2026-01-01T00:00:00Z\"},"
        "{\"id\":\"a\",\"summary\":\"new\",\"updated\":\"2026-01-03T00:00:00Z\"},"
        "{\"summary\":\"no id\"},"
        "{\"id\":\"a\",\"summary\":\"old\",\"updated\":\"2026-01-02T00:00:00Z\"},"
        "{\"id\":\"b\",\"summary\":\"new\",\"updated\":\"2026-01-02T00:00:00Z\"},"
        "{\"id\":\"c\",\"summary\":\"first\",\"updated\":\"2026-01-02T00:00:00Z\"},"
        "{\"id\":\"\\u0063\",\"status\":\"cancelled\"},"
        "{\"id\":\"d\",\"status\":\"cancelled\",\"etag\":\"\\\"3534624000000000\\\"\"},"
        "{\"id\":\"d\",\"summary\":\"before\",\"updated\":\"2026-01-01T23:59:59Z\"},"
        "{\"id\":\"e\",\"summary\":\"new\",\"updated\":\"2026-01-05T00:00:00Z\"},"
        "{\"id\":\"e\",\"status\":\"cancelled\"},"
        "{\"id\":\"e\",\"summary\":\"old\",\"updated\":\"2026-01-03T00:00:00Z\"}]";
    struct google_page page = page_of(items);
    struct batch b = {0};
    assert_int_equal(batch_add(&b, &page, "UTC", NULL), RC_OK);
    assert_int_equal(b.unusable, 1);
    batch_unique(&b);
    assert_int_equal(b.n, 5);
    assert_true(span_is(b.events[0].id, "a"));
    assert_true(span_is(json_get(b.events[0].raw, "summary"), "\"new\""));
    assert_true(span_is(b.events[1].id, "b"));
    assert_true(span_is(json_get(b.events[1].raw, "summary"), "\"new\""));
    assert_true(span_is(b.events[2].id, "c")); /* without a time of change the later one counts */
    assert_true(b.events[2].flags & EVENT_CANCELLED);
    assert_true(span_is(b.events[3].id, "d")); /* the tombstone's etag says when: 2026-01-02 */
    assert_true(b.events[3].flags & EVENT_CANCELLED);
    assert_true(span_is(b.events[4].id, "e")); /* what is older than the first is older than all */
    assert_true(b.events[4].flags & EVENT_CANCELLED);
    batch_release(&b);
    batch_unique(&b);
}

/* 2026-07-01T10:00:00Z to 11:00 unless `start` says otherwise. */
static struct event series(const char *start, const char *lines, struct batch *b, char *text,
                           size_t size)
{
    snprintf(text, size,
             "[{\"id\":\"s\",\"updated\":\"2026-01-01T00:00:00Z\",%s,\"recurrence\":[%s]}]", start,
             lines);
    struct google_page page = page_of(text);
    assert_int_equal(batch_add(b, &page, "Europe/Berlin", NULL), RC_OK);
    assert_int_equal(b->n, 1);
    return b->events[0];
}

static void test_extents(void **state)
{
    (void)state;
    static const char timed[] =
        "\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\",\"timeZone\":\"UTC\"},"
        "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\",\"timeZone\":\"UTC\"}";
    static const char homeless[] = "\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\"},"
                                   "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\"}";
    static const char dates[] =
        "\"start\":{\"date\":\"2026-07-01\"},\"end\":{\"date\":\"2026-07-02\"}";
    static const char dates_somewhere[] =
        "\"start\":{\"date\":\"2026-07-01\",\"timeZone\":\"America/New_York\"},"
        "\"end\":{\"date\":\"2026-07-02\",\"timeZone\":\"America/New_York\"}";
    static const char autumn[] = /* the clocks are turned back a night later */
        "\"start\":{\"dateTime\":\"2026-10-24T10:00:00Z\",\"timeZone\":\"Europe/Berlin\"},"
        "\"end\":{\"dateTime\":\"2026-10-24T11:00:00Z\",\"timeZone\":\"Europe/Berlin\"}";
    static const int64_t ten = 1782900000000, hour = 3600000, day = 24 * 3600000;
    static const int64_t midnight = ten - 10 * hour, october = ten + 115 * day;
    const struct {
        const char *start, *lines;
        int64_t start_ms, end_ms;
        bool odd;
    } rows[] = {
        {timed, "\"RRULE:FREQ=DAILY;COUNT=3\"", ten, ten + 2 * day + 27 * hour, false},
        {timed, "\"RRULE:FREQ=DAILY\"", ten, INT64_MAX, false},
        {timed, "\"RRULE:FREQ=DAILY;UNTIL=20260703T100000Z\"", ten, ten + 2 * day + 27 * hour,
         false},
        {timed, "\"RDATE:20260601T100000Z\"", ten - 30 * day, ten + 27 * hour, false},
        {timed, "\"RRULE:FREQ=SOMETIMES\"", ten, INT64_MAX, true},
        {timed, "\"RRULE:FREQ=DAILY;COUNT=3\",7", ten, INT64_MAX, true},
        {timed, "\"RRULE:FREQ=DAILY;COUNT=3\",\"EXDATE:20260702T100000Z\"", ten,
         ten + 2 * day + 27 * hour, false},
        {autumn, "\"RRULE:FREQ=DAILY;COUNT=3\"", october, october + 2 * day + 28 * hour, false},
        {dates, "\"RRULE:FREQ=DAILY;COUNT=3\"", midnight, midnight + 3 * day, false},
        {dates_somewhere, "\"RRULE:FREQ=DAILY;COUNT=3\"", midnight, midnight + 3 * day, false},
        /* in whatever zone the calendar will have, as all of them with whatever rules */
        {homeless, "\"RRULE:FREQ=DAILY;COUNT=3\"", ten, ten + 2 * day + 27 * hour, false},
        {homeless, "\"RRULE:FREQ=DAILY\"", ten, INT64_MAX, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        struct batch b = {0};
        struct event ev = series(rows[i].start, rows[i].lines, &b, text, sizeof(text));
        if (ev.start_ms != rows[i].start_ms || ev.end_ms != rows[i].end_ms ||
            (ev.flags & EVENT_ODD_MEMBERS) != (rows[i].odd ? EVENT_ODD_RECURRENCE : 0u) ||
            !(ev.flags & EVENT_ODD) == rows[i].odd || !(ev.flags & EVENT_SERIES))
            fail_msg("%s: %lld to %lld, flags %x", rows[i].lines, (long long)ev.start_ms,
                     (long long)ev.end_ms, ev.flags);
        batch_release(&b);
    }
}

/* An event that does not repeat, and a series of which no time can be read, stay as they are. */
static void test_no_extent(void **state)
{
    (void)state;
    static const char items[] = "[{\"id\":\"a\",\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\"},"
                                "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\"}},"
                                "{\"id\":\"b\",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}]";
    struct google_page page = page_of(items);
    struct batch b = {0};
    assert_int_equal(batch_add(&b, &page, "UTC", NULL), RC_OK);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.events[0].end_ms - b.events[0].start_ms, 3600000);
    assert_int_equal(b.events[1].flags & (EVENT_SERIES | EVENT_UNTIMED),
                     EVENT_SERIES | EVENT_UNTIMED);
    assert_int_equal(b.events[1].end_ms, b.events[1].start_ms);
    batch_release(&b);
}

/* How many pages of a walk that has `lead` pages and then a circle of `length` are read. */
static size_t pages_read(size_t lead, size_t length)
{
    struct page_guard guard = {0};
    char token[32];
    for (size_t page = 0;; page++) {
        snprintf(token, sizeof(token), "t%zu", page < lead ? page : lead + (page - lead) % length);
        if (page_guard_loops(&guard, token))
            return page + 1;
    }
}

static void test_circles_are_seen(void **state)
{
    (void)state;
    assert_int_equal(pages_read(0, 1), 2);
    for (size_t lead = 0; lead < 40; lead++) {
        for (size_t length = 1; length < 40; length++)
            assert_true(pages_read(lead, length) <= 3 * (lead + length) + 1);
    }
    assert_int_equal(pages_read(1000000, 1), LIMIT_PAGES); /* no circle, but no end either */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_id_once),
        cmocka_unit_test(test_extents),
        cmocka_unit_test(test_no_extent),
        cmocka_unit_test(test_circles_are_seen),
    };
    return cmocka_run_group_tests_name("sync_batch", tests, NULL, NULL);
}
