/* seat: one account as the workers see it: its part of the config, its credential, whether it is
 * parked. */
#ifndef CORE_SYNC_SEAT_H
#define CORE_SYNC_SEAT_H

#include <stdatomic.h>

#include "core/conf/conf.h"
#include "core/google/auth.h"
#include "core/vault/vault.h"

/* Shared by workers and counted; immutable but for the atomics. */
struct seat {
    atomic_uint refs;
    struct conf_account conf; /* a copy of its own */
    uint32_t account;         /* number in the store */
    struct auth *auth;        /* NULL: the credential is unusable */
    char reason[256];         /* why */
    struct vault *vault;      /* borrowed; NULL: nobody can sign in */
    uint64_t stamp;           /* of the credential's files when they were read */
    atomic_llong probe_ms;    /* parked: not tried before this (monotonic); 0 = not parked */
    atomic_llong
        acl_from_ms;      /* access rules were refused for want of scope: not asked before this */
    atomic_bool answered; /* Google has answered it */
    atomic_int tries; /* without an answer, given up since others waited; 0 with the next answer */
    atomic_int told;  /* enum account_state that the log was told of last; 0: none */
};

struct seat_world { /* what all seats share; borrowed */
    const char *token_url;
    struct vault *vault;
};
/* Never NULL; the credential is read. */
struct seat *seat_new(const struct conf_account *conf, const struct seat_world *world,
                      uint32_t account);
struct seat *seat_ref(struct seat *s);
void seat_unref(struct seat *s); /* NULL ok */

/* Would seat_new() with this config make the same? False also when the credential file changed
 * since. */
bool seat_fits(const struct seat *s, const struct conf_account *conf);

#endif
