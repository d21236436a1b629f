/* recurrence: a thousand series, one month, five years from their start, by our engine and by
 * libical.
 *
 * Both begin with parsed rules and end with UTC instants; libical jumps with
 * icalrecur_iterator_set_start(), which is its fastest way. They take turns, five rounds, CPU time,
 * the median counts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libical/ical.h>

#include "core/calendar/recur.h"

#define SERIES 1000
#define ROUNDS 5
#define ZONE   "Europe/Berlin"

static const char *const rules[] = {
    "FREQ=WEEKLY",  "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=DAILY",
    "FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=2TU",     "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY",
};

struct series {
    struct recur_set *set;
    struct icalrecurrencetype rule;
    struct icaltimetype start;
};

static struct series all[SERIES];
static int64_t min_s, max_s;

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(enum rc rc, const struct err *e)
{
    if (rc != RC_OK) {
        fprintf(stderr, "recurrence: %s\n", e->text);
        exit(1);
    }
}

/* Starts lie in the first four weeks of 2021, at working hours. */
static void build(const char *rule)
{
    icaltimezone *zone = icaltimezone_get_builtin_timezone(ZONE);
    struct err e = {0};

    for (int i = 0; i < SERIES; i++) {
        struct series *s = &all[i];
        int64_t at = 1609747200 + (i % 28) * 86400 + (i % 9) * 3600; /* 2021-01-04 08:00 UTC */
        struct recur_start start = {zone_find(ZONE), at * 1000, (at + 3600) * 1000, false, false};
        char line[128];
        snprintf(line, sizeof(line), "RRULE:%s", rule);
        must(recur_new(&s->set, &start, &e), &e);
        must(recur_add(s->set, (struct span){line, strlen(line)}, &e), &e);
        must(recur_seal(s->set, &e), &e);
        s->rule = icalrecurrencetype_from_string(rule);
        s->start = icaltime_from_timet_with_zone((time_t)at, 0, zone);
        icaltime_set_timezone(&s->start, zone);
    }
}

static int64_t run_ours(int64_t *ret_sum)
{
    struct recur_instance in;
    struct err e = {0};
    int64_t n = 0;

    for (int i = 0; i < SERIES; i++) {
        struct recur_iter *it = recur_open(all[i].set, min_s * 1000, max_s * 1000, RECUR_BUDGET);
        while (recur_next(it, &in)) {
            *ret_sum += in.start_ms / 1000;
            n++;
        }
        must(recur_close(it, &e), &e);
    }
    return n;
}

static int64_t run_libical(int64_t *ret_sum)
{
    icaltimezone *zone = icaltimezone_get_builtin_timezone(ZONE);
    struct icaltimetype from = icaltime_from_timet_with_zone((time_t)min_s - 3600, 0, zone);
    int64_t n = 0;

    icaltime_set_timezone(&from, zone);
    for (int i = 0; i < SERIES; i++) {
        icalrecur_iterator *it = icalrecur_iterator_new(all[i].rule, all[i].start);
        icalrecur_iterator_set_start(it, from);
        for (;;) {
            struct icaltimetype t = icalrecur_iterator_next(it);
            int64_t at;
            if (icaltime_is_null_time(t))
                break;
            at = icaltime_as_timet_with_zone(t, zone);
            if (at >= max_s)
                break;
            if (at + 3600 > min_s) {
                *ret_sum += at;
                n++;
            }
        }
        icalrecur_iterator_free(it);
    }
    return n;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof(*v), by_size);
    return v[ROUNDS / 2];
}

/* The ratio of one rule; both have to find the same instances. */
static double compare(const char *rule)
{
    double ours[ROUNDS], theirs[ROUNDS], ours_us, libical_us;
    int64_t n = 0, n2 = 0, sum, sum2;

    build(rule);
    for (int i = 0; i < ROUNDS; i++) {
        double begin = cpu_us();
        sum = sum2 = 0;
        for (int k = 0; k < 10; k++)
            n = run_ours(&sum);
        ours[i] = (cpu_us() - begin) / 10;
        sum /= 10;
        begin = cpu_us();
        n2 = run_libical(&sum2);
        theirs[i] = cpu_us() - begin;
        if (n != n2 || sum != sum2) {
            fprintf(stderr, "recurrence: %s: %" PRId64 " instances, libical %" PRId64 "\n", rule, n,
                    n2);
            exit(1);
        }
    }
    for (int i = 0; i < SERIES; i++)
        recur_free(all[i].set);
    ours_us = median(ours);
    libical_us = median(theirs);
    printf("%-48s %6" PRId64 " %9.0f %9.0f %7.1f %6.0fx\n", rule, n, libical_us, ours_us,
           ours_us * 1000 / (double)(n ? n : 1), libical_us / ours_us);
    return libical_us / ours_us;
}

int main(void)
{
    double weekly = 0;

    icaltimezone_set_tzid_prefix("");
    min_s = 1767225600; /* 2026-01-01 */
    max_s = min_s + 31 * 86400;
    printf("%d series, one month, five years from their start, %s\n", SERIES, ZONE);
    printf("%-48s %6s %9s %9s %7s %7s\n", "rule", "found", "libical", "ours us", "ns each",
           "ratio");
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        double ratio = compare(rules[i]);
        if (i == 0)
            weekly = ratio;
    }
    printf("weekly: %.0f times as fast as libical with set_start (goal: 50)\n", weekly);
    return weekly >= 50 ? 0 : 1;
}
