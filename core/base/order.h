/* order: how qsort() and bsearch() compare plain numbers. */
#ifndef CORE_BASE_ORDER_H
#define CORE_BASE_ORDER_H

#include <stdint.h>

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

#endif
