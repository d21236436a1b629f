/* fuzz_store: an empty store for the life of a fuzz target, in a directory that goes with it. */
#ifndef TESTS_FUZZ_FUZZ_STORE_H
#define TESTS_FUZZ_FUZZ_STORE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/store.h"

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

static inline struct store *fuzz_store_open(void)
{
    const struct store_options opt = {.map_bytes = UINT64_C(1) << 28, .no_fsync = true};
    if (fuzz_store.store)
        return fuzz_store.store;
    (void)snprintf(fuzz_store.dir, sizeof(fuzz_store.dir), "/tmp/fuzz_store.XXXXXX");
    if (!mkdtemp(fuzz_store.dir) ||
        store_open(&fuzz_store.store, fuzz_store.dir, &opt, NULL) != RC_OK)
        abort();
    (void)atexit(fuzz_store_remove);
    return fuzz_store.store;
}

#endif
