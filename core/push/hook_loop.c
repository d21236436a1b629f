/* hook_loop: the thread that tells hooks.
 *
 * DESIGN. A lane is one collection's changes on their way to one hook; its next change is looked up
 * in the log when it is its turn, so nothing is queued in memory, and what changed again meanwhile
 * is told as it is now. The place of a lane moves in a commit after the hook took the change, or
 * after the change was written down as a dead letter: who dies in between tells once more. A lane
 * that fails waits, and the next change of that collection behind it; other collections go on. When
 * a lane has failed for give_up, its change becomes a dead letter and the next one has a try: what
 * the hook chokes on does not keep the rest from it, and a hook that is gone gets one try for each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/base/text.h"
#include "core/push/hook.h"
#include "core/push/letters.h"
#include "core/push/may.h"
#include "core/push/verdict.h"
#include "core/queue/backoff.h"
#include "storage/accounts.h"
#include "storage/lineage.h"
#include "storage/push.h"

#define TURN_MOST_MS   1000
#define TURN_LEAST_MS  50    /* how often it is looked whether a calendar's other lane is done */
#define FLUSH_MS       10000 /* places that moved over what nobody wants are written down this often */
#define SAY_MS         HOUR_MS
#define UNSEEN_EXIT_MS 50 /* how often a program is looked at that cannot be waited for */

/* ---- what ended ------------------------------------------------------------------------------ */

static void keep_error(struct hook_lane *l, const char *text)
{
    free(l->error);
    l->error = text ? strdup(text) : NULL;
}

static void judge(struct hooks *h, struct hook_lane *l, bool ok, const char *error,
                  int64_t retry_after_ms)
{
    int64_t now_ms = clock_wall_ms();
    struct hook_result r = {.lane = l, .ok = ok, .retry_after_ms = retry_after_ms};

    keep_error(l, ok ? NULL : error);
    if (ok) {
        l->failed_ms = 0;
    } else if (!l->failed_ms || l->failed_ms > now_ms) { /* or the clock was set back */
        l->failed_ms = now_ms;
        l->moved = h->moved = true; /* a restart must not begin the time anew */
    }
    /* Of a hook that is gone nothing is kept; its lanes end when they are over. */
    r.dead = !ok && l->coll && l->hook->conf &&
             verdict_give_up(l->failed_ms, now_ms, l->hook->conf->give_up_ms);
    h->results[h->n_results++] = r;
}

static void judge_post(struct hooks *h, const struct http_outcome *o)
{
    char text[32];

    (void)snprintf(text, sizeof text, "HTTP %ld", o->status);
    judge(h, o->arg, verdict_of_hook(o->rc, o->status) == VERDICT_DONE,
          o->rc == RC_OK ? text : o->why.text, o->retry_after_ms);
}

static void look_at_programs(struct hooks *h)
{
    int64_t now_ms = clock_mono_ms();
    struct err e = {0};
    bool ok;

    for (struct hook *hook = h->all; hook; hook = hook->next) {
        if (hook->letters.command.pid && command_look(&hook->letters.command, now_ms, &ok, &e))
            judge(h, &hook->letters, ok, e.text, -1);
        for (struct hook_lane *l = hook->lanes; l && hook->group.running; l = l->next)
            if (l->command.pid && command_look(&l->command, now_ms, &ok, &e))
                judge(h, l, ok, e.text, -1);
    }
}

/* ---- writing it down ------------------------------------------------------------------------- */

/* At once, then for all that follow now and then: a receiver may be gone for good. */
static void say_given_up(const struct hook_lane *l)
{
    struct hook *hook = l->hook;

    hook->given_up++;
    if (!log_due(&hook->said_ms, SAY_MS))
        return;
    log_warning(NULL,
                "hook %s: changes given up: %" PRIu64 ", letters dropped: %" PRIu64
                "; the last one after %u attempts: %s",
                hook->name, hook->given_up, hook->dropped, l->lane.fails + 1,
                l->error ? l->error : "");
    hook->given_up = hook->dropped = 0;
}

