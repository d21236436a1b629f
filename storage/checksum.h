/* checksum: XXH3-64 of a record, at the speed the processor has. */
#ifndef STORAGE_CHECKSUM_H
#define STORAGE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t checksum(const void *p, size_t n, uint64_t seed);

/* The same number by AVX2; only where there is AVX2. Private to checksum(). */
uint64_t checksum_avx2(const void *p, size_t n, uint64_t seed);

#endif
