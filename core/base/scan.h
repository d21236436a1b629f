/* scan: eight bytes at a time, and one UTF-8 sequence; shared by buf, text and json, for no one
 * else.
 *
 * DESIGN. Most bytes of an event page are inside strings, so the loops over strings decide how fast
 * a page is read. Each mask below has the top bit of every byte set that matches. The subtractions
 * borrow, so bytes above a true match may match falsely; the lowest match is always right, and
 * that is the only one used. */
#ifndef CORE_BASE_SCAN_H
#define CORE_BASE_SCAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_ONES  UINT64_C(0x0101010101010101)
#define SCAN_HIGHS UINT64_C(0x8080808080808080)

/* The first byte is the lowest. Reads eight bytes. */
static inline uint64_t scan_load(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return le64toh(w);
}

static inline uint64_t scan_below(uint64_t w, unsigned char limit) /* limit <= 0x80 */
{
    return (w - SCAN_ONES * limit) & ~w & SCAN_HIGHS;
}

static inline uint64_t scan_equal(uint64_t w, unsigned char c)
{
    return scan_below(w ^ (SCAN_ONES * c), 1);
}

/* Index of the lowest match; mask is not 0. */
static inline size_t scan_first(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}

/* Length 2..4 of the valid UTF-8 sequence at p, whose first byte is >= 0x80; 0 when it is none
 * (overlong, surrogate, above U+10FFFF, cut). Table 3-7 of the Unicode standard. */
static inline size_t scan_utf8(const char *text, const char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = (size_t)(end - text);
    unsigned char c = p[0];
    if (c < 0xC2 || c > 0xF4 || left < 2)
        return 0;
    if (c < 0xE0)
        return (p[1] & 0xC0) == 0x80 ? 2 : 0;
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high || left < 3 || (p[2] & 0xC0) != 0x80)
        return 0;
    if (c < 0xF0)
        return 3;
    return left >= 4 && (p[3] & 0xC0) == 0x80 ? 4 : 0;
}

#endif
