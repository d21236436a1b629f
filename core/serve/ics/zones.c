/* zones: the time zones that a feed names, and their VTIMEZONE components.
 *
 * DESIGN. A component is made of the same table that the mirror expands series with, so both agree
 * wherever a client goes by it. It begins with the change that was in force when the zone is first
 * used. Changes that the zone's yearly rule makes are two observances with an RRULE, and both begin
 * before that where the rule was in force: ruby-icalendar fails at a time before either. Earlier
 * ones are an observance each: one with RDATEs would do for all that are alike, but ical.js, and
 * with it Thunderbird, forgets the DTSTART of such a one. A yearly rule that an RRULE cannot say
 * (none in tzdata) is listed up to LISTED_TO. */
#include "core/serve/ics/zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/floor.h"
#include "core/calendar/stamp.h"
#include "core/calendar/zone_history.h"
#include "core/serve/ics/line.h"

#define DAY         INT64_C(86400)
#define LISTED_TO   INT64_C(4102444800)     /* 2100: changes are not listed further */
#define EARLY       (-INT64_C(11644473600)) /* 1601: where a time "since ever" begins */
#define RULE_SIZE   128
#define MARGIN_DAYS 2 /* a local time and its instant are less than that apart */

void ics_zones_release(struct ics_zones *z)
{
    free(z->v);
    *z = (struct ics_zones){0};
}

bool ics_zone_is_utc(const struct zone *zone)
{
    static const char *const names[] = {"UTC", "Etc/UTC", "Etc/GMT",  "GMT",           "Etc/UCT",
                                        "UCT", "Zulu",    "Etc/Zulu", "Etc/Universal", "Universal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(zone_name(zone), names[i]) == 0)
            return true;
    return false;
}

bool ics_zones_use(struct ics_zones *z, const struct zone *zone, int64_t from_s, int64_t to_s)
{
    size_t i = 0;
    while (i < z->n && z->v[i].zone != zone)
        i++;
    if (i == z->n) {
        if (z->n == z->room) {
            size_t room = z->room ? 2 * z->room : 8;
            struct ics_zone_use *v = reallocarray(z->v, room, sizeof *v);
            if (!v)
                return false;
            z->v = v;
            z->room = room;
        }
        z->v[z->n++] = (struct ics_zone_use){zone, from_s, to_s};
    }
    struct ics_zone_use *use = &z->v[i];
    use->from_s = from_s < use->from_s ? from_s : use->from_s;
    use->to_s = to_s > use->to_s ? to_s : use->to_s;
    return true;
}

/* "FREQ=YEARLY;..." of one of a yearly rule's changes. False: an RRULE cannot say it.
 * A time of day outside its day (of Israel, Greenland, Chile) moves the day and what it is counted
 * by. */
static bool write_rule(const struct posixtz_change *c, char out[RULE_SIZE])
{
    static const char days[][3] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
    int shift = (int)floor_div(c->time_s, DAY);
    if (c->form != 'M')
        return false;
    const char *day = days[((c->day + shift) % 7 + 7) % 7];
    int n = snprintf(out, RULE_SIZE, "FREQ=YEARLY;BYMONTH=%d;", c->month);
    char *rest = out + n;
    size_t size = RULE_SIZE - (size_t)n;
    if (shift == 0) {
        (void)snprintf(rest, size, "BYDAY=%d%s", c->week == 5 ? -1 : c->week, day);
        return true;
    }
    /* The days that the week takes in, where the month has as many every year. */
    int length = c->month == 2                                                       ? 28
                 : c->month == 4 || c->month == 6 || c->month == 9 || c->month == 11 ? 30
                                                                                     : 31;
    int first = (c->week == 5 ? length - 6 : 7 * (c->week - 1) + 1) + shift;
    if (first < 1 || first + 6 > length || (c->week == 5 && c->month == 2))
        return false;
    (void)snprintf(rest, size, "BYDAY=%s;BYMONTHDAY=%d,%d,%d,%d,%d,%d,%d", day, first, first + 1,
                   first + 2, first + 3, first + 4, first + 5, first + 6);
    return true;
}

/* The onset of a change, by the clock before it. */
static void put_onset(struct buf *out, const struct zone_change *c)
{
    char text[STAMP_MAX];
    struct stamp at = {STAMP_LOCAL, c->at == INT64_MIN ? EARLY : c->at + c->from_s};
    (void)stamp_write(text, at);
    ics_put_raw(out, "DTSTART", span_of(text));
}

static void begin_observance(struct buf *out, const struct zone_change *c)
{
    ics_begin(out, c->summer ? "DAYLIGHT" : "STANDARD");
    ics_put(out, icalproperty_new_tzoffsetfrom(c->from_s));
    ics_put(out, icalproperty_new_tzoffsetto(c->to_s));
    if (c->abbr[0])
        ics_put(out, icalproperty_new_tzname(c->abbr));
    put_onset(out, c);
}

static void end_observance(struct buf *out, const struct zone_change *c)
{
    ics_end(out, c->summer ? "DAYLIGHT" : "STANDARD");
}

/* The changes from `first` to before `end`. */
static void write_listed(const struct zone *zone, size_t first, size_t end, struct buf *out)
{
    struct zone_change c;
    for (size_t i = first; i < end && zone_change_get(zone, i, &c); i++) {
        begin_observance(out, &c);
        end_observance(out, &c);
    }
}

/* Change number i and, every year, those like it. */
static void write_yearly(const struct zone *zone, size_t i, const struct posixtz *rule,
                         struct buf *out)
{
    struct zone_change c;
    char text[RULE_SIZE];
    if (!zone_change_get(zone, i, &c) ||
        !write_rule(c.to_s == rule->dst_s ? &rule->to_dst : &rule->to_std, text))
        return;
    begin_observance(out, &c);
    ics_put_raw(out, "RRULE", span_of(text));
    end_observance(out, &c);
}

static void write_zone(const struct ics_zone_use *use, struct buf *out)
{
    struct zone_change c;
    char text[RULE_SIZE];
    int64_t to_s = use->to_s < LISTED_TO ? use->to_s + MARGIN_DAYS * DAY : LISTED_TO;
    size_t first = zone_change_at(use->zone, use->from_s - MARGIN_DAYS * DAY), end = first + 1;
    size_t yearly = SIZE_MAX;
    const struct posixtz *rule = zone_yearly_rule(use->zone, &yearly);
    if (rule && (!write_rule(&rule->to_dst, text) || !write_rule(&rule->to_std, text)))
        yearly = SIZE_MAX;
    if (first > yearly)
        first--;
    ics_begin(out, "VTIMEZONE");
    ics_put(out, icalproperty_new_tzid(zone_name(use->zone)));
    while (end < yearly && zone_change_get(use->zone, end, &c) && c.at <= to_s)
        end++;
    if (first < yearly)
        write_listed(use->zone, first, end, out);
    if (yearly != SIZE_MAX && end >= yearly) {
        yearly = first > yearly ? first : yearly;
        write_yearly(use->zone, yearly, rule, out);
        write_yearly(use->zone, yearly + 1, rule, out);
    }
    ics_end(out, "VTIMEZONE");
}

void ics_zones_write(const struct ics_zones *z, struct buf *out)
{
    for (size_t i = 0; i < z->n; i++)
        write_zone(&z->v[i], out);
}
