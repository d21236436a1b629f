/* pages: what all lists share: page tokens, sync tokens and page sizes. */
#include "core/serve/pages.h"

#include <string.h>

#include "core/base/must.h"
#include "core/serve/fault.h"
#include "core/serve/memo.h"
#include "core/serve/request.h"
#include "core/serve/routes.h"
#include "storage/accounts.h"

/* The form of the answer, and its size, are those of this request, not of the one that began the
 * list. */
static void keep_form(struct params *query, const struct params *request)
{
    for (unsigned i = 0; i < PARAM_COUNT; i++)
        if ((param_specs[i].form || i == PARAM_MAX_RESULTS || i == PARAM_PAGE_TOKEN) &&
            (request->given & PARAM_BIT(i))) {
            query->v[i] = request->v[i];
            query->given |= PARAM_BIT(i);
        }
}

bool pages_refuse(struct call *c)
{
    return call_fail(c, FAULT_INVALID, "pageToken", "Invalid value for: pageToken");
}

/* A token of a collection that is no longer there, or of the same one of another account, to which
 * the request went before, calls for a full listing; one of another list is a mistake. */
static bool is_superseded(const struct call *c, uint32_t no, const struct collection *coll)
{
    struct collection other;
    if (no == coll->no || no == 0)
        return false;
    enum rc rc = coll_get(c->txn, no, &other);
    return rc == RC_NOTFOUND ||
           (rc == RC_OK && other.kind == coll->kind && strcmp(other.calendar, coll->calendar) == 0);
}

static bool begin_at_page(struct call *c, const struct collection *coll, struct page_token *ret)
{
    struct err e = {0};
    struct params query = {0};
    enum rc rc =
        page_token_read(c->token_key, c->params.v[PARAM_PAGE_TOKEN].text, &c->page_text, ret, &e);
    if (rc == RC_STALE)
        return call_fail(c, FAULT_SYNC_TOKEN_DEAD, "pageToken", "%s", e.text);
    if (rc == RC_SYS)
        return call_fail_internal(c, &e);
    if (rc == RC_OK && is_superseded(c, ret->coll, coll))
        return call_fail(c, FAULT_SYNC_TOKEN_DEAD, "pageToken", NULL);
    if (rc || ret->coll != coll->no)
        return pages_refuse(c);
    if (!params_parse(c, &query, ret->query, &c->page_query))
        return false;
    keep_form(&query, &c->params);
    c->params = query;
    return true;
}

static bool begin_at_sync(struct call *c, const struct collection *coll, struct page_token *ret)
{
    struct err e = {0};
    struct sync_token token;
    enum rc rc = sync_token_read(c->token_key, c->params.v[PARAM_SYNC_TOKEN].text, &token, &e);
    if (rc == RC_STALE || (rc == RC_OK && is_superseded(c, token.coll, coll)))
        return call_fail(c, FAULT_SYNC_TOKEN_DEAD, "syncToken", NULL);
    if (rc == RC_SYS)
        return call_fail_internal(c, &e);
    if (rc || token.coll != coll->no)
        return call_fail(c, FAULT_BAD_SYNC_TOKEN, "syncToken", NULL);
    ret->place[1] = (int64_t)token.seq;
    ret->fingerprint = token.query;
    return true;
}

bool pages_begin(struct call *c, const struct collection *coll, struct page_token *ret)
{
    *ret = (struct page_token){.coll = coll->no, .seq = coll->version};
    if (params_has(&c->params, PARAM_PAGE_TOKEN))
        return begin_at_page(c, coll, ret);
    if (params_has(&c->params, PARAM_SYNC_TOKEN))
        return begin_at_sync(c, coll, ret);
    ret->place[1] = INT64_MIN;
    return true;
}

int64_t pages_max_results(const struct call *c)
{
    int64_t n = params_number(&c->params, PARAM_MAX_RESULTS, c->route->page_default);
    return n < c->route->page_cap ? n : c->route->page_cap;
}

bool pages_write_next(struct call *c, const struct page_token *at)
{
    struct page_token next = *at;
    if (!params_has(&c->params, PARAM_PAGE_TOKEN) && params_keep(c, c->query, &c->page_text))
        next.query = buf_span(&c->page_text);
    must_hold(&c->page_text);
    if (next.query.n > TOKEN_QUERY_MAX)
        return call_fail(c, FAULT_INVALID, NULL, "The query is too long to go on with.");
    buf_add_text(&c->out, ",\"nextPageToken\":\"");
    page_token_write(&c->out, c->token_key, &next);
    buf_add_char(&c->out, '"');
    return true;
}

void pages_write_sync(struct call *c, const struct page_token *at)
{
    struct sync_token token = {.coll = at->coll, .seq = at->seq, .query = at->fingerprint};
    buf_add_text(&c->out, ",\"nextSyncToken\":\"");
    if (c->memo)
        memo_write_token(c->memo, &c->out, c->token_key, &token);
    else
        sync_token_write(&c->out, c->token_key, &token);
    buf_add_char(&c->out, '"');
}
