/* test_cli_term: what a terminal is given: nothing that steers it, and no more than it has room
 * for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>

#include "cmd/calmirror/term.c"

static void expect(const char *text, const char *shown)
{
    char *copy = safe_copy(text);
    assert_string_equal(copy, shown);
    free(copy);
}

static void test_safe(void **state)
{
    (void)state;
    expect("plain \xc3\xa4 \xe4\xbc\x9a \xe2\x80\xa6 \xe2\x81\xa5",
           "plain \xc3\xa4 \xe4\xbc\x9a \xe2\x80\xa6 \xe2\x81\xa5");
    expect("\033[31m\t\n\x7f\xc2\x9b", "?[31m????");
    expect("a\xe2\x80\xaa.\xe2\x80\xab.\xe2\x80\xac.\xe2\x80\xad.\xe2\x80\xae"
           "b",
           "a....b");
    expect("a\xe2\x81\xa6.\xe2\x81\xa7.\xe2\x81\xa8.\xe2\x81\xa9"
           "b",
           "a...b");
    expect("\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xaa", "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xaa");
    expect("cut \xe2\x80", "cut \xe2\x80");
    expect("cut \xe2", "cut \xe2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe),
    };
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests_name("cli_term", tests, NULL, NULL);
}
