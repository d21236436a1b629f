/* address: where a socket listens, as text ("127.0.0.1:8080", "[::1]:8080", "/run/x/api.sock"), and
 * URLs. */
#ifndef CORE_CONF_ADDRESS_H
#define CORE_CONF_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"

struct address {
    const char *path; /* of a unix socket, borrowed from the text; NULL for TCP */
    char host[64];    /* numeric IPv4 or IPv6 (no brackets), or "localhost" */
    uint16_t port;    /* 0: the kernel picks one */
};

/* RC_INVALID with the reason. Names other than localhost are refused: a listener must not depend on
 * DNS. */
enum rc address_parse(const char *text, struct address *ret, struct err *e);

/* localhost, 127.0.0.0/8, ::1 (with or without brackets). */
bool address_is_loopback(struct span host);

/* The parts of an absolute URL, borrowed from it. */
struct url {
    bool https;
    struct span host; /* brackets included */
    struct span port; /* digits; empty: the scheme's own */
    struct span path; /* from the first '/'; may be empty */
};

/* RC_INVALID with the reason: not http(s), no host, user name, query, fragment, blanks; http:// to
 * anything but loopback. */
enum rc url_parse(struct span text, struct url *ret, struct err *e);

#endif
