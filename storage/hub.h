/* hub: wakes those who wait for commits, so that nobody has to poll the store.
 *
 * A listener learns which collections were written since it last took; what changed in them it
 * reads itself (changes.h), from the sequence number where it stands. So a wake may be late, or
 * stand for many commits, but nothing is ever lost with one: after a restart a listener begins with
 * `all`. A snapshot can show a commit before its wake: who reads all collections to one number must
 * know of those, too (hub_add_coming). */
#ifndef STORAGE_HUB_H
#define STORAGE_HUB_H

#include "storage/store.h"

struct hub_listener {
    /* Called by the thread that committed, after the commit, once until the next hub_take(). Must
     * not block nor call the store: it writes to an eventfd, or the like. */
    void (*wake)(void *arg);
    void *arg;
    /* the hub's */
    struct hub_listener *next;
    uint32_t *colls;
    size_t n, room;
    bool all, woken;
};

/* From now on; the listener's first hub_take() says `all`. Thread-safe, like those below. */
void hub_join(struct store *s, struct hub_listener *l);
/* When it returns, no wake() runs or will. Unknown: nothing happens. */
void hub_leave(struct store *s, struct hub_listener *l);

/* What was written since the last take: collections by number, ascending; or all of them. The array
 * is the caller's to free(). */
struct hub_news {
    bool all;
    uint32_t *colls;
    size_t n;
};
void hub_take(struct store *s, struct hub_listener *l, struct hub_news *ret);
/* Adds what a snapshot that was begun after hub_take() may show besides: commits under way, and
 * those not taken yet. They are told again by a later hub_take(). */
void hub_add_coming(struct store *s, const struct hub_listener *l, struct hub_news *news);
bool hub_news_has(const struct hub_news *news, uint32_t coll); /* is it among them? */

/* The last sequence number that is committed (txn_last_seq() of a new transaction). */
uint64_t hub_seq(const struct store *s);

#endif
