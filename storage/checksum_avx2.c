/* checksum_avx2: XXH3-64 compiled for processors with AVX2. */
#include "storage/checksum.h"

#if defined(__x86_64__)

/* Before the pragma: what these define is for everyone. */
#include <assert.h>
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#define XXH_INLINE_ALL
#define XXH_VECTOR XXH_AVX2
#include <xxhash.h>

uint64_t checksum_avx2(const void *p, size_t n, uint64_t seed)
{
    uint64_t sum = XXH3_64bits_withSeed(p, n, seed);
    _mm256_zeroupper(); /* not every compiler does so by itself; without it SSE code crawls */
    return sum;
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
