/* owe: what an operator can ask of the sync side: listings in full, verifications. It is written
 * down as owed, so that a restart does not forget it, and the queue is told. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/queue/queue.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/scope.h"
#include "core/serve/server.h"
#include "storage/jobs.h"

#define BEFORE_MS      (30 * DAY_MS) /* window of instances when none is given */
#define BEHIND_MS      (365 * DAY_MS)
#define WINDOW_MOST_MS (5 * 366 * DAY_MS)

/* What is asked for, and of which collections. */
struct asking {
    char calendar[LIMIT_ID_BYTES + 1]; /* "" = all */
    uint32_t account;                  /* 0 = all */
    uint32_t *v;
    size_t n, room;
    bool failed;
    uint32_t verify; /* enum job_verify; 0: a full listing */
    int64_t min_ms, max_ms;
};

static bool read_text(struct call *c, struct span body, const char *name, char *out, size_t size)
{
    struct span value = json_get(body, name);
    if (value.n == 0 || json_string_copy(value, out, size))
        return true;
    return call_fail(c, FAULT_INVALID, name, "Invalid value for: %s", name);
}

static bool read_asking(struct call *c, struct asking *r)
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
        if (!scope_calendar(c, span_of(r->calendar), &coll))
            return false;
        memcpy(r->calendar, coll.calendar, sizeof r->calendar);
        r->account = coll.account;
    }
    return true;
}

