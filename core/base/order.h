/* order: how qsort() and bsearch() compare plain numbers, and bytes. */
#ifndef CORE_BASE_ORDER_H
#define CORE_BASE_ORDER_H

#include <stdint.h>

#include "core/base/span.h"

static inline int order_i64(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
    return (a > b) - (a < b);
}

static inline int order_u32(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return (a > b) - (a < b);
}

/* By their bytes; what is the beginning of the other comes first. */
static inline int order_span(const void *pa, const void *pb)
{
    const struct span *a = pa, *b = pb;
    size_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->p, b->p, n) : 0;
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

#endif
