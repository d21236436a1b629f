/* Tests of rfc3339: every day of four-digit years, strict reading, the writers' edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/rand.h"
#include "core/base/rfc3339.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* A calendar that counts on its fingers, against the formulas. */
static void test_every_day(void **state)
{
    (void)state;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = -719162; /* 0001-01-01 */
    for (int year = 1; year <= 9999; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (int month = 1; month <= 12; month++) {
            int last = lengths[month - 1] + (month == 2 && leap);
            for (int day = 1; day <= last; day++, days++) {
                int y, m, d;
                civil_from_days(days, &y, &m, &d);
                if (days_from_civil(year, month, day) != days || y != year || m != month ||
                    d != day)
                    fail_msg("%04d-%02d-%02d", year, month, day);
            }
            char text[RFC3339_MAX];
            int64_t got = 0;
            snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, last);
            assert_true(rfc3339_date(span_of(text), &got));
            assert_true(got == days - 1);
            char written[RFC3339_MAX];
            assert_int_equal(rfc3339_write_date(written, days - 1), 10);
            assert_string_equal(written, text);
            snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, last + 1);
            assert_false(rfc3339_date(span_of(text), &got));
        }
    }
    assert_int_equal(days, 2932897); /* 10000-01-01 */
    assert_int_equal(days_from_civil(1970, 1, 1), 0);
    assert_int_equal(days_from_civil(2000, 3, 1), 11017);
}

static void test_bad_dates(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "2026-03-2",  "2026-03-290", "2026-3-29",  "26-03-29",   "2026/03/29",
        "2026-03/29", "20260329",   "0000-01-01",  "2026-00-01", "2026-13-01", "2026-01-00",
        "2026-01-32", "2026-02-29", "1900-02-29",  "2026-04-31", "-026-03-29", "+026-03-29",
        " 026-03-29", "2026-03-2x", "2026-0x-29",  "2026-03-29T"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t days = 99;
        if (rfc3339_date(span_of(bad[i]), &days) || days != 99)
            fail_msg("accepted '%s'", bad[i]);
    }
    int64_t days;
    assert_true(rfc3339_date(span_of("2000-02-29"), &days));
    assert_true(rfc3339_date(span_of("2024-02-29"), &days));
    assert_false(rfc3339_date((struct span){0}, &days));
}

static const struct {
    const char *text;
    int64_t ms;
    int32_t offset_s;
    const char *back;
} times[] = {
    {"1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"},
    {"1970-01-01t00:00:00z", 0, 0, "1970-01-01T00:00:00Z"},
    {"1970-01-01T00:00:00+00:00", 0, 0, "1970-01-01T00:00:00Z"},
    {"1970-01-01T00:00:00-00:00", 0, 0, "1970-01-01T00:00:00Z"},
    {"1969-12-31T23:59:59.999Z", -1, 0, "1969-12-31T23:59:59Z"},
    {"2026-03-29T02:30:00+02:00", 1774744200000, 7200, "2026-03-29T02:30:00+02:00"},
    {"2026-03-28T14:30:00-10:00", 1774744200000, -36000, "2026-03-28T14:30:00-10:00"},
    {"2026-03-29T06:00:00+05:30", 1774744200000, 19800, "2026-03-29T06:00:00+05:30"},
    {"2026-03-29T00:29:00-00:01", 1774744200000, -60, "2026-03-29T00:29:00-00:01"},
    {"2026-03-29T00:30:00.000Z", 1774744200000, 0, "2026-03-29T00:30:00Z"},
    {"2026-03-29T00:30:00.5Z", 1774744200500, 0, "2026-03-29T00:30:00Z"},
    {"2026-03-29T00:30:00.07Z", 1774744200070, 0, "2026-03-29T00:30:00Z"},
    {"2026-03-29T00:30:00.1239999999999999Z", 1774744200123, 0, "2026-03-29T00:30:00Z"},
    {"2016-12-31T23:59:60Z", 1483228799000, 0, "2016-12-31T23:59:59Z"},
    {"2016-12-31T23:59:60.25+00:00", 1483228799250, 0, "2016-12-31T23:59:59Z"},
    {"0001-01-01T00:00:00Z", -62135596800000, 0, "0001-01-01T00:00:00Z"},
    {"9999-12-31T23:59:59.999Z", 253402300799999, 0, "9999-12-31T23:59:59Z"},
    {"2026-01-01T00:00:00+23:59", 1767139260000, 86340, "2026-01-01T00:00:00+23:59"},
    {"2026-01-01T00:00:00-23:59", 1767311940000, -86340, "2026-01-01T00:00:00-23:59"},
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        int64_t ms = 99;
        int32_t offset = 99;
        bool local = true;
        char out[RFC3339_MAX];
        if (!rfc3339_time(span_of(times[i].text), &ms, &offset, &local) || ms != times[i].ms)
            fail_msg("%s: %lld", times[i].text, (long long)ms);
        assert_int_equal(offset, times[i].offset_s);
        assert_false(local);
        assert_int_equal(rfc3339_write(out, ms, offset), strlen(times[i].back));
        assert_string_equal(out, times[i].back);
        assert_true(rfc3339_time(span_of(times[i].text), &ms, NULL, NULL));
    }
}

