/* signin: a person's sign-in by way of a browser: authorization code with PKCE for installed apps
 * (RFC 8252, RFC 7636; Google's guide for desktop apps). */
#ifndef CORE_GOOGLE_SIGNIN_H
#define CORE_GOOGLE_SIGNIN_H

#include "core/google/credential.h"
#include "core/google/login.h"
#include "core/google/token.h"

/* One sign-in under way. */
struct signin {
    char state[44];         /* tells its redirect from any other; unguessable */
    struct secret verifier; /* proves at the end that it is still us */
    char redirect_uri[64];
    char scope[LOGIN_SCOPE_MOST + 1];
};
void signin_release(struct signin *s);

/* *ret_url: where the browser has to go. RC_INVALID: redirect_uri is not http://127.0.0.1:PORT or
 * http://[::1]:PORT. */
enum rc signin_begin(struct signin *ret, const char *auth_url, const struct oauth_client *client,
                     const char *redirect_uri, const char *scope, struct buf *ret_url,
                     struct err *e);

/* Trades what came back for tokens. RC_INVALID: it does not belong to this sign-in, which can go
 * on; RC_AUTH: it is over, with the reason (the person said no, left out a scope, was too slow);
 * the others as token_fetch(). */
enum rc signin_finish(const struct signin *s, struct http_client *c, const char *token_url,
                      const struct oauth_client *client, struct span redirect, struct login *ret,
                      struct token *ret_token, struct err *e);

#endif
