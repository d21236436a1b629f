/* trouble: whether what is written does reach the disk. */
#ifndef STORAGE_TROUBLE_H
#define STORAGE_TROUBLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/store.h"

/* The last commit failed: why, and since when they do (wall clock). False: it did not. Thread-safe. */
bool store_trouble(struct store *s, struct err *ret_why, int64_t *ret_since_ms);

/* Private to storage/: kept by txn_commit(). */
struct trouble {
    pthread_mutex_t lock; /* a leaf */
    atomic_bool is;       /* looked at without the lock */
    struct err why;
    int64_t since_ms;
};
void trouble_init(struct trouble *t);
void trouble_release(struct trouble *t);
void trouble_note(struct trouble *t, enum rc rc, const struct err *why); /* after each commit */

#endif
