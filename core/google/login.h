/* login: what remains of a person's sign-in: the refresh token, and what is known of it. */
#ifndef CORE_GOOGLE_LOGIN_H
#define CORE_GOOGLE_LOGIN_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/secret.h"

#define LOGIN_CLIENT_MOST 256
#define LOGIN_SCOPE_MOST  1024
#define LOGIN_FIELD       "login" /* of an account in the vault */

struct login {
    struct secret refresh_token;
    char client_id[LOGIN_CLIENT_MOST + 1]; /* whose refresh token it is */
    char scope[LOGIN_SCOPE_MOST + 1];      /* granted, separated by spaces */
    int64_t obtained_ms;                   /* wall clock */
    int64_t expires_ms;                    /* wall clock; 0: Google named no end */
};
void login_release(struct login *l);

/* The text to be sealed, and back. `out` is wiped by the caller. */
void login_write(const struct login *l, struct buf *out);
enum rc login_read(struct span text, struct login *ret, struct err *e); /* RC_AUTH */

/* Is everything in `wanted` granted? The full calendar scope stands for all of its parts. */
bool login_covers(const char *granted, const char *wanted);

/* Why Google no longer takes it, as far as its dates tell: part of a sentence. */
const char *login_end(const struct login *l, int64_t now_ms);

#endif
