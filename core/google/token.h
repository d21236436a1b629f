/* token: one exchange with the token endpoint, and what its refusals mean for the operator. */
#ifndef CORE_GOOGLE_TOKEN_H
#define CORE_GOOGLE_TOKEN_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/secret.h"
#include "core/http/http.h"

#include "core/model/account.h"

#define TOKEN_SKEW_MS 120000 /* Google allows less than this between its clock and ours */

/* What is traded for a token. */
enum token_grant {
    GRANT_ASSERTION = 1u << 0,
    GRANT_REFRESH = 1u << 1,
    GRANT_CODE = 1u << 2,
};

struct token {
    struct secret word;  /* the access token */
    int64_t lifetime_ms; /* from now; always positive */
    /* of a sign-in */
    struct secret refresh;
    int64_t refresh_ms; /* life of `refresh`; 0: no end was named */
    char scope[1025];   /* granted; "" when the answer does not say or says too much */
    /* of a failure: what it makes of the account; 0: nothing */
    enum account_state blame;
};
void token_release(struct token *t);

/* POSTs `form` (application/x-www-form-urlencoded). RC_AUTH: refused, a person must act, the
 * sentence says how. RC_AGAIN: network, 5xx, no sense in the answer, or a refusal while this
 * machine's clock is off: time daemons mend that without anybody touching the credentials. Other
 * than RC_OK sets nothing but `blame`. */
enum rc token_fetch(struct http_client *c, const char *url, enum token_grant grant,
                    struct span form, struct token *ret, struct err *e);

/* The answer alone, for tests. `body` is wiped by the caller. */
enum rc token_read_answer(const struct http_response *rs, enum token_grant grant, int64_t now_ms,
                          struct token *ret, struct err *e);

/* POSTs what has no answer to read but its status: RC_OK, RC_NOTFOUND (the token is not known). */
enum rc token_revoke(struct http_client *c, const char *url, struct span form, struct err *e);

/* Adds "&name=value", encoded. */
void token_form_add(struct buf *form, const char *name, struct span value);

#endif
