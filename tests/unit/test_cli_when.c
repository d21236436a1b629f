/* test_cli_when: points in time as a person writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cmd/calmirror/when.c"

#define NOW  \
    INT64_C( \
        1774747800000) /* 2026-03-29T01:30:00Z: in Zurich 03:30, half an hour into summer time */

static void test_readable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"now", NOW},
        {"today", INT64_C(1774738800000)},    /* 2026-03-28T23:00:00Z */
        {"tomorrow", INT64_C(1774821600000)}, /* 2026-03-29T22:00:00Z: that day has 23 hours */
        {"+7d", NOW + 7 * DAY_MS},
        {"-1h30m", NOW - 5400000},
        {"2026-03-29", INT64_C(1774738800000)},
        {"2026-07-01T12:00:00", INT64_C(1782900000000)},
        {"2026-07-01T12:00:00Z", INT64_C(1782907200000)},
        {"2026-07-01T12:00:00+05:30", INT64_C(1782887400000)},
        {"2038-07-01", INT64_C(2161548000000)}, /* 2038-06-30T22:00:00Z */
        {"9999-12-31T12:00:00", INT64_C(253402254000000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = 0;
        if (!when_read(cases[i].text, NOW, &ms) || ms != cases[i].ms)
            fail_msg("%s: %lld", cases[i].text, (long long)ms);
    }
}

static void test_unreadable(void **state)
{
    (void)state;
    static const char *const cases[] = {"",   "+",          "-",          "yesterday", "7d",
                                        "+7", "2026-02-30", "2026-13-01", "12:00",     "+ 7d"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = 42;
        if (when_read(cases[i], NOW, &ms) || ms != 42)
            fail_msg("'%s' was taken for %lld", cases[i], (long long)ms);
    }
}

/* Beyond what 32 bits can count: shown in the machine's zone, summer time included. */
static void test_far_away(void **state)
{
    (void)state;
    static const struct {
        const char *moment, *shown;
    } cases[] = {
        {"{\"dateTime\":\"2038-07-01T10:30:00Z\"}", "Thu 01 Jul 12:30"},
        {"{\"dateTime\":\"9999-12-31T11:30:00Z\"}", "Fri 31 Dec 12:30"},
        {"{\"dateTime\":\"1901-01-01T11:30:00Z\"}", "Tue 01 Jan 12:30"},
        {"{\"date\":\"2106-02-28\"}", "Sun 28 Feb"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char shown[64];
        assert_string_equal(when_show(span_of(cases[i].moment), shown, sizeof(shown)),
                            cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readable),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_far_away),
    };
    setenv("TZ", "Europe/Zurich", 1);
    tzset();
    return cmocka_run_group_tests_name("cli_when", tests, NULL, NULL);
}
