/* ascii: JSON text with every character beyond ASCII written as an escape.
 *
 * DESIGN: json-c 0.18, which Debian 13 has, takes the bytes of such characters for control
 * characters when it is to be strict (https://github.com/json-c/json-c/issues/892); 0.16 does not.
 * Neither looks for overlong forms and surrogates. Of escapes both make the same string. */
#include "tests/emulator/ascii.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The bytes of the character that begins at `p`, 0 when none does: RFC 3629 §4. */
static size_t take(const unsigned char *p, size_t n, uint32_t *ret)
{
    static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    size_t used = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc0 || p[0] > 0xf4 || used > n) {
        return 0;
    }
    uint32_t c = p[0] & (0x7fu >> used);
    for (size_t i = 1; i < used; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    *ret = c;
    return c >= least[used] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? used : 0;
}

char *json_ascii(const char *text, size_t n, size_t *ret_n)
{
    const unsigned char *p = (const unsigned char *)text;
    char *out = malloc(n * 3 + 1), *to = out; /* two bytes become six, four become twelve */
    bool escaped = false;                     /* by the backslash before */
    size_t used;
    for (size_t i = 0; out && i < n; i += used) {
        uint32_t c = p[i];
        used = c < 0x80 ? 1 : escaped ? 0 : take(p + i, n - i, &c);
        if (used == 0) {
            free(out);
            return NULL;
        }
        escaped = c == '\\' && !escaped;
        if (c < 0x80) {
            *to++ = (char)c;
        } else if (c < 0x10000) {
            to += sprintf(to, "\\u%04x", c);
        } else {
            to += sprintf(to, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
        }
    }
    if (out) {
        *to = '\0';
        *ret_n = (size_t)(to - out);
    }
    return out;
}
