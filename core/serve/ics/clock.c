/* clock: by which clock an event's times are written: dates, the wall clock of a zone, or UTC.
 */
#include "core/serve/ics/clock.h"

#include <stdio.h>

#include "core/calendar/stamp.h"
#include "core/serve/ics/line.h"

static const struct ics_clock utc = {0};

static int64_t wall(const struct ics_clock *clock, int64_t s)
{
    return clock->zone ? s + zone_offset_at(clock->zone, s) : s;
}

void ics_put_wall(struct buf *out, const char *name, const struct ics_clock *clock, int64_t s)
{
    char stamp[STAMP_MAX], with_parameter[32 + ZONE_NAME_MAX];
    struct stamp at = {STAMP_UTC, s};
    if (clock->all_day) {
        (void)snprintf(with_parameter, sizeof with_parameter, "%s;VALUE=DATE", name);
        at.kind = STAMP_DATE;
    } else if (clock->zone) {
        (void)snprintf(with_parameter, sizeof with_parameter, "%s;TZID=%s", name,
                       zone_name(clock->zone));
        at = (struct stamp){STAMP_LOCAL, wall(clock, s)};
    }
    (void)stamp_write(stamp, at);
    ics_put_raw(out, at.kind == STAMP_UTC ? name : with_parameter, span_of(stamp));
}

void ics_put_at(struct buf *out, const char *name, const struct ics_clock *clock, int64_t s)
{
    bool second_pass =
        !clock->all_day && clock->zone && zone_local_to_utc(clock->zone, wall(clock, s)) != s;
    ics_put_wall(out, name, second_pass ? &utc : clock, s);
}
