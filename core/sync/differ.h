/* differ: in which members two forms of a resource differ, for people to read. */
#ifndef CORE_SYNC_DIFFER_H
#define CORE_SYNC_DIFFER_H

#include "core/base/buf.h"

#define DIFFER_LISTED_MOST  100        /* of which a verdict tells more than their number, ... */
#define DIFFER_LISTED_BYTES (1u << 20) /* ... if they are not longer than this */

/* Appends {"field": "start.dateTime", "here": ..., "google": ...}, separated by commas, for each
 * member that differs; those of objects one by one. The order of members and the space between them
 * are no difference. A value that is absent or long is left out. `ignored`: names of members at the
 * top that are passed over, NULL-terminated; NULL: none. Returns how many there are. */
size_t differ_write(struct buf *out, struct span ours, struct span theirs,
                    const char *const *ignored);

#endif
