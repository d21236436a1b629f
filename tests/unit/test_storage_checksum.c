/* checksum: the wide instructions make the same number as the others. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/checksum.h"

#define LONGEST 5000

static void test_equal_to_xxh3(void **state)
{
    (void)state;
    static char bytes[LONGEST + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 + (i >> 8));
    /* From an odd address too: records stand anywhere in a page. */
    for (size_t n = 0; n <= LONGEST; n++) {
        const char *p = bytes + (n & 1 && n < LONGEST);
        assert_int_equal(checksum(p, n, n * 77), XXH3_64bits_withSeed(p, n, n * 77));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equal_to_xxh3)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
