/* token: one exchange with the token endpoint, and what its refusals mean for the operator. */
#ifndef CORE_GOOGLE_TOKEN_H
#define CORE_GOOGLE_TOKEN_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/secret.h"
#include "core/http/http.h"

struct token {
    struct secret word;  /* the access token */
    int64_t lifetime_ms; /* from now; always positive */
};

/* POSTs `form` (application/x-www-form-urlencoded). RC_AUTH: refused, a person must act, the
 * sentence says how. RC_AGAIN: network, 5xx, no sense in the answer, or a refusal while this
 * machine's clock is off: time daemons mend that without anybody touching the credentials. */
enum rc token_fetch(struct http_client *c, const char *url, struct span form, struct token *ret,
                    struct err *e);

/* The answer alone, for tests. `body` is wiped by the caller. */
enum rc token_read_answer(const struct http_response *rs, int64_t now_ms, struct token *ret,
                          struct err *e);

#endif
