/* full: lists a calendar from scratch, page by page, beside the view that readers have.
 *
 * DESIGN. Each page is its own transaction (storage/listing.h stages it), which also notes where to
 * go on: a restart continues with the next page. The last page, the sweep of what was not listed,
 * the token and the freshness are one transaction: readers see the old view whole, then the new one
 * whole. The view is as of the start of the listing; the token that comes with it covers what
 * changed meanwhile. A long listing does not keep changes from readers: between two pages the old
 * view, whose token still lives, takes increments as ever when a ping came in or a check is due. A
 * page token that died makes the listing start over, at most RESTARTS_MOST times in a run.
 *
 * A listing that ends without a token failed, since Google owes one, and is tried again. But for
 * some calendars Google may never give any. Then a whole view now and then is better than none, so
 * after a few attempts it is taken: the plan lists such a calendar again and again, and its status
 * says why it is not followed. */
#include "core/sync/steps.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/log.h"
#include "core/sync/batch.h"
#include "core/sync/head.h"
#include "core/sync/pages.h"
#include "core/sync/verify.h"
#include "storage/changes.h"
#include "storage/listing.h"
#include "storage/pack.h"

#define RESTARTS_MOST   2
#define RESUME_MOST_MS  (6 * HOUR_MS) /* older page tokens are not worth a try */
#define RESUMES_MOST    4 /* failures in a row at the same page: perhaps its token is the trouble */
#define TOKENLESS_FAILS 2 /* in a row: then Google means it; who waits gives up after 3 */
#define PACK_LEAST      256 /* events that were put; less are not worth it ... */
#define PACK_SHARE      8   /* ... nor is less than this part of all */

struct full {
    enum listing_reason reason;
    bool begin;   /* the next page starts a listing afresh */
    bool spoiled; /* going on where it stands would lead nowhere */
    unsigned restarts;
    bool no_pulls;        /* increments of the old view are at an end */
    uint64_t pinged;      /* the ping up to which the first page is younger */
    struct verify verify; /* when that is the reason */
    struct page_guard guard;
    struct listing_result result;
};

/* What the view is as of: increments that came while it was listed are in it. */
static int64_t view_fresh_ms(const struct run *r, int64_t started_ms)
{
    int64_t pulled_ms = r->c.fresh_ms;
    return pulled_ms > started_ms && pulled_ms <= clock_wall_ms() ? pulled_ms : started_ms;
}

/* Which of what is owed the listing answers. */
static unsigned answers(const struct run *r, const struct full *f)
{
    unsigned covered = QUEUE_NEW;
    /* An operator's request counts from when it was made: an older listing does not answer it. */
    if (r->c.listing.reason == LISTING_ASKED || f->reason == LISTING_FIRST)
        covered |= QUEUE_RESYNC;
    /* As good as a pull; of more pages the token tells what followed, if there is one. */
    if ((r->c.listing.pages == 1 || !r->c.sync_token[0]) && r->ticket.pinged == f->pinged)
        covered |= QUEUE_PING;
    return covered;
}

/* The listing is the view now. */
static void tell(struct run *r, const struct full *f, bool changed)
{
    const struct listing_result *result = &f->result;
    events_damage_clear(r->sync->opt.store, r->c.no);
    r->did.listings++;
    r->did.changes += changed ? result->added + result->changed + result->removed : 0;
    log_notice(r->about, "listed (%s): %llu events, %llu new, %llu changed, %llu gone",
               listing_reason_name(f->reason), (unsigned long long)result->listed,
               (unsigned long long)result->added, (unsigned long long)result->changed,
               (unsigned long long)result->removed);
    if (listing_verifies(f->reason))
        verify_log(r, &f->verify);
}

/* No token of a former listing is left either. */
static void note_tokenless(struct run *r)
{
    r->c.stale_count = 0; /* so the plan knows that none died */
    snprintf(r->c.last_error, sizeof(r->c.last_error),
             "Google gives no sync token for this calendar: it is listed in full now and then");
}

