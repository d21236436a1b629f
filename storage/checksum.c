/* checksum: XXH3-64 of a record, at the speed the processor has.
 *
 * DESIGN. Every record read is summed up, which at the rate of the instructions that all x86-64
 * processors have is the largest part of listing events. Twice as wide ones halve it. The library's
 * own choice at run time, xxh_x86dispatch.h, will not do: it leaves the upper halves of the
 * registers in use, and all SSE code after it runs at a third of its speed. */
#include "storage/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define WIDE_BYTES 240 /* up to it XXH3 goes another way, which has nothing to widen */

uint64_t checksum(const void *p, size_t n, uint64_t seed)
{
#if defined(__x86_64__)
    if (n > WIDE_BYTES && __builtin_cpu_supports("avx2"))
        return checksum_avx2(p, n, seed);
#endif
    return XXH3_64bits_withSeed(p, n, seed);
}
