/* Tests of recurrence sets as callers use them. What rules mean is for tests/recurrence, with
 * another engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/rfc3339.h"
#include "core/calendar/recur.h"

static int64_t ms(const char *text)
{
    int64_t at;
    int32_t offset;
    bool local;

    assert_true(rfc3339_time(span_of(text), &at, &offset, &local));
    return at;
}

/* A sealed set of up to four lines that starts at 2026-03-02 09:00 in Berlin for an hour, or all
 * that day. */
static struct recur_set *make(bool all_day, const char *const lines[4])
{
    struct recur_start start = {.zone = zone_find("Europe/Berlin"), .all_day = all_day};
    struct recur_set *set = NULL;
    struct err e = {0};

    start.start_ms = ms(all_day ? "2026-03-02T00:00:00Z" : "2026-03-02T08:00:00Z");
    start.end_ms = start.start_ms + (all_day ? DAY_MS : DAY_MS / 24);
    assert_int_equal(recur_new(&set, &start, &e), RC_OK);
    for (int i = 0; i < 4 && lines[i]; i++) {
        if (recur_add(set, span_of(lines[i]), &e) != RC_OK)
            fail_msg("%s: %s", lines[i], e.text);
    }
    assert_int_equal(recur_seal(set, &e), RC_OK);
    return set;
}

#define SET(all_day, ...) make(all_day, (const char *const[4]){__VA_ARGS__})

static size_t count(const struct recur_set *set, int64_t min, int64_t max)
{
    struct recur_iter *it = recur_open(set, min, max, RECUR_BUDGET);
    struct recur_instance in;
    int64_t last = INT64_MIN;
    size_t n = 0;

    while (recur_next(it, &in)) {
        assert_true(in.start_ms >= last && in.end_ms >= in.start_ms);
        assert_true(in.end_ms > min && in.start_ms < max);
        last = in.start_ms;
        n++;
    }
    assert_int_equal(recur_close(it, NULL), RC_OK);
    return n;
}

/* The window is open at both ends: what only touches it is outside. */
static void test_window_edges(void **state)
{
    struct recur_set *set = SET(false, "RRULE:FREQ=DAILY");
    int64_t start = ms("2026-03-10T08:00:00Z"), end = start + DAY_MS / 24;

    (void)state;
    assert_int_equal(count(set, start, start), 0);
    assert_int_equal(count(set, start, start + 1), 1);
    assert_int_equal(count(set, end - 1, end), 1);
    assert_int_equal(count(set, end, end + 1), 0);
    assert_int_equal(count(set, start - 1, start), 0);
    assert_int_equal(count(set, start + 500, start + 501), 1);
    assert_int_equal(count(set, INT64_MIN, start + 1), 9);
    assert_int_equal(count(set, end, start), 0);
    recur_free(set);
}

/* A period lasts as long as it says, be that more or less than the series' own hour. */
static void test_period_window(void **state)
{
    struct recur_set *set = SET(false, "RRULE:FREQ=DAILY;COUNT=2",
                                "RDATE;VALUE=PERIOD:20260310T120000Z/PT5H,20260311T120000Z/PT10M");
    int64_t long_end = ms("2026-03-10T17:00:00Z"), short_end = ms("2026-03-11T12:10:00Z");

    (void)state;
    assert_int_equal(count(set, long_end - 1000, long_end), 1);
    assert_int_equal(count(set, long_end, long_end + 1000), 0);
    assert_int_equal(count(set, short_end - 1000, short_end), 1);
    assert_int_equal(count(set, short_end, short_end + 1000), 0);
    recur_free(set);
}

/* An instant named twice is one instance, of two periods the longer one; UNTIL is inclusive,
 * without a zone and as a day too; what EXRULE names is none. */
static void test_each_once(void **state)
{
    struct recur_set *twice =
        SET(false, "RDATE:20260302T080000Z,20260305T080000Z,20260305T080000Z",
            "RDATE;VALUE=PERIOD:20260310T120000Z/PT2H,20260310T120000Z/PT5H,20260310T120000Z/PT1H");
    struct recur_set *until = SET(false, "RRULE:FREQ=DAILY;UNTIL=20260304T090000");
    struct recur_set *before = SET(false, "RRULE:FREQ=DAILY;UNTIL=20260304T085959");
    struct recur_set *day = SET(false, "RRULE:FREQ=DAILY;UNTIL=20260304");
    struct recur_set *but = SET(false, "RRULE:FREQ=DAILY;COUNT=6", "EXRULE:FREQ=DAILY;INTERVAL=2");

    (void)state;
    assert_int_equal(count(twice, INT64_MIN, INT64_MAX), 3);
    assert_int_equal(count(twice, ms("2026-03-10T16:59:00Z"), INT64_MAX), 1);
    assert_int_equal(count(until, INT64_MIN, INT64_MAX), 3);
    assert_int_equal(count(before, INT64_MIN, INT64_MAX), 2);
    assert_int_equal(count(day, INT64_MIN, INT64_MAX), 3);
    assert_int_equal(count(but, INT64_MIN, INT64_MAX), 3);
    assert_int_equal(count(but, ms("2026-03-04T08:00:00Z"), ms("2026-03-04T09:00:00Z")), 0);
    recur_free(twice);
    recur_free(until);
    recur_free(before);
    recur_free(day);
    recur_free(but);
}

