/* ping: the public webhook: Google's content-free notifications become durable dirty marks.
 *
 * DESIGN. A notification says only "something changed", so all it leaves is a mark that the
 * collection owes a pull. The mark is on disk before Google gets its answer: after that answer
 * Google will not send it again. All notifications that one turn of the loop brought in are marked
 * in one commit (after_turn), so a burst costs one fsync; one for a collection that already has a
 * mark which no pull has covered costs none, and is answered at once.
 *
 * Whoever asks gets the same empty 200, whatever the verdict: a prober learns nothing. Only a store
 * that cannot be read or written answers otherwise, with 503, so that Google tries again.
 *
 * What a flood can cost is bounded everywhere. In all: httpd has so many connections, each of a
 * fixed size with one request, and a forgery costs one hash, seen before (refused.h) not even that.
 * By channel: core/queue makes one mark of what comes in before a pull, and paces pulls that never
 * end. A genuine notification is never dropped for want of room, only late. */
#include "core/ping/ping.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/must.h"
#include "core/base/text.h"
#include "core/httpd/httpd.h"
#include "core/model/metrics.h"
#include "core/ping/cert.h"
#include "core/ping/refused.h"
#include "core/ping/site.h"
#include "core/ping/verify.h"
#include "core/queue/probe.h"
#include "storage/channels.h"
#include "storage/jobs.h"

#define DEFAULT_PATH "/hooks/google"
/* With TLS, when the internet itself connects: one costs up to 40 KB before anything is known of
 * it. */
#define TLS_CONNECTIONS 600
#define DOUBTED_MOST    4
#define PER_ADDRESS     256

/* A request that waits for the commit. */
struct waiting {
    struct httpd_request *req;
    struct channel channel;
    enum ping_verdict verdict;
    bool mark; /* of PING_CHANGE and PING_LOST: `serial` is to be durable */
    uint64_t serial;
};

struct ping {
    struct store *store;
    struct queue *queue;
    struct httpd *httpd;
    struct cert cert;
    struct site site;
    struct buf path;
    int64_t began_ms; /* wall clock */
    struct waiting *waiting;
    size_t n_waiting, cap_waiting;
    struct refused refused;
};

static void answer(struct httpd_request *req, unsigned status)
{
    struct httpd_response *r = httpd_response_new(status, NULL, 0);

    httpd_answer(req, r);
    httpd_response_unref(r);
}

static void show_site(const struct ping *p, struct httpd_request *req)
{
    size_t n = p->site.body.n;
    char *copy = strndup(p->site.body.p, n);
    struct httpd_response *r = copy ? httpd_response_new(200, copy, n) : NULL;

    httpd_response_header(r, "Content-Type", "text/html; charset=utf-8");
    httpd_answer(req, r);
    httpd_response_unref(r);
}

static struct span header(const struct httpd_request *req, const char *name)
{
    const char *value = httpd_header(req, name);

    return value ? span_of(value) : (struct span){"", 0};
}

static bool wait_for_commit(struct ping *p, const struct waiting *w)
{
    if (p->n_waiting == p->cap_waiting) {
        size_t cap = p->cap_waiting ? 2 * p->cap_waiting : 64;
        struct waiting *more = realloc(p->waiting, cap * sizeof(*more));

        if (!more)
            return false;
        p->waiting = more;
        p->cap_waiting = cap;
    }
    p->waiting[p->n_waiting++] = *w;
    return true;
}

/* True if the verdict has to be written down before the answer. */
static bool needs_commit(struct ping *p, struct waiting *w, bool known)
{
    switch (w->verdict) {
    case PING_FORGED:
        queue_count_refused_ping(p->queue);
        return false;
    case PING_IGNORED:
    case PING_UNREAD:
        return false;
    case PING_STRAY:
        return !known || w->channel.state != CHANNEL_STOPPING;
    case PING_SYNC:
        return w->channel.state == CHANNEL_OPENING || w->channel.state == CHANNEL_UNVERIFIED;
    case PING_LOST:
    case PING_CHANGE:
        w->mark = queue_ping(p->queue, w->channel.coll, &w->serial);
        return w->mark || w->verdict == PING_LOST;
    }
    return false;
}

