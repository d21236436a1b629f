/* auth: access tokens of an account, fetched by whoever needs one first. Kept in memory only. */
#ifndef CORE_GOOGLE_AUTH_H
#define CORE_GOOGLE_AUTH_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/secret.h"
#include "core/http/http.h"
#include "core/model/account.h"

struct auth; /* one per account; thread-safe */

struct auth_options {               /* strings are copied */
    const char *name;               /* of the account, for sentences; NULL = "" */
    const char *token_url;          /* also the audience of what we sign */
    const char *key_file, *subject; /* service account (subject NULL = as itself), or the login of a
                                       person that another program stored */
    const char *token_file;         /* or a bearer token, re-read when refused */
    const char *client_file;        /* or an OAuth client, with the login that read_login() gives */
    const char *scope;              /* NULL = calendar.readonly */
    /* The login's text (login.h). From any thread; RC_NOTFOUND: nobody signed in; RC_BADDATA: it is
     * lost; RC_AUTH: it cannot be read, for a reason that another login would not mend. */
    enum rc (*read_login)(void *arg, struct secret *ret, struct err *e);
    void *read_login_arg; /* borrowed */
};

#define AUTH_SCOPE     "https://www.googleapis.com/auth/calendar.readonly"
#define AUTH_SCOPE_ACL AUTH_SCOPE " https://www.googleapis.com/auth/calendar.acls.readonly"

/* Reads and checks the credential files (refuses those that others can read): RC_AUTH with the
 * sentence for the operator. They are read again for each token, so that a new key needs no
 * reload and none stays in memory. */
enum rc auth_new(struct auth **ret, const struct auth_options *opt, struct err *e);
void auth_free(struct auth *a);

/* "Authorization: Bearer …" into `out` (cleanse it after use). `refused` is the header value that
 * got a 401, or NULL: a newer token is fetched unless another thread did so already; threads that
 * need it meanwhile wait and share the outcome. A token near its end is renewed early by one caller
 * while the others go on with it. RC_AUTH: a person must act; RC_AGAIN: later (a wrong clock of
 * this machine is named and counts as passing); RC_CANCELED; RC_SYS. */
#define AUTH_HEADER_MAX 8192
enum rc auth_header(struct auth *a, struct http_client *c, const char *refused,
                    char out[AUTH_HEADER_MAX], struct err *e);

/* Name by which Google's per-user quota should charge (at most 40 characters: the subject, or a
 * hash of it), or NULL. */
const char *auth_quota_user(const struct auth *a);
/* Whose project's quota is used (X-Goog-User-Project), or NULL: the credential's own. */
const char *auth_quota_project(const struct auth *a);

/* What the last attempt makes of the account when auth_header() gave no token: RC_AUTH, or
 * RC_AGAIN for a wrong clock; 0: nothing. */
enum account_state auth_blame(struct auth *a);
/* Ends the sentence about a refusal of the API with what a person has to do. */
void auth_advise(const struct auth *a, enum account_state blame, struct err *e);

#endif
