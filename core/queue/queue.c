/* queue: what is due when, one run at a time per collection, nothing lost and nothing doubled.
 *
 * DESIGN
 * - One entry per collection, in a hash table; one lane per account, which holds its idle entries
 * in a heap. An entry is in its lane's heap exactly while no worker has it.
 * - Pings are serials. pinged >= taken >= pulled: issued, seen by the latest run, covered by a
 * complete pull. `pinged > taken` is the whole of coalescing: a ping that no run has taken yet
 * makes further ones free, one that comes during a run makes exactly one further run. `durable`
 * follows behind: up to there the mark is on disk. A run need not wait for it, only the answer to
 * the ping.
 * - A ping's run begins settle_ms after it, since changes come in bursts; the line of those that
 * settle is in order of time.
 * - A collection whose pings never end (somebody edits in a loop, or replays what he overheard)
 * gets PACE_BURST runs at once and then one each PACE_MS: its pings are late then, never dropped,
 * and the account's quota is left to the others.
 * - Reasons that come in during a run go to `later` and make the entry due at once when it ends;
 * those that the run was given and did not fulfil stay in `owed` and wait for its next due time.
 * - A ping sorts HEADSTART_MS before what became due at the same time, so a change is not kept
 * waiting by a thousand polls or first listings of the same account; a poll that is late by more
 * wins again.
 * - Between lanes the one served longest ago goes first. Picking one walks all lanes: accounts are
 * few (hundreds) next to the cost of a run (milliseconds).
 * - A thread that waits looks again each second: the clock may have been shifted, the machine may
 * have slept. */
#include "core/queue/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/must.h"
#include "core/queue/internal.h"
#include "core/queue/load.h"

#define HEADSTART_MS    (10 * 60 * 1000LL)
#define LOOK_AGAIN_MS   1000
#define PACE_MS         500
#define PACE_BURST      40
#define RESTORE_MOST_MS DAY_MS /* a due time further off is a clock's mistake: look today */

struct queue *queue_new(void)
{
    struct queue *q = must(calloc(1, sizeof(*q)));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->change, &attr);
    pthread_condattr_destroy(&attr);
    q->workers = 1;
    q->settling_end = &q->settling;
    q->n_buckets = 256;
    q->buckets = must(calloc(q->n_buckets, sizeof(struct entry *)));
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->n_buckets; i++) {
        for (struct entry *e = q->buckets[i], *next; e; e = next) {
            next = e->next;
            free(e);
        }
    }
    for (size_t i = 0; i < q->n_lanes; i++) {
        heap_release(&q->lanes[i]->idle);
        free(q->lanes[i]);
    }
    free(q->lanes);
    free(q->buckets);
    pthread_cond_destroy(&q->change);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

void queue_set_workers(struct queue *q, unsigned n)
{
    pthread_mutex_lock(&q->lock);
    q->workers = n ? n : 1;
    pthread_mutex_unlock(&q->lock);
}

void queue_set_settle(struct queue *q, int64_t ms)
{
    pthread_mutex_lock(&q->lock);
    q->settle_ms = ms;
    pthread_mutex_unlock(&q->lock);
}

static void grow(struct queue *q)
{
    size_t n = q->n_buckets * 2;
    struct entry **buckets = must(calloc(n, sizeof(struct entry *)));
    for (size_t i = 0; i < q->n_buckets; i++) {
        for (struct entry *e = q->buckets[i], *next; e; e = next) {
            next = e->next;
            e->next = buckets[e->coll & (n - 1)];
            buckets[e->coll & (n - 1)] = e;
        }
    }
    free(q->buckets);
    q->buckets = buckets;
    q->n_buckets = n;
}

static struct lane *lane_of(struct queue *q, uint32_t account)
{
    for (size_t i = 0; i < q->n_lanes; i++) {
        if (q->lanes[i]->account == account)
            return q->lanes[i];
    }
    q->lanes = must(realloc(q->lanes, (q->n_lanes + 1) * sizeof(struct lane *)));
    struct lane *lane = must(calloc(1, sizeof(*lane)));
    lane->account = account;
    q->lanes[q->n_lanes++] = lane;
    return lane;
}

static struct entry *entry_of(struct queue *q, uint32_t coll, uint32_t account)
{
    struct entry *e = *entry_link(q, coll);
    if (e)
        return e;
    if (q->n_entries >= q->n_buckets)
        grow(q);
    e = must(calloc(1, sizeof(*e)));
    e->coll = coll;
    e->lane = lane_of(q, account);
    e->due_ms = clock_mono_ms();
    *entry_link(q, coll) = e;
    q->n_entries++;
    return e;
}

