/* page: one page of an events list: which events come next, in which order, and where to go
 * on.
 *
 * DESIGN. A list is walked from one of several sources, chosen by the query. Each is a stable order
 * in which an event that does not change keeps its place, so a page token only holds the place of
 * the last event looked at:
 * - with a sync token: the change log; place[1] is the sequence number;
 * - with singleEvents: single.c, and with updatedMin deletions without a time behind it;
 * place[0] is the phase;
 * - with updatedMin or orderBy: the index of `updated`; place[1] is updated, [2] the row;
 * - with iCalUID: that index, sorted by row; place[1] is the row;
 * - with a window: single events by start, then series; place[0] is the phase, [1] start or row,
 * [2] the row;
 * - else: all by id; `after` is the id.
 * A page also ends when too much was looked at for one turn of the loop, or when it is too long:
 * then it is shorter than asked for, which the API allows.
 */
#include "core/serve/events/page.h"

#include <stdlib.h>

#include "core/base/json.h"
#include "core/serve/events/single.h"
#include "core/serve/fault.h"
#include "core/serve/events/series.h"
#include "core/serve/events/series_cache.h"
#include "storage/changes.h"

#define LOOK_MAX     20000
#define BYTES_MAX    (16u << 20)
#define NO_WINDOW(w) ((w)->min_ms == INT64_MIN && (w)->max_ms == INT64_MAX)
#define NARROWING                                                                    \
    (PARAM_BIT(PARAM_EVENT_TYPES) | PARAM_BIT(PARAM_ICAL_UID) | PARAM_BIT(PARAM_Q) | \
     PARAM_BIT(PARAM_PRIVATE_PROPERTY) | PARAM_BIT(PARAM_SHARED_PROPERTY))

/* Does the series of a cancelled exception still exist? */
static bool series_lives(const struct events_page *page, const struct event *ev)
{
    struct event master;
    return event_get(page->c->txn, page->coll->no, ev->series, &master) == RC_OK &&
           !event_ended_series(&master);
}

bool events_page_keeps(const struct events_page *page, const struct event *ev)
{
    return !(ev->flags & EVENT_CANCELLED) || page->deleted ||
           (!page->expanded && (ev->flags & EVENT_EXCEPTION) && series_lives(page, ev));
}

/* Google may tell no more of a hole in a series than its place: then it is what its series is. */
static bool is_bare_hole(const struct event *ev)
{
    uint32_t hole = EVENT_CANCELLED | EVENT_EXCEPTION;
    return (ev->flags & hole) == hole && json_get(ev->raw, "start").n == 0;
}

bool events_page_matches(struct events_page *page, const struct event *ev)
{
    const struct params *p = &page->c->params;
    struct event master;
    if (!(p->given & NARROWING))
        return true;
    if (is_bare_hole(ev) && event_get(page->c->txn, page->coll->no, ev->series, &master) == RC_OK)
        ev = &master;
    if (params_has(p, PARAM_ICAL_UID) && !span_eq(ev->ical_uid, p->v[PARAM_ICAL_UID].text))
        return false;
    return filter_match(&page->filter, ev->raw);
}

static bool wanted(struct events_page *page, const struct event *ev)
{
    return events_page_keeps(page, ev) && events_page_matches(page, ev);
}

static void write_event(struct events_page *page, const struct event *ev)
{
    if (page->n++)
        buf_add_char(&page->c->out, ',');
    view_write(&page->view, ev, &page->c->out);
}

bool events_page_ends(struct events_page *page, bool is_wanted)
{
    page->more = (is_wanted && page->n == page->max) || page->looked == LOOK_MAX ||
                 page->c->out.n > BYTES_MAX;
    page->looked++;
    return page->more;
}

/* Shows the next event, having set the place behind it in `at`. False: the page has ended, and the
 * place of that event must not count. */
static bool offer(struct events_page *page, const struct event *ev, int64_t place1, int64_t place2)
{
    bool is_wanted = wanted(page, ev);
    if (events_page_ends(page, is_wanted))
        return false;
    page->at.place[1] = place1;
    page->at.place[2] = place2;
    if (is_wanted)
        write_event(page, ev);
    return true;
}

