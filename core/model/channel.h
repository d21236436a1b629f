/* channel: one watch channel of ours at Google. The record exists before the watch call is made. */
#ifndef CORE_MODEL_CHANNEL_H
#define CORE_MODEL_CHANNEL_H

#include <stdint.h>

#include "core/base/limits.h"

enum channel_state {
    CHANNEL_OPENING = 1, /* written down, watch call not yet answered; a `sync` may already come */
    CHANNEL_UNVERIFIED,  /* watch answered, `sync` not yet seen */
    CHANNEL_LIVE,        /* its `sync` came in: pings do reach us */
    CHANNEL_DEGRADED,    /* a check found what it did not announce, or a notification came by one
                            that is not on record: being replaced */
    CHANNEL_STOPPING,    /* replaced or unwanted: to be stopped upstream, pings ignored */
    CHANNEL_STOPPED,     /* Google took the stop but may go on sending: ignored, until renew_ms */
};

struct channel {
    char id[LIMIT_CHANNEL_BYTES + 1];
    uint32_t coll; /* what it watches */
    enum channel_state state;
    char resource_id[128]; /* "" until the watch call is answered (or its sync came first) */
    int64_t created_ms;    /* wall clock */
    int64_t expires_ms;    /* wall clock, as granted; 0 until known */
    int64_t renew_ms;      /* wall clock: when to open the next one, jitter included */
    uint64_t pings;
    int64_t last_ping_ms;
    uint64_t last_number; /* X-Goog-Message-Number */
};

const char *channel_state_name(enum channel_state state);

#endif
