/* counters: what a queue has to say of itself and of its collections. */
#include "core/base/clock.h"
#include "core/queue/internal.h"

bool queue_counters(struct queue *q, uint32_t coll, struct queue_counters *ret)
{
    pthread_mutex_lock(&q->lock);
    const struct entry *e = *entry_link(q, coll);
    if (e) {
        *ret = e->counters;
        ret->running = e->running;
        int64_t at = e->before && e->ready_ms < e->node.key ? e->ready_ms : e->node.key;
        ret->due_in_ms = e->running ? 0 : at - clock_mono_ms();
    }
    pthread_mutex_unlock(&q->lock);
    return e != NULL;
}

void queue_count(struct queue *q, uint32_t coll, const struct queue_counters *add)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, coll);
    if (e) {
        e->counters.pulls += add->pulls;
        e->counters.empty_pulls += add->empty_pulls;
        e->counters.listings += add->listings;
        e->counters.upstream_calls += add->upstream_calls;
        e->counters.changes += add->changes;
    }
    pthread_mutex_unlock(&q->lock);
}

void queue_totals(struct queue *q, struct queue_totals *ret)
{
    pthread_mutex_lock(&q->lock);
    int64_t now = clock_mono_ms();
    *ret = (struct queue_totals){.collections = q->n_entries,
                                 .running = q->n_running,
                                 .pings = q->pings,
                                 .pings_refused = q->pings_refused};
    for (size_t i = 0; i < q->n_lanes; i++) {
        for (size_t k = 0; k < q->lanes[i]->idle.n; k++)
            ret->due += q->lanes[i]->idle.nodes[k]->key <= now;
    }
    for (const struct entry *e = q->settling; e; e = e->after)
        ret->due += e->node.key > now;
    pthread_mutex_unlock(&q->lock);
}

void queue_count_refused_ping(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->pings_refused++;
    pthread_mutex_unlock(&q->lock);
}
