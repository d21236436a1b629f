/* text: strict readers and writers of numbers, durations and sizes; UTF-8; near names. */
#include "core/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/scan.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    /* largest first */
    {"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit sizes[] = {
    {"TiB", UINT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

bool text_copy(char *dst, size_t size, struct span s)
{
    if (size == 0)
        return false;
    size_t n = s.n < size ? s.n : size - 1;
    if (n > 0)
        memcpy(dst, s.p, n);
    dst[n] = '\0';
    return n == s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span text_trim(struct span s)
{
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    return s;
}

bool text_is_word(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Moves *s behind the digits it starts with; false when there are none or too many. */
static bool take_number(struct span *s, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < s->n && is_digit(s->p[i]); i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s->p[i] - '0'), &value))
            return false;
    }
    if (i == 0)
        return false;
    s->p += i;
    s->n -= i;
    *ret = value;
    return true;
}

bool text_to_u64(struct span s, uint64_t *ret)
{
    uint64_t value;
    if (!take_number(&s, &value) || s.n > 0)
        return false;
    *ret = value;
    return true;
}

bool text_to_id(struct span s, uint32_t *ret)
{
    uint64_t value;
    if (!text_to_u64(s, &value) || value >= UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

bool text_to_i64(struct span s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (negative) {
        s.p++;
        s.n--;
    }
    uint64_t value;
    if (!text_to_u64(s, &value) || value > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = (int64_t)(negative ? 0 - value : value);
    return true;
}

bool text_to_bool(struct span s, bool *ret)
{
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < COUNT(words); i++) {
        for (int value = 0; value < 2; value++) {
            if (span_is(s, words[i][value])) {
                *ret = value;
                return true;
            }
        }
    }
    return false;
}

/* Moves *s behind the unit it starts with; only units from `from` on. COUNT(durations) = none. */
static size_t take_duration_unit(struct span *s, size_t from)
{
    size_t letters = 0;
    while (letters < s->n && !is_digit(s->p[letters]))
        letters++;
    for (size_t i = from; i < COUNT(durations); i++) {
        if (span_is((struct span){s->p, letters}, durations[i].name)) {
            s->p += letters;
            s->n -= letters;
            return i;
        }
    }
    return COUNT(durations);
}

bool text_to_duration_ms(struct span s, int64_t *ret)
{
    if (span_is(s, "0")) {
        *ret = 0;
        return true;
    }
    int64_t total = 0;
    size_t from = 0; /* each unit at most once, larger before smaller */
    while (s.n > 0) {
        uint64_t number;
        int64_t part;
        if (!take_number(&s, &number))
            return false;
        size_t unit = take_duration_unit(&s, from);
        if (unit == COUNT(durations) ||
            __builtin_mul_overflow(number, durations[unit].factor, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
        from = unit + 1;
        if (s.n == 0) {
            *ret = total;
            return true;
        }
    }
    return false;
}

bool text_to_size(struct span s, uint64_t *ret)
{
    uint64_t number;
    if (!take_number(&s, &number))
        return false;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        if (span_is(s, sizes[i].name) && number <= UINT64_MAX / sizes[i].factor) {
            *ret = number * sizes[i].factor;
            return true;
        }
    }
    return false;
}

void text_number(char out[21], int64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        *out++ = '-';
    memcpy(out, digits + at, sizeof(digits) - at);
    out[sizeof(digits) - at] = '\0';
}

const char *text_duration(int64_t ms, char out[32])
{
    size_t i = 0;
    while (ms % (int64_t)durations[i].factor != 0)
        i++;
    if (ms == 0)
        return strcpy(out, "0");
    snprintf(out, 32, "%" PRId64 "%s", ms / (int64_t)durations[i].factor, durations[i].name);
    return out;
}

const char *text_size(uint64_t bytes, char out[32])
{
    size_t i = 0;
    while (bytes % sizes[i].factor != 0)
        i++;
    if (bytes == 0)
        return strcpy(out, "0");
    snprintf(out, 32, "%" PRIu64 "%s", bytes / sizes[i].factor, sizes[i].name);
    return out;
}

bool text_is_utf8(struct span s)
{
    const char *p = s.p;
    const char *end = s.n ? s.p + s.n : s.p;
    while (p < end) {
        if (end - p >= 8) {
            uint64_t w = scan_load(p);
            uint64_t hit = (w & SCAN_HIGHS) | scan_equal(w, 0);
            if (!hit) {
                p += 8;
                continue;
            }
            p += scan_first(hit);
        }
        size_t step = (unsigned char)*p >= 0x80 ? scan_utf8(p, end) : *p != '\0';
        if (step == 0)
            return false;
        p += step;
    }
    return true;
}

bool text_equal_secret(struct span a, struct span b)
{
    if (a.n != b.n)
        return false;
    volatile unsigned char differ = 0; /* volatile: no early exit may be optimised in */
    for (size_t i = 0; i < a.n; i++)
        differ = (unsigned char)(differ | (a.p[i] ^ b.p[i]));
    return differ == 0;
}

enum { NEAR_MAX = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Damerau-Levenshtein with adjacent swaps (optimal string alignment), letter case ignored. Three
 * rows of the table are enough: the swap looks two back. Lengths at most NEAR_MAX. */
static unsigned distance(const char *a, size_t an, const char *b, size_t bn)
{
    unsigned rows[3][NEAR_MAX + 1];
    for (unsigned j = 0; j <= bn; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= an; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= bn; j++) {
            char ca = lower(a[i - 1]), cb = lower(b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == lower(b[j - 2]) && lower(a[i - 2]) == cb &&
                above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return rows[an % 3][bn];
}

const char *text_nearest(const char *name, const char *(*next)(const void *arg, size_t i),
                         const void *arg)
{
    size_t n = strlen(name);
    if (n > NEAR_MAX)
        return NULL;
    unsigned best = (unsigned)n / 3 + 1;
    const char *nearest = NULL;
    const char *candidate;
    for (size_t i = 0; (candidate = next(arg, i)); i++) {
        size_t length = strlen(candidate);
        if (length > NEAR_MAX)
            continue;
        unsigned d = distance(name, n, candidate, length);
        if (d < best) {
            best = d;
            nearest = candidate;
        }
    }
    return nearest;
}
