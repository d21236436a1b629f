/* single: pages of single events and instances, in order of start or of last change.
 *
 * The place in a page token is that of expand.h in [1] to [3]; in order of last change [1] is that
 * time. */
#include "core/serve/events/single.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/serve/fault.h"

static struct expand_place place_of_page(const struct events_page *page)
{
    const int64_t *p = page->at.place;
    return p[1] == INT64_MIN ? (struct expand_place)EXPAND_BEGIN
                             : (struct expand_place){p[1], p[2], p[3]};
}

static void set_place(struct events_page *page, const struct expand_place *place)
{
    page->at.place[1] = place->start_ms;
    page->at.place[2] = place->row;
    page->at.place[3] = place->slot_ms;
}

/* Instances look like their master for all that is filtered by, so it is asked once. */
static bool keep(void *arg, const struct event *ev)
{
    struct events_page *page = arg;
    const struct params *p = &page->c->params;
    if (!events_page_keeps(page, ev))
        return false;
    if (params_has(p, PARAM_UPDATED_MIN) && ev->updated_ms < p->v[PARAM_UPDATED_MIN].number)
        return false;
    return !((ev->flags & EVENT_SERIES) || params_has(p, PARAM_ICAL_UID)) ||
           events_page_matches(page, ev);
}

static void write_item(struct events_page *page, const struct expand_item *item)
{
    struct buf *out = &page->c->out;
    if (page->n++)
        buf_add_char(out, ',');
    if (item->computed)
        view_write_instance(&page->view, item->ev, item->form, &item->at, out);
    else
        view_write(&page->view, item->ev, out);
}

/* False: the page has ended before this item. */
static bool offer(struct events_page *page, const struct expand_item *item)
{
    bool is_wanted = item->computed || events_page_matches(page, item->ev);
    if (events_page_ends(page, is_wanted))
        return false;
    set_place(page, &item->place);
    if (is_wanted)
        write_item(page, item);
    return true;
}

/* Ends the expansion; false: answered. */
static bool end(struct events_page *page, struct expand *x)
{
    struct err e = {0};
    enum rc rc = expand_close(x, &e);
    if (rc == RC_FULL)
        return call_fail(page->c, FAULT_RANGE_TOO_LONG, "timeMax", "%s", e.text);
    return rc == RC_OK || call_fail_internal(page->c, &e);
}

static bool begin(struct events_page *page, struct expand_query *q, struct expand **ret)
{
    struct err e = {0};
    q->txn = page->c->txn;
    q->coll = page->coll;
    q->zone = page->zone;
    q->known =
        q->series.n ? NULL : series_cache_get(page->c->series, q->txn, page->coll, page->zone);
    q->budget = page->c->conf->api.instance_budget;
    q->keep = keep;
    q->arg = page;
    return expand_open(ret, q, &e) == RC_OK || call_fail_internal(page->c, &e);
}

bool events_single_fill_from(struct events_page *page, struct expand_query *q)
{
    struct expand *x = NULL;
    struct expand_item item;
    q->after = place_of_page(page);
    if (!begin(page, q, &x))
        return false;
    while (expand_next(x, &item) && offer(page, &item))
        ;
    return end(page, x);
}

/* An item put aside until all are known. Its event's bytes are the store's and stay. */
struct kept {
    struct expand_item item;
    struct event ev;
};

static int by_place(const void *pa, const void *pb)
{
    const struct kept *a = pa, *b = pb;
    return expand_place_compare(&a->item.place, &b->item.place);
}

