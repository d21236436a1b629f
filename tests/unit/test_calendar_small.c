/* Tests of the small modules of calendar: stamp, rrule, instance_id, freebusy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/rfc3339.h"
#include "core/calendar/freebusy.h"
#include "core/calendar/instance_id.h"
#include "core/calendar/rrule.h"
#include "core/calendar/stamp.h"

static void test_stamp(void **state)
{
    static const char *const good[] = {"20260329",         "00010101",        "99991231T235959Z",
                                       "20240229T000000Z", "20260329T023000", "19700101T000000Z"};
    static const char *const bad[] = {
        "",
        "2026032",
        "202603290",
        "20260230",
        "20250229",
        "00000101",
        "20261301",
        "20260029",
        "20260300",
        "20260329T",
        "20260329T0230",
        "20260329T246000Z",
        "20260329T026000",
        "20260329T023061",
        "20260329T023000z1",
        "20260329 023000",
        "2026-3-29",
        "20260329T023000+",
        "20260329T02:000",
    };
    struct stamp s;
    char text[STAMP_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(stamp_read(&s, span_of(good[i])));
        assert_int_equal(stamp_write(text, s), strlen(good[i]));
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (stamp_read(&s, span_of(bad[i])))
            fail_msg("%s is accepted", bad[i]);
    }
    assert_true(stamp_read(&s, span_of("20161231t235960z")));
    stamp_write(text, s);
    assert_string_equal(text, "20161231T235959Z");
}

static void test_duration(void **state)
{
    static const struct {
        const char *text;
        int64_t s;
    } good[] = {{"PT1H30M", 5400},  {"P1D", 86400},      {"P2W", 1209600},
                {"+P1DT1S", 86401}, {"PT90M", 5400},     {"PT0S", 0},
                {"pt15m", 900},     {"P7DT12H", 648000}, {"PT1H1S", 3601}};
    static const char *const bad[] = {"",      "P",     "PT",     "1H",     "P1H",
                                      "PT1D",  "-PT1H", "PT1M1H", "PT1",    "P1DT",
                                      "PT1H ", "P1.5D", "PTH",    "PT1H1H", "PT9999999999S"};
    int64_t s = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!stamp_read_duration(&s, span_of(good[i].text)) || s != good[i].s)
            fail_msg("%s: %lld", good[i].text, (long long)s);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (stamp_read_duration(&s, span_of(bad[i])))
            fail_msg("%s is accepted", bad[i]);
    }
}

/* Every part once, so that each lands in its own set. */
static void test_rrule(void **state)
{
    struct rrule r;
    struct err e = {0};

    (void)state;
    assert_int_equal(rrule_parse(&r,
                                 span_of("freq=Yearly;Interval=3;COUNT=7;UNTIL=20260329T023000Z;"
                                         "BYSECOND=0,60;BYMINUTE=1,59;BYHOUR=2,23;BYMONTH=1,12;"
                                         "BYMONTHDAY=31,-1;BYDAY=MO,+2TU,-53SU;BYWEEKNO=53,-1;"
                                         "BYYEARDAY=1,366,-366;BYSETPOS=64,65,-1;WKST=SU;;X-A=1"),
                                 &e),
                     RC_OK);
    assert_int_equal(r.freq, RRULE_YEARLY);
    assert_true(r.interval == 3 && r.count == 7 && r.wkst == 6);
    assert_true(r.has_until && r.until.kind == STAMP_UTC && r.until.s == 1774751400);
    assert_true(r.by_second == (1 | (uint64_t)1 << 59));
    assert_true(r.by_minute == (2 | (uint64_t)1 << 59));
    assert_true(r.by_hour == (4 | 1 << 23) && r.by_month == (2 | 1 << 12));
    assert_true(r.by_monthday == (uint32_t)1 << 31 && r.by_monthday_neg == 2);
    assert_true(r.by_weekday == 1 && r.has_nth && r.nth[1] == 4 &&
                r.nth_neg[6] == (uint64_t)1 << 53);
    assert_true(r.by_weekno == (uint64_t)1 << 53 && r.by_weekno_neg == 2);
    assert_true(r.by_yearday.pos[0] == 1 && r.by_yearday.pos[5] == (uint64_t)1 << 45);
    assert_true(r.by_yearday.neg[5] == (uint64_t)1 << 45 && r.by_yearday.neg[0] == 0);
    assert_true(r.by_setpos.pos[0] == (uint64_t)1 << 63 && r.by_setpos.pos[1] == 1);
    assert_true(r.by_setpos.neg[0] == 1 && r.by_setpos.some);
    assert_int_equal(rrule_parse(&r, span_of("FREQ=DAILY;INTERVAL=99999999999999999999"), &e),
                     RC_OK);
    assert_true(r.interval == RRULE_INTERVAL_MAX && !r.by_setpos.some && !r.has_until);
    r.count = 42;
    assert_int_equal(rrule_parse(&r, span_of("FREQ=DAILY;BYHOUR=24"), &e), RC_BADDATA);
    assert_string_equal(e.text, "BYHOUR: 24 is out of range");
    assert_true(r.count == 42); /* untouched */
    assert_int_equal(rrule_parse(&r, (struct span){0}, &e), RC_BADDATA);
    static const char *const bad[] = {
        "COUNT=1-",   "COUNT=1:",    "INTERVAL=+",         "BYMONTHDAY=4294967297",
        "BYDAY=54MO", "BYDAY=-54MO", "BYDAY=4294967297MO", "A-FOO=1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "FREQ=MONTHLY;%s", bad[i]);
        if (rrule_parse(&r, span_of(text), &e) != RC_BADDATA)
            fail_msg("%s is accepted", bad[i]);
    }
}

