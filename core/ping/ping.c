/* ping: the public webhook: Google's content-free notifications become durable dirty marks.
 *
 * DESIGN. A notification says only "something changed", so all it leaves is a mark that the collection
 * owes a pull. The mark is on disk before Google gets its answer: after that answer Google will not
 * send it again. All notifications that one turn of the loop brought in are marked in one commit
 * (after_turn), so a burst costs one fsync; one for a collection that already has a mark which no
 * pull has covered costs none, and is answered at once.
 *
 * Whoever asks gets the same empty 200, whatever the verdict: a prober learns nothing. Only a store
 * that cannot write answers otherwise, with 503, so that Google tries again. */
#include "core/ping/ping.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/conf/address.h"
#include "core/httpd/httpd.h"
#include "core/httpd/tls.h"
#include "core/model/metrics.h"
#include "core/ping/site.h"
#include "core/ping/verify.h"
#include "core/queue/probe.h"
#include "storage/channels.h"
#include "storage/jobs.h"

#define DEFAULT_PATH "/hooks/google"
/* With TLS, when the internet itself connects: one costs up to 40 KB before anything is known of it. */
#define TLS_CONNECTIONS 600
#define PER_ADDRESS     256

/* A request that waits for the commit. */
struct waiting {
    struct httpd_request *req;
    struct channel channel;
    enum ping_verdict verdict;
    uint64_t serial; /* of a PING_CHANGE */
};

struct ping {
    struct store *store;
    struct queue *queue;
    struct httpd *httpd;
    struct tls *tls; /* NULL: plain HTTP */
    struct site site;
    struct buf path;
    struct waiting *waiting;
    size_t n_waiting, cap_waiting;
};

static void answer(struct httpd_request *req, unsigned status)
{
    struct httpd_response *r = httpd_response_new(status, NULL, 0);

    httpd_answer(req, r);
    httpd_response_unref(r);
}

static void show_site(const struct ping *p, struct httpd_request *req)
{
    struct httpd_response *r =
        httpd_response_new(200, strndup(p->site.body.p, p->site.body.n), p->site.body.n);

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
        return false;
    case PING_STRAY:
        return !known || w->channel.state != CHANNEL_STOPPING;
    case PING_SYNC:
        return w->channel.state == CHANNEL_OPENING || w->channel.state == CHANNEL_UNVERIFIED;
    case PING_CHANGE:
        return queue_ping(p->queue, w->channel.coll, &w->serial);
    }
    return false;
}

static unsigned series_of(enum ping_verdict verdict)
{
    static const enum metric_ping of[] = {[PING_FORGED] = METRIC_PING_BAD_TOKEN,
                                          [PING_STRAY] = METRIC_PING_UNKNOWN,
                                          [PING_IGNORED] = METRIC_PING_IGNORED,
                                          [PING_SYNC] = METRIC_PING_SYNC,
                                          [PING_CHANGE] = METRIC_PING_ACCEPTED};

    return of[verdict];
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
    w.verdict = ping_verify(p->store, &h, clock_wall_ms(), &w.channel, &known);
    (void)text_to_u64(h.number, &w.channel.last_number);
    metric_add(&metric_pings, series_of(w.verdict), 1);
    if (!needs_commit(p, &w, known))
        answer(req, 200);
    else if (!wait_for_commit(p, &w))
        answer(req, 503);
}

/* The channel's record as it is now (the sync side may have moved it on), with what this ping adds. */
static void write_channel(struct txn *t, const struct waiting *w, int64_t now_ms)
{
    struct channel ch;

    if (channel_get(t, span_of(w->channel.id), &ch) != RC_OK)
        ch = w->channel;
    if (ch.resource_id[0] == '\0')
        memcpy(ch.resource_id, w->channel.resource_id, sizeof(ch.resource_id));
    if (w->verdict == PING_STRAY)
        ch.state = CHANNEL_STOPPING;
    else if (w->verdict == PING_SYNC && (ch.state == CHANNEL_OPENING || ch.state == CHANNEL_UNVERIFIED))
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

static enum rc commit(struct ping *p, struct err *e)
{
    int64_t now_ms = clock_wall_ms();
    struct txn *t = NULL;
    enum rc rc = txn_write(p->store, &t, e);

    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < p->n_waiting; i++) {
        write_channel(t, &p->waiting[i], now_ms);
        if (p->waiting[i].verdict == PING_CHANGE)
            write_mark(t, &p->waiting[i], now_ms);
    }
    return txn_commit(t, e);
}

