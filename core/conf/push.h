/* push: [push] and [hook NAME] of the configuration: whom the mirror itself notifies. */
#ifndef CORE_CONF_PUSH_H
#define CORE_CONF_PUSH_H

#include <stddef.h>
#include <stdint.h>

struct conf_list { /* a comma-separated value */
    char **v;
    size_t n;
};

struct conf_push {
    struct conf_list networks; /* that may be notified, besides the public Internet */
    int64_t channels_per_client;
    int64_t ttl_ms, ttl_max_ms;
    int64_t request_timeout_ms, settle_ms, backoff_min_ms, backoff_max_ms;
};

struct conf_hook { /* [hook NAME]; exactly one of command, shell and url is set */
    char *name;
    uint32_t *lines;
    char *command; /* program and arguments, separated by blanks */
    char *shell;   /* a line for /bin/sh */
    char *url;
    char *secret_file, *next_secret_file; /* sign what is posted; NULL or "": none */
    struct conf_list accounts;            /* names; empty: all */
    struct conf_list calendars;           /* globs over ids; empty: all */
    struct conf_list types;               /* of changes: see hook_types */
    int64_t include_event;                /* 0 or 1 */
    int64_t timeout_ms, give_up_ms;
};

/* What `types` may name; NULL-terminated. */
extern const char *const hook_types[];

#endif
