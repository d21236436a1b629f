/* call: runs one API call: finds its route, reads its parameters, lets the handler answer. */
#include "core/serve/call.h"

#include <string.h>

#include "core/serve/fault.h"
#include "core/serve/metrics/requests.h"
#include "core/serve/request.h"
#include "core/serve/routes.h"
#include "core/serve/schemas.h"
#include "core/serve/server.h"

#define EXPECT_BYTES (128u << 10)
#define KEEP_BYTES   (1u << 20) /* buffers that grew beyond it are given back */

bool call_read(struct call *c)
{
    struct err e = {0};
    if (txn_read(c->store, &c->txn, &e) != RC_OK)
        return call_fail_internal(c, &e);
    return true;
}

bool call_range(struct call *c)
{
    const struct params *p = &c->params;
    return !params_has(p, PARAM_TIME_MIN) || !params_has(p, PARAM_TIME_MAX) ||
           p->v[PARAM_TIME_MAX].number > p->v[PARAM_TIME_MIN].number ||
           call_fail(c, FAULT_RANGE_EMPTY, "timeMax", NULL);
}

/* The members of a list are ours to know. Those of a resource are passed on as they came, and may
 * be newer than any schema: there, what is unknown selects nothing. */
static bool compile_fields(struct call *c)
{
    struct err e = {0};
    if (!params_has(&c->params, PARAM_FIELDS))
        return true;
    struct span known =
        c->route->page_cap ? schema_properties(c->route->response) : (struct span){0};
    if (fields_compile(&c->fields, c->params.v[PARAM_FIELDS].text, known, &e) == RC_OK)
        return true;
    return call_fail(c, FAULT_INVALID_PARAM, "fields", "%s", e.text);
}

static void select_fields(struct call *c)
{
    if (c->fields.n == 0 || c->answer.status != 200 || c->answer.type || c->out.failed)
        return;
    struct buf selected = {.cap = c->out.cap};
    fields_apply(&c->fields, buf_span(&c->out), &selected);
    buf_release(&c->out);
    c->out = selected;
}

void call_run(struct call *c)
{
    c->answer.status = 200;
    bool options = strcmp(c->method, "OPTIONS") == 0;
    if (options) {
        c->answer.status = 204;
        c->answer.allow = "GET, HEAD, OPTIONS, POST";
    } else if (call_parse(c) && compile_fields(c)) {
        (void)buf_reserve(&c->out, c->expected_bytes);
        if (!c->route->whole || !aside_take(c->serve->overviews, c))
            c->route->handle(c);
        /* What could not be read must not look as if it were not there. */
        if (c->txn && txn_failed(c->txn) != RC_OK)
            (void)call_fail(c, FAULT_INTERNAL, NULL, NULL);
        if (c->out.n <= EXPECT_BYTES)
            c->expected_bytes = c->out.n;
        select_fields(c);
    }
    txn_abort(c->txn);
    c->txn = NULL;
    if (c->out.failed) {
        const struct err e = {"an answer is too large"};
        buf_release(&c->out);
        (void)call_fail_internal(c, &e);
    }
    c->answer.row = requests_row(c->route);
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
    empty(&c->unpacked);
    empty(&c->cut_path);
    empty(&c->cut_query);
    empty(&c->text);
    empty(&c->page_text);
    empty(&c->page_query);
    empty(&c->out);
    c->out.cap = 0;
    c->route = NULL;
    c->fields.n = 0;
    c->caller = (struct caller){0};
    memset(c->segment, 0, sizeof c->segment);
    c->params.given = 0; /* the rest when there are any: what is answered from the cache has none */
    c->answer = (struct answer){0};
}

void call_release(struct call *c)
{
    txn_abort(c->txn);
    c->txn = NULL;
    buf_release(&c->unpacked);
    buf_release(&c->cut_path);
    buf_release(&c->cut_query);
    buf_release(&c->text);
    buf_release(&c->page_text);
    buf_release(&c->page_query);
    buf_release(&c->out);
}
