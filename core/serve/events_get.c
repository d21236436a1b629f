/* events_get: events.get: one event by its id. */
#include "core/base/json.h"
#include "core/serve/etag.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/scope.h"
#include "core/serve/view.h"
#include "storage/events.h"

void events_get(struct call *c)
{
    struct collection coll;
    struct event ev;
    if (!call_read(c) || !scope_calendar(c, c->segment[0], COLL_EVENTS, &coll))
        return;
    enum rc rc = event_get(c->txn, coll.no, c->segment[1], &ev);
    if (rc == RC_NOTFOUND) {
        (void)call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
        return;
    }
    if (rc) {
        /* A damaged record: it is counted, and fetched again soon. */
        (void)call_fail(c, FAULT_NOT_READY, NULL, "This event is being fetched again.");
        return;
    }
    struct etag etag = etag_of_call(c);
    etag_add_number(&etag, coll.no);
    etag_add_number(&etag, ev.seq);
    etag_add(&etag, coll.zone, sizeof coll.zone);
    etag_set(c, &etag);
    answer_from_collection(c, &coll);
    if (call_not_modified(c))
        return;
    struct view view = view_of_call(c, &coll);
    view_write(&view, &ev, &c->out);
}