static void test_all_day_window(void **state)
{
    struct recur_set *set = SET(true, "RRULE:FREQ=DAILY;COUNT=60");
    int64_t midnight = ms("2026-03-29T00:00:00+01:00"), next = ms("2026-03-30T00:00:00+02:00");
    struct recur_iter *it = recur_open(set, midnight, next, RECUR_BUDGET);
    struct recur_instance in = {0};

    (void)state;
    assert_true(recur_next(it, &in));
    assert_true(in.start_ms == midnight && in.end_ms == next); /* 23 hours */
    assert_true(in.slot_ms == ms("2026-03-29T00:00:00Z"));
    assert_false(recur_next(it, &in));
    assert_false(recur_next(it, &in));
    assert_int_equal(recur_close(it, NULL), RC_OK);
    assert_int_equal(count(set, midnight - 1, next + 1), 3);
    recur_free(set);
}

static void test_no_bounds(void **state)
{
    struct recur_set *set = SET(false, "RRULE:FREQ=YEARLY");
    struct recur_set *counted = SET(false, "RRULE:FREQ=DAILY;COUNT=7");

    (void)state;
    assert_int_equal(count(set, INT64_MIN, INT64_MAX), 9999 - 2026 + 1);
    assert_int_equal(count(set, ms("9999-01-01T00:00:00Z"), INT64_MAX), 1);
    assert_int_equal(count(set, INT64_MAX, INT64_MAX), 0);
    assert_int_equal(count(counted, INT64_MIN, INT64_MAX), 7);
    recur_free(set);
    recur_free(counted);
}

static void test_find_slot(void **state)
{
    struct recur_set *set = SET(false, "RRULE:FREQ=WEEKLY;COUNT=300", "EXDATE:20260309T080000Z",
                                "RDATE;VALUE=PERIOD:20260310T120000Z/PT3H");
    struct recur_set *days = SET(true, "RRULE:FREQ=WEEKLY", "EXDATE;VALUE=DATE:20260309");
    struct recur_instance in = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(recur_find_slot(set, ms("2026-03-30T07:00:00Z"), &in, &e), RC_OK); /* summer */
    assert_true(in.start_ms == ms("2026-03-30T07:00:00Z") &&
                in.end_ms == in.start_ms + DAY_MS / 24);
    assert_int_equal(recur_find_slot(set, ms("2026-03-10T12:00:00Z"), &in, &e), RC_OK);
    assert_true(in.end_ms == ms("2026-03-10T15:00:00Z"));
    assert_int_equal(recur_find_slot(set, ms("2026-03-30T08:00:00Z"), &in, &e), RC_NOTFOUND);
    assert_string_equal(e.text, "the series has no such instance");
    assert_int_equal(recur_find_slot(set, ms("2026-03-09T08:00:00Z"), &in, &e), RC_NOTFOUND);
    assert_int_equal(recur_find_slot(set, ms("2026-03-02T08:00:00.500Z"), &in, &e), RC_NOTFOUND);
    assert_int_equal(recur_find_slot(set, ms("2036-03-03T08:00:00Z"), &in, &e), RC_NOTFOUND);
    assert_int_equal(recur_find_slot(set, INT64_MAX, &in, &e), RC_NOTFOUND);
    assert_int_equal(recur_find_slot(set, INT64_MIN, &in, &e), RC_NOTFOUND);
    assert_int_equal(recur_find_slot(days, ms("2026-04-06T00:00:00Z"), &in, &e), RC_OK);
    assert_true(in.start_ms == ms("2026-04-06T00:00:00+02:00"));
    assert_int_equal(recur_find_slot(days, ms("2026-04-05T22:00:00Z"), &in, &e), RC_NOTFOUND);
    assert_int_equal(recur_find_slot(days, ms("2026-03-09T00:00:00Z"), &in, &e), RC_NOTFOUND);
    recur_free(set);
    recur_free(days);
}

