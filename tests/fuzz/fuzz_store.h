/* fuzz_store: one store for the life of a fuzz target, in a directory that goes with it. */
#ifndef TESTS_FUZZ_FUZZ_STORE_H
#define TESTS_FUZZ_FUZZ_STORE_H

#include <stdio.h>
#include <unistd.h>

#include "storage/store.h"
#include "tests/fuzz/fuzz.h"

static struct {
    struct store *store;
    char dir[64];
} fuzz_store;

static inline void fuzz_store_remove(void)
{
    static const char *const names[] = {"mirror.mdb", "mirror.mdb-lock", "lock"};
    char path[128];
    store_close(fuzz_store.store);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fuzz_store.dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(fuzz_store.dir);
}

/* Filled when it is made. */
static inline struct store *fuzz_store_open(void (*fill)(struct txn *t))
{
    struct txn *t;
    const struct store_options opt = {.map_bytes = UINT64_C(1) << 28, .no_fsync = true};
    if (fuzz_store.store)
        return fuzz_store.store;
    (void)snprintf(fuzz_store.dir, sizeof(fuzz_store.dir), "/tmp/fuzz_store.XXXXXX");
    require(mkdtemp(fuzz_store.dir) &&
            store_open(&fuzz_store.store, fuzz_store.dir, &opt, NULL) == RC_OK);
    (void)atexit(fuzz_store_remove);
    require(txn_write(fuzz_store.store, &t, NULL) == RC_OK);
    fill(t);
    require(txn_commit(t, NULL) == RC_OK);
    return fuzz_store.store;
}

#endif