static void write_mark(const struct hook_lane *l, const struct push_place *at, struct txn *t)
{
    struct push_mark mark = {.coll = l->coll, .place = *at, .failed_ms = l->failed_ms};

    if (!l->hook->conf) /* it is gone, and begins anew if it comes back */
        return;
    (void)text_copy(mark.hook, sizeof mark.hook, span_of(l->hook->name));
    if (l->gone)
        push_mark_delete(t, mark.coll, mark.hook);
    else
        push_mark_put(t, &mark);
}

static void write_result(const struct hook_result *r, struct txn *t)
{
    struct hook_lane *l = r->lane;

    if (!l->coll) {
        letters_settle(l, r->ok, t);
        return;
    }
    if (r->dead)
        letters_add(l, t);
    write_mark(l, r->ok || r->dead ? &l->sending : &l->at, t);
}

/* What was taken is not told again, written down or not; but what was given up stays the next to be
 * told until its letter is there. */
static void note_written(struct hook_result *r, bool written)
{
    struct hook_lane *l = r->lane;

    if (!l->coll)
        return;
    r->dead = r->dead && written;
    if (r->dead)
        say_given_up(l);
    if (r->ok || r->dead)
        l->at = l->sending;
    l->moved = !written;
}

/* With the lock held, so that nobody takes a hook's letters away at the same time. */
static void write_down(struct hooks *h, bool flush)
{
    static _Atomic int64_t said_ms;
    struct txn *t = NULL;
    struct err e = {0};

    if (h->n_results == 0 && !flush)
        return;
    enum rc rc = txn_write(h->ledger, &t, &e);

    for (struct hook *hook = h->all; hook && rc == RC_OK && flush; hook = hook->next)
        for (struct hook_lane *l = hook->lanes; l; l = l->next)
            if (l->moved)
                write_mark(l, &l->at, t);
    for (unsigned i = 0; i < h->n_results && rc == RC_OK; i++)
        write_result(&h->results[i], t);
    CRASHPOINT("push.hook.told");
    if (rc == RC_OK)
        rc = txn_commit(t, &e);
    CRASHPOINT("push.hook.noted");
    for (struct hook *hook = h->all; hook && rc == RC_OK && flush; hook = hook->next)
        for (struct hook_lane *l = hook->lanes; l; l = l->next)
            l->moved = false;
    for (unsigned i = 0; i < h->n_results; i++)
        note_written(&h->results[i], rc == RC_OK);
    h->moved = rc == RC_OK ? h->moved && !flush : true;
    if (rc == RC_OK)
        return;
    if (log_due(&said_ms, MINUTE_MS))
        log_err(NULL, "what hooks were told could not be written down: %s", e.text);
    if (txn_read(h->ledger, &t, NULL) == RC_OK) {
        letters_count(h, t); /* as they were */
        txn_abort(t);
    }
}

static void settle(struct hooks *h, const struct hook_result *r, int64_t now_ms)
{
    const struct conf_push *conf = &h->conf->push;
    struct hook_lane *l = r->lane;
    struct hook *hook = l->hook;
    int64_t wait_ms = 0;

    sched_done(&h->sched, &l->lane, r->ok ? LANE_OK : LANE_FAILED, now_ms);
    hook->delivered += r->ok;
    hook->attempts_failed += !r->ok;
    *(r->ok ? &hook->delivered_ms : &hook->failed_ms) = clock_wall_ms();
    if (!hook->conf)
        return;
    if (!r->ok && l->coll) /* a letter that failed stays, the next one has its try */
        wait_ms = r->dead
                      ? conf->backoff_min_ms
                      : queue_backoff_ms(l->lane.fails, conf->backoff_min_ms, conf->backoff_max_ms,
                                         r->retry_after_ms, (unsigned)rand_between(0, 0xffff));
    sched_set(&h->sched, &l->lane, now_ms + wait_ms);
}

/* ---- what is due ----------------------------------------------------------------------------- */

struct delivery {
    char type[16], account[LIMIT_NAME_BYTES + 1], id[96];
};

/* What is said of a calendar comes from two lanes: its own, and that of its account's list. Were
 * both told at once, a slow receiver might take "removed" in after what came later. */
static bool says_same(const struct hook_lane *a, const struct hook_lane *b, const char *name)
{
    struct span x = json_get(buf_span(&a->body), name), y = json_get(buf_span(&b->body), name);

    return x.n == y.n && x.n > 0 && memcmp(x.p, y.p, x.n) == 0;
}

