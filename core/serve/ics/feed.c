/* feed: a calendar as an iCalendar feed.
 *
 * DESIGN. The feed is one walk over the series, each followed by its exceptions, and one over what
 * has a time of its own. Events are written one by one; which zones they name is known at the end,
 * and the VTIMEZONEs are put in front of them then. In a window a series is in, whole, when one of
 * its instances or exceptions is; so an exception met by its time brings its series along. A long
 * feed is made aside from the loop. */
#include <stdlib.h>
#include <string.h>

#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/serve/etag.h"
#include "core/serve/events/series.h"
#include "core/serve/events/window.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/ics/line.h"
#include "core/serve/ics/vevent.h"
#include "core/serve/ics/zones.h"
#include "core/serve/scope.h"
#include "core/serve/server.h"
#include "storage/events.h"

#define LONG_EVENTS 2000    /* some 20 ms of work: too long for the loop */
#define REFRESH     "PT15M" /* what subscribers are told; a look costs a 304 */

struct walk {
    struct call *c;
    const struct collection *coll;
    const struct zone *zone; /* the calendar's */
    int64_t min_ms, max_ms;
    struct event_window window;
    struct ics_feed feed;
    struct ics_zones zones;
    size_t most_bytes;
    bool ok; /* false: no memory */
};

/* Is an event in the feed at all, as far as it tells itself? */
static bool is_shown(const struct walk *w, const struct event *ev)
{
    uint32_t hiding = EVENT_CANCELLED | EVENT_UNTIMED;
    if (w->feed.busy_only)
        hiding |= EVENT_TRANSPARENT | EVENT_DECLINED;
    bool nothing = w->feed.busy_only && !(ev->flags & EVENT_SERIES) && ev->end_ms <= ev->start_ms;
    return !(ev->flags & hiding) && !nothing;
}

static bool is_whole(const struct walk *w)
{
    return w->min_ms == INT64_MIN && w->max_ms == INT64_MAX;
}

/* Its exceptions, as an array the caller frees. */
static struct event *exceptions_of(struct walk *w, struct span master_id, size_t *ret_n)
{
    struct event *v = NULL, ev;
    size_t n = 0, room = 0;
    struct event_scan *scan = events_of_series(w->c->txn, w->coll, master_id);
    while (w->ok && event_scan_next(scan, &ev)) {
        if (n == room) {
            room = room ? 2 * room : 8;
            struct event *more = reallocarray(v, room, sizeof *v);
            w->ok = more;
            v = more ? more : v;
        }
        if (w->ok)
            v[n++] = ev;
    }
    event_scan_close(scan);
    *ret_n = n;
    return v;
}

/* Sorts an exception's slot into those that stay and those that go. */
static void note_slot(struct walk *w, struct ics_series *s, const struct event *ev)
{
    int64_t slot_s = floor_s(ev->original_ms);
    if (json_get(ev->raw, "originalStartTime").n == 0 || ics_slot_is_date(ev) != s->clock.all_day)
        return;
    w->ok &= ics_slots_add(is_shown(w, ev) ? &s->kept : &s->gone, slot_s);
}

static void use_zone(struct walk *w, const struct ics_series *s, const struct event *v, size_t n)
{
    int64_t from_ms = s->start.start_ms, to_ms = s->master->end_ms;
    if (s->master->start_ms < from_ms)
        from_ms = s->master->start_ms;
    for (size_t i = 0; i < n; i++) {
        if (v[i].flags & EVENT_UNTIMED)
            continue;
        from_ms = v[i].start_ms < from_ms ? v[i].start_ms : from_ms;
        from_ms = v[i].original_ms < from_ms ? v[i].original_ms : from_ms;
        to_ms = v[i].end_ms > to_ms ? v[i].end_ms : to_ms;
    }
    w->ok &= ics_zones_use(&w->zones, s->clock.zone, from_ms / 1000, to_ms / 1000);
}

/* The series and its exceptions. */
static void put_series(struct walk *w, const struct event *master)
{
    struct ics_series s = {.master = master};
    size_t n = 0;
    struct recur_set *set = series_open(master, w->zone);
    if (!set || !series_start(master, w->zone, &s.start)) {
        recur_free(set);
        return; /* its start makes no sense: nothing can be said */
    }
    s.set = set;
    s.clock.all_day = s.start.all_day;
    if (!s.start.all_day && !ics_zone_is_utc(s.start.zone))
        s.clock.zone = s.start.zone;
    struct event *v = exceptions_of(w, master->id, &n);
    for (size_t i = 0; i < n; i++)
        note_slot(w, &s, &v[i]);
    ics_put_series(&w->feed, &s);
    for (size_t i = 0; i < n; i++)
        if (is_shown(w, &v[i]))
            ics_put_exception(&w->feed, &s, &v[i]);
    if (s.clock.zone)
        use_zone(w, &s, v, n);
    free(v);
    ics_series_release(&s);
    recur_free(set);
}

static bool is_live_series(const struct walk *w, const struct event *ev)
{
    return (ev->flags & EVENT_SERIES) && is_shown(w, ev);
}

/* Has the window an instance of the series, by its rules? */
static bool rules_reach(const struct walk *w, const struct event *master)
{
    return is_whole(w) || (window_has(&w->window, master) &&
                           series_overlaps(master, w->zone, w->min_ms, w->max_ms));
}

/* Is this the first exception of its series in the window? */
static bool is_first(struct walk *w, const struct event *ev)
{
    struct event other;
    bool first = true;
    struct event_scan *scan = events_of_series(w->c->txn, w->coll, ev->series);
    while (first && event_scan_next(scan, &other))
        first = !(is_shown(w, &other) && window_has(&w->window, &other) &&
                  (other.start_ms < ev->start_ms ||
                   (other.start_ms == ev->start_ms && other.row < ev->row)));
    event_scan_close(scan);
    return first;
}

