/* address: reads listen addresses and URLs, refusing what would be unsafe or ambiguous. */
#include "core/conf/address.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/un.h>

#include "core/base/text.h"

bool address_is_loopback(struct span host)
{
    char text[64];
    struct in_addr v4;
    struct in6_addr v6;
    if (span_is(host, "127.0.0.1"))
        return true;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct span){host.p + 1, host.n - 2};
    if (!text_copy(text, sizeof(text), host))
        return false;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, text, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(text, "localhost") == 0;
}

static bool port_parse(struct span text, uint16_t *ret)
{
    uint64_t port;
    if (text.n > 5 || !text_to_u64(text, &port) || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

/* Splits "host:port" at the colon behind the host; *ret_port is empty and false returned without
 * one. */
static bool split_port(struct span text, struct span *ret_host, struct span *ret_port)
{
    size_t at = text.n;
    while (at > 0 && text.p[at - 1] != ':' && text.p[at - 1] != ']')
        at--;
    bool found = at > 0 && text.p[at - 1] == ':';
    *ret_host = (struct span){text.p, found ? at - 1 : text.n};
    *ret_port = found ? (struct span){text.p + at, text.n - at} : (struct span){text.p, 0};
    return found;
}

enum rc address_parse(const char *text, struct address *ret, struct err *e)
{
    struct address a = {0};
    struct span host, port;
    struct in_addr v4;
    struct in6_addr v6;

    if (text[0] == '/') {
        if (strlen(text) >= sizeof(((struct sockaddr_un *)0)->sun_path))
            return err_set(e, RC_INVALID, "the path of a unix socket is at most %zu bytes long",
                           sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
        a.path = text;
        *ret = a;
        return RC_OK;
    }
    if (!split_port(span_of(text), &host, &port) || host.n == 0)
        return err_set(e, RC_INVALID, "expected host:port or the absolute path of a unix socket");
    if (!port_parse(port, &a.port))
        return err_set(e, RC_INVALID, "the port is not a number from 0 to 65535");

    bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (bracketed)
        host = (struct span){host.p + 1, host.n - 2};
    bool known = text_copy(a.host, sizeof(a.host), host) &&
                 (bracketed ? inet_pton(AF_INET6, a.host, &v6) == 1
                            : inet_pton(AF_INET, a.host, &v4) == 1 || span_is(host, "localhost"));
    if (!known)
        return err_set(
            e, RC_INVALID,
            "the host must be an IPv4 address, an IPv6 address in brackets, or localhost");
    *ret = a;
    return RC_OK;
}

static bool host_is_sane(struct span host)
{
    for (size_t i = 0; i < host.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._[]:",
                    host.p[i]))
            return false;
    return host.n > 0 && host.n < 254;
}

enum rc url_parse(struct span text, struct url *ret, struct err *e)
{
    struct url u = {0};
    uint16_t port;

    if (text.n > 8 && memcmp(text.p, "https://", 8) == 0)
        u.https = true;
    else if (text.n < 8 || memcmp(text.p, "http://", 7) != 0)
        return err_set(e, RC_INVALID, "expected a URL that begins with https://");
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '?' || text.p[i] == '#' || (unsigned char)text.p[i] <= ' ')
            return err_set(e, RC_INVALID, "a query, fragment or blank has no place in this URL");

    size_t skip = u.https ? 8 : 7;
    struct span rest = {text.p + skip, text.n - skip};
    const char *slash = memchr(rest.p, '/', rest.n);
    struct span place = {rest.p, slash ? (size_t)(slash - rest.p) : rest.n};
    u.path = (struct span){rest.p + place.n, rest.n - place.n};
    if (memchr(place.p, '@', place.n))
        return err_set(e, RC_INVALID, "a user name or password has no place in this URL");
    bool has_port = split_port(place, &u.host, &u.port);
    if (!host_is_sane(u.host) || (has_port && (!port_parse(u.port, &port) || port == 0)))
        return err_set(e, RC_INVALID, "the host or port of this URL makes no sense");
    if (!u.https && !address_is_loopback(u.host))
        return err_set(e, RC_INVALID,
                       "plain http:// is accepted for loopback hosts only; use https://");
    *ret = u;
    return RC_OK;
}
