/* Tests of json: what the check lets through, and what the walkers make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/limits.h"

#define BYTES(literal)               \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct span valid[] = {
    BYTES("null"),
    BYTES("true"),
    BYTES("false"),
    BYTES(" \t\r\n 1 \t\r\n "),
    BYTES("0"),
    BYTES("-0"),
    BYTES("-0.0e-00"),
    BYTES("10"),
    BYTES("1.5"),
    BYTES("1e5"),
    BYTES("1E+5"),
    BYTES("0.1e-10"),
    BYTES("123456789012345678901234567890"),
    BYTES("\"\""),
    BYTES("\"a\""),
    BYTES("\"\x7f\""),
    BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uAbCd\""),
    BYTES("\"\\u0000\""),
    BYTES("\"\\ud83d\\ude00\""),
    BYTES("\"\\ud800\""),
    BYTES("\"\\udc00\\ud800\""),
    BYTES("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
    BYTES("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    BYTES("\"1234567\xc3\xa9\""),
    BYTES("\"a string that is longer than eight bytes, and \\\"quoted\\\" in it\""),
    BYTES("[]"),
    BYTES("[ ]"),
    BYTES("{}"),
    BYTES("{ }"),
    BYTES("[1]"),
    BYTES("[1,2 , 3]"),
    BYTES("[[],{},[[]],\"\"]"),
    BYTES("{\"a\":1}"),
    BYTES("{\"a\" : 1 , \"b\":[{\"c\":null}]}"),
    BYTES("{\"\":0,\"\":1}"),
    BYTES("[true,false,null]"),
};

static const struct {
    struct span text;
    const char *error;
} invalid[] = {
    {BYTES(""), "byte 0: expected a value"},
    {BYTES("  "), "byte 2: expected a value"},
    {BYTES("\xef\xbb\xbf{}"), "byte 0: expected a value"},
    {BYTES("\0"), "byte 0: expected a value"},
    {BYTES("null\0"), "byte 4: bytes behind the value"},
    {BYTES("1 2"), "byte 2: bytes behind the value"},
    {BYTES("{}}"), "byte 2: bytes behind the value"},
    {BYTES("[]x"), "byte 2: bytes behind the value"},
    {BYTES("nul"), "byte 0: expected a value"},
    {BYTES("nulL"), "byte 0: expected a value"},
    {BYTES("True"), "byte 0: expected a value"},
    {BYTES("truefalse"), "byte 4: bytes behind the value"},
    {BYTES("NaN"), "byte 0: expected a value"},
    {BYTES("Infinity"), "byte 0: expected a value"},
    {BYTES("-Infinity"), "byte 1: expected a digit"},
    {BYTES("'a'"), "byte 0: expected a value"},
    {BYTES("+1"), "byte 0: expected a value"},
    {BYTES("-"), "byte 1: expected a digit"},
    {BYTES("01"), "byte 1: bytes behind the value"},
    {BYTES("-01"), "byte 2: bytes behind the value"},
    {BYTES(".5"), "byte 0: expected a value"},
    {BYTES("1."), "byte 2: expected a digit"},
    {BYTES("1.e1"), "byte 2: expected a digit"},
    {BYTES("1e"), "byte 2: expected a digit"},
    {BYTES("1e+"), "byte 3: expected a digit"},
    {BYTES("1e1.5"), "byte 3: bytes behind the value"},
    {BYTES("0x1"), "byte 1: bytes behind the value"},
    {BYTES("1_000"), "byte 1: bytes behind the value"},
    {BYTES("\"a"), "byte 2: unfinished string"},
    {BYTES("\"a\\\""), "byte 4: unfinished string"},
    {BYTES("\"a\\"), "byte 2: unfinished string"},
    {BYTES("\"\\u12\""), "byte 1: unfinished string"},
    {BYTES("\"\\u12\"  "), "byte 1: bad \\u escape"},
    {BYTES("\"\\u12G4\""), "byte 1: bad \\u escape"},
    {BYTES("\"\\x41\""), "byte 1: unknown escape"},
    {BYTES("\"\\U0041\""), "byte 1: unknown escape"},
    {BYTES("\"\\\0\""), "byte 1: unknown escape"},
    {BYTES("\"a\nb\""), "byte 2: control character in a string"},
    {BYTES("\"12345678\t\""), "byte 9: control character in a string"},
    {BYTES("\"\0\""), "byte 1: control character in a string"},
    {BYTES("\"\x1f\""), "byte 1: control character in a string"},
    {BYTES("\"\x80\""), "byte 1: not UTF-8"},
    {BYTES("\"\xc0\x80\""), "byte 1: not UTF-8"},
    {BYTES("\"\xc1\xbf\""), "byte 1: not UTF-8"},
    {BYTES("\"\xc3\""), "byte 1: not UTF-8"},
    {BYTES("\"\xc3"), "byte 1: not UTF-8"},
    {BYTES("\"\xe0\x9f\xbf\""), "byte 1: not UTF-8"},
    {BYTES("\"\xed\xa0\x80\""), "byte 1: not UTF-8"},
    {BYTES("\"\xe2\x82\""), "byte 1: not UTF-8"},
    {BYTES("\"\xf0\x8f\xbf\xbf\""), "byte 1: not UTF-8"},
    {BYTES("\"\xf4\x90\x80\x80\""), "byte 1: not UTF-8"},
    {BYTES("\"\xf5\x80\x80\x80\""), "byte 1: not UTF-8"},
    {BYTES("\"\xf0\x9f\x98\""), "byte 1: not UTF-8"},
    {BYTES("\"\xff\""), "byte 1: not UTF-8"},
    {BYTES("\"12345678\xc3\xa9\xa9\""), "byte 11: not UTF-8"},
    {BYTES("["), "byte 1: expected a value"},
    {BYTES("]"), "byte 0: expected a value"},
    {BYTES("[1"), "byte 2: expected ',' or ']'"},
    {BYTES("[1,"), "byte 3: expected a value"},
    {BYTES("[1,]"), "byte 3: expected a value"},
    {BYTES("[,1]"), "byte 1: expected a value"},
    {BYTES("[1 2]"), "byte 3: expected ',' or ']'"},
    {BYTES("[1}"), "byte 2: expected ',' or ']'"},
    {BYTES("[1:2]"), "byte 2: expected ',' or ']'"},
    {BYTES("{"), "byte 1: expected a member name"},
    {BYTES("{1:2}"), "byte 1: expected a member name"},
    {BYTES("{a:1}"), "byte 1: expected a member name"},
    {BYTES("{\"a\"}"), "byte 4: expected ':'"},
    {BYTES("{\"a\":}"), "byte 5: expected a value"},
    {BYTES("{\"a\":1,}"), "byte 7: expected a member name"},
    {BYTES("{\"a\":1]"), "byte 6: expected ',' or '}'"},
    {BYTES("{\"a\" 1}"), "byte 5: expected ':'"},
    {BYTES("{,}"), "byte 1: expected a member name"},
    {BYTES("[1]/**/"), "byte 3: bytes behind the value"},
};