static void put_timed(struct walk *w, const struct event *ev)
{
    struct event master;
    if (!is_shown(w, ev))
        return;
    if (!(ev->flags & EVENT_EXCEPTION) ||
        event_get(w->c->txn, w->coll->no, ev->series, &master) != RC_OK ||
        !is_live_series(w, &master)) {
        ics_put_single(&w->feed, ev);
        return;
    }
    if (!rules_reach(w, &master) && is_first(w, ev))
        put_series(w, &master);
}

static bool has_room(const struct walk *w)
{
    return w->ok && !w->feed.out->failed && w->feed.out->n < w->most_bytes && !aside_given_up(w->c);
}

static void put_events(struct walk *w)
{
    struct event ev;
    struct event_scan *scan = events_series(w->c->txn, w->coll, &w->window);
    while (has_room(w) && event_scan_next(scan, &ev))
        if (is_live_series(w, &ev) && rules_reach(w, &ev))
            put_series(w, &ev);
    event_scan_close(scan);
    scan = events_by_time(w->c->txn, w->coll, &w->window, (struct event_place){INT64_MIN, 0});
    while (has_room(w) && event_scan_next(scan, &ev))
        put_timed(w, &ev);
    event_scan_close(scan);
}

static void put_head(struct walk *w, struct span head)
{
    struct ics_feed *f = &w->feed;
    const char *name = ics_text(&f->text, json_get(head, "summary"), ICS_LINE);
    ics_begin(f->out, "VCALENDAR");
    ics_put(f->out, icalproperty_new_version("2.0"));
    ics_put(f->out, icalproperty_new_prodid("-//calmirror//calmirror " CALMIRROR_VERSION "//EN"));
    ics_put(f->out, icalproperty_new_calscale("GREGORIAN"));
    if (name[0]) {
        ics_put(f->out, icalproperty_new_name(name));
        ics_put_text(f->out, "X-WR-CALNAME", name);
    }
    if (!f->busy_only) {
        const char *about = ics_text(&f->text, json_get(head, "description"), ICS_TEXT);
        if (about[0])
            ics_put_text(f->out, "X-WR-CALDESC", about);
    }
    if (w->coll->zone[0])
        ics_put_text(f->out, "X-WR-TIMEZONE", ics_clean(&f->text, span_of(w->coll->zone)));
    ics_put(f->out, icalproperty_new_refreshinterval(icaldurationtype_from_string(REFRESH)));
    ics_put_raw(f->out, "X-PUBLISHED-TTL", span_of(REFRESH));
}

/* Puts the zones where the events begin. */
static void insert_zones(struct walk *w, size_t at)
{
    struct buf zones = {0}, *out = w->feed.out;
    ics_zones_write(&w->zones, &zones);
    out->failed |= zones.failed;
    if (zones.n && buf_reserve(out, zones.n)) {
        memmove(out->p + at + zones.n, out->p + at, out->n - at + 1);
        memcpy(out->p + at, zones.p, zones.n);
        out->n += zones.n;
    }
    buf_release(&zones);
}

static void write_feed(struct walk *w)
{
    char size[32];
    struct call *c = w->c;
    struct span head = coll_head(c->txn, w->coll->no);
    c->out.cap = w->most_bytes + LIMIT_BUF_BYTES;
    w->feed.out = &c->out;
    w->feed.salt = (struct span){(const char *)store_id(c->store), 32};
    w->feed.default_reminders = json_get(head, "defaultReminders");
    w->feed.no_titles = span_is(json_string_plain(json_get(head, "accessRole")), "freeBusyReader");
    ics_line_init();
    put_head(w, head);
    size_t at = c->out.n;
    put_events(w);
    if (w->ok && c->out.n >= w->most_bytes) {
        (void)call_fail(c, FAULT_RANGE_TOO_LONG, "timeMin",
                        "The feed would be longer than %s; ask for less with timeMin and "
                        "timeMax.",
                        text_size(w->most_bytes, size));
        return;
    }
    insert_zones(w, at);
    ics_end(&c->out, "VCALENDAR");
    c->out.failed |= !w->ok;
}

void ics_get(struct call *c)
{
    struct collection hold;
    const struct collection *coll;
    struct walk w = {.c = c, .ok = true};
    enum access access;
    if (!call_read(c) || !(coll = scope_any_calendar(c, c->segment[0], &hold, &access)) ||
        !call_range(c))
        return;
    struct etag etag = etag_of_call(c);
    etag_add_number(&etag, coll->no);
    etag_add_version(&etag, c, coll->version);
    etag_set(c, &etag);
    answer_from_collection(c, coll);
    c->answer.type = "text/calendar; charset=utf-8";
    c->answer.disposition = "attachment; filename=\"basic.ics\"";
    bool bounded = params_has(&c->params, PARAM_TIME_MIN) && params_has(&c->params, PARAM_TIME_MAX);
    if (call_not_modified(c) ||
        (!bounded && coll->live_items > LONG_EVENTS && aside_take(c->serve->feeds, c)))
        return;
    w.coll = coll;
    w.most_bytes = c->conf->api.feed_size;
    w.zone = zone_of_collection(coll);
    w.min_ms = params_number(&c->params, PARAM_TIME_MIN, INT64_MIN);
    w.max_ms = params_number(&c->params, PARAM_TIME_MAX, INT64_MAX);
    w.window = window_make(w.min_ms, w.max_ms, w.zone);
    w.feed.busy_only = access != ACCESS_ALL || params_on(&c->params, PARAM_FREE_BUSY_ONLY);
    write_feed(&w);
    buf_release(&w.feed.text);
    ics_zones_release(&w.zones);
}
