/* items: the small collections (calendarList entries, settings, colours, access rules), raw by id.
 */
#ifndef STORAGE_ITEMS_H
#define STORAGE_ITEMS_H

#include "core/model/collection.h"
#include "storage/store.h"

struct item {
    struct span id;
    struct span raw; /* the resource as it came */
    bool deleted;    /* a tombstone (deleted:true, role none): listed only when asked for */
    bool left_out;   /* a calendar that the config does not mirror: to readers it is not there */
};

/* RC_NOTFOUND, RC_BADDATA (damaged; counted like events, see events_damaged). */
enum rc item_get(struct txn *t, uint32_t coll, struct span id, struct item *ret);
/* The entry of a calendar in the list of its account; RC_NOTFOUND also when that is a tombstone. */
enum rc item_of_calendar(struct txn *t, uint32_t account, struct span calendar,
                         struct span *ret_raw);
/* Writes when it differs from what is there, with a row in the change log; true if it did. Updates
 * *c's counts and version (the caller puts *c at the end of its work). What is and stays left out
 * is kept as it was: nobody shall hear of its changes until it is there again. */
bool item_put(struct txn *t, struct collection *c, const struct item *item);
/* Leaves a removal row in the change log; also removes a damaged one. */
bool item_remove(struct txn *t, struct collection *c, struct span id);

struct item_iter;
/* In order of id, after `after` (empty: from the first). NULL, an empty walk, when the transaction
 * failed for want of memory. */
struct item_iter *items_open(struct txn *t, uint32_t coll, struct span after);
bool items_next(struct item_iter *it, struct item *ret); /* damaged ones are skipped and counted */
void items_close(struct item_iter *it);                  /* NULL ok */

#endif
