/* accounts, collections: who is mirrored, and where each followed thing stands. */
#ifndef STORAGE_ACCOUNTS_H
#define STORAGE_ACCOUNTS_H

#include "core/model/account.h"
#include "core/model/collection.h"
#include "storage/store.h"

/* RC_NOTFOUND when absent. RC_BADDATA when its record is damaged: *ret then holds what can be told
 * (number; name, if it was asked by name), so that account_put() of it heals the record. */
enum rc account_get(struct txn *t, uint32_t no, struct account *ret);
enum rc account_find(struct txn *t, const char *name, struct account *ret);
/* Writes; no == 0: gives it the next number (set in *a). */
void account_put(struct txn *t, struct account *a);

/* RC_NOTFOUND when absent. RC_BADDATA when its record is damaged: *ret is then a fresh record,
 * state COLL_NEW, with number and, where they are still known, account, kind and calendar; older
 * cursors are dead in it. Put it and list in full (the listing counts again what is there), or,
 * when its account is 0, coll_delete() it. */
enum rc coll_get(struct txn *t, uint32_t no, struct collection *ret);
/* calendar: "" for account-wide kinds. */
enum rc coll_find(struct txn *t, uint32_t account, enum coll_kind kind, struct span calendar,
                  struct collection *ret);
/* Writes all of it; no == 0: gives it the next number (set in *c). */
void coll_put(struct txn *t, struct collection *c);
/* With all its items, indexes, changes, stage, head, channels and job. */
void coll_delete(struct txn *t, uint32_t no);

/* Throws out every damaged record of the collection and makes the rest agree: indexes, counts,
 * change log. Returns how many entries it dropped or made; if any, older cursors are dead, for they
 * may have missed something. Then list in full; listing_begin() with LISTING_DAMAGED calls it
 * itself. */
uint64_t coll_repair(struct txn *t, struct collection *c);

/* Each of them in order of number, until `each` returns false. Damaged ones come with RC_BADDATA
 * and the content that account_get() and coll_get() give them. Do not write during the walk. */
void accounts_each(struct txn *t, bool (*each)(void *arg, enum rc rc, const struct account *a),
                   void *arg);
void colls_each(struct txn *t, bool (*each)(void *arg, enum rc rc, const struct collection *c),
                void *arg);

/* The head members of the last page of the collection, as a JSON object kept raw: for events the
 * calendar's summary, timeZone, accessRole, defaultReminders, updated, etag. Empty when unknown. */
struct span coll_head(struct txn *t, uint32_t no);
void coll_set_head(struct txn *t, uint32_t no, struct span json);

/* What the last verification of a part (one bit of enum job_verify) found, as JSON. Empty when
 * there was none. */
struct span coll_verdict(struct txn *t, uint32_t no, uint32_t part);
void coll_set_verdict(struct txn *t, uint32_t no, uint32_t part, struct span json);

#endif
