/* letters: dead letters, which are the changes that a hook did not take: so many and so large, for
 * `calmirror hooks` to deliver again or to drop. Private to core/push; with the lock held. */
#ifndef CORE_PUSH_LETTERS_H
#define CORE_PUSH_LETTERS_H

#include "core/push/hook.h"

/* Of one hook; the oldest give way. All of them are part of one answer (LIMIT_BUF_BYTES). */
#define LETTERS_MOST    1000
#define LETTERS_BYTES   (UINT64_C(4) << 20) /* of their changes; one that is larger stands alone */
#define LETTERS_KEPT_MS (30 * DAY_MS)       /* of a hook that has left the configuration */

/* Sets `dead` and `dead_bytes` of each hook. */
void letters_count(struct hooks *h, struct txn *ledger);
/* Deletes the old ones of hooks that are not in the configuration. */
void letters_expire(struct hooks *h, struct txn *ledger);

/* The lane's body becomes one. */
void letters_add(struct hook_lane *l, struct txn *t);
/* One was delivered again, or not. */
void letters_settle(struct hook_lane *l, bool ok, struct txn *t);
/* The next one to be delivered again: its body and number. RC_NOTFOUND: that was all. */
enum rc letters_next(struct hooks *h, struct hook_lane *l);

void letters_write(struct txn *t, const char *hook, struct buf *out); /* elements of an array */

#endif
