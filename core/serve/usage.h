/* usage: how much each client asks, so that one that is no longer used can be found and removed. */
#ifndef CORE_SERVE_USAGE_H
#define CORE_SERVE_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/conf/client.h"

/* `= { 0 }` is empty. In the order of the configuration's clients. */
struct usage {
    struct usage_row {
        const char *name; /* the configuration's, which lives as long as the process */
        uint64_t requests;
        int64_t last_ms; /* wall clock; 0 never since the start */
    } * v;
    size_t n;
};
void usage_release(struct usage *u);

/* Takes up a configuration; clients that stay keep their counts. Without memory there are none. */
void usage_reload(struct usage *u, const struct conf *conf);
void usage_count(struct usage *u, const struct conf *conf, const struct conf_client *client,
                 int64_t now_ms);

#endif
