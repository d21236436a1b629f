/* grant: the token endpoint: a token for clients that insist on getting one before they read.
 *
 * DESIGN. Clients made for Google exchange a refresh token, or an assertion signed with the key of
 * a service account, for an access token every hour. With their token URL changed as well they do
 * that here, also offline. Where clients are configured the token that the grant bears must be one
 * of theirs: as the refresh_token, or, since an assertion holds no other secret than its signature,
 * as the private_key_id of the key file, which libraries send as `kid` in the assertion's head.
 * What they get is the same token again. Where no client is configured the answer opens nothing
 * that is not open.
 *
 * What is presented may be a real secret of Google's, sent by mistake: it is hashed, compared,
 * wiped, and neither kept nor logged nor sent back. */
#include "core/serve/grant.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/secret.h"
#include "core/base/text.h"
#include "core/serve/access.h"
#include "core/serve/handlers.h"
#include "core/serve/request.h"

#define LIFE_S      3599        /* Google's */
#define VALUE_BYTES (16u << 10) /* of an assertion */
#define SCOPE       "https://www.googleapis.com/auth/calendar.readonly"

/* The decoded value of a form's member; false: absent, or not form-encoded, or far too long. */
static bool form_get(struct span form, const char *name, struct buf *out)
{
    size_t key = strlen(name);
    while (form.n > 0) {
        struct span piece = query_next(&form);
        if (piece.n <= key || memcmp(piece.p, name, key) != 0 || piece.p[key] != '=')
            continue;
        struct span value = {piece.p + key + 1, piece.n - key - 1};
        if (value.n > VALUE_BYTES)
            return false;
        (void)buf_reserve(out, value.n + 1);
        must_hold(out);
        return text_percent_decode(out, value, true);
    }
    return false;
}

enum grant_kind grant_read_kind(struct span form)
{
    static const struct {
        const char *name;
        enum grant_kind kind;
    } grants[] = {
        {"refresh_token", GRANT_REFRESH},
        {"urn:ietf:params:oauth:grant-type:jwt-bearer", GRANT_ASSERTION},
    };
    struct buf name = {0};
    enum grant_kind kind = form_get(form, "grant_type", &name) ? GRANT_UNKNOWN : GRANT_NONE;
    for (size_t i = 0; kind == GRANT_UNKNOWN && i < sizeof grants / sizeof *grants; i++)
        if (span_is(buf_span(&name), grants[i].name))
            kind = grants[i].kind;
    buf_release(&name);
    return kind;
}

/* The kid of "HEAD.CLAIMS.SIGNATURE". */
static bool read_kid(struct span assertion, struct buf *out)
{
    const char *dot = assertion.n > 0 ? memchr(assertion.p, '.', assertion.n) : NULL;
    struct span encoded = {assertion.p, dot ? (size_t)(dot - assertion.p) : 0};
    struct buf head = {0};
    bool found = false;
    (void)buf_reserve(&head, encoded.n + 1);
    must_hold(&head);
    if (encoded.n > 0 &&
        text_base64url_decode(&head, encoded) && json_check(buf_span(&head), NULL) == RC_OK &&
        json_type_of(buf_span(&head)) == JSON_OBJECT)
        found = json_string(json_get(buf_span(&head), "kid"), out);
    secret_wipe_buf(&head);
    return found;
}

bool grant_read_token(struct span form, enum grant_kind kind, struct buf *out)
{
    struct buf assertion = {0};
    (void)buf_reserve(out, VALUE_BYTES);
    must_hold(out);
    if (kind == GRANT_REFRESH)
        return form_get(form, "refresh_token", out);
    bool found = kind == GRANT_ASSERTION && form_get(form, "assertion", &assertion) &&
                 read_kid(buf_span(&assertion), out);
    secret_wipe_buf(&assertion);
    return found;
}

static void refuse(struct call *c, const char *error, const char *description)
{
    c->answer.status = 400;
    buf_printf(&c->out, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error, description);
}

/* `token`: the client's, or a word that opens nothing. */
static void give(struct call *c, struct span token)
{
    const struct conf_client *client = c->caller.client;
    c->answer.secret = true;
    int64_t life_s = LIFE_S;
    if (client && client->expires_ms && (client->expires_ms - c->now_ms) / 1000 < life_s)
        life_s = (client->expires_ms - c->now_ms) / 1000;
    buf_add_text(&c->out, "{\"access_token\":");
    buf_add_json(&c->out, token);
    buf_printf(&c->out, ",\"expires_in\":%lld,\"scope\":\"" SCOPE "\",\"token_type\":\"Bearer\"}",
               (long long)life_s);
}

void grant_post(struct call *c)
{
    struct buf token = {0};
    enum grant_kind kind = grant_read_kind(c->body);
    bool open = c->conf->n_clients == 0;
    if (kind == GRANT_NONE)
        refuse(c, "invalid_request", "Missing required parameter: grant_type");
    else if (kind == GRANT_UNKNOWN)
        refuse(c, "unsupported_grant_type", "Invalid grant_type.");
    else if (open)
        give(c, span_of("calmirror"));
    else if (grant_read_token(c->body, kind, &token) && access_identify_by(c, buf_span(&token)))
        give(c, buf_span(&token));
    else
        refuse(c, "invalid_grant", "This is not the token of a client of this mirror.");
    secret_wipe_buf(&token);
}
