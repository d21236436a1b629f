/* Tests of text: strict readers, encodings, near names. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/rand.h"
#include "core/base/text.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void test_copy(void **state)
{
    (void)state;
    char out[4] = "xyz";
    assert_true(text_copy(out, sizeof out, span_of("abc")));
    assert_string_equal(out, "abc");
    assert_false(text_copy(out, sizeof out, span_of("defg")));
    assert_string_equal(out, "def");
    assert_true(text_copy(out, sizeof out, (struct span){0}));
    assert_string_equal(out, "");
    assert_false(text_copy(out, 1, span_of("a")));
    assert_string_equal(out, "");
    assert_false(text_copy(NULL, 0, span_of("")));
}

static void test_trim(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a", "a"}, {" \t\r\na b\r\n", "a b"}, {"\v\fa", "\v\fa"}, {" \n", ""}, {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(span_is(text_trim(span_of(cases[i].in)), cases[i].out));
    assert_int_equal(text_trim((struct span){" a\0", 3}).n, 2);
    assert_int_equal(text_trim((struct span){0}).n, 0);
}

static void test_word(void **state)
{
    (void)state;
    static const char *const words[] = {"a", "!~", "a_b-c.d@e"};
    static const char *const others[] = {"", " ", "a b", "a\n", "a\x7f", "\x01", "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_true(text_is_word(span_of(words[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(text_is_word(span_of(others[i])));
    assert_false(text_is_word((struct span){"a\0b", 3}));
}

static void test_i64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"-15", true, -15},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"--1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1x", false, 0},
        {"0x1", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t got = 99;
        assert_int_equal(text_to_i64(span_of(cases[i].text), &got), cases[i].ok);
        assert_true(got == (cases[i].ok ? cases[i].want : 99));
    }
    static const int64_t written[] = {0, 9, 10, 1234567890, -1, -300, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < COUNT(written); i++) {
        char out[21], want[32];
        (void)snprintf(want, sizeof(want), "%" PRId64, written[i]);
        text_number(out, written[i]);
        assert_string_equal(out, want);
    }
}

static void test_u64(void **state)
{
    (void)state;
    uint64_t got = 99;
    assert_true(text_to_u64(span_of("18446744073709551615"), &got));
    assert_true(got == UINT64_MAX);
    assert_true(text_to_u64((struct span){"123", 2}, &got));
    assert_true(got == 12);
    assert_false(text_to_u64(span_of("18446744073709551616"), &got));
    assert_false(text_to_u64(span_of("-1"), &got));
    assert_false(text_to_u64((struct span){0}, &got));
    assert_true(got == 12);
}

static void test_bool(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "yes", "on"};
    static const char *const no[] = {"false", "no", "off"};
    static const char *const neither[] = {"", "1", "0", "True", "TRUE", "y", "tru", "true "};
    bool got;
    for (size_t i = 0; i < 3; i++) {
        assert_true(text_to_bool(span_of(yes[i]), &got) && got);
        assert_true(text_to_bool(span_of(no[i]), &got) && !got);
    }
    got = true;
    for (size_t i = 0; i < COUNT(neither); i++)
        assert_false(text_to_bool(span_of(neither[i]), &got));
    assert_true(got);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want; /* -1: refused */
        const char *back;
    } cases[] = {
        {"0", 0, "0"},
        {"0s", 0, "0"},
        {"250ms", 250, "250ms"},
        {"30s", 30000, "30s"},
        {"1000ms", 1000, "1s"},
        {"15m", 900000, "15m"},
        {"6h", 21600000, "6h"},
        {"7d", 604800000, "1w"},
        {"2w", 1209600000, "2w"},
        {"1h30m", 5400000, "90m"},
        {"1w1d1h1m1s1ms", 694861001, "694861001ms"},
        {"1m500ms", 60500, "60500ms"},
        {"9223372036854775807ms", INT64_MAX, "9223372036854775807ms"},
        {"9223372036854775808ms", -1, NULL},
        {"15250284452w", 9223372036569600000, "15250284452w"},
        {"15250284453w", -1, NULL},
        {"15250284452w4d", -1, NULL},
        {"", -1, NULL},
        {"1", -1, NULL},
        {"00", -1, NULL},
        {"s", -1, NULL},
        {"-1s", -1, NULL},
        {"+1s", -1, NULL},
        {"1.5h", -1, NULL},
        {"1 h", -1, NULL},
        {" 1h", -1, NULL},
        {"1h ", -1, NULL},
        {"1H", -1, NULL},
        {"1min", -1, NULL},
        {"1y", -1, NULL},
        {"30m1h", -1, NULL},
        {"1h1h", -1, NULL},
        {"1h30", -1, NULL},
        {"h1", -1, NULL},
    };
    char out[32];
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t got = -1;
        bool ok = text_to_duration_ms(span_of(cases[i].text), &got);
        if (ok != (cases[i].want >= 0) || got != cases[i].want)
            fail_msg("'%s': %d, %lld", cases[i].text, ok, (long long)got);
        if (ok)
            assert_string_equal(text_duration(got, out), cases[i].back);
    }
    assert_string_equal(text_duration(-90000, out), "-90s");
    assert_string_equal(text_duration(INT64_MIN, out), "-9223372036854775808ms");
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
        const char *back;
    } cases[] = {
        {"0", true, 0, "0"},
        {"4096", true, 4096, "4KiB"},
        {"4097", true, 4097, "4097"},
        {"512KiB", true, 512 << 10, "512KiB"},
        {"1024KiB", true, 1 << 20, "1MiB"},
        {"8GiB", true, UINT64_C(8) << 30, "8GiB"},
        {"2TiB", true, UINT64_C(2) << 40, "2TiB"},
        {"16777215TiB", true, UINT64_C(16777215) << 40, "16777215TiB"},
        {"16777216TiB", false, 0, NULL},
        {"", false, 0, NULL},
        {"KiB", false, 0, NULL},
        {"1K", false, 0, NULL},
        {"1KB", false, 0, NULL},
        {"1kib", false, 0, NULL},
        {"1 KiB", false, 0, NULL},
        {"1.5GiB", false, 0, NULL},
        {"-1", false, 0, NULL},
    };
    char out[32];
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t got = 99;
        bool ok = text_to_size(span_of(cases[i].text), &got);
        if (ok != cases[i].ok || got != (ok ? cases[i].want : 99))
            fail_msg("'%s': %d, %llu", cases[i].text, ok, (unsigned long long)got);
        if (ok)
            assert_string_equal(text_size(got, out), cases[i].back);
    }
}