/* Even a mark that could not be written is worth a pull now; what is not durable is asked for again. */
static void release(struct ping *p, const struct waiting *w, bool durable)
{
    if (w->verdict == PING_CHANGE)
        queue_marked(p->queue, w->channel.coll, w->serial);
    else
        queue_poke(p->queue, w->channel.coll);
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

/* ---- the certificate --------------------------------------------------------------------------- */

static void describe(const struct tls_facts *facts, const char *what)
{
    char until[RFC3339_MAX];
    int64_t now_ms = clock_wall_ms();

    (void)rfc3339_write(until, facts->not_after_ms, 0);
    log_notice("webhook", "%s, valid until %s", what, until);
    metric_set(&metric_tls_expiry, 0, (uint64_t)(facts->not_after_ms / 1000));
    if (facts->not_after_ms <= now_ms)
        log_err("webhook", "the certificate is no longer valid: Google sends nothing until it is renewed");
    else if (facts->not_after_ms - now_ms < tls_warn_ms(facts))
        log_warning("webhook", "the certificate ends soon: is its renewal working?");
    if (facts->not_before_ms > now_ms)
        log_err("webhook", "the certificate is not valid yet: is the clock of this machine right?");
    if (!facts->names_host)
        log_err("webhook", "the certificate is not for the host of webhook.public_url: Google refuses it");
    if (!facts->has_issuer)
        log_warning("webhook", "the certificate stands alone in its file: Google may need those between it "
                               "and the root (fullchain.pem)");
}

static enum rc open_tls(struct ping *p, const struct ping_options *opt, struct err *e)
{
    struct tls_files files = {.cert_file = opt->tls_cert, .key_file = opt->tls_key};
    struct tls_facts facts;
    struct url url;
    char host[256];

    if (!opt->tls_cert || !opt->tls_cert[0])
        return RC_OK;
    if (url_parse(span_of(opt->public_url), &url, NULL) == RC_OK &&
        text_copy(host, sizeof(host), url.host))
        files.host = host;
    enum rc rc = tls_new(&p->tls, &files, e);
    if (rc != RC_OK)
        return rc;
    tls_facts(p->tls, &facts);
    describe(&facts, "speaking HTTPS with the certificate of webhook.tls_cert");
    return RC_OK;
}

void ping_look(struct ping *p, bool now)
{
    struct tls_facts facts;
    struct err e = {0};

    if (!p || !p->tls)
        return;
    enum tls_change change = tls_look(p->tls, now, &e);
    if (change == TLS_SAME)
        return;
    tls_facts(p->tls, &facts);
    if (change == TLS_KEPT)
        log_err("webhook", "the new certificate is not taken: %s", e.text);
    describe(&facts, change == TLS_KEPT ? "the old certificate stays in force" : "a new certificate is in force");
}

/* ---- start and stop ---------------------------------------------------------------------------- */

enum rc ping_start(struct ping **ret, const struct ping_options *opt, struct err *e)
{
    struct ping *p = calloc(1, sizeof(*p));
    enum rc rc;

    if (!p)
        return err_set(e, RC_SYS, "webhook: out of memory");
    p->store = opt->store;
    p->queue = opt->queue;
    buf_add_span(&p->path, url_path(opt->public_url));
    site_make(&p->site, opt->site_verification);
    rc = open_tls(p, opt, e);
    if (rc == RC_OK)
        rc = httpd_start(&p->httpd,
                         &(struct httpd_options){.name = "ping",
                                                 .listen = opt->listen,
                                                 .tls = p->tls,
                                                 .inherited_fd = opt->inherited_fd,
                                                 .max_connections = p->tls ? TLS_CONNECTIONS : 0,
                                                 .max_per_address = p->tls ? PER_ADDRESS : 0,
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
    tls_free(p->tls);
    site_release(&p->site);
    free(p->waiting);
    buf_release(&p->path);
    free(p);
}

int64_t ping_heartbeat_ms(const struct ping *p)
{
    return httpd_heartbeat_ms(p->httpd);
}
