/* pool: many POSTs at once in one thread, none of which waits for another. */
#ifndef CORE_HTTP_POOL_H
#define CORE_HTTP_POOL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/err.h"
#include "core/base/span.h"

struct http_pool;

/* Asked about the very address that is about to be connected to, whatever name it came from, each
 * time, and again before each request: neither what a name server says in between makes a
 * difference, nor a connection that was kept. False: nothing is sent there, and the outcome is
 * RC_INVALID with the text that was put into *e. */
typedef bool (*http_guard_fn)(void *arg, const struct sockaddr *to, bool https, struct err *e);

/* `guard` NULL: any address, and the proxy of the environment; with one no proxy is used, since it
 * would connect where we cannot look. NULL: out of memory. */
struct http_pool *http_pool_new(http_guard_fn guard, void *guard_arg);
/* Whatever is under way is cut. NULL ok. */
void http_pool_free(struct http_pool *p);

struct http_post {
    const char *url; /* http or https; borrowed until http_pool_post() returns, like the rest */
    const char *const *headers; /* "Name: value", NULL-terminated */
    const char *user_agent;
    struct span body;
    int64_t connect_ms, total_ms;
    void *arg; /* the caller's, in its outcome */
};

struct http_outcome {
    void *arg;
    /* RC_OK: an answer came (the body is thrown away; one that does not end soon is cut). RC_AGAIN:
     * network, TLS, deadline. RC_INVALID: the guard refused every address, or an unusable URL.
     * RC_SYS: out of memory. */
    enum rc rc;
    long status;
    int64_t retry_after_ms; /* -1: none */
    struct err why;         /* unless RC_OK; names the host, never path or query */
};

/* Certificates: see http.h. Begins one; its outcome comes later. RC_INVALID, RC_SYS: there will be
 * none. */
enum rc http_pool_post(struct http_pool *p, const struct http_post *post, struct err *e);
unsigned http_pool_running(const struct http_pool *p);
/* Sleeps until something happens: to a POST, on one of the caller's descriptors (`revents` is
 * filled), http_pool_wake(), or `ms` are over. Then moves all of them on. */
enum rc http_pool_wait(struct http_pool *p, struct pollfd *fds, unsigned n_fds, int64_t ms,
                       struct err *e);
/* The next one that is over. */
bool http_pool_next(struct http_pool *p, struct http_outcome *ret);
void http_pool_wake(struct http_pool *p); /* from any thread */

/* What we call `url`: scheme, host as a socket address when it is one (in whatever notation), else
 * its name; port. RC_INVALID: not http(s), a user name, a fragment, control characters. */
struct http_url {
    bool https, numeric;
    char host[256];
    uint16_t port;
    struct sockaddr_storage address; /* numeric */
};
enum rc http_url_read(struct http_url *ret, const char *url, struct err *e);
/* From four numbers, or an IPv6 address without brackets. False: neither, *ret is as it was. */
bool http_address_read(struct sockaddr_storage *ret, const char *ip, uint16_t port);

#endif