static bool owes_ping(const struct entry *e)
{
    return e->pinged > e->pulled;
}

static void unsettle(struct queue *q, struct entry *e)
{
    if (!e->before)
        return;
    *e->before = e->after;
    *(e->after ? &e->after->before : &q->settling_end) = e->before;
    e->after = NULL;
    e->before = NULL;
}

/* Puts an idle entry where its due time, its pings and its hold say. `now`: something asked for it.
 */
static void place(struct queue *q, struct entry *e, bool at_once, int64_t now)
{
    if (e->running)
        return;
    int64_t key = at_once && e->due_ms > now ? now : e->due_ms;
    if (at_once && owes_ping(e)) {
        unsettle(q, e);
        key = now - HEADSTART_MS;
    }
    if (key < e->hold_ms)
        key = e->hold_ms;
    /* Never later than it already stood, unless that was before a hold. */
    if (e->node.pos && e->node.key < key && e->node.key >= e->hold_ms)
        key = e->node.key;
    heap_set(&e->lane->idle, &e->node, key);
    pthread_cond_signal(&q->change);
}

/* A ping is owed to an idle entry: it runs when that has settled. */
static void place_ping(struct queue *q, struct entry *e, int64_t now)
{
    if (e->ready_ms > now + q->settle_ms && e->ready_ms <= now + q->settle_ms + PACE_MS) {
        e->due_ms = e->ready_ms < e->due_ms ? e->ready_ms : e->due_ms; /* in turn, like a poll */
        place(q, e, false, now);
    } else if (e->ready_ms <= now || e->ready_ms > now + q->settle_ms) {
        place(q, e, true, now);
    } else if (!e->before) {
        e->before = q->settling_end;
        *q->settling_end = e;
        q->settling_end = &e->after;
        pthread_cond_signal(&q->change);
    }
}

void queue_add(struct queue *q, uint32_t coll, uint32_t account, unsigned reasons)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = entry_of(q, coll, account);
    e->dropped = false;
    if (e->running) {
        e->later |= reasons;
    } else {
        e->owed |= reasons & ~(unsigned)(QUEUE_PING | QUEUE_SCHEDULE);
        place(q, e, true, clock_mono_ms());
    }
    pthread_mutex_unlock(&q->lock);
}

static void poke(struct queue *q, struct entry *e)
{
    if (e->running)
        e->later |= QUEUE_SCHEDULE;
    else
        place(q, e, true, clock_mono_ms());
}

void queue_poke(struct queue *q, uint32_t coll)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, coll);
    if (e)
        poke(q, e);
    pthread_mutex_unlock(&q->lock);
}

void queue_poke_all(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < q->n_buckets; i++) {
        for (struct entry *e = q->buckets[i]; e; e = e->next)
            poke(q, e);
    }
    pthread_mutex_unlock(&q->lock);
}

void queue_restore(struct queue *q, uint32_t account, const struct queue_owed *owed)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = entry_of(q, owed->coll, account);
    int64_t now = clock_mono_ms();
    int64_t delay = owed->delay_ms < RESTORE_MOST_MS ? owed->delay_ms : RESTORE_MOST_MS;
    e->due_ms = now + (delay > 0 ? delay : 0);
    e->pinged = e->durable = owed->pinged > owed->pulled ? owed->pinged : owed->pulled;
    e->taken = e->pulled = owed->pulled;
    e->pinged_ms = owes_ping(e) ? owed->ping_ms : 0;
    e->owed |= owed->reasons;
    place(q, e, e->owed || owes_ping(e), now);
    pthread_mutex_unlock(&q->lock);
}

static void unlink_entry(struct queue *q, struct entry *e)
{
    heap_remove(&e->lane->idle, &e->node);
    unsettle(q, e);
    struct entry **link = entry_link(q, e->coll);
    *link = e->next;
    q->n_entries--;
    free(e);
}

void queue_drop(struct queue *q, uint32_t coll)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, coll);
    if (e && e->running)
        e->dropped = true;
    else if (e)
        unlink_entry(q, e);
    pthread_mutex_unlock(&q->lock);
}

void queue_hold(struct queue *q, uint32_t account, int64_t delay_ms)
{
    pthread_mutex_lock(&q->lock);
    lane_of(q, account)->hold_ms = delay_ms > 0 ? clock_mono_ms() + delay_ms : 0;
    pthread_cond_signal(&q->change);
    pthread_mutex_unlock(&q->lock);
}

