/* types: the kinds of events that a channel may be narrowed to. */
#ifndef CORE_PUSH_TYPES_H
#define CORE_PUSH_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

/* Google's words for them, ended by NULL. The bits of a set are in this order, and are stored. */
extern const char *const types_names[];

/* Did any event of these types change behind `cursor`? Yes also where it cannot be told: deleted
 * ones, and when the log no longer reaches back so far. */
bool types_changed(struct txn *t, uint32_t coll, uint64_t cursor, uint32_t types);

#endif
