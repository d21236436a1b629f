/* clients: GET /v1/clients: who may read what, and when it last did. No token, nor its hash. */
#include "core/base/json.h"
#include "core/serve/handlers.h"
#include "core/serve/server.h"

static void write_list(struct buf *out, const char *name, const struct conf_list *list)
{
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        buf_add_json(out, span_of(list->v[i]));
    }
    buf_add_char(out, ']');
}

static void write_client(struct call *c, size_t i)
{
    struct buf *out = &c->out;
    const struct conf_client *client = &c->conf->clients[i];
    const struct usage *u = &c->serve->usage;
    buf_add_text(out, i ? ",{\"name\":" : "{\"name\":");
    buf_add_json(out, span_of(client->name));
    write_list(out, "accounts", &client->accounts);
    write_list(out, "calendars", &client->calendars);
    write_list(out, "freebusy_only", &client->freebusy_only);
    write_list(out, "origins", &client->origins);
    buf_printf(out, ",\"tokens\":%zu,\"admin\":%s,\"expires_ms\":%lld,\"expired\":%s",
               client->tokens.n, client->admin ? "true" : "false", (long long)client->expires_ms,
               conf_client_has_expired(client, c->now_ms) ? "true" : "false");
    buf_printf(out, ",\"streams\":%u", live_readers(c->serve->live, client->name));
    buf_printf(out, ",\"requests\":%llu,\"last_ms\":%lld}",
               (unsigned long long)(i < u->n ? u->v[i].requests : 0),
               (long long)(i < u->n ? u->v[i].last_ms : 0));
}

void clients_get(struct call *c)
{
    buf_add_text(&c->out, "{\"clients\":[");
    for (size_t i = 0; i < c->conf->n_clients; i++)
        write_client(c, i);
    buf_add_text(&c->out, "]}");
}
