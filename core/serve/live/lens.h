/* lens: what one kind of reader asked for, and what of it it may see; shared by all who asked
 * alike.
 */
#ifndef CORE_SERVE_LIVE_LENS_H
#define CORE_SERVE_LIVE_LENS_H

#include "core/serve/call.h"
#include "core/serve/live/entry.h"

struct lens_coll {
    uint32_t no;
    enum access access;
};

struct lens {
    /* what was asked */
    struct caller caller;
    bool all, with_event;               /* `all`: see struct cursor */
    unsigned types;                     /* bits of enum feed_type */
    char account[LIMIT_NAME_BYTES + 1]; /* "": all */
    size_t n_calendars;                 /* 0: all */
    struct lens_calendar {
        char *account; /* in which it was found */
        char *id;
    } * calendars;

    /* what that comes to, in the atlas's `generation` */
    uint64_t generation;
    struct lens_coll *colls; /* ascending by number */
    size_t n_colls;
};

/* Reads the parameters of c->route: account, calendar, types, include. c->txn is open. False:
 * answered. */
bool lens_read(struct call *c, struct lens *ret);
void lens_release(struct lens *l);
bool lens_same(const struct lens *a, const struct lens *b); /* do they ask alike? */

/* Works out what it sees, if that may have changed. False: no memory. */
bool lens_resolve(struct lens *l, struct txn *t, const struct conf *conf, const struct atlas *a);
/* Is the entry for its readers, and in which form? */
bool lens_wants(const struct lens *l, struct txn *t, const struct feed_entry *entry,
                struct entry_form *ret);
bool lens_wants_freshness(const struct lens *l, const struct atlas_entry *where);

#endif
