/* server: starts and stops the loop of the local API and hands its requests on. */
#include "core/serve/server.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/serve/door.h"
#include "core/serve/fault.h"
#include "core/serve/metrics/requests.h"
#include "core/serve/reply.h"
#include "core/serve/request.h"
#include "core/serve/events/series_cache.h"

#define CONNECTIONS 2000 /* some 11 KB each once they have asked */
#define IDLE_S      60
#define HEAP_BYTES  (768u << 10) /* a large answer, and what it grew out of */
#define GZIP_LEVEL  1            /* bodies are packed once for each answer, on the loop */
#define TURN_US     10000        /* that requests may take of a turn; then they form a lane, */
#define LANE_US     10000        /* which gets so much after each turn, or one request more */

static const char *request_header(const void *source, const char *name)
{
    return httpd_header(source, name);
}

static enum fault fault_of_refusal(unsigned status)
{
    if (status == 400)
        return FAULT_BAD_REQUEST;
    if (status == 414)
        return FAULT_URI_TOO_LONG;
    return status == 431 ? FAULT_HEAD_TOO_LARGE : FAULT_BODY_TOO_LARGE;
}

void serve_count(struct serve *s, const struct call *c)
{
    unsigned status = c->answer.status;
    requests_count(c->answer.row, status, clock_mono_us() - c->begin_us);
    s->not_modified += status == 304;
    s->errors += status >= 400;
}

struct tally serve_tally(const struct call *c)
{
    const struct serve *s = c->serve;
    if (c->aside)
        return c->tally;
    struct live_counters live = live_counters(s->live);
    return (struct tally){.requests = s->requests,
                          .not_modified = s->not_modified,
                          .errors = s->errors,
                          .streams = live.streams,
                          .streams_opened = live.opened,
                          .streams_cut = live.cut,
                          .long_polls = live.waiting};
}

/* Answers a request that is let in. */
static struct httpd_response *answer(struct serve *s, struct call *c)
{
    struct httpd_response *r = cache_find(s->cache, c);
    if (r)
        return r;
    c->commits = store_commits(c->store);
    call_run(c);
    if (c->answer.later)
        return NULL;
    reply_shape(c);
    r = cache_keep(s->cache, c);
    return r ? r : reply_make(c, s->gzip);
}

/* Answers one that is not, for which c->out has the error. */
static struct httpd_response *refuse(struct serve *s, struct call *c)
{
    reply_shape(c);
    return reply_make(c, s->gzip);
}

static void begin(struct serve *s, struct call *c, struct httpd_request *req)
{
    call_reset(c);
    c->conf = s->conf;
    c->now_ms = clock_wall_ms();
    c->begin_us = clock_mono_us();
    c->method = req->method;
    c->path = req->path;
    c->query = req->query;
    c->body = req->body;
    c->header = request_header;
    c->source = c->request = req;
}

/* Those that wait for their turn keep places for a moment only: of all some are left for whoever
 * comes, of one client's, where clients are told apart, most. */
static bool may_take_turns(const struct serve *s, const struct call *c, unsigned own)
{
    unsigned places = httpd_places(s->httpd);
    return httpd_waiting(s->httpd) < places - places / 8 && (!c->caller.client || own < places / 4);
}

/* True: it waits for its turn, or is refused since its client has too many that do. */
static bool takes_turns(struct serve *s, struct call *c)
{
    const struct lane_entry entry = {.req = c->request};
    uint64_t who = access_number(&c->caller);
    unsigned own = lane_count(&s->lane, who);
    if (own == 0 && s->busy_us < TURN_US)
        return false;
    if (!may_take_turns(s, c, own))
        return !call_fail(c, FAULT_NOT_READY, NULL, "Too much is asked for at once.");
    c->answer.later = lane_add(&s->lane, who, &entry);
    return c->answer.later;
}

/* A request that is looked at: for the first time, or again after it has waited. */
struct visit {
    bool again;
    int64_t deadline_ms; /* until when it may wait for what it waits for; 0: it has not begun to */
    uint64_t from;       /* since when */
};

