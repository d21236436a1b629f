/* buf: a growing byte buffer with a cap and sticky failure. */
#include "core/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/must.h"
#include "core/base/scan.h"

enum { FIRST_BYTES = 256 };

void buf_release(struct buf *b)
{
    if (!b)
        return;
    free(b->p);
    *b = (struct buf){.cap = b->cap};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (b->size > b->n && more < b->size - b->n)
        return true;

    size_t cap = b->cap ? b->cap : LIMIT_BUF_BYTES;
    if (b->n > cap || more > cap - b->n) {
        b->failed = true;
        return false;
    }
    /* Doubling makes appends cheap on average; one byte beyond the cap holds the NUL. */
    size_t need = b->n + more + 1;
    size_t size = b->size ? b->size : FIRST_BYTES;
    while (size < need)
        size = size > SIZE_MAX / 2 ? need : size * 2;
    if (cap < SIZE_MAX && size > cap + 1)
        size = cap + 1;
    char *p = realloc(b->p, size);
    if (!p) {
        must_memory();
        b->failed = true;
        return false;
    }
    p[b->n] = '\0';
    b->p = p;
    b->size = size;
    return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_reserve(b, n))
        return;
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    if (!buf_reserve(b, 0))
        return;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(b->p + b->n, b->size - b->n, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n >= b->size - b->n && buf_reserve(b, (size_t)n)) {
        va_start(ap, fmt);
        n = vsnprintf(b->p + b->n, b->size - b->n, fmt, ap);
        va_end(ap);
    }
    if (n < 0)
        b->failed = true;
    if (!b->failed)
        b->n += (size_t)n;
    b->p[b->n] = '\0';
}

static void add_json_escape(struct buf *b, unsigned char c)
{
    static const char short_form[256] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                         ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    static const char hex[] = "0123456789abcdef";
    if (short_form[c])
        buf_add(b, (char[]){'\\', short_form[c]}, 2);
    else
        buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Bytes at the start of [p, end) that a JSON string holds as they are. */
static size_t plain_run(const char *p, const char *end)
{
    const char *at = p;
    while (end - at >= 8) {
        uint64_t w = scan_load(at);
        uint64_t hit = scan_below(w, 0x20) | scan_equal(w, '"') | scan_equal(w, '\\');
        if (hit)
            return (size_t)(at - p) + scan_first(hit);
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - p);
}

void buf_add_json(struct buf *b, struct span s)
{
    if (!buf_reserve(b, s.n + 2))
        return;
    const char *p = s.p;
    const char *end = s.n ? s.p + s.n : s.p;
    buf_add_char(b, '"');
    while (p < end) {
        size_t run = plain_run(p, end);
        buf_add(b, p, run);
        p += run;
        if (p < end)
            add_json_escape(b, (unsigned char)*p++);
    }
    buf_add_char(b, '"');
}

const char *buf_text(const struct buf *b)
{
    return b->p ? b->p : "";
}

struct span buf_span(const struct buf *b)
{
    return (struct span){buf_text(b), b->n};
}

char *buf_take(struct buf *b, size_t *ret_n)
{
    char *p = NULL;
    if (buf_reserve(b, 0)) {
        p = b->p;
        b->p = NULL;
        if (ret_n)
            *ret_n = b->n;
    }
    buf_release(b);
    return p;
}
