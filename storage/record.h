/* record: the form of every value: a checksum, a version, then packed fields, little endian.
 *
 * DESIGN. The checksum is XXH3-64 over version and fields, seeded with keyspace and key, so that a
 * record whose bytes changed, and also one that stands under a key it was not written for, is found
 * at the next read. At some 20 GB/s it costs less than the cache misses of reading the record. A
 * version other than ours counts as damage: what is stored can be had from Google again. */
#ifndef STORAGE_RECORD_H
#define STORAGE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"
#include "storage/key.h"

#define RECORD_VERSION  1
#define RECORD_HEAD     9     /* checksum and version */
#define RECORD_BODY_MAX 16384 /* of records made from a field table; the rest has no such bound */

/* Writes head and checksum of a record whose body was written behind its first RECORD_HEAD bytes.
 */
void record_seal(enum space space, struct span key, uint8_t *record, size_t n);
/* The body, when version and checksum are right. */
bool record_open(enum space space, struct span key, struct span record, struct span *ret_body);

/* Structs of numbers and short texts are packed by a table of their members. */
enum field_type { FIELD_NUMBER, FIELD_TEXT, FIELD_BYTES };

struct field {
    uint16_t offset;
    uint16_t size;
    enum field_type type;
};

#define FIELD(type, member)                                                                          \
    {                                                                                                \
        offsetof(type, member), sizeof(((type *)0)->member),                                       \
            _Generic(((type *)0)->member, char *: FIELD_TEXT, uint8_t *: FIELD_BYTES,              \
                     default: FIELD_NUMBER) \
    }
#define FIELD_COUNT(table) (sizeof(table) / sizeof(table)[0])
/* For a static_assert that a struct has not grown without its table. i386, which packs numbers of
 * 64 bits more closely than everyone else, is not asked. */
#define FIELDS_FILL(type, size) (_Alignof(type) < 8 || sizeof(type) == (size))

/* Returns the bytes written to out[RECORD_BODY_MAX]. */
size_t fields_pack(const struct field *f, size_t count, const void *from, uint8_t *out);
/* False when the body is not made of just these fields; *to is undefined then. */
bool fields_unpack(const struct field *f, size_t count, void *to, struct span body);

/* Little endian, for records packed by hand. `p` need not be aligned. */
void put_u32(uint8_t *p, uint32_t v);
void put_u64(uint8_t *p, uint64_t v);
uint32_t get_u32(const void *p);
uint64_t get_u64(const void *p);

#endif
