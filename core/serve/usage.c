/* usage: how much each client asks, so that one that is no longer used can be found and removed. */
#include "core/serve/usage.h"

#include <stdlib.h>
#include <string.h>

void usage_release(struct usage *u)
{
    free(u->v);
    *u = (struct usage){0};
}

void usage_reload(struct usage *u, const struct conf *conf)
{
    struct usage next = {0};
    if (conf->n_clients > 0)
        next.v = calloc(conf->n_clients, sizeof *next.v);
    next.n = next.v ? conf->n_clients : 0;
    for (size_t i = 0; i < next.n; i++) {
        for (size_t k = 0; k < u->n; k++)
            if (strcmp(u->v[k].name, conf->clients[i].name) == 0)
                next.v[i] = u->v[k];
        next.v[i].name = conf->clients[i].name;
    }
    usage_release(u);
    *u = next;
}

void usage_count(struct usage *u, const struct conf *conf, const struct conf_client *client,
                 int64_t now_ms)
{
    size_t i = client ? (size_t)(client - conf->clients) : u->n;
    if (i >= u->n)
        return;
    u->v[i].requests++;
    u->v[i].last_ms = now_ms;
}