static enum rc finish(struct run *r, struct full *f, struct txn *t, const struct google_page *page,
                      struct err *e)
{
    uint64_t version = r->c.version, pages = r->c.listing.pages;
    int64_t started_ms = r->c.listing.started_ms, fresh_ms = view_fresh_ms(r, started_ms);
    if (page->next_sync[0]) /* else an older one does, if it lives */
        memcpy(r->c.sync_token, page->next_sync, sizeof(r->c.sync_token));
    unsigned covered = answers(r, f);
    if (listing_verifies(f->reason))
        verify_judge(r, t, &f->verify);
    if (f->reason == LISTING_AUDIT)
        r->job.verify &= ~VERIFY_BEGUN(VERIFY_EVENTS);
    listing_finish(t, &r->c, &f->result);
    uint64_t put = f->result.added + f->result.changed;
    if (put >= PACK_LEAST && put >= r->c.all_items / PACK_SHARE) {
        pack_owe(t, r->c.no);
        r->unpacked = true;
    }
    r->c.full_ms = started_ms;
    uint32_t roster = 0;
    unsigned news = head_store(r, t, page, true);
    bool owe = news & HEAD_LISTED && roster_owe(t, r->c.account, &roster);
    bool relist = news & HEAD_ROLE;    /* some pages may have been as another role saw them */
    if (relist && !page->next_sync[0]) /* the older one is of what another role saw */
        r->c.sync_token[0] = '\0';
    run_succeeded(r, fresh_ms, covered, !relist);
    if (!r->c.sync_token[0])
        note_tokenless(r);
    bool changed = r->c.version != version;
    CRASHPOINT("listing.finish.before");
    enum rc rc = run_commit(r, t, e);
    if (rc != RC_OK && f->verify.drift)
        return err_prefix(e, rc, "repairing %llu differences", (unsigned long long)f->verify.drift);
    if (rc != RC_OK)
        return rc;
    CRASHPOINT("listing.finish.after");
    if (owe)
        roster_announce_owed(r, roster);
    if (relist)
        queue_add(r->sync->opt.queue, r->c.no, r->c.account, QUEUE_RESYNC);
    /* What took something back may be of a while ago: then its token tells what followed. So it
     * does what a ping was about that came behind the page. */
    r->as_of_now =
        pages == 1 && f->result.older + f->result.removed == 0 && r->covered & QUEUE_PING;
    tell(r, f, changed);
    return RC_OK;
}

/* One page into the stage; the last one finishes. */
static enum rc store_page(struct run *r, struct full *f, const struct google_page *page,
                          struct batch *b, int64_t asked_ms, struct err *e)
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
    batch_complete(b, t, &r->c);
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

/* A verification begins before its first page: what increments change from then on is told from
 * what they changed before. */
static enum rc begin_verification(struct run *r, struct full *f, struct err *e)
{
    struct txn *t = NULL;
    enum rc rc = run_begin(r, &t, e);
    if (rc != RC_OK)
        return rc;
    listing_begin(t, &r->c, f->reason, clock_wall_ms());
    if (f->reason == LISTING_AUDIT)
        verify_begin(&r->job, VERIFY_EVENTS);
    rc = run_commit(r, t, e);
    f->begin = rc != RC_OK;
    return rc;
}

/* A page is larger than any answer may be: from the first one on with a quarter of the events each.
 * The increments after it are asked for alike, since tokens belong to the query that earned them.
 */
