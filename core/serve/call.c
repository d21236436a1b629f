/* call: runs one API call: finds its route, reads its parameters, lets the handler answer. */
#include "core/serve/call.h"

#include <string.h>

#include "core/serve/fault.h"
#include "core/serve/routes.h"

#define KEEP_BYTES (1u << 20) /* buffers that grew beyond it are given back */

bool call_read(struct call *c)
{
    struct err e = {0};
    if (txn_read(c->store, &c->txn, &e) != RC_OK)
        return call_fail_internal(c, &e);
    return true;
}

/* Clients that cannot send some methods, or long URLs, POST and say what they mean in a header. */
static void take_override(struct call *c)
{
    const char *override = c->header(c->source, "X-HTTP-Method-Override");
    const char *type = c->header(c->source, "Content-Type");
    if (!override || strcmp(c->method, "POST") != 0)
        return;
    c->method = override;
    if (strcmp(override, "GET") == 0 && c->query.n == 0 && type &&
        strncmp(type, "application/x-www-form-urlencoded", 33) == 0)
        c->query = c->body;
}

void call_run(struct call *c)
{
    c->answer.status = 200;
    take_override(c);
    bool options = strcmp(c->method, "OPTIONS") == 0;
    if (options) {
        c->answer.status = 204;
        c->answer.allow = "GET, HEAD, OPTIONS, POST";
    } else if (call_parse(c)) {
        c->route->handle(c);
    }
    txn_abort(c->txn);
    c->txn = NULL;
    if (c->out.failed) {
        const struct err e = {"an answer is too large"};
        buf_release(&c->out);
        (void)call_fail_internal(c, &e);
    }
}

static void empty(struct buf *b)
{
    if (b->size > KEEP_BYTES)
        buf_release(b);
    else
        buf_reset(b);
}

void call_reset(struct call *c)
{
    empty(&c->text);
    empty(&c->page_text);
    empty(&c->page_query);
    empty(&c->out);
    c->route = NULL;
    memset(c->segment, 0, sizeof c->segment);
    memset(&c->params, 0, sizeof c->params);
    c->answer = (struct answer){0};
}

void call_release(struct call *c)
{
    txn_abort(c->txn);
    c->txn = NULL;
    buf_release(&c->text);
    buf_release(&c->page_text);
    buf_release(&c->page_query);
    buf_release(&c->out);
}
