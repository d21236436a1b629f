/* fresh: requests that want data no older than they say (Cache-Control: max-age, only-if-cached),
 * and wait for it.
 *
 * Such a request makes its calendar be pulled as a notification would, and is answered when that is
 * done, or after a while with 504. Data younger than FRESH_LEAST_MS is fresh enough for anybody, so
 * that no client can make the mirror ask Google more often than that. Freshness is of the calendar
 * as it is here; what else a request may demand of caches (no-cache, no-store) is for caches on the
 * way. */
#ifndef CORE_SERVE_FRESH_H
#define CORE_SERVE_FRESH_H

#include "core/httpd/httpd.h"
#include "core/model/collection.h"
#include "core/serve/call.h"

#define FRESH_LEAST_MS   2000
#define FRESH_WAIT_MS    10000 /* for a pull, before giving up */
#define FRESH_LOOK_MS    10    /* how often the store is looked at while somebody waits */
#define FRESH_MOST_WAITS 256

/* How old what is as of `fresh_ms` (0: never listed) is. FRESH_UNKNOWN_MS, more than anybody puts
 * up with, when that was noted by a clock which has been set back since. */
#define FRESH_UNKNOWN_MS ((INT64_C(1) << 31) * 1000) /* RFC 9111 §1.2.2 */
int64_t fresh_age_ms(int64_t now_ms, int64_t fresh_ms);

struct fresh_wish {
    int64_t max_age_ms; /* -1: any age will do */
    bool only_if_cached;
};
/* From a Cache-Control header; NULL: no wish. */
struct fresh_wish fresh_read(const char *cache_control);

/* Is the answer of this call as fresh as wished? */
bool fresh_enough(const struct call *c, const struct fresh_wish *wish);

/* The answer is made of this collection, too: its freshness is that of the oldest. Asks for a pull
 * of each that is older than wished, but for the oldest, which is for fresh_ask. */
void fresh_add(struct call *c, const struct collection *coll);

/* Asks for a pull of what is oldest in the call's answer. */
void fresh_ask(struct call *c);

/* Those that wait. */
struct fresh_list {
    struct fresh_waiting {
        struct httpd_request *req;
        int64_t deadline_ms; /* monotonic */
        uint64_t who;        /* access_number() */
    } v[FRESH_MOST_WAITS];
    unsigned n;
    uint64_t commits; /* of the store when they were last looked at */
};

/* Asks for that, and has the request wait. False: it cannot. */
bool fresh_wait(struct fresh_list *list, struct call *c, struct httpd_request *req,
                int64_t deadline_ms);

/* Takes the waiting requests out that should be tried again: all if something was committed, else
 * those whose time is up. Returns how many, in `out`. */
unsigned fresh_take(struct fresh_list *list, const struct store *store,
                    struct fresh_waiting out[FRESH_MOST_WAITS]);

#endif