/* The check of a copy in memory of its exact size, so that a sanitizer sees a read beyond it. */
static enum rc check(struct span s, struct err *e)
{
    char *copy = malloc(s.n + !s.n);
    assert_non_null(copy);
    memcpy(copy, s.p, s.n);
    enum rc rc = json_check((struct span){copy, s.n}, e);
    free(copy);
    return rc;
}

static void test_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        struct err e = {0};
        if (check(valid[i], &e) != RC_OK)
            fail_msg("%.*s: %s", (int)valid[i].n, valid[i].p, e.text);
    }
}

static void test_invalid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        struct err e = {0};
        if (check(invalid[i].text, &e) != RC_BADDATA || strcmp(e.text, invalid[i].error) != 0)
            fail_msg("case %zu: got '%s', want '%s'", i, e.text, invalid[i].error);
    }
    assert_int_equal(json_check((struct span){0}, NULL), RC_BADDATA);
}

/* An event like Google's. */
static const char event[] =
    "{\n"
    " \"kind\": \"calendar#event\",\n"
    " \"etag\": \"\\\"3181161784712000\\\"\",\n"
    " \"id\": \"7abc\", \"status\": \"confirmed\",\n"
    " \"summary\": \"Caf\xc3\xa9 \\u2615 \\ud83d\\ude00\",\n"
    " \"start\": {\"dateTime\": \"2026-03-29T02:30:00+02:00\", \"timeZone\": \"Europe/Berlin\"},\n"
    " \"sequence\": -3, \"size\": \"42\", \"guestsCanModify\": true, \"nothing\": null,\n"
    " \"attendees\": [{\"email\": \"a@example.com\", \"self\": true}, {\"email\": \"}],{[\"}],\n"
    " \"recurrence\": [\"RRULE:FREQ=DAILY\", \"EXDATE:20260101\"],\n"
    " \"reminders\": {\"useDefault\": false, \"overrides\": [ ]}, \"empty\": {}, \"rate\": 1.5e3\n"
    "}";

