/* Tests of fields: the grammar, what is selected, and selections made to cost too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/json.h"
#include "core/serve/fields.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* The same document for all: an events list in miniature. */
static const char document[] =
    "{ \"kind\": \"calendar#events\", \"empty\": {}, \"none\": null, \"numbers\": [1, 2],\n"
    "  \"items\": [\n"
    "   {\"id\": \"a\", \"start\": {\"dateTime\": \"d\", \"timeZone\": \"z\"},\n"
    "    \"attendees\": [{\"email\": \"x\", \"self\": true}, {\"email\": \"y\"}, {}]},\n"
    "   {\"id\": \"b\", \"extendedProperties\": {\"private\": {\"k\\u0065y\": \"1\", \"k\": "
    "\"2\"}}}\n"
    "  ]}";

static const struct {
    const char *fields;
    const char *selected;
} selections[] = {
    {"kind", "{\"kind\":\"calendar#events\"}"},
    {"kind,none", "{\"kind\":\"calendar#events\",\"none\":null}"},
    {" kind , none ", "{\"kind\":\"calendar#events\",\"none\":null}"},
    {"none,kind", "{\"kind\":\"calendar#events\",\"none\":null}"},
    {"kind,kind", "{\"kind\":\"calendar#events\"}"},
    {"absent", "{}"},
    {"empty", "{\"empty\":{}}"},
    {"empty/x", "{\"empty\":{}}"},
    {"numbers", "{\"numbers\":[1,2]}"},
    {"numbers/x", "{\"numbers\":[]}"},
    {"kind/x", "{}"},
    {"none/x", "{}"},
    {"items/id", "{\"items\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"},
    {"items(id)", "{\"items\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"},
    {"items/start", "{\"items\":[{\"start\":{\"dateTime\":\"d\",\"timeZone\":\"z\"}},{}]}"},
    {"items(id,start/timeZone)",
     "{\"items\":[{\"id\":\"a\",\"start\":{\"timeZone\":\"z\"}},{\"id\":\"b\"}]}"},
    {"items/start(timeZone)", "{\"items\":[{\"start\":{\"timeZone\":\"z\"}},{}]}"},
    {"items(start(dateTime)),items(start(timeZone))",
     "{\"items\":[{\"start\":{\"dateTime\":\"d\",\"timeZone\":\"z\"}},{}]}"},
    {"items/attendees/email",
     "{\"items\":[{\"attendees\":[{\"email\":\"x\"},{\"email\":\"y\"},{}]},{}]}"},
    {"items/attendees(self),kind",
     "{\"kind\":\"calendar#events\",\"items\":[{\"attendees\":[{\"self\":true},{},{}]},{}]}"},
    {"items(attendees/self,attendees)",
     "{\"items\":[{\"attendees\":[{\"email\":\"x\",\"self\":true},{\"email\":\"y\"},{}]},{}]}"},
    {"items/extendedProperties/private/key",
     "{\"items\":[{},{\"extendedProperties\":{\"private\":{\"k\\u0065y\":\"1\"}}}]}"},
    {"items/*/timeZone", "{\"items\":[{\"start\":{\"timeZone\":\"z\"},\"attendees\":[{},{},{}]},"
                         "{\"extendedProperties\":{}}]}"},
    {"items(*/timeZone,start/dateTime)",
     "{\"items\":[{\"start\":{\"dateTime\":\"d\",\"timeZone\":\"z\"},\"attendees\":[{},{},{}]},"
     "{\"extendedProperties\":{}}]}"},
    {"items(*(private(k)),id)",
     "{\"items\":[{\"id\":\"a\",\"start\":{},\"attendees\":[{},{},{}]},"
     "{\"id\":\"b\",\"extendedProperties\":{\"private\":{\"k\":\"2\"}}}]}"},
    {"*/id,items/start/timeZone",
     "{\"empty\":{},\"numbers\":[],\"items\":[{\"id\":\"a\",\"start\":{\"timeZone\":\"z\"}},"
     "{\"id\":\"b\"}]}"},
    {"items/start/*", "{\"items\":[{\"start\":{\"dateTime\":\"d\",\"timeZone\":\"z\"}},{}]}"},
};

static void selections_select(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(selections); i++) {
        struct fields f = {0};
        struct buf out = {0};
        assert_int_equal(fields_compile(&f, span_of(selections[i].fields), (struct span){0}, NULL),
                         RC_OK);
        fields_apply(&f, span_of(document), &out);
        assert_string_equal(buf_text(&out), selections[i].selected);
        assert_int_equal(json_check(buf_span(&out), NULL), RC_OK);
        buf_release(&out);
    }
}

