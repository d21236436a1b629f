/* atlas: the collections that the feed speaks of, remembered by the loop and kept current by what
 * the hub tells, so that neither a commit nor a reader makes it look at thousands of records. */
#ifndef CORE_SERVE_LIVE_ATLAS_H
#define CORE_SERVE_LIVE_ATLAS_H

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/model/collection.h"
#include "storage/hub.h"
#include "storage/store.h"

struct atlas_entry {
    uint32_t no, account;
    enum coll_kind kind; /* COLL_EVENTS or COLL_ROSTER */
    bool ready;          /* holds a whole view */
    bool stale;          /* the last run failed: see `freshness` in API.md */
    bool turned;         /* `stale` has changed since atlas_turned() last gave it */
    uint64_t version;
    int64_t fresh_ms;
    char account_name[LIMIT_NAME_BYTES + 1];
    char *calendar; /* "" for a roster */
};

struct atlas {
    struct atlas_entry *v; /* ascending by number */
    size_t n, room;
    uint64_t seq;        /* of the snapshot that it shows */
    uint64_t generation; /* raised when collections come, go, or become readable */
    bool turned;         /* some entry has */
};

/* Brings it up to the snapshot of `t`, which began after the news were taken. RC_SYS: no memory. */
enum rc atlas_refresh(struct atlas *a, struct txn *t, const struct hub_news *news, struct err *e);
const struct atlas_entry *atlas_find(const struct atlas *a, uint32_t no); /* NULL: unknown */
/* The next one whose freshness turned, once each; NULL: none. */
const struct atlas_entry *atlas_turned(struct atlas *a);
void atlas_release(struct atlas *a);

#endif
