/* token: the opaque texts that clients hand back to us: sync tokens and page tokens.
 *
 * Before base64url a token is: format (1 byte), kind (1), the name of the run that gave out its seq
 * (16), coll (4), seq (8), further numbers and texts of its kind, MAC (16). Numbers are big endian.
 * The MAC is HMAC-SHA256 with the store's secret over all that precedes it, cut to 16 bytes. No
 * channel token is made of the same message, though of the same secret: those begin with a letter.
 */
#include "core/serve/token.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/text.h"

#define FORMAT 1
#define MAC_N  16
#define HEAD_N (2 + LINEAGE_NAME_BYTES)
#define SEQ_AT (HEAD_N + 4)
#define MOST_BYTES \
    (HEAD_N + 12 + 8 * TOKEN_PLACE_NUMBERS + 12 + TOKEN_AFTER_MAX + TOKEN_QUERY_MAX + MAC_N)
#define MOST_CHARS ((MOST_BYTES + 2) / 3 * 4)

enum kind { KIND_SYNC = 'S', KIND_PAGE = 'P' };

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

void token_key_init(struct token_key *k, const struct lineage *l, const uint8_t secret[32])
{
    k->lineage = l;
    memcpy(k->secret, secret, sizeof(k->secret));
}

static void mac(const struct token_key *k, const char *p, size_t n, uint8_t out[MAC_N])
{
    uint8_t whole[EVP_MAX_MD_SIZE];
    unsigned made = 0;
    const uint8_t *ok =
        HMAC(EVP_sha256(), k->secret, sizeof(k->secret), (const uint8_t *)p, n, whole, &made);
    assert(ok && made >= MAC_N);
    memcpy(out, whole, MAC_N);
}

static void put_number(struct buf *b, uint64_t value, size_t bytes)
{
    uint64_t big = htobe64(value);
    buf_add(b, (const char *)&big + sizeof(big) - bytes, bytes);
}

static void put_text(struct buf *b, struct span s)
{
    put_number(b, s.n, 2);
    buf_add_span(b, s);
}

static void begin(struct buf *b, const struct token_key *k, enum kind kind, uint32_t coll,
                  uint64_t seq)
{
    const char *name = lineage_at(k->lineage, seq);
    buf_add_char(b, FORMAT);
    buf_add_char(b, (char)kind);
    for (size_t i = 0; i < LINEAGE_NAME_CHARS; i += 2)
        buf_add_char(b, (char)(hex_digit(name[i]) << 4 | hex_digit(name[i + 1])));
    put_number(b, coll, 4);
    put_number(b, seq, 8);
}

static void finish(struct buf *out, const struct token_key *k, struct buf *b)
{
    uint8_t made[MAC_N];
    mac(k, buf_text(b), b->n, made);
    buf_add(b, made, MAC_N);
    if (b->failed)
        out->failed = true;
    else
        text_base64url_encode(out, b->p, b->n);
    buf_release(b);
}

void sync_token_write(struct buf *out, const struct token_key *k, const struct sync_token *t)
{
    struct buf b = {0};
    begin(&b, k, KIND_SYNC, t->coll, t->seq);
    put_number(&b, t->query, 8);
    finish(out, k, &b);
}

void page_token_write(struct buf *out, const struct token_key *k, const struct page_token *t)
{
    assert(t->after.n <= TOKEN_AFTER_MAX && t->query.n <= TOKEN_QUERY_MAX);
    struct buf b = {0};
    begin(&b, k, KIND_PAGE, t->coll, t->seq);
    for (size_t i = 0; i < TOKEN_PLACE_NUMBERS; i++)
        put_number(&b, (uint64_t)t->place[i], 8);
    put_text(&b, t->after);
    put_text(&b, t->query);
    put_number(&b, t->fingerprint, 8);
    finish(out, k, &b);
}

/* A reader over a token's bytes. `ok` turns false, and stays so, when they do not suffice. */
struct reader {
    const char *p;
    size_t left;
    bool ok;
};

