/* freebusy: many busy intervals made into few. */
#ifndef CORE_CALENDAR_FREEBUSY_H
#define CORE_CALENDAR_FREEBUSY_H

#include <stddef.h>
#include <stdint.h>

struct interval {
    int64_t start_ms, end_ms; /* end exclusive */
};

/* Sorts, cuts to [min_ms, max_ms), drops what is empty then, joins what overlaps or touches. In
 * place; returns how many are left. */
size_t freebusy_merge(struct interval *v, size_t n, int64_t min_ms, int64_t max_ms);

#endif
