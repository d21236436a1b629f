/* interval: where an event stands on the time axis, so that overlap can be searched. */
#include "storage/interval.h"

#include "core/base/clock.h"

/* How long the events of a class are at most. */
static const int64_t longest[CLASS_SERIES] = {
    [CLASS_TIMED] = HOUR_MS,
    4 * HOUR_MS,
    12 * HOUR_MS,
    2 * DAY_MS,
    8 * DAY_MS,
    32 * DAY_MS,
    366 * DAY_MS,
    INT64_MAX,
    [CLASS_ALL_DAY] = DAY_MS,
    8 * DAY_MS,
    32 * DAY_MS,
    366 * DAY_MS,
    INT64_MAX,
};

static int64_t duration(const struct event *ev)
{
    int64_t result;
    return __builtin_sub_overflow(ev->end_ms, ev->start_ms, &result) ? INT64_MAX : result;
}

struct spot interval_spot(const struct event *ev)
{
    bool all_day = ev->flags & EVENT_ALL_DAY;
    if (ev->flags & EVENT_UNTIMED)
        return (struct spot){.class = CLASS_UNTIMED};
    if (ev->flags & EVENT_SERIES)
        return (struct spot){.class = all_day ? CLASS_SERIES_ALL_DAY : CLASS_SERIES,
                             .time = ev->end_ms};
    uint8_t class = all_day ? CLASS_ALL_DAY : CLASS_TIMED;
    while (duration(ev) > longest[class])
        class++;
    return (struct spot){.class = class, .time = ev->start_ms};
}

int64_t interval_earliest(uint8_t class, int64_t min)
{
    int64_t result;
    if (longest[class] == INT64_MAX || __builtin_sub_overflow(min, longest[class], &result))
        return INT64_MIN;
    return result;
}

static bool is_all_day(uint8_t class)
{
    return (class >= CLASS_ALL_DAY && class < CLASS_SERIES) || class == CLASS_SERIES_ALL_DAY;
}

struct interval interval_of_window(const struct event_window *w, uint8_t class)
{
    if (is_all_day(class))
        return (struct interval){w->floating_min_ms, w->floating_max_ms};
    return (struct interval){w->min_ms, w->max_ms};
}

bool interval_overlaps(const struct interval *i, int64_t start, int64_t end)
{
    if (start >= i->max && i->max != INT64_MAX)
        return false;
    return end > i->min || start == i->min;
}
