/* full: lists a calendar from scratch, page by page, beside the view that readers have.
 *
 * DESIGN. Each page is its own transaction (storage/listing.h stages it), which also notes where to
 * go on: a restart continues with the next page. The last page, the sweep of what was not listed,
 * the token and the freshness are one transaction: readers see the old view whole, then the new one
 * whole. The view is as of the start of the listing; the token that comes with it covers what
 * changed meanwhile. A page token that died makes the listing start over, at most RESTARTS_MOST
 * times in a run. */
#include "core/sync/steps.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"
#include "core/sync/batch.h"
#include "core/sync/head.h"
#include "core/sync/pages.h"
#include "storage/changes.h"
#include "storage/listing.h"

#define RESTARTS_MOST  2
#define RESUME_MOST_MS (6 * 3600 * 1000LL) /* older page tokens are not worth a try */
#define RESUMES_MOST   4 /* failures in a row at the same page: perhaps its token is the trouble */
#define PRUNE_ROWS     10000

struct full {
    enum listing_reason reason;
    bool begin;   /* the next page starts a listing afresh */
    bool spoiled; /* going on where it stands would lead nowhere */
    unsigned restarts;
    uint64_t drift; /* differences that a pull should have brought */
    struct page_guard guard;
    struct listing_result result;
};

/* Verification: does the page bring what no pull brought, though it is old enough? */
static void count_drift(struct run *r, struct txn *t, const struct batch *b, struct full *f)
{
    struct event old;
    for (size_t i = 0; i < b->n; i++) {
        const struct event *ev = &b->events[i];
        if (ev->updated_ms == 0 || ev->updated_ms > r->c.fresh_ms - plan_grace_ms(&r->set->rules) ||
            ev->flags & EVENT_CANCELLED)
            continue; /* tombstones come and go at Google without being a difference */
        /* A listing may hold an earlier version beside the current one. */
        if (event_get(t, r->c.no, ev->id, &old) == RC_OK &&
            (span_eq(old.raw, ev->raw) || old.updated_ms > ev->updated_ms))
            continue;
        f->drift++;
        log_warning(r->about, "drift: event %.*s differs from Google", (int)ev->id.n, ev->id.p);
    }
}

static enum rc finish(struct run *r, struct full *f, struct txn *t, const struct google_page *page,
                      struct err *e)
{
    uint64_t version = r->c.version, pages = r->c.listing.pages;
    int64_t started_ms = r->c.listing.started_ms;
    unsigned covered = QUEUE_NEW;
    /* An operator's request counts from when it was made: an older listing does not answer it. */
    if (r->c.listing.reason == LISTING_ASKED || f->reason == LISTING_FIRST)
        covered |= QUEUE_RESYNC;
    if (pages == 1) /* asked for after the ping came: as good as a pull */
        covered |= QUEUE_PING;
    listing_finish(t, &r->c, &f->result);
    memcpy(r->c.sync_token, page->next_sync, sizeof(r->c.sync_token));
    r->c.full_ms = started_ms;
    r->c.repair_ms = 0;
    r->c.drift += f->drift;
    uint32_t roster = 0;
    bool owe = head_store(r, t, page) && roster_owe(r, t, &roster);
    run_succeeded(r, started_ms, covered);
    bool changed = r->c.version != version;
    CRASHPOINT("listing.finish.before");
    enum rc rc = run_commit(r, t, e);
    if (rc != RC_OK)
        return rc;
    CRASHPOINT("listing.finish.after");
    events_damage_clear(r->sync->opt.store, r->c.no);
    if (owe)
        queue_resync(r->sync->opt.queue, roster);
    if (r->sync->opt
            .changed) /* also without a change: readers may have waited for the first view */
        r->sync->opt.changed(r->sync->opt.changed_arg, r->c.no, r->c.version);
    r->single_page = pages == 1;
    r->did.listings++;
    r->did.changes += changed ? f->result.added + f->result.changed + f->result.removed : 0;
    log_notice(r->about, "listed (%s): %llu events, %llu new, %llu changed, %llu gone",
               listing_reason_name(f->reason), (unsigned long long)f->result.listed,
               (unsigned long long)f->result.added, (unsigned long long)f->result.changed,
               (unsigned long long)f->result.removed);
    return RC_OK;
}

