/* fake_http: an HTTP server in this process whose answers are made byte by byte, so that it can
 * misbehave.
 *
 * DESIGN: one thread accepts, one per connection reads requests and calls the test's `answer`,
 * which writes to the socket what it likes and says whether to keep the connection. A test that
 * wants silence calls fake_http_wait_gone(): it returns when the client left, so no test sleeps. */
#ifndef TESTS_UNIT_FAKE_HTTP_H
#define TESTS_UNIT_FAKE_HTTP_H

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/buf.h"

#define FAKE_CONNECTIONS 64
#define FAKE_REQUESTS    256

/* A name that cannot be had: its label is longer than any may be, so no name server is asked. */
#define NO_SUCH_HOST "a-label-of-64-characters-which-is-one-more-than-a-label-may-have.invalid"

struct fake_http;
/* `text` is the request, NUL-terminated, head and body; `nth` counts requests from 0. */
typedef bool (*fake_answer)(struct fake_http *f, int fd, const char *text, int nth);

struct fake_http {
    fake_answer answer;
    void *arg;
    int listener;
    int port; /* 0: a unix socket */
    pthread_t acceptor;
    pthread_mutex_t lock;
    int fds[FAKE_CONNECTIONS];
    pthread_t threads[FAKE_CONNECTIONS];
    int n;
    atomic_int connections;
    int n_requests;
    char *requests[FAKE_REQUESTS]; /* as they came */
    char url[128];
};

struct fake_connection {
    struct fake_http *f;
    int fd;
};

static inline void fake_http_send(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static inline void fake_http_send_bytes(int fd, const void *p, size_t n)
{
    (void)!send(fd, p, n, MSG_NOSIGNAL);
}

/* A whole answer; `headers` is NULL or full lines with CRLF. */
static inline void fake_http_reply(int fd, int status, const char *headers, const void *body,
                                   size_t n)
{
    char head[2048];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %d Word\r\nContent-Type: application/json; charset=UTF-8\r\n%s"
                       "Content-Length: %zu\r\n\r\n",
                       status, headers ? headers : "", n);

    fake_http_send_bytes(fd, head, (size_t)len);
    fake_http_send_bytes(fd, body, n);
}

static inline void fake_http_reply_text(int fd, int status, const char *body)
{
    fake_http_reply(fd, status, NULL, body, strlen(body));
}

/* Until the client closed its end. True unless it takes longer than 30 s. */
static inline bool fake_http_wait_gone(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    return poll(&p, 1, 30000) == 1;
}

/* One gzip member of these bytes; free() it. */
static inline unsigned char *fake_gzip(const void *p, size_t n, size_t *ret_n)
{
    z_stream z = {0};
    unsigned char *out;
    int rc = deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

    assert(rc == Z_OK);
    size_t room = deflateBound(&z, n) + 64;
    out = malloc(room);
    z.next_in = (unsigned char *)p;
    z.avail_in = (unsigned)n;
    z.next_out = out;
    z.avail_out = (unsigned)room;
    rc = deflate(&z, Z_FINISH);
    assert(rc == Z_STREAM_END);
    *ret_n = room - z.avail_out;
    deflateEnd(&z);
    return out;
}

static inline size_t fake_body_length(const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");

    return field ? (size_t)strtoul(field + 17, NULL, 10) : 0;
}

/* The bytes of one request appended to `b`, beginning at b->n = 0; false when the client left. */
static inline bool fake_read_request(int fd, struct buf *b)
{
    for (;;) {
        const char *end = b->n ? strstr(b->p, "\r\n\r\n") : NULL;
        char chunk[4096];

        if (end && b->n >= (size_t)(end + 4 - b->p) + fake_body_length(b->p))
            return true;
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
        if (n <= 0)
            return false;
        buf_add(b, chunk, (size_t)n);
    }
}

static inline void *fake_serve(void *arg)
{
    struct fake_connection *c = arg;
    struct fake_http *f = c->f;
    struct buf b = {0};
    bool keep = true;

    while (keep && fake_read_request(c->fd, &b)) {
        pthread_mutex_lock(&f->lock);
        int nth = f->n_requests++;
        char *text = strdup(buf_text(&b));
        assert(nth < FAKE_REQUESTS);
        f->requests[nth] = text;
        pthread_mutex_unlock(&f->lock);
        keep = f->answer(f, c->fd, text, nth);
        buf_reset(&b);
    }
    shutdown(c->fd, SHUT_RDWR); /* closed by fake_http_stop, which may still look at the number */
    buf_release(&b);
    free(c);
    return NULL;
}

static inline void *fake_accept(void *arg)
{
    struct fake_http *f = arg;
    int fd;

    while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
        struct fake_connection *c = malloc(sizeof(*c));

        *c = (struct fake_connection){f, fd};
        atomic_fetch_add(&f->connections, 1);
        pthread_mutex_lock(&f->lock);
        assert(f->n < FAKE_CONNECTIONS);
        f->fds[f->n] = fd;
        pthread_create(&f->threads[f->n++], NULL, fake_serve, c);
        pthread_mutex_unlock(&f->lock);
    }
    return NULL;
}

/* `path` is that of a unix socket, or NULL for a free TCP port on 127.0.0.1. */
static inline void fake_http_start(struct fake_http *f, const char *path, fake_answer answer,
                                   void *arg)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(in);
    int rc;

    *f = (struct fake_http){.answer = answer, .arg = arg};
    pthread_mutex_init(&f->lock, NULL);
    f->listener = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (path) {
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
        rc = bind(f->listener, (struct sockaddr *)&un, sizeof(un));
    } else {
        rc = bind(f->listener, (struct sockaddr *)&in, sizeof(in));
    }
    assert(rc == 0);
    rc = listen(f->listener, 64);
    assert(rc == 0);
    if (!path) {
        getsockname(f->listener, (struct sockaddr *)&in, &len);
        f->port = ntohs(in.sin_port);
    }
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d", f->port);
    pthread_create(&f->acceptor, NULL, fake_accept, f);
}

static inline int fake_http_requests(struct fake_http *f)
{
    pthread_mutex_lock(&f->lock);
    int n = f->n_requests;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static inline void fake_http_stop(struct fake_http *f)
{
    shutdown(f->listener, SHUT_RDWR);
    pthread_join(f->acceptor, NULL);
    close(f->listener);
    for (int i = 0; i < f->n; i++)
        shutdown(f->fds[i], SHUT_RDWR);
    for (int i = 0; i < f->n; i++) {
        pthread_join(f->threads[i], NULL);
        close(f->fds[i]);
    }
    for (int i = 0; i < f->n_requests; i++)
        free(f->requests[i]);
    pthread_mutex_destroy(&f->lock);
}

#endif
