/* changes: the change log: one row per item of a collection, the newest change wins.
 *
 * Serves local sync tokens, the change feed and the resume of streams. Rows are written by the
 * functions that change items; sequence numbers are store-wide and rise with every change. */
#ifndef STORAGE_CHANGES_H
#define STORAGE_CHANGES_H

#include "core/base/buf.h"
#include "core/model/collection.h"
#include "storage/store.h"

enum change_kind { CHANGE_PUT = 1, CHANGE_REMOVED = 2 };

struct change {
    uint64_t seq;
    int64_t at_ms; /* wall clock of the transaction; 0 when its row was damaged */
    enum change_kind kind;
    struct span id;
    struct span history; /* packed; for change_since() */
    bool lost;           /* the row was damaged: its history is not known */
};

/* What happened to an item behind a point in the sequence, however many changes it were. */
struct change_since {
    bool was_live;          /* at that point it was there, and not cancelled */
    bool partial;           /* `names` may lack some */
    struct span start, end; /* these members (JSON) as they were then, if they changed; LMDB's */
};
/* Appends the names of the top-level members that differ to `names`, raw as between their quotes,
 * each with a NUL behind it. A row keeps its last steps one by one and older ones as one, so a
 * point within those is told of all of them. */
void change_since(const struct change *row, uint64_t after, struct buf *names,
                  struct change_since *ret);

struct change_iter;
/* Rows with seq > after, ascending. RC_STALE when `after` < c->pruned_seq (rows in between are
 * gone) or when it is of a future that this store has not seen (a restored backup). */
enum rc changes_open(struct txn *t, const struct collection *c, uint64_t after,
                     struct change_iter **ret);
bool changes_next(struct change_iter *it, struct change *ret);
void changes_close(struct change_iter *it); /* NULL ok */

/* Drops removal rows older than before_ms (the rows of present items stay: they cost one row an
 * item). Moves c->pruned_seq when it dropped something. At most `most` rows a call; returns how
 * many. */
uint64_t changes_prune(struct txn *t, struct collection *c, int64_t before_ms, uint64_t most);

#endif
