/* probe: POST /v1/probe and GET /v1/probe/{probeId}: does the public address lead here? */
#include "core/queue/probe.h"

#include "core/serve/handlers.h"

void probe_post(struct call *c)
{
    char id[PROBE_ID_MAX], token[PROBE_TOKEN_MAX];
    probe_make(store_secret(c->store), id, token);
    buf_printf(&c->out, "{\"id\":\"%s\",\"token\":\"%s\"}", id, token);
}

void probe_get(struct call *c)
{
    buf_printf(&c->out, "{\"came\":%s}", probe_came(c->segment[0]) ? "true" : "false");
}
