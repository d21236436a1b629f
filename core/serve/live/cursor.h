/* cursor: how far a reader of the feed has come, as a text it can bring back after any restart. */
#ifndef CORE_SERVE_LIVE_CURSOR_H
#define CORE_SERVE_LIVE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/rc.h"
#include "core/base/span.h"
#include "storage/lineage.h"

#define CURSOR_MAX 96 /* characters of one, with its NUL */

/* Entries have places (pos, sub), all different, in one order for all calendars: see feed.h. */
struct cursor {
    uint64_t pos, sub; /* everything up to here has been told */
    uint64_t from;     /* what comes is told relative to this: less than pos while catching up */
    bool all;          /* the reader began at the beginning, and wants whole calendars told */
};

/* A reader that has been told everything up to `seq`. */
struct cursor cursor_at(uint64_t seq, bool all);
/* < 0, 0, > 0 by place. */
int cursor_compare(const struct cursor *a, const struct cursor *b);

/* `view`: what its reader sees, as lens_view() says it. */
void cursor_write(char out[CURSOR_MAX], const struct lineage *l, uint32_t view,
                  const struct cursor *c);
/* "0" is the beginning. RC_INVALID: no cursor. RC_STALE: what its reader knows is void, for
 * *ret_why (static): "rebuilt": of another store, or of a future that this one (whose last number
 * is `seq`) has not seen, since it was rebuilt or restored from a backup; "access": of one who saw
 * something else. *ret is then where its reader goes on: now, or at the beginning if that is where
 * it began.
 */
enum rc cursor_read(struct span text, const struct lineage *l, uint32_t view, uint64_t seq,
                    struct cursor *ret, const char **ret_why);

#endif