static void everything_is_everything(void **state)
{
    (void)state;
    static const char *const all[] = {"", "*", "kind,*", "*,items/id", "*/x,*"};
    struct buf whole = {0};
    json_reformat(&whole, span_of(document), 0, 0);
    for (size_t i = 0; i < COUNT(all); i++) {
        struct fields f = {0};
        struct buf out = {0};
        assert_int_equal(fields_compile(&f, span_of(all[i]), (struct span){0}, NULL), RC_OK);
        fields_apply(&f, span_of(document), &out);
        assert_string_equal(buf_text(&out), buf_text(&whole));
        buf_release(&out);
    }
    buf_release(&whole);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        ",",   "a,",  ",a",   "a,,b",  "a/",     "/a",       "a//b",   "(a)",     "a()",
        "a(",  "a(b", "a)",   "a(b))", "a(b)/c", "a(b)c",    "a b",    "a(b)(c)", "a(,b)",
        "a**", "*a",  "a\"b", "a\\b",  "a\tb",   "a(b,c/)d", "a/(b,c", "\x7f",    " ",
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct fields f = {0};
        struct err e = {0};
        char want[64];
        snprintf(want, sizeof(want), "Invalid field selection %s", wrong[i]);
        assert_int_equal(fields_compile(&f, span_of(wrong[i]), (struct span){0}, &e), RC_INVALID);
        assert_string_equal(e.text, want);
        assert_int_equal(f.n, 0);
    }
}

/* Google refuses a name that the answer's envelope does not have. */
static void unknown_names_at_the_top_are_refused(void **state)
{
    (void)state;
    struct span known = span_of("{\"kind\":{},\"items\":{},\"nextPageToken\":{}}");
    struct fields f = {0};
    struct err e = {0};
    assert_int_equal(fields_compile(&f, span_of("nextPageToken,items(id,whatever)"), known, &e),
                     RC_OK);
    assert_int_equal(fields_compile(&f, span_of("*/x,kind"), known, &e), RC_OK);
    assert_int_equal(fields_compile(&f, span_of("pagetoken,items(id)"), known, &e), RC_INVALID);
    assert_string_equal(e.text, "Invalid field selection pagetoken");
}

static char *repeat(const char *what, size_t times, const char *tail)
{
    size_t n = strlen(what);
    char *text = malloc(n * times + strlen(tail) + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * n, what, n);
    strcpy(text + n * times, tail);
    return text;
}

static void refuse_repeated(const char *what, size_t times, const char *tail)
{
    struct fields f = {0};
    struct err e = {0};
    char *text = repeat(what, times, tail);
    assert_int_equal(fields_compile(&f, span_of(text), (struct span){0}, &e), RC_INVALID);
    free(text);
}

static void size_and_depth_are_bounded(void **state)
{
    (void)state;
    refuse_repeated("a/", 1000000, "b");
    refuse_repeated("a(", 1000000, "b");
    refuse_repeated("a", FIELDS_NAME_MAX + 1, "");
    struct fields f = {0};
    struct buf text = {0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "%sn%d", i ? "," : "", i);
    assert_int_equal(fields_compile(&f, buf_span(&text), (struct span){0}, NULL), RC_INVALID);
    buf_reset(&text);
    /* Each level doubles what the stars stand for, so little text would make a large tree. */
    for (int level = 0; level < FIELDS_DEPTH_MAX; level++)
        buf_add_text(&text, "a/x,b/x,*(a,b,");
    assert_int_equal(fields_compile(&f, buf_span(&text), (struct span){0}, NULL), RC_INVALID);
    buf_reset(&text);
    for (int level = 1; level < FIELDS_DEPTH_MAX; level++)
        buf_printf(&text, "a%d/x,b%d/x,*(", level, level);
    buf_add_text(&text, "z");
    for (int level = 1; level < FIELDS_DEPTH_MAX; level++)
        buf_add_char(&text, ')');
    assert_int_equal(fields_compile(&f, buf_span(&text), (struct span){0}, NULL), RC_INVALID);
    buf_release(&text);

    char *many = repeat("kind,", 100000, "kind");
    struct buf out = {0};
    assert_int_equal(fields_compile(&f, span_of(many), (struct span){0}, NULL), RC_OK);
    fields_apply(&f, span_of(document), &out);
    assert_string_equal(buf_text(&out), selections[0].selected);
    buf_release(&out);
    free(many);
}

static enum rc compile_repeated(const char *what, size_t times, const char *tail)
{
    struct fields f = {0};
    char *text = repeat(what, times, tail);
    enum rc rc = fields_compile(&f, span_of(text), (struct span){0}, NULL);
    free(text);
    return rc;
}

static void bounds_are_those_of_the_header(void **state)
{
    (void)state;
    assert_int_equal(compile_repeated("a", FIELDS_NAME_MAX, ""), RC_OK);
    assert_int_equal(compile_repeated("a/", FIELDS_DEPTH_MAX - 1, "b"), RC_OK);
    assert_int_equal(compile_repeated("a/", FIELDS_DEPTH_MAX, "b"), RC_INVALID);
    struct buf text = {0};
    struct fields f = {0};
    for (int i = 1; i < FIELDS_NODES_MAX; i++) /* the document itself is one */
        buf_printf(&text, "%sn%d", i > 1 ? "," : "", i);
    assert_int_equal(fields_compile(&f, buf_span(&text), (struct span){0}, NULL), RC_OK);
    buf_add_text(&text, ",n1");
    assert_int_equal(fields_compile(&f, buf_span(&text), (struct span){0}, NULL), RC_OK);
    buf_add_text(&text, ",m");
    assert_int_equal(fields_compile(&f, buf_span(&text), (struct span){0}, NULL), RC_INVALID);
    buf_release(&text);
}

