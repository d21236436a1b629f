/* pack: rewrites a calendar's events so that the pages they stand in are full. */
#ifndef STORAGE_PACK_H
#define STORAGE_PACK_H

#include "storage/store.h"

/* The last event rewritten; `= { 0 }`: none yet. */
struct pack {
    uint8_t class;
    int64_t time;
    uint64_t row;
    size_t filled; /* bytes of the page that it stands on, as reckoned */
};

/* Rewrites the next stretch of a calendar, about 1 MiB. Keys and values stay as they are, to the
 * byte: readers notice nothing. False: there is no more (or the transaction has failed). */
bool events_pack(struct txn *t, uint32_t coll, struct pack *p);

#endif
