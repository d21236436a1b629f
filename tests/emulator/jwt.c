/* jwt: reads and verifies the assertions of service accounts. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/auth.h"
#include "tests/emulator/json.h"

static struct json_object *read_part(const char *s, size_t n)
{
    char *coded = xstrndup(s, n);
    size_t len = 0;
    unsigned char *raw = b64url_decode(coded, &len);
    struct json_object *o = raw ? json_read((const char *)raw, len) : NULL;
    free(raw);
    free(coded);
    return o;
}

struct json_object *jwt_claims(const char *jwt, bool *ret_rs256)
{
    const char *dot = strchr(jwt, '.'), *dot2 = dot ? strchr(dot + 1, '.') : NULL;
    if (dot2 == NULL || strchr(dot2 + 1, '.') != NULL) {
        return NULL;
    }
    struct json_object *header = read_part(jwt, (size_t)(dot - jwt));
    *ret_rs256 = strcmp(json_str_or(header, "alg", ""), "RS256") == 0;
    bool good = header != NULL;
    json_object_put(header);
    return good ? read_part(dot + 1, (size_t)(dot2 - dot - 1)) : NULL;
}

bool jwt_signed_by(const char *jwt, const char *public_key_pem)
{
    const char *dot = strrchr(jwt, '.');
    size_t n = 0;
    unsigned char *signature = dot ? b64url_decode(dot + 1, &n) : NULL;
    BIO *bio = BIO_new_mem_buf(public_key_pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good =
        signature != NULL && key != NULL && ctx != NULL &&
        EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(ctx, signature, n, (const unsigned char *)jwt, (size_t)(dot - jwt)) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    free(signature);
    return good;
}