static void test_instance_ids(void **state)
{
    static const struct {
        const char *master, *id;
        int64_t slot_ms;
        bool all_day;
    } cases[] = {
        {"abc", "abc_20260329T013000Z", 1774747800000, false},
        {"abc", "abc_20260329", 1774742400000, true},
        {"a_b_R2", "a_b_R2_20260329", 1774742400000, true},
        /* A capture: a series split in the web interface, 2023. */
        {"kmi1ebqjjc62s2hlukjj706unq_R20230324T093000",
         "kmi1ebqjjc62s2hlukjj706unq_20230515T083000Z", 1684139400000, false},
        {"abc_R20230324", "abc_20230515", 1684108800000, true},
        {"abc_20230101", "abc_20230101_20230515", 1684108800000, true},
        {"_6tlnaq", "_6tlnaq_19691231T235959Z", -1000, false},
        {"x", "x_00010101T000000Z", -62135596800000, false},
    };
    static const char *const none[] = {"",
                                       "abc",
                                       "abc_",
                                       "abc_R20230324T093000",
                                       "_20230515",
                                       "abc_20230515T083000",
                                       "abc_20230230",
                                       "abc-20230515",
                                       "abc_20230515T083000Zx"};
    char id[64];
    struct span base;
    int64_t slot_ms;
    bool all_day;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = strlen(cases[i].id);
        assert_int_equal(instance_id_write(id, sizeof(id), span_of(cases[i].master),
                                           cases[i].slot_ms, cases[i].all_day),
                         n);
        assert_string_equal(id, cases[i].id);
        assert_true(instance_id_read(span_of(id), &base, &slot_ms, &all_day));
        assert_true(span_eq(base, instance_id_base(span_of(cases[i].master))));
        assert_true(slot_ms == cases[i].slot_ms && all_day == cases[i].all_day);
        assert_int_equal(instance_id_write(id, n + 1, span_of(cases[i].master), slot_ms, all_day),
                         n);
        assert_int_equal(instance_id_write(id, n, span_of(cases[i].master), slot_ms, all_day), 0);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        if (instance_id_read(span_of(none[i]), &base, &slot_ms, &all_day))
            fail_msg("\"%s\" is taken for an instance", none[i]);
    }
    assert_int_equal(instance_id_base((struct span){0}).n, 0);
}

static void test_freebusy(void **state)
{
    struct interval v[] = {{50, 60}, {10, 20}, {20, 30}, {12, 15}, {-5, 2},    {90, 120}, {40, 40},
                           {45, 44}, {25, 28}, {99, 99}, {61, 62}, {100, 110}, {-9, 0}};
    struct interval one[] = {{0, 10}};

    (void)state;
    assert_int_equal(freebusy_merge(v, sizeof(v) / sizeof(v[0]), 0, 100), 5);
    assert_true(v[0].start_ms == 0 && v[0].end_ms == 2);
    assert_true(v[1].start_ms == 10 && v[1].end_ms == 30);
    assert_true(v[2].start_ms == 50 && v[2].end_ms == 60);
    assert_true(v[3].start_ms == 61 && v[3].end_ms == 62);
    assert_true(v[4].start_ms == 90 && v[4].end_ms == 100);
    assert_int_equal(freebusy_merge(NULL, 0, 0, 100), 0);
    assert_int_equal(freebusy_merge(one, 1, 10, 20), 0);
}

/* Against marking minutes one by one. */
static void test_freebusy_random(void **state)
{
    uint32_t seed = 12345;

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct interval v[20];
        bool busy[100] = {false}, merged[100] = {false};
        size_t n = round % 20;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1103515245 + 12345;
            v[i].start_ms = seed >> 16 & 127;
            v[i].end_ms = v[i].start_ms + (seed >> 24 & 15);
            for (int64_t t = v[i].start_ms; t < v[i].end_ms; t++) {
                if (t >= 20 && t < 100)
                    busy[t] = true;
            }
        }
        n = freebusy_merge(v, n, 20, 100);
        for (size_t i = 0; i < n; i++) {
            assert_true(v[i].start_ms < v[i].end_ms);
            assert_true(i == 0 || v[i - 1].end_ms < v[i].start_ms);
            for (int64_t t = v[i].start_ms; t < v[i].end_ms; t++)
                merged[t] = true;
        }
        assert_memory_equal(busy, merged, sizeof(busy));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamp),    cmocka_unit_test(test_duration),
        cmocka_unit_test(test_rrule),    cmocka_unit_test(test_instance_ids),
        cmocka_unit_test(test_freebusy), cmocka_unit_test(test_freebusy_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
