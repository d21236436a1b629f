/* hub_store: the hub's side that transactions see. Private to storage/. */
#ifndef STORAGE_HUB_STORE_H
#define STORAGE_HUB_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/hub.h"

/* Collections that a transaction wrote, in order of writing, some more than once. */
struct touched {
    uint32_t *v;
    size_t n, room;
    bool all;             /* too many to name */
    struct touched *next; /* of those being committed */
};

struct hub {
    pthread_mutex_t mutex; /* a leaf lock, but for the listeners' wake() */
    struct hub_listener *listeners;
    struct touched *coming; /* from before the commit until it is published */
    _Atomic uint64_t seq;
};

/* Who waits for commits hears of this collection if the transaction commits. */
void txn_touch(struct txn *t, uint32_t coll);
/* Around each commit. After one that failed nobody is told. */
void hub_announce(struct store *s, struct touched *touched);
void hub_publish(struct store *s, uint64_t seq, struct touched *touched, bool committed);

#endif