static bool must_wait(const struct hook_lane *l)
{
    for (const struct hook_lane *other = l->hook->lanes; other; other = other->next)
        if (other != l && other->lane.running && says_same(l, other, "calendarId") &&
            says_same(l, other, "account"))
            return true;
    return false;
}

static enum rc find_letter(struct hooks *h, struct hook_lane *l, struct delivery *ret)
{
    enum rc rc = letters_next(h, l);

    if (rc)
        return rc;
    (void)json_string_copy(json_get(buf_span(&l->body), "type"), ret->type, sizeof ret->type);
    (void)json_string_copy(json_get(buf_span(&l->body), "account"), ret->account,
                           sizeof ret->account);
    (void)snprintf(ret->id, sizeof ret->id, "letter-%" PRIu64, l->letter);
    return RC_OK;
}

/* By the filters of now. RC_AGAIN: which calendar is the primary one cannot be told. */
static enum rc is_wanted(const struct hook *hook, struct txn *mirror, const struct collection *coll,
                         const struct account *a)
{
    const struct conf_hook *conf = hook->conf;
    bool named = conf->accounts.n == 0, primary;

    for (size_t i = 0; i < conf->accounts.n && !named; i++)
        named = strcmp(conf->accounts.v[i], a->name) == 0;
    if (!named)
        return RC_NOTFOUND;
    if (coll->kind == COLL_ROSTER || conf->calendars.n == 0 ||
        conf_list_matches(&conf->calendars, coll->calendar, false))
        return RC_OK;
    if (!conf_list_matches(&conf->calendars, coll->calendar, true))
        return RC_NOTFOUND;
    if (may_find_primary(mirror, a->no, coll->calendar, &primary) != RC_OK)
        return RC_AGAIN;
    return primary ? RC_OK : RC_NOTFOUND;
}

/* What is not wanted is not told later either, should the filters change. */
static void pass_over(struct hooks *h, struct hook_lane *l, struct txn *mirror, uint64_t version)
{
    if (l->error)
        keep_error(l, NULL);
    else if (version <= l->at.pos)
        return;
    l->failed_ms = 0;
    l->at = h->feed.now(mirror);
    l->moved = h->moved = true;
}

static enum rc find_change(struct hooks *h, struct hook_lane *l, struct txn *mirror,
                           struct delivery *ret)
{
    const struct conf_hook *conf = l->hook->conf;
    struct collection coll;
    struct account account;
    struct push_change change = {.at = l->at, .type = ""};
    enum rc rc = coll_get(mirror, l->coll, &coll);

    if (rc == RC_OK)
        rc = account_get(mirror, coll.account, &account);
    if (rc != RC_OK || coll.state != COLL_READY)
        return RC_NOTFOUND;
    rc = is_wanted(l->hook, mirror, &coll, &account);
    if (rc == RC_NOTFOUND)
        pass_over(h, l, mirror, coll.version);
    if (rc != RC_OK)
        return RC_NOTFOUND;
    const struct push_wish wish = {.account = account.name,
                                   .with_event = conf->include_event,
                                   .types = &conf->types,
                                   .calendars = &conf->calendars};

    rc = h->feed.next(mirror, &coll, &l->at, &wish, &l->body, &change);
    l->sending = change.at;
    if (rc != RC_OK) {
        l->moved = l->moved || memcmp(&l->at, &change.at, sizeof l->at) != 0;
        h->moved = h->moved || l->moved;
        l->at = change.at;
        return rc;
    }
    (void)text_copy(ret->type, sizeof ret->type, span_of(change.type));
    (void)text_copy(ret->account, sizeof ret->account, span_of(account.name));
    (void)snprintf(ret->id, sizeof ret->id, "%s-%" PRIu32 "-%" PRIu64 "-%" PRIu64,
                   lineage_at(store_lineage(h->mirror), change.pos), l->coll, change.pos,
                   change.sub);
    return RC_OK;
}

