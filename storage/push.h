/* push: what cannot be had from Google again: clients' channels, how far hooks were told, and what
 * could not be delivered. All of it in the file of a store that was opened as STORE_PUSH. */
#ifndef STORAGE_PUSH_H
#define STORAGE_PUSH_H

#include "core/model/push.h"
#include "storage/store.h"

/* RC_NOTFOUND; RC_BADDATA: damaged, nobody knows whom it told. */
enum rc push_channel_get(struct txn *t, struct span id, struct push_channel *ret);
void push_channel_put(struct txn *t, const struct push_channel *c);
void push_channel_delete(struct txn *t, struct span id); /* absent: nothing happens */
/* Until `each` returns false. Damaged ones are skipped; returns how many. Do not write during the
 * walk. */
unsigned push_channels_each(struct txn *t, bool (*each)(void *arg, const struct push_channel *c),
                            void *arg);

/* RC_NOTFOUND also for a damaged one. */
enum rc push_mark_get(struct txn *t, uint32_t coll, const char *hook, struct push_mark *ret);
void push_mark_put(struct txn *t, const struct push_mark *m);
void push_mark_delete(struct txn *t, uint32_t coll, const char *hook);
void push_marks_each(struct txn *t, bool (*each)(void *arg, const struct push_mark *m), void *arg);
void push_marks_clear(struct txn *t);

/* number == 0: gives it the next one (set in *d). */
void push_dead_put(struct txn *t, struct push_dead *d);
enum rc push_dead_get(struct txn *t, uint64_t number, struct push_dead *ret);
void push_dead_delete(struct txn *t, uint64_t number);
/* Those with number > after, oldest first, until `each` returns false; damaged ones are skipped. */
void push_dead_each(struct txn *t, uint64_t after,
                    bool (*each)(void *arg, const struct push_dead *d), void *arg);

/* The mirror (store_id) whose sequence numbers the cursors are; "" at first. */
void push_mirror_get(struct txn *t, char ret[33]);
void push_mirror_put(struct txn *t, const char *id);

#endif
