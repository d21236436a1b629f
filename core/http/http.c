/* http: runs one request to its end, watching deadlines, sizes and the wish to stop.
 *
 * DESIGN: a curl_multi with a single easy handle rather than curl_easy_perform(): only a multi can
 * be woken from another thread, so that a stop does not wait for a silent server. curl keeps the
 * deadlines, we keep what it cannot: whole gzip streams (gunzip), decompressed size, and answers
 * that trickle. */
#include "core/http/http.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/gunzip.h"
#include "core/http/head.h"
#include "core/http/setup.h"
#include "core/http/target.h"

#define CONNECT_MS 10000
#define TOTAL_MS   60000
#define STALL_MS   20000
#define TICK_MS    500   /* the longest sleep: `alive` is promised once a second */
#define HEAD_BYTES 65536 /* all header lines of an answer */
/* Token answers fit, so that they are never moved and can be wiped. */
#define BODY_FIRST_BYTES 8192
#define CONNECTIONS      4 /* kept open: the API, the token endpoint, and room for a change */

/* Google compresses only for clients whose User-Agent says so too (the performance guide). */
#define USER_AGENT "calmirror/" CALMIRROR_VERSION " (gzip)"

struct http_client {
    CURLM *multi;
    CURL *easy; /* NULL: the next request makes one */
    atomic_bool interrupted;
    int64_t (*patience)(void *arg, int64_t ms); /* NULL: nobody is asked */
    void *patience_arg;
    struct gunzip gunzip;
    char error[CURL_ERROR_SIZE];
};

/* One request on its way. */
struct transfer {
    struct http_client *client;
    const struct http_request *rq;
    struct target target;
    struct head head;
    struct http_response rs;
    int64_t begin_us; /* monotonic */
    size_t max_bytes;
    size_t head_bytes;
    uint64_t moved;           /* bytes of the answer so far, as they came */
    uint64_t window_moved;    /* of it when the stall window began */
    int64_t window_ms;        /* when it began; 0 = not a byte yet */
    struct curl_slist *lines; /* request headers */
    enum rc refused;          /* why we cut the transfer ourselves */
    struct err why;
};

struct http_client *http_new(void)
{
    struct http_client *c = NULL;

    if (setup_once())
        c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->multi = curl_multi_init();
    if (!c->multi || curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS)) {
        http_free(c);
        return NULL;
    }
    return c;
}

void http_free(struct http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    gunzip_release(&c->gunzip);
    free(c);
}

void http_interrupt(struct http_client *c)
{
    atomic_store(&c->interrupted, true);
    curl_multi_wakeup(c->multi);
}

enum rc http_pause(struct http_client *c, int64_t ms, struct err *e)
{
    if (!atomic_load(&c->interrupted) && ms > 0)
        curl_multi_poll(c->multi, NULL, 0, ms < INT_MAX ? (int)ms : INT_MAX, NULL);
    return atomic_load(&c->interrupted) ? err_set(e, RC_CANCELED, "interrupted") : RC_OK;
}

void http_set_patience(struct http_client *c, int64_t (*patience)(void *arg, int64_t ms), void *arg)
{
    c->patience = patience;
    c->patience_arg = arg;
}

void http_response_release(struct http_response *r)
{
    buf_release(&r->body);
    *r = (struct http_response){0};
}

/* Remembers why, and tells curl to end the transfer. */
static size_t refuse(struct transfer *t, enum rc rc)
{
    t->refused = rc;
    return 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    n *= size;
    t->moved += n;
    t->head_bytes += n;
    if (t->head_bytes > HEAD_BYTES)
        return refuse(t, err_set(&t->why, RC_BADDATA, "more than %d bytes of headers", HEAD_BYTES));
    head_line(&t->head, (struct span){p, n});
    return n;
}

static enum rc take_body(struct transfer *t, const char *p, size_t n)
{
    struct buf *body = &t->rs.body;

    switch (t->head.coding) {
    case CODING_GZIP:
        return gunzip_add(&t->client->gunzip, p, n, body, t->max_bytes, &t->why);
    case CODING_OTHER:
        return err_set(&t->why, RC_AGAIN, "a content coding that was not asked for");
    case CODING_NONE:
        break;
    }
    if (n > t->max_bytes - body->n)
        return err_set(&t->why, RC_BADDATA, "answer larger than %zu bytes", t->max_bytes);
    buf_add(body, p, n);
    return body->failed ? err_set(&t->why, RC_SYS, "out of memory") : RC_OK;
}

