/* Tests of json against json-c on random documents; the seed is printed, CALMIRROR_SEED repeats a
 * run.
 *
 * json-c is laxer than we are (raw control characters, NaN), so agreement is asked of valid
 * documents; of damaged ones only that what we accept it accepts too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/rand.h"
#include "tests/emulator/ascii.c"

enum { DOCUMENTS = 3000, DAMAGES = 20 };

static int pick(int n)
{
    return (int)rand_between(0, n - 1);
}

static void put_one_of(struct buf *b, const char *const *choices, int n)
{
    buf_add_text(b, choices[pick(n)]);
}

static void put_space(struct buf *b)
{
    static const char *const spaces[] = {"", "", "", " ", "\n    ", "\t", "\r\n"};
    put_one_of(b, spaces, 7);
}

static void put_string(struct buf *b, bool key, int number)
{
    static const char *const pieces[] = {
        "a",
        "word ",
        "calendar#event",
        "2026-03-29T02:30:00Z",
        "{",
        "]",
        ",",
        ":",
        "\xc3\xa9",
        "\xe2\x98\x95",
        "/",
        "\x7f",
        "\\\"",
        "\\\\",
        "\\/",
        "\\n",
        "'",
        "\\t",
        "\\u0041",
        "\\u00e9",
        "\\u20AC",
        "\\uffff",
        "#",
        "\\u001f",
        "\\\\u0041",
        "\\ud83d\\ude00",
        "\xf0\x9f\x98\x80",
        "\\b",
        "%",
        "\\u0000",
    };
    buf_add_char(b, '"');
    int n = pick(12);
    for (int i = 0; i < n; i++)
        put_one_of(b, pieces, key ? 29 : 30); /* json-c cuts a key at a NUL */
    if (key)
        buf_printf(b, "%d", number);
    buf_add_char(b, '"');
}

static void put_number(struct buf *b)
{
    switch (pick(4)) {
    case 0:
        buf_printf(b, "%d", pick(1000) - 500);
        break;
    case 1:
        buf_printf(b, "%lld", (long long)rand_between(INT64_MIN, INT64_MAX));
        break;
    case 2:
        buf_printf(b, "%d.%03de%+d", pick(100) - 50, pick(1000), pick(40) - 20);
        break;
    default:
        buf_printf(b, "%s%dE%d", pick(2) ? "-" : "", pick(10), pick(9));
        break;
    }
}

static void put_value(struct buf *b, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    int kind = pick(depth > 6 ? 5 : 9);
    put_space(b);
    if (kind < 2) {
        put_string(b, false, 0);
    } else if (kind < 4) {
        put_number(b);
    } else if (kind == 4) {
        put_one_of(b, words, 3);
    } else {
        bool object = kind > 6;
        int n = pick(6);
        buf_add_char(b, object ? '{' : '[');
        for (int i = 0; i < n; i++) {
            if (i > 0)
                buf_add_char(b, ',');
            put_space(b);
            if (object) {
                put_string(b, true, pick(8) ? i : 0); /* sometimes doubled */
                put_space(b);
                buf_add_char(b, ':');
            }
            put_value(b, depth + 1);
        }
        put_space(b);
        buf_add_char(b, object ? '}' : ']');
    }
    put_space(b);
}

static json_object *parse_ascii(const char *text, size_t n, int flags, enum json_tokener_error *ret)
{
    json_tokener *tok = json_tokener_new_ex(2 * LIMIT_JSON_DEPTH);
    assert_non_null(tok);
    json_tokener_set_flags(tok, flags);
    /* With its NUL: a number at the end of the text is complete only then. */
    json_object *o = json_tokener_parse_ex(tok, text, (int)n + 1);
    *ret = json_tokener_get_error(tok);
    json_tokener_free(tok);
    return o;
}

static json_object *parse_with_json_c(struct span text)
{
    size_t n;
    enum json_tokener_error error;
    char *ascii = json_ascii(text.p, text.n, &n);
    if (!ascii)
        fail_msg("not UTF-8: %.*s", (int)text.n, text.p);
    json_object *o = parse_ascii(ascii, n, JSON_TOKENER_STRICT, &error);
    /* json-c 0.18, when strict, takes no integer of more than 64 bits; 0.16 does. One that is all of
     * the text it calls cut off. */
    if (error == json_tokener_error_parse_number || error == json_tokener_error_parse_eof)
        o = parse_ascii(ascii, n, 0, &error);
    free(ascii);
    if (error != json_tokener_success)
        return NULL;
    return o ? o : json_object_new_null();
}

static void compare(struct span value, json_object *want);

static void compare_object(struct span value, json_object *want)
{
    struct span key, item;
    size_t members = 0;
    json_object_object_foreach(want, name, member)
    {
        compare(json_get(value, name), member);
        members++;
    }
    size_t walked = 0;
    for (struct json_iter it = json_iter(value); json_next(&it, &key, &item); walked++) {
        struct buf b = {0};
        assert_true(json_string((struct span){key.p - 1, key.n + 2}, &b));
        assert_true(json_object_object_get_ex(want, buf_text(&b), NULL));
        buf_release(&b);
    }
    assert_true(walked >= members);
}