static void test_percent(void **state)
{
    (void)state;
    struct buf b = {0};
    text_percent_encode(&b, span_of("aZ09-._~ /?#[]@!$&'()*+,;=%\xc3\xa9"));
    assert_string_equal(buf_text(&b),
                        "aZ09-._~%20%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D"
                        "%25%C3%A9");
    struct buf back = {0};
    assert_true(text_percent_decode(&back, buf_span(&b), false));
    assert_string_equal(buf_text(&back), "aZ09-._~ /?#[]@!$&'()*+,;=%\xc3\xa9");

    buf_reset(&back);
    assert_true(text_percent_decode(&back, span_of("a+b%2b%2Bc"), false));
    assert_string_equal(buf_text(&back), "a+b++c");
    buf_reset(&back);
    assert_true(text_percent_decode(&back, span_of("a+b%2b%2Bc"), true));
    assert_string_equal(buf_text(&back), "a b++c");

    struct span bad[] = {span_of("%"),   span_of("a%2"),  span_of("%2g"),
                         span_of("%g2"), span_of("%%20"), span_of("%00"),
                         {"a\0b", 3},    span_of("%-1"),  span_of("% 20")};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(text_percent_decode(&back, bad[i], true));
        assert_string_equal(buf_text(&back), "a b++c");
    }
    struct buf fresh = {0};
    assert_false(text_percent_decode(&fresh, span_of("%"), false));
    buf_release(&fresh);
    buf_release(&b);
    buf_release(&back);
}

static void test_base64url(void **state)
{
    (void)state;
    static const struct { /* the vectors of RFC 4648, 10, and the two characters that differ */
        const char *plain;
        const char *coded;
        const char *padded;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg", "Zg=="},
        {"fo", "Zm8", "Zm8="},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg", "Zm9vYg=="},
        {"fooba", "Zm9vYmE", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "-__-", "+//+"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_reset(&b);
        text_base64url_encode(&b, cases[i].plain, strlen(cases[i].plain));
        assert_string_equal(buf_text(&b), cases[i].coded);
        buf_reset(&b);
        assert_true(text_base64url_decode(&b, span_of(cases[i].coded)));
        assert_string_equal(buf_text(&b), cases[i].plain);
        buf_reset(&b);
        assert_true(text_base64url_decode(&b, span_of(cases[i].padded)));
        assert_string_equal(buf_text(&b), cases[i].plain);
    }
    static const char *const bad[] = {"Z",  "Zm9vY", "Zg=", "Zg===", "Zm8==", "Zm9v=", "=",
                                      "Zh", "Zm9",   "Z g", "Zg\n",  "Zm.v",  "Z=g=",  "===="};
    buf_reset(&b);
    buf_add_text(&b, "kept");
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (text_base64url_decode(&b, span_of(bad[i])))
            fail_msg("accepted '%s'", bad[i]);
        assert_string_equal(buf_text(&b), "kept");
    }
    buf_release(&b);
}

