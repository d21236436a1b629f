/* jobs: what is owed to each collection, kept so that a restart owes the same.
 *
 * `pinged` and `pulled` are serials: a ping raises pinged before it is answered; a pull that began
 * when pinged was S commits pulled = S together with its data. Dirty = pinged > pulled. So a ping
 * during a pull is never lost and never costs more than one further pull. */
#ifndef STORAGE_JOBS_H
#define STORAGE_JOBS_H

#include "storage/store.h"

/* Bits: what is to be compared with Google. VERIFY_BEGUN(bit) instead, once that has begun: what is
 * asked for then is owed once more, since what was already compared is no answer to it. */
enum job_verify {
    VERIFY_EVENTS = 1u << 0,
    VERIFY_INSTANCES = 1u << 1, /* those of series, in a window of time */
};
#define VERIFY_BEGUN(bit) ((uint32_t)(bit) << 2)

struct job {
    uint32_t coll;
    uint64_t pinged;
    uint64_t pulled;
    int64_t ping_ms; /* wall clock of the last ping that raised `pinged` */
    int64_t due_ms;  /* wall clock: next scheduled run; 0 = at once */
    bool resync;     /* an operator asked for a full listing */
    uint32_t verify; /* enum job_verify, owed: an operator asked for a verification */
    int64_t verify_min_ms, verify_max_ms; /* window of VERIFY_INSTANCES */
};

/* All zero but for `coll` (RC_OK) when nothing is owed. A damaged record reads as one ping owed,
 * due at once: pulling once too often is harmless, forgetting a ping is not. */
enum rc job_get(struct txn *t, uint32_t coll, struct job *ret);
void job_put(struct txn *t, const struct job *j);
bool job_owes_verify(const struct job *j, enum job_verify what);
/* In order of collection, until `each` returns false. Do not write during the walk. */
void jobs_each(struct txn *t, bool (*each)(void *arg, const struct job *j), void *arg);

#endif