/* A removed one, of which only the id is known. */
static bool offer_removed(struct events_page *page, struct span id, int64_t place1)
{
    struct buf *out = &page->c->out;
    if (events_page_ends(page, true))
        return false;
    page->at.place[1] = place1;
    if (page->n++)
        buf_add_char(out, ',');
    buf_printf(out,
               "{\"kind\":\"calendar#event\",\"etag\":\"\\\"%lld\\\"\",\"id\":", (long long)place1);
    buf_add_json(out, id);
    buf_add_text(out, ",\"status\":\"cancelled\"}");
    return true;
}

static void fill_by_time(struct events_page *page)
{
    struct event ev;
    struct event_place after = {page->at.place[1], (uint64_t)page->at.place[2]};
    struct event_scan *scan = events_by_time(page->c->txn, page->coll, &page->window, after);
    while (event_scan_next(scan, &ev))
        if (!offer(page, &ev, ev.start_ms, (int64_t)ev.row))
            break;
    event_scan_close(scan);
}

static int by_row(const void *a, const void *b)
{
    uint64_t x = ((const struct event *)a)->row, y = ((const struct event *)b)->row;
    return (x > y) - (x < y);
}

/* Events gathered from a source without an order of use. */
struct gathered {
    struct event *v;
    size_t n, room;
};

static bool gather(struct gathered *g, const struct event *ev)
{
    if (g->n == g->room) {
        size_t room = g->room ? 2 * g->room : 64;
        struct event *v = reallocarray(g->v, room, sizeof *v);
        if (!v)
            return false;
        g->v = v;
        g->room = room;
    }
    g->v[g->n++] = *ev;
    return true;
}

/* Offers them by row, those that are in the window. Frees them. */
static bool fill_by_row(struct events_page *page, struct gathered *g, bool ok)
{
    const struct event_window *w = &page->window;
    if (g->n)
        qsort(g->v, g->n, sizeof *g->v, by_row);
    for (size_t i = 0; i < g->n && ok; i++) {
        const struct event *ev = &g->v[i];
        if ((int64_t)ev->row <= page->at.place[1])
            continue;
        bool in = !(ev->flags & EVENT_SERIES)
                      ? window_has(w, ev)
                      : NO_WINDOW(w) || series_overlaps(ev, page->zone, w->min_ms, w->max_ms);
        if (in && !offer(page, ev, (int64_t)ev->row, 0))
            break;
    }
    free(g->v);
    return ok || call_fail(page->c, FAULT_INTERNAL, NULL, NULL);
}

static bool gather_scan(struct gathered *g, struct event_scan *scan)
{
    struct event ev;
    bool ok = true;
    while (ok && event_scan_next(scan, &ev))
        ok = gather(g, &ev);
    event_scan_close(scan);
    return ok;
}

/* The holes of a series that bear no UID, which is that of the series. */
static bool gather_holes(struct events_page *page, struct gathered *g, struct span series)
{
    struct event ev;
    bool ok = true;
    struct event_scan *scan = events_of_series(page->c->txn, page->coll, series);
    while (ok && event_scan_next(scan, &ev))
        if (ev.ical_uid.n == 0)
            ok = gather(g, &ev);
    event_scan_close(scan);
    return ok;
}

static bool fill_by_uid(struct events_page *page, struct span uid)
{
    struct gathered g = {0};
    bool ok = gather_scan(&g, events_by_ical_uid(page->c->txn, page->coll, uid));
    for (size_t i = 0, n = g.n; ok && i < n; i++)
        if (g.v[i].flags & EVENT_SERIES)
            ok = gather_holes(page, &g, g.v[i].id);
    return fill_by_row(page, &g, ok);
}

/* The table is in order of row. */
static void fill_known(struct events_page *page, const struct series_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct series *s = &table->v[i];
        struct event ev, known = series_known(s);
        if ((int64_t)s->row <= page->at.place[1] || !window_has(&page->window, &known) ||
            !series_set_overlaps(s->set, page->window.min_ms, page->window.max_ms) ||
            event_get_again(page->c->txn, page->coll->no, &known, &ev) != RC_OK)
            continue;
        if (!offer(page, &ev, (int64_t)ev.row, 0))
            break;
    }
}

static bool fill_series(struct events_page *page)
{
    const struct series_table *table =
        series_cache_get(page->c->series, page->c->txn, page->coll, page->zone);
    struct gathered g = {0};
    if (!table) {
        bool ok = gather_scan(&g, events_series(page->c->txn, page->coll, &page->window));
        return fill_by_row(page, &g, ok);
    }
    fill_known(page, table);
    return true;
}

