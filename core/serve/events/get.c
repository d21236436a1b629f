/* get: events.get: one event by its id, be it stored or a computed instance of a series. */
#include <string.h>

#include "core/base/must.h"
#include "core/calendar/instance_id.h"
#include "core/serve/etag.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/scope.h"
#include "core/serve/events/series.h"
#include "core/serve/events/view.h"
#include "core/serve/events/window.h"
#include "storage/events.h"

/* Sets the validators; false: a 304. The calendar's zone decides how times look. */
static bool begin(struct call *c, const struct collection *coll, const struct event *ev)
{
    struct etag etag = etag_of_call(c);
    etag_add_number(&etag, coll->no);
    etag_add_version(&etag, c, ev->seq);
    etag_add(&etag, coll->zone, strlen(coll->zone));
    etag_set(c, &etag);
    etag_set_own(c, ev->raw);
    answer_from_collection(c, coll);
    return !call_not_modified(c);
}

/* Has this master an instance in the slot? Slots with an exception are not asked for: those are
 * stored under the id that was not found. */
static bool has_slot(const struct event *master, const struct zone *zone, int64_t slot_ms,
                     bool all_day, struct recur_instance *ret)
{
    bool days = master->flags & EVENT_ALL_DAY;
    if (!(master->flags & EVENT_SERIES) || (master->flags & EVENT_CANCELLED) || days != all_day)
        return false;
    struct recur_set *set = series_open(master, zone);
    bool found = set && recur_find_slot(set, slot_ms, ret, NULL) == RC_OK;
    recur_free(set);
    return found;
}

/* The master of an instance id, which names the base: the master's own id, or that without "_R…".
 * One that names a master with its "_R…" is none: an exception is stored under the proper id.
 * RC_NOTFOUND: there is none; else its record cannot be read. */
static enum rc find_master(struct call *c, const struct collection *coll, struct span id,
                           struct event *ret, struct recur_instance *at)
{
    struct span base;
    int64_t slot_ms;
    bool all_day;
    struct buf prefix = {0};
    struct event ev;
    const struct zone *zone = zone_of_collection(coll);
    if (!instance_id_read(id, &base, &slot_ms, &all_day) || instance_id_base(base).n < base.n)
        return RC_NOTFOUND;
    enum rc rc = event_get(c->txn, coll->no, base, ret);
    if (rc == RC_OK && !has_slot(ret, zone, slot_ms, all_day, at))
        rc = RC_NOTFOUND;
    if (rc != RC_NOTFOUND)
        return rc;
    buf_add_span(&prefix, base);
    buf_add_text(&prefix, "_R");
    must_hold(&prefix);
    struct event_scan *scan = events_by_id(c->txn, coll, buf_span(&prefix));
    while (rc != RC_OK && event_scan_next(scan, &ev) && ev.id.n > prefix.n &&
           memcmp(ev.id.p, prefix.p, prefix.n) == 0)
        if (has_slot(&ev, zone, slot_ms, all_day, at)) {
            *ret = ev;
            rc = RC_OK;
        }
    event_scan_close(scan);
    buf_release(&prefix);
    return rc;
}

void events_get(struct call *c)
{
    struct collection hold;
    const struct collection *coll;
    enum access access;
    struct event ev;
    struct recur_instance at;
    struct instance_form form;
    if (!call_read(c) || !(coll = scope_any_calendar(c, c->segment[0], &hold, &access)))
        return;
    struct view view = view_of_call(c, coll, access);
    enum rc rc = event_get(c->txn, coll->no, c->segment[1], &ev);
    if (rc == RC_OK) {
        if (begin(c, coll, &ev))
            view_write(&view, &ev, &c->out);
        return;
    }
    if (rc == RC_NOTFOUND)
        rc = find_master(c, coll, c->segment[1], &ev, &at);
    if (rc != RC_OK) {
        (void)call_fail_unread(c, coll, rc, "event");
    } else if (begin(c, coll, &ev)) {
        instance_form_init(&form, &ev);
        view_write_instance(&view, &ev, &form, &at, &c->out);
    }
}
