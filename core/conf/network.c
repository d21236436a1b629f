/* network: reads address blocks and compares addresses with them. */
#include "core/conf/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/text.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->b, mapped, sizeof mapped) == 0;
}

bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *ret, uint16_t *ret_port)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
        memcpy(ret->b, mapped, sizeof mapped);
        memcpy(ret->b + sizeof mapped, &v4->sin_addr, 4);
        *ret_port = ntohs(v4->sin_port);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
        memcpy(ret->b, &v6->sin6_addr, 16);
        *ret_port = ntohs(v6->sin6_port);
        return true;
    }
    return false;
}

/* Is everything behind the first `bits` zero? */
static bool is_clean(const struct ip *ip, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        if (ip->b[i / 8] & (0x80 >> i % 8))
            return false;
    return true;
}

enum rc network_parse(struct span text, struct network *ret, struct err *e)
{
    char copy[64], *slash;
    struct network n = {0};
    uint64_t bits;
    if (!text_copy(copy, sizeof copy, text))
        return err_set(e, RC_INVALID, "not an address block: too long");
    slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    bool v4 = inet_pton(AF_INET, copy, n.ip.b + sizeof mapped) == 1;
    if (v4)
        memcpy(n.ip.b, mapped, sizeof mapped);
    else if (inet_pton(AF_INET6, copy, n.ip.b) != 1)
        return err_set(e, RC_INVALID, "not an address block, such as 192.168.0.0/16 or fd00::/8");
    bits = v4 ? 32 : 128;
    if (slash && (!text_to_u64(span_of(slash + 1), &bits) || bits > (v4 ? 32 : 128)))
        return err_set(e, RC_INVALID, "not a length between 0 and %d behind the slash",
                       v4 ? 32 : 128);
    n.bits = (unsigned)bits + (v4 ? 96 : 0);
    if (!is_clean(&n.ip, n.bits))
        return err_set(e, RC_INVALID, "has bits set behind its length of %u", (unsigned)bits);
    *ret = n;
    return RC_OK;
}

bool network_has(const struct network *n, const struct ip *ip)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->ip.b, ip->b, whole) != 0)
        return false;
    return rest == 0 || ((n->ip.b[whole] ^ ip->b[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}