static bool take_smaller_pages(struct run *r)
{
    uint64_t most = r->c.page_most ? r->c.page_most : LIMIT_PAGE_EVENTS;
    struct txn *t = NULL;
    if (most < 4 || run_begin(r, &t, NULL) != RC_OK)
        return false;
    listing_abandon(t, &r->c);
    r->c.page_most = most / 4;
    log_notice(r->about, "a page of %llu events is too large: %llu from now on",
               (unsigned long long)most, (unsigned long long)r->c.page_most);
    return run_commit(r, t, NULL) == RC_OK;
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

/* Of a calendar that had a token and is shown in full it is likelier that pages are missing. */
static bool may_lack_token(const struct run *r, const struct google_page *page)
{
    bool never = r->c.state == COLL_NEW || r->busy_only || head_is_busy_only(page->head);
    return plan_is_tokenless(&r->c) || (never && r->ticket.fails >= TOKENLESS_FAILS);
}

static enum rc check_walk(struct run *r, struct full *f, const struct google_page *page,
                          struct err *e)
{
    bool last = page->next_page[0] == '\0';
    f->spoiled = last ? !page->next_sync[0] && !may_lack_token(r, page)
                      : page_guard_loops(&f->guard, page->next_page);
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
    if (f->begin && listing_verifies(f->reason)) {
        enum rc rc = begin_verification(r, f, e);
        if (rc != RC_OK)
            return rc;
    }
    if (!f->begin)
        memcpy(from, r->c.listing.page_token, sizeof(from));
    if (from[0] == '\0')
        f->pinged = r->ticket.pinged;
    int64_t asked_ms = clock_wall_ms();
    run_upstream(r);
    enum rc rc = google_list(&r->call, r->c.kind, r->c.calendar, "", from, &page, e);
    if (rc == RC_OK)
        rc = check_walk(r, f, &page, e);
    if (rc == RC_OK)
        rc = batch_add(&b, &page, r->c.zone, e);
    if (rc == RC_OK && !page.next_page[0] && listing_verifies(f->reason))
        rc = verify_pull(r, &f->verify, e);
    if (rc == RC_OK)
        rc = store_page(r, f, &page, &b, asked_ms, e);
    if (rc == RC_OK) {
        *ret_last = page.next_page[0] == '\0';
        batch_tell(&b, r->about);
    }
    batch_release(&b);
    google_page_release(&page);
    return rc;
}

/* Between two pages: what changed meanwhile, when somebody says that something did, or when that
 * was not asked for longer than it should be. */
static enum rc pull_between(struct run *r, struct full *f, struct err *e)
{
    struct err why = {0};
    struct plan_view view = run_view(r);
    if (f->no_pulls || r->c.state != COLL_READY || !r->c.sync_token[0])
        return RC_OK;
    const struct plan_rules *rules = &r->set->rules;
    int64_t most_ms = plan_now(rules, &view).healthy ? rules->poll_ms : rules->poll_unhealthy_ms;
    if (!run_more(r) && view.now_ms - r->c.fresh_ms < most_ms)
        return RC_OK;
    enum rc rc = pull_run(r, &why);
    /* The listing brings another token: it is no worse than without these. */
    f->no_pulls = rc == RC_STALE || rc == RC_BADDATA || (rc == RC_FULL && r->too_large);
    return rc == RC_OK || f->no_pulls ? RC_OK : err_set(e, rc, "%s", why.text);
}

static void prune(struct run *r)
{
    struct txn *t = NULL;
    uint64_t n = PRUNE_ROWS;
    while (n == PRUNE_ROWS && run_begin(r, &t, NULL) == RC_OK) {
        n = changes_prune(t, &r->c, clock_wall_ms() - r->set->retention_ms, PRUNE_ROWS);
        if (n == 0) {
            txn_abort(t);
        } else if (run_commit(r, t, NULL) != RC_OK) {
            log_debug(r->about, "the change log could not be pruned");
            n = 0;
        }
    }
}

/* For those who read them. What goes wrong with that does no harm, but changes are pulled
 * meanwhile, too. When it is cut short, a later run goes on with it. */
enum rc full_pack(struct run *r, struct err *e)
{
    struct full f = {0};
    struct txn *t = NULL;
    enum rc rc = RC_OK;
    bool more = r->unpacked;
    while (more && txn_write_large(r->sync->opt.store, &t, NULL) == RC_OK) {
        worker_beat(r->w);
        bool end = !events_pack(t, r->c.no), written = txn_commit(t, NULL) == RC_OK;
        CRASHPOINT("pack.stretch");
        if (end && written)
            log_info(r->about, "its events were put closer together");
        more = !end && written && http_pause(r->w->http, 0, NULL) == RC_OK;
        if (more)
            rc = pull_between(r, &f, e);
        more = more && rc == RC_OK;
    }
    return rc;
}

static bool resumes(const struct run *r, enum listing_reason reason)
{
    const struct listing *l = &r->c.listing;
    int64_t age = clock_wall_ms() - l->started_ms;
    if (l->reason == LISTING_AUDIT && r->job.verify & VERIFY_EVENTS)
        return false; /* asked for since: one that begins now answers both */
    return l->reason != LISTING_NONE && l->page_token[0] && age >= 0 && age < RESUME_MOST_MS &&
           r->ticket.fails < RESUMES_MOST &&
           (reason == l->reason ||
            (reason != LISTING_ASKED && reason != LISTING_AUDIT && reason != LISTING_DAMAGED));
}

enum rc full_run(struct run *r, enum listing_reason reason, struct err *e)
{
    bool resumed = resumes(r, reason);
    /* One that goes on stays what it was: whoever asked for it is told how it ended. */
    struct full f = {.reason = resumed ? r->c.listing.reason : reason, .begin = !resumed};
    bool last = false;
    enum rc rc = RC_OK;
    while (rc == RC_OK && !last) {
        rc = step(r, &f, &last, e);
        /* A dead page token is no dead calendar: once more from the first page. */
        if (rc == RC_STALE && !f.begin && f.restarts < RESTARTS_MOST) {
            verify_release(&f.verify);
            f = (struct full){.reason = f.reason, .begin = true, .restarts = f.restarts + 1};
            rc = RC_OK;
        }
        if (rc == RC_BADDATA && r->call.too_large && take_smaller_pages(r)) {
            verify_release(&f.verify);
            f = (struct full){
                .reason = f.reason, .begin = true, .restarts = f.restarts, .no_pulls = true};
            rc = RC_OK;
        }
        if (rc == RC_OK && !last && !f.begin)
            rc = pull_between(r, &f, e);
    }
    verify_release(&f.verify);
    if (rc == RC_OK) {
        prune(r);
        return RC_OK;
    }
    if (rc == RC_STALE || f.spoiled)
        abandon(r);
    if (rc == RC_STALE) /* without any token: nothing that a listing could repair */
        rc = RC_AGAIN;
    return err_prefix(e, rc, "listing, page %llu", (unsigned long long)r->c.listing.pages + 1);
}
