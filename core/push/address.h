/* address: may a client make us connect there? Otherwise the mirror could be used to reach what the
 * client itself cannot: services on this machine, the private network, a cloud's metadata. */
#ifndef CORE_PUSH_ADDRESS_H
#define CORE_PUSH_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/err.h"
#include "core/conf/conf.h"
#include "core/conf/network.h"

#define ADDRESS_OWN_MAX 4

struct address_rules {
    struct network *networks; /* besides the public Internet; http:// is fine there */
    size_t n_networks;
    struct {
        struct ip ip;
        uint16_t port;
        bool any;           /* all addresses of this machine */
    } own[ADDRESS_OWN_MAX]; /* where we listen ourselves */
    size_t n_own;
};

enum rc address_rules_init(struct address_rules *r, const struct conf_list *networks,
                           struct err *e);
/* `listen`: as in the config ("127.0.0.1:8081", a path). */
void address_rules_add_own(struct address_rules *r, const char *listen);
void address_rules_release(struct address_rules *r);

/* What an address is to us, whatever the configuration. */
enum address_class {
    ADDRESS_PUBLIC,
    ADDRESS_PRIVATE, /* when the configuration names its network */
    ADDRESS_NEVER,   /* link-local, metadata, multicast, reserved */
};
enum address_class address_classify(const struct ip *ip);

/* False with the reason. */
bool address_allowed(const struct address_rules *r, const struct sockaddr *to, bool https,
                     struct err *e);

#endif
