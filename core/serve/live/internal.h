/* internal: what the parts of the live side share. */
#ifndef CORE_SERVE_LIVE_INTERNAL_H
#define CORE_SERVE_LIVE_INTERNAL_H

#include <stdatomic.h>

#include "core/serve/live/live.h"
#include "core/serve/live/reader.h"
#include "core/serve/server.h"

struct live {
    struct serve *serve;
    struct hub_listener hub;
    bool joined, stopped; /* to the hub; for good */
    bool news_lost;       /* the hub's, since the store could not be read */
    int epoll_fd;
    struct atlas atlas;
    struct group *groups;
    struct link joining, behind, ring;
    struct link *rover; /* where the round of heartbeats stands */
    struct cursor at;   /* everything up to here was given to the groups */
    bool more;          /* there may be more */
    unsigned sending;   /* groups that still send */
    struct waiter *ready;
    unsigned waiters;
    int64_t second_ms, renewed_ms; /* monotonic: when those were last done */
    int64_t retry_ms;              /* monotonic: when the store is read again; 0: not needed */
    struct buf line[4];            /* of one entry, by form */
    int64_t due_ms;                /* monotonic: not after the next long poll's deadline */
    struct live_counters counters;
    atomic_bool woken, started; /* set by other threads; apart from flags that are read together */
};

#endif
