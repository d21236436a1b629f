/* door: who may ask: the names this server goes by, and the web pages that may read it.
 *
 * DESIGN. A page on the web can make its visitor's browser ask this server, by our address or (DNS
 * rebinding) by a name of the page's own that resolves to it. The first shows in Origin, the second
 * in Host. So both must be known to us, for every request, or it is refused before anything is
 * read. A unix socket has no name that a page could use: there only Origin counts. */
#include "core/serve/door.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"
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

/* An address typed in as such cannot be a name that somebody else resolves. */
static bool is_address(struct span name)
{
    char text[64];
    uint8_t bytes[16];
    bool v6 = name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
    if (v6)
        name = (struct span){name.p + 1, name.n - 2};
    return text_copy(text, sizeof text, name) &&
           inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

/* Does it listen on all addresses of the machine, which it then goes by? */
static bool listens_on_all(const struct conf *conf)
{
    struct span name = without_port(span_of(conf->api.listen));
    return span_is(name, "0.0.0.0") || span_is(name, "[::]");
}

static bool host_known(const struct conf *conf, struct span host)
{
    struct span name = without_port(host);
    if (address_is_loopback(name) || same_name(name, without_port(span_of(conf->api.listen))) ||
        (listens_on_all(conf) && is_address(name)))
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

static bool lists(const struct conf_list *origins, const char *origin)
{
    for (size_t i = 0; i < origins->n; i++)
        if (strcmp(origin, origins->v[i]) == 0)
            return true;
    return false;
}

bool door_has_origins(const struct conf *conf)
{
    bool any = conf->api.origins.n > 0;
    for (size_t i = 0; i < conf->n_clients && !any; i++)
        any = conf->clients[i].origins.n > 0;
    return any;
}

/* A page that asks first (a preflight bears no token), or with none, may be any client's. */
static bool is_of_some_client(const struct conf *conf, const char *origin)
{
    for (size_t i = 0; i < conf->n_clients; i++)
        if (lists(&conf->clients[i].origins, origin))
            return true;
    return false;
}

const char *door_cors_origin(const struct call *c)
{
    const struct conf_client *client = c->caller.client;
    const char *origin = door_has_origins(c->conf) ? c->header(c->source, "Origin") : NULL;
    if (!origin)
        return NULL;
    bool named = lists(&c->conf->api.origins, origin) ||
                 (client ? lists(&client->origins, origin)
                         : !c->caller.trusted && is_of_some_client(c->conf, origin));
    return named ? origin : NULL;
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
