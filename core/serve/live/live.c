/* live: what of the local API stays open and hears of changes: streams and long polls.
 *
 * DESIGN. The feed (feed.h) is a function of the store and a cursor; there is no queue of changes
 * in memory that could be lost, overrun or differ from the store. Every reader is a cursor: one
 * that resumes, one that lags and one that asks for a page read the store from theirs; those that
 * know everything share one cursor, that of the groups, from which each commit is read once for
 * all.
 *
 * A turn: hear the sockets; go on sending the last page; else look whether something was committed,
 * give it to the groups, and let those that are behind read on, in the same snapshot: a reader that
 * reaches its end knows just what the groups know, and goes live. Each step is bounded, so that
 * reads of others get their turn. */
#include "core/serve/live/live.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/conf/client.h"
#include "core/serve/live/group.h"
#include "core/serve/live/look.h"
#include "core/serve/live/stream.h"

#define SENDS_A_TURN   2048
#define READS_A_TURN   256
#define READING_MS     10 /* that readers behind may take of a turn */
#define RENEW_MS       (60 * 1000)
#define EVENTS_AT_ONCE 256

static void wake(void *arg)
{
    struct live *l = arg;
    atomic_store_explicit(&l->woken, true, memory_order_release);
    httpd_wake(l->serve->httpd);
}

enum rc live_new(struct live **ret, struct serve *s, struct err *e)
{
    struct live *l = calloc(1, sizeof(*l));
    if (!l)
        return err_set(e, RC_SYS, "streams: out of memory");
    l->serve = s;
    l->hub = (struct hub_listener){.wake = wake, .arg = l};
    l->due_ms = INT64_MAX;
    link_init(&l->joining);
    link_init(&l->behind);
    link_init(&l->ring);
    l->rover = &l->ring;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) {
        free(l);
        return err_errno(e, "streams");
    }
    *ret = l;
    return RC_OK;
}

static void close_all(struct live *l)
{
    while (l->ring.next != &l->ring)
        stream_close(l, (struct stream *)((char *)l->ring.next - offsetof(struct stream, ring)));
}

static void drop_waiters(struct live *l)
{
    for (struct group *g = l->groups, *next; g; g = next) {
        next = g->next;
        g->n++;
        while (g->waiting) {
            struct waiter *w = g->waiting;
            g->waiting = w->next;
            g->n_waiting--;
            g->n--;
            free(w);
        }
        group_leave(l, g);
    }
    while (l->ready) {
        struct waiter *w = l->ready;
        l->ready = w->next;
        free(w);
    }
    l->waiters = 0;
}

void live_free(struct live *l)
{
    if (!l)
        return;
    if (l->joined)
        hub_leave(l->serve->store, &l->hub);
    close_all(l);
    drop_waiters(l);
    atlas_release(&l->atlas);
    for (size_t i = 0; i < 4; i++)
        buf_release(&l->line[i]);
    close(l->epoll_fd);
    free(l);
}

void live_start(struct live *l)
{
    atomic_store_explicit(&l->started, true, memory_order_release);
    httpd_wake(l->serve->httpd);
}

bool live_joined(struct live *l)
{
    struct err e = {0};
    if (l->joined || l->stopped || !atomic_load_explicit(&l->started, memory_order_acquire))
        return l->joined;
    if (httpd_watch(l->serve->httpd, l->epoll_fd, &e) != RC_OK) {
        log_err(NULL, "streams: %s", e.text);
        return false;
    }
    l->at = cursor_at(hub_seq(l->serve->store), false);
    l->joined = true;
    hub_join(l->serve->store, &l->hub);
    atomic_store_explicit(&l->woken, true, memory_order_release);
    return true;
}

struct txn *live_look(struct live *l, struct err *e)
{
    struct hub_news news;
    struct txn *t = NULL;
    atomic_store_explicit(&l->woken, false, memory_order_relaxed);
    hub_take(l->serve->store, &l->hub, &news); /* before the snapshot: it has all of it */
    news.all |= l->news_lost;
    enum rc rc = txn_read(l->serve->store, &t, e);
    if (rc == RC_OK) {
        hub_add_coming(l->serve->store, &l->hub, &news); /* behind it: it may have more */
        rc = atlas_refresh(&l->atlas, t, &news, e);
    }
    free(news.colls);
    l->news_lost = rc != RC_OK;
    if (rc == RC_OK) {
        l->more |= l->at.pos < l->atlas.seq || l->atlas.turned;
        return t;
    }
    txn_abort(t);
    return NULL;
}

static void hear(struct live *l)
{
    struct epoll_event ready[EVENTS_AT_ONCE];
    int n = epoll_wait(l->epoll_fd, ready, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < n; i++)
        stream_ready(l, ready[i].data.ptr, ready[i].events);
}

/* Readers behind, one page each, as long as there is time. In the snapshot that the groups have
 * been told of whole. */
static void read_on(struct live *l, struct txn *t)
{
    int64_t until_ms = clock_mono_ms() + READING_MS;
    unsigned most = READS_A_TURN;
    bool left = false;
    for (struct link *at = l->behind.next, *next; at != &l->behind; at = next) {
        next = at->next;
        struct stream *s = (struct stream *)at;
        if (s->out || s->state != STREAM_BEHIND)
            continue;
        if (most-- == 0 || clock_mono_ms() > until_ms) {
            left = true;
            break;
        }
        left |= look_read_on(l, t, s);
    }
    l->more |= left;
}

static bool is_behind(const struct live *l)
{
    for (const struct link *at = l->behind.next; at != &l->behind; at = at->next)
        if (!((const struct stream *)at)->out)
            return true;
    return false;
}

