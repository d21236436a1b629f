/* fuzz: what every target has: the entry that the fuzzer calls, and how it says that a fact does
 * not hold. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool fact)
{
    if (!fact)
        abort();
}

#endif
