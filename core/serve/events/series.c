/* series: a stored series made into a recurrence set. */
#include "core/serve/events/series.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/rfc3339.h"

#define OVERLAP_BUDGET 20000 /* steps; what needs more is taken to overlap */

/* The start or end of an event, as core/calendar wants it. */
static bool read_moment(struct span moment, bool all_day, int64_t *ret_ms)
{
    int64_t days = 0;
    if (!all_day)
        return rfc3339_time(json_string_plain(json_get(moment, "dateTime")), ret_ms, NULL, NULL);
    if (!rfc3339_date(json_string_plain(json_get(moment, "date")), &days))
        return false;
    *ret_ms = days * DAY_MS;
    return true;
}

static const struct zone *own_zone(struct span start, const struct zone *otherwise)
{
    char name[ZONE_NAME_MAX];
    const struct zone *zone = NULL;
    if (json_string_copy(json_get(start, "timeZone"), name, sizeof name))
        zone = zone_find(name);
    return zone ? zone : otherwise;
}

static void add_lines(struct recur_set *set, struct span lines)
{
    struct json_iter it = json_iter(lines);
    struct span value;
    struct buf line = {0};
    while (json_next(&it, NULL, &value)) {
        struct span plain = json_string_plain(value);
        buf_reset(&line);
        if (plain.n == 0 && json_string(value, &line))
            plain = buf_span(&line);
        must_hold(&line);
        if (recur_add(set, plain, NULL) != RC_OK)
            continue; /* flagged when it was stored; the other lines still count */
    }
    buf_release(&line);
}

bool series_start(const struct event *master, const struct zone *calendar_zone,
                  struct recur_start *ret)
{
    bool all_day = master->flags & EVENT_ALL_DAY;
    struct span start = json_get(master->raw, "start"), end = json_get(master->raw, "end");
    struct recur_start at = {.zone = all_day ? calendar_zone : own_zone(start, calendar_zone),
                             .all_day = all_day};
    if (!read_moment(start, all_day, &at.start_ms))
        return false;
    if (!read_moment(end, all_day, &at.end_ms))
        at.end_ms = at.start_ms;
    if (all_day && at.end_ms < at.start_ms + DAY_MS) /* as google_decode_event() has it */
        at.end_ms = at.start_ms + DAY_MS;
    *ret = at;
    return true;
}

struct recur_set *series_open(const struct event *master, const struct zone *calendar_zone)
{
    struct recur_start at;
    struct recur_set *set = NULL;
    if (!series_start(master, calendar_zone, &at) || recur_new(&set, &at, NULL) != RC_OK)
        return NULL;
    add_lines(set, json_get(master->raw, "recurrence"));
    if (recur_seal(set, NULL) != RC_OK) {
        recur_free(set);
        return NULL;
    }
    return set;
}

bool series_set_overlaps(const struct recur_set *set, int64_t min_ms, int64_t max_ms)
{
    struct recur_instance at;
    bool found = false;
    if (!set)
        return true;
    /* One of no length that lies at min_ms counts, what only ends there does not. */
    struct recur_iter *it =
        recur_open(set, min_ms == INT64_MIN ? min_ms : min_ms - 1, max_ms, OVERLAP_BUDGET);
    while (!found && recur_next(it, &at))
        found = at.end_ms > min_ms || at.end_ms == at.start_ms;
    enum rc rc = recur_close(it, NULL);
    return found || rc != RC_OK;
}

bool series_overlaps(const struct event *master, const struct zone *calendar_zone, int64_t min_ms,
                     int64_t max_ms)
{
    struct recur_set *set = series_open(master, calendar_zone);
    bool found = series_set_overlaps(set, min_ms, max_ms);
    recur_free(set);
    return found;
}
