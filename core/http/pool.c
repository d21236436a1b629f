/* pool: many POSTs at once over one libcurl multi handle.
 *
 * DESIGN. Whom we post to is told us by clients, so nothing here trusts the other side: no redirect
 * is followed, the body of an answer is thrown away and cut when it does not end, a total deadline
 * holds whatever trickles in, and every socket is opened by us, for an address that the guard has
 * seen. Connections are kept for the next POST to the same host, before which the guard is asked
 * again: its rules may have changed. */
#include "core/http/pool.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/http/head.h"
#include "core/http/setup.h"

#define IDLE_CONNECTIONS 64L
#define IDLE_HANDLES     64
#define ANSWER_BYTES     16384 /* of body and headers each; more is not read */

struct post {
    struct http_pool *pool;
    CURL *easy;
    struct curl_slist *lines;
    void *arg;
    char host[256];
    size_t body_bytes, head_bytes;
    bool https;
    bool answered; /* its status line is there */
    struct head head;
    bool refused; /* by the guard, and `why` says so */
    struct err why;
    char error[CURL_ERROR_SIZE];
    struct post *next; /* of those that are idle */
};

struct http_pool {
    CURLM *multi;
    http_guard_fn guard;
    void *guard_arg;
    unsigned running;
    struct post *idle;
    unsigned n_idle;
    struct post **all; /* those that run */
    size_t room;
};

static void post_free(struct post *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    setup_free_lines(t->lines);
    free(t);
}

struct http_pool *http_pool_new(http_guard_fn guard, void *guard_arg)
{
    struct http_pool *p = NULL;

    if (setup_once())
        p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->guard = guard;
    p->guard_arg = guard_arg;
    p->multi = curl_multi_init();
    if (!p->multi || curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS)) {
        http_pool_free(p);
        return NULL;
    }
    return p;
}

void http_pool_free(struct http_pool *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->running; i++) {
        curl_multi_remove_handle(p->multi, p->all[i]->easy);
        post_free(p->all[i]);
    }
    while (p->idle) {
        struct post *t = p->idle;

        p->idle = t->next;
        post_free(t);
    }
    curl_multi_cleanup(p->multi);
    free(p->all);
    free(p);
}

/* ---- what curl asks us ----------------------------------------------------------------------- */

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct post *t = arg;
    struct err e = {0};

    (void)purpose;
    if (t->pool->guard && !t->pool->guard(t->pool->guard_arg, &to->addr, t->https, &e)) {
        t->refused = true;
        t->why = e;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* A connection is there, new or kept; nothing of this request was sent on it. */
static int on_request(void *arg, char *ip, char *own_ip, int port, int own_port)
{
    struct post *t = arg;
    struct sockaddr_storage to = {0}; /* of no family, which no guard lets pass, if it is neither */
    struct err e = {0};

    (void)own_ip, (void)own_port;
    (void)http_address_read(&to, ip, (uint16_t)port);
    if (t->pool->guard(t->pool->guard_arg, (struct sockaddr *)&to, t->https, &e))
        return CURL_PREREQFUNC_OK;
    t->refused = true;
    t->why = e;
    return CURL_PREREQFUNC_ABORT;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct post *t = arg;

    n *= size;
    t->head_bytes += n;
    if (t->head_bytes > ANSWER_BYTES)
        return 0;
    head_line(&t->head, (struct span){p, n});
    t->answered = true;
    return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct post *t = arg;

    (void)p;
    n *= size;
    t->body_bytes += n;
    return t->body_bytes > ANSWER_BYTES ? 0 : n;
}

/* ---- beginning one --------------------------------------------------------------------------- */

#define SET(option, value) (bad |= curl_easy_setopt(t->easy, (option), (value)) != CURLE_OK)

static bool set_request(struct post *t, const struct http_post *rq)
{
    bool bad = false;

    SET(CURLOPT_URL, rq->url);
    SET(CURLOPT_HTTPHEADER, t->lines);
    SET(CURLOPT_USERAGENT, rq->user_agent);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
    SET(CURLOPT_COPYPOSTFIELDS, rq->body.n ? rq->body.p : "");
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)rq->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)rq->total_ms);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_PRIVATE, t);
    return !bad;
}

static bool set_policy(struct post *t)
{
    bool bad = !setup_policy(t->easy);

    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_BUFFERSIZE, 4096L);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    if (t->pool->guard) {
        SET(CURLOPT_PROXY, "");
        SET(CURLOPT_PREREQFUNCTION, on_request);
        SET(CURLOPT_PREREQDATA, t);
    }
    return !bad;
}

static struct post *take_idle(struct http_pool *p)
{
    struct post *t = p->idle;

