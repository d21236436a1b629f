/* admin: health, and the methods that a mirror does not have. */
#include <stdatomic.h>

#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/server.h"

void not_implemented(struct call *c)
{
    (void)call_fail(c, FAULT_NOT_IMPLEMENTED, NULL, NULL);
}

void healthz_get(struct call *c)
{
    buf_add_text(&c->out, "{\"status\":\"ok\"}");
}

/* It does not wait behind others, nor is it refused: "not ready" would be untrue. */
void readyz_get(struct call *c)
{
    const char *reason = NULL;
    struct err e = {0};
    if (!health_is_recent(c->serve) && !aside_is_full(c->serve->overviews, &c->caller) &&
        aside_take(c->serve->overviews, c))
        return;
    if (atomic_load(&c->serve->draining))
        reason = "stopping";
    else if (txn_read(c->store, &c->txn, &e) != RC_OK)
        reason = e.text;
    buf_printf(&c->out, "{\"ready\":%s,\"reasons\":[", reason ? "false" : "true");
    if (reason)
        buf_add_json(&c->out, span_of(reason));
    buf_add_char(&c->out, ']');
    if (!reason) {
        struct health h = health_look(c);
        buf_add_char(&c->out, ',');
        health_write(&h, &c->out);
    }
    buf_add_char(&c->out, '}');
    if (reason)
        c->answer.status = 503;
}