static bool pick(void *arg, enum rc rc, const struct collection *coll)
{
    struct asking *r = arg;
    if (rc != RC_OK || coll->state == COLL_GONE || (r->account && coll->account != r->account))
        return true;
    bool named = coll->kind == COLL_EVENTS && strcmp(coll->calendar, r->calendar) == 0;
    bool any =
        !r->calendar[0] && (coll->kind == COLL_EVENTS || (coll->kind == COLL_ROSTER && !r->verify));
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

/* Adds to what is owed; true if that was owed before. */
static bool owe(struct job *job, const struct asking *r)
{
    if (!r->verify) {
        bool joins = job->resync;
        job->resync = true;
        return joins;
    }
    bool same = (job->verify & r->verify) == r->verify &&
                (!(r->verify & VERIFY_INSTANCES) ||
                 (job->verify_min_ms == r->min_ms && job->verify_max_ms == r->max_ms));
    job->verify |= r->verify;
    if (r->verify & VERIFY_INSTANCES) {
        job->verify_min_ms = r->min_ms;
        job->verify_max_ms = r->max_ms;
    }
    return same;
}

/* Writes down what is owed, so that a restart does not forget it. */
static bool make_durable(struct call *c, const struct asking *r)
{
    struct txn *t = NULL;
    struct err e = {0};
    struct job job;
    if (txn_write(c->store, &t, &e) != RC_OK)
        return call_fail_internal(c, &e);
    for (size_t i = 0; i < r->n; i++)
        if (job_get(t, r->v[i], &job) == RC_OK) {
            job.coll = r->v[i];
            (void)owe(&job, r);
            job_put(t, &job);
        }
    return txn_commit(t, &e) == RC_OK || call_fail_internal(c, &e);
}

/* True if it joins what was asked for before. */
static bool tell_queue(struct call *c, const struct asking *r, uint32_t coll)
{
    struct job job; /* as it was before */
    if (!r->verify)
        return queue_resync(c->queue, coll);
    bool joins = job_get(c->txn, coll, &job) == RC_OK && owe(&job, r);
    queue_poke(c->queue, coll);
    return joins;
}

static void write_asked(struct call *c, const struct asking *r)
{
    struct collection coll;
    struct account a;
    buf_add_text(&c->out, "{\"collections\":[");
    for (size_t i = 0; i < r->n; i++) {
        bool joined = tell_queue(c, r, r->v[i]);
        if (coll_get(c->txn, r->v[i], &coll) != RC_OK ||
            account_get(c->txn, coll.account, &a) != RC_OK)
            continue;
        buf_printf(&c->out, "%s{\"number\":%u,\"account\":", i ? "," : "", coll.no);
        buf_add_json(&c->out, span_of(a.name));
        buf_printf(&c->out, ",\"kind\":\"%s\",\"calendar\":", coll_kind_name(coll.kind));
        buf_add_json(&c->out, span_of(coll.calendar));
        buf_printf(&c->out, ",\"joined\":%s,\"since_ms\":%lld,\"drift\":%llu}",
                   joined ? "true" : "false", (long long)c->now_ms, (unsigned long long)coll.drift);
    }
    buf_add_text(&c->out, "]}");
    c->answer.status = 202;
}

static void ask(struct call *c, struct asking *r)
{
    colls_each(c->txn, pick, r);
    if (r->failed)
        (void)call_fail(c, FAULT_INTERNAL, NULL, NULL);
    else if (r->n == 0)
        (void)call_fail(c, FAULT_NOT_FOUND, NULL,
                        r->calendar[0] ? NULL : "No calendar is mirrored yet.");
    else if (make_durable(c, r))
        write_asked(c, r);
    free(r->v);
}

void resync_post(struct call *c)
{
    struct asking r = {0};
    if (call_read(c) && read_asking(c, &r))
        ask(c, &r);
}

/* The window of instances: whole seconds, as Google takes them. */
static bool read_window(struct call *c, struct asking *r)
{
    struct span value;
    r->min_ms = c->now_ms - BEFORE_MS;
    r->max_ms = c->now_ms + BEHIND_MS;
    value = json_get(c->body, "min_ms");
    if (value.n && !json_int64(value, &r->min_ms))
        return call_fail(c, FAULT_INVALID, "min_ms", NULL);
    value = json_get(c->body, "max_ms");
    if (value.n && !json_int64(value, &r->max_ms))
        return call_fail(c, FAULT_INVALID, "max_ms", NULL);
    if (r->min_ms < -WINDOW_MOST_MS * 1000 || r->max_ms > WINDOW_MOST_MS * 1000 ||
        floor_s(r->min_ms) >= floor_s(r->max_ms))
        return call_fail(c, FAULT_RANGE_EMPTY, "max_ms", NULL);
    r->min_ms = floor_s(r->min_ms) * 1000;
    r->max_ms = floor_s(r->max_ms) * 1000;
    if (r->max_ms - r->min_ms > WINDOW_MOST_MS)
        return call_fail(c, FAULT_RANGE_TOO_LONG, "max_ms", NULL);
    return true;
}

void verify_post(struct call *c)
{
    struct asking r = {.verify = VERIFY_EVENTS};
    if (!call_read(c) || !read_asking(c, &r))
        return;
    if (c->body.n && json_is_true(json_get(c->body, "instances"))) {
        r.verify |= VERIFY_INSTANCES;
        if (!read_window(c, &r))
            return;
    }
    ask(c, &r);
}

static bool write_verdict(void *arg, enum rc rc, const struct collection *coll)
{
    struct call *c = arg;
    struct account a = {0};
    struct job job = {0};
    if (rc != RC_OK || coll->kind != COLL_EVENTS || coll->state == COLL_GONE)
        return true;
    bool known = account_get(c->txn, coll->account, &a) == RC_OK;
    bool asked = job_get(c->txn, coll->no, &job) == RC_OK && job.verify;
    buf_printf(&c->out, "%s{\"number\":%u,\"account\":", c->out.p[c->out.n - 1] == '[' ? "" : ",",
               coll->no);
    buf_add_json(&c->out, span_of(known ? a.name : ""));
    buf_add_text(&c->out, ",\"calendar\":");
    buf_add_json(&c->out, span_of(coll->calendar));
    buf_printf(&c->out, ",\"asked\":%s,\"drift\":%llu", asked ? "true" : "false",
               (unsigned long long)coll->drift);
    struct span events = coll_verdict(c->txn, coll->no, VERIFY_EVENTS);
    struct span instances = coll_verdict(c->txn, coll->no, VERIFY_INSTANCES);
    buf_add_text(&c->out, ",\"events\":");
    buf_add_span(&c->out, events.n ? events : span_of("null"));
    buf_add_text(&c->out, ",\"instances\":");
    buf_add_span(&c->out, instances.n ? instances : span_of("null"));
    buf_add_char(&c->out, '}');
    return true;
}

void verify_get(struct call *c)
{
    if (!call_read(c))
        return;
    buf_add_text(&c->out, "{\"calendars\":[");
    colls_each(c->txn, write_verdict, c);
    buf_add_text(&c->out, "]}");
}
