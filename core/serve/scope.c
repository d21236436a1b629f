/* scope: whom a request means by "me", "primary" and a calendar's id. */
#include "core/serve/scope.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/text.h"
#include "core/serve/etag.h"
#include "core/serve/fault.h"
#include "core/serve/memo.h"
#include "storage/items.h"

/* Of a client that names accounts the first it names, else as [api] account says. */
const struct conf_account *scope_me(const struct call *c)
{
    const struct conf *conf = c->conf;
    const struct conf_client *client = c->caller.client;
    const char *name = client && client->accounts.n ? client->accounts.v[0] : conf->api.account;
    if (!client && !c->caller.trusted)
        return NULL;
    for (size_t i = 0; i < conf->n_accounts; i++)
        if (!name[0] || strcmp(conf->accounts[i].name, name) == 0)
            return &conf->accounts[i];
    return NULL;
}

bool scope_account_is_known(struct call *c)
{
    struct span name = c->params.v[PARAM_ACCOUNT].text;
    bool known = !params_has(&c->params, PARAM_ACCOUNT);
    for (size_t i = 0; i < c->conf->n_accounts && !known; i++)
        known = span_is(name, c->conf->accounts[i].name) &&
                access_has_account(&c->caller, c->conf->accounts[i].name);
    return known || call_fail(c, FAULT_NOT_FOUND, "account", NULL);
}

const struct conf_account *scope_account(const struct call *c, uint32_t no)
{
    struct account a;
    if (account_get(c->txn, no, &a) != RC_OK)
        return NULL;
    for (size_t i = 0; i < c->conf->n_accounts; i++)
        if (strcmp(c->conf->accounts[i].name, a.name) == 0)
            return &c->conf->accounts[i];
    return NULL;
}

/* RC_OK with a whole view, RC_AGAIN while there is none yet, RC_NOTFOUND: also if the caller may
 * not see it, before anything else is said of it. */
static enum rc find(struct call *c, const struct conf_account *who, enum coll_kind kind,
                    struct span calendar, struct collection *ret, enum access *ret_access)
{
    struct account a;
    char id[LIMIT_ID_BYTES + 1];
    if (!text_copy(id, sizeof id, calendar) || !access_has_account(&c->caller, who->name))
        return RC_NOTFOUND;
    enum rc rc = account_find(c->txn, who->name, &a);
    if (rc == RC_OK && kind == COLL_EVENTS) {
        *ret_access = access_to(&c->caller, c->txn, a.no, id);
        if (*ret_access == ACCESS_NONE)
            return RC_NOTFOUND;
    }
    if (rc == RC_OK)
        rc = coll_find(c->txn, a.no, kind, calendar, ret);
    if (rc)
        return rc == RC_BADDATA ? RC_AGAIN : rc; /* a damaged record is being listed again */
    if (ret->state == COLL_GONE)
        return RC_NOTFOUND;
    return ret->state == COLL_READY ? RC_OK : RC_AGAIN;
}

/* There is nothing yet of this account, 0: of "me"; when a person must do something, what. */
static bool not_listed(struct call *c, uint32_t account)
{
    const struct conf_account *me = scope_me(c);
    struct account a = {0};
    enum rc rc = account ? account_get(c->txn, account, &a)
                 : me    ? account_find(c->txn, me->name, &a)
                         : RC_NOTFOUND;
    if (rc != RC_OK || a.state == ACCOUNT_OK || a.state == ACCOUNT_GONE)
        return call_fail(c, FAULT_NOT_READY, NULL, NULL);
    return call_fail(c, FAULT_NOT_READY, NULL, "account %s: %s: %s", a.name,
                     account_state_name(a.state), a.reason);
}

/* As of when the calendar list of "me" is known; the other accounts' are asked for in no way. */
static bool not_there(struct call *c)
{
    const struct conf_account *me = scope_me(c);
    struct collection roster;
    enum access access;
    (void)call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
    if (me && find(c, me, COLL_ROSTER, (struct span){"", 0}, &roster, &access) == RC_OK)
        answer_from_collection(c, &roster);
    return false;
}

