/* window: a stretch of time that a query asks for, and whether an event is in it. */
#ifndef CORE_SERVE_EVENTS_WINDOW_H
#define CORE_SERVE_EVENTS_WINDOW_H

#include "core/calendar/zone.h"
#include "core/model/collection.h"
#include "core/model/event.h"
#include "storage/events.h"

/* Events with end > min_ms and start < max_ms (INT64_MIN, INT64_MAX: no bound). Days count from
 * midnight to midnight in `zone`, the calendar's. */
struct event_window window_make(int64_t min_ms, int64_t max_ms, const struct zone *zone);

/* The zone of a calendar; UTC when it is not known. */
const struct zone *zone_of_collection(const struct collection *coll);

/* By the event's own start and end; a series by its extent. */
bool window_has(const struct event_window *w, const struct event *ev);

/* A date (ms of its midnight as if UTC) as an instant. */
int64_t window_day_instant(const struct zone *zone, int64_t floating_ms);

#endif
