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
    uint32_t view;                      /* lens_view() of it */
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

/* A number that is the same as long as the caller sees the same accounts and calendars: what the
 * feed tells of is what changes in them. */
uint32_t lens_view(const struct caller *who, const struct conf *conf);
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