static bool answer(struct call *c, enum rc rc, uint32_t account)
{
    struct err e = {0};
    switch (rc) {
    case RC_OK:
        return true;
    case RC_AGAIN:
        return not_listed(c, account);
    case RC_NOTFOUND:
        return not_there(c);
    case RC_STALE:
    case RC_AUTH:
    case RC_BADDATA:
    case RC_INVALID:
    case RC_FULL:
    case RC_CANCELED:
    case RC_SYS:
        break;
    }
    (void)err_set(&e, rc, "reading the store: %s", rc_name(rc));
    return call_fail_internal(c, &e);
}

bool scope_of_me(struct call *c, enum coll_kind kind, struct collection *ret)
{
    const struct conf_account *me = scope_me(c);
    enum access access;
    /* An account that sync has not met yet has nothing listed. */
    enum rc rc = me ? find(c, me, kind, (struct span){"", 0}, ret, &access) : RC_NOTFOUND;
    return answer(c, rc == RC_NOTFOUND ? RC_AGAIN : rc, 0);
}

/* The id that "primary" stands for, appended to `out`. */
static enum rc find_primary(struct call *c, struct buf *out)
{
    const struct conf_account *me = scope_me(c);
    struct collection roster;
    enum access access;
    enum rc rc =
        me ? find(c, me, COLL_ROSTER, (struct span){"", 0}, &roster, &access) : RC_NOTFOUND;
    if (rc)
        return rc == RC_NOTFOUND && me ? RC_AGAIN : rc;
    struct item item;
    struct item_iter *it = items_open(c->txn, roster.no, (struct span){"", 0});
    rc = RC_NOTFOUND;
    while (rc == RC_NOTFOUND && items_next(it, &item))
        if (!item.deleted && json_is_true(json_get(item.raw, "primary"))) {
            buf_add_span(out, item.id);
            rc = RC_OK;
        }
    items_close(it);
    return rc;
}

enum rc scope_find_calendar(struct call *c, struct span id, struct collection *ret,
                            enum access *ret_access)
{
    const struct conf_account *me = scope_me(c);
    struct buf primary = {.cap = LIMIT_ID_BYTES + 1};
    enum rc rc = me ? RC_OK : RC_NOTFOUND;
    if (rc == RC_OK && span_is(id, "primary")) {
        rc = find_primary(c, &primary);
        must_hold(&primary);
        id = buf_span(&primary);
    }
    if (id.n == 0 || id.n > LIMIT_ID_BYTES)
        rc = rc == RC_OK ? RC_NOTFOUND : rc;
    if (rc == RC_OK)
        rc = find(c, me, COLL_EVENTS, id, ret, ret_access);
    for (size_t i = 0; rc == RC_NOTFOUND && id.n && i < c->conf->n_accounts; i++)
        if (&c->conf->accounts[i] != me)
            rc = find(c, &c->conf->accounts[i], COLL_EVENTS, id, ret, ret_access);
    buf_release(&primary);
    return rc;
}

const struct collection *scope_any_calendar(struct call *c, struct span id, struct collection *hold,
                                            enum access *ret_access)
{
    const struct conf_client *client = c->caller.client;
    struct memo *memo = client || c->caller.trusted ? c->memo : NULL;
    const struct collection *known =
        memo ? memo_find(memo, c->conf, client, txn_snapshot(c->txn), id, ret_access) : NULL;
    if (known)
        return known;
    *hold = (struct collection){0};
    enum rc rc = scope_find_calendar(c, id, hold, ret_access);
    if (rc == RC_OK && memo)
        memo_keep(memo, c->conf, client, txn_snapshot(c->txn), id, hold, *ret_access);
    return answer(c, rc, hold->account) ? hold : NULL;
}

bool scope_place_of(struct call *c, struct span id, struct collection *ret, enum access *ret_access)
{
    struct collection coll = {0};
    enum rc rc = scope_find_calendar(c, id, &coll, ret_access);
    if (rc == RC_AGAIN && coll.no)
        rc = RC_OK;
    if (rc == RC_OK)
        *ret = coll;
    return answer(c, rc, coll.account);
}

bool scope_calendar(struct call *c, struct span id, struct collection *ret)
{
    enum access access;
    struct collection hold;
    const struct collection *coll = scope_any_calendar(c, id, &hold, &access);
    if (!coll || (access != ACCESS_ALL && !call_fail(c, FAULT_FORBIDDEN, NULL, NULL)))
        return false;
    *ret = *coll;
    return true;
}