static void test_bad_times(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-03-29",
        "2026-03-29T00:30:00",
        "2026-03-29T00:30:00.",
        "2026-03-29T00:30:00.Z",
        "2026-03-29T00:30:00,5Z",
        "2026-03-29T00:30Z",
        "2026-03-29 00:30:00Z",
        "2026-03-29T24:00:00Z",
        "2026-03-29T00:60:00Z",
        "2026-03-29T00:00:61Z",
        "2026-03-29T0:30:000Z",
        "2026-03-29T00-30-00Z",
        "2026-02-29T00:30:00Z",
        "2026-03-29T00:30:00ZZ",
        "2026-03-29T00:30:00Z ",
        " 2026-03-29T00:30:00Z",
        "2026-03-29T00:30:00+0200",
        "2026-03-29T00:30:00+02",
        "2026-03-29T00:30:00+2:00",
        "2026-03-29T00:30:00+24:00",
        "2026-03-29T00:30:00+02:60",
        "2026-03-29T00:30:00+02:0x",
        "2026-03-29T00:30:00+02x00",
        "2026-03-29T00:30:00+02:000",
        "2026-03-29T00-30:00Z",
        "2026-03-29T00:30-00Z",
        "2026-03-29T00:30:00 02:00",
        "2026-03-29T00:30:00UTC",
        "2026-03-29T00:30:00[Europe/Berlin]",
        "2026-03-29T+1:30:00Z",
        "0000-12-31T00:00:00Z",
        "20260329T003000Z",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t ms = 99;
        int32_t offset = 99;
        if (rfc3339_time(span_of(bad[i]), &ms, &offset, NULL) || ms != 99 || offset != 99)
            fail_msg("accepted '%s'", bad[i]);
    }
}

static void test_local(void **state)
{
    (void)state;
    int64_t ms = 99;
    int32_t offset = 99;
    bool local = false;
    assert_true(rfc3339_time(span_of("2026-03-29T00:30:00"), &ms, &offset, &local));
    assert_true(local && ms == 1774744200000 && offset == 0);
    local = false;
    assert_true(rfc3339_time(span_of("2026-03-29T00:30:00.25"), &ms, &offset, &local));
    assert_true(local && ms == 1774744200250);
    local = false;
    assert_false(rfc3339_time(span_of("2026-03-29T00:30:00."), &ms, &offset, &local));
    assert_false(rfc3339_time(span_of("2026-03-29T00:30:00x"), &ms, &offset, &local));
    assert_false(local);
}

