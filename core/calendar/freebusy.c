/* freebusy: many busy intervals made into few. */
#include "core/calendar/freebusy.h"

#include <stdlib.h>

static int by_start(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

static size_t clip(struct interval *v, size_t n, int64_t min_ms, int64_t max_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct interval b = v[i];
        if (b.start_ms < min_ms)
            b.start_ms = min_ms;
        if (b.end_ms > max_ms)
            b.end_ms = max_ms;
        if (b.start_ms < b.end_ms)
            v[kept++] = b;
    }
    return kept;
}

size_t freebusy_merge(struct interval *v, size_t n, int64_t min_ms, int64_t max_ms)
{
    size_t last = 0;

    n = clip(v, n, min_ms, max_ms);
    if (n == 0)
        return 0;
    qsort(v, n, sizeof(*v), by_start);
    for (size_t i = 1; i < n; i++) {
        if (v[i].start_ms > v[last].end_ms)
            v[++last] = v[i];
        else if (v[i].end_ms > v[last].end_ms)
            v[last].end_ms = v[i].end_ms;
    }
    return last + 1;
}