static long status_of(const struct transfer *t)
{
    long status = 0;
    (void)curl_easy_getinfo(t->client->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    enum rc rc;

    n *= size;
    t->moved += n;
    if (t->rq->take && status_of(t) == 200)
        rc = t->rq->take(t->rq->take_arg, (struct span){p, n})
                 ? RC_OK
                 : err_set(&t->why, RC_CANCELED, "ended");
    else
        rc = take_body(t, p, n);
    return rc ? refuse(t, rc) : n;
}

static int64_t or_default(int64_t value, int64_t normal)
{
    return value > 0 ? value : normal;
}

#define SET(option, value) (bad |= curl_easy_setopt(easy, (option), (value)) != CURLE_OK)

static bool set_request(struct transfer *t)
{
    const struct http_request *rq = t->rq;
    CURL *easy = t->client->easy;
    bool bad = false;

    SET(CURLOPT_URL, rq->url);
    SET(CURLOPT_HTTPHEADER, t->lines);
    SET(CURLOPT_USERAGENT, USER_AGENT);
    SET(CURLOPT_UNIX_SOCKET_PATH, rq->unix_socket);
    if (strcmp(rq->method, "GET") == 0) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, rq->body.n ? rq->body.p : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
        if (strcmp(rq->method, "POST") != 0)
            SET(CURLOPT_CUSTOMREQUEST, rq->method);
    }
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)or_default(rq->connect_ms, CONNECT_MS));
    SET(CURLOPT_TIMEOUT_MS, rq->take ? 0L : (long)or_default(rq->total_ms, TOTAL_MS));
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max_bytes);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_ERRORBUFFER, t->client->error);
    return !bad;
}

static bool set_policy(struct transfer *t)
{
    CURL *easy = t->client->easy;
    bool bad = !setup_policy(easy);

    SET(CURLOPT_PATH_AS_IS, 1L); /* an id may be ".." */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_CERTINFO, t->rq->certificate ? 1L : 0L);
    SET(CURLOPT_BUFFERSIZE, 65536L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    /* https goes through the proxy of the environment where an office demands one; what is on this
     * machine never does. */
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (t->target.local)
        SET(CURLOPT_PROXY, "");
    return !bad;
}

/* The one place that knows CURLE_*. */
static enum rc map_curl(struct transfer *t, CURLcode code, struct err *e)
{
    const char *text = t->client->error[0] ? t->client->error : curl_easy_strerror(code);

    if (t->refused) {
        if (e)
            *e = t->why;
        return t->refused;
    }
    /* Everything not named here is trouble on the way: names, connections, TLS, deadlines, cut
     * answers. */
    if (code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT)
        return err_set(e, RC_SYS, "%s", text);
    if (code == CURLE_URL_MALFORMAT)
        return err_set(e, RC_INVALID, "%s", text);
    if (code == CURLE_FILESIZE_EXCEEDED)
        return err_set(e, RC_BADDATA, "answer larger than %zu bytes", t->max_bytes);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, RC_AGAIN, "%s in time", t->moved ? "answer not complete" : "no answer");
    return err_set(e, RC_AGAIN, "%s", text);
}

/* After the first byte a server must keep a minimal pace; before it, total_ms is the limit. */
static bool is_stalled(struct transfer *t, int64_t now)
{
    int64_t span = or_default(t->rq->stall_ms, STALL_MS);
    uint64_t least = t->rq->take ? 1 : HTTP_STALL_BYTES;

    if (!t->moved && !t->rq->take)
        return false;
    if (!t->window_ms || now - t->window_ms >= span) {
        if (t->window_ms && t->moved - t->window_moved < least)
            return true;
        t->window_ms = now;
        t->window_moved = t->moved;
    }
    return false;
}

/* Connecting has a deadline of its own, and is not what one account makes worse than another. */
static int64_t sent_ms_ago(const struct transfer *t)
{
    curl_off_t took_us = 0;

    (void)curl_easy_getinfo(t->client->easy, CURLINFO_PRETRANSFER_TIME_T, &took_us);
    return took_us > 0 ? (clock_mono_us() - t->begin_us - took_us) / 1000 : 0;
}

/* How long to sleep; 0: the request is to be given up. */
static int tick_ms(const struct transfer *t)
{
    const struct http_client *c = t->client;
    int64_t span = or_default(t->rq->stall_ms, STALL_MS);
    int64_t ask = c->patience ? c->patience(c->patience_arg, sent_ms_ago(t)) : TICK_MS;

    if (ask < span)
        span = ask;
    return span < TICK_MS ? (int)span : TICK_MS;
}

/* Until the transfer is over, for whatever reason. */
static enum rc drive(struct transfer *t, struct err *e)
{
    CURLM *multi = t->client->multi;
    int running = 1, left, tick;

