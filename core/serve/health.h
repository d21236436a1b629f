/* health: what is not as it should be, in one look. */
#ifndef CORE_SERVE_HEALTH_H
#define CORE_SERVE_HEALTH_H

#include "core/serve/call.h"

/* Degraded: answers are given, but something is out of order, and either mends itself or needs a
 * person. Each number is of accounts or calendars. */
struct health {
    uint64_t accounts; /* cannot be used */
    uint64_t unlisted; /* have never been listed in full */
    uint64_t failing;  /* their last attempt failed */
    uint64_t behind;   /* not known to be in step for longer than polling takes */
    uint64_t deaf;     /* have no channel that delivers, though they could have one */
    uint64_t damaged;  /* have records that went bad */
    struct err store;  /* why nothing can be written; "" = it can */
    int64_t store_since_ms;
    int64_t held_ms; /* an old view of the store is being read for so long; 0 within reason */
    int64_t at_ms;   /* monotonic; 0 never */
};

/* Of the whole mirror, whoever asks; looked at anew once a second at most. The call has its
 * transaction. */
struct health health_look(struct call *c);
bool health_is_recent(struct serve *s); /* so that the next look costs nothing. Any thread */
/* Counts what is out of order with a collection; false: nothing. */
bool health_add(struct call *c, const struct collection *coll, struct health *h);
/* Appends "health" as a member: {"state": "ok" or "degraded", "reasons": [sentences]}. Names
 * nobody. */
void health_write(const struct health *h, struct buf *out);

#endif
