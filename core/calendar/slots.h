/* slots: the ascending wall-clock times one rule names from one start on. No zones, no exceptions,
 * no COUNT and UNTIL but as an end. Local times are seconds as if UTC. */
#ifndef CORE_CALENDAR_SLOTS_H
#define CORE_CALENDAR_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/calendar/dayset.h"
#include "core/calendar/rrule.h"

#define SLOTS_END 253402300800 /* the first second of the year 10000 */

/* A rule bound to its start: absent parts filled in, times of day as masks. */
struct slots_plan {
    struct rrule rule;
    int64_t start;
    int64_t base; /* number of the period the start is in */
    uint32_t hours;
    uint64_t minutes, seconds;
    uint8_t week; /* WEEKLY without date parts: bit i = i days after the week's first, else 0 */
    bool steady;  /* every period has as many slots as any other */
};

/* RC_BADDATA: FREQ=HOURLY and finer makes no sense for dates. */
enum rc slots_bind(struct slots_plan *ret, const struct rrule *rule, int64_t start, bool all_day,
                   struct err *e);

/* A walk. Plain data: copying it makes a second walk at the same place. */
struct slots {
    const struct slots_plan *plan;
    int64_t end;
    int64_t period;
    struct dayset days;
    uint32_t hours;
    uint64_t minutes, seconds;
    int64_t pos, total; /* BYSETPOS: index of the next slot in its period, and how many there are */
    int day, hour, minute, second; /* the next slot */
    bool live;                     /* there is one */
};

/* Before the first slot >= from; none >= end will come. Every period looked at and every slot costs
 * one of *budget; below zero the walk has ended early. */
void slots_seek(struct slots *s, const struct slots_plan *plan, int64_t from, int64_t end,
                int64_t *budget);
bool slots_next(struct slots *s, int64_t *ret_local, int64_t *budget);

/* Is the start one of the rule's own slots? */
bool slots_names_start(const struct slots_plan *plan);
/* One past the count-th slot, or `end` when it is not before that. */
int64_t slots_count_end(const struct slots_plan *plan, int64_t count, int64_t end, int64_t *budget);

#endif
