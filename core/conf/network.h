/* network: address blocks as text ("192.168.0.0/16", "fd00::/8", "127.0.0.1"), and addresses in
 * them. */
#ifndef CORE_CONF_NETWORK_H
#define CORE_CONF_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/err.h"
#include "core/base/span.h"

/* One form for both families: an IPv4 address is ::ffff:a.b.c.d. */
struct ip {
    uint8_t b[16];
};
struct network {
    struct ip ip;
    unsigned bits; /* of the 128 */
};

/* RC_INVALID with the reason: bits set behind the length are a mistake, too. */
enum rc network_parse(struct span text, struct network *ret, struct err *e);
bool network_has(const struct network *n, const struct ip *ip);
bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *ret, uint16_t *ret_port);
bool ip_is_v4(const struct ip *ip);

#endif
