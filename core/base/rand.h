/* rand: random bytes from the kernel, and a seedable stream for jitter. */
#ifndef CORE_BASE_RAND_H
#define CORE_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t n);           /* cryptographic; no bytes end the process */
void rand_id(char *out, size_t chars);        /* `chars` of [a-v0-9] and a NUL; for channel ids */
int64_t rand_between(int64_t lo, int64_t hi); /* inclusive; jitter only, never secrets */
void rand_seed(uint64_t seed);                /* tests: makes rand_between deterministic */

#endif
