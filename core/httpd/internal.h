/* internal: what the parts of the HTTP loop know of each other. */
#ifndef CORE_HTTPD_INTERNAL_H
#define CORE_HTTPD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include <gnutls/abstract.h>
#include <microhttpd.h>

#include "core/base/buf.h"
#include "core/httpd/guests.h"
#include "core/httpd/httpd.h"
#include "core/httpd/tls.h"

struct listener {
    int fd; /* -1 once closed */
    unsigned port;
    bool exposed;   /* other machines can reach it */
    char path[108]; /* of a unix socket; "" for TCP */
    dev_t dev;      /* the socket file as bound, so that only our own is removed */
    ino_t ino;
};
enum rc listener_open(struct listener *ret, const struct httpd_options *opt, struct err *e);
void listener_close(struct listener *l);

struct request {
    struct httpd_request pub; /* first: the public pointer is this one */
    struct httpd *h;
    struct MHD_Connection *conn;
    struct httpd_response *response; /* the answer, not yet queued */
    struct request *prev, *next;     /* in h->waiting while suspended */
    struct buf body;
    struct span authority; /* of a target that names its host */
    size_t discarded;      /* bytes of a refused body */
    bool begun, handled, answered, waiting;
    bool taken; /* its socket is no longer ours */
    char uri[];
};

struct httpd {
    struct httpd_options opt;
    struct listener listener;
    struct MHD_Daemon *daemon;
    struct request *waiting;            /* suspended requests */
    struct guest_list strangers, known; /* known: have sent a whole request */
    unsigned guests, n_waiting;
    size_t unsent;      /* bytes of answers under way that only they hold */
    unsigned in_flight; /* requests begun and not yet completed */
    int epoll_fd, wake_fd;
    int dead_fd; /* a socket whose other end is closed: takes the place of one taken over */
    bool draining, started, exposed;
    bool resumed;       /* a waiting request was answered since the library last ran */
    int64_t stalled_ms; /* since then the library accepts nobody until a connection ends; 0: no */
    pthread_t thread;
    unsigned port;
    atomic_bool stop;
    _Atomic int64_t heartbeat_ms;
};

/* libmicrohttpd's callbacks, see request.c. `cls` is the struct httpd. */
void *request_begin(void *cls, const char *uri, struct MHD_Connection *conn);
enum MHD_Result request_go_on(void *cls, struct MHD_Connection *conn, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **con_cls);
void request_end(void *cls, struct MHD_Connection *conn, void **con_cls,
                 enum MHD_RequestTerminationCode why);
size_t request_keep_escapes(void *cls, struct MHD_Connection *conn, char *text);

/* The certificate of all handshakes of this thread, and how GnuTLS asks for it. */
void tls_serve_here(struct tls *t);
int tls_give(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
             const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret_chain,
             unsigned *ret_n, gnutls_privkey_t *ret_key);

enum MHD_Result response_queue(struct httpd_response *r, struct MHD_Connection *conn);
size_t response_own_bytes(const struct httpd_response *r); /* of a body that is not shared */

#endif
