/* internal: what is in a queue. Private to core/queue; the DESIGN is in queue.c. */
#ifndef CORE_QUEUE_INTERNAL_H
#define CORE_QUEUE_INTERNAL_H

#include <pthread.h>

#include "core/queue/heap.h"
#include "core/queue/queue.h"

struct lane {
    uint32_t account;
    struct heap idle;
    uint64_t served; /* when it was last given a worker, in takes */
    unsigned running;
    int64_t hold_ms; /* nothing before this, monotonic */
    bool suspect;    /* its last run failed, or had to wait: the next one may hold a worker long */
};

struct entry {
    struct heap_node node;         /* first: the heap's pointer is the entry's */
    struct entry *next;            /* in its bucket */
    struct entry *after, **before; /* in the line of those that settle; NULL: not there */
    struct lane *lane;
    uint32_t coll;
    bool running, dropped;
    unsigned owed,
        later; /* enum queue_reason without PING and SCHEDULE; `later` may hold SCHEDULE */
    uint64_t pinged, durable, taken, pulled;
    int64_t pinged_ms,
        later_ms;     /* wall: first ping of the batch owed; of that which came during the run */
    int64_t ready_ms; /* when the ping owed has settled, monotonic */
    int64_t paced_ms; /* when the runs that pings caused would have been over, one each PACE_MS */
    int64_t due_ms;   /* scheduled, monotonic */
    int64_t hold_ms;  /* after a failure: not before this */
    struct queue_counters counters;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool stopped;
    unsigned workers;
    int64_t settle_ms;
    struct entry *settling, **settling_end;
    struct entry **buckets;
    size_t n_buckets, n_entries, n_running;
    struct lane **lanes;
    size_t n_lanes;
    uint64_t takes, pings, pings_refused;
};

/* The link that points to the entry of this collection, or where one would go. */
static inline struct entry **entry_link(struct queue *q, uint32_t coll)
{
    struct entry **link = &q->buckets[coll & (q->n_buckets - 1)];
    while (*link && (*link)->coll != coll)
        link = &(*link)->next;
    return link;
}

#endif
