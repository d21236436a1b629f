/* dayset: which days of a year, month, week or day a rule names. Calendar arithmetic without times
 * of day. */
#ifndef CORE_CALENDAR_DAYSET_H
#define CORE_CALENDAR_DAYSET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/calendar/rrule.h"

#define DAYSET_WORDS 6

/* Bit i is day `first` + i, days since 1970-01-01. */
struct dayset {
    int64_t first;
    unsigned words; /* in use */
    uint64_t bits[DAYSET_WORDS];
};

/* What a period contains is by its rule's parts only; r->freq is not looked at. Parts that name a
 * day have been filled in from the start where the rule has none (slots.c). */
void dayset_of_year(struct dayset *ret, const struct rrule *r, int year);
void dayset_of_month(struct dayset *ret, const struct rrule *r, int year, int month);
void dayset_of_week(struct dayset *ret, const struct rrule *r, int64_t first);
bool dayset_has_day(const struct rrule *r, int64_t day);

/* First day in the set at or after index `from`, or -1. */
int dayset_next(const struct dayset *s, int from);
int dayset_count(const struct dayset *s);
int dayset_count_below(const struct dayset *s, int index);
/* Index of the n-th day (from 0) of the set; n < count. */
int dayset_nth(const struct dayset *s, int n);

/* Days since 1970-01-01 to 0 = Monday .. 6. */
static inline int dayset_weekday(int64_t day)
{
    int w = (int)((day + 3) % 7);
    return w < 0 ? w + 7 : w;
}

#endif
