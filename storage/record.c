/* record: the form of every value: a checksum, a version, then packed fields, little endian. */
#include "storage/record.h"

#include <assert.h>
#include <endian.h>
#include <stddef.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/checksum.h"

#define PUSH_SPACES_FROM 1000

void put_u32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof(v));
}

void put_u64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof(v));
}

uint32_t get_u32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

uint64_t get_u64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

/* The number of a table in checksums. A table more in one file must not change those of the other.
 */
static uint64_t space_number(enum space space)
{
    return space < SPACE_COUNT ? (uint64_t)space : PUSH_SPACES_FROM + (space - SPACE_COUNT);
}

static uint64_t sum(enum space space, struct span key, const void *p, size_t n)
{
    return checksum(p, n, XXH3_64bits(key.p, key.n) + space_number(space));
}

void record_seal(enum space space, struct span key, uint8_t *record, size_t n)
{
    assert(n >= RECORD_HEAD);
    record[8] = RECORD_VERSION;
    put_u64(record, sum(space, key, record + 8, n - 8));
}

bool record_open(enum space space, struct span key, struct span record, struct span *ret_body)
{
    if (record.n < RECORD_HEAD || record.p[8] != RECORD_VERSION ||
        get_u64(record.p) != sum(space, key, record.p + 8, record.n - 8))
        return false;
    *ret_body = (struct span){record.p + RECORD_HEAD, record.n - RECORD_HEAD};
    return true;
}

/* A number of 1, 2, 4 or 8 bytes, of whatever signedness, between memory and little endian. */
static void copy_number(void *to, const void *from, size_t size)
{
#if __BYTE_ORDER == __LITTLE_ENDIAN
    memcpy(to, from, size);
#else
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[size - 1 - i];
#endif
}

size_t fields_pack(const struct field *f, size_t count, const void *from, uint8_t *out)
{
    size_t n = 0;
    for (const struct field *end = f + count; f < end; f++) {
        const char *member = (const char *)from + f->offset;
        assert(n + f->size + 2 <= RECORD_BODY_MAX);
        switch (f->type) {
        case FIELD_NUMBER:
            copy_number(out + n, member, f->size);
            n += f->size;
            break;
        case FIELD_BYTES:
            memcpy(out + n, member, f->size);
            n += f->size;
            break;
        case FIELD_TEXT: {
            size_t length = strnlen(member, f->size - 1u);
            out[n] = (uint8_t)length;
            out[n + 1] = (uint8_t)(length >> 8);
            memcpy(out + n + 2, member, length);
            n += 2 + length;
            break;
        }
        }
    }
    return n;
}

bool fields_unpack(const struct field *f, size_t count, void *to, struct span body)
{
    for (const struct field *end = f + count; f < end; f++) {
        char *member = (char *)to + f->offset;
        size_t n = f->size;
        if (f->type == FIELD_TEXT) {
            if (body.n < 2)
                return false;
            n = (uint8_t)body.p[0] | (size_t)(uint8_t)body.p[1] << 8;
            body = (struct span){body.p + 2, body.n - 2};
            if (n >= f->size)
                return false;
        }
        if (body.n < n)
            return false;
        if (f->type == FIELD_NUMBER)
            copy_number(member, body.p, n);
        else
            memcpy(member, body.p, n);
        if (f->type == FIELD_TEXT)
            member[n] = '\0';
        body = (struct span){body.p + n, body.n - n};
    }
    return body.n == 0;
}
