/* text_encode: percent-encoding, base64url and hex. */
#include "core/base/text.h"

static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_unreserved(char c) /* RFC 3986, 2.3 */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* Takes back what a failed decoder appended. */
static bool undo(struct buf *out, size_t n)
{
    if (out->p) {
        out->n = n;
        out->p[n] = '\0';
    }
    return false;
}

void text_percent_encode(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_unreserved(s.p[i]))
            buf_add_char(out, s.p[i]);
        else
            buf_add(out, (char[]){'%', hex_upper[c >> 4], hex_upper[c & 15]}, 3);
    }
}

bool text_percent_decode(struct buf *out, struct span s, bool plus)
{
    size_t before = out->n;
    if (!buf_reserve(out, s.n))
        return true; /* as every append past the cap: `failed` tells */
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 1 < s.n ? hex_value(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return undo(out, before);
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return undo(out, before);
        out->p[out->n++] = c;
    }
    out->p[out->n] = '\0';
    return true;
}

void text_base64url_encode(struct buf *out, const void *p, size_t n)
{
    const unsigned char *in = p;
    if (!buf_reserve(out, n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0)))
        return;
    char *to = out->p + out->n;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t bits = (uint32_t)in[i] << 16;
        if (left > 1)
            bits |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            bits |= in[i + 2];
        size_t chars = left > 2 ? 4 : left + 1;
        for (size_t k = 0; k < chars; k++)
            *to++ = base64url[bits >> (18 - 6 * k) & 63];
    }
    *to = '\0';
    out->n = (size_t)(to - out->p);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-' || c == '+')
        return 62;
    if (c == '_' || c == '/')
        return 63;
    return -1;
}

bool text_base64url_decode(struct buf *out, struct span s)
{
    size_t before = out->n;
    size_t padding = 0;
    while (padding < 2 && s.n > 0 && s.p[s.n - 1] == '=') {
        s.n--;
        padding++;
    }
    if (s.n % 4 == 1 || (padding > 0 && (s.n + padding) % 4 != 0))
        return false;
    if (!buf_reserve(out, s.n / 4 * 3 + s.n % 4))
        return true; /* as text_percent_decode() */

    uint32_t bits = 0;
    int held = 0; /* bits not written yet */
    for (size_t i = 0; i < s.n; i++) {
        int value = base64_value(s.p[i]);
        if (value < 0)
            return undo(out, before);
        bits = (bits << 6 | (uint32_t)value) & 0xFFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out->p[out->n++] = (char)(bits >> held & 0xFF);
        }
    }
    out->p[out->n] = '\0';
    /* Left-over bits that are not 0 would give two spellings of one value. */
    return (bits & ((1u << held) - 1)) == 0 || undo(out, before);
}

void text_hex(char *out, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex_lower[p[i] >> 4];
        out[2 * i + 1] = hex_lower[p[i] & 15];
    }
    out[2 * n] = '\0';
}
