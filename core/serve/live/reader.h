/* reader: the structs of those who listen: streams, long polls, groups of them. */
#ifndef CORE_SERVE_LIVE_READER_H
#define CORE_SERVE_LIVE_READER_H

#include "core/serve/live/lens.h"
#include "core/serve/live/link.h"

/* Text on its way to readers, shared by all who get the same. */
struct chunk {
    unsigned refs;
    size_t n;
    struct cursor end; /* of a reader that has had it */
    char text[];
};

enum stream_state {
    STREAM_JOINING, /* its request waits to be taken over */
    STREAM_BEHIND,  /* sends `out`, then reads on from `at` */
    STREAM_LIVE,    /* knows all that its group was told, sends nothing */
    STREAM_ENDING,  /* sends `out`, then closes */
};

struct stream {
    struct link link; /* first. In live->joining or behind, or in its group's `live` */
    struct link ring; /* of all */
    struct group *group;
    struct httpd_request *req; /* of STREAM_JOINING */
    struct chunk *out;
    struct cursor at;
    size_t out_at;
    int64_t moved_ms; /* monotonic: when `out` last got smaller; or its end, of STREAM_ENDING */
    int64_t sent_ms;  /* monotonic: of the last byte */
    int fd;
    enum stream_state state;
};

/* Long polls, by the group whose news wake them. */
struct waiter {
    struct waiter *next;
    struct httpd_request *req;
    int64_t deadline_ms; /* monotonic */
    uint64_t from;       /* the last number when it began to wait */
};

/* All readers with the same lens. */
struct group {
    struct group *next;
    struct lens lens;
    unsigned n; /* of streams and waiters */
    struct link live;
    struct waiter *waiting;
    unsigned n_waiting;
    /* while a page is made and sent */
    struct buf text;
    size_t id_at; /* of the last id in `text` */
    bool told, detour;
    struct cursor end;
    struct chunk *sending;
    struct link *next_to; /* whom it is sent to next; &live at the end */
};

#endif
