/* plan: what to do now with one collection, and when to look again. Pure: no clock, no I/O, no
 * state.
 *
 * DESIGN. Wall-clock times from the store are compared with `now`, and that clock may jump. So a
 * time in the future that should lie in the past counts as "due", and no delay is ever longer than
 * the poll interval: a wrong clock costs at most some calls too many, or one interval. */
#include "core/sync/plan.h"

#include <string.h>

#include "core/base/clock.h"

#define WATCH_RETRY_MS      (5 * MINUTE_MS)  /* after a watch call that failed for now */
#define WATCH_REFUSED_MS    DAY_MS           /* after "not supported for this resource" */
#define WATCH_UNVERIFIED_MS (6 * HOUR_MS)    /* no `sync`, no ping: try another channel */
#define HANDOVER_MS         (10 * MINUTE_MS) /* an old channel beside an unverified new one */
#define DEGRADED_MS         (10 * MINUTE_MS) /* no younger channel is blamed for not delivering */
#define ANNOUNCE_MS         (5 * MINUTE_MS)  /* pings may be this late without blame */
#define SOON_MS             1000             /* shortest delay */

/* Slow kinds change rarely and little depends on them: in units of the roster interval. */
#define SLOW_WATCHED 6
#define COLORS_EVERY 24

/* When the k-th listing after a dead token may run, from the first of the window. At most four a
 * day; two tokens may die before anybody has to wait, as happens when access rights are edited. */
static const int64_t stale_offsets[] = {0, 0, HOUR_MS, 12 * HOUR_MS};
#define STALE_MOST      (sizeof(stale_offsets) / sizeof(stale_offsets[0]))
#define STALE_WINDOW_MS DAY_MS

/* What is listed in full in place of every increment is so this often. */
#define TOKENLESS_POLLS 2

/* Where Google shows instances instead of series, an increment does not name all that go with a
 * series (seen with singleEvents=true, which it stands for: the guide on recurring events). */
#define PARTIAL_MS HOUR_MS

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Has `ms` gone by since `since`? Also when `since` lies in the future. */
static bool elapsed(int64_t since, int64_t ms, int64_t now)
{
    return now - since >= ms || now < since;
}

int64_t plan_grace_ms(const struct plan_rules *r)
{
    return min64(ANNOUNCE_MS, r->poll_ms / 3);
}

void plan_count_stale(struct collection *c, int64_t now_ms)
{
    if (elapsed(c->stale_since_ms, STALE_WINDOW_MS, now_ms)) {
        /* The listing that ended a window of a calendar that is listed slowly is the first of the
         * next. */
        bool slow = c->stale_count > STALE_MOST && !elapsed(c->full_ms, STALE_WINDOW_MS, now_ms);
        c->stale_since_ms = slow ? c->full_ms : now_ms;
        c->stale_count = slow;
    }
    c->stale_count++;
}

bool plan_is_tokenless(const struct collection *c)
{
    return c->state == COLL_READY && !c->sync_token[0] && c->stale_count == 0;
}

/* When a listing that takes the place of a dead token, or of none, may run. */
static int64_t stale_list_ms(const struct plan_rules *r, const struct collection *c)
{
    if (c->stale_count == 0)
        return plan_is_tokenless(c) ? c->full_ms + TOKENLESS_POLLS * r->poll_ms : 0;
    if (c->stale_count > STALE_MOST)
        return c->stale_since_ms + STALE_WINDOW_MS;
    return c->stale_since_ms + stale_offsets[c->stale_count - 1];
}

static bool fits(const struct plan_rules *r, const struct channel *ch)
{
    return memcmp(ch->id, r->tag, PLAN_TAG) == 0;
}

static bool works(const struct plan_rules *r, const struct channel *ch, int64_t now)
{
    return ch->state >= CHANNEL_UNVERIFIED && ch->state <= CHANNEL_DEGRADED &&
           ch->expires_ms > now && fits(r, ch);
}

/* The newest channel that was granted and lives, or NULL. */
static const struct channel *current(const struct plan_rules *r, const struct plan_view *v)
{
    const struct channel *best = NULL;
    for (size_t i = 0; i < v->n_channels; i++) {
        const struct channel *ch = &v->channels[i];
        if (works(r, ch, v->now_ms) && (!best || ch->created_ms > best->created_ms))
            best = ch;
    }
    return best;
}

