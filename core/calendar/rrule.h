/* rrule: one recurrence rule (RFC 5545 §3.3.10), parsed into sets. Knows syntax and ranges, not
 * dates. */
#ifndef CORE_CALENDAR_RRULE_H
#define CORE_CALENDAR_RRULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"
#include "core/calendar/stamp.h"

enum rrule_freq {
    RRULE_SECONDLY,
    RRULE_MINUTELY,
    RRULE_HOURLY,
    RRULE_DAILY,
    RRULE_WEEKLY,
    RRULE_MONTHLY,
    RRULE_YEARLY,
};

/* A set of 1..366 and -366..-1: n is bit n - 1 of pos, -n is bit n - 1 of neg. */
#define RRULE_DAY_WORDS 6
struct rrule_days {
    uint64_t pos[RRULE_DAY_WORDS], neg[RRULE_DAY_WORDS];
    bool some;
};

#define RRULE_INTERVAL_MAX 400000000000 /* more seconds than there are until the year 9999 */

/* Every set is empty when its part is absent. Weekdays count from 0 = Monday. */
struct rrule {
    enum rrule_freq freq;
    int64_t interval; /* 1..RRULE_INTERVAL_MAX (greater ones are cut to it) */
    int64_t count;    /* 0 = none */
    bool has_until;
    struct stamp until;
    uint8_t wkst;
    uint64_t by_second, by_minute; /* bit n = n; second 60 is 59 */
    uint32_t by_hour;
    uint16_t by_month;                     /* bit n = month n */
    uint32_t by_monthday, by_monthday_neg; /* bit n = day n, day -n */
    uint8_t by_weekday;                    /* BYDAY without a number */
    bool has_nth;
    uint64_t nth[7], nth_neg[7];       /* BYDAY with one: bit n of weekday */
    uint64_t by_weekno, by_weekno_neg; /* bit n = week n, week -n */
    struct rrule_days by_yearday, by_setpos;
};

/* `value` is what follows "RRULE:". Parts in any order and case, unknown X- parts and empty parts
 * are passed over. RC_BADDATA with a sentence ("BYHOUR: 24 is out of range"). */
enum rc rrule_parse(struct rrule *ret, struct span value, struct err *e);

#endif
