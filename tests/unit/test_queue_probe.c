/* test_queue_probe: only what was made with the secret is taken for a probe, and only what was
 * taken has come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/queue/probe.h"

static const uint8_t ours[32] = {1}, theirs[32] = {2};

static void test_a_probe_comes(void **state)
{
    (void)state;
    char id[PROBE_ID_MAX], token[PROBE_TOKEN_MAX], other[PROBE_ID_MAX], unused[PROBE_TOKEN_MAX];
    probe_make(ours, id, token);
    probe_make(ours, other, unused);
    assert_string_not_equal(id, other);
    assert_false(probe_came(span_of(id)));
    assert_true(probe_take(ours, span_of(id), span_of(token)));
    assert_true(probe_came(span_of(id)));
    assert_false(probe_came(span_of(other)));
}

static void test_what_is_no_probe(void **state)
{
    (void)state;
    char id[PROBE_ID_MAX], token[PROBE_TOKEN_MAX], text[PROBE_ID_MAX];
    probe_make(ours, id, token);
    assert_false(probe_take(theirs, span_of(id), span_of(token)));
    assert_false(probe_take(ours, span_of(id), (struct span){token, strlen(token) - 1}));
    assert_false(probe_take(ours, span_of(id), span_of("")));
    (void)snprintf(text, sizeof text, "%s", id);
    text[6] = text[6] == '1' ? '2' : '1';
    assert_false(probe_take(ours, span_of(text), span_of(token)));
    assert_false(probe_came(span_of(text)));
    static const char *const ids[] = {"",
                                      "probe-",
                                      "probe-0000000000000000",
                                      "probe-00000000000000zz",
                                      "probe-ABCDEF0123456789",
                                      "probe-+bcdef0123456789",
                                      "probe-abcdef01234567890",
                                      "some channel's id, longer than any probe's"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_false(probe_take(ours, span_of(ids[i]), span_of(token)));
        assert_false(probe_came(span_of(ids[i])));
    }
    assert_false(probe_came(span_of(id)));
}

/* The last ones are kept, whoever sent them. */
static void test_the_last_are_kept(void **state)
{
    (void)state;
    char ids[PROBES_KEPT + 1][PROBE_ID_MAX], token[PROBE_TOKEN_MAX];
    for (size_t i = 0; i <= PROBES_KEPT; i++) {
        probe_make(ours, ids[i], token);
        assert_true(probe_take(ours, span_of(ids[i]), span_of(token)));
    }
    assert_false(probe_came(span_of(ids[0])));
    for (size_t i = 1; i <= PROBES_KEPT; i++)
        assert_true(probe_came(span_of(ids[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_probe_comes),
        cmocka_unit_test(test_what_is_no_probe),
        cmocka_unit_test(test_the_last_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
