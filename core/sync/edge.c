/* edge: what becomes of a run: its failure is logged once, noted once, and answered with the right
 * wait. */
#include "core/sync/steps.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/queue/backoff.h"
#include "core/sync/settings.h"

#define PROBE_MS      (15 * 60 * 1000LL) /* a parked account is tried again this often */
#define LOOK_MS       (60 * 1000LL)      /* and its credential file looked at this often */
#define REFUSED_MS    DAY_MS             /* what was refused for good is asked again after a day */
#define CONFIRM_EVERY 8 /* of the failures with "not found": ask the calendar list again */

static unsigned random16(void)
{
    return (unsigned)rand_between(0, 65535);
}

bool edge_parked(struct run *r, struct queue_result *ret)
{
    struct seat *seat = r->seat;
    int64_t left = atomic_load(&seat->probe_ms) - clock_mono_ms();
    if (seat->auth && left <= 0)
        return false;
    *ret = (struct queue_result){.delay_ms = LOOK_MS};
    if (seat_fits(seat, &seat->conf)) {
        queue_hold(r->sync->opt.queue, seat->account,
                   seat->auth && left < LOOK_MS ? left : LOOK_MS);
        return true;
    }
    log_notice(r->about,
               "account %s: its credential file changed, or could not be read: trying again",
               seat->conf.name);
    settings_refresh(r->sync, seat->account);
    ret->delay_ms = 0;
    return true;
}

static void park(struct run *r, const struct err *e)
{
    enum account_state state = r->call.blame ? r->call.blame : ACCOUNT_NEEDS_LOGIN;
    atomic_store(&r->seat->probe_ms, clock_mono_ms() + PROBE_MS);
    queue_hold(r->sync->opt.queue, r->ticket.account, LOOK_MS);
    account_trouble(r->sync, r->seat, state, r->call.why.text[0] ? r->call.why.text : e->text);
}

static bool is_quota(const struct google_call *call)
{
    return call->status == 429 || strstr(call->reason, "LimitExceeded") ||
           strcmp(call->reason, "quotaExceeded") == 0;
}

/* The same failure as before, as far as it was kept. */
static bool is_known(const struct run *r, const struct err *e)
{
    return strncmp(r->c.last_error, e->text, sizeof(r->c.last_error) - 1) == 0;
}

/* Writes the failure down when it is another one than before: no write per retry. */
static void note(struct run *r, enum rc rc, const struct err *e, int64_t delay_ms)
{
    /* "Not found" is confirmed by the calendar list: only that retires a calendar. */
    bool confirm =
        rc == RC_NOTFOUND && r->c.kind == COLL_EVENTS && r->ticket.fails % CONFIRM_EVERY == 0;
    if ((is_known(r, e) && !confirm) || rc == RC_FULL || rc == RC_SYS)
        return;
    struct txn *t = NULL;
    if (run_begin(r, &t, NULL) != RC_OK)
        return;
    uint32_t roster = 0;
    bool tell = confirm && roster_owe(t, r->c.account, &roster);
    if (rc == RC_NOTFOUND && r->c.state == COLL_NEW)
        r->c.watch = WATCH_UNTRIED; /* the calendar was refused, not the watching of it */
    r->c.fails = r->ticket.fails + 1;
    r->c.failed_ms = clock_wall_ms();
    snprintf(r->c.last_error, sizeof(r->c.last_error), "%.*s", (int)sizeof(r->c.last_error) - 1,
             e->text);
    r->delay_ms = delay_ms;
    if (run_commit(r, t, NULL) == RC_OK && tell)
        roster_announce_owed(r, roster);
}

static int64_t wait_after(struct run *r, enum rc rc)
{
    const struct settings *set = r->set;
    bool optional = r->c.kind == COLL_ACL || r->c.kind == COLL_SETTINGS;
    if (optional && (rc == RC_NOTFOUND || rc == RC_INVALID)) {
        if (r->c.kind == COLL_ACL && r->call.status == 403 &&
            strcmp(r->call.reason, "insufficientPermissions") == 0)
            atomic_store(&r->seat->acl_from_ms, clock_mono_ms() + REFUSED_MS);
        return REFUSED_MS;
    }
    if (rc == RC_NOTFOUND || rc == RC_INVALID)
        return queue_backoff_ms(1, set->backoff_max_ms, set->backoff_max_ms, -1, random16());
    int64_t delay = queue_backoff_ms(r->ticket.fails + 1, set->backoff_min_ms, set->backoff_max_ms,
                                     rc == RC_AGAIN ? r->call.retry_after_ms : -1, random16());
    if (rc == RC_AGAIN && is_quota(&r->call))
        queue_hold(r->sync->opt.queue, r->ticket.account, delay);
    return delay;
}

static void succeeded(struct run *r)
{
    if (!r->seat || r->account.state == ACCOUNT_OK || r->call.requests == 0)
        return;
    atomic_store(&r->seat->probe_ms, 0);
    account_works(r->sync, r->seat);
}

struct queue_result edge_refused(struct run *r)
{
    int64_t left = atomic_load(&r->seat->acl_from_ms) - clock_mono_ms();
    struct queue_result result = {.delay_ms = left > 0 ? left : 0};
    struct err e = {0};
    (void)err_set(&e, RC_NOTFOUND, "not asked for: " COLL_NO_SCOPE ", as another calendar showed");
    if (!coll_lacks_scope(&r->c))
        note(r, RC_NOTFOUND, &e, result.delay_ms);
    return result;
}

struct queue_result edge_result(struct run *r, enum rc rc, const struct err *e)
{
    struct queue_result result = {.covered = r->covered, .delay_ms = r->delay_ms};
    if (rc == RC_OK) {
        succeeded(r);
        return result;
    }
    if (rc == RC_CANCELED)
        return (struct queue_result){.covered = r->covered};
    if (r->gave_way && rc == RC_AGAIN && atomic_load(&r->seat->tries) == 0) {
        log_debug(r->about, "%s", e->text);
        result.delay_ms =
            queue_backoff_ms(1, r->set->backoff_min_ms, r->set->backoff_max_ms, -1, random16());
        return result;
    }
    if (rc == RC_AUTH && r->seat) {
        park(r, e);
        result.delay_ms = LOOK_MS;
        return result;
    }
    if (r->call.blame && r->seat) /* passing: tried again like any other failure */
        account_trouble(r->sync, r->seat, r->call.blame, r->call.why.text);
    bool news = r->ticket.fails == 0 || !is_known(r, e);
    log_write(!news                           ? LOG_DEBUG
              : rc == RC_SYS || rc == RC_FULL ? LOG_ERR
                                              : LOG_WARNING,
              r->about, "%s (%s, attempt %u)", e->text, rc_name(rc), r->ticket.fails + 1);
    result.failed = true;
    result.delay_ms = wait_after(r, rc);
    note(r, rc, e, result.delay_ms);
    return result;
}