/* One page into the stage; the last one finishes. */
static enum rc store_page(struct run *r, struct full *f, const struct google_page *page,
                          const struct batch *b, int64_t asked_ms, struct err *e)
{
    struct txn *t = NULL;
    /* The last of many pages brings what all of them staged. */
    r->large = b->n > RUN_LARGE_EVENTS || (!f->begin && r->c.listing.pages > 0);
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    if (f->begin) {
        listing_begin(t, &r->c, f->reason, asked_ms);
        f->begin = false;
    }
    if (f->reason == LISTING_VERIFY)
        count_drift(r, t, b, f);
    for (size_t i = 0; i < b->n; i++)
        listing_put(t, &r->c, &b->events[i]);
    r->c.listing.pages++;
    memcpy(r->c.listing.page_token, page->next_page, sizeof(r->c.listing.page_token));
    if (page->next_page[0] == '\0')
        return finish(r, f, t, page, e);
    CRASHPOINT("listing.page.before");
    rc = run_commit(r, t, e);
    if (rc == RC_OK)
        CRASHPOINT("listing.page.after");
    return rc;
}

/* Forgets the listing under way, so that the next attempt starts at the first page. */
static void abandon(struct run *r)
{
    struct txn *t = NULL;
    if (run_begin(r, &t, NULL) != RC_OK)
        return;
    listing_abandon(t, &r->c);
    if (run_commit(r, t, NULL) != RC_OK)
        log_debug(r->about, "a listing could not be abandoned");
}

static enum rc check_walk(struct full *f, const struct google_page *page, struct err *e)
{
    bool last = page->next_page[0] == '\0';
    f->spoiled = last ? page->next_sync[0] == '\0' : page_guard_loops(&f->guard, page->next_page);
    if (!f->spoiled)
        return RC_OK;
    return err_set(e, RC_BADDATA,
                   last ? "the last page has no sync token" : "the pages go in circles");
}

/* Fetches one page and stores it. *ret_last: that was the end. */
static enum rc step(struct run *r, struct full *f, bool *ret_last, struct err *e)
{
    struct google_page page = {0};
    struct batch b = {0};
    char from[LIMIT_TOKEN_BYTES + 1] = "";
    if (!f->begin)
        memcpy(from, r->c.listing.page_token, sizeof(from));
    int64_t asked_ms = clock_wall_ms();
    run_upstream(r);
    enum rc rc = google_list(&r->call, r->c.kind, r->c.calendar, "", from, &page, e);
    if (rc == RC_OK)
        rc = check_walk(f, &page, e);
    if (rc == RC_OK)
        rc = batch_add(&b, &page, r->c.zone, e);
    if (rc == RC_OK)
        rc = store_page(r, f, &page, &b, asked_ms, e);
    if (rc == RC_OK)
        *ret_last = page.next_page[0] == '\0';
    batch_release(&b);
    google_page_release(&page);
    return rc;
}

static void prune(struct run *r)
{
    struct txn *t = NULL;
    if (run_begin(r, &t, NULL) != RC_OK)
        return;
    if (changes_prune(t, &r->c, clock_wall_ms() - r->set->retention_ms, PRUNE_ROWS) == 0)
        txn_abort(t);
    else if (run_commit(r, t, NULL) != RC_OK)
        log_debug(r->about, "the change log could not be pruned");
}

static bool resumes(const struct run *r, enum listing_reason reason)
{
    const struct listing *l = &r->c.listing;
    int64_t age = clock_wall_ms() - l->started_ms;
    return l->reason != LISTING_NONE && l->page_token[0] && age >= 0 && age < RESUME_MOST_MS &&
           r->ticket.fails < RESUMES_MOST &&
           (reason != LISTING_ASKED || l->reason == LISTING_ASKED);
}

enum rc full_run(struct run *r, enum listing_reason reason, struct err *e)
{
    struct full f = {.reason = reason, .begin = !resumes(r, reason)};
    bool last = false;
    enum rc rc = RC_OK;
    while (rc == RC_OK && !last) {
        rc = step(r, &f, &last, e);
        /* A dead page token is no dead calendar: once more from the first page. */
        if (rc == RC_STALE && !f.begin && f.restarts < RESTARTS_MOST) {
            f = (struct full){.reason = reason, .begin = true, .restarts = f.restarts + 1};
            rc = RC_OK;
        }
    }
    if (rc == RC_OK)
        prune(r);
    else if (rc == RC_STALE || f.spoiled)
        abandon(r);
    if (rc == RC_STALE) /* without any token: nothing that a listing could repair */
        rc = RC_AGAIN;
    return rc == RC_OK ? rc
                       : err_prefix(e, rc, "listing, page %llu",
                                    (unsigned long long)r->c.listing.pages + 1);
}
