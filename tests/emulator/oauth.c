/* oauth: the token endpoint (service accounts, refresh tokens, codes), consent and revocation. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/emu.h"
#include "tests/emulator/reply.h"
#include "tests/emulator/router.h"

#define GRANT_JWT  "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define LONGEST_S  3600
#define CLOCK_SKEW 300

/* A member of the form body. The body is short and read a few times, so it is parsed each time. */
static char *form_value(const struct req *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = r->body.p ? r->body.p : ""; *s;) {
        size_t len = strcspn(s, "&");
        if (len > n && memcmp(s, name, n) == 0 && s[n] == '=') {
            return url_decode(s + n + 1, len - n - 1, true);
        }
        s += len + (s[len] == '&');
    }
    return NULL;
}

static void answer_token(struct req *r, const char *email, uint32_t scopes, const char *refresh,
                         const char *scope_text)
{
    struct auth *a = &r->emu->auth;
    char *id = world_new_id(&r->emu->world, 40);
    char *token = xprintf("ya29.%s", id);
    auth_add_token(a, &r->emu->world, token, email, scopes, a->token_life_s);
    char *client = form_value(r, "client_id");
    auth_set_client(a, token, client);
    free(client);
    a->issued++;
    struct json_object *o = json_object_new_object();
    json_put_str(o, "access_token", token);
    json_put_int(o, "expires_in", a->token_life_s);
    json_put_str(o, "refresh_token", refresh);
    if (refresh != NULL && a->refresh_life_s != 0) {
        json_put_int(o, "refresh_token_expires_in", a->refresh_life_s);
    }
    json_put_str(o, "scope", scope_text);
    json_put_str(o, "token_type", "Bearer");
    req_answer(r, 200, o);
    r->indent = 2;
    free(token);
    free(id);
}

static void invalid_grant(struct req *r, const char *why)
{
    reply_oauth_error(r, 400, "invalid_grant", why);
}

static bool audience_good(const struct req *r, const char *aud)
{
    char *ours = xprintf("%s/token", r->emu->base_url);
    const char *host = req_header(r, "Host");
    char *asked = xprintf("http://%s/token", host ? host : "");
    bool good = strcmp(aud, "https://oauth2.googleapis.com/token") == 0 || strcmp(aud, ours) == 0 ||
                strcmp(aud, asked) == 0;
    free(ours);
    free(asked);
    return good;
}

/* The times are judged by the wall clock: the client has no other. */
static bool times_good(struct json_object *claims)
{
    int64_t now = real_us() / 1000000;
    int64_t iat = json_int(claims, "iat", 0), exp = json_int(claims, "exp", 0);
    return iat > 0 && exp > iat && exp - iat <= LONGEST_S && iat <= now + CLOCK_SKEW &&
           exp > now - CLOCK_SKEW;
}

static void grant_assertion(struct req *r, const char *jwt, struct json_object *claims, bool rs256)
{
    const struct service_account *sa =
        map_get(&r->emu->auth.accounts, json_str_or(claims, "iss", ""));
    const char *scope = json_str(claims, "scope"), *sub = json_str(claims, "sub");
    bool unknown = false;
    uint32_t scopes = scope ? scopes_parse(scope, &unknown) : 0;
    if (sa == NULL) {
        invalid_grant(r, "Invalid grant: account not found");
    } else if (!rs256 || !jwt_signed_by(jwt, sa->public_key)) {
        invalid_grant(r, "Invalid JWT Signature.");
    } else if (!times_good(claims)) {
        invalid_grant(r, "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
                         "reasonable timeframe. Check your iat and exp values in the JWT claim.");
    } else if (!audience_good(r, json_str_or(claims, "aud", ""))) {
        invalid_grant(r, "Invalid JWT: Failed audience check.");
    } else if (scopes == 0 || unknown) {
        reply_oauth_error(r, 400, "invalid_scope",
                          "Invalid OAuth scope or ID token audience provided.");
    } else if (sub == NULL || strcmp(sub, sa->email) == 0) {
        answer_token(r, sa->email, scopes, NULL, NULL);
    } else if (!sa->delegate_all && (scopes & ~sa->delegated) != 0) {
        reply_oauth_error(r, 401, "unauthorized_client",
                          "Client is unauthorized to retrieve access tokens using this method, or "
                          "client not authorized for any of the scopes requested.");
    } else if (world_user(&r->emu->world, sub) == NULL) {
        invalid_grant(r, "Invalid email or User ID");
    } else {
        answer_token(r, sub, scopes, NULL, NULL);
    }
}

