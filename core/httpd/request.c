/* request: one request from its first byte to its last: the body is gathered, the handler asked,
 * the answer queued.
 *
 * DESIGN. libmicrohttpd calls request_go_on() once when the headers are in, once per piece of body,
 * and once more when the body is complete. Only the last call may answer: a response queued on the
 * first one makes the library close the connection (four times slower than keeping it). The
 * exception is a body too large to be worth reading. A request whose answer comes later is
 * suspended and, resumed by the answer, called once more. The URI is copied as it came, and then
 * cut behind its '?' in the library's buffer: that would split the query at every '&' and keep the
 * pieces in the connection's memory, and a request whose pieces do not fit there it never answers.
 *
 * A connection that leaves HTTP (httpd_take_over) must not keep the library's memory of it, some
 * ten kilobytes, for hours. The library has no way to let go of a socket but to shut it down. So
 * the socket is duplicated, and a dead one put in the place of its descriptor; the library, which
 * has a suspended connection in no poll set, then finds that one closed and cleans up. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/httpd/framing.h"
#include "core/httpd/internal.h"

/* So much of a refused body is read and dropped, since closing a connection with unread data would
 * take the answer away from the client. Beyond it that is the client's problem. */
#define DISCARD_MAX (32u << 20)

/* Shares of the connection's memory that the request line's target and all of the head may take;
 * the rest is for the head of the answer. */
#define URI_SHARE(memory)  ((memory) / 2)
#define HEAD_SHARE(memory) ((memory) / 4 * 3)

size_t request_keep_escapes(void *cls, struct MHD_Connection *conn, char *text)
{
    (void)cls, (void)conn;
    return strlen(text);
}

/* "http://host/path" (allowed by RFC 9112 §3.2.2) names its path too. */
static const char *skip_authority(const char *uri, struct span *ret_authority)
{
    const char *sep = uri[0] == '/' ? NULL : strstr(uri, "://");
    const char *slash = sep ? strchr(sep + 3, '/') : NULL;
    if (!slash)
        return uri;
    *ret_authority = (struct span){sep + 3, (size_t)(slash - sep - 3)};
    return slash;
}

void *request_begin(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct httpd *h = cls;
    size_t n = strlen(uri);
    struct request *r = malloc(sizeof *r + n + 1);
    if (!r)
        return NULL;
    *r = (struct request){.h = h, .conn = conn};
    memcpy(r->uri, uri, n + 1);
    char *theirs = strchr((char *)(uintptr_t)uri, '?');
    if (theirs && theirs[1])
        theirs[1] = '\0';
    r->body.cap = h->opt.body_bytes;

    const char *path = skip_authority(r->uri, &r->authority);
    const char *end = path + strcspn(path, "?#");
    r->pub.path = (struct span){path, (size_t)(end - path)};
    if (*end == '?')
        r->pub.query = (struct span){end + 1, strcspn(end + 1, "#")};
    if (n > URI_SHARE(h->opt.memory_bytes))
        r->pub.refused = MHD_HTTP_URI_TOO_LONG;
    h->in_flight++;
    return r;
}

void request_end(void *cls, struct MHD_Connection *conn, void **con_cls,
                 enum MHD_RequestTerminationCode why)
{
    (void)why;
    struct httpd *h = cls;
    struct request *r = *con_cls;
    if (!r)
        return;
    h->in_flight--;
    if (!r->taken)
        guest_is_done(h, conn);
    httpd_response_unref(r->response);
    buf_release(&r->body);
    free(r);
    *con_cls = NULL;
}

/* The headers are in. True: answer now, without waiting for a body. */
static bool begin(struct request *r, const char *version)
{
    /* Answered at once, the connection ends: where its next request begins nobody knows. */
    const char *length;
    if (!framing_is_plain(r->conn, r->pub.method, version, r->authority, &length)) {
        r->pub.refused = MHD_HTTP_BAD_REQUEST;
        return true;
    }
    size_t memory = r->h->opt.memory_bytes;
    const union MHD_ConnectionInfo *head =
        MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!r->pub.refused && head && head->header_size > HEAD_SHARE(memory))
        r->pub.refused = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;

    unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
    if (!r->pub.refused && n > r->h->opt.body_bytes)
        r->pub.refused = MHD_HTTP_CONTENT_TOO_LARGE;
    return r->pub.refused && n > 0 &&
           (n > DISCARD_MAX || httpd_header(&r->pub, MHD_HTTP_HEADER_EXPECT));
}