static bool watches(const struct plan_rules *r, const struct collection *c)
{
    /* Google cannot watch colours. */
    return r->watch && c->kind != COLL_COLORS && c->state != COLL_GONE;
}

/* No run is under way, so a channel without an answer is of one that was cut short. */
static bool unanswered(const struct channel *ch)
{
    return ch->state == CHANNEL_OPENING || ch->expires_ms == 0;
}

/* One channel was cut short since others were last cleared away: that was the end of the process,
 * not Google. Its successor need not wait; after two, something ends the process here again and
 * again. */
static bool cut_short_once(const struct plan_view *v)
{
    unsigned n = 0;
    for (size_t i = 0; i < v->n_channels; i++)
        n += unanswered(&v->channels[i]) && v->channels[i].state < CHANNEL_STOPPING;
    return n == 1;
}

/* When another watch call may be made; 0 = at any time. */
static int64_t open_from_ms(const struct plan_view *v)
{
    const struct collection *c = v->c;
    if (c->watch == WATCH_REFUSED)
        return c->watch_tried_ms + WATCH_REFUSED_MS;
    return c->watch_error[0] && !cut_short_once(v) ? c->watch_tried_ms + WATCH_RETRY_MS : 0;
}

/* When the current channel needs a successor; 0 = now. */
static int64_t replace_from_ms(const struct plan_rules *r, const struct channel *ch)
{
    if (!ch)
        return 0;
    int64_t from = ch->renew_ms;
    if (ch->state == CHANNEL_DEGRADED)
        from = min64(from, ch->created_ms + min64(DEGRADED_MS, r->poll_ms));
    if (ch->state == CHANNEL_UNVERIFIED)
        from = min64(from, ch->created_ms + WATCH_UNVERIFIED_MS);
    return from;
}

static int64_t handover_ms(const struct plan_rules *r)
{
    return min64(HANDOVER_MS, r->overlap_ms / 2);
}

static enum plan_fate fate(const struct plan_rules *r, const struct plan_view *v,
                           const struct channel *ch, const struct channel *cur)
{
    if (ch->state == CHANNEL_STOPPED)
        return FATE_DELETE;
    if (unanswered(ch) ||
        ch->expires_ms <= v->now_ms) /* without a resource id it cannot be stopped */
        return ch->resource_id[0] && unanswered(ch) ? FATE_STOP : FATE_DELETE;
    if (ch->state == CHANNEL_STOPPING || !watches(r, v->c))
        return FATE_STOP;
    if (ch == cur || !cur)
        return FATE_KEEP;
    if (cur->state == CHANNEL_LIVE)
        return FATE_STOP;
    /* The successor is not proved: one that works stays to its end, others for a while. */
    if (ch->state == CHANNEL_LIVE)
        return FATE_KEEP;
    return elapsed(cur->created_ms, handover_ms(r), v->now_ms) ? FATE_STOP : FATE_KEEP;
}

/* Spreads what would be due for all at once over the last seventh of its interval. */
static int64_t spread(uint32_t no, int64_t interval)
{
    return interval - interval / 7 * (int64_t)((no * 2654435761u) >> 16) / 65535;
}

static int64_t verify_interval(const struct plan_rules *r, const struct collection *c)
{
    /* Renames of what the list merely shows are in no increment of it: each scheduled
     * look at it is a full one. The tenth is the jitter of the schedule. */
    if (c->kind == COLL_ROSTER)
        return r->roster_ms - r->roster_ms / 10;
    return spread(c->no, r->verify_ms);
}

