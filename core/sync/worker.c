/* worker: one thread: takes what is due, does what the plan says in a straight line, tells the
 * queue. */
#include "core/sync/steps.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/model/metrics.h"
#include "core/sync/settings.h"
#include "core/sync/verify.h"
#include "storage/events.h"

#define NONSENSE_MOST 3
#define IDLE_MS       60000 /* without an account: a reload may bring it back */

static enum rc pull_step(struct run *r, struct err *e)
{
    return r->c.kind == COLL_EVENTS ? pull_run(r, e) : items_run(r, LISTING_NONE, e);
}

static enum rc list_step(struct run *r, enum listing_reason reason, struct err *e)
{
    return r->c.kind == COLL_EVENTS ? full_run(r, reason, e) : items_run(r, reason, e);
}

static struct plan make_plan(struct run *r)
{
    struct plan_view view = run_view(r);
    struct job job = r->job;
    /* Asked for in this process, perhaps with another config than the one a run had that has
     * committed since. */
    job.resync |= r->ticket.reasons & QUEUE_RESYNC & ~r->covered;
    view.job = &job;
    view.damaged = events_damaged(r->sync->opt.store, r->c.no) > 0;
    return plan_now(&r->set->rules, &view);
}

/* The token is of no use: forgets it and counts that, so that the plan can ration what follows. */
static enum rc note_stale(struct run *r, struct err *e)
{
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    plan_count_stale(&r->c, clock_wall_ms());
    r->c.sync_token[0] = '\0';
    snprintf(r->c.last_error, sizeof(r->c.last_error),
             "the sync token no longer works; a full listing is due");
    r->delay_ms = 0;
    return run_commit(r, t, e);
}

/* Changes since the token, or everything when the token is dead and a listing may run now. */
static enum rc catch_up(struct run *r, struct err *e)
{
    enum rc rc = pull_step(r, e);
    if (rc == RC_FULL && r->too_large) {
        enum listing_reason owed = make_plan(r).list;
        log_notice(r->about, "%s: listing in full instead", e->text);
        return list_step(r, owed == LISTING_NONE ? LISTING_STALE : owed, e);
    }
    /* Increments that make no sense again and again: perhaps a full listing does. */
    if (rc != RC_STALE && !(rc == RC_BADDATA && r->ticket.fails >= NONSENSE_MOST))
        return rc;
    log_notice(r->about, "increments are at an end: %s", e->text);
    rc = note_stale(r, e);
    if (rc != RC_OK)
        return rc;
    enum listing_reason list = make_plan(r).list;
    return list == LISTING_NONE ? RC_OK : list_step(r, list, e);
}

/* Opens a channel if one is needed; *ret_opened: what happened before it was up must be caught up
 * with. */
static enum rc watch(struct run *r, bool *ret_opened, struct err *e)
{
    struct plan plan = make_plan(r);
    *ret_opened = false;
    if (r->sync->once || !plan.open)
        return RC_OK;
    enum rc rc = channel_open(r, e);
    *ret_opened = rc == RC_OK && r->c.watch == WATCH_OK && !r->c.watch_error[0];
    return rc;
}

static enum rc tidy_channels(struct run *r, struct err *e)
{
    struct plan plan = make_plan(r);
    if (r->sync->once)
        return RC_OK;
    enum rc rc = channel_settle(r, &plan, e);
    if (rc == RC_OK || rc == RC_CANCELED || rc == RC_AUTH)
        return rc;
    log_info(r->about, "%s",
             e->text); /* tried again with the next run; it is no failure of the data */
    return RC_OK;
}

/* A change that a ping told of comes first; then what is owed in full; then the channel; and last
 * what may have happened between the listing and the channel. But for a first listing the channel
 * is opened before it, so that nothing can happen in between; unless it failed before, perhaps for
 * good. */
static enum rc catch_up_and_watch(struct run *r, bool *ret_pulled, struct err *e)
{
    struct plan plan = make_plan(r);
    bool due = r->ticket.reasons & (QUEUE_PING | QUEUE_NEW | QUEUE_RESYNC) ||
               r->ticket.due_in_ms <= 0 || r->c.fails > 0;
    bool pulled = false, opened = false;
    enum rc rc = RC_OK;
    /* Before a verification, so that it does not count as drift what is only not pulled yet. */
    bool counts = listing_verifies(plan.list) && r->c.kind == COLL_EVENTS;
    if (plan.pull && (counts || (plan.list == LISTING_NONE && r->ticket.reasons & QUEUE_PING))) {
        rc = catch_up(r, e);
        pulled = r->covered & QUEUE_PING; /* not by a listing of many pages in its place */
        plan = make_plan(r);
    }
    if (rc == RC_OK && plan.list == LISTING_FIRST && r->c.fails + r->ticket.fails == 0)
        rc = watch(r, &opened, e);
    if (rc == RC_OK && plan.list != LISTING_NONE) {
        rc = list_step(r, plan.list, e);
        pulled = rc == RC_OK && (r->as_of_now || r->c.kind != COLL_EVENTS);
        due = true;
    }
    /* A second round when the pull showed that the channel does not deliver. */
    for (int round = 0; rc == RC_OK && round < 2; round++) {
        rc = watch(r, &opened, e);
        if (rc == RC_OK && make_plan(r).pull && (opened || (due && !pulled))) {
            rc = catch_up(r, e);
            pulled = true;
        }
        if (!opened && !make_plan(r).open)
            break;
    }
    *ret_pulled = pulled;
    return rc;
}

/* A ping was taken and not answered, for a token died on the way. Those to come wait with it, so
 * until it is answered none are heard; without a token the plan says when. */