/* Random moments against the C library. */
static void test_against_libc(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        int64_t ms = rand_between(-62135596800000, 253402300799999);
        int32_t offset = (int32_t)rand_between(-1439, 1439) * 60;
        time_t seconds = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000);
        struct tm tm;
        char want[64], got[RFC3339_MAX];
        gmtime_r(&seconds, &tm);
        int n = snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                         tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                         tm.tm_sec, (int)(ms - seconds * 1000));
        assert_int_equal(rfc3339_write_ms(got, ms), n);
        assert_string_equal(got, want);
        int64_t back;
        assert_true(rfc3339_time(span_of(got), &back, NULL, NULL));
        assert_true(back == ms);

        strftime(want, sizeof want, "%a, %d %b ", &tm);
        n = (int)strlen(want);
        snprintf(want + n, sizeof want - (size_t)n, "%04d %02d:%02d:%02d GMT", tm.tm_year + 1900,
                 tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_int_equal(rfc3339_write_http(got, ms), 29);
        assert_string_equal(got, want);

        int32_t offset_back;
        rfc3339_write(got, ms, offset);
        assert_true(rfc3339_time(span_of(got), &back, &offset_back, NULL));
        if (ms > -62135596800000 + 86400000 && ms < 253402300799999 - 86400000) {
            assert_true(back == (int64_t)seconds * 1000);
            assert_int_equal(offset_back, offset);
        }
    }
}

static void test_edges(void **state)
{
    (void)state;
    char out[RFC3339_MAX];
    rfc3339_write_http(out, 784111777000); /* the example of RFC 9110 */
    assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    rfc3339_write_http(out, -1);
    assert_string_equal(out, "Wed, 31 Dec 1969 23:59:59 GMT");

    /* Four digits cannot say these; the nearest that they can is written. */
    rfc3339_write(out, INT64_MAX, 0);
    assert_string_equal(out, "9999-12-31T23:59:59Z");
    rfc3339_write(out, INT64_MIN, 0);
    assert_string_equal(out, "0001-01-01T00:00:00Z");
    rfc3339_write(out, 253402300799000, 3600);
    assert_string_equal(out, "9999-12-31T23:59:59+01:00");
    rfc3339_write(out, INT64_MAX, 3600);
    assert_string_equal(out, "9999-12-31T23:59:59+01:00");
    rfc3339_write(out, INT64_MIN, -3600);
    assert_string_equal(out, "0001-01-01T00:00:00-01:00");
    rfc3339_write_ms(out, INT64_MAX);
    assert_string_equal(out, "9999-12-31T23:59:59.999Z");
    rfc3339_write_ms(out, INT64_MIN);
    assert_string_equal(out, "0001-01-01T00:00:00.000Z");
    rfc3339_write_http(out, INT64_MIN);
    assert_string_equal(out, "Mon, 01 Jan 0001 00:00:00 GMT");
    rfc3339_write_date(out, INT64_MAX);
    assert_string_equal(out, "9999-12-31");
    rfc3339_write_date(out, INT64_MIN);
    assert_string_equal(out, "0001-01-01");

    /* An offset with seconds (local mean time) loses them; the instant does not change. */
    rfc3339_write(out, 0, 3208);
    assert_string_equal(out, "1970-01-01T00:53:00+00:53");
    rfc3339_write(out, 0, -3208);
    assert_string_equal(out, "1969-12-31T23:07:00-00:53");
    rfc3339_write(out, 0, 59);
    assert_string_equal(out, "1970-01-01T00:00:00Z");
    rfc3339_write(out, 0, INT32_MIN);
    assert_string_equal(out, "1969-12-31T00:01:00-23:59");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day), cmocka_unit_test(test_bad_dates),
        cmocka_unit_test(test_times),     cmocka_unit_test(test_bad_times),
        cmocka_unit_test(test_local),     cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests_name("base/rfc3339", tests, NULL, NULL);
}