bool queue_ping(struct queue *q, uint32_t coll, uint64_t *ret_serial)
{
    bool must_mark = false;
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, coll);
    if (e) {
        q->pings++;
        e->counters.pings++;
        int64_t *first_ms = e->running ? &e->later_ms : &e->pinged_ms;
        if (*first_ms == 0)
            *first_ms = clock_wall_ms();
        if (e->pinged <= e->taken) {
            int64_t now = clock_mono_ms();
            e->pinged++;
            int64_t pace_ms = e->paced_ms - PACE_BURST * PACE_MS;
            e->ready_ms = now + q->settle_ms;
            if (pace_ms > e->ready_ms)
                e->ready_ms = pace_ms;
            if (!e->running)
                place_ping(q, e, now);
        }
        *ret_serial = e->pinged;
        must_mark = e->durable < e->pinged;
    }
    pthread_mutex_unlock(&q->lock);
    return must_mark;
}

void queue_marked(struct queue *q, uint32_t coll, uint64_t serial)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, coll);
    if (e && serial > e->durable && serial <= e->pinged)
        e->durable = serial;
    pthread_mutex_unlock(&q->lock);
}

bool queue_resync(struct queue *q, uint32_t coll)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, coll);
    bool joins = e && (e->owed | e->later) & QUEUE_RESYNC;
    if (joins && e->running) {
        e->later |=
            QUEUE_SCHEDULE; /* it may have committed already: whoever looks again will see */
    } else if (e && e->running) {
        e->later |= QUEUE_RESYNC;
    } else if (e && !joins) {
        e->owed |= QUEUE_RESYNC;
        place(q, e, true, clock_mono_ms());
    }
    pthread_mutex_unlock(&q->lock);
    return joins;
}

static unsigned suspects_most(const struct queue *q)
{
    return q->workers > 1 ? q->workers / 2 : 1;
}

static unsigned suspects_running(const struct queue *q)
{
    unsigned n = 0;
    for (size_t i = 0; i < q->n_lanes; i++)
        n += q->lanes[i]->suspect ? q->lanes[i]->running : 0;
    return n;
}

/* The lane to serve next, or NULL; then *ret_wait_ms is how long until one may have something. */
static struct lane *pick(const struct queue *q, int64_t now, int64_t *ret_wait_ms)
{
    unsigned share = (q->workers + 1) / 2;
    bool crowded = suspects_running(q) >= suspects_most(q);
    struct lane *best = NULL, *beyond = NULL; /* within its share; the best of those past it */
    int64_t wait = LOOK_AGAIN_MS;
    if (q->settling && q->settling->ready_ms - now < wait)
        wait = q->settling->ready_ms - now;
    for (size_t i = 0; i < q->n_lanes; i++) {
        struct lane *lane = q->lanes[i];
        const struct heap_node *top = heap_top(&lane->idle);
        if (!top || (lane->suspect && crowded))
            continue;
        int64_t ready = top->key > lane->hold_ms ? top->key : lane->hold_ms;
        if (ready > now) {
            wait = ready - now < wait ? ready - now : wait;
            continue;
        }
        struct lane **slot = lane->running < share ? &best : &beyond;
        if (!*slot || lane->served < (*slot)->served)
            *slot = lane;
    }
    *ret_wait_ms = wait;
    /* Past its share an account leaves one worker for what may come in for others. */
    return best || (q->n_lanes > 1 && q->n_running + 1 >= q->workers) ? best : beyond;
}

bool queue_is_short(struct queue *q, uint32_t account)
{
    bool found = false;
    pthread_mutex_lock(&q->lock);
    const struct lane *own = lane_of(q, account);
    bool busy = q->n_running >= q->workers, crowded = suspects_running(q) >= suspects_most(q);
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < q->n_lanes && !found; i++) {
        const struct lane *lane = q->lanes[i];
        const struct heap_node *top = heap_top(&lane->idle);
        bool room = !lane->suspect || !crowded || own->suspect; /* once `own` is over */
        found = lane != own && top && top->key <= now && lane->hold_ms <= now && room &&
                (busy || (lane->suspect && crowded));
    }
    pthread_mutex_unlock(&q->lock);
    return found;
}