static bool owes_pull(const struct run *r)
{
    return r->ticket.reasons & QUEUE_PING & ~r->covered && r->c.sync_token[0];
}

static enum rc follow(struct run *r, struct err *e)
{
    struct err trouble = {0};
    bool pulled = false;
    enum rc rc = catch_up_and_watch(r, &pulled, e);
    enum rc noted = channel_settle_grant(r, rc == RC_OK ? e : &trouble);
    if (rc == RC_OK)
        rc = noted;
    if (rc == RC_OK)
        rc = tidy_channels(r, e);
    if (rc == RC_OK && job_owes_verify(&r->job, VERIFY_INSTANCES) &&
        !job_owes_verify(&r->job, VERIFY_EVENTS)) /* the events themselves are verified */
        rc = verify_instances(r, e);
    if (rc == RC_OK)
        rc = full_pack(r, e);
    if (rc != RC_OK)
        return rc;
    struct plan_view view = run_view(r);
    if (r->delay_ms == 0)
        r->delay_ms = plan_delay_ms(&r->set->rules, &view, (unsigned)rand_between(0, 65535));
    if (!pulled && r->ticket.due_in_ms > 0 && r->ticket.due_in_ms < r->delay_ms)
        r->delay_ms = r->ticket.due_in_ms; /* this look was extra: the schedule stands */
    if (owes_pull(r) && r->delay_ms > r->set->rules.poll_unhealthy_ms)
        r->delay_ms = r->set->rules.poll_unhealthy_ms;
    return rc;
}

static enum rc look(struct run *r, struct err *e)
{
    struct txn *t = NULL;
    enum rc rc = txn_read(r->sync->opt.store, &t, e);
    if (rc != RC_OK)
        return rc;
    rc = run_read(r, t);
    if (rc == RC_OK && account_get(t, r->ticket.account, &r->account) != RC_OK)
        r->account = (struct account){.no = r->ticket.account};
    txn_abort(t);
    return rc == RC_OK ? rc : err_set(e, rc, "its record cannot be read");
}

/* Access rules want a scope of their own: once refused to an account, its other calendars do not
 * ask. */
static bool acl_refused(const struct run *r)
{
    return r->c.kind == COLL_ACL && atomic_load(&r->seat->acl_from_ms) > clock_mono_ms();
}

static void note_freshness(const struct run *r)
{
    int64_t ms = clock_wall_ms() - r->ticket.pinged_ms;
    metric_observe(&metric_freshness, 0, ms * 1000);
    log_debug(r->about, "readable %lld ms after the notification", (long long)ms);
}

static struct queue_result work(struct run *r)
{
    struct queue_result result = {.delay_ms = IDLE_MS};
    struct err e = {0};
    enum rc rc = look(r, &e);
    if (rc == RC_NOTFOUND) {
        queue_drop(r->sync->opt.queue, r->ticket.coll);
        return result;
    }
    if (rc == RC_BADDATA && accounts_match(r->sync, r->set, &e) == RC_OK) {
        sync_announce(r->sync); /* it was dropped, and what it was is asked for again */
        return result;
    }
    if (rc != RC_OK)
        return edge_result(r, rc, &e);
    if (r->c.state == COLL_GONE)
        return edge_result(r, retire_run(r, &e), &e);
    if (!r->seat || edge_parked(r, &result))
        return result;
    if (acl_refused(r))
        return edge_refused(r);
    rc = follow(r, &e);
    if (rc == RC_OK && r->ticket.pinged_ms && r->covered & QUEUE_PING)
        note_freshness(r);
    return edge_result(r, rc, &e);
}

static void count_run(const struct run *r, bool failed, int64_t took_us)
{
    enum metric_run kind = r->did.listings ? METRIC_RUN_LISTING
                           : r->did.pulls  ? METRIC_RUN_PULL
                                           : METRIC_RUN_OTHER;
    metric_add(&metric_sync_runs, kind * METRIC_OUTCOMES + (failed ? METRIC_FAILED : METRIC_OK), 1);
    metric_observe(&metric_sync_duration, 0, took_us);
}

static void run_one(struct worker *w, const struct queue_ticket *ticket)
{
    struct sync *s = w->sync;
    struct settings *set = settings_get(s);
    struct run r = {.w = w, .sync = s, .set = set, .ticket = *ticket};
    r.seat = settings_seat(set, ticket->account);
    snprintf(r.about, sizeof(r.about), "cal %u", ticket->coll);
    r.call = (struct google_call){.google = s->google,
                                  .auth = r.seat ? r.seat->auth : NULL,
                                  .client = w->http,
                                  .account = ticket->account,
                                  .alive = worker_beat,
                                  .alive_arg = w,
                                  .retry_after_ms = -1};
    int64_t begin_us = clock_mono_us();
    http_set_patience(w->http, run_patience, &r);
    struct queue_result result = work(&r);
    http_set_patience(w->http, NULL, NULL);
    run_note_patience(&r);
    count_run(&r, result.failed, clock_mono_us() - begin_us);
    result.slow = r.call.waits > 0 || r.gave_way;
    r.did.upstream_calls = r.call.requests;
    if (r.call.dated)
        clock_look(s, r.call.skew_ms);
    queue_count(s->opt.queue, ticket->coll, &r.did);
    queue_finish(s->opt.queue, &r.ticket, &result);
    settings_put(set);
}

void *worker_main(void *worker)
{
    struct worker *w = worker;
    struct queue_ticket ticket;
    worker_beat(w);
    while (queue_take(w->sync->opt.queue, &ticket, worker_beat, w) == RC_OK) {
        atomic_store(&w->beat_ms, clock_awake_ms());
        run_one(w, &ticket);
        atomic_store(&w->beat_ms, clock_awake_ms());
    }
    return NULL;
}