static bool fill_window(struct events_page *page)
{
    if (page->at.place[0] == PHASE_TIMED) {
        fill_by_time(page);
        if (page->more)
            return true;
        page->at.place[0] = PHASE_SERIES;
        page->at.place[1] = -1;
    }
    return fill_series(page);
}

bool events_page_tells(const struct events_page *page, const struct event *ev)
{
    uint32_t bare = EVENT_CANCELLED | EVENT_UNTIMED;
    return params_has(&page->c->params, PARAM_UPDATED_MIN) && (ev->flags & bare) == bare;
}

static bool fill_by_updated(struct events_page *page)
{
    struct event ev;
    struct event_place after = {page->at.place[1], (uint64_t)page->at.place[2]};
    int64_t min = params_number(&page->c->params, PARAM_UPDATED_MIN, INT64_MIN);
    struct event_scan *scan = events_by_updated(page->c->txn, page->coll, min, after);
    while (event_scan_next(scan, &ev)) {
        bool in =
            events_page_tells(page, &ev) || (!page->expanded && window_has(&page->window, &ev));
        if (in && (ev.flags & EVENT_SERIES) && !NO_WINDOW(&page->window))
            in = series_overlaps(&ev, page->zone, page->window.min_ms, page->window.max_ms);
        if (in && !offer(page, &ev, ev.updated_ms, (int64_t)ev.row))
            break;
    }
    event_scan_close(scan);
    return true;
}

static bool fill_by_id(struct events_page *page)
{
    struct event ev;
    struct event_scan *scan = events_by_id(page->c->txn, page->coll, page->at.after);
    while (event_scan_next(scan, &ev)) {
        if (!offer(page, &ev, 0, 0))
            break;
        page->at.after = ev.id;
    }
    event_scan_close(scan);
    return true;
}

static bool fill_expanded(struct events_page *page)
{
    const struct params *p = &page->c->params;
    if (page->at.place[0] == PHASE_TIMED) {
        if (!events_single_fill(page))
            return false;
        if (page->more || !params_has(p, PARAM_UPDATED_MIN) ||
            params_number(p, PARAM_ORDER_BY, ORDER_START_TIME) == ORDER_UPDATED)
            return true;
        page->at.place[0] = PHASE_BARE;
        page->at.place[1] = INT64_MIN;
        page->at.place[2] = 0;
    }
    return fill_by_updated(page);
}

/* What a change of this means for a client that sees instances cannot be told by one entry: which
 * of the instances that it has are no more. It must list in full. */
static bool needs_full_list(const struct events_page *page, enum rc rc, const struct event *ev)
{
    return page->expanded && (rc != RC_OK || (ev->flags & (EVENT_SERIES | EVENT_WAS_SERIES)));
}

static bool fill_changes(struct events_page *page)
{
    struct change_iter *it = NULL;
    struct change change;
    struct event ev;
    enum rc rc = changes_open(page->c->txn, page->coll, (uint64_t)page->at.place[1], &it);
    if (rc == RC_STALE)
        return call_fail(page->c, FAULT_SYNC_TOKEN_DEAD, "syncToken", NULL);
    if (rc)
        return call_fail(page->c, FAULT_INTERNAL, NULL, NULL);
    while (changes_next(it, &change)) {
        rc = change.kind == CHANGE_PUT ? event_get(page->c->txn, page->coll->no, change.id, &ev)
                                       : RC_NOTFOUND;
        if (needs_full_list(page, rc, &ev)) {
            changes_close(it);
            return call_fail(page->c, FAULT_SYNC_TOKEN_DEAD, "syncToken", NULL);
        }
        bool go_on = rc == RC_OK ? offer(page, &ev, (int64_t)change.seq, 0)
                                 : offer_removed(page, change.id, (int64_t)change.seq);
        if (!go_on)
            break;
    }
    changes_close(it);
    return true;
}

bool events_page_fill(struct events_page *page)
{
    const struct params *p = &page->c->params;
    if (params_has(p, PARAM_SYNC_TOKEN))
        return fill_changes(page);
    if (page->expanded)
        return fill_expanded(page);
    if (params_has(p, PARAM_UPDATED_MIN) || params_has(p, PARAM_ORDER_BY))
        return fill_by_updated(page);
    if (params_has(p, PARAM_ICAL_UID))
        return fill_by_uid(page, p->v[PARAM_ICAL_UID].text);
    if (!NO_WINDOW(&page->window))
        return fill_window(page);
    return fill_by_id(page);
}
