/* token: sync tokens and page tokens.
 *
 * Both are protocol buffers of varints in base64url. A sync token has the shape of Google's: the µs
 * of the newest change twice, the number 5, and a hash of the collection, also twice. */
#include "tests/emulator/token.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/util.h"

#define FIELDS_MAX 8

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        buf_add(b, &(char){(char)(v | 0x80)}, 1);
    }
    buf_add(b, &(char){(char)v}, 1);
}

static char *write_fields(const uint64_t *fields, int n)
{
    struct buf b = {0};
    for (int i = 0; i < n; i++) {
        put_varint(&b, (uint64_t)(i + 1) << 3);
        put_varint(&b, fields[i]);
    }
    char *token = b64url_encode(b.p, b.len, true);
    buf_free(&b);
    return token;
}

static bool get_varint(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
    uint64_t v = 0;
    for (int shift = 0; *p < end && shift < 64; shift += 7) {
        unsigned char c = *(*p)++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *ret = v;
            return true;
        }
    }
    return false;
}

/* Exactly the fields 1 … n in order. */
static bool read_fields(const char *token, uint64_t *fields, int n)
{
    size_t len;
    unsigned char *raw = b64url_decode(token, &len);
    const unsigned char *p = raw, *end = raw ? raw + len : NULL;
    bool good = raw != NULL;
    for (int i = 0; good && i < n; i++) {
        uint64_t tag;
        good = get_varint(&p, end, &tag) && tag == (uint64_t)(i + 1) << 3 &&
               get_varint(&p, end, &fields[i]);
    }
    good = good && p == end;
    free(raw);
    return good;
}

char *sync_token_write(const struct coll *c, int64_t seq)
{
    uint64_t fields[] = {(uint64_t)seq, (uint64_t)seq, 5, c->hash, c->hash};
    return write_fields(fields, 5);
}

bool sync_token_read(const struct coll *c, const char *token, int64_t *ret_seq)
{
    uint64_t f[5];
    if (!read_fields(token, f, 5) || f[0] != f[1] || f[2] != 5 || f[3] != c->hash ||
        f[4] != c->hash || f[0] > INT64_MAX) {
        return false;
    }
    *ret_seq = (int64_t)f[0];
    return true;
}

char *page_token_write(const struct coll *c, const struct walk *w)
{
    uint64_t fields[FIELDS_MAX] = {(uint64_t)(w->since + 1),
                                   (uint64_t)w->snapshot,
                                   (uint64_t)w->pos,
                                   (uint64_t)w->pos2,
                                   (uint64_t)w->page,
                                   w->query,
                                   c->hash};
    return write_fields(fields, 7);
}

bool page_token_read(const struct coll *c, const char *token, struct walk *ret)
{
    uint64_t f[FIELDS_MAX];
    if (!read_fields(token, f, 7) || f[6] != c->hash) {
        return false;
    }
    *ret = (struct walk){.since = (int64_t)f[0] - 1,
                         .snapshot = (int64_t)f[1],
                         .pos = (int64_t)f[2],
                         .pos2 = (int64_t)f[3],
                         .page = (int64_t)f[4],
                         .query = (uint32_t)f[5]};
    return true;
}
