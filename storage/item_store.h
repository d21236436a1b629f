/* item_store: the records behind items.h, for the change log. Private to storage/. */
#ifndef STORAGE_ITEM_STORE_H
#define STORAGE_ITEM_STORE_H

#include "storage/items.h"
#include "storage/table.h"

/* `gone`: removed, kept as a ghost as long as its row is in the change log. */
struct item_record {
    struct span id;
    struct span raw;
    bool deleted;
    bool left_out;
    bool gone;
    uint64_t seq;
};
bool item_unpack(struct span body, struct item_record *ret);
void item_drop_ghost(struct txn *t, const struct key *k, uint64_t seq);

#endif