static void test_cut_anywhere(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(check(span_of(event), &e), RC_OK);
    for (size_t n = 0; n + 1 < sizeof event; n++)
        assert_int_equal(check((struct span){event, n}, &e), RC_BADDATA);
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * LIMIT_JSON_DEPTH + 8];
    for (int depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        struct err e = {0};
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        enum rc rc = check((struct span){text, 2 * (size_t)depth}, &e);
        assert_int_equal(rc, depth <= LIMIT_JSON_DEPTH ? RC_OK : RC_BADDATA);
        if (rc != RC_OK)
            assert_string_equal(e.text, "byte 64: nested too deep");
    }
    /* Objects and arrays in turn: each must be closed by its own bracket, also at the last level.
     */
    struct buf b = {0};
    for (int i = 0; i < LIMIT_JSON_DEPTH / 2; i++)
        buf_add_text(&b, "{\"a\":[");
    for (int i = 0; i < LIMIT_JSON_DEPTH / 2; i++)
        buf_add_text(&b, "]}");
    assert_int_equal(check(buf_span(&b), NULL), RC_OK);
    for (size_t i = 0; i < b.n; i++) {
        if (!strchr("[]{}", b.p[i]))
            continue;
        b.p[i] ^= '{' ^ '[';
        assert_int_equal(check(buf_span(&b), NULL), RC_BADDATA);
        b.p[i] ^= '{' ^ '[';
    }
    buf_release(&b);
}

static void test_million_brackets(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '[', n);
    assert_int_equal(json_check((struct span){text, n}, NULL), RC_BADDATA);
    struct span key, value;
    struct json_iter it = json_iter((struct span){text, n}); /* misuse: must end, nothing more */
    while (json_next(&it, &key, &value))
        ;
    free(text);
}

static void test_types(void **state)
{
    (void)state;
    assert_int_equal(json_type_of((struct span){0}), JSON_NONE);
    assert_int_equal(json_type_of(span_of("  ")), JSON_NONE);
    assert_int_equal(json_type_of(span_of("null")), JSON_NULL);
    assert_int_equal(json_type_of(span_of("false")), JSON_FALSE);
    assert_int_equal(json_type_of(span_of(" true ")), JSON_TRUE);
    assert_int_equal(json_type_of(span_of("-1")), JSON_NUMBER);
    assert_int_equal(json_type_of(span_of("9")), JSON_NUMBER);
    assert_int_equal(json_type_of(span_of("\"\"")), JSON_STRING);
    assert_int_equal(json_type_of(span_of("\n[]")), JSON_ARRAY);
    assert_int_equal(json_type_of(span_of("{}")), JSON_OBJECT);
    assert_true(json_is_true(span_of("true")));
    assert_false(json_is_true(span_of("\"true\"")));
    assert_false(json_is_true((struct span){0}));
}