static enum listing_reason list_reason(const struct plan_rules *r, const struct plan_view *v)
{
    const struct collection *c = v->c;
    if (c->state == COLL_NEW)
        return LISTING_FIRST;
    if (v->job->resync)
        return LISTING_ASKED;
    if (v->damaged)
        return LISTING_DAMAGED;
    if (c->listing.reason != LISTING_NONE)
        return c->listing.reason;
    if (c->kind == COLL_EVENTS && job_owes_verify(v->job, VERIFY_EVENTS))
        return LISTING_AUDIT;
    if (c->kind == COLL_COLORS)
        return LISTING_NONE;
    if (!c->sync_token[0]) {
        bool tokenless = plan_is_tokenless(c);
        int64_t since_ms = tokenless ? c->full_ms : c->stale_since_ms;
        if (v->now_ms < stale_list_ms(r, c) && v->now_ms >= since_ms)
            return LISTING_NONE;
        return tokenless ? LISTING_PARTIAL : LISTING_STALE;
    }
    if (v->busy_only && c->changed_ms > c->full_ms && elapsed(c->full_ms, PARTIAL_MS, v->now_ms))
        return LISTING_PARTIAL;
    return elapsed(c->full_ms, verify_interval(r, c), v->now_ms) ? LISTING_VERIFY : LISTING_NONE;
}

struct plan plan_now(const struct plan_rules *r, const struct plan_view *v)
{
    struct plan plan = {0};
    const struct channel *cur = current(r, v);
    bool gone = v->c->state == COLL_GONE;
    for (size_t i = 0; i < v->n_channels; i++) {
        const struct channel *ch = &v->channels[i];
        plan.fate[i] = gone && ch->resource_id[0] && ch->expires_ms > v->now_ms ? FATE_STOP
                       : gone                                                   ? FATE_DELETE
                              : fate(r, v, ch, cur);
        plan.healthy |= ch->state == CHANNEL_LIVE && works(r, ch, v->now_ms);
    }
    if (gone)
        return plan;
    plan.list = list_reason(r, v);
    plan.pull = v->c->kind == COLL_COLORS || v->c->sync_token[0];
    plan.open = watches(r, v->c) && v->now_ms >= replace_from_ms(r, cur) &&
                (v->now_ms >= open_from_ms(v) || v->now_ms < v->c->watch_tried_ms);
    return plan;
}

static int64_t interval(const struct plan_rules *r, const struct plan_view *v, bool healthy)
{
    switch (v->c->kind) {
    case COLL_ROSTER:
        return healthy ? r->roster_ms : min64(r->roster_ms, r->poll_unhealthy_ms);
    case COLL_SETTINGS:
    case COLL_ACL:
        return healthy ? SLOW_WATCHED * r->roster_ms : r->roster_ms;
    case COLL_COLORS:
        return COLORS_EVERY * r->roster_ms;
    case COLL_EVENTS:
        break;
    }
    return healthy ? r->poll_ms : r->poll_unhealthy_ms;
}

/* The sooner of the two; `at` counts only when it lies ahead. */
static int64_t sooner(int64_t delay, int64_t at, int64_t now)
{
    return at > now && at - now < delay ? at - now : delay;
}

int64_t plan_delay_ms(const struct plan_rules *r, const struct plan_view *v, unsigned random)
{
    struct plan plan = plan_now(r, v);
    int64_t now = v->now_ms, base = interval(r, v, plan.healthy);
    if (plan.list == LISTING_AUDIT) /* somebody waits for it, and another listing came first */
        return SOON_MS;
    /* Later, never sooner: the interval is a promise about load as much as about age. */
    int64_t delay = base + base / 10 * (int64_t)(random & 0xffff) / 0xffff;
    if (!v->c->sync_token[0] && v->c->kind != COLL_COLORS)
        delay = sooner(delay, stale_list_ms(r, v->c), now);
    if (watches(r, v->c)) {
        const struct channel *cur = current(r, v);
        int64_t open = replace_from_ms(r, cur);
        delay = sooner(delay, open > open_from_ms(v) ? open : open_from_ms(v), now);
        if (cur && v->n_channels > 1)
            delay = sooner(delay, cur->created_ms + handover_ms(r), now);
    }
    return delay > SOON_MS ? delay : SOON_MS;
}

int64_t plan_renew_ms(const struct plan_rules *r, int64_t now_ms, int64_t expires_ms,
                      unsigned random)
{
    int64_t life = expires_ms - now_ms;
    if (life <= 0)
        return now_ms;
    int64_t overlap = min64(r->overlap_ms, life / 3);
    int64_t jitter = life / 20 * (int64_t)(random & 0xffff) / 0xffff;
    return expires_ms - overlap - jitter;
}
