/* clock: by which clock an event's times are written: dates, the wall clock of a zone, or UTC.
 */
#ifndef CORE_SERVE_ICS_CLOCK_H
#define CORE_SERVE_ICS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/calendar/zone.h"

/* `= { 0 }` is UTC. */
struct ics_clock {
    bool all_day;
    const struct zone *zone; /* NULL: UTC */
};

/* Appends a property of a moment: seconds of an instant, of a date's midnight as if UTC for all-day
 * ones. The second pass of a wall time, which only UTC can name, is written so. */
void ics_put_at(struct buf *out, const char *name, const struct ics_clock *clock, int64_t s);
/* The same by the wall clock whatever the pass: of the start of a series, which its rules follow.
 */
void ics_put_wall(struct buf *out, const char *name, const struct ics_clock *clock, int64_t s);

#endif
