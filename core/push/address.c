/* address: the table of special-purpose networks, and the verdict on one address.
 *
 * DESIGN. What is judged is the address that a socket is about to be connected to, so neither the
 * notation of a host nor what a name server says at which moment matters. IPv6 forms that carry an
 * IPv4 address are judged by that. The table follows IANA's registries of special-purpose addresses
 * (RFC 6890 and its successors); in IPv6 only 2000::/3 is public at all. */
#include "core/push/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/must.h"
#include "core/conf/address.h"

/* The first match counts. */
static const struct {
    const char *network;
    enum address_class class;
} table[] = {
    {"169.254.0.0/16", ADDRESS_NEVER},  /* link-local; metadata of most clouds */
    {"100.100.100.200", ADDRESS_NEVER}, /* metadata of Alibaba's cloud */
    {"168.63.129.16", ADDRESS_NEVER},   /* Azure's platform address, though a public one */
    {"fd00:ec2::/32", ADDRESS_NEVER},   /* metadata and the like of Amazon's cloud */
    {"fd20:ce::254", ADDRESS_NEVER},    /* metadata of Google's cloud */
    {"0.0.0.0/8", ADDRESS_NEVER},       /* "this host" */
    {"192.0.0.0/24", ADDRESS_NEVER},    /* protocol assignments; metadata of Oracle's cloud */
    {"192.0.2.0/24", ADDRESS_NEVER},    /* documentation, as the next two */
    {"198.51.100.0/24", ADDRESS_NEVER},
    {"203.0.113.0/24", ADDRESS_NEVER},
    {"192.88.99.0/24", ADDRESS_NEVER}, /* 6to4 relays */
    {"224.0.0.0/3", ADDRESS_NEVER},    /* multicast, reserved, broadcast */
    {"127.0.0.0/8", ADDRESS_PRIVATE},
    {"10.0.0.0/8", ADDRESS_PRIVATE},
    {"172.16.0.0/12", ADDRESS_PRIVATE},
    {"192.168.0.0/16", ADDRESS_PRIVATE},
    {"100.64.0.0/10", ADDRESS_PRIVATE}, /* behind a provider's NAT */
    {"198.18.0.0/15", ADDRESS_PRIVATE}, /* benchmarks */
    {"::ffff:0:0/96", ADDRESS_PUBLIC},  /* IPv4: what is left of it */
    {"::1", ADDRESS_PRIVATE},
    {"fc00::/7", ADDRESS_PRIVATE},
    {"2001::/23", ADDRESS_NEVER},     /* protocol assignments, Teredo among them */
    {"2001:db8::/32", ADDRESS_NEVER}, /* documentation */
    {"3fff::/20", ADDRESS_NEVER},
    {"2002::/16", ADDRESS_NEVER}, /* 6to4: an IPv4 address behind a relay */
    {"2000::/3", ADDRESS_PUBLIC},
    {"::/0", ADDRESS_NEVER},
};
#define TABLE_N (sizeof table / sizeof table[0])

static struct network parsed[TABLE_N];
static struct network nat64;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void parse_table(void)
{
    struct err e = {0};
    enum rc rc = network_parse(span_of("64:ff9b::/96"), &nat64, &e);
    for (size_t i = 0; rc == RC_OK && i < TABLE_N; i++)
        rc = network_parse(span_of(table[i].network), &parsed[i], &e);
    if (rc != RC_OK)
        must_end("the table of networks: %s", e.text);
}

enum address_class address_classify(const struct ip *ip)
{
    struct ip real = *ip;

    pthread_once(&once, parse_table);
    if (network_has(&nat64, ip)) { /* leads to the IPv4 address at its end */
        memset(real.b, 0, 10);
        memset(real.b + 10, 0xff, 2);
    }
    for (size_t i = 0; i < TABLE_N; i++)
        if (network_has(&parsed[i], &real))
            return table[i].class;
    return ADDRESS_NEVER;
}

enum rc address_rules_init(struct address_rules *r, const struct conf_list *networks, struct err *e)
{
    struct address_rules rules = {0};

    rules.networks = calloc(networks->n ? networks->n : 1, sizeof *rules.networks);
    if (!rules.networks)
        return err_set(e, RC_SYS, "out of memory");
    for (size_t i = 0; i < networks->n; i++) {
        enum rc rc = network_parse(span_of(networks->v[i]), &rules.networks[i], e);

        if (rc) {
            address_rules_release(&rules);
            return rc;
        }
        rules.n_networks++;
    }
    *r = rules;
    return RC_OK;
}

void address_rules_release(struct address_rules *r)
{
    free(r->networks);
    *r = (struct address_rules){0};
}

static void add_own(struct address_rules *r, const char *host, uint16_t port)
{
    struct network n;

    if (r->n_own == ADDRESS_OWN_MAX || network_parse(span_of(host), &n, NULL) != RC_OK)
        return;
    r->own[r->n_own].ip = n.ip;
    r->own[r->n_own].port = port;
    r->own[r->n_own].any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    r->n_own++;
}

void address_rules_add_own(struct address_rules *r, const char *listen)
{
    struct address a;

    if (address_parse(listen, &a, NULL) != RC_OK || a.path)
        return;
    if (strcmp(a.host, "localhost") == 0) {
        add_own(r, "127.0.0.1", a.port);
        add_own(r, "::1", a.port);
    } else {
        add_own(r, a.host, a.port);
    }
}

/* Is it an address of this machine? Then it is also the one that packets to it come from. Nothing
 * is sent; a list of all addresses would take a netlink socket, which the unit's sandbox denies. */
static bool is_local(const struct sockaddr *to, const struct ip *ip)
{
    struct sockaddr_storage from;
    socklen_t n = sizeof from;
    struct ip own;
    uint16_t port;

    if (ip_is_v4(ip) && ip->b[12] == 127)
        return true;
    int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* nobody knows: rather not */
    bool found = connect(fd, to,
                         to->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                  : sizeof(struct sockaddr_in6)) == 0 &&
                 getsockname(fd, (struct sockaddr *)&from, &n) == 0 &&
                 ip_of_sockaddr((struct sockaddr *)&from, &own, &port) &&
                 memcmp(&own, ip, sizeof own) == 0;
    close(fd);
    return found;
}

static bool is_own(const struct address_rules *r, const struct sockaddr *to, const struct ip *ip,
                   uint16_t port)
{
    for (size_t i = 0; i < r->n_own; i++) {
        if (r->own[i].port != port)
            continue;
        if (memcmp(&r->own[i].ip, ip, sizeof *ip) == 0 || (r->own[i].any && is_local(to, ip)))
            return true;
    }
    return false;
}

bool address_allowed(const struct address_rules *r, const struct sockaddr *to, bool https,
                     struct err *e)
{
    struct ip ip;
    uint16_t port;
    bool named = false;

    if (!ip_of_sockaddr(to, &ip, &port)) {
        (void)err_set(e, RC_INVALID, "not an address of the Internet");
        return false;
    }
    enum address_class class = address_classify(&ip);

    for (size_t i = 0; i < r->n_networks; i++)
        named = named || network_has(&r->networks[i], &ip);
    if (class == ADDRESS_NEVER)
        (void)err_set(e, RC_INVALID, "an address that is never notified");
    else if (is_own(r, to, &ip, port))
        (void)err_set(e, RC_INVALID, "the service's own address");
    else if (!named && class == ADDRESS_PRIVATE)
        (void)err_set(e, RC_INVALID, "a private address that push.networks does not name");
    else if (!named && !https)
        (void)err_set(e, RC_INVALID, "http:// outside push.networks");
    else
        return true;
    return false;
}
