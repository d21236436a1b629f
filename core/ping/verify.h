/* verify: is this request a notification of one of our channels, and what does it ask for? */
#ifndef CORE_PING_VERIFY_H
#define CORE_PING_VERIFY_H

#include <stdint.h>

#include "core/base/span.h"
#include "core/model/channel.h"
#include "storage/store.h"

/* The X-Goog-* headers as they came; an absent one is an empty span. */
struct ping_headers {
    struct span channel_id, token, resource_id, state, number;
};

enum ping_verdict {
    PING_FORGED,  /* not our token for this id: no trace of it is kept but a counter */
    PING_STRAY,   /* our token, but no such channel (any more), or stopped or expired: to be stopped
                     upstream */
    PING_LOST,    /* likewise, and nobody else may tell: something changed, and no channel on record
                     was heard since this process began */
    PING_IGNORED, /* a channel that is being stopped; pings go on for a while */
    PING_SYNC,    /* the first message: pings do reach us */
    PING_CHANGE,  /* something changed */
    PING_UNREAD,  /* the store could not be asked: to be sent again */
};

/* *ret_channel is filled except for PING_FORGED; for PING_STRAY and PING_LOST with what the headers
 * tell (a record in state STOPPING, to be written down unless one is there: *ret_known).
 * `began_ms`: when this process did, by the wall clock. Compares secrets in constant time. */
enum ping_verdict ping_verify(struct store *s, const struct ping_headers *h, int64_t now_ms,
                              int64_t began_ms, struct channel *ret_channel, bool *ret_known);

#endif
