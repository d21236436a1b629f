/* extent: the stretch of time in which a series can have instances, for the index of windows. */
#include "core/sync/batch.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/calendar/recur.h"

/* What is reckoned here is kept, and zones do not stay as they are: governments change their rules,
 * and a series that names none runs in the calendar's, which is not asked for here. No two zones
 * are further apart than this. */
#define ZONE_SLACK_MS (26 * HOUR_MS)

/* The zone that the series names itself, or NULL. All-day series are kept as floating dates: as if
 * in UTC, whatever the calendar's zone will be. */
static const struct zone *series_zone(const struct event *ev)
{
    char name[ZONE_NAME_MAX];

    if (ev->flags & EVENT_ALL_DAY)
        return zone_utc();
    if (!json_string_copy(json_path(ev->raw, "start", "timeZone", NULL), name, sizeof(name)))
        return NULL;
    return zone_find(name);
}

static bool add_lines(struct recur_set *set, struct span lines)
{
    struct json_iter it = json_iter(lines);
    struct span key, value;
    struct buf line = {0};
    bool good = true;
    while (json_next(&it, &key, &value)) {
        buf_reset(&line);
        bool string = json_string(value, &line);
        must_hold(&line);
        if (!string || recur_add(set, buf_span(&line), NULL) != RC_OK)
            good = false;
    }
    buf_release(&line);
    return good;
}

static void widen(struct event *ev, const struct recur_set *set)
{
    int64_t slack_ms = ev->flags & EVENT_ALL_DAY ? 0 : ZONE_SLACK_MS;
    int64_t start_ms = ev->start_ms, end_ms = ev->end_ms;
    recur_bounds(set, &start_ms, &end_ms);
    if (end_ms < INT64_MAX - slack_ms)
        end_ms += slack_ms;
    if (start_ms < ev->start_ms)
        ev->start_ms = start_ms;
    if (end_ms > ev->end_ms)
        ev->end_ms = end_ms;
}

void extent_widen(struct event *ev)
{
    if (!(ev->flags & EVENT_SERIES) || ev->flags & EVENT_UNTIMED)
        return;
    struct recur_set *set = NULL;
    const struct zone *zone = series_zone(ev);
    bool good = false;
    if (recur_new(&set,
                  &(struct recur_start){.zone = zone ? zone : zone_utc(),
                                        .start_ms = ev->start_ms,
                                        .end_ms = ev->end_ms,
                                        .all_day = ev->flags & EVENT_ALL_DAY},
                  NULL) == RC_OK) {
        good = add_lines(set, json_get(ev->raw, "recurrence"));
        if (recur_seal(set, NULL) == RC_OK)
            widen(ev, set);
        else
            good = false;
    }
    if (!good) {
        /* Rules that make no sense: never miss it in a window, let whoever expands it judge. */
        ev->flags |= EVENT_ODD | EVENT_ODD_RECURRENCE;
        ev->end_ms = INT64_MAX;
    }
    recur_free(set);
}
