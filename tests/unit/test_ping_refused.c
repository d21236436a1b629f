/* test_ping_refused: who was turned away is known for a while, and nobody else is taken for him. */
#include "core/ping/refused.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE 60000

static struct ping_headers headers(const char *id, const char *token, const char *resource)
{
    return (struct ping_headers){
        .channel_id = span_of(id), .token = span_of(token), .resource_id = span_of(resource)};
}

static void test_for_a_minute(void **state)
{
    (void)state;
    static struct refused r;
    struct ping_headers a = headers("a", "1.x", "res"), b = headers("b", "1.x", "res");
    assert_int_equal(refused_find(&r, &a, 1000), PING_CHANGE);
    refused_add(&r, &a, PING_FORGED, 1000);
    refused_add(&r, &b, PING_IGNORED, 1000);
    assert_int_equal(refused_find(&r, &b, 1001), PING_IGNORED);
    refused_add(&r, &a, PING_FORGED, 1001); /* had `b` its place, it has it now */
    assert_int_equal(refused_find(&r, &a, MINUTE), PING_FORGED);
    assert_int_equal(refused_find(&r, &a, 1001 + MINUTE), PING_CHANGE);
    assert_int_equal(refused_find(&r, &a, 0), PING_CHANGE); /* a clock that jumped back */
}

/* The same bytes in other headers, or cut at another place, are somebody else. */
static void test_nobody_else(void **state)
{
    (void)state;
    static struct refused r;
    struct ping_headers a = headers("ab", "c", "d");
    refused_add(&r, &a, PING_FORGED, 1);
    const struct ping_headers others[] = {headers("a", "bc", "d"), headers("ab", "", "cd"),
                                          headers("ab", "cd", ""), headers("ab", "c", "D"),
                                          headers("", "", ""),     headers("abcd", "", "")};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(refused_find(&r, &others[i], 2), PING_CHANGE);
    assert_int_equal(refused_find(&r, &a, 2), PING_FORGED);
}

/* Twenty times more than there is room for, and headers of any length. */
static void test_flood(void **state)
{
    (void)state;
    static struct refused r;
    static char text[4097];
    size_t known = 0;
    memset(text, 'x', sizeof(text) - 1);
    for (size_t n = 0; n < sizeof(text); n++) {
        struct ping_headers h = {.channel_id = {text, n}, .token = {text, n % 7}};
        refused_add(&r, &h, PING_FORGED, 1);
        assert_int_equal(refused_find(&r, &h, 2),
                         n + n % 7 + 3 <= REFUSED_BYTES ? PING_FORGED : PING_CHANGE);
    }
    for (unsigned i = 0; i < 20 * REFUSED_SLOTS; i++) {
        char id[32];
        snprintf(id, sizeof(id), "forged %u", i);
        struct ping_headers h = headers(id, "t", "r");
        refused_add(&r, &h, PING_FORGED, 3);
    }
    for (unsigned i = 0; i < 20 * REFUSED_SLOTS; i++) {
        char id[32];
        snprintf(id, sizeof(id), "forged %u", i);
        struct ping_headers h = headers(id, "t", "r");
        known += refused_find(&r, &h, 4) == PING_FORGED;
    }
    assert_in_range(known, REFUSED_SLOTS / 2, REFUSED_SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_for_a_minute),
        cmocka_unit_test(test_nobody_else),
        cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
