/* httpd: an HTTP server loop: a thread with a listening socket and its connections. Everything but
 * httpd_wake(), httpd_heartbeat_ms() and responses is for its callbacks alone. */
#ifndef CORE_HTTPD_HTTPD_H
#define CORE_HTTPD_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"

struct httpd;
struct httpd_response;
struct tls; /* tls.h */

/* One request with its complete body. Valid until it is answered. */
struct httpd_request {
    const char *method;
    struct span path;  /* as sent, still percent-encoded, without the query */
    struct span query; /* as sent, behind the '?'; may be empty */
    struct span body;
    unsigned refused; /* 0, or the 4xx to answer it with (400 413 414 431); then there is no body */
};

struct httpd_options {
    const char *name;         /* of the thread, at most 15 characters; a literal */
    const char *listen;       /* "host:port", "[v6]:port", or a path: a unix socket */
    unsigned socket_mode;     /* of a unix socket; 0: 0660 */
    const char *socket_owner; /* likewise, "USER:GROUP", either may be left out; NULL: as it is */
    struct tls *tls;          /* HTTPS with it, borrowed until httpd_free(); NULL: plain HTTP */
    int inherited_fd; /* a listening socket handed over by the manager, instead; <= 0: none */
    bool local_only;  /* refuse to start on a socket that other machines reach */
    unsigned max_connections, max_per_address; /* each 0: a default */
    unsigned timeout_s;                        /* silence after which a connection is closed */
    size_t memory_bytes; /* per connection: request line, headers and answer headers must fit */
    size_t body_bytes;   /* larger bodies are refused with 413 */
    void *arg;           /* of the two below */
    /* Must answer, now or later: the request waits until this thread calls httpd_answer(). */
    void (*handle)(void *arg, struct httpd_request *req);
    /* May be NULL. After every turn of the loop, when all requests that had come in were handled
     * (so many can be answered by one commit). Returns in how many ms at most it wants to be called
     * again, -1: no wish. Once more when stopping; what is unanswered after that gets 503. */
    int64_t (*after_turn)(void *arg, bool stopping);
};

/* Binds and starts. RC_INVALID: `listen` makes no sense, or is not local; RC_SYS: address in use
 * and the like. A unix socket that nobody answers on is replaced. */
enum rc httpd_start(struct httpd **ret, const struct httpd_options *opt, struct err *e);
/* No further connections; what is under way is finished, for at most a second. NULL ok. */
void httpd_free(struct httpd *h);
unsigned httpd_port(const struct httpd *h);   /* as bound; 0 for a unix socket */
bool httpd_is_exposed(const struct httpd *h); /* is its socket TCP, and not a loopback address? */
int64_t httpd_heartbeat_ms(const struct httpd *h); /* clock_awake_ms() of the last turn */
void httpd_wake(struct httpd *h); /* makes a turn happen, so that after_turn is called */
enum rc httpd_watch(struct httpd *h, int fd, struct err *e); /* turns when `fd` is readable, too */

const char *httpd_header(const struct httpd_request *req, const char *name); /* NULL when absent */

/* Keeps a reference to the response. The request is gone afterwards. */
void httpd_answer(struct httpd_request *req, struct httpd_response *r);

unsigned httpd_places(const struct httpd *h);  /* for connections */
unsigned httpd_waiting(const struct httpd *h); /* requests that are to be answered */
/* Ends HTTP on the connection of a waiting request: all of the answer, head included, is the
 * caller's to send on the socket it gets. Only within after_turn. -1: it waits on. */
int httpd_take_over(struct httpd_request *req);

/* A response may be answered with many times, by any thread, once it is complete; its Date is that
 * of its making. NULL without memory: the functions below accept that, httpd_answer() then closes.
 * This one takes the malloc()ed body; NULL: none. */
struct httpd_response *httpd_response_new(unsigned status, char *body, size_t n);
/* Borrows the body until `release(arg)`, which any loop thread may call. */
struct httpd_response *httpd_response_over(unsigned status, const char *body, size_t n,
                                           void (*release)(void *arg), void *arg);
void httpd_response_header(struct httpd_response *r, const char *name, const char *value);
struct httpd_response *httpd_response_ref(struct httpd_response *r);
void httpd_response_unref(struct httpd_response *r); /* NULL ok */

#endif