/* Gives the groups what was committed, and reads on for those behind. */
static void move_on(struct live *l)
{
    struct err e = {0};
    struct txn *t = live_look(l, &e);
    if (t && !l->more && !is_behind(l)) {
        txn_abort(t);
        return;
    }
    l->more = false;
    if (!t || !groups_tell(l, t)) {
        log_err(NULL, "changes cannot be told: %s",
                e.text[0] ? e.text : "the store cannot be read");
        l->retry_ms = clock_mono_ms() + 1000;
    } else if (!l->more && groups_send(l, SENDS_A_TURN)) {
        read_on(l, t);
    }
    txn_abort(t);
}

/* Who may see nothing more is ended, and who sees something else: it is told that what it knows is
 * void when it is back with its cursor, or asks again at once. */
static void renew(struct live *l)
{
    int64_t now_ms = clock_wall_ms();
    for (struct group *g = l->groups, *next; g; g = next) {
        next = g->next;
        if (access_renew(l->serve, &g->lens.caller, now_ms) &&
            lens_view(&g->lens.caller, l->serve->conf) == g->lens.view)
            continue;
        g->n++;
        for (struct link *at = l->ring.next, *after; at != &l->ring; at = after) {
            after = at->next;
            struct stream *s = (struct stream *)((char *)at - offsetof(struct stream, ring));
            if (s->group == g && s->state != STREAM_JOINING)
                stream_end(l, s, "access");
        }
        group_wake(l, g);
        next = g->next;
        group_leave(l, g);
    }
}

void live_reload(struct live *l)
{
    for (struct group *g = l->groups; g; g = g->next)
        g->lens.generation = UINT64_MAX; /* accounts may have come or gone */
    renew(l);
    wake(l);
}

static void end_all(struct live *l)
{
    for (struct link *at = l->ring.next, *next; at != &l->ring; at = next) {
        next = at->next;
        struct stream *s = (struct stream *)((char *)at - offsetof(struct stream, ring));
        if (s->state != STREAM_JOINING)
            stream_end(l, s, "stopping");
    }
    close_all(l);
    drop_waiters(l);
    if (l->joined)
        hub_leave(l->serve->store, &l->hub);
    l->joined = false;
    l->stopped = true;
}

/* Long polls whose time is up. */
static void look_at_waiters(struct live *l, int64_t now_ms)
{
    l->due_ms = INT64_MAX;
    for (struct group *g = l->groups, *next; g; g = next) {
        bool due = false;
        next = g->next;
        for (const struct waiter *w = g->waiting; w; w = w->next) {
            due |= now_ms >= w->deadline_ms;
            if (now_ms < w->deadline_ms && w->deadline_ms < l->due_ms)
                l->due_ms = w->deadline_ms;
        }
        if (!due)
            continue;
        g->n++;
        group_wake(l, g); /* those with time left wait again */
        group_leave(l, g);
    }
}

/* What is done by the clock. Returns in how many ms there may be more of it. */
static int64_t look_around(struct live *l)
{
    int64_t now_ms = clock_mono_ms();
    if (l->waiters > 0 && now_ms >= l->due_ms)
        look_at_waiters(l, now_ms);
    if (now_ms - l->second_ms >= 1000) {
        l->second_ms = now_ms;
        streams_look_after(l);
    }
    if (now_ms - l->renewed_ms >= RENEW_MS) {
        l->renewed_ms = now_ms;
        renew(l);
    }
    if (l->retry_ms && now_ms >= l->retry_ms) {
        l->retry_ms = 0;
        l->more = true;
    }
    int64_t left_ms = l->waiters > 0 ? l->due_ms - now_ms : INT64_MAX;
    return left_ms < 1000 ? left_ms : 1000;
}

int64_t live_turn(struct live *l, bool stopping)
{
    if (!live_joined(l))
        return -1;
    streams_take_over(l);
    if (stopping) {
        end_all(l);
        return -1;
    }
    if (l->counters.streams > 0) /* turns of other requests shall not pay for it */
        hear(l);
    int64_t next_ms = look_around(l);
    if (!groups_send(l, SENDS_A_TURN))
        return 0;
    if (atomic_load_explicit(&l->woken, memory_order_acquire) || l->more)
        move_on(l);
    if (l->more || l->sending || l->ready)
        return 0;
    return l->counters.streams || l->waiters || l->retry_ms ? next_ms : -1;
}

struct httpd_request *live_take_ready(struct live *l, int64_t *ret_deadline_ms, uint64_t *ret_from)
{
    struct waiter *w = l->ready;
    if (!w)
        return NULL;
    struct httpd_request *req = w->req;
    l->ready = w->next;
    l->waiters--;
    *ret_deadline_ms = w->deadline_ms;
    *ret_from = w->from;
    free(w);
    return req;
}

static bool is_of(const struct group *g, const char *client)
{
    return g->lens.caller.client && strcmp(g->lens.caller.client->name, client) == 0;
}

unsigned live_readers(const struct live *l, const char *client)
{
    unsigned n = 0;
    for (const struct group *g = l->groups; g; g = g->next)
        n += is_of(g, client) ? g->n : 0;
    return n;
}

unsigned live_waiters(const struct live *l, const char *client)
{
    unsigned n = 0;
    for (const struct group *g = l->groups; g; g = g->next)
        n += is_of(g, client) ? g->n_waiting : 0;
    return n;
}

struct live_counters live_counters(const struct live *l)
{
    struct live_counters c = l->counters;
    c.waiting = l->waiters;
    return c;
}
