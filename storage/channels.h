/* channels: our watch channels, by id and by what they watch. */
#ifndef STORAGE_CHANNELS_H
#define STORAGE_CHANNELS_H

#include "core/model/channel.h"
#include "storage/store.h"

/* RC_NOTFOUND, RC_BADDATA (damaged: treat it as one that is not ours). */
enum rc channel_get(struct txn *t, struct span id, struct channel *ret);
void channel_put(struct txn *t, const struct channel *c);
void channel_delete(struct txn *t, struct span id); /* absent: nothing happens */
void channels_drop(struct txn *t, uint32_t coll);   /* all of one collection */
/* Those of one collection (coll 0: all), until `each` returns false. Damaged ones are skipped and
 * counted. Do not write during the walk. */
void channels_each(struct txn *t, uint32_t coll, bool (*each)(void *arg, const struct channel *c),
                   void *arg);

#endif
