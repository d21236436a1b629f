/* api: the calls we make to Google Calendar v3, and what its answers tell us to do next.
 *
 * rc of every call: RC_OK; RC_AGAIN (5xx, 429, rate-limit 403, network, answers that are not
 * Google's; see retry_after_ms); RC_STALE (410 on a list, or 400 about a sync or page token: begin
 * at the first page, without a token); RC_AUTH (401 after one refresh, scope, API disabled: park
 * the account); RC_NOTFOUND (404 in Google's own form, or 403 forbidden on one calendar, or access
 * rules that the scope does not cover); RC_INVALID (other 4xx: refused for good); RC_BADDATA (a 200
 * that makes no sense, or too large); RC_CANCELED; RC_SYS. */
#ifndef CORE_GOOGLE_API_H
#define CORE_GOOGLE_API_H

#include <stdbool.h>
#include <stdint.h>

#include "core/google/auth.h"
#include "core/model/collection.h"
/* Where Google is, and the budgets that all workers share. Thread-safe. */
struct google;
struct google_options {
    const char *api_url; /* copied; e.g. https://www.googleapis.com/calendar/v3 */
    int64_t request_ms, connect_ms;
    int64_t project_per_minute, user_per_minute; /* token buckets; 0 = unlimited */
};
struct google *google_new(const struct google_options *opt);
void google_free(struct google *g);

/* A caller: whose credentials, on which thread's connection, told what happened. */
struct google_call {
    struct google *google;
    struct auth *auth;
    struct http_client *client;
    uint32_t account;   /* quota bucket */
    uint32_t page_most; /* items on a page of google_list(); 0: as many as Google gives */
    void (*alive)(void *arg), *alive_arg; /* heartbeat while waiting */
    /* of the last call: */
    long status;
    int64_t retry_after_ms;   /* -1 unknown */
    char reason[64];          /* Google's errors[0].reason, "" = none */
    enum account_state blame; /* what a failure makes of the account; 0: nothing */
    struct err why;           /* of a failure: the sentence alone, without what was asked for */
    bool too_large, dated;    /* RC_BADDATA for its size; some answer said Google's time: */
    int64_t skew_ms;          /* our clock minus that; > 0: we are ahead */
    uint64_t requests, waits; /* sent by this struct, ever; that had to wait for a budget */
};

struct google_page {
    struct buf body;   /* owns everything below */
    struct span head;  /* the top-level object (all members; items included) */
    struct span items; /* the array */
    char next_page[LIMIT_TOKEN_BYTES + 1];
    char next_sync[LIMIT_TOKEN_BYTES + 1];
};
void google_page_release(struct google_page *p);
/* One page of a list. The tokens may be "". Parameters are always the same for a kind (api.c). */
enum rc google_list(struct google_call *call, enum coll_kind kind, const char *calendar,
                    const char *sync_token, const char *page_token, struct google_page *ret,
                    struct err *e);
/* The same of live events, with the instances of series, in a window of whole seconds; no token. */
enum rc google_instances(struct google_call *call, const char *calendar, int64_t min_ms,
                         int64_t max_ms, const char *page_token, struct google_page *ret,
                         struct err *e);
/* A single resource, raw: a checked JSON object. `path` is relative to api_url,
 * "users/me/settings/x"; google_add_id() encodes ids for it. */
enum rc google_get(struct google_call *call, const char *path, struct buf *ret, struct err *e);
void google_add_id(struct buf *path, const char *id);
struct google_channel {
    const char *id, *token, *address;
    int64_t ttl_ms; /* asked for; 0 = Google's default */
};
struct google_watch {
    char resource_id[128]; /* "" when the answer had none; the sync ping tells it too */
    int64_t expires_ms;    /* wall clock; 0: the answer had none */
};
enum rc google_watch(struct google_call *call, enum coll_kind kind, const char *calendar,
                     const struct google_channel *ch, struct google_watch *ret, struct err *e);
/* RC_NOTFOUND is as good. */
enum rc google_stop(struct google_call *call, const char *id, const char *resource, struct err *e);

#endif
