/* pack: rewrites a calendar's events so that the pages they stand in are full. */
#ifndef STORAGE_PACK_H
#define STORAGE_PACK_H

#include "storage/store.h"

/* Notes that a calendar is to be rewritten, from its first event on; kept until that is done. */
void pack_owe(struct txn *t, uint32_t coll);
bool pack_is_owed(struct txn *t, uint32_t coll);
void pack_forget(struct txn *t, uint32_t coll);

/* Rewrites the next stretch of a calendar that is owed it, about 1 MiB, and notes how far it came.
 * Keys and values stay as they are, to the byte: readers notice nothing. False: there is no more
 * (or the transaction has failed). */
bool events_pack(struct txn *t, uint32_t coll);

#endif
