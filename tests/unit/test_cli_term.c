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

/* By columns, not by bytes; a character is whole or not there. */
static void test_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int columns, used;
        const char *shown;
    } cases[] = {
        {"Zürich", 6, 6, "Zürich"},
        {"Zürich", 5, 5, "Züri…"},
        {"会議会議", 8, 8, "会議会議"},
        {"会議会議", 7, 7, "会議会…"},
        {"会議会議", 6, 5, "会議…"},
        {"e\xcc\x81te\xcc\x81", 3, 3, "e\xcc\x81te\xcc\x81"},
        {"team@group.calendar.google.com", 10, 10, "team@grou…"},
        {"", 4, 0, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int used;
        char *copy = cut_copy(cases[i].text, cases[i].columns, &used);
        assert_string_equal(copy, cases[i].shown);
        assert_int_equal(used, cases[i].used);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe),
        cmocka_unit_test(test_cut),
    };
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests_name("cli_term", tests, NULL, NULL);
}