    if (t) {
        p->idle = t->next;
        p->n_idle--;
        curl_easy_reset(t->easy);
        *t = (struct post){.pool = p, .easy = t->easy};
        return t;
    }
    t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->pool = p;
    t->easy = curl_easy_init();
    if (!t->easy) {
        free(t);
        return NULL;
    }
    return t;
}

static void give_back(struct http_pool *p, struct post *t)
{
    setup_free_lines(t->lines);
    t->lines = NULL;
    if (p->n_idle == IDLE_HANDLES) {
        post_free(t);
        return;
    }
    t->next = p->idle;
    p->idle = t;
    p->n_idle++;
}

static bool make_room(struct http_pool *p)
{
    if (p->running < p->room)
        return true;
    size_t room = p->room ? 2 * p->room : 16;
    struct post **all = reallocarray(p->all, room, sizeof(struct post *));

    if (!all)
        return false;
    p->all = all;
    p->room = room;
    return true;
}

enum rc http_pool_post(struct http_pool *p, const struct http_post *post, struct err *e)
{
    static const char *const own[] = {"Expect:", "Accept: */*", NULL};
    struct http_url url;
    enum rc rc = http_url_read(&url, post->url, e);
    struct post *t;

    if (rc)
        return rc;
    t = make_room(p) ? take_idle(p) : NULL;
    if (!t)
        return err_set(e, RC_SYS, "out of memory");
    head_reset(&t->head);
    t->arg = post->arg;
    t->https = url.https;
    memcpy(t->host, url.host, sizeof t->host);
    rc = setup_lines(&t->lines, own, post->headers, e);
    if (!rc &&
        (!set_request(t, post) || !set_policy(t) || curl_multi_add_handle(p->multi, t->easy)))
        rc = err_set(e, RC_SYS, "cannot set up the request");
    if (rc) {
        give_back(p, t);
        return rc;
    }
    p->all[p->running++] = t;
    return RC_OK;
}

unsigned http_pool_running(const struct http_pool *p)
{
    return p->running;
}

/* ---- moving them on -------------------------------------------------------------------------- */

enum rc http_pool_wait(struct http_pool *p, struct pollfd *fds, unsigned n_fds, int64_t ms,
                       struct err *e)
{
    struct curl_waitfd *extra = n_fds ? calloc(n_fds, sizeof *extra) : NULL;
    int running;

    if (n_fds && !extra)
        return err_set(e, RC_SYS, "out of memory");
    for (unsigned i = 0; i < n_fds; i++)
        extra[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
    bool bad = curl_multi_poll(p->multi, extra, n_fds, ms < INT_MAX ? (int)ms : INT_MAX, NULL) ||
               curl_multi_perform(p->multi, &running);
    for (unsigned i = 0; i < n_fds; i++)
        fds[i].revents = extra[i].revents ? POLLIN : 0;
    free(extra);
    return bad ? err_set(e, RC_SYS, "curl_multi_poll failed") : RC_OK;
}

static enum rc judge(struct post *t, CURLcode code, struct err *e)
{
    /* An answer that would not end, or was cut: its status has said what matters. */
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && t->answered))
        return RC_OK;
    if (t->refused && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
        return err_set(e, RC_INVALID, "%s: %s", t->host, t->why.text);
    if (code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT)
        return err_set(e, RC_SYS, "%s", curl_easy_strerror(code));
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return err_set(e, RC_INVALID, "%s: %s", t->host, curl_easy_strerror(code));
    if (code == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, RC_AGAIN, "%s: no answer in time", t->host);
    return err_set(e, RC_AGAIN, "%s: %s", t->host,
                   t->error[0] ? t->error : curl_easy_strerror(code));
}

/* libcurl 7.88 leaves a handle that found no address with a buffer whose size cannot be set. */
static void forget(struct http_pool *p, struct post *t, bool failed)
{
    for (unsigned i = 0; i < p->running; i++)
        if (p->all[i] == t) {
            p->all[i] = p->all[--p->running];
            break;
        }
    curl_multi_remove_handle(p->multi, t->easy);
    if (failed)
        post_free(t);
    else
        give_back(p, t);
}

bool http_pool_next(struct http_pool *p, struct http_outcome *ret)
{
    int left;
    CURLMsg *m = curl_multi_info_read(p->multi, &left);
    void *found = NULL;

    if (!m || m->msg != CURLMSG_DONE)
        return false;
    CURLcode code = m->data.result;
    struct http_outcome o = {.retry_after_ms = -1};

    (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &found);
    struct post *t = found;
    o.arg = t->arg;
    o.rc = judge(t, code, &o.why);
    if (o.rc == RC_OK) {
        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &o.status);
        o.retry_after_ms = head_retry_after_ms(&t->head, clock_wall_ms());
    }
    forget(p, t, o.rc != RC_OK);
    *ret = o;
    return true;
}

void http_pool_wake(struct http_pool *p)
{
    curl_multi_wakeup(p->multi);
}