static void visit(struct serve *s, struct httpd_request *req, const struct visit *v)
{
    struct call *c = &s->call;
    begin(s, c, req);
    c->wait_until_ms = v->deadline_ms;
    c->wait_from = v->from;
    bool readable = !req->refused && request_unpack(c);
    request_take_override(c);
    (void)access_identify(c); /* a token is asked for once the route is known */
    bool admitted = !req->refused && door_admits(c) && readable;
    if (!v->again) {
        s->requests++;
        usage_count(&s->usage, s->conf, c->caller.client, c->now_ms);
    }
    if (req->refused)
        (void)call_fail(c, fault_of_refusal(req->refused), NULL, NULL);
    bool full = admitted && !v->again && takes_turns(s, c);
    if (c->answer.later)
        return;
    struct httpd_response *r = admitted && !full ? answer(s, c) : refuse(s, c);
    if (c->answer.later)
        return;
    struct fresh_wish wish = fresh_read(c->header(c->source, "Cache-Control"));
    if (!fresh_enough(c, &wish)) {
        httpd_response_unref(r);
        if (!wish.only_if_cached && fresh_wait(&s->fresh, c, req, v->deadline_ms))
            return;
        (void)call_fail(c, FAULT_NOT_FRESH, "Cache-Control", NULL);
        r = refuse(s, c);
    }
    serve_count(s, c);
    httpd_answer(req, r);
    httpd_response_unref(r);
}

static void handle_visit(struct serve *s, struct httpd_request *req, const struct visit *v)
{
    visit(s, req, v);
    s->busy_us += clock_mono_us() - s->call.begin_us;
}

static void handle(void *arg, struct httpd_request *req)
{
    handle_visit(arg, req, &(struct visit){0});
}

static void handle_again(struct serve *s, const struct lane_entry *entry)
{
    handle_visit(s, entry->req, &(struct visit){.again = true, .deadline_ms = entry->deadline_ms});
}

/* Those that what they waited for may have come for join the lane: they may be many. */
static void look_at_fresh(struct serve *s)
{
    struct fresh_waiting again[FRESH_MOST_WAITS];
    unsigned n = fresh_take(&s->fresh, s->store, again);
    for (unsigned i = 0; i < n; i++) {
        const struct lane_entry entry = {again[i].req, again[i].deadline_ms};
        if (!lane_add(&s->lane, again[i].who, &entry))
            handle_again(s, &entry);
    }
}

/* True: some are left. */
static bool go_through_lane(struct serve *s)
{
    struct lane_entry next;
    s->busy_us = 0;
    while (s->busy_us < LANE_US && lane_take(&s->lane, &next))
        handle_again(s, &next);
    s->busy_us = 0;
    return s->lane.first;
}

static void take_conf(struct serve *s)
{
    const struct conf *old = s->conf;
    pthread_mutex_lock(&s->lock);
    s->conf = conf_ref(s->next_conf);
    s->exposed = httpd_is_exposed(s->httpd);
    cache_clear(s->cache);
    s->memo.conf = NULL;
    usage_reload(&s->usage, s->conf);
    s->next_conf = NULL;
    atomic_store_explicit(&s->reload, false, memory_order_relaxed);
    pthread_cond_signal(&s->taken);
    pthread_mutex_unlock(&s->lock);
    live_reload(s->live);
    conf_free(old); /* nothing of the loop points into it any more */
}

/* So that not the first answers pay for the memory that they all use. */
static void warm_heap(void)
{
    void *p = malloc(HEAP_BYTES);
    if (p)
        explicit_bzero(p, HEAP_BYTES);
    free(p);
}

static int64_t after_turn(void *arg, bool stopping)
{
    struct serve *s = arg;
    if (atomic_load_explicit(&s->reload, memory_order_acquire))
        take_conf(s);
    if (!s->warm && !stopping) {
        s->warm = !series_cache_warm(s->call.series, s->store, &s->warmed);
        if (s->warm)
            warm_heap();
        (void)go_through_lane(s);
        return 0;
    }
    aside_turn(s->feeds);
    aside_turn(s->overviews);
    int64_t next_ms = live_turn(s->live, stopping), deadline_ms;
    uint64_t from;
    if (stopping)
        return -1;
    for (struct httpd_request *req; (req = live_take_ready(s->live, &deadline_ms, &from));
         next_ms = 0)
        handle_visit(s, req, &(struct visit){true, deadline_ms, from});
    if (s->fresh.n > 0)
        look_at_fresh(s);
    if (go_through_lane(s))
        return 0;
    return s->fresh.n && (next_ms < 0 || next_ms > FRESH_LOOK_MS) ? FRESH_LOOK_MS : next_ms;
}

