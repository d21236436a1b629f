/* Tests of buf: growth, cap, sticky failure, the JSON writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/limits.h"

static void test_empty(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(buf_span(&b).n, 0);
    assert_non_null(buf_span(&b).p);
    buf_reset(&b);
    buf_add(&b, NULL, 0);
    assert_string_equal(buf_text(&b), "");
    buf_release(&b);
    buf_release(&b);
    buf_release(NULL);
}

static void test_append(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_text(&b, "one");
    buf_add_char(&b, ' ');
    buf_add(&b, "two!", 3);
    buf_add_span(&b, (struct span){" three four", 6});
    buf_printf(&b, " %d%s", 4, "");
    assert_string_equal(buf_text(&b), "one two three 4");
    assert_int_equal(b.n, 15);
    assert_int_equal(b.p[b.n], '\0');
    buf_reset(&b);
    assert_string_equal(buf_text(&b), "");
    buf_add_text(&b, "again");
    assert_true(span_is(buf_span(&b), "again"));
    buf_release(&b);
    assert_null(b.p);
}

static void test_growth_is_amortised(void **state)
{
    (void)state;
    struct buf b = {0};
    int moves = 0;
    size_t size = 0;
    for (int i = 0; i < 1000000; i++) {
        buf_add_char(&b, (char)('a' + i % 26));
        assert_true(b.size > b.n);
        moves += b.size != size;
        size = b.size;
    }
    assert_int_equal(b.n, 1000000);
    assert_true(moves < 20);
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_release(&b);
}

static void test_printf_long(void **state)
{
    (void)state;
    for (size_t n = 250; n < 260; n++) { /* around the first size, where the second try begins */
        struct buf b = {0};
        buf_printf(&b, "%*s", (int)n, "x");
        assert_int_equal(b.n, n);
        assert_int_equal(strlen(buf_text(&b)), n);
        buf_printf(&b, "%*s", 5000, "y");
        assert_int_equal(b.n, n + 5000);
        assert_int_equal(b.p[b.n - 1], 'y');
        buf_release(&b);
    }
}

static void test_cap(void **state)
{
    (void)state;
    struct buf b = {.cap = 10};
    buf_add_text(&b, "0123456789");
    assert_false(b.failed);
    assert_true(buf_reserve(&b, 0));
    buf_add_char(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(buf_text(&b), "0123456789");
    buf_printf(&b, "%d", 1);
    buf_add(&b, "", 0);
    assert_false(buf_reserve(&b, 0));
    assert_int_equal(b.n, 10);

    buf_reset(&b);
    assert_false(b.failed);
    buf_printf(&b, "%s", "0123456789a");
    assert_true(b.failed);
    assert_int_equal(b.n, 0);
    assert_string_equal(buf_text(&b), "");

    buf_release(&b);
    assert_false(b.failed);
    assert_int_equal(b.cap, 10);
    assert_false(buf_reserve(&b, SIZE_MAX));
    buf_release(&b);
    b = (struct buf){0};
    assert_false(buf_reserve(&b, LIMIT_BUF_BYTES + 1));
    assert_null(b.p);
    assert_true(b.failed);
}

static void test_take(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t n = 99;
    buf_add(&b, "a\0b", 3);
    char *p = buf_take(&b, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(p, "a\0b", 4);
    free(p);
    assert_null(b.p);
    assert_int_equal(b.n, 0);

    p = buf_take(&b, &n);
    assert_string_equal(p, "");
    assert_int_equal(n, 0);
    free(p);
    p = buf_take(&b, NULL);
    assert_string_equal(p, "");
    free(p);

    b.cap = 2;
    buf_add_text(&b, "xyz");
    n = 99;
    assert_null(buf_take(&b, &n));
    assert_int_equal(n, 99);
    assert_false(b.failed);
}

static void test_json(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        const char *out;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{NULL, 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"a \"quoted\" \\ one", 16}, "\"a \\\"quoted\\\" \\\\ one\""},
        {{"\b\f\n\r\t/", 6}, "\"\\b\\f\\n\\r\\t/\""},
        {{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\x7f\""},
        {{"Caf\xc3\xa9 \xf0\x9f\x98\x80", 10}, "\"Caf\xc3\xa9 \xf0\x9f\x98\x80\""},
    };
    struct buf b = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_reset(&b);
        buf_add_json(&b, cases[i].in);
        assert_string_equal(buf_text(&b), cases[i].out);
    }
    buf_release(&b);
}

/* Each ASCII character at each place of a word survives the way out and back. */
static void test_json_round_trip(void **state)
{
    (void)state;
    struct buf b = {0}, back = {0};
    for (int c = 0; c < 128; c++) {
        for (size_t at = 0; at < 20; at++) {
            char text[20];
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            struct span s = {text, sizeof text};
            buf_reset(&b);
            buf_reset(&back);
            buf_add_json(&b, s);
            assert_int_equal(json_check(buf_span(&b), NULL), RC_OK);
            assert_true(json_string(buf_span(&b), &back));
            assert_true(span_eq(buf_span(&back), s));
        }
    }
    buf_release(&b);
    buf_release(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_growth_is_amortised),
        cmocka_unit_test(test_printf_long),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_round_trip),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
