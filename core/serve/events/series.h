/* series: a stored series made into a recurrence set. */
#ifndef CORE_SERVE_EVENTS_SERIES_H
#define CORE_SERVE_EVENTS_SERIES_H

#include "core/calendar/recur.h"
#include "core/model/event.h"

/* When a stored series starts and ends, and in which zone it runs. False: its start makes no
 * sense. */
bool series_start(const struct event *master, const struct zone *calendar_zone,
                  struct recur_start *ret);

/* `calendar_zone`: of all-day series, and of those that name no zone that we know. A line that
 * makes no sense is passed over. NULL: its start makes no sense. */
struct recur_set *series_open(const struct event *master, const struct zone *calendar_zone);

/* Does any instance overlap [min_ms, max_ms)? Exceptions are not looked at. When the rule is too
 * much work to tell, yes. */
bool series_set_overlaps(const struct recur_set *set, int64_t min_ms, int64_t max_ms);
/* The same for a series that has to be compiled first. */
bool series_overlaps(const struct event *master, const struct zone *calendar_zone, int64_t min_ms,
                     int64_t max_ms);

#endif
