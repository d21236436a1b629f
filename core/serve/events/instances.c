/* instances: events.instances: the instances and exceptions of one series, by start. */
#include "core/base/clock.h"
#include "core/base/rfc3339.h"
#include "core/serve/events/head.h"
#include "core/serve/events/single.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/pages.h"
#include "core/serve/scope.h"
#include "core/serve/events/series.h"
#include "core/serve/events/window.h"

/* originalStart as the slot of an instance: a date for all-day series. */
static bool read_slot(struct call *c, const struct event *master, int64_t *ret_ms)
{
    struct span text = c->params.v[PARAM_ORIGINAL_START].text;
    int64_t days = 0;
    bool ok = master->flags & EVENT_ALL_DAY ? rfc3339_date(text, &days)
                                            : rfc3339_time(text, ret_ms, NULL, NULL);
    if (!ok)
        return call_fail(c, FAULT_BAD_REQUEST, "originalStart", NULL);
    if (master->flags & EVENT_ALL_DAY)
        *ret_ms = days * DAY_MS;
    return true;
}

/* The exception that stands in a slot; false: none does. */
static bool find_exception(struct events_page *page, const struct event *master, int64_t slot_ms,
                           struct event *ret)
{
    struct event ev;
    bool found = false;
    struct event_scan *scan = events_of_series(page->c->txn, page->coll, master->id);
    while (!found && event_scan_next(scan, &ev))
        if (ev.original_ms == slot_ms) {
            *ret = ev;
            found = true;
        }
    event_scan_close(scan);
    return found;
}

/* The window holds for it as well. What ends at timeMin belongs to it. */
static bool in_window(const struct params *p, int64_t start_ms, int64_t end_ms)
{
    return start_ms < params_number(p, PARAM_TIME_MAX, INT64_MAX) &&
           end_ms >= params_number(p, PARAM_TIME_MIN, INT64_MIN);
}

static bool exception_in_window(const struct events_page *page, const struct event *ev)
{
    const struct params *p = &page->c->params;
    if (ev->flags & EVENT_ALL_DAY)
        return in_window(p, window_day_instant(page->zone, ev->start_ms),
                         window_day_instant(page->zone, ev->end_ms));
    return in_window(p, ev->start_ms, ev->end_ms);
}

/* The one instance that began, or should have begun, in a slot. */
static bool fill_slot(struct events_page *page, const struct event *master)
{
    int64_t slot_ms;
    struct event ev;
    struct recur_instance at;
    struct instance_form form;
    if (!read_slot(page->c, master, &slot_ms))
        return false;
    if (find_exception(page, master, slot_ms, &ev)) {
        if (events_page_keeps(page, &ev) && exception_in_window(page, &ev))
            view_write(&page->view, &ev, &page->c->out);
        return true;
    }
    struct recur_set *set = series_open(master, page->zone);
    if (set && recur_find_slot(set, slot_ms, &at, NULL) == RC_OK &&
        in_window(&page->c->params, at.start_ms, at.end_ms)) {
        instance_form_init(&form, master);
        view_write_instance(&page->view, master, &form, &at, &page->c->out);
    }
    recur_free(set);
    return true;
}

static bool fill(struct events_page *page, const struct event *master)
{
    const struct params *p = &page->c->params;
    if (!(master->flags & EVENT_SERIES)) /* a single event has no instances */
        return true;
    if (params_has(p, PARAM_ORIGINAL_START))
        return fill_slot(page, master);
    struct expand_query q = {.min_ms = params_number(p, PARAM_TIME_MIN, INT64_MIN),
                             .max_ms = params_number(p, PARAM_TIME_MAX, INT64_MAX),
                             .touching = true,
                             .series = master->id};
    return events_single_fill_from(page, &q);
}

/* A page token leads on in the list of the series that gave it. */
static bool check_token(struct call *c, struct page_token *at)
{
    if (params_has(&c->params, PARAM_PAGE_TOKEN) &&
        (at->place[0] != PHASE_INSTANCES || !span_eq(at->after, c->segment[1])))
        return pages_refuse(c);
    at->place[0] = PHASE_INSTANCES;
    at->after = c->segment[1];
    return true;
}

void events_instances(struct call *c)
{
    struct collection hold;
    const struct collection *coll;
    enum access access;
    struct event master;
    struct events_page page = {.c = c, .expanded = true};
    if (!call_read(c) || !(coll = scope_any_calendar(c, c->segment[0], &hold, &access)) ||
        !pages_begin(c, coll, &page.at) || !call_range(c) || !check_token(c, &page.at))
        return;
    enum rc rc = event_get(c->txn, coll->no, c->segment[1], &master);
    if (rc != RC_OK) {
        (void)call_fail_unread(c, coll, rc, "event");
        return;
    }
    if (!events_head_begin(c, coll))
        return;
    page.coll = coll;
    page.zone = zone_of_collection(coll);
    page.view = view_of_call(c, coll, access);
    page.max = pages_max_results(c);
    page.deleted = params_on(&c->params, PARAM_SHOW_DELETED);
    events_head_write(c, coll, access);
    if (!fill(&page, &master))
        return;
    buf_add_char(&c->out, ']');
    if (page.more && !pages_write_next(c, &page.at))
        return;
    buf_add_char(&c->out, '}');
}
