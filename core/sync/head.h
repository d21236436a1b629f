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
 * enum head_news, for events alone. A role that shows instances in place of series, or series
 * again, is stored when the calendar is `listed`, for no increment brings that about; and then
 * every cursor is void, as Google's own may be. A delta would say that the series were deleted,
 * with which a reader drops the instances, too. */
unsigned head_store(struct run *r, struct txn *t, const struct google_page *page, bool listed);
/* Is the role in it freeBusyReader? Of a calendar: as it was stored last. */
bool head_is_busy_only(struct span head);
bool head_shows_busy_only(struct txn *t, uint32_t coll);

#endif
