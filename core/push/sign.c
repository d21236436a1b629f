/* sign: HMAC-SHA256 over time and body. */
#include "core/push/sign.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "core/base/text.h"

static void add_mac(struct buf *out, const struct secret *s, const char *time, struct span body)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned n = 0;
    struct buf text = {.cap = body.n + 64};

    buf_add_text(&text, time);
    buf_add_char(&text, '.');
    buf_add_span(&text, body);
    if (text.failed ||
        !HMAC(EVP_sha256(), s->p, (int)s->n, (const unsigned char *)text.p, text.n, mac, &n)) {
        out->failed = true;
    } else {
        text_hex(hex, mac, n);
        buf_printf(out, ",v1=%s", hex);
    }
    buf_release(&text);
}

void sign_header(struct buf *out, const struct secret *secrets, unsigned n, int64_t time_s,
                 struct span body)
{
    char time[24];

    (void)snprintf(time, sizeof time, "%" PRId64, time_s);
    buf_printf(out, SIGN_HEADER ": t=%s", time);
    for (unsigned i = 0; i < n; i++)
        if (secrets[i].n)
            add_mac(out, &secrets[i], time, body);
}