static void test_base64url_round_trip(void **state)
{
    (void)state;
    unsigned char bytes[64];
    struct buf b = {0}, back = {0};
    for (size_t n = 0; n <= sizeof bytes; n++) {
        rand_bytes(bytes, n);
        buf_reset(&b);
        buf_reset(&back);
        text_base64url_encode(&b, bytes, n);
        assert_true(text_base64url_decode(&back, buf_span(&b)));
        assert_int_equal(back.n, n);
        assert_memory_equal(buf_text(&back), bytes, n);
    }
    buf_release(&b);
    buf_release(&back);
}

static void test_hex(void **state)
{
    (void)state;
    char out[9];
    text_hex(out, (const uint8_t[]){0x00, 0x1f, 0xab, 0xff}, 4);
    assert_string_equal(out, "001fabff");
    text_hex(out, NULL, 0);
    assert_string_equal(out, "");
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        bool ok;
    } cases[] = {
        {{"", 0}, true},
        {{NULL, 0}, true},
        {{"ascii, longer than eight", 24}, true},
        {{"1234567\xc3\xa9", 9}, true},
        {{"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
          21},
         true},
        {{"a\0b", 3}, false},
        {{"12345678\0", 9}, false},
        {{"\x80", 1}, false},
        {{"\xc0\x80", 2}, false},
        {{"\xe0\x9f\xbf", 3}, false},
        {{"\xed\xa0\x80", 3}, false},
        {{"\xf0\x8f\xbf\xbf", 4}, false},
        {{"\xf4\x90\x80\x80", 4}, false},
        {{"12345678\xc3", 9}, false},
        {{"\xe2\x82", 2}, false},
        {{"\xf0\x9f\x98", 3}, false},
        {{"\xc3\xa9\xa9", 3}, false},
        {{"\xff", 1}, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *exact = malloc(cases[i].text.n + 1);
        assert_non_null(exact);
        char *at = exact + 1; /* odd, and nothing behind it */
        if (cases[i].text.n)
            memcpy(at, cases[i].text.p, cases[i].text.n);
        if (text_is_utf8((struct span){at, cases[i].text.n}) != cases[i].ok)
            fail_msg("case %zu", i);
        free(exact);
    }
}

static void test_equal_secret(void **state)
{
    (void)state;
    assert_true(text_equal_secret(span_of("secret"), span_of("secret")));
    assert_true(text_equal_secret(span_of(""), (struct span){0}));
    assert_false(text_equal_secret(span_of("secret"), span_of("secreT")));
    assert_false(text_equal_secret(span_of("secret"), span_of("tecret")));
    assert_false(text_equal_secret(span_of("secret"), span_of("secre")));
    assert_false(text_equal_secret(span_of("a\xff"), span_of("a\x7f")));
}

static const char *next_name(const void *arg, size_t i)
{
    const char *const *names = arg;
    return names[i];
}

static const char *nearest(const char *name)
{
    static const char *const names[] = {"poll_interval", "poll_interval_unhealthy",
                                        "listen",        "channel_ttl",
                                        "key_file",      "tls_key",
                                        "tls_cert",      NULL};
    return text_nearest(name, next_name, names);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_string_equal(nearest("listen"), "listen");
    assert_string_equal(nearest("lisetn"), "listen"); /* a swap is one step */
    assert_string_equal(nearest("Listen"), "listen");
    assert_string_equal(nearest("listens"), "listen");
    assert_string_equal(nearest("poll-interval"), "poll_interval");
    assert_string_equal(nearest("pollinterval"), "poll_interval");
    assert_string_equal(nearest("keyfile"), "key_file");
    assert_string_equal(nearest("tls_kye"), "tls_key");
    assert_null(nearest("log_format"));
    assert_null(nearest("xyz"));
    assert_null(nearest(""));
    assert_null(nearest("li"));
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(nearest(longer));
    const char *const too_long[] = {longer, "aab", NULL};
    assert_string_equal(text_nearest("aaa", next_name, too_long), "aab");
    assert_null(text_nearest("aaa", next_name, (const char *const[]){NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_word),
        cmocka_unit_test(test_i64),
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_bool),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_base64url_round_trip),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_equal_secret),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
