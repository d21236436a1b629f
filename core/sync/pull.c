/* pull: asks for what changed in a calendar since its token, and commits all of it at once.
 *
 * DESIGN. Every page is fetched and decoded before the write transaction begins, so the one writer
 * is never held up by the network; data, token, freshness and "pulled up to this ping" land
 * together or not at all. The pages of one pull are held in memory: a delta larger than
 * PULL_BYTES_MAX is answered by a full listing, which goes page by page. */
#include "core/sync/steps.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/sync/batch.h"
#include "core/sync/head.h"
#include "core/sync/pages.h"
#include "storage/events.h"

#define PULL_BYTES_MAX (12u << 20)
#define SETTLED_MS     10000 /* a ping this soon after a change may well be about that change */
#define EMPTY_RETRY_MS 10000 /* a ping without a change: Google may show it only a moment later */

struct pull {
    struct pages pages;
    struct batch batch;
    int64_t started_ms; /* wall clock of the first request */
    uint64_t changed;   /* events that differ from what was stored */
    bool unannounced;   /* one of them is old enough that a ping should have come */
    bool relist;        /* they do not tell all: it is to be listed in full */
    struct buf cut;     /* ids of series that end earlier than before, each with a NUL behind it */
};

static enum rc fetch(struct run *r, struct pull *p, struct err *e)
{
    enum rc rc = pages_fetch(r, &p->pages, r->c.sync_token, PULL_BYTES_MAX, e);
    if (rc == RC_BADDATA && r->call.too_large)
        rc = RC_FULL;
    r->too_large = rc == RC_FULL;
    for (size_t i = 0; rc == RC_OK && i < p->pages.n; i++)
        rc = batch_add(&p->batch, &p->pages.v[i], r->c.zone, e);
    if (rc == RC_OK)
        batch_unique(&p->batch);
    return rc;
}

/* A series that is deleted takes its exceptions along: Google need not name them. So does one that
 * becomes a single event, but for those that are younger, which may belong to what it was next.
 * Those that Google does name are put afterwards. */
static void remove_exceptions(struct run *r, struct txn *t, const struct event *end)
{
    struct buf ids = {0};
    struct event ev;
    struct event_scan *scan = events_of_series(t, &r->c, end->id);
    while (event_scan_next(scan, &ev)) {
        if (!((end->flags | ev.flags) & EVENT_CANCELLED) && ev.updated_ms > end->updated_ms)
            continue;
        buf_add_span(&ids, ev.id);
        buf_add_char(&ids, '\0');
    }
    event_scan_close(scan);
    txn_needs(t, &ids);
    for (size_t at = 0; at < ids.n; at += strlen(ids.p + at) + 1)
        event_remove(t, &r->c, span_of(ids.p + at));
    buf_release(&ids);
}

/* A page that was read before its series ended, or another backend, may still have an instance. */
static bool outlived(struct run *r, struct txn *t, const struct event *ev)
{
    struct event series;
    return event_get(t, r->c.no, ev->series, &series) == RC_OK && event_outlived(ev, &series);
}

static void put(struct run *r, struct txn *t, struct pull *p, const struct event *ev)
{
    struct event old;
    bool lives = ev->flags & EVENT_SERIES && !(ev->flags & EVENT_CANCELLED) &&
                 event_get(t, r->c.no, ev->id, &old) == RC_OK;
    bool again = lives && old.flags & (EVENT_CANCELLED | EVENT_WAS_SERIES);
    bool cut = lives && old.flags & EVENT_SERIES && ev->end_ms < old.end_ms;
    if (!event_put(t, &r->c, ev))
        return;
    p->changed++;
    if (again) { /* its exceptions went with it, and may be back without being named */
        remove_exceptions(r, t, ev);
        p->relist = true;
    }
    if (cut) {
        buf_add_span(&p->cut, ev->id);
        buf_add_char(&p->cut, '\0');
    }
    /* What happened while nobody listened here is not the channel's fault. */
    p->unannounced |= ev->updated_ms > r->sync->started_ms &&
                      ev->updated_ms < p->started_ms - plan_grace_ms(&r->set->rules);
}

/* Deleted, whatever it was: also when a series itself was never seen; or a series until now. */
static bool is_end(struct run *r, struct txn *t, const struct event *ev)
{
    struct event old;
    if (!event_ended_series(ev))
        return false;
    return ev->flags & EVENT_CANCELLED ||
           (event_get(t, r->c.no, ev->id, &old) == RC_OK && old.flags & EVENT_SERIES &&
            old.updated_ms <= ev->updated_ms);
}