static void compare_array(struct span value, json_object *want)
{
    struct span item;
    size_t n = 0;
    for (struct json_iter it = json_iter(value); json_next(&it, NULL, &item); n++)
        compare(item, json_object_array_get_idx(want, n));
    assert_int_equal(n, json_object_array_length(want));
}

static void compare_string(struct span value, json_object *want)
{
    struct buf b = {0};
    size_t n = (size_t)json_object_get_string_len(want);
    assert_true(json_string(value, &b));
    assert_int_equal(b.n, n);
    assert_memory_equal(buf_text(&b), json_object_get_string(want), n);
    char copy[4096];
    if (memchr(buf_text(&b), 0, n)) {
        assert_false(json_string_copy(value, copy, sizeof copy));
    } else {
        assert_true(json_string_copy(value, copy, sizeof copy));
        assert_string_equal(copy, buf_text(&b));
    }
    buf_release(&b);
}

static void compare(struct span value, json_object *want)
{
    int64_t number;
    switch (json_object_get_type(want)) {
    case json_type_null:
        assert_int_equal(json_type_of(value), JSON_NULL);
        break;
    case json_type_boolean:
        assert_int_equal(json_type_of(value),
                         json_object_get_boolean(want) ? JSON_TRUE : JSON_FALSE);
        break;
    case json_type_int:
        assert_true(json_int64(value, &number));
        assert_true(number == json_object_get_int64(want));
        break;
    case json_type_double:
        assert_int_equal(json_type_of(value), JSON_NUMBER);
        assert_false(json_int64(value, &number));
        assert_true(strtod(value.p, NULL) == json_object_get_double(want));
        break;
    case json_type_string:
        assert_int_equal(json_type_of(value), JSON_STRING);
        compare_string(value, want);
        break;
    case json_type_array:
        assert_int_equal(json_type_of(value), JSON_ARRAY);
        compare_array(value, want);
        break;
    case json_type_object:
        assert_int_equal(json_type_of(value), JSON_OBJECT);
        compare_object(value, want);
        break;
    }
}

/* Compact and indented say the same, byte for byte, whichever way one comes to them. */
static void check_reformat(struct span text, json_object *want)
{
    struct buf compact = {0}, pretty = {0}, again = {0};
    json_reformat(&compact, text, 0, 0);
    json_reformat(&pretty, text, 1 + pick(4), pick(3));
    json_reformat(&again, buf_span(&pretty), 0, 0);
    assert_true(span_eq(buf_span(&compact), buf_span(&again)));
    assert_int_equal(json_check(buf_span(&pretty), NULL), RC_OK);
    compare(buf_span(&pretty), want);
    buf_release(&compact);
    buf_release(&pretty);
    buf_release(&again);
}

/* Walks everything below `value`; the sanitizers look on. */
static size_t walk_all(struct span value)
{
    struct span key, item;
    size_t n = 1;
    for (struct json_iter it = json_iter(value); json_next(&it, &key, &item);)
        n += walk_all(item);
    return n;
}

static void damage(struct span text)
{
    static const char bytes[] = "{}[]\",:\\u0e-. \n\x01\x80\xc3\xf0tn";
    char *copy = malloc(text.n + 1);
    assert_non_null(copy);
    for (int i = 0; i < DAMAGES; i++) {
        memcpy(copy, text.p, text.n + 1);
        size_t n = text.n;
        size_t at = (size_t)pick((int)n);
        if (pick(2)) {
            copy[at] = bytes[pick((int)sizeof bytes - 1)];
        } else {
            memmove(copy + at, copy + at + 1, n - at);
            n--;
        }
        struct span damaged = {copy, n};
        if (json_check(damaged, NULL) != RC_OK)
            continue;
        json_object *o = parse_with_json_c(damaged);
        if (!o && json_type_of(damaged) != JSON_NULL)
            fail_msg("accepted, but not by json-c: %s", copy);
        assert_true(walk_all(damaged) > 0);
        json_object_put(o);
    }
    free(copy);
}

static void test_random(void **state)
{
    (void)state;
    for (int i = 0; i < DOCUMENTS; i++) {
        struct buf b = {0};
        struct err e = {0};
        put_value(&b, 0);
        assert_false(b.failed);
        if (json_check(buf_span(&b), &e) != RC_OK)
            fail_msg("%s in %s", e.text, buf_text(&b));
        json_object *want = parse_with_json_c(buf_span(&b));
        compare(buf_span(&b), want);
        check_reformat(buf_span(&b), want);
        damage(buf_span(&b));
        json_object_put(want);
        buf_release(&b);
    }
}

int main(void)
{
    uint64_t seed;
    rand_bytes(&seed, sizeof seed);
    if (getenv("CALMIRROR_SEED"))
        seed = strtoull(getenv("CALMIRROR_SEED"), NULL, 10);
    printf("CALMIRROR_SEED=%llu\n", (unsigned long long)seed);
    rand_seed(seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests_name("base/json random", tests, NULL, NULL);
}
