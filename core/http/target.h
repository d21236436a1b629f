/* target: may we send a request to this URL at all, and what may an error say about it? */
#ifndef CORE_HTTP_TARGET_H
#define CORE_HTTP_TARGET_H

#include <stdbool.h>

#include "core/base/err.h"

struct target {
    char host[256];
    bool local; /* a loopback host or a unix socket: no proxy, and http:// is fine */
};

/* RC_INVALID: not a URL, neither http nor https, user:password in it, or http:// to another
 * machine. */
enum rc target_read(struct target *ret, const char *url, bool unix_socket, struct err *e);

#endif
