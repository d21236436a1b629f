/* listing: a full listing that replaces a calendar's events without readers ever seeing half of it.
 *
 * DESIGN. Pages are committed one by one, so memory stays bounded and a restart goes on where it was.
 * - A calendar that has a whole view: events that differ from it go to the `stage` keyspace, equal ones
 *   leave a bare mark there. listing_finish() walks stage and live ids side by side in one
 *   transaction: staged ones are put, live ones without a mark are removed. Its size is that of the
 *   difference, not of the calendar.
 * - A calendar that has none (`direct`): pages go live at once (nobody is served before the state is
 *   COLL_READY) and leave only marks; finish sweeps what an interrupted earlier attempt left.
 * Rows and change numbers of unchanged events are kept, so clients' cursors survive a full listing. */
#ifndef STORAGE_LISTING_H
#define STORAGE_LISTING_H

#include "storage/events.h"

struct listing_result {
    uint64_t listed, added, changed, removed;
};

/* Starts afresh: drops the stage of an earlier one and fills c->listing. */
void listing_begin(struct txn *t, struct collection *c, enum listing_reason reason, int64_t now_ms);
/* One event of a page. Twice the same id within a listing: the one with the newer `updated` wins. */
void listing_put(struct txn *t, struct collection *c, const struct event *ev);
/* After the last page: makes the listed set the calendar's view, state COLL_READY, reason NONE. The caller sets
 * token, fresh_ms, full_ms and puts *c. In the same transaction the caller has put the last page. */
void listing_finish(struct txn *t, struct collection *c, struct listing_result *ret);
void listing_abandon(struct txn *t, struct collection *c);

#endif