/* An instance behind the end of a series that was cut: it may belong to the series that goes on
 * from there ("this and following"), and has gone with that if it is deleted, which nothing says of
 * one that was here as the former's. */
static bool leaves_some(struct run *r, struct txn *t, struct span series)
{
    struct event master, ev;
    bool some = false;
    if (event_get(t, r->c.no, series, &master) != RC_OK)
        return false;
    struct event_scan *scan = events_of_series(t, &r->c, series);
    while (!some && event_scan_next(scan, &ev))
        some = !(ev.flags & EVENT_CANCELLED) && ev.original_ms >= master.end_ms;
    event_scan_close(scan);
    return some;
}

static void apply(struct run *r, struct txn *t, struct pull *p)
{
    batch_complete(&p->batch, t, &r->c);
    for (size_t i = 0; i < p->batch.n; i++) {
        const struct event *ev = &p->batch.events[i];
        if (ev->flags & EVENT_EXCEPTION)
            continue;
        if (is_end(r, t, ev))
            remove_exceptions(r, t, ev);
        put(r, t, p, ev);
    }
    for (size_t i = 0; i < p->batch.n; i++) {
        const struct event *ev = &p->batch.events[i];
        if (ev->flags & EVENT_EXCEPTION && !outlived(r, t, ev))
            put(r, t, p, ev);
    }
    txn_needs(t, &p->cut);
    for (size_t at = 0; at < p->cut.n; at += strlen(p->cut.p + at) + 1)
        p->relist |= leaves_some(r, t, span_of(p->cut.p + at));
}

/* A scheduled pull found what no ping announced: the live channel does not deliver. */
static void blame_channel(struct run *r, struct txn *t, const struct pull *p)
{
    if (!p->unannounced || r->ticket.reasons & QUEUE_PING || r->job.pinged > r->ticket.pinged)
        return;
    for (size_t i = 0; i < r->n_channels; i++) {
        struct channel *ch = &r->channels[i];
        /* It can only have missed what happened in its time. */
        if (ch->state != CHANNEL_LIVE ||
            ch->created_ms > p->started_ms - plan_grace_ms(&r->set->rules))
            continue;
        ch->state = CHANNEL_DEGRADED;
        channel_put(t, ch);
        log_notice(r->about, "a check found a change that no notification announced: the channel "
                             "will be replaced");
    }
}

static enum rc commit(struct run *r, struct pull *p, struct err *e)
{
    struct txn *t = NULL;
    r->large = p->batch.n > RUN_LARGE_EVENTS;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    bool quiet = p->started_ms - r->c.changed_ms > SETTLED_MS;
    const struct google_page *last = &p->pages.v[p->pages.n - 1];
    apply(r, t, p);
    blame_channel(r, t, p);
    uint32_t roster = 0;
    unsigned news = head_store(r, t, last, false);
    bool owe = news & HEAD_LISTED && roster_owe(t, r->c.account, &roster);
    p->relist |= news & HEAD_ROLE;
    memcpy(r->c.sync_token, last->next_sync, sizeof(r->c.sync_token));
    run_succeeded(r, p->started_ms, QUEUE_PING, !p->relist);
    bool empty = r->ticket.reasons & QUEUE_PING && p->changed == 0;
    if (empty && quiet)
        r->delay_ms = EMPTY_RETRY_MS;
    CRASHPOINT("pull.commit.before");
    rc = run_commit(r, t, e);
    if (rc != RC_OK)
        return rc;
    CRASHPOINT("pull.commit.after");
    if (owe)
        roster_announce_owed(r, roster);
    if (p->relist)
        queue_add(r->sync->opt.queue, r->c.no, r->c.account, QUEUE_RESYNC);
    r->did.changes += p->changed;
    r->did.empty_pulls += empty;
    return RC_OK;
}

enum rc pull_run(struct run *r, struct err *e)
{
    struct pull p = {.started_ms = clock_wall_ms()};
    (void)run_more(r); /* this pull answers them, too */
    enum rc rc = fetch(r, &p, e);
    if (rc == RC_OK)
        rc = commit(r, &p, e);
    if (rc == RC_OK) {
        r->did.pulls++;
        if (p.changed)
            log_info(r->about, "%llu changes, %s", (unsigned long long)p.changed,
                     r->ticket.reasons & QUEUE_PING ? "after a notification" : "found by a check");
        batch_tell(&p.batch, r->about);
    }
    batch_release(&p.batch);
    buf_release(&p.cut);
    pages_release(&p.pages);
    return rc;
}
