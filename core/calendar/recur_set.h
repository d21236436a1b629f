/* recur_set: what a recurrence set is made of; shared by recur.c (building) and recur_walk.c only.
 */
#ifndef CORE_CALENDAR_RECUR_SET_H
#define CORE_CALENDAR_RECUR_SET_H

#include "core/base/floor.h"
#include "core/calendar/recur.h"
#include "core/calendar/slots.h"

/* A "key" is what orders and identifies instances: the instant in seconds for timed series, the
 * date's midnight as if UTC for all-day ones. */
struct recur_date {
    int64_t key;
    int64_t duration_ms; /* of an RDATE period; -1 = the series' own */
};

struct recur_rule {
    struct slots_plan plan;
    bool exclude;
    int64_t count;     /* slots of the plan it may use; -1 = no such limit */
    int64_t end_local; /* UNTIL as wall time, exclusive */
    int64_t last_key;  /* UNTIL as an instant, inclusive */
};

struct recur_set {
    const struct zone *zone;
    bool all_day;
    int64_t local, key;       /* of the start */
    int64_t duration_ms;      /* timed */
    int64_t days;             /* all-day */
    struct zone_span second;  /* when the start is in a second pass: the rest of it; else empty */
    struct recur_rule *rules; /* RRULEs and EXRULEs */
    size_t rule_count;
    struct recur_date *dates; /* RDATEs and the start; ascending, no key twice */
    size_t date_count, date_size;
    int64_t *ex_keys; /* EXDATE with a time; ascending */
    size_t ex_key_count, ex_key_size;
    int64_t *ex_days; /* EXDATE as a date, days since 1970-01-01; ascending */
    size_t ex_day_count, ex_day_size;
    int64_t longest_ms; /* greatest duration of an instance */
    bool sealed;
};

static inline int64_t recur_day_of(int64_t local)
{
    return floor_div(local, 86400);
}

#endif
