/* listing: a full listing that replaces a calendar's events without readers ever seeing half of it.
 *
 * DESIGN. Pages are committed one by one, so memory stays bounded and a restart goes on where it
 * was. Each listing has a generation, a number never used before; what it listed bears it as a mark
 * in the id index, which readers do not look at.
 * - A calendar that has a whole view: an event equal to the live one gets the mark; one that is new
 *   or differs goes to the `stage` keyspace. listing_finish() puts the staged ones and removes the
 *   live ones that were neither marked nor staged, in one transaction. Its size is that of the
 *   difference, not of the calendar.
 * - A calendar that has none (`direct`): pages go live at once, marked (nobody is served before the
 *   state is COLL_READY); finish only reads, unless an interrupted earlier attempt left something.
 * Rows and change numbers of unchanged events are kept, so clients' cursors survive a full listing.
 * - Increments may be put while a listing is under way: what they bring is as good as listed, and
 * what was staged of it before stands back unless it is newer.
 * - A listing may hold an instance as it was before its series ended or became a single event, from
 *   a page read earlier or a replica that lags: nothing would ever take it back. So finish removes
 *   the instances of a series that is none any more, unless they are younger than its change. */
#ifndef STORAGE_LISTING_H
#define STORAGE_LISTING_H

#include "storage/events.h"

/* As readers see it: after a direct listing everything counts as added. */
struct listing_result {
    uint64_t listed, added, changed, removed;
    uint64_t older; /* of those changed: by an earlier form. The token tells what followed */
};

/* Starts afresh: drops the stage of an earlier one and fills c->listing. With LISTING_DAMAGED it
 * first throws out every damaged record and index row of the calendar. */
void listing_begin(struct txn *t, struct collection *c, enum listing_reason reason, int64_t now_ms);
/* One event of a page; counts c->listing.items (pages and page_token are the caller's). Twice the
 * same id within a listing: the one with the newer `updated` wins, the later one if that does not
 * tell. */
void listing_put(struct txn *t, struct collection *c, const struct event *ev);
/* After the last page, before listing_finish(): what that will change in a view that was whole.
 * Told are the event as it is here and as it was listed; NULL: there is none, removed ones
 * included. Left out is what changed since the listing began, by increments: each of these explains
 * a difference. */
void listing_compare(struct txn *t, const struct collection *c,
                     void (*each)(void *arg, const struct event *ours, const struct event *theirs),
                     void *arg);
/* After the last page: makes the listed set the calendar's view, state COLL_READY, c->listing
 * empty. The caller sets token, fresh_ms, full_ms and puts *c. It may put the last page in the same
 * transaction. */
void listing_finish(struct txn *t, struct collection *c, struct listing_result *ret);
void listing_abandon(struct txn *t, struct collection *c);

#endif
