/* lineage_store: its record. Private to storage/. */
#ifndef STORAGE_LINEAGE_STORE_H
#define STORAGE_LINEAGE_STORE_H

#include "storage/txn.h"

/* Sets store->lineage for a run that begins: `id` names what a store without a record
 * has given out. The transaction has read the counters. */
void lineage_load(struct txn *t, const char *id);
void lineage_put(struct txn *t);

#endif
