/* admin: resync, health, and the methods that a mirror does not have. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/queue/queue.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/scope.h"
#include "core/serve/server.h"
#include "storage/jobs.h"

void not_implemented(struct call *c)
{
    (void)call_fail(c, FAULT_NOT_IMPLEMENTED, NULL, NULL);
}

void healthz_get(struct call *c)
{
    buf_add_text(&c->out, "{\"status\":\"ok\"}");
}

void readyz_get(struct call *c)
{
    const char *reason = NULL;
    struct err e = {0};
    if (atomic_load(&c->serve->draining))
        reason = "stopping";
    else if (txn_read(c->store, &c->txn, &e) != RC_OK)
        reason = e.text;
    buf_printf(&c->out, "{\"ready\":%s,\"reasons\":[", reason ? "false" : "true");
    if (reason)
        buf_add_json(&c->out, span_of(reason));
    buf_add_text(&c->out, "]}");
    if (reason)
        c->answer.status = 503;
}

/* What a resync is asked for, and which collections that is. */
struct resync {
    struct call *c;
    char calendar[LIMIT_ID_BYTES + 1]; /* "" = all */
    uint32_t account;                  /* 0 = all */
    uint32_t *v;
    size_t n, room;
    bool failed;
};

static bool read_text(struct call *c, struct span body, const char *name, char *out, size_t size)
{
    struct span value = json_get(body, name);
    if (value.n == 0 || json_string_copy(value, out, size))
        return true;
    return call_fail(c, FAULT_INVALID, name, "Invalid value for: %s", name);
}

static bool read_resync(struct call *c, struct resync *r)
{
    char account[LIMIT_NAME_BYTES + 1] = "";
    struct account a;
    struct collection coll;
    struct err e = {0};
    if (c->body.n) {
        if (json_check(c->body, &e) != RC_OK || json_type_of(c->body) != JSON_OBJECT)
            return call_fail(c, FAULT_PARSE, NULL, NULL);
        if (!read_text(c, c->body, "calendar", r->calendar, sizeof r->calendar) ||
            !read_text(c, c->body, "account", account, sizeof account))
            return false;
    }
    if (account[0]) {
        if (account_find(c->txn, account, &a) != RC_OK)
            return call_fail(c, FAULT_NOT_FOUND, "account", NULL);
        r->account = a.no;
    }
    /* One calendar may be one that has not been listed yet; only "primary" must be looked up. */
    if (strcmp(r->calendar, "primary") == 0) {
        if (!scope_calendar(c, span_of(r->calendar), COLL_EVENTS, &coll))
            return false;
        memcpy(r->calendar, coll.calendar, sizeof r->calendar);
        r->account = coll.account;
    }
    return true;
}

static bool pick(void *arg, enum rc rc, const struct collection *coll)
{
    struct resync *r = arg;
    if (rc != RC_OK || coll->state == COLL_GONE || (r->account && coll->account != r->account))
        return true;
    bool named = coll->kind == COLL_EVENTS && strcmp(coll->calendar, r->calendar) == 0;
    bool any = !r->calendar[0] && (coll->kind == COLL_EVENTS || coll->kind == COLL_ROSTER);
    if (!named && !any)
        return true;
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 16;
        uint32_t *v = reallocarray(r->v, room, sizeof *v);
        r->failed = !v;
        if (!v)
            return false;
        r->v = v;
        r->room = room;
    }
    r->v[r->n++] = coll->no;
    return true;
}

/* Writes down what is owed, so that a restart does not forget it. */
static bool make_durable(struct call *c, const struct resync *r)
{
    struct txn *t = NULL;
    struct err e = {0};
    struct job job;
    if (txn_write(c->store, &t, &e) != RC_OK)
        return call_fail_internal(c, &e);
    for (size_t i = 0; i < r->n; i++)
        if (job_get(t, r->v[i], &job) == RC_OK) {
            job.coll = r->v[i];
            job.resync = true;
            job_put(t, &job);
        }
    return txn_commit(t, &e) == RC_OK || call_fail_internal(c, &e);
}

static void write_asked(struct call *c, const struct resync *r)
{
    struct collection coll;
    struct account a;
    buf_add_text(&c->out, "{\"collections\":[");
    for (size_t i = 0; i < r->n; i++) {
        bool joined = queue_resync(c->queue, r->v[i]);
        if (coll_get(c->txn, r->v[i], &coll) != RC_OK ||
            account_get(c->txn, coll.account, &a) != RC_OK)
            continue;
        buf_printf(&c->out, "%s{\"number\":%u,\"account\":", i ? "," : "", coll.no);
        buf_add_json(&c->out, span_of(a.name));
        buf_printf(&c->out, ",\"kind\":\"%s\",\"calendar\":", coll_kind_name(coll.kind));
        buf_add_json(&c->out, span_of(coll.calendar));
        buf_printf(&c->out, ",\"joined\":%s,\"since_ms\":%lld}", joined ? "true" : "false",
                   (long long)c->now_ms);
    }
    buf_add_text(&c->out, "]}");
    c->answer.status = 202;
}

void resync_post(struct call *c)
{
    struct resync r = {.c = c};
    if (!call_read(c) || !read_resync(c, &r))
        return;
    colls_each(c->txn, pick, &r);
    if (r.failed)
        (void)call_fail(c, FAULT_INTERNAL, NULL, NULL);
    else if (r.n == 0)
        (void)call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
    else if (make_durable(c, &r))
        write_asked(c, &r);
    free(r.v);
}
