/* ping: the public webhook: Google's content-free notifications become durable dirty marks. */
#ifndef CORE_PING_PING_H
#define CORE_PING_PING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/conf/conf.h"
#include "core/queue/queue.h"
#include "storage/store.h"

struct ping;

struct ping_options {
    const char *listen;     /* host:port or a unix socket */
    int inherited_fd;       /* a listening socket handed over by the manager, instead; <= 0: none */
    const char *public_url; /* its path is the only one served; copied */
    const char *tls_cert, *tls_key; /* PEM files, for HTTPS; "" or NULL: plain HTTP; copied */
    const char *site_verification;  /* see site.h; "" or NULL: none; copied */
    struct store *store;
    struct queue *queue;
};

/* Starts listening in a thread of its own. RC_SYS when it cannot bind; RC_INVALID, RC_AUTH when
 * certificate or key are not good. */
enum rc ping_start(struct ping **ret, const struct ping_options *opt, struct err *e);
void ping_stop(struct ping *p); /* answers what came in, ends the thread, frees; NULL ok */

/* Takes up a new certificate: at once if `now`, else once its files are left alone; call it about
 * every second. Says in the log what it did. One thread's. */
void ping_look(struct ping *p, bool now);

int64_t ping_heartbeat_ms(const struct ping *p); /* clock_awake_ms() of its loop's last turn */

#endif
