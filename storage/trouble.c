/* trouble: remembers that commits fail. It cannot be written down, for nothing can be then. */
#include "storage/trouble.h"

#include "core/base/clock.h"
#include "storage/txn.h"

void trouble_init(struct trouble *t)
{
    pthread_mutex_init(&t->lock, NULL);
}

void trouble_release(struct trouble *t)
{
    pthread_mutex_destroy(&t->lock);
}

void trouble_note(struct trouble *t, enum rc rc, const struct err *why)
{
    if (rc == RC_OK && !atomic_load_explicit(&t->is, memory_order_relaxed))
        return;
    pthread_mutex_lock(&t->lock);
    if (rc != RC_OK) {
        if (!atomic_load(&t->is))
            t->since_ms = clock_wall_ms();
        t->why = *why;
    }
    atomic_store(&t->is, rc != RC_OK);
    pthread_mutex_unlock(&t->lock);
}

bool store_trouble(struct store *s, struct err *ret_why, int64_t *ret_since_ms)
{
    struct trouble *t = &s->trouble;
    if (!atomic_load_explicit(&t->is, memory_order_relaxed))
        return false;
    pthread_mutex_lock(&t->lock);
    bool is = atomic_load(&t->is);
    if (is) {
        *ret_why = t->why;
        *ret_since_ms = t->since_ms;
    }
    pthread_mutex_unlock(&t->lock);
    return is;
}