static void test_walk(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "kind",      "etag",       "id",        "status",          "summary",
        "start",     "sequence",   "size",      "guestsCanModify", "nothing",
        "attendees", "recurrence", "reminders", "empty",           "rate"};
    struct json_iter it = json_iter(span_of(event));
    struct span key, value;
    size_t n = 0;
    while (json_next(&it, &key, &value)) {
        assert_true(n < sizeof keys / sizeof keys[0]);
        assert_true(span_is(key, keys[n++]));
        assert_true(value.n > 0 && check(value, NULL) == RC_OK);
        assert_true(value.p[0] != ' ' && value.p[value.n - 1] != ' ');
    }
    assert_int_equal(n, sizeof keys / sizeof keys[0]);

    struct span attendees = json_get(span_of(event), "attendees");
    it = json_iter(attendees);
    assert_true(json_next(&it, &key, &value));
    assert_int_equal(key.n, 0);
    assert_true(span_is(value, "{\"email\": \"a@example.com\", \"self\": true}"));
    assert_true(json_next(&it, NULL, &value));
    assert_true(span_is(value, "{\"email\": \"}],{[\"}"));
    assert_false(json_next(&it, NULL, &value));
    assert_false(json_next(&it, NULL, &value));

    static const char *const childless[] = {"[]", "{ }", " [ ] ", "12", "\"[1]\"", "null", ""};
    for (size_t i = 0; i < sizeof childless / sizeof childless[0]; i++) {
        it = json_iter(span_of(childless[i]));
        assert_false(json_next(&it, &key, &value));
    }
    assert_false(json_next(&(struct json_iter){0}, &key, &value));
}

static void test_get(void **state)
{
    (void)state;
    struct span e = span_of(event);
    assert_true(span_is(json_get(e, "id"), "\"7abc\""));
    assert_true(span_is(json_get(e, "empty"), "{}"));
    assert_true(span_is(json_get(e, "rate"), "1.5e3"));
    assert_int_equal(json_get(e, "dateTime").n, 0);
    assert_int_equal(json_get(e, "").n, 0);
    assert_int_equal(json_get(span_of("[\"id\", 1]"), "id").n, 0);
    assert_int_equal(json_get(span_of("\"id\""), "id").n, 0);
    assert_int_equal(json_get((struct span){0}, "id").n, 0);
    assert_true(span_is(json_path(e, "start", "timeZone", NULL), "\"Europe/Berlin\""));
    assert_int_equal(json_path(e, "start", "timeZone", "x", NULL).n, 0);
    assert_int_equal(json_path(e, "end", "timeZone", NULL).n, 0);
    assert_true(span_eq(json_path(e, NULL), e));

    /* The last one counts; escapes in a name are decoded before it is compared. */
    struct span odd =
        span_of("{\"a\":1,\"\\u0061\":2,\"b\":3,\"\\u00e9\\n\\\\\":4,\"ab\":5,\"\":6}");
    assert_true(span_is(json_get(odd, "a"), "2"));
    assert_true(span_is(json_get(odd, "b"), "3"));
    assert_true(span_is(json_get(odd, "\xc3\xa9\n\\"), "4"));
    assert_true(span_is(json_get(odd, ""), "6"));
    assert_int_equal(json_get(odd, "\\u0061").n, 0);
    assert_int_equal(json_get(odd, "\xc3\xa9\n").n, 0);
}

static const struct {
    const char *text;
    struct span decoded;
    bool plain;
} strings[] = {
    {"\"\"", BYTES(""), false},
    {"\"abc\"", BYTES("abc"), true},
    {" \"a b\" ", BYTES("a b"), true},
    {"\"Caf\xc3\xa9\"", BYTES("Caf\xc3\xa9"), true},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", BYTES("\"\\/\b\f\n\r\t"), false},
    {"\"x\\u0041\\u00e9\\u20AC\\uFFFFy\"", BYTES("xA\xc3\xa9\xe2\x82\xac\xef\xbf\xbfy"), false},
    {"\"\\ud83d\\ude00\\uDBFF\\uDFFF\"", BYTES("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"), false},
    {"\"\\ud800\"", BYTES("\xef\xbf\xbd"), false},
    {"\"\\udc00x\"", BYTES("\xef\xbf\xbdx"), false},
    {"\"\\ud800\\u0041\"",
     BYTES("\xef\xbf\xbd"
           "A"),
     false},
    {"\"\\ud800\\n\"", BYTES("\xef\xbf\xbd\n"), false},
    {"\"\\ud800\\ud83d\\ude00\"", BYTES("\xef\xbf\xbd\xf0\x9f\x98\x80"), false},
};