static struct span get_bytes(struct reader *r, size_t n)
{
    if (!r->ok || r->left < n) {
        r->ok = false;
        return (struct span){0};
    }
    struct span got = {r->p, n};
    r->p += n;
    r->left -= n;
    return got;
}

static uint64_t get_number(struct reader *r, size_t bytes)
{
    struct span raw = get_bytes(r, bytes);
    uint64_t big = 0;
    if (raw.n > 0)
        memcpy((char *)&big + sizeof(big) - raw.n, raw.p, raw.n);
    return be64toh(big);
}

static struct span get_text(struct reader *r)
{
    return get_bytes(r, (size_t)get_number(r, 2));
}

/* Decodes and verifies; *ret then reads what is between head and MAC. */
static enum rc open_token(const struct token_key *k, struct span text, enum kind kind,
                          struct buf *hold, struct reader *ret)
{
    buf_reset(hold);
    if (text.n > MOST_CHARS || !text_base64url_decode(hold, text) || hold->n < HEAD_N + MAC_N ||
        hold->p[0] != FORMAT || hold->p[1] != (char)kind)
        return hold->failed ? RC_SYS : RC_INVALID;
    char name[LINEAGE_NAME_CHARS + 1];
    text_hex(name, (const uint8_t *)hold->p + 2, LINEAGE_NAME_BYTES);
    if (!lineage_has(k->lineage, span_of(name)))
        return RC_STALE;
    size_t signed_n = hold->n - MAC_N;
    uint8_t want[MAC_N];
    mac(k, hold->p, signed_n, want);
    struct span there = {hold->p + signed_n, MAC_N};
    if (!text_equal_secret((struct span){(const char *)want, MAC_N}, there))
        return RC_INVALID;
    struct reader seq = {hold->p + SEQ_AT, sizeof(uint64_t), signed_n >= SEQ_AT + sizeof(uint64_t)};
    if (strcmp(name, lineage_at(k->lineage, get_number(&seq, sizeof(uint64_t)))) != 0)
        return RC_STALE;
    *ret = (struct reader){hold->p + HEAD_N, signed_n - HEAD_N, true};
    return RC_OK;
}

static enum rc refuse(enum rc rc, const char *invalid, struct err *e)
{
    if (rc == RC_INVALID)
        return err_set(e, rc, "%s", invalid);
    if (rc == RC_STALE)
        return err_set(e, rc, "Sync token is no longer valid, a full sync is required.");
    return err_set(e, rc, "out of memory");
}

enum rc sync_token_read(const struct token_key *k, struct span text, struct sync_token *ret,
                        struct err *e)
{
    struct buf hold = {0};
    struct reader r = {0};
    struct sync_token t = {0};
    enum rc rc = open_token(k, text, KIND_SYNC, &hold, &r);
    if (rc == RC_OK) {
        t.coll = (uint32_t)get_number(&r, 4);
        t.seq = get_number(&r, 8);
        t.query = get_number(&r, 8);
        if (!r.ok || r.left > 0)
            rc = RC_INVALID;
    }
    buf_release(&hold);
    if (rc != RC_OK)
        return refuse(rc, "Invalid sync token value.", e);
    *ret = t;
    return RC_OK;
}

enum rc page_token_read(const struct token_key *k, struct span text, struct buf *hold,
                        struct page_token *ret, struct err *e)
{
    struct reader r = {0};
    struct page_token t = {0};
    enum rc rc = open_token(k, text, KIND_PAGE, hold, &r);
    if (rc == RC_OK) {
        t.coll = (uint32_t)get_number(&r, 4);
        t.seq = get_number(&r, 8);
        for (size_t i = 0; i < TOKEN_PLACE_NUMBERS; i++)
            t.place[i] = (int64_t)get_number(&r, 8);
        t.after = get_text(&r);
        t.query = get_text(&r);
        t.fingerprint = get_number(&r, 8);
        if (!r.ok || r.left > 0)
            rc = RC_INVALID;
    }
    if (rc != RC_OK)
        return refuse(rc, "Invalid page token value.", e);
    *ret = t;
    return RC_OK;
}
