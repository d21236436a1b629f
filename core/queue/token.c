/* token: the secret that Google echoes with each ping: proof that a channel is one we asked for. */
#include "core/queue/token.h"

#include <assert.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/buf.h"
#include "core/base/text.h"

/* Message: the word, the id and the number as decimal text, each ended by a NUL, so that no two
 * different triples make the same bytes. */
void channel_token(const uint8_t secret[32], struct span id, uint32_t coll,
                   char out[CHANNEL_TOKEN_MAX])
{
    char number[16];
    int digits = snprintf(number, sizeof(number), "%u", coll);
    struct buf message = {0}, text = {0};
    buf_add(&message, "channel", sizeof("channel"));
    buf_add_span(&message, id);
    buf_add_char(&message, '\0');
    buf_add(&message, number, (size_t)digits + 1);

    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const uint8_t *made =
        HMAC(EVP_sha256(), secret, 32, (const uint8_t *)buf_text(&message), message.n, mac, &n);
    assert(made && n == 32);
    text_base64url_encode(&text, mac, n);
    snprintf(out, CHANNEL_TOKEN_MAX, "%s.%s", number, buf_text(&text));
    buf_release(&message);
    buf_release(&text);
}

bool channel_token_check(const uint8_t secret[32], struct span id, struct span token,
                         uint32_t *ret_coll)
{
    if (token.n == 0 || token.n >= CHANNEL_TOKEN_MAX)
        return false;
    const char *dot = memchr(token.p, '.', token.n);
    int64_t coll = 0;
    if (!dot || !text_to_i64((struct span){token.p, (size_t)(dot - token.p)}, &coll) || coll <= 0 ||
        coll > UINT32_MAX)
        return false;
    char want[CHANNEL_TOKEN_MAX];
    channel_token(secret, id, (uint32_t)coll, want);
    if (!text_equal_secret(span_of(want), token))
        return false;
    *ret_coll = (uint32_t)coll;
    return true;
}
