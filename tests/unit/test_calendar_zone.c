/* Tests of zone, tzif and posixtz: against glibc's own reading of the same files, and at the edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/rfc3339.h"
#include "core/calendar/posixtz.h"
#include "core/calendar/tzif.h"
#include "core/calendar/zone.h"

#define DIR "/usr/share/zoneinfo"

static int64_t at(const char *text)
{
    int64_t ms;
    int32_t offset;
    bool local;

    assert_true(rfc3339_time(span_of(text), &ms, &offset, &local));
    return ms / 1000;
}

static const struct zone *zone(const char *name)
{
    const struct zone *z = zone_find(name);

    if (!z)
        fail_msg("no zone %s", name);
    return z;
}

static char names[1000][ZONE_NAME_MAX];
static size_t name_count;

static int take_name(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *name = path + strlen(DIR "/");

    (void)st;
    (void)ftw;
    if (type == FTW_F && !strchr(name, '.') && strncmp(name, "right/", 6) != 0 &&
        strncmp(name, "posix/", 6) != 0 && strcmp(name, "localtime") != 0 &&
        strcmp(name, "posixrules") != 0 && strcmp(name, "leapseconds") != 0 && name_count < 1000)
        strcpy(names[name_count++], name);
    return 0;
}

static int list_names(void **state)
{
    (void)state;
    return nftw(DIR, take_name, 8, 0) == 0 && name_count > 300 ? 0 : -1;
}

/* Every zone there is, at and around each of its changes and at odd times up to 9999. */
static void test_like_glibc(void **state)
{
    (void)state;
    for (size_t n = 0; n < name_count; n++) {
        const struct zone *z = zone(names[n]);
        struct zone_hint hint = {0};
        setenv("TZ", names[n], 1);
        tzset();
        for (size_t i = 1; i < z->n && z->at[i] < 15000000000; i++) {
            assert_true(z->at[i] > z->at[i - 1]);
            assert_true(z->wall[i] > z->wall[i - 1]);
        }
        for (size_t i = 0; i < 400; i++) {
            size_t step = z->n / 200 + 1;
            int64_t t = i < 200 && i * step + 1 < z->n
                            ? z->at[i * step + 1] - 1 + (int64_t)(i % 3)
                            : -2000000000 + (int64_t)i * (int64_t)i * 1575000;
            time_t tt = t;
            struct tm tm;
            localtime_r(&tt, &tm);
            if (zone_offset_at(z, t) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, glibc %ld", names[n], (long long)t,
                         (int)zone_offset_at(z, t), tm.tm_gmtoff);
            assert_int_equal(zone_offset_near(z, t, &hint), tm.tm_gmtoff);
            assert_int_equal(zone_offset_near(z, t, &hint), tm.tm_gmtoff);
        }
    }
    unsetenv("TZ");
    tzset();
}

/* What recur_walk relies on: after a gap nothing changes for as long as the gap is, in no zone. */
static void test_gaps_are_apart(void **state)
{
    (void)state;
    for (size_t n = 0; n < name_count; n++) {
        const struct zone *z = zone(names[n]);
        for (size_t i = 1; i + 1 < z->n; i++) {
            if (z->at[i + 1] - z->at[i] < z->offset[i] - z->offset[i - 1])
                fail_msg("%s: change %zu", names[n], i);
        }
    }
}

