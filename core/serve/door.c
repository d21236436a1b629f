/* door: who may ask: the names this server goes by, and the web pages that may read it.
 *
 * DESIGN. A page on the web can make its visitor's browser ask this server, by our address or (DNS
 * rebinding) by a name of the page's own that resolves to it. The first shows in Origin, the second
 * in Host. So both must be known to us, for every request, or it is refused before anything is
 * read. A unix socket has no name that a page could use: there only Origin counts. */
#include "core/serve/door.h"

#include <string.h>
#include <strings.h>

#include "core/conf/address.h"
#include "core/serve/fault.h"

/* "[::1]:8080" -> "[::1]" */
static struct span without_port(struct span host)
{
    const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;
    if (colon && !memchr(colon, ']', host.n - (size_t)(colon - host.p)))
        host.n = (size_t)(colon - host.p);
    return host;
}

static bool same_name(struct span a, struct span b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool host_known(const struct conf *conf, struct span host)
{
    struct span name = without_port(host);
    if (address_is_loopback(name) || same_name(name, without_port(span_of(conf->api.listen))))
        return true;
    for (size_t i = 0; i < conf->api.hosts.n; i++) {
        struct span known = span_of(conf->api.hosts.v[i]);
        if (same_name(name, known) || same_name(host, known))
            return true;
    }
    return false;
}

/* Is the page one that this server itself sent? */
static bool same_origin(const char *origin, const char *host)
{
    const char *sep = strstr(origin, "://");
    return sep && host && strcasecmp(sep + 3, host) == 0;
}

const char *door_cors_origin(const struct call *c)
{
    const char *origin = c->conf->api.origins.n ? c->header(c->source, "Origin") : NULL;
    for (size_t i = 0; origin && i < c->conf->api.origins.n; i++)
        if (strcmp(origin, c->conf->api.origins.v[i]) == 0)
            return origin;
    return NULL;
}

bool door_admits(struct call *c)
{
    const char *host = c->header(c->source, "Host");
    const char *origin = c->header(c->source, "Origin");
    bool local_socket = c->conf->api.listen[0] == '/';
    if (host && !local_socket && !host_known(c->conf, span_of(host)))
        return call_fail(c, FAULT_FORBIDDEN_HOST, "Host",
                         "This server does not go by that name; see [api] hosts.");
    if (origin && !door_cors_origin(c) && !same_origin(origin, host))
        return call_fail(c, FAULT_FORBIDDEN_HOST, "Origin",
                         "Pages of that origin may not read from here; see [api] origins.");
    return true;
}
