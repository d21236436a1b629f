/* text: strings: numbers, durations and sizes read strictly, encodings, near names. */
#ifndef CORE_BASE_TEXT_H
#define CORE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/rc.h"
#include "core/base/span.h"

/* Copies with termination; false when it did not fit (dst then holds the part that did). */
bool text_copy(char *dst, size_t size, struct span s);
struct span text_trim(struct span s); /* without spaces, tabs, CR and LF at either end */

/* Strict readers: the whole span must match. false leaves *ret untouched. */
bool text_to_i64(struct span s, int64_t *ret);
bool text_to_u64(struct span s, uint64_t *ret);
bool text_to_id(struct span s, uint32_t *ret); /* of a user or group: not -1, which names none */
bool text_to_bool(struct span s, bool *ret);   /* true/false (yes/no/on/off too) */
bool text_to_duration_ms(struct span s, int64_t *ret); /* "250ms" "30s" "7d" "1w" "1h30m"; "0" */
bool text_to_size(struct span s, uint64_t *ret);       /* "4096" "512KiB" "1MiB" "8GiB" "1TiB" */
/* The number that `count` bytes from p on write in decimal, or -1. At most nine. */
static inline int text_digits(const char *p, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value;
}

void text_number(char out[21], int64_t n); /* in decimal */
/* The largest unit that divides: 900000 -> "15m". Writes at most 32 bytes. */
const char *text_duration(int64_t ms, char out[32]);
const char *text_size(uint64_t bytes, char out[32]);

/* Percent-encoding of RFC 3986; decode fails on a bad escape or a NUL and then appends nothing.
 * `plus` decodes '+' as space (queries, not paths). */
void text_percent_encode(struct buf *out, struct span s);
bool text_percent_decode(struct buf *out, struct span s, bool plus);

/* base64url without padding; decode accepts padding and either alphabet, no spaces. */
void text_base64url_encode(struct buf *out, const void *p, size_t n);
bool text_base64url_decode(struct buf *out, struct span s);
void text_hex(char *out, const uint8_t *p, size_t n); /* 2n + 1 bytes */

bool text_is_word(struct span s); /* printable ASCII, no space, not empty: fit for a header */
bool text_is_utf8(struct span s); /* strict: no surrogates, no overlong forms, no NUL */

/* Equal, in time that depends on the lengths only. */
bool text_equal_secret(struct span a, struct span b);

/* The candidate nearest to `name` (Damerau-Levenshtein without case, at most a third of its length
 * away), or NULL. `next` returns candidate i, NULL past the end. Borrowed from the candidates. */
const char *text_nearest(const char *name, const char *(*next)(const void *arg, size_t i),
                         const void *arg);

#endif
