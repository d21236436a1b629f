/* http_client: a small blocking HTTP client for unit tests, which shows what really went over the
 * wire. */
#ifndef TESTS_UNIT_HTTP_CLIENT_H
#define TESTS_UNIT_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/buf.h"

struct http_client {
    int fd;
    struct buf in; /* received and not yet consumed */
};

struct http_answer {
    unsigned status;
    char *head; /* status line and headers, NUL-terminated */
    char *body; /* NUL-terminated */
    size_t n;
};

static inline void http_answer_release(struct http_answer *a)
{
    free(a->head);
    free(a->body);
    *a = (struct http_answer){0};
}

/* A header's value, copied to `out`; "" when absent. */
static inline const char *http_answer_header(const struct http_answer *a, const char *name,
                                             char out[256])
{
    out[0] = '\0';
    size_t n = strlen(name);
    for (const char *p = strstr(a->head, "\r\n"); p; p = strstr(p, "\r\n")) {
        p += 2;
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1;
            p += strspn(p, " ");
            (void)snprintf(out, 256, "%.*s", (int)strcspn(p, "\r"), p);
            break;
        }
    }
    return out;
}

static inline void http_set_timeouts(int fd)
{
    struct timeval limit = {.tv_sec = 60};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static inline bool http_connect(struct http_client *c, unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *c = (struct http_client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    http_set_timeouts(c->fd);
    return connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0;
}

static inline bool http_connect_unix(struct http_client *c, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    *c = (struct http_client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    http_set_timeouts(c->fd);
    return connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0;
}

static inline void http_close(struct http_client *c)
{
    close(c->fd);
    buf_release(&c->in);
}

static inline bool http_send(struct http_client *c, const void *p, size_t n)
{
    const char *at = p;
    while (n) {
        ssize_t sent = send(c->fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

static inline bool http_send_text(struct http_client *c, const char *text)
{
    return http_send(c, text, strlen(text));
}

static inline bool http_fill(struct http_client *c)
{
    char piece[65536];
    ssize_t n = recv(c->fd, piece, sizeof piece, 0);
    if (n <= 0)
        return false;
    buf_add(&c->in, piece, (size_t)n);
    return true;
}

static inline char *http_copy(const char *p, size_t n)
{
    char *out = malloc(n + 1);
    memcpy(out, p, n);
    out[n] = '\0';
    return out;
}

/* Reads one answer (of known length). False: the connection ended first, or a minute passed. */
static inline bool http_receive(struct http_client *c, struct http_answer *ret, bool no_body)
{
    const char *end;
    while (!(end = strstr(buf_text(&c->in), "\r\n\r\n")))
        if (!http_fill(c))
            return false;
    size_t head = (size_t)(end - c->in.p) + 4;
    struct http_answer a = {.head = http_copy(c->in.p, head)};
    char value[256];
    a.status = (unsigned)strtoul(a.head + strcspn(a.head, " "), NULL, 10);
    a.n = no_body ? 0 : strtoul(http_answer_header(&a, "Content-Length", value), NULL, 10);
    while (c->in.n < head + a.n)
        if (!http_fill(c)) {
            http_answer_release(&a);
            return false;
        }
    a.body = http_copy(c->in.p + head, a.n);
    size_t used = head + a.n;
    memmove(c->in.p, c->in.p + used, c->in.n - used);
    c->in.n -= used;
    c->in.p[c->in.n] = '\0';
    *ret = a;
    return true;
}

/* One request on a connection of its own. `headers`: lines that end in CRLF, or "". */
static inline struct http_answer http_ask(unsigned port, const char *method, const char *target,
                                          const char *headers, const char *body)
{
    struct http_client c;
    struct http_answer a = {0};
    struct buf out = {0};
    const char *host = strcasestr(headers, "Host:") ? "" : "Host: localhost\r\n";
    buf_printf(&out, "%s %s HTTP/1.1\r\n%s%sContent-Length: %zu\r\n\r\n%s", method, target, host,
               headers, strlen(body), body);
    if (http_connect(&c, port) && http_send(&c, out.p, out.n))
        (void)http_receive(&c, &a, strcmp(method, "HEAD") == 0);
    http_close(&c);
    buf_release(&out);
    return a;
}

#endif
