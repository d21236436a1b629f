/* head: what a list answer says of its collection besides the items: name, zone, role, reminders.
 */
#ifndef CORE_SYNC_HEAD_H
#define CORE_SYNC_HEAD_H

#include "core/sync/run.h"

/* What the head of a calendar's events tells by another word than before. */
enum head_news {
    HEAD_LISTED = 1, /* something that the calendar list shows as well and may not announce */
    HEAD_ROLE = 2, /* what the account may see: events show more now, or less, or as instances, and
                    * no increment names them for that */
};
/* Stores the page's head when it differs, with a new version; takes up the calendar's zone. Returns
 * enum head_news, for events alone. */
unsigned head_store(struct run *r, struct txn *t, const struct google_page *page);
/* Of a calendar: as it was stored last. */
bool head_shows_busy_only(struct txn *t, uint32_t coll);

#endif
