/* vevent: one event as a VEVENT, out of its JSON.
 *
 * DESIGN. One walk finds the members that count; each has a function in a table, in the order in
 * which they are written. DTSTAMP is the event's `updated`, which RFC 5545 §3.8.7.2 asks for in a
 * calendar without METHOD; so the same data make the same bytes. */
#include "core/serve/ics/vevent.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/rfc3339.h"
#include "core/serve/ics/details.h"
#include "core/serve/ics/line.h"

/* Google's own form where there is none; of free and busy alone, what tells nothing. */
static void put_uid(struct ics_feed *f, const struct event *ev)
{
    struct buf uid = {.cap = LIMIT_EVENT_BYTES};
    if (ev->ical_uid.n) {
        buf_add_span(&uid, ev->ical_uid);
    } else {
        buf_add_span(&uid, ev->series.n ? ev->series : ev->id);
        buf_add_text(&uid, "@google.com");
    }
    if (f->busy_only) {
        uint64_t seed = XXH3_64bits(f->salt.p, f->salt.n);
        XXH128_hash_t h = XXH3_128bits_withSeed(uid.p, uid.n, seed);
        buf_reset(&uid);
        buf_printf(&uid, "%016llx%016llx@calmirror", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
    }
    ics_put(f->out, icalproperty_new_uid(ics_clean(&f->text, buf_span(&uid))));
    f->out->failed |= uid.failed;
    buf_release(&uid);
}

/* Start and end by a clock. An end that is not behind the start says no more than none. */
static void put_times(struct ics_feed *f, const struct ics_clock *clock, int64_t start_ms,
                      int64_t end_ms)
{
    ics_put_at(f->out, "DTSTART", clock, floor_s(start_ms));
    if (floor_s(end_ms) > floor_s(start_ms))
        ics_put_at(f->out, "DTEND", clock, floor_s(end_ms));
}

static const struct ics_clock utc = {0};

static void begin(struct ics_feed *f, const struct event *ev)
{
    ics_begin(f->out, "VEVENT");
    put_uid(f, ev);
    ics_put_at(f->out, "DTSTAMP", &utc, floor_s(ev->updated_ms));
}

static void end(struct ics_feed *f, const struct event *ev)
{
    ics_put_details(f, ev->raw);
    ics_end(f->out, "VEVENT");
}

bool ics_slot_is_date(const struct event *exception)
{
    return json_path(exception->raw, "originalStartTime", "date", NULL).n;
}

static struct ics_clock own_clock(const struct event *ev)
{
    return (struct ics_clock){.all_day = ev->flags & EVENT_ALL_DAY};
}

static void put_slot(struct ics_feed *f, const struct event *ev, const struct ics_clock *series)
{
    struct ics_clock clock = {.all_day = ics_slot_is_date(ev)};
    if (series && series->all_day == clock.all_day)
        clock = *series;
    ics_put_at(f->out, "RECURRENCE-ID", &clock, floor_s(ev->original_ms));
}

void ics_put_single(struct ics_feed *f, const struct event *ev)
{
    struct ics_clock clock = own_clock(ev);
    begin(f, ev);
    if ((ev->flags & EVENT_EXCEPTION) && json_get(ev->raw, "originalStartTime").n)
        put_slot(f, ev, NULL);
    put_times(f, &clock, ev->start_ms, ev->end_ms);
    end(f, ev);
}

void ics_put_series(struct ics_feed *f, struct ics_series *s)
{
    int64_t start = floor_s(s->start.start_ms), end_s = floor_s(s->start.end_ms);
    begin(f, s->master);
    ics_put_wall(f->out, "DTSTART", &s->clock, start);
    if (end_s > start)
        ics_put_at(f->out, "DTEND", &s->clock, end_s);
    ics_rules_write(s, f->out);
    end(f, s->master);
    for (size_t i = 0; i < s->n_lengths; i++) {
        begin(f, s->master);
        ics_put_at(f->out, "RECURRENCE-ID", &s->clock, s->lengths[i].start_s);
        ics_put_at(f->out, "DTSTART", &s->clock, s->lengths[i].start_s);
        ics_put_at(f->out, "DTEND", &s->clock, s->lengths[i].end_s);
        end(f, s->master);
    }
}

void ics_put_exception(struct ics_feed *f, const struct ics_series *s, const struct event *ev)
{
    struct ics_clock clock = own_clock(ev);
    struct event as_of_series = *ev;
    if (clock.all_day == s->clock.all_day)
        clock = s->clock;
    /* Theirs is the series', or nobody would find them. */
    as_of_series.ical_uid = s->master->ical_uid;
    as_of_series.series = s->master->id;
    begin(f, &as_of_series);
    put_slot(f, ev, &s->clock);
    put_times(f, &clock, ev->start_ms, ev->end_ms);
    end(f, ev);
}
