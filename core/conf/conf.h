/* conf: the configuration: one immutable snapshot, read from an INI file by a table of options. */
#ifndef CORE_CONF_CONF_H
#define CORE_CONF_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/conf/push.h"

struct conf_account { /* [account NAME]; exactly one credential is set */
    char *name;
    uint32_t *lines;            /* where each option was set, in order of the table; 0 = default */
    char *key_file, *subject;   /* service account, whom it acts for; or another program's login */
    char *oauth;                /* OAuth client with which a person signed in here; JSON */
    char *token_file;           /* a bearer token someone else keeps fresh */
    int64_t acl;                /* 0 or 1: mirror access rules, ask for their scope */
    struct conf_list calendars; /* globs over calendar ids to mirror; empty: all in the list */
    struct conf_list exclude;   /* globs that win over `calendars` */
};
struct conf_mirror {
    char *state_dir, *log_level, *zoneinfo;
    uint64_t map_size;
    int64_t workers;
};
struct conf_google {
    char *api_url, *token_url, *auth_url, *revoke_url;
    int64_t request_timeout_ms, connect_timeout_ms;
    int64_t project_rate, user_rate; /* requests a minute */
};
struct conf_webhook {
    char *listen, *public_url; /* as Google calls it, path included; "" = poll only */
    char *tls_cert, *tls_key;  /* PEM files, both or neither: "" = plain HTTP */
    char *site_verification;   /* googleX.html or a token; "" = none */
};
struct conf_api {
    char *listen;  /* host:port or the path of a unix socket */
    char *account; /* whom "me" and "primary" mean; "" = the first account */
    int64_t socket_mode;
    char *socket_owner;              /* "USER:GROUP", either may be missing; "": as it is made */
    struct conf_list hosts, origins; /* further Host names; allowed CORS origins */
    uint64_t cache_size, feed_size;  /* feed: most bytes of an iCalendar one */
    int64_t max_streams, streams_per_client, stream_stall_ms;
    int64_t instance_budget; /* most instances one query may expand */
};
struct conf_sync {
    int64_t poll_interval_ms, poll_interval_unhealthy_ms, roster_interval_ms, full_sync_interval_ms;
    int64_t channel_ttl_ms, channel_overlap_ms, backoff_min_ms, backoff_max_ms, change_retention_ms;
};
struct conf {
    struct conf_mirror mirror;
    struct conf_google google;
    struct conf_webhook webhook;
    struct conf_api api;
    struct conf_sync sync;
    struct conf_push push;
    struct conf_account *accounts; /* in the order of the file */
    struct conf_client *clients;   /* client.h; none: whoever reaches the API may read everything */
    struct conf_hook *hooks;       /* push.h */
    size_t n_accounts, n_clients, n_hooks;
    char *path;            /* of the file it came from */
    uint32_t *lines;       /* as in conf_account */
    _Atomic unsigned refs; /* whoever holds it: conf_ref() */
};

/* Every mistake of the file is reported at once, a line each ("FILE:12:8: [sync] poll_intervall:
 * unknown key; did you mean poll_interval?"), appended to *ret_problems. RC_INVALID when there was
 * any, RC_SYS when the file could not be read, RC_AGAIN without memory or descriptor for it. */
enum rc conf_load(const char *path, struct conf **ret, struct buf *ret_problems);
const struct conf *conf_ref(const struct conf *c); /* holds it, too: any thread may */
void conf_free(const struct conf *c); /* NULL ok; it is gone when everybody did who holds it */

/* Is the calendar mirrored? `primary`: it is the account's own, so the word "primary" matches. */
bool conf_list_matches(const struct conf_list *globs, const char *calendar, bool primary);
bool conf_account_wants(const struct conf_account *a, const char *calendar, bool primary);
enum log_level conf_log_level(const struct conf *c);

#endif
