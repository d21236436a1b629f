/* scrub: reads the whole store to find damage before a reader meets it. */
#include <inttypes.h>
#include <stdio.h>

#include "core/base/log.h"
#include "storage/table.h"

#define SCRUB_BATCH \
    512 /* records in one read transaction: a reader that stays long makes the file grow */

static void report(struct store *s, enum space space, struct span key)
{
    char about[32] = "store";
    uint32_t coll = space_is_per_coll(space) && key.n >= sizeof(coll) ? key_u32_at(key.p, 0) : 0;
    if (coll != 0)
        snprintf(about, sizeof(about), "cal %" PRIu32, coll);
    log_warning(about, "damaged record in table %s", space_name(space));
    damage_note(s, coll);
}

/* Checks a batch from *from on and moves it behind; false at the end of the space. */
static bool scrub_batch(struct txn *t, enum space space, struct key *from, uint64_t *found)
{
    struct walk w;
    struct key all = {0};
    struct span body;
    size_t n = 0;
    walk_open(&w, t, space, &all, from);
    bool more = false;
    while (!more && walk_next(&w)) {
        if (!record_open(space, w.key, w.value, &body)) {
            report(t->store, space, w.key);
            ++*found;
        }
        more = ++n >= SCRUB_BATCH && key_copy(from, w.key);
    }
    if (more)
        key_after(from);
    walk_close(&w);
    return more && !t->failed;
}

uint64_t store_scrub(struct store *s, bool (*stop)(void *arg), void *arg)
{
    uint64_t found = 0;
    for (enum space space = 0; space < SPACE_ALL; space++) {
        struct key from = {0};
        bool more = store_has_space(s, space);
        while (more) {
            struct txn *t;
            if ((stop && stop(arg)) || txn_read(s, &t, NULL) != RC_OK)
                return found;
            more = scrub_batch(t, space, &from, &found);
            txn_abort(t);
        }
    }
    return found;
}
