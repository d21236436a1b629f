/* numbers: a growing list of numbers, of collections or of accounts. Private to core/sync. */
#ifndef CORE_SYNC_NUMBERS_H
#define CORE_SYNC_NUMBERS_H

#include <stdint.h>
#include <stdlib.h>

#include "core/base/must.h"

struct numbers { /* `= { 0 }` is empty; free(v) releases it */
    uint32_t *v;
    size_t n, size;
};

static inline void numbers_add(struct numbers *list, uint32_t no)
{
    if (list->n == list->size) {
        list->size = list->size ? 2 * list->size : 16;
        list->v = must(reallocarray(list->v, list->size, sizeof(uint32_t)));
    }
    list->v[list->n++] = no;
}

#endif