static void test_gap_and_fold(void **state)
{
    static const struct {
        const char *zone, *local, *utc;
    } cases[] = {
        {"Europe/Berlin", "2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z"},
        {"Europe/Berlin", "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z"}, /* gap: offset before */
        {"Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"},
        {"Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-10-25T01:59:59Z", "2026-10-24T23:59:59Z"},
        {"Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"}, /* fold: first pass */
        {"Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z"},
        {"America/New_York", "2026-03-08T02:30:00Z", "2026-03-08T07:30:00Z"},
        {"America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z"},
        {"Australia/Lord_Howe", "2026-10-04T02:15:00Z", "2026-10-03T15:45:00Z"},
        {"Australia/Lord_Howe", "2026-04-05T01:45:00Z", "2026-04-04T14:45:00Z"},
        {"Africa/Casablanca", "2026-02-15T02:30:00Z", "2026-02-15T01:30:00Z"},
        {"Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z"}, /* a day that never was */
        {"Europe/Berlin", "2426-03-29T02:30:00Z", "2426-03-29T01:30:00Z"}, /* one cycle later */
        {"Europe/Berlin", "9999-07-01T12:00:00Z", "9999-07-01T10:00:00Z"},
        {"Europe/Berlin", "0001-01-01T00:53:28Z", "0001-01-01T00:00:00Z"}, /* local mean time */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct zone *z = zone(cases[i].zone);
        int64_t local = at(cases[i].local), utc = zone_local_to_utc(z, local);
        struct zone_span span = zone_local_span(z, local);
        char text[RFC3339_MAX];
        rfc3339_write(text, utc * 1000, 0);
        assert_string_equal(text, cases[i].utc);
        assert_true(span.lo <= local && local < span.hi && span.gap <= span.hi);
        assert_int_equal(local - span.offset_s, utc);
    }
}

static void test_second_pass(void **state)
{
    const struct zone *z = zone("Europe/Berlin");
    int64_t end = 0;

    (void)state;
    assert_false(zone_second_pass(z, at("2026-10-25T00:30:00Z"), &end));
    assert_false(zone_second_pass(z, at("2026-10-25T02:00:00Z"), &end));
    assert_false(zone_second_pass(z, at("2026-03-29T01:30:00Z"), &end));
    assert_int_equal(end, 0);
    assert_true(zone_second_pass(z, at("2026-10-25T01:00:00Z"), &end));
    assert_true(end == at("2026-10-25T03:00:00Z"));
}

static void test_offset_range(void **state)
{
    const struct zone *z = zone("Europe/Berlin");
    int64_t change = at("2026-03-29T01:00:00Z");
    int32_t least, most;

    (void)state;
    zone_offset_range(z, change - 10, change - 1, &least, &most);
    assert_true(least == 3600 && most == 3600);
    zone_offset_range(z, change - 10, change, &least, &most);
    assert_true(least == 3600 && most == 7200);
    zone_offset_range(z, change, change + 10, &least, &most);
    assert_true(least == 7200 && most == 7200);
}

/* Beyond the table its last years are used again and again; a hint of one time is none of another.
 */
static void test_hints_of_later_times(void **state)
{
    const struct zone *z = zone("America/New_York");
    struct zone_hint hint = {0};

    (void)state;
    assert_int_equal(zone_offset_near(z, at("2900-07-01T00:00:00Z"), &hint), -4 * 3600);
    assert_int_equal(zone_offset_near(z, at("2900-12-01T00:00:00Z"), &hint), -5 * 3600);
    assert_int_equal(zone_offset_near(z, at("2900-01-01T00:00:00Z"), &hint), -5 * 3600);
    assert_int_equal(zone_offset_near(z, at("2900-07-01T00:00:00Z"), &hint), -4 * 3600);
    assert_int_equal(zone_offset_near(z, at("2500-01-01T00:00:00Z"), &hint), -5 * 3600);
    assert_int_equal(zone_offset_near(z, at("2900-07-01T00:00:00Z"), &hint), -4 * 3600);
    assert_int_equal(zone_offset_near(z, at("2031-01-01T00:00:00Z"), &hint), -5 * 3600);
}

