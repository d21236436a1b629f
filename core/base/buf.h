/* buf: a growing byte buffer with a cap. Always NUL-terminated behind its length once used.
 *
 * Failure is sticky: past the cap or out of memory the buffer sets `failed`, ignores further
 * appends and is checked once, at the end. `= { 0 }` is an empty buffer with the default cap. */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/span.h"

struct buf {
    char *p;
    size_t n;    /* bytes used */
    size_t size; /* bytes allocated */
    size_t cap;  /* most bytes ever; 0 = LIMIT_BUF_BYTES */
    bool failed;
};

void buf_release(struct buf *b);              /* frees and empties; keeps cap */
void buf_reset(struct buf *b);                /* empties, keeps the memory, clears `failed` */
bool buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind n; false = failed */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_span(struct buf *b, struct span s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends `s` as a JSON string with its quotes: escapes " \ and control characters, keeps UTF-8. */
void buf_add_json(struct buf *b, struct span s);

/* The text, "" when empty; borrowed until the next change. */
const char *buf_text(const struct buf *b);
struct span buf_span(const struct buf *b);

/* Hands the memory to the caller (free()); NULL when failed. The buffer is empty afterwards. */
char *buf_take(struct buf *b, size_t *ret_n);

#endif
