/* load: the seam between the queue and what the store says is owed; for queue_load() alone. */
#ifndef CORE_QUEUE_LOAD_H
#define CORE_QUEUE_LOAD_H

#include "core/queue/queue.h"

struct queue_owed {
    uint32_t coll;
    unsigned reasons; /* NEW, RESYNC */
    uint64_t pinged, pulled;
    int64_t ping_ms;  /* wall clock of the last ping */
    int64_t delay_ms; /* until its scheduled run; overdue when negative */
};
void queue_restore(struct queue *q, uint32_t account, const struct queue_owed *owed);

#endif