static void by_assertion(struct req *r)
{
    char *jwt = form_value(r, "assertion");
    bool rs256 = false;
    struct json_object *claims = jwt ? jwt_claims(jwt, &rs256) : NULL;
    if (claims == NULL) {
        invalid_grant(r, "Invalid JWT: must be a well-formed assertion");
    } else {
        grant_assertion(r, jwt, claims, rs256);
    }
    json_object_put(claims);
    free(jwt);
}

/* 401 when the client is unknown or its secret wrong. */
static bool client_good(struct req *r)
{
    char *id = form_value(r, "client_id"), *secret = form_value(r, "client_secret");
    const char *known = id ? map_get(&r->emu->auth.clients, id) : NULL;
    bool good = known != NULL && (*known == '\0' || (secret && strcmp(secret, known) == 0));
    if (!good) {
        reply_oauth_error(r, 401, "invalid_client",
                          known ? "Unauthorized" : "The OAuth client was not found.");
    }
    free(id);
    free(secret);
    return good;
}

static struct grant *grant_of(struct req *r, const char *field, bool code)
{
    char *secret = form_value(r, field), *client = form_value(r, "client_id");
    struct grant *g = secret ? map_get(&r->emu->auth.grants, secret) : NULL;
    bool good = g != NULL && !g->revoked && g->is_code == code &&
                (g->expires_ms == 0 || g->expires_ms > world_now_ms(&r->emu->world)) &&
                (g->client_id == NULL || (client && strcmp(client, g->client_id) == 0));
    free(secret);
    free(client);
    return good ? g : NULL;
}

static void by_refresh_token(struct req *r)
{
    struct grant *g = client_good(r) ? grant_of(r, "refresh_token", false) : NULL;
    if (g != NULL) {
        answer_token(r, g->email, g->scopes, NULL, NULL);
    } else if (r->status == 0) {
        invalid_grant(r, "Token has been expired or revoked.");
    }
}

static bool verifier_good(struct req *r, const struct grant *g)
{
    if (g->challenge == NULL) {
        return true;
    }
    char *verifier = form_value(r, "code_verifier");
    unsigned char digest[SHA256_DIGEST_LENGTH];
    bool good = false;
    if (verifier != NULL && strlen(verifier) >= 43) {
        SHA256((const unsigned char *)verifier, strlen(verifier), digest);
        char *made = b64url_encode(digest, sizeof(digest), false);
        good = strcmp(made, g->challenge) == 0;
        free(made);
    }
    free(verifier);
    return good;
}

/* It must be the one of the consent page, to the letter. */
static bool redirect_good(struct req *r, const struct grant *code)
{
    char *uri = form_value(r, "redirect_uri");
    bool good = uri != NULL && strcmp(uri, code->redirect_uri) == 0;
    free(uri);
    return good;
}

static void by_code(struct req *r)
{
    struct grant *code = client_good(r) ? grant_of(r, "code", true) : NULL;
    if (code == NULL || !verifier_good(r, code)) {
        if (r->status == 0) {
            invalid_grant(r, code ? "Invalid code verifier." : "Malformed auth code.");
        }
        return;
    }
    code->revoked = true; /* a code works once */
    if (!redirect_good(r, code)) {
        reply_oauth_error(r, 400, "redirect_uri_mismatch", "Bad Request");
        return;
    }
    struct auth *a = &r->emu->auth;
    char *id = world_new_id(&r->emu->world, 32), *refresh = xprintf("1//%s", id);
    struct grant *g = auth_add_grant(a, refresh, code->email, code->client_id, code->scopes);
    g->expires_ms = a->refresh_life_s ? world_now_ms(&r->emu->world) + a->refresh_life_s * 1000 : 0;
    answer_token(r, code->email, code->scopes, refresh, code->scope);
    free(refresh);
    free(id);
}

