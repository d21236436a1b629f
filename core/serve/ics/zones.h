/* zones: the time zones that a feed names, and their VTIMEZONE components. */
#ifndef CORE_SERVE_ICS_ZONES_H
#define CORE_SERVE_ICS_ZONES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/calendar/zone.h"

/* `= { 0 }` is empty. */
struct ics_zones {
    struct ics_zone_use {
        const struct zone *zone;
        int64_t from_s, to_s; /* instants between which it is used */
    } * v;
    size_t n, room;
};
void ics_zones_release(struct ics_zones *z);

/* Is the zone UTC under one of its names? Then times are written with Z and no TZID. */
bool ics_zone_is_utc(const struct zone *zone);

/* False: no memory. */
bool ics_zones_use(struct ics_zones *z, const struct zone *zone, int64_t from_s, int64_t to_s);

/* Appends one VTIMEZONE for each, right for all instants between which it is used. */
void ics_zones_write(const struct ics_zones *z, struct buf *out);

#endif
