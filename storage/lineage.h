/* lineage: which run of the service gave out which numbers of the change sequence.
 *
 * DESIGN. A database that was put back from a backup gives out the same numbers again, for other
 * changes, and nothing in it tells of that. So every run that gives out numbers has a name of its
 * own, random, which is committed together with the first of them. Whatever clients bring back or
 * compare (tokens, cursors, validators, ids of deliveries) bears the name of the run that gave out
 * its number: where this store has another name for that number, the text is of a future that was
 * taken back. It holds across any number of restarts; a run that gives out nothing leaves no trace.
 */
#ifndef STORAGE_LINEAGE_H
#define STORAGE_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/span.h"

#define LINEAGE_NAME_BYTES 16
#define LINEAGE_NAME_CHARS (2 * LINEAGE_NAME_BYTES)
#define LINEAGE_MOST       256 /* runs; of more the older half becomes one, with a new name */

struct lineage {
    size_t n; /* at least 1 once it was begun */
    struct lineage_run {
        uint64_t after; /* the last number that was given out before it; 0 of the first */
        char name[LINEAGE_NAME_CHARS + 1];
    } v[LINEAGE_MOST];
};

struct store;
/* As it was when the store was opened: it does not change while that is open. Of the mirror. */
const struct lineage *store_lineage(const struct store *s);

void lineage_begin(struct lineage *l, const char *name); /* of all that was given out so far */
void lineage_go_on(struct lineage *l, uint64_t seq);     /* a run that finds this given out */

/* The name of the run that gave the number out: 32 hex digits. */
const char *lineage_at(const struct lineage *l, uint64_t seq);
bool lineage_has(const struct lineage *l, struct span name);

#endif
