/* push: [push] of the configuration: the channels that clients open with the mirror. */
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

#endif