static void test_bounds(void **state)
{
    static const struct {
        bool all_day;
        const char *lines[4];
        const char *start, *end; /* NULL = endless */
    } cases[] = {
        {false, {0}, "2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z"},
        {false, {"RRULE:FREQ=DAILY"}, "2026-03-02T08:00:00Z", NULL},
        {false, {"RRULE:FREQ=DAILY;COUNT=3"}, "2026-03-02T08:00:00Z", "2026-03-04T09:00:00Z"},
        {false,
         {"RRULE:FREQ=DAILY;UNTIL=20260310T100000Z"},
         "2026-03-02T08:00:00Z",
         "2026-03-10T11:00:00Z"},
        {false,
         {"RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=1"},
         "2026-03-02T08:00:00Z",
         "2026-03-02T09:00:00Z"},
        {false,
         {"RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=3"},
         "2026-03-02T08:00:00Z",
         "2026-03-10T09:00:00Z"},
        {false,
         {"RRULE:FREQ=DAILY;COUNT=3", "RDATE:20260401T000000Z,20260101T000000Z"},
         "2026-01-01T00:00:00Z",
         "2026-04-01T01:00:00Z"},
        {false,
         {"RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=MONTHLY;COUNT=2"},
         "2026-03-02T08:00:00Z",
         "2026-04-02T08:00:00Z"},
        {false,
         {"RRULE:FREQ=DAILY;COUNT=3", "EXRULE:FREQ=DAILY"},
         "2026-03-02T08:00:00Z",
         "2026-03-04T09:00:00Z"},
        {false,
         {"RRULE:FREQ=SECONDLY;COUNT=1000000000"},
         "2026-03-02T08:00:00Z",
         "2057-11-08T10:46:39Z"},
        {false,
         {"RRULE:FREQ=MINUTELY;INTERVAL=7;BYDAY=MO;COUNT=1000000000"},
         "2026-03-02T08:00:00Z",
         NULL}, /* too far to follow */
        {true, {"RRULE:FREQ=DAILY;COUNT=3"}, "2026-03-01T23:00:00Z", "2026-03-04T23:00:00Z"},
        {true, {"RRULE:FREQ=DAILY;UNTIL=20260330"}, "2026-03-01T23:00:00Z", "2026-03-30T22:00:00Z"},
        {true,
         {"RRULE:FREQ=DAILY;UNTIL=20260330T120000Z"},
         "2026-03-01T23:00:00Z",
         "2026-03-30T22:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct recur_set *set = make(cases[i].all_day, cases[i].lines);
        int64_t start = 0, end = 0;
        recur_bounds(set, &start, &end);
        if (start != ms(cases[i].start) || end != (cases[i].end ? ms(cases[i].end) : INT64_MAX))
            fail_msg("case %zu: %lld .. %lld", i, (long long)start, (long long)end);
        recur_free(set);
    }
}

/* The start is pushed behind what follows it on the clock, and is not the first then. */
static void test_bounds_of_a_start_in_a_gap(void **state)
{
    struct recur_start start = {.zone = zone_find("Europe/Berlin"),
                                .wall = true,
                                .start_ms = ms("2026-03-29T02:30:00Z"),
                                .end_ms = ms("2026-03-29T02:45:00Z")};
    struct recur_set *set = NULL;
    struct recur_instance in;
    int64_t first, end;

    (void)state;
    assert_int_equal(recur_new(&set, &start, NULL), RC_OK);
    assert_int_equal(recur_add(set, span_of("RRULE:FREQ=MINUTELY;INTERVAL=30;COUNT=4"), NULL),
                     RC_OK);
    assert_int_equal(recur_seal(set, NULL), RC_OK);
    recur_bounds(set, &first, &end);
    struct recur_iter *it = recur_open(set, INT64_MIN, INT64_MAX, RECUR_BUDGET);
    assert_true(recur_next(it, &in));
    assert_true(in.start_ms == ms("2026-03-29T01:00:00Z") && first == in.start_ms);
    assert_int_equal(recur_close(it, NULL), RC_OK);
    recur_free(set);
}

static void test_an_end_before_the_start_is_none(void **state)
{
    (void)state;
    for (int all_day = 0; all_day < 2; all_day++) {
        struct recur_start start = {.zone = zone_find("Europe/Berlin"),
                                    .all_day = all_day,
                                    .start_ms = ms("2026-03-02T00:00:00Z"),
                                    .end_ms = ms("2026-02-25T00:00:00Z")};
        struct recur_set *set = NULL;
        struct recur_instance in;
        assert_int_equal(recur_new(&set, &start, NULL), RC_OK);
        assert_int_equal(recur_seal(set, NULL), RC_OK);
        struct recur_iter *it = recur_open(set, INT64_MIN, INT64_MAX, RECUR_BUDGET);
        assert_true(recur_next(it, &in) && in.start_ms == in.end_ms);
        assert_int_equal(recur_close(it, NULL), RC_OK);
        recur_free(set);
    }
}

/* Dates in any order, and in a zone of their own. */
static void test_dates(void **state)
{
    struct recur_set *set =
        SET(false, "RRULE:FREQ=DAILY;COUNT=9", "EXDATE;VALUE=DATE:20260308,20260303,20260306",
            "RDATE;TZID=\"America/New_York\":20260303T090000", " EXDATE:20260305T080000Z\r\n");
    int64_t there = ms("2026-03-03T14:00:00Z");

    (void)state;
    assert_int_equal(count(set, INT64_MIN, INT64_MAX), 9 - 4 + 1 - 1);
    recur_free(set);
    set = SET(false, "EXDATE;VALUE=DATE:20260308,20260304,20260306",
              "RDATE;TZID=\"America/New_York\":20260303T090000");
    assert_int_equal(count(set, there, there + 1), 1);
    assert_int_equal(count(set, there - 1, there), 0);
    recur_free(set);
    set = SET(true, "RRULE:FREQ=DAILY;COUNT=5", "EXDATE:20260303T080000Z,20260304T000000");
    assert_int_equal(count(set, INT64_MIN, INT64_MAX), 3);
    recur_free(set);
}

static void test_budget(void **state)
{
    struct recur_set *set = SET(false, "RRULE:FREQ=SECONDLY");
    struct recur_iter *it = recur_open(set, INT64_MIN, INT64_MAX, 1000);
    struct recur_instance in;
    struct err e = {0};
    size_t n = 0;

    (void)state;
    while (recur_next(it, &in))
        n++;
    assert_in_range(n, 990, 1000);
    assert_int_equal(recur_close(it, &e), RC_FULL);
    assert_string_equal(e.text, "the recurrence takes too many steps to follow");
    assert_int_equal(recur_close(NULL, &e), RC_OK);
    assert_false(recur_next(NULL, &in));
    recur_free(set);
    recur_free(NULL);
}

static void test_limits(void **state)
{
    struct recur_start start = {.zone = zone_utc()};
    struct recur_set *set = NULL;
    struct err e = {0};
    enum rc rc = RC_OK;
    int i;

    (void)state;
    assert_int_equal(recur_new(&set, &start, &e), RC_OK);
    for (i = 0; rc == RC_OK && i < 200000; i++)
        rc = recur_add(set, span_of("EXDATE:20260309T080000Z"), &e);
    assert_int_equal(rc, RC_FULL);
    assert_int_equal(i, RECUR_DATES_MAX + 1);
    assert_string_equal(e.text, "EXDATE: \"20260309T080000Z\": more than 100000 dates");
    recur_free(set);
    set = NULL;
    start.start_ms = ms("9999-12-31T23:59:59Z") + 1000;
    assert_int_equal(recur_new(&set, &start, &e), RC_BADDATA);
    start.start_ms = INT64_MIN;
    assert_int_equal(recur_new(&set, &start, &e), RC_BADDATA);
    start.start_ms = 0;
    start.end_ms = INT64_MAX;
    assert_int_equal(recur_new(&set, &start, &e), RC_BADDATA);
    assert_null(set);
}

static void *walk(void *arg)
{
    size_t n = 0;

    for (int i = 0; i < 200; i++)
        n += count(arg, ms("2031-03-01T00:00:00Z"), ms("2031-05-01T00:00:00Z"));
    return n == 200 * 25 ? NULL : arg;
}

/* A sealed set is not written to any more: the sanitizers see to the rest. */
static void test_shared_between_threads(void **state)
{
    struct recur_set *set =
        SET(false, "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=5000", "EXDATE:20310305T080000Z");
    pthread_t threads[2];
    void *result;

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, walk, set), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    recur_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_edges),
        cmocka_unit_test(test_period_window),
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_all_day_window),
        cmocka_unit_test(test_no_bounds),
        cmocka_unit_test(test_find_slot),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_bounds_of_a_start_in_a_gap),
        cmocka_unit_test(test_an_end_before_the_start_is_none),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_shared_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
