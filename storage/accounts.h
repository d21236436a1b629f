/* accounts, collections: who is mirrored, and where each followed thing stands. */
#ifndef STORAGE_ACCOUNTS_H
#define STORAGE_ACCOUNTS_H

#include "core/model/account.h"
#include "core/model/collection.h"
#include "storage/store.h"

/* RC_NOTFOUND when absent, RC_BADDATA when its record is damaged (callers skip it and report). */
enum rc account_get(struct txn *t, uint32_t no, struct account *ret);
enum rc account_find(struct txn *t, const char *name, struct account *ret);
/* Writes; no == 0: gives it the next number (set in *a). */
void account_put(struct txn *t, struct account *a);

enum rc coll_get(struct txn *t, uint32_t no, struct collection *ret);
/* calendar: "" for account-wide kinds. */
enum rc coll_find(struct txn *t, uint32_t account, enum coll_kind kind, struct span calendar,
                  struct collection *ret);
void coll_put(struct txn *t, struct collection *c); /* no == 0: new; counts and version are kept by the caller's copy */
void coll_delete(struct txn *t, uint32_t no);       /* with all its items, indexes, changes, stage, job */

/* Each of them in order of number, until `each` returns false. Damaged ones come with RC_BADDATA and
 * only `no` set. Do not write during the walk. */
void accounts_each(struct txn *t, bool (*each)(void *arg, enum rc rc, const struct account *a), void *arg);
void colls_each(struct txn *t, bool (*each)(void *arg, enum rc rc, const struct collection *c), void *arg);

/* The head members of the last page of the collection, as a JSON object kept raw: for events the
 * calendar's summary, timeZone, accessRole, defaultReminders, updated, etag. Empty when unknown. */
struct span coll_head(struct txn *t, uint32_t no);
void coll_set_head(struct txn *t, uint32_t no, struct span json);

#endif
