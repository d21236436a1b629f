/* damage: counts, by collection, the damaged records that reads met. */
#include <stdlib.h>

#include "storage/events.h"
#include "storage/txn.h"

#define DAMAGE_COLLS_MAX 65536 /* further collections are counted with the first one met */

/* The place of `coll`, made if `add`; NULL when there is none. Mutex held. */
static struct damage_count *damage_of(struct damage *d, uint32_t coll, bool add)
{
    for (size_t i = 0; i < d->n; i++) {
        if (d->counts[i].coll == coll)
            return &d->counts[i];
    }
    if (!add)
        return NULL;
    if (d->n >= DAMAGE_COLLS_MAX)
        return &d->counts[0];
    struct damage_count *more = reallocarray(d->counts, d->n + 1, sizeof(*more));
    if (!more)
        return NULL;
    d->counts = more;
    more[d->n] = (struct damage_count){.coll = coll};
    return &more[d->n++];
}

void damage_note(struct store *s, uint32_t coll)
{
    struct damage *d = &s->damage;
    pthread_mutex_lock(&d->mutex);
    struct damage_count *c = damage_of(d, coll, true);
    if (c) {
        c->count++;
        atomic_fetch_add(&d->total, 1);
    }
    pthread_mutex_unlock(&d->mutex);
}

uint64_t events_damaged(struct store *s, uint32_t coll)
{
    struct damage *d = &s->damage;
    if (atomic_load(&d->total) == 0)
        return 0;
    pthread_mutex_lock(&d->mutex);
    struct damage_count *c = damage_of(d, coll, false);
    uint64_t count = c ? c->count : 0;
    pthread_mutex_unlock(&d->mutex);
    return count;
}

void events_damage_clear(struct store *s, uint32_t coll)
{
    struct damage *d = &s->damage;
    pthread_mutex_lock(&d->mutex);
    struct damage_count *c = damage_of(d, coll, false);
    if (c) {
        atomic_fetch_sub(&d->total, c->count);
        c->count = 0;
    }
    pthread_mutex_unlock(&d->mutex);
}
