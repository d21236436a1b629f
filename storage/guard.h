/* guard: damage in the structure of the mapped file, which no repair of records mends. */
#ifndef STORAGE_GUARD_H
#define STORAGE_GUARD_H

#include <stdbool.h>

#include "storage/store.h"

/* From here on a fault (SIGBUS, SIGSEGV) at an address of the file's map leaves the mark that makes
 * the next store_open() return RC_BADDATA, before the process ends by it. One store of a
 * file; before the threads that use it. */
void store_guard(struct store *s);

/* Has an operation met such damage? It is marked then: close the store and open it again. Likewise,
 * without a mark, when LMDB gave up after a write that failed halfway, once the file system can be
 * written to. Thread-safe. */
bool store_is_broken(const struct store *s);

#endif
