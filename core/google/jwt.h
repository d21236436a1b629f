/* jwt: the signed statement a service account trades for an access token (RFC 7523, RS256). */
#ifndef CORE_GOOGLE_JWT_H
#define CORE_GOOGLE_JWT_H

#include <stdint.h>

#include "core/google/credential.h"

struct jwt_claims {
    const char *subject; /* user to act for; NULL = the service account itself */
    const char *scope;
    const char *audience; /* the token endpoint */
    int64_t now_ms;       /* wall clock */
};

/* Appends the compact form. It is worth a token for an hour: wipe it. RC_SYS: signing failed. */
enum rc jwt_sign(const struct service_key *key, const struct jwt_claims *claims, struct buf *out,
                 struct err *e);

#endif