void token_endpoint(struct req *r)
{
    static const struct {
        const char *type;
        route_fn *handler;
    } TYPES[] = {{GRANT_JWT, by_assertion},
                 {"refresh_token", by_refresh_token},
                 {"authorization_code", by_code}};
    char *type = form_value(r, "grant_type");
    for (size_t i = 0; type != NULL && i < sizeof(TYPES) / sizeof(*TYPES); i++) {
        if (strcmp(type, TYPES[i].type) == 0) {
            TYPES[i].handler(r);
        }
    }
    if (r->status == 0) {
        reply_oauth_error(r, 400, type ? "unsupported_grant_type" : "invalid_request",
                          type ? "Invalid grant_type" : "Missing required parameter: grant_type");
    }
    free(type);
}

/* The scopes asked for without those whose box stays empty. */
static char *scopes_ticked(const struct auth *a, const char *asked)
{
    struct buf out = {0};
    for (const char *s = asked + strspn(asked, " "); *s; s += strspn(s, " ")) {
        size_t n = strcspn(s, " ");
        char *one = xstrndup(s, n);
        if (a->withheld == NULL || strcmp(one, a->withheld) != 0) {
            buf_printf(&out, "%s%s", out.len ? " " : "", one);
        }
        free(one);
        s += n;
    }
    char *text = xstrndup(out.p ? out.p : "", out.len);
    buf_free(&out);
    return text;
}

static void send_back(struct req *r, const char *name, const char *value)
{
    const char *back = req_param(r, "redirect_uri"), *state = req_param(r, "state");
    char *kept = url_encode(state ? state : ""), *encoded = url_encode(value);
    char *to =
        xprintf("%s%c%s=%s&state=%s", back, strchr(back, '?') ? '&' : '?', name, encoded, kept);
    req_answer_empty(r, 302);
    req_add_header(r, "Location", to);
    free(to);
    free(encoded);
    free(kept);
}

/* Two links, for a browser that a test drives. The query is one that a browser sent: it has no
 * quotes in it. */
static void show_consent_page(struct req *r, const char *email)
{
    char *page = xprintf("<!doctype html><title>Sign in</title><p>%s<p><a id=allow href=\"?%s&"
                         "decision=allow\">Allow</a> <a id=deny href=\"?%s&decision=deny\">"
                         "Cancel</a>",
                         email, r->raw_query, r->raw_query);
    req_answer_text(r, 200, page);
    r->content_type = "text/html; charset=utf-8";
    free(page);
}

/* The consent page of a user who agrees, at once or when clicked: back with a code. */
void authorize_endpoint(struct req *r)
{
    const char *back = req_param(r, "redirect_uri"), *client = req_param(r, "client_id");
    const char *hint = req_param(r, "login_hint"), *scope = req_param(r, "scope");
    const char *decision = req_param(r, "decision");
    struct auth *a = &r->emu->auth;
    struct world *w = &r->emu->world;
    bool unknown = false;
    const struct user *u = hint ? world_user(w, hint) : w->n_users ? w->user_list[0] : NULL;
    if (back == NULL || client == NULL || scope == NULL || u == NULL ||
        map_get(&a->clients, client) == NULL) {
        reply_oauth_error(r, 400, "invalid_request", "Access blocked: authorization error");
        return;
    }
    if (a->ask && decision == NULL) {
        show_consent_page(r, u->email);
        return;
    }
    if (decision != NULL && strcmp(decision, "deny") == 0) {
        send_back(r, "error", "access_denied");
        return;
    }
    char *code = world_new_id(w, 24), *ticked = scopes_ticked(a, scope);
    struct grant *g = auth_add_grant(a, code, u->email, client, scopes_parse(ticked, &unknown));
    g->is_code = true;
    xreplace(&g->challenge, req_param(r, "code_challenge") != NULL
                                ? xstrdup(req_param(r, "code_challenge"))
                                : NULL);
    xreplace(&g->redirect_uri, xstrdup(back));
    xreplace(&g->scope, ticked);
    send_back(r, "code", code);
    free(code);
}

void revoke_endpoint(struct req *r)
{
    char *body = form_value(r, "token");
    const char *token = body ? body : req_param(r, "token");
    struct grant *g = token ? map_get(&r->emu->auth.grants, token) : NULL;
    if (g != NULL && !g->revoked) {
        /* The whole of what was granted. */
        auth_revoke(&r->emu->auth, g->email, g->client_id, true);
        req_answer_text(r, 200, "{}");
    } else {
        reply_oauth_error(r, 400, "invalid_token", "Token expired or revoked");
    }
    free(body);
}
