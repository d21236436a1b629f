/* entry: what is said of one entry of the feed, as a JSON object on one line. */
#ifndef CORE_SERVE_LIVE_ENTRY_H
#define CORE_SERVE_LIVE_ENTRY_H

#include "core/base/buf.h"
#include "core/serve/live/atlas.h"
#include "core/serve/live/feed.h"

struct entry_form {
    bool veiled;     /* ids and times only */
    bool with_event; /* the event as it is now */
};

/* `where`: of the entry's collection. */
void entry_write(struct buf *out, const struct feed_entry *entry, const struct atlas_entry *where,
                 const struct entry_form *form);
/* The freshness of a calendar, or of an account's calendar list. */
void entry_write_freshness(struct buf *out, const struct atlas_entry *where);
/* Everything a reader knows is void: the store is not the one it knew. `follows`: all of it is told
 * next. */
void entry_write_reset_all(struct buf *out, const char *reason, bool follows);

#endif
