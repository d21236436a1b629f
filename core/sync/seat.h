/* seat: one account as the workers see it: its part of the config, its credential, whether it is
 * parked. */
#ifndef CORE_SYNC_SEAT_H
#define CORE_SYNC_SEAT_H

#include <stdatomic.h>
#include <time.h>

#include "core/conf/conf.h"
#include "core/google/auth.h"

/* Shared by workers and counted; immutable but for the atomics. */
struct seat {
    atomic_uint refs;
    struct conf_account conf; /* a copy of its own */
    uint32_t account;         /* number in the store */
    struct auth *auth;        /* NULL: the credential is unusable */
    char reason[256];         /* why */
    struct timespec changed;  /* of the credential file when it was read */
    atomic_llong probe_ms;    /* parked: not tried before this (monotonic); 0 = not parked */
    atomic_llong
        acl_from_ms; /* access rules were refused for want of scope: not asked before this */
};

/* Never NULL; the credential is read. */
struct seat *seat_new(const struct conf_account *conf, const char *token_url, uint32_t account);
struct seat *seat_ref(struct seat *s);
void seat_unref(struct seat *s); /* NULL ok */

/* Would seat_new() with this config make the same? False also when the credential file changed
 * since. */
bool seat_fits(const struct seat *s, const struct conf_account *conf);

#endif