/* The lane is marked as running. */
static void begin(struct hooks *h, struct hook_lane *l, struct txn *mirror, int64_t now_ms)
{
    struct delivery d = {0};
    struct err e = {0};
    enum rc rc = RC_NOTFOUND;

    buf_release(&l->body); /* what has nothing to tell needs none */
    if (l->hook->conf)
        rc = l->coll ? find_change(h, l, mirror, &d) : find_letter(h, l, &d);
    if (rc != RC_OK) {
        sched_done(&h->sched, &l->lane, LANE_NOTHING, now_ms);
        if (rc != RC_NOTFOUND)
            sched_set(&h->sched, &l->lane, rc == RC_AGAIN ? now_ms : now_ms + TURN_MOST_MS);
        return;
    }
    if (l->coll && l->hook->group.running > 1 && must_wait(l)) {
        sched_done(&h->sched, &l->lane, LANE_NOTHING, now_ms);
        sched_set(&h->sched, &l->lane, now_ms + TURN_LEAST_MS);
        return;
    }
    if (hook_send(h, l, d.type, d.account, d.id, &e) != RC_OK)
        judge(h, l, false, e.text, -1);
}

static void begin_due(struct hooks *h, struct txn *mirror, int64_t now_ms)
{
    struct lane *l;

    /* As many looks as places: a lane that has much to pass over comes again in the next turn. */
    for (unsigned i = 0; i < HOOK_RUNNING_MOST && h->n_results < HOOK_RUNNING_MOST &&
                         (l = sched_take(&h->sched, now_ms)) != NULL;
         i++)
        begin(h, (struct hook_lane *)l, mirror, now_ms);
}

/* ---- what was written ------------------------------------------------------------------------ */

struct news {
    struct hooks *h;
    struct txn *mirror, *ledger;
    int64_t now_ms;
};

static bool hear(void *arg, enum rc rc, const struct collection *coll)
{
    struct news *n = arg;

    if (rc != RC_OK || coll->state != COLL_READY ||
        (coll->kind != COLL_EVENTS && coll->kind != COLL_ROSTER))
        return true;
    for (struct hook *hook = n->h->all; hook; hook = hook->next) {
        if (!hook->conf)
            continue;
        struct hook_lane *l = hook_lane_of(hook, coll->no, n->ledger);

        if (!l->lane.running && !sched_is_set(&l->lane))
            sched_set(&n->h->sched, &l->lane, n->now_ms);
    }
    return true;
}

