/* jwt: header and claims as JSON, base64url, one RSA signature over both. */
#include "core/google/jwt.h"

#include <openssl/err.h>

#include "core/base/text.h"

/* Google takes an hour at most between the two, and refuses an `iat` that lies in its future:
 * written a minute early, a clock that runs a little fast does no harm. */
#define BACKDATE_S 60
#define LIFETIME_S 3600

#define SIGNATURE_MOST 2048 /* bytes: a 16,384-bit key */

static void add_member(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s\"%s\":", out->n > 1 ? "," : "", name);
    buf_add_json(out, span_of(value));
}

static void add_header(struct buf *out, const struct service_key *key)
{
    struct buf json = {0};

    buf_add_text(&json, "{");
    add_member(&json, "alg", "RS256");
    add_member(&json, "typ", "JWT");
    if (key->key_id[0])
        add_member(&json, "kid", key->key_id);
    buf_add_text(&json, "}");
    text_base64url_encode(out, buf_text(&json), json.n);
    out->failed |= json.failed;
    buf_release(&json);
}

static void add_claims(struct buf *out, const struct service_key *key, const struct jwt_claims *c)
{
    int64_t iat = c->now_ms / 1000 - BACKDATE_S;
    struct buf json = {0};

    buf_add_text(&json, "{");
    add_member(&json, "iss", key->email);
    add_member(&json, "scope", c->scope);
    add_member(&json, "aud", c->audience);
    if (c->subject)
        add_member(&json, "sub", c->subject);
    buf_printf(&json, ",\"iat\":%lld,\"exp\":%lld}", (long long)iat, (long long)(iat + LIFETIME_S));
    text_base64url_encode(out, buf_text(&json), json.n);
    out->failed |= json.failed;
    buf_release(&json);
}

static bool sign(EVP_PKEY *key, struct span text, struct buf *out)
{
    unsigned char signature[SIGNATURE_MOST];
    size_t n = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
              EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text.p, text.n) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    if (ok)
        text_base64url_encode(out, signature, n);
    return ok;
}

enum rc jwt_sign(const struct service_key *key, const struct jwt_claims *claims, struct buf *out,
                 struct err *e)
{
    size_t begin = out->n;

    add_header(out, key);
    buf_add_char(out, '.');
    add_claims(out, key, claims);
    if (out->failed)
        return err_set(e, RC_SYS, "out of memory");
    struct buf signature = {0};
    bool ok = sign(key->key, (struct span){out->p + begin, out->n - begin}, &signature);
    buf_add_char(out, '.');
    buf_add_span(out, buf_span(&signature));
    buf_release(&signature);
    return ok && !out->failed ? RC_OK : err_set(e, RC_SYS, "signing with the private key failed");
}
