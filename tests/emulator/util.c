/* util: memory, strings, numbers. */
#include "tests/emulator/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *checked(void *p)
{
    if (p == NULL) {
        fputs("gcal-emulator: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xalloc(size_t n)
{
    return checked(calloc(1, n ? n : 1));
}

void *xgrow(void *p, size_t n)
{
    return checked(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
    return s == NULL ? NULL : checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

char *xprintf(const char *format, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, format);
    if (vasprintf(&s, format, ap) < 0) {
        s = NULL;
    }
    va_end(ap);
    return checked(s);
}

void xreplace(char **p, char *fresh)
{
    free(*p);
    *p = fresh;
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more + 1;
    if (need <= b->cap) {
        return;
    }
    size_t cap = b->cap ? b->cap * 2 : 256;
    b->cap = cap < need ? need : cap;
    b->p = xgrow(b->p, b->cap);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n) {
        memcpy(b->p + b->len, p, n);
    }
    b->len += n;
    b->p[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n > 0) {
        buf_reserve(b, (size_t)n);
        vsnprintf(b->p + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_quote(struct buf *b, const char *s)
{
    buf_str(b, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            buf_printf(b, "\\%c", c);
        } else if (c < 0x20) {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_add(b, s, 1);
        }
    }
    buf_str(b, "\"");
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

uint32_t hash32(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++) {
        h = (h ^ (unsigned char)*s) * 16777619u;
    }
    return h;
}

bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static const char B64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *b64url_encode(const void *p, size_t n, bool pad)
{
    const unsigned char *in = p;
    struct buf b = {0};
    buf_reserve(&b, n * 4 / 3 + 4);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16;
        v |= i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0;
        v |= i + 2 < n ? in[i + 2] : 0;
        char out[4] = {B64[v >> 18], B64[v >> 12 & 63], B64[v >> 6 & 63], B64[v & 63]};
        size_t whole = n - i >= 3 ? 4 : n - i + 1;
        buf_add(&b, out, whole);
        if (pad) {
            buf_add(&b, "==", 4 - whole);
        }
    }
    return b.p;
}

unsigned char *b64url_decode(const char *s, size_t *ret_n)
{
    size_t n = strlen(s), len = 0, bits = 0;
    while (n && s[n - 1] == '=') {
        n--;
    }
    unsigned char *out = xalloc(n * 3 / 4 + 2);
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(B64, s[i]);
        if (at == NULL) {
            free(out);
            return NULL;
        }
        v = (v << 6 | (uint32_t)(at - B64)) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (unsigned char)(v >> bits & 255);
        }
    }
    out[len] = '\0';
    *ret_n = len;
    return out;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *url_decode(const char *s, size_t n, bool plus)
{
    char *out = xalloc(n + 1), *w = out;
    for (size_t i = 0; i < n; i++) {
        int hi = s[i] == '%' && i + 2 < n ? hex_value(s[i + 1]) : -1;
        int lo = hi >= 0 ? hex_value(s[i + 2]) : -1;
        if (lo >= 0 && (hi || lo)) {
            *w++ = (char)(hi << 4 | lo);
            i += 2;
        } else {
            *w++ = plus && s[i] == '+' ? ' ' : s[i];
        }
    }
    return out;
}

char *url_encode(const char *s)
{
    struct buf b = {0};
    buf_reserve(&b, strlen(s));
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) != NULL;
        if (plain) {
            buf_add(&b, s, 1);
        } else {
            buf_printf(&b, "%%%02X", c);
        }
    }
    return b.p ? b.p : xstrdup("");
}

uint64_t rng_next(struct rng *r)
{
    /* splitmix64 */
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t rng_below(struct rng *r, uint32_t limit)
{
    return (uint32_t)((rng_next(r) >> 32) * limit >> 32);
}

int64_t real_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