/* A piece of body. False: enough of it, close. */
static bool take_body(struct request *r, const char *data, size_t n)
{
    if (!r->pub.refused) {
        bool fits = n <= r->body.cap - r->body.n;
        buf_add(&r->body, data, n);
        if (!r->body.failed || fits) /* or memory ran out: no word of the client's is to blame */
            return !r->body.failed;
        r->pub.refused = MHD_HTTP_CONTENT_TOO_LARGE;
        buf_release(&r->body);
    }
    r->discarded += n;
    return r->discarded <= DISCARD_MAX;
}

static void handle(struct request *r)
{
    r->handled = true;
    guest_asks(r->h, r->conn);
    if (!r->pub.refused)
        r->pub.body = buf_span(&r->body);
    r->h->opt.handle(r->h->opt.arg, &r->pub);
}

/* Queues the answer if there is one. */
static enum MHD_Result queue(struct request *r)
{
    guest_sends(r->h, r->conn, response_own_bytes(r->response));
    enum MHD_Result done = response_queue(r->response, r->conn);
    httpd_response_unref(r->response);
    r->response = NULL;
    return done;
}

static void wait_for_answer(struct request *r)
{
    struct httpd *h = r->h;
    r->waiting = true;
    r->prev = NULL;
    r->next = h->waiting;
    if (r->next)
        r->next->prev = r;
    h->waiting = r;
    h->n_waiting++;
    guest_waits(r->conn);
    MHD_suspend_connection(r->conn);
}

enum MHD_Result request_go_on(void *cls, struct MHD_Connection *conn, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **con_cls)
{
    (void)conn, (void)url;
    struct httpd *h = cls;
    struct request *r = *con_cls;
    if (!r || r->taken || (h->draining && !r->begun))
        return MHD_NO;
    if (!r->begun) {
        r->begun = true;
        r->pub.method = method;
        if (!begin(r, version))
            return MHD_YES;
        handle(r);
        return r->answered ? queue(r) : MHD_YES;
    }
    if (*data_size) {
        bool more = take_body(r, data, *data_size);
        *data_size = 0;
        return more ? MHD_YES : MHD_NO;
    }
    if (!r->handled)
        handle(r);
    if (r->answered)
        return queue(r);
    wait_for_answer(r);
    return MHD_YES;
}

/* Wakes the library for a request that was suspended. */
static void resume(struct request *r)
{
    r->waiting = false;
    r->h->n_waiting--;
    if (r->prev)
        r->prev->next = r->next;
    else
        r->h->waiting = r->next;
    if (r->next)
        r->next->prev = r->prev;
    if (!r->taken)
        guest_is_answered(r->h, r->conn);
    MHD_resume_connection(r->conn);
    r->h->resumed = true;
}

void httpd_answer(struct httpd_request *req, struct httpd_response *response)
{
    struct request *r = (struct request *)req;
    r->response = httpd_response_ref(response);
    r->answered = true;
    if (r->waiting)
        resume(r);
}

unsigned httpd_places(const struct httpd *h)
{
    return h->opt.max_connections;
}

unsigned httpd_waiting(const struct httpd *h)
{
    return h->n_waiting;
}

int httpd_take_over(struct httpd_request *req)
{
    struct request *r = (struct request *)req;
    assert(r->waiting);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0)
        return -1;
    if (r->h->dead_fd < 0 || dup3(r->h->dead_fd, info->connect_fd, O_CLOEXEC) < 0) {
        close(fd);
        return -1;
    }
    r->taken = true;
    resume(r);
    return fd;
}

const char *httpd_header(const struct httpd_request *req, const char *name)
{
    const struct request *r = (const struct request *)req;
    return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}
