/* ics_clock: by which clock an event's times are written: dates, the wall clock of a zone, or UTC.
 */
#include "core/serve/ics/clock.h"

static bool is_utc(const struct ics_clock *clock)
{
    return !clock->all_day && !clock->zone;
}

static int64_t wall(const struct ics_clock *clock, int64_t s)
{
    return clock->all_day ? s : s + zone_offset_at(clock->zone, s);
}

/* By the wall clock it would be another instant. */
static bool is_second_pass(const struct ics_clock *clock, int64_t s)
{
    return !clock->all_day && clock->zone && zone_local_to_utc(clock->zone, wall(clock, s)) != s;
}

static void put(struct buf *out, icalproperty *p, const struct ics_clock *clock)
{
    if (p && !clock->all_day && clock->zone)
        icalproperty_add_parameter(p, icalparameter_new_tzid(zone_name(clock->zone)));
    ics_put(out, p);
}

void ics_put_wall(struct buf *out, icalproperty *(*make)(struct icaltimetype),
                  const struct ics_clock *clock, int64_t s)
{
    if (is_utc(clock))
        ics_put(out, make(ics_time(s, ICS_UTC)));
    else
        put(out, make(ics_time(wall(clock, s), clock->all_day ? ICS_DATE : ICS_WALL)), clock);
}

void ics_put_at(struct buf *out, icalproperty *(*make)(struct icaltimetype),
                const struct ics_clock *clock, int64_t s)
{
    static const struct ics_clock utc = {0};
    ics_put_wall(out, make, is_second_pass(clock, s) ? &utc : clock, s);
}

static icalproperty *new_rdate(struct icaltimetype t)
{
    return icalproperty_new_rdate(
        (struct icaldatetimeperiodtype){.time = t, .period = icalperiodtype_null_period()});
}

void ics_put_rdate(struct buf *out, const struct ics_clock *clock, int64_t s)
{
    ics_put_at(out, new_rdate, clock, s);
}
