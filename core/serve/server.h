/* server: what the whole local API shares, for its own files. */
#ifndef CORE_SERVE_SERVER_H
#define CORE_SERVE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/httpd/httpd.h"
#include "core/serve/aside.h"
#include "core/serve/cache.h"
#include "core/serve/call.h"
#include "core/serve/fresh.h"
#include "core/serve/health.h"
#include "core/serve/lane.h"
#include "core/serve/live/live.h"
#include "core/serve/memo.h"
#include "core/serve/serve.h"
#include "core/serve/squeeze.h"
#include "core/serve/token.h"
#include "core/serve/usage.h"

struct exposition_fact;

struct serve {
    const struct conf *conf; /* the loop's */
    struct store *store;
    struct push *push;                   /* NULL: nobody can be notified */
    const struct exposition_fact *build; /* for /metrics; NULL: the version alone */
    struct httpd *httpd;                 /* NULL while it does not run */
    struct token_key token_key;
    struct squeeze *gzip;
    struct cache *cache;
    struct memo memo;
    struct fresh_list fresh;
    struct lane lane;
    int64_t busy_us; /* that requests have taken of this turn of the loop */
    struct live *live;
    struct aside *feeds, *overviews;
    struct usage usage;
    char operator_hash[BEARER_HASH_SIZE]; /* of the operator's token; "" none */
    bool exposed;     /* other machines reach the socket: without clients nobody is let in */
    bool warm;        /* the series of all calendars were read, as far as there is room */
    uint32_t warmed;  /* up to this calendar */
    struct call call; /* the one being answered */
    int64_t started_ms, started_mono_ms;
    uint64_t requests, not_modified, errors; /* the loop's; other threads see call.tally */
    atomic_bool draining;

    pthread_mutex_t lock; /* guards next_conf and health */
    pthread_cond_t taken;
    const struct conf *next_conf; /* NULL when the loop has taken it */
    atomic_bool reload;
    struct health health; /* as it was last looked at */
};

struct tally serve_tally(const struct call *c);          /* on the loop or aside */
void serve_count(struct serve *s, const struct call *c); /* on the loop: an answer is complete */

#endif