static void test_names(void **state)
{
    static const char *const bad[] = {
        "",
        "/",
        "/etc/passwd",
        "/Europe/Berlin",
        "../../../etc/passwd",
        "Europe/../Europe/Berlin",
        "Europe/",
        "Europe//Rome",
        "Europe",
        "tzdata.zi",
        "zone.tab",
        "Mars/X",
        "leapseconds",
        "right/Europe/Berlin",
        "posix/Europe/Berlin",
        "posixrules",
        "localtime",
        "Customized Time Zone",
        "GMT+02:00",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (zone_find(bad[i]))
            fail_msg("\"%s\" is taken for a zone", bad[i]);
        assert_null(zone_find(bad[i]));
    }
    assert_ptr_equal(zone_find("Europe/Berlin"), zone_find("Europe/Berlin"));
    assert_string_equal(zone_name(zone("Asia/Calcutta")), "Asia/Calcutta");
    assert_int_equal(zone_offset_at(zone("Etc/GMT+12"), 0), -12 * 3600);
    assert_int_equal(zone_offset_at(zone_utc(), INT64_MAX), 0);
    assert_string_equal(zone_name(zone_utc()), "UTC");
}

/* Files as Debian 13 has them without its package tzdata-legacy: old names are in tzdata.zi only.
 */
static void use_own_files(char *dir)
{
    char path[128];
    FILE *f;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/Kept", dir);
    assert_int_equal(symlink(DIR "/Asia/Kolkata", path), 0);
    snprintf(path, sizeof(path), "%s/tzdata.zi", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("# version 2026a\n"
          "R Kept 1916 o - May 21 2s 1 BST\n"
          "Z Kept 5:53:28 - LMT 1854 Jun 28\n"
          "L Kept Old/Name\n"
          "L Lost Old/Lost\n"
          "L Kept Old/of_more_characters_than_any_zone_is_allowed_to_have_in_its_name\n"
          "L Kept Old/Last",
          f);
    assert_int_equal(fclose(f), 0);
    zone_set_dir(dir);
}

static void remove_own_files(const char *dir)
{
    char path[128];

    zone_set_dir(DIR);
    snprintf(path, sizeof(path), "%s/Kept", dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/tzdata.zi", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_names_without_a_file(void **state)
{
    char dir[] = "/tmp/calmirror-zone-XXXXXX";

    (void)state;
    use_own_files(dir);
    assert_string_equal(zone_name(zone("Old/Name")), "Old/Name");
    assert_int_equal(zone_offset_at(zone("Old/Name"), 1900000000), 19800);
    assert_int_equal(zone_offset_at(zone("Old/Last"), 1900000000), 19800);
    assert_null(zone_find("Old/Lost"));
    assert_null(zone_find("Old"));
    assert_null(zone_find("Name"));
    assert_null(zone_find("old/name"));
    remove_own_files(dir);
}

/* Names that are no zone must not use up the room of those that are. */
static void test_many_unknown_names(void **state)
{
    char name[32], dir[] = "/tmp/calmirror-zone-XXXXXX";

    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "No/Such_%d", i);
        assert_null(zone_find(name));
    }
    assert_non_null(zone_find("Antarctica/Casey"));
    use_own_files(dir);
    assert_non_null(zone_find("Kept"));
    remove_own_files(dir);
}

static void *find_all(void *arg)
{
    (void)arg;
    for (size_t n = 0; n < name_count; n++) {
        if (!zone_find(names[n]))
            return names[n];
    }
    return NULL;
}

/* Runs first, when nothing is loaded. */
static void test_threads(void **state)
{
    pthread_t threads[4];
    void *result;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_all, NULL), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        if (result)
            fail_msg("%s is missing", (const char *)result);
    }
}

