/* look: one reader's own look into the feed, from its cursor on. */
#ifndef CORE_SERVE_LIVE_LOOK_H
#define CORE_SERVE_LIVE_LOOK_H

#include "core/serve/live/internal.h"

/* Opens a snapshot and brings the atlas up to it. The caller's to abort; NULL: failed. */
struct txn *live_look(struct live *l, struct err *e);
/* The same for a request. False: answered. */
bool look_for_call(struct call *c);
/* Do commits wake the loop? From live_start() on they do. */
bool live_joined(struct live *l);

/* Where a reader is to begin, by Last-Event-ID or cursor=. *ret_void: the reason why all that it
 * knows is void, of which it is to be told; else NULL. False: answered. The snapshot is c->txn. */
bool look_cursor(struct call *c, const struct live *l, const struct lens *lens, struct cursor *ret,
                 const char **ret_void);

/* The next entries for a lens that is resolved: each is given to `take`, at most `most` of them and
 * about `bytes`. Returns where the reader then is; *ret_end: nothing is behind that. */
struct look {
    const struct lens *lens;
    struct cursor at;
    unsigned most;
    size_t bytes;
    struct buf *out;
    /* Appends the entry to `out`. */
    void (*take)(const struct live *l, struct look *look, const struct feed_entry *entry,
                 const struct entry_form *form);
    unsigned n;   /* entries taken */
    size_t id_at; /* of the last id in `out` */
    bool end;
};
/* Moves look->at. False: the store cannot be read. */
bool look_on(const struct live *l, struct txn *t, struct look *look);

/* A page for a stream that sends nothing. True: it could go on at once. */
bool look_read_on(struct live *l, struct txn *t, struct stream *s);

#define FULL_RETRY_S 10 /* when there is no room for one more */
/* May the caller have one more stream or long poll? False: answered with 429. */
bool look_has_share(struct call *c, const struct live *l);

#endif