static unsigned series_of(enum ping_verdict verdict)
{
    static const enum metric_ping of[] = {
        [PING_FORGED] = METRIC_PING_BAD_TOKEN, [PING_STRAY] = METRIC_PING_UNKNOWN,
        [PING_LOST] = METRIC_PING_UNKNOWN,     [PING_IGNORED] = METRIC_PING_IGNORED,
        [PING_SYNC] = METRIC_PING_SYNC,        [PING_CHANGE] = METRIC_PING_ACCEPTED};

    return of[verdict];
}

static enum ping_verdict verdict_of(struct ping *p, const struct ping_headers *h,
                                    struct channel *ret_channel, bool *ret_known)
{
    int64_t now_ms = clock_mono_ms();
    enum ping_verdict verdict = refused_find(&p->refused, h, now_ms);

    if (verdict == PING_FORGED || verdict == PING_IGNORED)
        return verdict;
    verdict = ping_verify(p->store, h, clock_wall_ms(), p->began_ms, ret_channel, ret_known);
    if (verdict == PING_FORGED || verdict == PING_IGNORED)
        refused_add(&p->refused, h, verdict, now_ms);
    return verdict;
}

static void handle(void *arg, struct httpd_request *req)
{
    struct ping *p = arg;
    struct waiting w = {.req = req};
    bool known = false;

    if (req->refused) {
        answer(req, req->refused);
        return;
    }
    if (site_has(&p->site, req->method, req->path)) {
        show_site(p, req);
        return;
    }
    if (!span_eq(req->path, buf_span(&p->path))) {
        answer(req, 404);
        return;
    }
    if (strcmp(req->method, "POST") != 0) {
        answer(req, 405);
        return;
    }
    struct ping_headers h = {.channel_id = header(req, "X-Goog-Channel-ID"),
                             .token = header(req, "X-Goog-Channel-Token"),
                             .resource_id = header(req, "X-Goog-Resource-ID"),
                             .state = header(req, "X-Goog-Resource-State"),
                             .number = header(req, "X-Goog-Message-Number")};

    if (probe_take(store_secret(p->store), h.channel_id, h.token)) {
        answer(req, 200);
        return;
    }
    w.verdict = verdict_of(p, &h, &w.channel, &known);
    if (w.verdict == PING_UNREAD) {
        answer(req, 503);
        return;
    }
    (void)text_to_u64(h.number, &w.channel.last_number);
    metric_add(&metric_pings, series_of(w.verdict), 1);
    if (!needs_commit(p, &w, known))
        answer(req, 200);
    else if (!wait_for_commit(p, &w))
        answer(req, 503);
}

/* The channel's record as it is now (sync may have moved it on), with what this ping adds. */
static void write_channel(struct txn *t, const struct waiting *w, int64_t now_ms)
{
    struct channel ch;

    if (channel_get(t, span_of(w->channel.id), &ch) != RC_OK)
        ch = w->channel;
    if (ch.resource_id[0] == '\0')
        memcpy(ch.resource_id, w->channel.resource_id, sizeof(ch.resource_id));
    if (w->verdict == PING_STRAY || w->verdict == PING_LOST)
        ch.state = CHANNEL_STOPPING;
    else if (w->verdict == PING_SYNC &&
             (ch.state == CHANNEL_OPENING || ch.state == CHANNEL_UNVERIFIED))
        ch.state = CHANNEL_LIVE;
    ch.pings++;
    ch.last_ping_ms = now_ms;
    ch.last_number = w->channel.last_number;
    channel_put(t, &ch);
}

static void write_mark(struct txn *t, const struct waiting *w, int64_t now_ms)
{
    struct job job;

    if (job_get(t, w->channel.coll, &job) != RC_OK)
        return; /* sticky: the commit reports it */
    job.coll = w->channel.coll;
    if (w->serial > job.pinged)
        job.pinged = w->serial;
    job.ping_ms = now_ms;
    job_put(t, &job);
}

/* What is on record for the same collection, and was to announce it too. */
struct doubted {
    int64_t began_ms;
    size_t n;
    struct channel v[DOUBTED_MOST];
};

static bool collect_live(void *arg, const struct channel *ch)
{
    struct doubted *d = arg;

    if (ch->state == CHANNEL_LIVE && ch->last_ping_ms < d->began_ms)
        d->v[d->n++] = *ch;
    return d->n < DOUBTED_MOST;
}