static void test_posixtz(void **state)
{
    static const struct {
        const char *text, *start, *end; /* of daylight saving in 2026; NULL: none */
        int std, dst;
    } good[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", 3600, 7200},
        {"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z", -18000, -14400},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-03T15:30:00Z", "2026-04-04T15:00:00Z",
         37800, 39600},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T01:00:00Z", "2026-03-29T01:00:00Z", 3600, 0},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", -7200,
         -3600},
        {"XXX0YYY,J60/0,J300/0", "2026-03-01T00:00:00Z", "2026-10-26T23:00:00Z", 0, 3600},
        {"XXX0YYY,59/0,299/167", "2026-03-01T00:00:00Z", "2026-11-02T22:00:00Z", 0, 3600},
        {"XXX0YYY,M3.1.0,M12.5.0", "2026-03-01T02:00:00Z", "2026-12-27T01:00:00Z", 0, 3600},
        {"LMT0:01:15YYY,J60/0,J300/0", "2026-03-01T00:01:15Z", "2026-10-26T23:01:15Z", -75, 3525},
        {"<+01>-1", NULL, NULL, 3600, 0},
    };
    static const char *const bad[] = {
        "",
        "CET",
        "CE-1",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "<CET-1",
        "CET-25",
        "CET-1:60",
        "CET-1CEST,M13.1.0,M1.1.0",
        "CET-1x",
        "<>-1",
        "CET-1CEST,J0,J1",
        "CET-1CEST,M3.5.0,M10.5.0/168",
        "CET-1CEST,M3.5.0,M10.5.0/3 ",
        "CET-1CEST,M3.6.0,M10.5.0",
    };
    struct posixtz tz;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!posixtz_read(&tz, span_of(good[i].text)))
            fail_msg("%s is refused", good[i].text);
        assert_int_equal(tz.std_s, good[i].std);
        assert_int_equal(tz.yearly, good[i].start != NULL);
        if (good[i].start) {
            assert_int_equal(tz.dst_s, good[i].dst);
            assert_true(posixtz_dst_start(&tz, 2026) == at(good[i].start));
            assert_true(posixtz_dst_end(&tz, 2026) == at(good[i].end));
        }
    }
    /* J counts no leap day. */
    assert_true(posixtz_read(&tz, span_of("XXX0YYY,J59/0,J60/0")));
    assert_true(posixtz_dst_start(&tz, 2028) == at("2028-02-28T00:00:00Z"));
    assert_true(posixtz_dst_end(&tz, 2028) == at("2028-02-29T23:00:00Z"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (posixtz_read(&tz, span_of(bad[i])))
            fail_msg("%s is accepted", bad[i]);
    }
}

/* A file cut anywhere, or with any one byte changed, is read or refused, never more. */
static void test_damaged_files(void **state)
{
    char bytes[8192];
    FILE *f = fopen(DIR "/Europe/Berlin", "rb");
    size_t n;

    (void)state;
    assert_non_null(f);
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    assert_true(n > 500 && n < sizeof(bytes));
    for (size_t i = 0; i < n; i++) {
        struct zone z = {0};
        struct err e = {0};
        char *part = malloc(i + 1); /* so that a read past the end is seen */
        memcpy(part, bytes, i);
        assert_int_equal(tzif_read(&z, (struct span){part, i}, &e), RC_BADDATA);
        assert_true(e.text[0] != '\0');
        free(part);
    }
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++) {
            struct zone z = {0};
            char old = bytes[i];
            bytes[i] = (char)(k == 0 ? 0 : k == 1 ? 0xff : old ^ 0x40);
            if (tzif_read(&z, (struct span){bytes, n}, NULL) == RC_OK) {
                zone_offset_at(&z, 1900000000);
                zone_local_to_utc(&z, 200000000000);
                tzif_release(&z);
            }
            bytes[i] = old;
        }
    }
}

/* Told as unknown it would be so for good, and every answer with it wrong. */
static void test_no_descriptor(void **state)
{
    struct rlimit none;
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        getrlimit(RLIMIT_NOFILE, &none);
        none.rlim_cur = 0;
        setrlimit(RLIMIT_NOFILE, &none);
        _exit(zone_find("Pacific/Chatham") != NULL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_descriptor), /* before that zone is read */
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_like_glibc),
        cmocka_unit_test(test_gaps_are_apart),
        cmocka_unit_test(test_gap_and_fold),
        cmocka_unit_test(test_hints_of_later_times),
        cmocka_unit_test(test_second_pass),
        cmocka_unit_test(test_offset_range),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_without_a_file),
        cmocka_unit_test(test_many_unknown_names),
        cmocka_unit_test(test_posixtz),
        cmocka_unit_test(test_damaged_files),
    };

    return cmocka_run_group_tests(tests, list_names, NULL);
}
