/* run: the transactions of one run, and what is written with each of them. */
#include "core/sync/run.h"

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/rand.h"
#include "core/sync/head.h"
#include "core/sync/steps.h"
#include "storage/pack.h"

void worker_beat(void *worker)
{
    struct worker *w = worker;
    int64_t now = clock_awake_ms();
    if (atomic_load(&w->beat_ms) < now)
        atomic_store(&w->beat_ms, now);
}

void run_upstream(struct run *r)
{
    atomic_store(&r->w->beat_ms, clock_awake_ms() + r->sync->request_ms);
    r->call.page_most = (uint32_t)r->c.page_most;
}

static bool collect_channel(void *arg, const struct channel *ch)
{
    struct run *r = arg;
    if (ch->state == CHANNEL_STOPPED && ch->renew_ms > clock_wall_ms())
        return true; /* known to core/ping alone, until it is forgotten */
    if (r->n_channels < PLAN_CHANNELS_MAX)
        r->channels[r->n_channels++] = *ch;
    return r->n_channels < PLAN_CHANNELS_MAX;
}

enum rc run_coll(struct txn *t, uint32_t no, struct collection *ret)
{
    struct collection c;
    enum rc rc = coll_get(t, no, &c);
    if (rc == RC_BADDATA && c.account)
        rc = RC_OK;
    if (rc == RC_OK)
        *ret = c;
    return rc;
}

enum rc run_read(struct run *r, struct txn *t)
{
    struct collection c;
    struct job job = {0};
    enum rc rc = run_coll(t, r->ticket.coll, &c);
    if (rc == RC_OK)
        rc = job_get(t, r->ticket.coll, &job);
    if (rc != RC_OK)
        return rc;
    r->c = c;
    r->job = job;
    r->n_channels = 0;
    channels_each(t, c.no, collect_channel, r);
    r->unpacked = c.kind == COLL_EVENTS && pack_is_owed(t, c.no);
    r->busy_only = c.kind == COLL_EVENTS && head_shows_busy_only(t, c.no);
    return RC_OK;
}

enum rc run_begin(struct run *r, struct txn **ret, struct err *e)
{
    struct txn *t = NULL;
    atomic_store(&r->w->beat_ms, clock_awake_ms());
    enum rc rc = (r->large ? txn_write_large : txn_write)(r->sync->opt.store, &t, e);
    r->large = false;
    r->covering = 0;
    if (rc != RC_OK)
        return rc;
    rc = run_read(r, t);
    r->left = rc == RC_NOTFOUND || (rc == RC_OK && r->c.state == COLL_GONE);
    if (r->left || rc != RC_OK) {
        txn_abort(t);
        return r->left ? err_set(e, RC_CANCELED, "left the calendar list meanwhile")
                       : err_set(e, rc, "its record cannot be read");
    }
    *ret = t;
    return RC_OK;
}

struct plan_view run_view(const struct run *r)
{
    return (struct plan_view){.c = &r->c,
                              .channels = r->channels,
                              .n_channels = r->n_channels,
                              .job = &r->job,
                              .damaged = false,
                              .busy_only = r->busy_only,
                              .now_ms = clock_wall_ms()};
}

enum rc run_commit(struct run *r, struct txn *t, struct err *e)
{
    bool granted = r->granted;
    if (granted)
        channel_note_grant(r, t);
    struct plan_view view = run_view(r);
    if (r->delay_ms == 0)
        r->delay_ms = plan_delay_ms(&r->set->rules, &view, (unsigned)rand_between(0, 65535));
    r->job.due_ms = view.now_ms + r->delay_ms;
    coll_put(t, &r->c);
    job_put(t, &r->job);
    enum rc rc = txn_commit(t, e);
    if (rc == RC_OK)
        r->covered |= r->covering;
    if (rc == RC_OK && granted) {
        r->granted = false;
        CRASHPOINT("channel.granted.after");
    }
    return rc;
}

bool run_more(struct run *r)
{
    if (!queue_more(r->sync->opt.queue, &r->ticket))
        return false;
    r->covered &= ~(unsigned)QUEUE_PING;
    return true;
}

void run_succeeded(struct run *r, int64_t fresh_ms, unsigned covered, bool whole)
{
    if (whole) /* else nobody is told yet that this is how things are */
        r->c.fresh_ms = fresh_ms;
    r->c.fails = 0;
    r->c.last_error[0] = '\0';
    if (covered & QUEUE_PING && r->job.pulled < r->ticket.pinged)
        r->job.pulled = r->ticket.pinged;
    if (covered & QUEUE_RESYNC)
        r->job.resync = false;
    r->job.resync |= !whole;
    r->covering |= covered;
    r->delay_ms = 0; /* what was decided before no longer holds */
}
