/* secret: wiped memory. */
#include "core/base/secret.h"

#include <stdlib.h>
#include <string.h>

bool secret_set(struct secret *s, struct span bytes)
{
    char *p = malloc(bytes.n + 1);

    if (p) {
        if (bytes.n > 0)
            memcpy(p, bytes.p, bytes.n);
        p[bytes.n] = '\0';
    }
    secret_release(s); /* after the copy: `bytes` may be its own */
    if (p)
        *s = (struct secret){p, bytes.n};
    return p != NULL;
}

void secret_release(struct secret *s)
{
    if (!s || !s->p)
        return;
    explicit_bzero(s->p, s->n);
    free(s->p);
    *s = (struct secret){0};
}

void secret_trim(struct secret *s)
{
    while (s->n > 0 && strchr(" \t\r\n", s->p[s->n - 1]))
        s->p[--s->n] = '\0';
}

void secret_move(struct secret *to, struct secret *from)
{
    secret_release(to);
    *to = *from;
    *from = (struct secret){0};
}

void secret_wipe_buf(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->size);
    buf_release(b);
}
