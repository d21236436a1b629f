/* refused: remembers who was turned away a moment ago, so that saying no again costs nothing. */
#ifndef CORE_PING_REFUSED_H
#define CORE_PING_REFUSED_H

#include <stdbool.h>

#include "core/ping/verify.h"

#define REFUSED_SLOTS 256
#define REFUSED_BYTES 240 /* of the three headers together; what is longer is not remembered */

struct refused_slot {
    int64_t until_ms; /* monotonic; 0: free */
    enum ping_verdict verdict;
    unsigned n;
    char bytes[REFUSED_BYTES];
};
struct refused { /* `= { 0 }` is empty; of one thread */
    uint64_t seed;
    struct refused_slot slots[REFUSED_SLOTS];
};

/* PING_FORGED or PING_IGNORED, as it was; PING_CHANGE: not known. */
enum ping_verdict refused_find(struct refused *r, const struct ping_headers *h, int64_t now_ms);
void refused_add(struct refused *r, const struct ping_headers *h, enum ping_verdict verdict,
                 int64_t now_ms);

#endif