    for (;;) {
        if (atomic_load(&t->client->interrupted))
            return err_set(e, RC_CANCELED, "interrupted");
        if (curl_multi_perform(multi, &running))
            return err_set(e, RC_SYS, "curl_multi_perform failed");
        if (!running)
            break;
        if (is_stalled(t, clock_mono_us() / 1000))
            return err_set(e, RC_AGAIN, "answer trickles: given up");
        if (t->rq->alive)
            t->rq->alive(t->rq->alive_arg);
        if ((tick = tick_ms(t)) == 0)
            return err_set(e, RC_AGAIN, "no answer yet, and other accounts wait");
        if (curl_multi_poll(multi, NULL, 0, tick, NULL))
            return err_set(e, RC_SYS, "curl_multi_poll failed");
    }
    for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));)
        if (m->msg == CURLMSG_DONE && m->data.result != CURLE_OK)
            return map_curl(t, m->data.result, e);
    return RC_OK;
}

/* The end of the server's own certificate, the first one of the chain. */
static int64_t certificate_end_ms(CURL *easy)
{
    static const char name[] = "Expire date:";
    struct curl_certinfo *info = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) || !info || info->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next)
        if (strncmp(line->data, name, sizeof(name) - 1) == 0)
            return head_date_ms(span_of(line->data + sizeof(name) - 1));
    return 0;
}

static enum rc finish(struct transfer *t, struct err *e)
{
    struct http_response *rs = &t->rs;

    if (curl_easy_getinfo(t->client->easy, CURLINFO_RESPONSE_CODE, &rs->status))
        return err_set(e, RC_SYS, "no status");
    if (t->head.coding == CODING_GZIP && rs->status != 204 && rs->status != 304 &&
        !gunzip_whole(&t->client->gunzip))
        return err_set(e, RC_AGAIN, "gzip answer cut short");
    if (rs->body.failed)
        return err_set(e, RC_SYS, "out of memory");
    rs->is_json = t->head.is_json;
    rs->date_ms = t->head.date_ms;
    rs->retry_after_ms = head_retry_after_ms(&t->head, clock_wall_ms());
    rs->certificate_ms = t->rq->certificate ? certificate_end_ms(t->client->easy) : 0;
    memcpy(rs->etag, t->head.etag, sizeof(rs->etag));
    return RC_OK;
}

static enum rc perform(struct transfer *t, struct err *e)
{
    CURLM *multi = t->client->multi;
    CURL *easy = t->client->easy;
    const char *const own[] = {t->rq->take ? "Accept-Encoding: identity" : "Accept-Encoding: gzip",
                               "Expect:", NULL};
    enum rc rc = setup_lines(&t->lines, own, t->rq->headers, e);

    if (rc)
        return rc;
    if (!easy)
        easy = t->client->easy = curl_easy_init();
    if (!easy)
        return err_set(e, RC_SYS, "out of memory");
    curl_easy_reset(easy); /* keeps connections: they belong to the multi */
    gunzip_reset(&t->client->gunzip);
    t->client->error[0] = '\0';
    buf_reserve(&t->rs.body, t->max_bytes < BODY_FIRST_BYTES ? t->max_bytes : BODY_FIRST_BYTES);
    if (!set_request(t) || !set_policy(t) || curl_multi_add_handle(multi, easy))
        return err_set(e, RC_SYS, "cannot set up the request");
    rc = drive(t, e);
    curl_multi_remove_handle(multi, easy); /* an unfinished connection is closed, not reused */
    if (!rc)
        return finish(t, e);
    /* libcurl 7.88 leaves a handle that found no address with a buffer whose size cannot be set. */
    curl_easy_cleanup(easy);
    t->client->easy = NULL;
    return rc;
}

enum rc http_perform(struct http_client *c, const struct http_request *rq,
                     struct http_response *ret, struct err *e)
{
    struct transfer t = {
        .client = c,
        .begin_us = clock_mono_us(),
        .rq = rq,
        .max_bytes = rq->max_bytes ? rq->max_bytes : LIMIT_RESPONSE_BYTES,
        .rs = {.retry_after_ms = -1},
    };
    enum rc rc = target_read(&t.target, rq->url, rq->unix_socket != NULL, e);

    if (rc)
        return rc;
    head_reset(&t.head);
    t.rs.body.cap = t.max_bytes + 1;
    rc = perform(&t, e);
    setup_free_lines(t.lines); /* they hold credentials */
    if (rc) {
        http_response_release(&t.rs);
        return err_prefix(e, rc, "%s %s", rq->method, t.target.host);
    }
    t.rs.took_us = clock_mono_us() - t.begin_us;
    *ret = t.rs;
    return RC_OK;
}