static void settle(struct queue *q, int64_t now)
{
    while (q->settling && (q->settling->ready_ms <= now ||
                           q->settling->ready_ms > now + q->settle_ms)) /* a clock's mistake */
        place(q, q->settling, true, now);
}

/* Takes the entry out of its lane for a worker. */
static void begin(struct queue *q, struct entry *e, int64_t now, struct queue_ticket *ret)
{
    heap_remove(&e->lane->idle, &e->node);
    e->running = true;
    e->lane->running++;
    e->lane->served = ++q->takes;
    q->n_running++;
    unsettle(q, e);
    bool ping = owes_ping(e);
    if (ping)
        e->paced_ms = (e->paced_ms > now ? e->paced_ms : now) + PACE_MS;
    e->taken = e->pinged;
    *ret = (struct queue_ticket){
        .coll = e->coll,
        .account = e->lane->account,
        .reasons = e->owed | (ping ? QUEUE_PING : 0),
        .fails = e->counters.fails,
        .pinged = e->pinged,
        .pinged_ms = e->pinged_ms,
        .due_in_ms = e->due_ms - now,
    };
    if (ret->reasons == 0 || e->due_ms <= now)
        ret->reasons |= QUEUE_SCHEDULE;
}

enum rc queue_take(struct queue *q, struct queue_ticket *ret, void (*alive)(void *arg), void *arg)
{
    enum rc rc = RC_CANCELED;
    pthread_mutex_lock(&q->lock);
    while (!q->stopped) {
        int64_t wait_ms = 0, now = clock_mono_ms();
        settle(q, now);
        struct lane *lane = pick(q, now, &wait_ms);
        if (lane) {
            begin(q, (struct entry *)heap_top(&lane->idle), now, ret);
            rc = RC_OK;
            if (q->settling) /* somebody must look when it has settled */
                pthread_cond_signal(&q->change);
            break;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += wait_ms / 1000;
        until.tv_nsec += wait_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&q->change, &q->lock, &until);
        pthread_mutex_unlock(&q->lock);
        if (alive)
            alive(arg);
        pthread_mutex_lock(&q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return rc;
}

bool queue_more(struct queue *q, struct queue_ticket *t)
{
    bool more = false;
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, t->coll);
    if (e && e->running && e->pinged > e->taken) {
        more = true;
        e->taken = t->pinged = e->pinged;
        if (e->pinged_ms == 0)
            e->pinged_ms = e->later_ms;
        e->later_ms = 0;
        t->pinged_ms = e->pinged_ms;
        t->reasons |= QUEUE_PING;
    }
    pthread_mutex_unlock(&q->lock);
    return more;
}

static void settle_pings(struct entry *e, const struct queue_ticket *t, bool covered)
{
    if (covered && t->pinged > e->pulled)
        e->pulled = t->pinged;
    if (covered || e->pinged_ms == 0) {
        e->pinged_ms = e->later_ms;
    }
    e->later_ms = 0;
    /* What the run saw but did not cover waits for the next one: further pings add nothing to it.
     */
    e->taken = e->pulled;
}

void queue_finish(struct queue *q, const struct queue_ticket *t, const struct queue_result *result)
{
    assert(result->delay_ms >= 0);
    pthread_mutex_lock(&q->lock);
    struct entry *e = *entry_link(q, t->coll);
    assert(e && e->running);
    int64_t now = clock_mono_ms();
    bool came_in = e->later, pinged = e->pinged > e->taken;
    settle_pings(e, t, result->covered & QUEUE_PING);
    e->owed = (e->owed & ~result->covered) | (e->later & ~(unsigned)(QUEUE_PING | QUEUE_SCHEDULE));
    e->later = 0;
    e->running = false;
    e->lane->running--;
    q->n_running--;
    bool suspect = result->failed || result->slow;
    if (e->lane->suspect != suspect)
        pthread_cond_broadcast(&q->change); /* another number of lanes may be served at once */
    e->lane->suspect = suspect;
    e->counters.failures += result->failed;
    e->counters.fails = result->failed ? e->counters.fails + 1 : 0;
    e->due_ms = now + result->delay_ms;
    e->hold_ms = result->failed ? e->due_ms : 0;
    if (e->dropped) {
        unlink_entry(q, e);
        pthread_mutex_unlock(&q->lock);
        return;
    }
    place(q, e, came_in && !pinged, now);
    if (pinged)
        place_ping(q, e, now);
    pthread_mutex_unlock(&q->lock);
}

void queue_stop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_broadcast(&q->change);
    pthread_mutex_unlock(&q->lock);
}
