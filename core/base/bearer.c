/* bearer: tokens that programs show at the local API: making one, and the hash that is kept of it.
 */
#include "core/base/bearer.h"

#include <stdint.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/base/buf.h"
#include "core/base/must.h"
#include "core/base/rand.h"
#include "core/base/secret.h"
#include "core/base/text.h"

void bearer_make(char out[BEARER_SIZE])
{
    uint8_t bytes[32];
    struct buf text = {0};
    rand_bytes(bytes, sizeof bytes);
    (void)buf_reserve(&text, BEARER_SIZE);
    buf_add_text(&text, "cm_"); /* so that people, and scanners for leaked secrets, know it */
    text_base64url_encode(&text, bytes, sizeof bytes);
    must_hold(&text);
    (void)text_copy(out, BEARER_SIZE, buf_span(&text));
    secret_wipe_buf(&text);
    OPENSSL_cleanse(bytes, sizeof bytes);
}

void bearer_hash(struct span token, char out[BEARER_HASH_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    out[0] = '\0';
    if (EVP_Digest(token.p, token.n, digest, &n, EVP_sha256(), NULL) == 1)
        text_hex(out, digest, (BEARER_HASH_SIZE - 1) / 2);
}