/* They have not been heard, and what was is about to be stopped: sync replaces them. */
static void doubt_channels(struct txn *t, const struct waiting *w, int64_t began_ms)
{
    struct doubted d = {.began_ms = began_ms};

    channels_each(t, w->channel.coll, collect_live, &d);
    for (size_t i = 0; i < d.n; i++) {
        d.v[i].state = CHANNEL_DEGRADED;
        channel_put(t, &d.v[i]);
    }
}

static enum rc commit(struct ping *p, struct err *e)
{
    int64_t now_ms = clock_wall_ms();
    struct txn *t = NULL;
    enum rc rc = txn_write(p->store, &t, e);

    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < p->n_waiting; i++) {
        write_channel(t, &p->waiting[i], now_ms);
        if (p->waiting[i].mark)
            write_mark(t, &p->waiting[i], now_ms);
        if (p->waiting[i].verdict == PING_LOST)
            doubt_channels(t, &p->waiting[i], p->began_ms);
    }
    return txn_commit(t, e);
}

/* Even a mark that could not be written is worth a pull now; what is not durable is asked for
 * again. */
static void release(struct ping *p, const struct waiting *w, bool durable)
{
    if (w->mark && durable)
        queue_marked(p->queue, w->channel.coll, w->serial);
    if (w->verdict != PING_CHANGE)
        queue_poke(p->queue, w->channel.coll);
    if (w->verdict == PING_LOST)
        log_notice("webhook",
                   "cal %u: a notification came by a channel that is not on record; "
                   "what is has not been heard, and will be replaced",
                   w->channel.coll);
    answer(w->req, durable ? 200 : 503);
}

static int64_t after_turn(void *arg, bool stopping)
{
    struct ping *p = arg;
    struct err e = {0};

    (void)stopping;
    if (p->n_waiting == 0)
        return -1;
    enum rc rc = commit(p, &e);
    if (rc != RC_OK)
        log_err("webhook", "notifications could not be written down: %s", e.text);
    for (size_t i = 0; i < p->n_waiting; i++)
        release(p, &p->waiting[i], rc == RC_OK);
    p->n_waiting = 0;
    return -1;
}

/* The path of "https://host/path?query"; the default when there is none. */
static struct span url_path(const char *url)
{
    const char *p = strstr(url, "://");

    p = strchr(p ? p + 3 : url, '/');
    if (!p || p[1] == '\0')
        return span_of(DEFAULT_PATH);
    return (struct span){p, strcspn(p, "?#")};
}

void ping_look(struct ping *p, bool now)
{
    if (p)
        cert_look(&p->cert, now);
}

enum rc ping_start(struct ping **ret, const struct ping_options *opt, struct err *e)
{
    struct ping *p = calloc(1, sizeof(*p));
    enum rc rc;

    if (!p)
        return err_set(e, RC_SYS, "webhook: out of memory");
    p->store = opt->store;
    p->queue = opt->queue;
    p->began_ms = clock_wall_ms();
    buf_add_span(&p->path, url_path(opt->public_url));
    must_hold(&p->path);
    site_make(&p->site, opt->site_verification);
    rc = cert_open(&p->cert, opt->tls_cert, opt->tls_key, opt->public_url, e);
    if (rc == RC_OK)
        rc = httpd_start(
            &p->httpd,
            &(struct httpd_options){.name = "ping",
                                    .listen = opt->listen,
                                    .tls = p->cert.tls,
                                    .inherited_fd = opt->inherited_fd,
                                    .max_connections = p->cert.tls ? TLS_CONNECTIONS : 0,
                                    .max_per_address = p->cert.tls ? PER_ADDRESS : 0,
                                    .timeout_s = 10,
                                    .memory_bytes = 16 * 1024,
                                    .body_bytes = 1024,
                                    .arg = p,
                                    .handle = handle,
                                    .after_turn = after_turn},
            e);
    if (rc != RC_OK) {
        ping_stop(p);
        return err_prefix(e, rc, "webhook");
    }
    *ret = p;
    return RC_OK;
}

void ping_stop(struct ping *p)
{
    if (!p)
        return;
    httpd_free(p->httpd);
    cert_close(&p->cert);
    site_release(&p->site);
    free(p->waiting);
    buf_release(&p->path);
    free(p);
}

int64_t ping_heartbeat_ms(const struct ping *p)
{
    return httpd_heartbeat_ms(p->httpd);
}
