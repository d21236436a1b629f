/* auth: the token endpoint, access tokens and their scopes. */
#ifndef EMULATOR_AUTH_H
#define EMULATOR_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/emulator/map.h"
#include "tests/emulator/world.h"

struct req;

enum scope {
    SCOPE_ALL = 1 << 0,
    SCOPE_READ = 1 << 1,
    SCOPE_EVENTS = 1 << 2,
    SCOPE_EVENTS_READ = 1 << 3,
    SCOPE_EVENTS_OWNED = 1 << 4,
    SCOPE_EVENTS_OWNED_READ = 1 << 5,
    SCOPE_EVENTS_PUBLIC_READ = 1 << 6,
    SCOPE_EVENTS_FREEBUSY = 1 << 7,
    SCOPE_FREEBUSY = 1 << 8,
    SCOPE_LIST = 1 << 9,
    SCOPE_LIST_READ = 1 << 10,
    SCOPE_CALENDARS = 1 << 11,
    SCOPE_CALENDARS_READ = 1 << 12,
    SCOPE_ACLS = 1 << 13,
    SCOPE_ACLS_READ = 1 << 14,
    SCOPE_SETTINGS_READ = 1 << 15,
    SCOPE_APP = 1 << 16,
};

struct grant { /* what a refresh token or an authorization code stands for */
    char *secret;
    char *email, *client_id;
    char *challenge;    /* PKCE, of a code */
    char *redirect_uri; /* of a code */
    char *scope;        /* as text; NULL: nobody asked */
    uint32_t scopes;
    int64_t expires_ms; /* by the emulated clock; 0: never */
    bool revoked, is_code;
};

struct service_account {
    char *email, *public_key; /* PEM */
    bool delegate_all;
    uint32_t delegated; /* scopes granted in the admin console */
};

struct auth {
    struct map tokens;   /* access token -> struct access_token */
    struct map grants;   /* refresh tokens and codes */
    struct map accounts; /* service accounts by e-mail */
    struct map clients;  /* client id -> secret */
    int64_t token_life_s;
    uint64_t issued;        /* access tokens, for the state page */
    bool ask;               /* the consent page waits for somebody to click */
    char *withheld;         /* a scope whose box is not ticked; NULL: all are */
    int64_t refresh_life_s; /* of new refresh tokens; 0: for ever */
};

void auth_init(struct auth *a);
void auth_release(struct auth *a);

uint32_t scopes_parse(const char *text, bool *ret_unknown); /* space separated */

/* `life_s` 0: for ever. */
void auth_add_token(struct auth *a, struct world *w, const char *token, const char *email,
                    uint32_t scopes, int64_t life_s);
struct grant *auth_add_grant(struct auth *a, const char *secret, const char *email,
                             const char *client_id, uint32_t scopes);
void auth_add_account(struct auth *a, struct service_account *sa); /* takes it */
void auth_add_client(struct auth *a, const char *id, const char *secret);
/* Notes for which OAuth client a token was made. */
void auth_set_client(struct auth *a, const char *token, const char *client_id);
/* Kills access tokens and, with `grants`, refresh tokens too; of one user or, NULL, of all; of what
 * was made for one client or, NULL, of everything. */
int auth_revoke(struct auth *a, const char *email, const char *client_id, bool grants);

/* Sets req.user and req.scopes, or has answered with 401 and returns false. */
bool auth_check(struct req *r);

/* Whose request it seems to be, without judging; NULL: nobody's. */
const char *auth_peek(struct req *r);

void token_endpoint(struct req *r);
void authorize_endpoint(struct req *r);
void revoke_endpoint(struct req *r);

/* jwt.c: the claims, unverified and owned by the caller, or NULL; and whether alg is RS256. */
struct json_object *jwt_claims(const char *jwt, bool *ret_rs256);
bool jwt_signed_by(const char *jwt, const char *public_key_pem);

#endif