/* Those instances of a series that come after the place. False: answered. */
static bool offer_instances(struct events_page *page, struct expand_query q,
                            const struct event *master, const struct expand_place *after)
{
    struct expand *x = NULL;
    struct expand_item item;
    q.series = master->id;
    q.computed = true;
    if (after->start_ms == master->updated_ms && after->row == (int64_t)master->row) {
        /* A slot is a date as if UTC, or the start itself; what is not behind it is passed over. */
        int64_t from_ms = after->slot_ms - 2 * DAY_MS;
        q.min_ms = from_ms > q.min_ms ? from_ms : q.min_ms;
    }
    if (!begin(page, &q, &x))
        return false;
    while (!page->more && expand_next(x, &item)) {
        item.place = (struct expand_place){master->updated_ms, item.place.row, item.place.slot_ms};
        if (expand_place_compare(&item.place, after) > 0)
            (void)offer(page, &item);
    }
    return end(page, x);
}

/* From the index, one record after the other. Without an end to the window there may be none to its
 * instances, so they are not all to be had before the first is shown; and since updatedMin few
 * have changed. */
static bool fill_by_index(struct events_page *page, const struct expand_query *q)
{
    struct event ev;
    bool ok = true;
    struct expand_place after = place_of_page(page);
    struct event_place from = {after.start_ms, after.row > 0 ? (uint64_t)after.row - 1 : 0};
    struct event_scan *scan =
        events_by_updated(page->c->txn, page->coll,
                          params_number(&page->c->params, PARAM_UPDATED_MIN, INT64_MIN), from);
    while (ok && !page->more && event_scan_next(scan, &ev)) {
        struct expand_item item = {.place = {ev.updated_ms, (int64_t)ev.row, 0}, .ev = &ev};
        if (!events_page_tells(page, &ev) &&
            ((ev.flags & EVENT_UNTIMED) || !window_has(&page->window, &ev)))
            continue;
        if (ev.flags & EVENT_SERIES)
            ok = offer_instances(page, *q, &ev, &after);
        else if (expand_place_compare(&item.place, &after) > 0 && keep(page, &ev))
            (void)offer(page, &item);
    }
    event_scan_close(scan);
    return ok;
}

/* All of the window, then sorted: that order has nothing to do with time. */
static bool fill_by_updated(struct events_page *page, struct expand_query *q)
{
    struct expand *x = NULL;
    struct kept *v = NULL;
    struct expand_item item;
    size_t n = 0, room = 0;
    bool ok = true;
    struct expand_place after = place_of_page(page);
    if (!begin(page, q, &x))
        return false;
    while (ok && expand_next(x, &item)) {
        item.place = (struct expand_place){item.ev->updated_ms, item.place.row,
                                           item.computed ? item.place.slot_ms : 0};
        if (expand_place_compare(&item.place, &after) <= 0)
            continue;
        if (n == room) {
            room = room ? 2 * room : 256;
            struct kept *more = reallocarray(v, room, sizeof *v);
            ok = more != NULL;
            v = ok ? more : v;
        }
        if (ok)
            v[n++] = (struct kept){item, *item.ev};
    }
    if (n)
        qsort(v, n, sizeof *v, by_place);
    ok = end(page, x) && (ok || call_fail(page->c, FAULT_INTERNAL, NULL, NULL));
    for (size_t i = 0; ok && i < n; i++) {
        struct instance_form form;
        v[i].item.ev = &v[i].ev;
        if (v[i].item.computed)
            instance_form_init(&form, &v[i].ev);
        v[i].item.form = &form;
        if (!offer(page, &v[i].item))
            break;
    }
    free(v);
    return ok;
}

bool events_single_fill(struct events_page *page)
{
    const struct params *p = &page->c->params;
    struct expand_query q = {.min_ms = params_number(p, PARAM_TIME_MIN, INT64_MIN),
                             .max_ms = params_number(p, PARAM_TIME_MAX, INT64_MAX),
                             .after = EXPAND_BEGIN};
    if (params_has(p, PARAM_ORDER_BY) && p->v[PARAM_ORDER_BY].number == ORDER_UPDATED)
        return q.max_ms == INT64_MAX || params_has(p, PARAM_UPDATED_MIN)
                   ? fill_by_index(page, &q)
                   : fill_by_updated(page, &q);
    return events_single_fill_from(page, &q);
}