/* False: they are still to be taken. */
static bool take_news(struct hooks *h, struct txn *mirror, const struct hub_news *news, bool all,
                      int64_t now_ms)
{
    struct news n = {.h = h, .mirror = mirror, .now_ms = now_ms};
    struct collection coll;

    if (!h->all || (!all && !news->n))
        return true;
    if (txn_read(h->ledger, &n.ledger, NULL) != RC_OK)
        return false;
    if (all)
        colls_each(mirror, hear, &n);
    for (size_t i = 0; i < news->n; i++) {
        enum rc rc = coll_get(mirror, news->colls[i], &coll);

        if (rc == RC_NOTFOUND)
            hooks_forget(h, news->colls[i], n.ledger);
        else if (!all)
            (void)hear(&n, rc, &coll);
    }
    txn_abort(n.ledger);
    return true;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void turn(struct hooks *h)
{
    struct hub_news news = {0};
    struct http_outcome o;
    struct txn *mirror = NULL;

    pthread_mutex_lock(&h->lock);
    while (h->n_results < HOOK_RUNNING_MOST && http_pool_next(h->pool, &o))
        judge_post(h, &o);
    look_at_programs(h);
    int64_t now_ms = clock_mono_ms();
    bool flush = now_ms - h->flushed_ms >= FLUSH_MS;

    if (flush)
        h->flushed_ms = now_ms;
    write_down(h, flush && h->moved);
    for (unsigned i = 0; i < h->n_results; i++)
        settle(h, &h->results[i], now_ms);
    if (h->n_results || flush)
        hooks_sweep(h);
    h->n_results = 0;
    bool all = hooks_take_reload(h, flush) || h->news_lost;

    h->news_lost = true;
    hub_take(h->mirror, &h->listener, &news);
    if (txn_read(h->mirror, &mirror, NULL) == RC_OK) {
        h->news_lost = !take_news(h, mirror, &news, news.all || all, now_ms);
        begin_due(h, mirror, now_ms);
        txn_abort(mirror);
    }
    pthread_mutex_unlock(&h->lock);
    free(news.colls);
}

/* The descriptors of programs that run, and how long to wait at most. */
static unsigned gather(struct hooks *h, struct pollfd *fds, int64_t *wait_ms)
{
    unsigned n = 0;

    for (struct hook *hook = h->all; hook; hook = hook->next) {
        struct hook_lane *l = hook->group.running ? hook->lanes : NULL;

        for (l = hook->letters.command.pid ? &hook->letters : l;
             l && n + 2 <= 2 * HOOK_RUNNING_MOST; l = l == &hook->letters ? hook->lanes : l->next) {
            if (!l->command.pid)
                continue;
            if (l->command.exit_fd)
                fds[n++] = (struct pollfd){.fd = l->command.exit_fd, .events = POLLIN};
            else if (*wait_ms > UNSEEN_EXIT_MS)
                *wait_ms = UNSEEN_EXIT_MS;
            if (l->command.output_fd)
                fds[n++] = (struct pollfd){.fd = l->command.output_fd, .events = POLLIN};
            int64_t left_ms = l->command.deadline_ms - clock_mono_ms();

            if (left_ms < *wait_ms)
                *wait_ms = left_ms > 0 ? left_ms : 0;
        }
    }
    return n;
}

static void wait_for_something(struct hooks *h)
{
    struct pollfd fds[2 * HOOK_RUNNING_MOST];
    struct err e = {0};

    pthread_mutex_lock(&h->lock);
    int64_t next_ms = sched_next_ms(&h->sched), now_ms = clock_mono_ms();
    int64_t wait_ms = next_ms <= now_ms || h->n_results ? 0
                      : next_ms - now_ms < TURN_MOST_MS ? next_ms - now_ms
                                                        : TURN_MOST_MS;
    unsigned n = gather(h, fds, &wait_ms);

    pthread_mutex_unlock(&h->lock);
    if (http_pool_wait(h->pool, fds, n, wait_ms, &e) != RC_OK)
        log_err(NULL, "telling hooks: %s", e.text);
}

static void *run(void *arg)
{
    struct hooks *h = arg;

    while (!atomic_load(&h->stopping)) {
        atomic_store(&h->heartbeat_ms, clock_awake_ms());
        wait_for_something(h);
        turn(h);
    }
    return NULL;
}

static void wake(void *arg)
{
    struct hooks *h = arg;

    http_pool_wake(h->pool);
}

enum rc hooks_start(struct hooks *h, struct err *e)
{
    h->pool = http_pool_new(NULL, NULL);
    h->results = calloc(2 * HOOK_RUNNING_MOST, sizeof *h->results);
    if (!h->pool || !h->results) {
        hooks_stop(h);
        return err_set(e, RC_SYS, "telling hooks: out of memory");
    }
    h->listener = (struct hub_listener){.wake = wake, .arg = h};
    hub_join(h->mirror, &h->listener);
    atomic_store(&h->heartbeat_ms, clock_awake_ms());
    int error = pthread_create(&h->thread, NULL, run, h);

    if (error) {
        hooks_stop(h);
        return err_set(e, RC_SYS, "telling hooks: %s", strerror(error));
    }
    (void)pthread_setname_np(h->thread, "hooks");
    h->running = true;
    return RC_OK;
}

void hooks_stop(struct hooks *h)
{
    if (h->running) {
        atomic_store(&h->stopping, true);
        http_pool_wake(h->pool);
        pthread_join(h->thread, NULL);
        h->running = false;
    }
    if (h->listener.wake)
        hub_leave(h->mirror, &h->listener);
    h->listener.wake = NULL;
    if (h->n_results || h->moved)
        write_down(h, true);
    h->n_results = 0;
    for (struct hook *hook = h->all; hook; hook = hook->next) {
        command_kill(&hook->letters.command);
        for (struct hook_lane *l = hook->lanes; l; l = l->next) {
            command_kill(&l->command);
            if (l->lane.running)
                sched_done(&h->sched, &l->lane, LANE_NOTHING, clock_mono_ms());
        }
        if (hook->letters.lane.running)
            sched_done(&h->sched, &hook->letters.lane, LANE_NOTHING, clock_mono_ms());
    }
    http_pool_free(h->pool);
    h->pool = NULL;
    free(h->results);
    h->results = NULL;
    atomic_store(&h->stopping, false);
}
