/* once: a full listing of one calendar or all without a daemon: the same workers, until they are
 * through. */
#include "core/sync/steps.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/must.h"

#define ATTEMPTS 3
#define TURN_MS  50

struct once {
    struct sync *sync;
    const char *calendar; /* NULL = all */
    enum coll_kind kind;  /* this turn: first the lists, then the calendars */
    int64_t began_ms;     /* wall clock */
    struct numbers colls; /* what was asked for */
    struct err error;     /* of the first that failed */
};

static bool collect(void *arg, enum rc rc, const struct collection *c)
{
    struct once *o = arg;
    if (rc != RC_OK || c->kind != o->kind || c->state == COLL_GONE ||
        (c->kind == COLL_EVENTS && o->calendar && strcmp(c->calendar, o->calendar) != 0))
        return true;
    numbers_add(&o->colls, c->no);
    return true;
}

/* Makes the request durable and tells the workers. */
static enum rc ask(struct once *o, enum coll_kind kind, struct err *e)
{
    struct queue *q = o->sync->opt.queue;
    struct txn *t = NULL;
    enum rc rc = txn_write(o->sync->opt.store, &t, e);
    if (rc != RC_OK)
        return rc;
    o->kind = kind;
    o->colls.n = 0;
    colls_each(t, collect, o);
    uint32_t *accounts = must(calloc(o->colls.n + 1, sizeof(uint32_t)));
    for (size_t i = 0; i < o->colls.n; i++) {
        struct collection c;
        struct job job = {0};
        /* A calendar that the list just brought may have been listed meanwhile. */
        if (coll_get(t, o->colls.v[i], &c) != RC_OK || job_get(t, c.no, &job) != RC_OK ||
            (kind == COLL_EVENTS && c.full_ms >= o->began_ms))
            continue;
        accounts[i] = c.account;
        job.resync = true;
        job_put(t, &job);
    }
    rc = txn_commit(t, e);
    for (size_t i = 0; rc == RC_OK && i < o->colls.n; i++) {
        if (accounts[i])
            queue_add(q, o->colls.v[i], accounts[i], QUEUE_RESYNC);
    }
    free(accounts);
    return rc;
}

/* Parked by this process: what an earlier one thought of it may be past. */
static bool is_parked(struct once *o, uint32_t account)
{
    struct settings *set = settings_get(o->sync);
    bool parked = false;
    for (size_t i = 0; i < set->n_seats; i++) {
        if (set->seats[i]->account == account)
            parked = !set->seats[i]->auth || atomic_load(&set->seats[i]->probe_ms) > 0;
    }
    settings_put(set);
    return parked;
}

static void judge(struct once *o, struct txn *t, uint32_t no, struct sync_progress *p)
{
    struct collection c;
    struct job job = {0};
    struct queue_counters counters = {0};
    bool queued = queue_counters(o->sync->opt.queue, no, &counters);
    if (coll_get(t, no, &c) != RC_OK || job_get(t, no, &job) != RC_OK || c.state == COLL_GONE) {
        p->done++;
        return;
    }
    bool parked = is_parked(o, c.account);
    p->items += c.listing.reason ? c.listing.items : c.all_items;
    if (!job.resync && c.state == COLL_READY) {
        p->done++;
    } else if (parked || !queued || counters.fails >= ATTEMPTS) {
        p->failed++;
        if (!o->error.text[0])
            (void)err_set(&o->error, RC_AGAIN, "cal %u: %s", no,
                          parked ? "its account needs attention" : c.last_error);
    }
}

/* Until each of them is done or has failed. */
static enum rc wait_for(struct once *o, void (*progress)(void *, const struct sync_progress *),
                        void *arg, struct err *e)
{
    for (;;) {
        struct sync_progress p = {.calendars = o->colls.n};
        struct txn *t = NULL;
        enum rc rc = txn_read(o->sync->opt.store, &t, e);
        if (rc != RC_OK)
            return rc;
        for (size_t i = 0; i < o->colls.n; i++)
            judge(o, t, o->colls.v[i], &p);
        txn_abort(t);
        if (progress && o->kind == COLL_EVENTS)
            progress(arg, &p);
        if (p.done + p.failed >= p.calendars)
            return RC_OK;
        nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000L}, NULL);
    }
}

enum rc sync_run_once(struct sync *s, const char *calendar, unsigned workers,
                      void (*progress)(void *arg, const struct sync_progress *p), void *arg,
                      struct err *e)
{
    struct once o = {.sync = s, .calendar = calendar, .began_ms = clock_wall_ms()};
    s->once = true;
    enum rc rc = workers_start(s, workers, e);
    if (rc == RC_OK)
        rc = ask(&o, COLL_ROSTER, e);
    if (rc == RC_OK)
        rc = wait_for(&o, progress, arg, e);
    if (rc == RC_OK)
        rc = ask(&o, COLL_EVENTS, e);
    if (rc == RC_OK && calendar && o.colls.n == 0 && !o.error.text[0])
        rc = err_set(e, RC_NOTFOUND, "no calendar %s in any account's list", calendar);
    if (rc == RC_OK)
        rc = wait_for(&o, progress, arg, e);
    sync_stop(s);
    free(o.colls.v);
    if (rc == RC_OK && o.error.text[0])
        rc = err_set(e, RC_AGAIN, "%s", o.error.text);
    return rc;
}
