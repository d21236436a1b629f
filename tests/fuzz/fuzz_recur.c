/* fuzz_recur: any bytes as lines of a recurrence: refused with a reason, or walked within the
 * budget, in order, within the window and the bounds, each instance to be found again by its slot.
 */
#include <string.h>

#include "core/calendar/recur.h"
#include "tests/fuzz/fuzz.h"

#define BUDGET 20000

static void check_walk(const struct recur_set *set, int64_t min, int64_t max)
{
    struct recur_iter *it = recur_open(set, min, max, BUDGET);
    struct recur_instance in, again;
    int64_t first, last, before = INT64_MIN;
    int lookups = 3;
    enum rc rc;

    recur_bounds(set, &first, &last);
    while (recur_next(it, &in)) {
        if (in.start_ms < before || in.start_ms >= max || in.end_ms <= min ||
            in.end_ms < in.start_ms)
            abort();
        if (in.start_ms < first || in.end_ms > last)
            abort();
        before = in.start_ms;
        if (lookups-- > 0 && recur_find_slot(set, in.slot_ms, &again, NULL) == RC_NOTFOUND)
            abort();
    }
    rc = recur_close(it, NULL);
    if (rc != RC_OK && rc != RC_FULL && rc != RC_SYS)
        abort();
}

/* The first line says what start to take: a letter for the kind and one for the zone. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = {"Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca",
                                        "Pacific/Apia"};
    static const int64_t starts[] = {1774749600, 1792888200, 1325289600, -62135510400,
                                     253400000000};
    struct span rest = {(const char *)data, size};
    struct recur_start start = {0};
    struct recur_set *set = NULL;
    struct err e = {0};
    enum rc rc;

    if (size < 3)
        return 0;
    start.all_day = data[0] == 'd';
    start.wall = data[0] == 'w';
    start.zone = zone_find(zones[data[1] % 4]);
    start.start_ms = starts[data[2] % 5] * 1000;
    start.end_ms = start.start_ms + (start.all_day ? 86400000 : 3600000);
    if (!start.zone || recur_new(&set, &start, &e) != RC_OK)
        abort();
    do {
        const char *end = memchr(rest.p, '\n', rest.n);
        struct span line = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        if (rest.p == (const char *)data)
            line.n = 0;
        rest.n -= end ? (size_t)(end - rest.p) + 1 : rest.n;
        rest.p = end ? end + 1 : rest.p;
        rc = recur_add(set, line, &e);
    } while (rc == RC_OK && rest.n);
    if (rc == RC_OK && recur_seal(set, &e) == RC_OK) {
        check_walk(set, start.start_ms - 86400000, start.start_ms + 400 * INT64_C(86400000));
        check_walk(set, start.start_ms + 4000 * INT64_C(86400000), INT64_MAX);
    } else if (e.text[0] == '\0') {
        abort();
    }
    recur_free(set);
    return 0;
}
