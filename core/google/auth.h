/* auth: access tokens for an account, fetched once by whoever needs one first. Kept in memory only. */
#ifndef CORE_GOOGLE_AUTH_H
#define CORE_GOOGLE_AUTH_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/http/http.h"

struct auth; /* one per account; thread-safe */

struct auth_options { /* strings are copied */
    const char *token_url;
    const char *key_file, *subject; /* service account; subject NULL = as itself */
    const char *token_file;         /* or a bearer token, re-read when refused */
    const char *scope;              /* NULL = calendar.readonly */
};

/* Reads and checks the credential files (refuses those that others can read): RC_AUTH with the sentence for the operator. */
enum rc auth_new(struct auth **ret, const struct auth_options *opt, struct err *e);
void auth_free(struct auth *a);

/* "Authorization: Bearer …" into `out` (cleanse it after use). `refused` is the header value that got a 401, or NULL:
 * a newer token is fetched unless another thread did so already. RC_AUTH: a person must act; RC_AGAIN: later. */
#define AUTH_HEADER_MAX 8192
enum rc auth_header(struct auth *a, struct http_client *c, const char *refused, char out[AUTH_HEADER_MAX],
                    struct err *e);

/* Name by which Google's per-user quota should charge: the subject, or NULL. */
const char *auth_quota_user(const struct auth *a);

#endif
