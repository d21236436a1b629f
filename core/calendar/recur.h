/* recur: a recurrence set (start, RRULE, RDATE, EXDATE, EXRULE) and the walk over its instances.
 *
 * A set is built once, is immutable after recur_seal() and may then be shared between threads. A
 * walk jumps to its window, whatever the distance from the start. Exceptions are not known here:
 * who has them leaves out the slots they replace (`slot_ms`) and adds them at their own time. */
#ifndef CORE_CALENDAR_RECUR_H
#define CORE_CALENDAR_RECUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"
#include "core/calendar/zone.h"

#define RECUR_RULES_MAX 32
#define RECUR_DATES_MAX 100000
#define RECUR_BUDGET    1000000 /* a good default: mostly 10 ms of work, 0.1 s at the worst */

/* First start and end. Timed: instants, unless `wall` says they are wall time in `zone` (ms as if
 * UTC). All-day: the dates' UTC midnights, end exclusive. `zone` is the event's own for timed
 * series, the calendar's for all-day ones. An end before the start counts as no duration. */
struct recur_start {
    const struct zone *zone;
    int64_t start_ms, end_ms;
    bool all_day;
    bool wall;
};

struct recur_set;

/* Ends the process when memory runs out, as all of these do: a series that is left out of an answer,
 * or out of what is kept of it, would be missed by nobody. RC_BADDATA: the start makes no sense. */
enum rc recur_new(struct recur_set **ret, const struct recur_start *start, struct err *e);
/* One line of `recurrence`; any order. RC_BADDATA, RC_FULL (more than the limits above). */
enum rc recur_add(struct recur_set *set, struct span line, struct err *e);
enum rc recur_seal(struct recur_set *set, struct err *e); /* RC_FULL */
void recur_free(struct recur_set *set);

/* An instance. All-day: start and end are the midnights in the set's zone, slot_ms the date's UTC
 * midnight. Timed: slot_ms == start_ms. slot_ms is what names the instance (instance_id.h). */
struct recur_instance {
    int64_t start_ms, end_ms;
    int64_t slot_ms;
};

struct recur_iter;

/* Instances with end > min_ms and start < max_ms in ascending order of start; INT64_MIN and
 * INT64_MAX for no bound. `set` is borrowed. At most about `budget` steps of work are done: whether
 * they sufficed shows at recur_close(). */
struct recur_iter *recur_open(const struct recur_set *set, int64_t min_ms, int64_t max_ms,
                              int64_t budget);
bool recur_next(struct recur_iter *it, struct recur_instance *ret);
/* Accepts NULL. RC_FULL: the budget ran out, the instances seen are not all. */
enum rc recur_close(struct recur_iter *it, struct err *e);

/* Is there an instance with this slot? RC_OK, RC_NOTFOUND, RC_FULL. */
enum rc recur_find_slot(const struct recur_set *set, int64_t slot_ms, struct recur_instance *ret,
                        struct err *e);

/* Bounds for an index: no instance starts before *ret_start_ms or ends after *ret_end_ms
 * (INT64_MAX: endless, or a COUNT too far to follow). All-day series move with the calendar's zone:
 * index them with a day's slack. */
void recur_bounds(const struct recur_set *set, int64_t *ret_start_ms, int64_t *ret_end_ms);

#endif
