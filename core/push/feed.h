/* feed: where hooks get from what is to be told of a collection. Implemented by who serves the same
 * changes to readers, so that both are told alike. */
#ifndef CORE_PUSH_FEED_H
#define CORE_PUSH_FEED_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/conf/conf.h"
#include "core/model/collection.h"
#include "core/model/push.h"
#include "storage/store.h"

struct push_wish {
    const char *account; /* name of the collection's */
    bool with_event;
    const struct conf_list *types;     /* of hook_types; empty: all */
    const struct conf_list *calendars; /* globs, for entries of a calendar list; empty: all */
};

struct push_change {
    struct push_place at; /* of one who has been told it */
    uint64_t pos, sub;    /* its own place: the same however often it is looked for */
    const char *type;     /* static */
};

struct push_feed {
    /* The first change behind `after` that is wished for: appends it to `out` as JSON on one line.
     * RC_NOTFOUND: there is none, ret->at is where one then stands. RC_AGAIN: more was looked at
     * than is good for one call, go on at ret->at. RC_SYS. */
    enum rc (*next)(struct txn *t, const struct collection *coll, const struct push_place *after,
                    const struct push_wish *wish, struct buf *out, struct push_change *ret);
    /* Where one stands who is told only what comes from now on. */
    struct push_place (*now)(struct txn *t);
};

#endif
