/* trouble: whether what is written does reach the disk. */
#ifndef STORAGE_TROUBLE_H
#define STORAGE_TROUBLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/store.h"

/* The last commit failed: why, and since when they do (wall clock). False: it did not. Thread-safe.
 */
bool store_trouble(struct store *s, struct err *ret_why, int64_t *ret_since_ms);

/* For how long the oldest view that somebody reads, by now outdated, has been held (monotonic); as
 * seen by store_reap_readers(). The file cannot use space again that was freed since. 0: by nobody.
 */
int64_t store_held_ms(const struct store *s);
#define STORE_HELD_MOST_MS (10 * 60 * 1000) /* longer is not as it should be */

/* Private to storage/: `held` by store_reap_readers(), the rest by txn_commit(). */
struct trouble {
    pthread_mutex_t lock; /* a leaf */
    atomic_bool is;       /* looked at without the lock */
    struct err why;
    int64_t since_ms;
    uint64_t held_txn; /* 0: none */
    _Atomic int64_t held_since_ms, held_ms;
};
void trouble_init(struct trouble *t);
void trouble_release(struct trouble *t);
void trouble_note(struct trouble *t, enum rc rc, const struct err *why); /* after each commit */

#endif
