/* head: what a list answer says of its collection besides the items: name, zone, role, reminders.
 */
#ifndef CORE_SYNC_HEAD_H
#define CORE_SYNC_HEAD_H

#include "core/sync/run.h"

/* Stores the page's head when it differs, with a new version; takes up the calendar's zone. True if
 * something changed that the calendar list shows as well and may not announce. */
bool head_store(struct run *r, struct txn *t, const struct google_page *page);

#endif
