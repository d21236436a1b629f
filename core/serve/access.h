/* access: who asks, and what of the mirror that may be shown to it.
 *
 * Whatever is made of a calendar, now or later, is to be asked of access_to_coll() first; what it
 * has ACCESS_NONE to must look as if it did not exist. Callers whose request is over (streams,
 * channels) are asked again with access_renew() before each use, since clients come and go with
 * reloads. */
#ifndef CORE_SERVE_ACCESS_H
#define CORE_SERVE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bearer.h"
#include "core/conf/client.h"
#include "core/model/collection.h"

struct call;
struct serve;
struct txn;

enum access {
    ACCESS_NONE,     /* as if it were not there */
    ACCESS_FREEBUSY, /* when it is busy, not why: see events/veil.h */
    ACCESS_ALL,
};

/* What a route asks of its callers; 0 is the default. */
enum door {
    DOOR_CLIENT,   /* any client; 401 otherwise. What it sees is the handler's to ask */
    DOOR_OPERATOR, /* the operator, or a client with `admin`; 403 otherwise */
    DOOR_OPEN,     /* everybody: nothing of a calendar is in the answer */
};

/* Who asks. `= { 0 }` is nobody. Configurations live as long as the process, so that it may be
 * copied and kept. */
struct caller {
    const struct conf_client *client; /* NULL: nobody, or the operator */
    bool trusted; /* with the operator's token, or with any when no client is configured */
    bool failed;  /* bore a token that is nobody's */
    char hash[BEARER_HASH_SIZE]; /* of its token; "" without one */
};

enum access access_to_coll(const struct caller *who, struct txn *t, const struct collection *coll);
/* The same of a calendar by the number of its account and its id. */
enum access access_to(const struct caller *who, struct txn *t, uint32_t account,
                      const char *calendar);
/* Does it see anything of this account? */
bool access_has_account(const struct caller *who, const char *account);
bool access_is_operator(const struct caller *who); /* or a client with `admin` */

/* A number for each client, and others for the operator and for nobody. */
uint64_t access_number(const struct caller *who);
/* A number that is the same for callers who see the same. */
uint64_t access_view(const struct caller *who);

/* Takes the token of the request from its headers, query and path, and tells who it is; afterwards
 * c->query and c->path are without it. False: it bears none. */
bool access_identify(struct call *c);
/* The same with a token that came in another way, as in the path of a feed. False: nobody's. */
bool access_identify_by(struct call *c, struct span token);
/* May it have this route? False: answered with 401 or 403. */
bool access_pass(struct call *c);

/* Looks at a kept caller anew, under the configuration of now. False: it may see nothing more. */
bool access_renew(const struct serve *s, struct caller *who, int64_t now_ms);

#endif
