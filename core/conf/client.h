/* client: a program that may read, and what of it: [client NAME] of the configuration. */
#ifndef CORE_CONF_CLIENT_H
#define CORE_CONF_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bearer.h"
#include "core/conf/conf.h"

struct conf_client {
    char *name;
    uint32_t *lines;
    struct conf_list tokens;        /* SHA-256 of each token, in lower-case hex */
    int64_t expires_ms;             /* wall clock; 0 never */
    struct conf_list accounts;      /* names; the first is its "me"; empty: all */
    struct conf_list calendars;     /* globs over what it sees; empty: all */
    struct conf_list freebusy_only; /* globs over what it sees of the busy times alone */
    struct conf_list origins;
    int64_t admin; /* 0 or 1 */
};

/* The client that owns a token (its hash, in lower-case hex), unless it has expired; NULL: nobody.
 * Takes as long whoever it is. */
const struct conf_client *conf_client_of_token(const struct conf *c, struct span hash,
                                               int64_t now_ms);
/* The one of that name, expired or not; NULL: there is none. */
const struct conf_client *conf_client_find(const struct conf *c, const char *name);
bool conf_client_has_expired(const struct conf_client *client, int64_t now_ms);

/* Does it see calendars of this account? */
bool conf_client_has_account(const struct conf_client *client, const char *account);

/* Which of a client's calendars a pattern list may name: those of the account it has. `primary`:
 * the calendar is its account's own. */
bool conf_client_sees(const struct conf_client *client, const char *calendar, bool primary);
bool conf_client_sees_only_busy(const struct conf_client *client, const char *calendar,
                                bool primary);
/* Does any of its patterns say "primary", so that the two above need to know? */
bool conf_client_names_primary(const struct conf_client *client);

#endif