/* A parameter is cut out of a longer text. */
static void nothing_after_the_text_is_read(void **state)
{
    (void)state;
    static const char *const longer[] = {"kind,none", "kind ,none", "kind/x", "kind(x)", "kind!"};
    for (size_t i = 0; i < COUNT(longer); i++) {
        struct fields f = {0};
        struct buf out = {0};
        assert_int_equal(fields_compile(&f, (struct span){longer[i], 4}, (struct span){0}, NULL),
                         RC_OK);
        fields_apply(&f, span_of(document), &out);
        assert_string_equal(buf_text(&out), selections[0].selected);
        buf_release(&out);
    }
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        size_t letters, shown; /* after "(", before "\u00e9" and after "selection " */
    } cuts[] = {{197, 200}, {198, 199}, {199, 200}};
    for (size_t i = 0; i < COUNT(cuts); i++) {
        struct fields f = {0};
        struct err e = {0};
        char want[256], *letters = repeat("x", cuts[i].letters, "\xC3\xA9"), text[256];
        snprintf(text, sizeof(text), "(%s", letters);
        snprintf(want, sizeof(want), "Invalid field selection %.*s", (int)cuts[i].shown, text);
        assert_int_equal(fields_compile(&f, span_of(text), (struct span){0}, &e), RC_INVALID);
        assert_string_equal(e.text, want);
        free(letters);
    }
}

/* What stars stand for is too much: no single name is to blame. */
static void too_much_is_refused_as_a_whole(void **state)
{
    (void)state;
    struct buf text = {0};
    struct fields f = {0};
    struct err e = {0};
    for (int i = 0; i < 20; i++)
        buf_printf(&text, "%s*/n%d,a/m%d/x", i ? "," : "", i, i);
    for (int i = 0; i < 180; i++)
        buf_printf(&text, ",a/k%d", i);
    buf_add_text(&text, ",*/z");
    assert_int_equal(fields_compile(&f, buf_span(&text), span_of("{\"a\":{}}"), &e), RC_INVALID);
    assert_memory_equal(e.text, "Invalid field selection */n0,a/m0/x,", 36);
    buf_release(&text);
}

static void a_bare_value_is_shown_as_it_is(void **state)
{
    (void)state;
    static const char *const bare[] = {"\"kind\"", "7", "null"};
    for (size_t i = 0; i < COUNT(bare); i++) {
        struct fields f = {0};
        struct buf out = {0};
        assert_int_equal(fields_compile(&f, span_of("kind"), (struct span){0}, NULL), RC_OK);
        fields_apply(&f, span_of(bare[i]), &out);
        assert_string_equal(buf_text(&out), bare[i]);
        /* Compiled anew, a selection knows nothing of the one before. */
        assert_int_equal(fields_compile(&f, (struct span){0}, (struct span){0}, NULL), RC_OK);
        assert_int_equal(f.n, 0);
        buf_release(&out);
    }
}

static bool collect(void *arg, struct span value)
{
    struct buf *out = arg;
    buf_add_span(out, value);
    buf_add_char(out, ' ');
    return value.n == 3 && value.p[1] == 'y';
}

static void values_are_visited(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *seen;
        bool stopped;
    } visits[] = {
        {"kind,items/id", "\"calendar#events\" \"a\" \"b\" ", false},
        {"items/attendees/email,items/id", "\"a\" \"x\" \"y\" ", true},
        {"items/attendees/self", "true ", false},
        {"numbers", "[1, 2] ", false},
        {"kind/x,absent", "", false},
    };
    for (size_t i = 0; i < COUNT(visits); i++) {
        struct fields f = {0};
        struct buf seen = {0};
        assert_int_equal(fields_compile(&f, span_of(visits[i].fields), (struct span){0}, NULL),
                         RC_OK);
        assert_int_equal(fields_visit(&f, span_of(document), collect, &seen), visits[i].stopped);
        assert_string_equal(buf_text(&seen), visits[i].seen);
        buf_release(&seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selections_select),
        cmocka_unit_test(everything_is_everything),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(unknown_names_at_the_top_are_refused),
        cmocka_unit_test(size_and_depth_are_bounded),
        cmocka_unit_test(bounds_are_those_of_the_header),
        cmocka_unit_test(nothing_after_the_text_is_read),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(too_much_is_refused_as_a_whole),
        cmocka_unit_test(a_bare_value_is_shown_as_it_is),
        cmocka_unit_test(values_are_visited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
