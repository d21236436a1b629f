/* window: a stretch of time that a query asks for, and whether an event is in it. */
#include "core/serve/events/window.h"

#include "core/base/clock.h"
#include "core/base/floor.h"

int64_t window_day_instant(const struct zone *zone, int64_t floating_ms)
{
    return zone_local_to_utc(zone, floor_s(floating_ms)) * 1000;
}

const struct zone *zone_of_collection(const struct collection *coll)
{
    const struct zone *zone = zone_find(coll->zone);
    return zone ? zone : zone_utc();
}

/* The floating midnight at or before an instant. */
static int64_t day_of(const struct zone *zone, int64_t ms)
{
    int64_t s = floor_s(ms);
    int64_t wall = (s + zone_offset_at(zone, s)) * 1000;
    return floor_div(wall, DAY_MS) * DAY_MS;
}

struct event_window window_make(int64_t min_ms, int64_t max_ms, const struct zone *zone)
{
    struct event_window w = {min_ms, max_ms, INT64_MIN, INT64_MAX};
    /* Days end and start at midnights, so only which midnights are past a bound matters. */
    if (min_ms != INT64_MIN) {
        int64_t day = day_of(zone, min_ms);
        w.floating_min_ms = window_day_instant(zone, day) > min_ms ? day - 1 : day;
    }
    if (max_ms != INT64_MAX) {
        int64_t day = day_of(zone, max_ms);
        w.floating_max_ms = window_day_instant(zone, day) < max_ms ? day + 1 : day;
    }
    return w;
}

bool window_has(const struct event_window *w, const struct event *ev)
{
    bool floating = ev->flags & EVENT_ALL_DAY;
    int64_t min = floating ? w->floating_min_ms : w->min_ms;
    int64_t max = floating ? w->floating_max_ms : w->max_ms;
    if (ev->flags & EVENT_UNTIMED)
        return min == INT64_MIN && max == INT64_MAX;
    return ev->start_ms < max && (ev->end_ms > min || ev->start_ms == min);
}