enum rc serve_new(struct serve **ret, const struct conf *conf, struct store *store, struct queue *q,
                  struct err *e)
{
    struct serve *s = calloc(1, sizeof *s);
    if (!s)
        return err_errno(e, "local API");
    requests_init();
    s->conf = conf_ref(conf);
    s->store = store;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->taken, NULL);
    token_key_init(&s->token_key, store_lineage(store), store_secret(store));
    s->gzip = squeeze_new(GZIP_LEVEL);
    s->cache = cache_new(conf->api.cache_size);
    s->call = (struct call){.serve = s,
                            .store = store,
                            .queue = q,
                            .token_key = &s->token_key,
                            .series = series_cache_new(),
                            .memo = &s->memo,
                            .conf = conf};
    s->feeds = aside_new(s, true);
    s->overviews = aside_new(s, false);
    usage_reload(&s->usage, conf);
    enum rc rc = !s->gzip || !s->cache || !s->call.series || !s->feeds || !s->overviews
                     ? err_set(e, RC_SYS, "local API: out of memory")
                     : live_new(&s->live, s, e);
    if (rc != RC_OK) {
        serve_free(s);
        return rc;
    }
    *ret = s;
    return RC_OK;
}

void serve_free(struct serve *s)
{
    if (!s)
        return;
    live_free(s->live);
    aside_free(s->feeds);
    aside_free(s->overviews);
    call_release(&s->call);
    memo_release(&s->memo);
    usage_release(&s->usage);
    lane_release(&s->lane);
    series_cache_free(s->call.series);
    squeeze_free(s->gzip);
    cache_free(s->cache);
    conf_free(s->conf);
    pthread_cond_destroy(&s->taken);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void serve_set_build(struct serve *s, const struct exposition_fact *facts)
{
    s->build = facts;
}

void serve_set_push(struct serve *s, struct push *push)
{
    s->push = push;
}

enum rc serve_start(struct serve *s, int inherited_fd, struct err *e)
{
    const struct httpd_options opt = {
        .name = "api",
        .listen = s->conf->api.listen,
        .socket_mode = (unsigned)s->conf->api.socket_mode,
        .socket_owner = s->conf->api.socket_owner,
        .inherited_fd = inherited_fd,
        .max_connections = CONNECTIONS,
        .local_only = s->conf->n_clients == 0,
        .timeout_s = IDLE_S,
        .body_bytes = LIMIT_REQUEST_BYTES,
        .arg = s,
        .handle = handle,
        .after_turn = after_turn,
    };
    s->started_ms = clock_wall_ms();
    s->started_mono_ms = clock_mono_ms();
    enum rc rc = httpd_start(&s->httpd, &opt, e);
    if (rc)
        return err_prefix(e, rc, "local API");
    live_start(s->live);
    aside_start(s->feeds, s->httpd);
    aside_start(s->overviews, s->httpd);
    return RC_OK;
}

void serve_set_operator(struct serve *s, const char *hash)
{
    (void)text_copy(s->operator_hash, sizeof s->operator_hash, span_of(hash));
}

void serve_drain(struct serve *s)
{
    atomic_store(&s->draining, true);
}

void serve_stop(struct serve *s)
{
    serve_drain(s);
    if (s->httpd) {
        aside_stop(s->feeds);
        aside_stop(s->overviews);
    }
    httpd_free(s->httpd);
    s->httpd = NULL;
}

void serve_reload(struct serve *s, const struct conf *conf)
{
    if (!s->httpd) {
        const struct conf *old = s->conf;
        s->conf = conf_ref(conf);
        usage_reload(&s->usage, conf);
        s->memo.conf = NULL;
        cache_clear(s->cache);
        conf_free(old);
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->next_conf = conf;
    atomic_store_explicit(&s->reload, true, memory_order_release);
    httpd_wake(s->httpd);
    while (s->next_conf)
        pthread_cond_wait(&s->taken, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

uint16_t serve_port(const struct serve *s)
{
    return s->httpd ? (uint16_t)httpd_port(s->httpd) : 0;
}

int64_t serve_heartbeat_ms(const struct serve *s)
{
    return s->httpd ? httpd_heartbeat_ms(s->httpd) : clock_awake_ms();
}
