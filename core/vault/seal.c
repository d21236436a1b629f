/* seal: one call of OpenSSL's AEAD in each direction. */
#include "core/vault/seal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/base/rand.h"
#include "core/base/text.h"

#define MAGIC       "CMS1"
#define MAGIC_BYTES 4
#define ID_BYTES    4
#define NONCE_BYTES 12
#define TAG_BYTES   16
#define HEAD_BYTES  (MAGIC_BYTES + ID_BYTES + NONCE_BYTES)
#define ID_LABEL    "calmirror key id"
#define AAD_LABEL   "calmirror sealed secret"

void seal_key_release(struct seal_key *k)
{
    secret_release(&k->bytes);
    *k = (struct seal_key){0};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct span text, unsigned char out[SEAL_KEY_BYTES])
{
    if (text.n != 2 * SEAL_KEY_BYTES)
        return false;
    for (size_t i = 0; i < SEAL_KEY_BYTES; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(16 * high + low);
    }
    return true;
}

/* Of a hash under a label of its own, so that the id gives nothing of the key away. */
static bool find_id(const unsigned char key[SEAL_KEY_BYTES], uint32_t *ret)
{
    unsigned char text[sizeof(ID_LABEL) + SEAL_KEY_BYTES] = ID_LABEL, digest[EVP_MAX_MD_SIZE];
    memcpy(text + sizeof(ID_LABEL), key, SEAL_KEY_BYTES);
    bool ok = EVP_Q_digest(NULL, "SHA256", NULL, text, sizeof(text), digest, NULL) == 1;
    explicit_bzero(text, sizeof(text));
    if (ok)
        memcpy(ret, digest, sizeof(*ret));
    explicit_bzero(digest, sizeof(digest));
    return ok;
}

enum rc seal_key_read(struct span text, struct seal_key *ret, struct err *e)
{
    unsigned char key[SEAL_KEY_BYTES];
    struct seal_key k = {0};
    enum rc rc = RC_OK;

    if (text.n == SEAL_KEY_BYTES)
        memcpy(key, text.p, SEAL_KEY_BYTES);
    else if (!read_hex(text_trim(text), key))
        return err_set(e, RC_AUTH, "not a key: neither 32 bytes nor 64 hex digits");
    if (!find_id(key, &k.id) ||
        !secret_set(&k.bytes, (struct span){(const char *)key, SEAL_KEY_BYTES}))
        rc = err_set(e, RC_SYS, "out of memory");
    else
        *ret = k;
    explicit_bzero(key, sizeof(key));
    return rc;
}

/* The head of the record and the names, each ended by the NUL that none of them can hold. */
static void add_bound(struct buf *out, struct span head, const struct seal_place *place)
{
    buf_add(out, AAD_LABEL, sizeof(AAD_LABEL));
    buf_add(out, head.p, head.n);
    buf_add(out, place->account, strlen(place->account) + 1);
    buf_add(out, place->field, strlen(place->field) + 1);
}

/* Over `in` to `out`, which has as much room. `tag` is written when sealing, checked when opening.
 */
static bool run_cipher(const struct seal_key *k, bool seal, const unsigned char *nonce,
                       struct span bound, struct span in, unsigned char *out, unsigned char *tag)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const unsigned char *key = (const unsigned char *)k->bytes.p;
    int n = 0, last = 0;
    bool ok = ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
              EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)bound.p, (int)bound.n) == 1 &&
              EVP_CipherUpdate(ctx, out, &n, (const unsigned char *)in.p, (int)in.n) == 1;

    if (ok && !seal)
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1;
    ok = ok && EVP_CipherFinal_ex(ctx, out + n, &last) == 1;
    if (ok && seal)
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();
    return ok && (size_t)n == in.n;
}

enum rc seal_write(const struct seal_key *k, const struct seal_place *place, struct span plain,
                   struct buf *out, struct err *e)
{
    unsigned char head[HEAD_BYTES] = MAGIC, tag[TAG_BYTES];
    struct buf bound = {0};
    size_t begin = out->n;

    if (plain.n == 0 || plain.n > SEAL_PLAIN_MOST)
        return err_set(e, RC_INVALID, "a secret of %zu bytes", plain.n);
    memcpy(head + MAGIC_BYTES, &k->id, ID_BYTES);
    rand_bytes(head + MAGIC_BYTES + ID_BYTES, NONCE_BYTES);
    add_bound(&bound, (struct span){(const char *)head, HEAD_BYTES}, place);
    buf_add(out, head, HEAD_BYTES);
    bool ok = buf_reserve(out, plain.n + TAG_BYTES) && !bound.failed &&
              run_cipher(k, true, head + MAGIC_BYTES + ID_BYTES, buf_span(&bound), plain,
                         (unsigned char *)out->p + out->n, tag);
    buf_release(&bound);
    if (!ok) {
        out->n = out->failed ? out->n : begin;
        return err_set(e, RC_SYS, "sealing failed");
    }
    out->n += plain.n;
    buf_add(out, tag, TAG_BYTES);
    return RC_OK;
}

enum rc seal_key_id(struct span record, uint32_t *ret, struct err *e)
{
    if (record.n <= HEAD_BYTES + TAG_BYTES || record.n > HEAD_BYTES + TAG_BYTES + SEAL_PLAIN_MOST ||
        memcmp(record.p, MAGIC, MAGIC_BYTES) != 0)
        return err_set(e, RC_BADDATA, "not a sealed secret");
    memcpy(ret, record.p + MAGIC_BYTES, ID_BYTES);
    return RC_OK;
}

enum rc seal_open(const struct seal_key *k, const struct seal_place *place, struct span record,
                  struct secret *ret, struct err *e)
{
    const unsigned char *nonce = (const unsigned char *)record.p + MAGIC_BYTES + ID_BYTES;
    unsigned char tag[TAG_BYTES];
    struct buf bound = {0}, plain = {.cap = SEAL_PLAIN_MOST + 1};
    uint32_t id;
    enum rc rc = seal_key_id(record, &id, e);

    if (rc)
        return rc;
    struct span body = {record.p + HEAD_BYTES, record.n - HEAD_BYTES - TAG_BYTES};
    memcpy(tag, body.p + body.n, TAG_BYTES);
    add_bound(&bound, (struct span){record.p, HEAD_BYTES}, place);
    if (!buf_reserve(&plain, body.n) || bound.failed)
        rc = err_set(e, RC_SYS, "out of memory");
    else if (id != k->id ||
             !run_cipher(k, false, nonce, buf_span(&bound), body, (unsigned char *)plain.p, tag))
        rc = err_set(e, RC_BADDATA, "was changed, or sealed for something else");
    else if (!secret_set(ret, (struct span){plain.p, body.n}))
        rc = err_set(e, RC_SYS, "out of memory");
    secret_wipe_buf(&plain);
    buf_release(&bound);
    return rc;
}
