/* render: an event's JSON as stored, with its clock times in the zone that was asked for. */
#ifndef CORE_SERVE_EVENTS_RENDER_H
#define CORE_SERVE_EVENTS_RENDER_H

#include "core/base/buf.h"
#include "core/calendar/zone.h"
#include "core/model/event.h"

struct render {
    const struct zone *zone; /* NULL: as stored, whatever that is */
    uint32_t zone_hash;
    struct zone_hint hint;
};

/* zone_name "" or unknown: events are given as stored. */
struct render render_in_zone(const char *zone_name);

/* Appends the event. When it is stored in that zone this is a copy; otherwise the dateTime members
 * of start, end and originalStartTime get the zone's offset and every other byte stays. `raw` is
 * ev->raw or made of it. */
void render_event(struct render *r, const struct event *ev, struct span raw, struct buf *out);

/* "2026-03-29T09:00:00+02:00" in the zone (UTC without one), with quotes. */
void render_time(struct render *r, int64_t ms, struct buf *out);

#endif
