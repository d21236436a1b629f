/* fold: search that ignores case, as Unicode's simple case folding does, in any script.
 *
 * DESIGN. A table of our own, since the C library folds by the locale that happens to be installed,
 * and a Unicode library is a large dependency for one function. The search is Knuth, Morris and
 * Pratt's: it never goes back, so the text is decoded and folded once, and "aaaa...b" costs no more
 * than anything else. */
#include "core/serve/events/fold.h"

#include <assert.h>

static const struct range {
    uint32_t first, last, step;
    int32_t delta;
} ranges[] = {
#include "core/serve/events/fold_table.inc"
};

uint32_t fold_char(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    size_t low = 0, high = sizeof(ranges) / sizeof(*ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct range *r = &ranges[middle];
        if (c > r->last)
            low = middle + 1;
        else if (c < r->first)
            high = middle;
        else
            return (c - r->first) % r->step == 0 ? (uint32_t)((int32_t)c + r->delta) : c;
    }
    return c;
}

/* The code point at *p, which is moved behind it. Valid UTF-8, *p before its end. */
static uint32_t next(const char **p)
{
    const unsigned char *at = (const unsigned char *)*p;
    uint32_t c = at[0];
    int more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    if (more > 0)
        c &= 0x3Fu >> more;
    for (int i = 1; i <= more; i++)
        c = c << 6 | (at[i] & 0x3Fu);
    *p += more + 1;
    return c;
}

size_t fold_text(struct span text, uint32_t *out, size_t most)
{
    const char *p = text.p, *end = text.p + text.n;
    size_t n = 0;
    while (p < end) {
        if (n == most)
            return most + 1;
        out[n++] = fold_char(next(&p));
    }
    return n;
}

/* back[i]: how much of the needle still stands when its first i + 1 matched and no more. */
struct fold_needle fold_needle(const uint32_t *text, uint16_t *back, size_t n)
{
    assert(n <= UINT16_MAX);
    uint16_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0) {
            back[0] = 0;
            continue;
        }
        while (k > 0 && text[i] != text[k])
            k = back[k - 1];
        if (text[i] == text[k])
            k++;
        back[i] = k;
    }
    return (struct fold_needle){text, back, n};
}

bool fold_contains(struct span text, const struct fold_needle *needle)
{
    const char *p = text.p, *end = text.p + text.n;
    size_t k = 0;
    while (k < needle->n && p < end) {
        uint32_t c = fold_char(next(&p));
        while (k > 0 && c != needle->text[k])
            k = needle->back[k - 1];
        if (c == needle->text[k])
            k++;
    }
    return k == needle->n;
}
