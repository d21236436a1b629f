/* probe: proof that a request to the public address reaches this very service.
 *
 * Those that came are kept by their random number in a small ring without a lock: the webhook
 * writes, the local API reads. */
#include "core/queue/probe.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/base/rand.h"
#include "core/base/text.h"

#define PREFIX "probe-"
#define DIGITS 16

static _Atomic uint64_t came[PROBES_KEPT]; /* 0: unused */
static atomic_uint next;

/* The number in an id; 0: it is none of a probe. */
static uint64_t number_of(struct span id)
{
    char text[PROBE_ID_MAX], again[PROBE_ID_MAX];
    uint64_t number = 0;
    if (id.n != sizeof(PREFIX) - 1 + DIGITS || !text_copy(text, sizeof text, id) ||
        sscanf(text, PREFIX "%16" SCNx64, &number) != 1)
        return 0;
    (void)snprintf(again, sizeof again, PREFIX "%016" PRIx64, number);
    return span_is(id, again) ? number : 0;
}

static void token_of(const uint8_t secret[32], struct span id, char out[PROBE_TOKEN_MAX])
{
    struct buf message = {0}, text = {0};
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    buf_add(&message, "probe", sizeof("probe"));
    buf_add_span(&message, id);
    const uint8_t *made =
        HMAC(EVP_sha256(), secret, 32, (const uint8_t *)buf_text(&message), message.n, mac, &n);
    assert(made && n == 32);
    text_base64url_encode(&text, mac, n);
    (void)snprintf(out, PROBE_TOKEN_MAX, "%s", buf_text(&text));
    buf_release(&message);
    buf_release(&text);
}

void probe_make(const uint8_t secret[32], char id[PROBE_ID_MAX], char token[PROBE_TOKEN_MAX])
{
    uint64_t number = 0;
    while (number == 0)
        rand_bytes(&number, sizeof number);
    (void)snprintf(id, PROBE_ID_MAX, PREFIX "%016" PRIx64, number);
    token_of(secret, span_of(id), token);
}

bool probe_take(const uint8_t secret[32], struct span id, struct span token)
{
    char want[PROBE_TOKEN_MAX];
    uint64_t number = number_of(id);
    if (number == 0)
        return false;
    token_of(secret, id, want);
    if (!text_equal_secret(span_of(want), token))
        return false;
    atomic_store(&came[atomic_fetch_add(&next, 1) % PROBES_KEPT], number);
    return true;
}

bool probe_came(struct span id)
{
    uint64_t number = number_of(id);
    bool found = false;
    for (unsigned i = 0; i < PROBES_KEPT; i++)
        found = found || (number != 0 && atomic_load(&came[i]) == number);
    return found;
}
