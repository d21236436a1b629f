/* secret: bytes that must not outlive their use nor end in a log. Its own type, so that no format
 * takes it. */
#ifndef CORE_BASE_SECRET_H
#define CORE_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/span.h"

/* `= { 0 }` is empty. Always NUL-terminated when not empty; the memory is wiped before it is given
 * back. */
struct secret {
    char *p;
    size_t n;
};

bool secret_set(struct secret *s,
                struct span bytes);    /* replaces; false: out of memory, s is empty */
void secret_release(struct secret *s); /* wipes, frees, empties */
void secret_trim(struct secret *s);    /* without blanks at its end, as an editor leaves */

/* Takes `bytes` over by moving: `from` is empty afterwards, what `to` had is wiped. */
void secret_move(struct secret *to, struct secret *from);

/* Wipes and releases a buffer that held a secret; reserve enough at first, a buffer that grows
 * leaves copies. */
void secret_wipe_buf(struct buf *b);

static inline struct span secret_span(const struct secret *s)
{
    return (struct span){s->p, s->n};
}

#endif
