/* plan: what to do now with one collection, and when to look again. Pure: no clock, no I/O, no
 * state. */
#ifndef CORE_SYNC_PLAN_H
#define CORE_SYNC_PLAN_H

#include <stddef.h>

#include "core/model/channel.h"
#include "core/model/collection.h"
#include "storage/jobs.h"

#define PLAN_CHANNELS_MAX \
    16             /* channels of one collection that are looked at; usually one, two at renewal */
#define PLAN_TAG 8 /* first characters of a channel id: which webhook address it was opened for */

struct plan_rules { /* from the configuration */
    int64_t poll_ms, poll_unhealthy_ms, roster_ms, verify_ms, overlap_ms;
    bool watch; /* there is a webhook to call */
    char tag[PLAN_TAG + 1];
};

struct plan_view { /* what is known of the collection; all borrowed */
    const struct collection *c;
    const struct channel *channels;
    size_t n_channels; /* at most PLAN_CHANNELS_MAX */
    const struct job *job;
    bool damaged;   /* reads met broken records */
    bool busy_only; /* the account may see busy times alone, as instances */
    int64_t now_ms; /* wall clock */
};

enum plan_fate { FATE_KEEP = 0, FATE_STOP, FATE_DELETE };

struct plan {
    enum listing_reason list; /* list in full; LISTING_NONE: no */
    bool pull;                /* ask for what changed */
    bool open;                /* open a channel */
    bool healthy;             /* pings do come in */
    enum plan_fate fate[PLAN_CHANNELS_MAX];
};
struct plan plan_now(const struct plan_rules *r, const struct plan_view *v);

/* How long until the next look when all that plan_now() asks for is done; jitter from random
 * (0..65535). */
int64_t plan_delay_ms(const struct plan_rules *r, const struct plan_view *v, unsigned random);

/* When to replace a channel that lives from now_ms to expires_ms. */
int64_t plan_renew_ms(const struct plan_rules *r, int64_t now_ms, int64_t expires_ms,
                      unsigned random);

/* A token died: counts it in *c. Listings after dead tokens are rationed (plan.c), so that a
 * calendar whose tokens die at once is listed slowly instead of in a storm. */
void plan_count_stale(struct collection *c, int64_t now_ms);

/* Google gave no token with its last full listing: it is listed again and again, at the pace of
 * health's patience. */
bool plan_is_tokenless(const struct collection *c);

/* A change that Google made this long before a scheduled pull found it was not announced. */
int64_t plan_grace_ms(const struct plan_rules *r);

#endif