static void test_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct span s = span_of(strings[i].text), want = strings[i].decoded;
        struct buf b = {0};
        buf_add_text(&b, ">");
        assert_int_equal(check(s, NULL), RC_OK);
        assert_true(json_string(s, &b));
        assert_true(span_eq((struct span){b.p + 1, b.n - 1}, want));
        buf_release(&b);

        char *exact = malloc(want.n + 1);
        assert_non_null(exact);
        assert_true(json_string_copy(s, exact, want.n + 1));
        assert_string_equal(exact, want.p);
        exact[0] = '#';
        assert_false(json_string_copy(s, exact, want.n));
        assert_int_equal(exact[0], '#');
        free(exact);

        struct span plain = json_string_plain(s);
        assert_true(strings[i].plain ? span_eq(plain, want) : plain.n == 0);
    }
}

static void test_not_strings(void **state)
{
    (void)state;
    static const char *const others[] = {"1", "null", "[\"a\"]", "{}", "", "\""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct buf b = {0};
        char out[8] = "keep";
        assert_false(json_string(span_of(others[i]), &b));
        assert_false(json_string_copy(span_of(others[i]), out, sizeof out));
        assert_string_equal(out, "keep");
        assert_int_equal(json_string_plain(span_of(others[i])).n, 0);
        assert_int_equal(b.n, 0);
    }
    /* A NUL is a byte like others in a buffer, but would cut a C string short. */
    struct buf b = {0};
    char out[8] = "keep";
    assert_true(json_string(span_of("\"a\\u0000b\""), &b));
    assert_int_equal(b.n, 3);
    assert_memory_equal(b.p, "a\0b", 4);
    assert_false(json_string_copy(span_of("\"a\\u0000b\""), out, sizeof out));
    assert_string_equal(out, "keep");
    buf_release(&b);
}

static void test_int64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {" 17 ", true, 17},
        {"\"42\"", true, 42},
        {"\"-42\"", true, -42},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"\"", false, 0},
        {"\" 1\"", false, 0},
        {"\"0x10\"", false, 0},
        {"true", false, 0},
        {"[1]", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = 99;
        assert_int_equal(json_int64(span_of(cases[i].text), &got), cases[i].ok);
        assert_true(got == (cases[i].ok ? cases[i].want : 99));
    }
}

static void test_reformat(void **state)
{
    (void)state;
    struct buf b = {0};
    struct span in = span_of(
        " {\"a\" : [ 1 ,-2.50e+1, {\"b\":\"x : {},\\\"\" }, [ ] ],\n\"c\":{ },\"d\":null} ");
    json_reformat(&b, in, 0, 0);
    assert_string_equal(buf_text(&b),
                        "{\"a\":[1,-2.50e+1,{\"b\":\"x : {},\\\"\"},[]],\"c\":{},\"d\":null}");
    buf_reset(&b);
    json_reformat(&b, in, 1, 0);
    static const char pretty[] = "{\n \"a\": [\n  1,\n  -2.50e+1,\n  {\n   \"b\": \"x : {},\\\"\"\n"
                                 "  },\n  []\n ],\n \"c\": {},\n \"d\": null\n}";
    assert_string_equal(buf_text(&b), pretty);
    buf_reset(&b);
    json_reformat(&b, span_of("[1,[2]]"), 2, 1);
    assert_string_equal(buf_text(&b), "[\n    1,\n    [\n      2\n    ]\n  ]");
    buf_reset(&b);
    json_reformat(&b, span_of(" true "), 2, 3);
    json_reformat(&b, (struct span){0}, 2, 3);
    assert_string_equal(buf_text(&b), "true");
    buf_release(&b);
    b.cap = 40;
    json_reformat(&b, in, 1, 0);
    assert_true(b.failed);
    assert_int_equal(strlen(buf_text(&b)), b.n);
    assert_memory_equal(b.p, pretty, b.n);
    buf_release(&b);
    b.cap = 2; /* the cap is for what is written, not for what is read */
    json_reformat(&b, span_of("[                                            ]"), 0, 0);
    assert_false(b.failed);
    assert_string_equal(buf_text(&b), "[]");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_million_brackets),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_not_strings),
        cmocka_unit_test(test_int64),
        cmocka_unit_test(test_reformat),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
