/* test_conf_values: what the value of an option may just be and may just not be: addresses, URLs,
 * names, patterns, numbers at their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/conf/address.h"
#include "core/conf/option.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {
        {"127.0.0.1:0", "127.0.0.1", 0},
        {"127.0.0.1:65535", "127.0.0.1", 65535},
        {"0.0.0.0:80", "0.0.0.0", 80},
        {"[::1]:8080", "::1", 8080},
        {"[::]:1", "::", 1},
        {"localhost:8080", "localhost", 8080},
        {"127.0.0.1:08080", "127.0.0.1", 8080},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct address a = {.path = "x"};
        assert_int_equal(address_parse(good[i].text, &a, NULL), RC_OK);
        assert_null(a.path);
        assert_string_equal(a.host, good[i].host);
        assert_int_equal(a.port, good[i].port);
    }
    static const char *const bad[] = {
        "",
        ":80",
        "127.0.0.1",
        "127.0.0.1:65536",
        "127.0.0.1:008080",
        "[::1]",
        "[]:80",
        "[127.0.0.1]:80",
        "::1:80",
        "[::1:80",
        "::1]:80",
        "[localhost]:80",
        "example.org:80",
        "127.0.0.1:-1",
        "127.0.0.1:8x",
        "1:2:3",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct address a = {.port = 7};
        struct err e = {0};
        if (address_parse(bad[i], &a, &e) != RC_INVALID || a.port != 7 || !e.text[0])
            fail_msg("%s: %s", bad[i], e.text);
    }
    /* The path of a unix socket has 107 bytes at most, and its NUL. */
    char path[128];
    for (size_t n = 107; n < 109; n++) {
        struct address a = {0};
        struct err e = {0};
        memset(path, 'x', sizeof path);
        path[0] = '/';
        path[n] = '\0';
        assert_int_equal(address_parse(path, &a, &e), n == 107 ? RC_OK : RC_INVALID);
        if (n == 107)
            assert_ptr_equal(a.path, path);
        else
            assert_string_equal(e.text, "the path of a unix socket is at most 107 bytes long");
    }
}

/* Loopback is where plain HTTP is accepted, and reading without a token. */
static void test_loopback(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.1", "127.0.0.2", "127.255.255.254", "::1",
                                           "[::1]",     "localhost", "LocalHost"};
    static const char *const other[] = {"",
                                        "126.255.255.255",
                                        "128.0.0.1",
                                        "0.0.0.0",
                                        "1.0.0.127",
                                        "127.1",
                                        "127.0.0.1.example.org",
                                        "localhost.example.org",
                                        "::",
                                        "[::]",
                                        "[::2]",
                                        "[::1",
                                        "::1]",
                                        "[]",
                                        "::ffff:128.0.0.1"};
    for (size_t i = 0; i < COUNT(loopback); i++)
        if (!address_is_loopback(span_of(loopback[i])))
            fail_msg("%s is loopback", loopback[i]);
    for (size_t i = 0; i < COUNT(other); i++)
        if (address_is_loopback(span_of(other[i])))
            fail_msg("%s is not loopback", other[i]);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *port, *path;
    } good[] = {
        {"https://x", "x", "", ""},
        {"https://x/", "x", "", "/"},
        {"https://x.example:1/a/b", "x.example", "1", "/a/b"},
        {"https://[::1]:65535/", "[::1]", "65535", "/"},
        {"https://[fe80::1]/a:b", "[fe80::1]", "", "/a:b"},
        {"http://127.0.0.1:8080/x", "127.0.0.1", "8080", "/x"},
        {"http://[::1]", "[::1]", "", ""},
        {"http://localhost/@", "localhost", "", "/@"},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct url u;
        assert_int_equal(url_parse(span_of(good[i].text), &u, NULL), RC_OK);
        assert_int_equal(u.https, good[i].text[4] == 's');
        assert_true(span_is(u.host, good[i].host));
        assert_true(span_is(u.port, good[i].port));
        assert_true(span_is(u.path, good[i].path));
    }
    static const char *const bad[] = {
        "",
        "https://",
        "http://",
        "http://x",
        "HTTPS://x",
        "ftp://x",
        "https:///",
        "https://:1",
        "https://x:",
        "https://x:0",
        "https://x:65536",
        "https://x:1:2x",
        "https://u@x",
        "https://u:p@x",
        "https://x/?a",
        "https://x/#a",
        "https://x y",
        "https://x/\t",
        "https://x%41",
        "https://x\\y",
        "https:/x",
        "http://10.0.0.1",
        "http://0.0.0.0",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct url u;
        struct err e = {0};
        if (url_parse(span_of(bad[i]), &u, &e) != RC_INVALID || !e.text[0])
            fail_msg("%s: %s", bad[i], e.text);
    }
    struct buf long_host = {0};
    buf_add_text(&long_host, "https://");
    for (int i = 0; i < 253; i++)
        buf_add_char(&long_host, 'x');
    struct url u;
    assert_int_equal(url_parse(buf_span(&long_host), &u, NULL), RC_OK);
    buf_add_char(&long_host, 'x');
    assert_int_equal(url_parse(buf_span(&long_host), &u, NULL), RC_INVALID);
    buf_release(&long_host);
}

/* A value of any type, read into a field of its own. */
static enum rc set(enum conf_section section, const char *key, struct span text, struct err *e)
{
    struct option o = *option_find(section, span_of(key));
    union {
        char *text;
        int64_t number;
        struct conf_list list;
    } field = {0};
    o.offset = 0;
    enum rc rc = option_set(&o, &field, text, e);
    option_release(&o, &field);
    return rc;
}

static enum rc set_repeated(enum conf_section section, const char *key, const char *what, size_t n,
                            const char *tail)
{
    struct buf text = {0};
    for (size_t i = 0; i < n; i++)
        buf_add_text(&text, what);
    buf_add_text(&text, tail);
    enum rc rc = set(section, key, buf_span(&text), NULL);
    buf_release(&text);
    return rc;
}

/* A value has an end. */
static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        enum conf_section section;
        const char *key, *what, *tail;
        size_t most;
    } cases[] = {
        {SECTION_API, "account", "x", "", LIMIT_NAME_BYTES},
        {SECTION_ACCOUNT, "calendars", "x", "", LIMIT_ID_BYTES},
        {SECTION_WEBHOOK, "site_verification", "x", "", 128},
        {SECTION_WEBHOOK, "site_verification", "x", ".html", 128},
        {SECTION_API, "socket_mode", "7", "", 3}, /* 0777 has four digits and is its greatest */
        {SECTION_HOOK, "command", "/x  ", "", LIMIT_COMMAND_WORDS},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(set_repeated(cases[i].section, cases[i].key, cases[i].what, cases[i].most,
                                      cases[i].tail),
                         RC_OK);
        assert_int_equal(set_repeated(cases[i].section, cases[i].key, cases[i].what,
                                      cases[i].most + 1, cases[i].tail),
                         RC_INVALID);
    }
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        enum conf_section section;
        const char *key, *text;
        enum rc rc;
    } cases[] = {
        {SECTION_API, "socket_mode", "0660", RC_OK},
        {SECTION_API, "socket_mode", "600", RC_OK},
        {SECTION_API, "socket_mode", "0680", RC_INVALID},
        {SECTION_API, "socket_mode", "066/", RC_INVALID},
        {SECTION_API, "socket_owner", "a", RC_OK},
        {SECTION_API, "socket_owner", "a:b", RC_OK},
        {SECTION_API, "socket_owner", ":b", RC_OK},
        {SECTION_API, "socket_owner", "a\tb", RC_INVALID},
        {SECTION_ACCOUNT, "subject", "a@b", RC_OK},
        {SECTION_ACCOUNT, "subject", "@b", RC_INVALID},
        {SECTION_ACCOUNT, "subject", "a@", RC_INVALID},
        {SECTION_ACCOUNT, "subject", "a@b c", RC_INVALID},
        {SECTION_API, "origins", "https://x, http://y:1", RC_OK},
        {SECTION_API, "origins", "https://", RC_INVALID},
        {SECTION_API, "origins", "http://", RC_INVALID},
        {SECTION_API, "origins", "https://X", RC_INVALID},
        {SECTION_API, "origins", "http://x/", RC_INVALID},
        {SECTION_API, "origins", "null", RC_INVALID},
        {SECTION_WEBHOOK, "site_verification", ".html", RC_INVALID},
        {SECTION_WEBHOOK, "site_verification", "a.htm", RC_INVALID},
        {SECTION_HOOK, "command", "/bin/a b", RC_OK},
        {SECTION_HOOK, "command", "bin/a", RC_INVALID},
        {SECTION_HOOK, "command", "/bin/a 'b'", RC_INVALID},
        {SECTION_HOOK, "command", "/bin/a \"b\"", RC_INVALID},
        {SECTION_HOOK, "command", "/bin/a | b", RC_INVALID},
        {SECTION_HOOK, "url", "https://x/?a=b", RC_OK},
        {SECTION_HOOK, "url", "https://x/#a", RC_INVALID},
        {SECTION_HOOK, "url", "https://x/?a b", RC_INVALID},
        {SECTION_CLIENT, "expires", "2027-01-31", RC_OK},
        {SECTION_CLIENT, "expires", "2027-01-31T18:00:00Z", RC_OK},
        {SECTION_CLIENT, "expires", "2027-01-31T18", RC_INVALID},
        {SECTION_CLIENT, "accounts", "a,b", RC_OK},
        {SECTION_CLIENT, "accounts", "a,", RC_INVALID},
        {SECTION_CLIENT, "accounts", ",a", RC_INVALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = {0};
        if (set(cases[i].section, cases[i].key, span_of(cases[i].text), &e) != cases[i].rc)
            fail_msg("%s = %s: %s", cases[i].key, cases[i].text, e.text);
    }
}

/* What an error message gives as bounds can be set as written there, and nothing beyond. */
static void test_bounds_of_numbers(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (size_t i = 0; i < conf_n_options; i++) {
        struct option o = conf_options[i];
        if (o.type != VALUE_COUNT && o.type != VALUE_DURATION && o.type != VALUE_SIZE)
            continue;
        for (int side = 0; side < 4; side++) {
            int64_t n = side / 2 ? o.max : o.min, field = 0, kept;
            n += side == 0 ? -1 : side == 3 ? 1 : 0;
            if (n < 0)
                continue; /* no such value can be written */
            struct buf text = {0};
            buf_printf(&text, "%lld%s", (long long)n, o.type == VALUE_DURATION ? "ms" : "");
            o.offset = 0;
            kept = field;
            struct err e = {0};
            bool within = side == 1 || side == 2;
            if (option_set(&o, &field, buf_span(&text), &e) != (within ? RC_OK : RC_INVALID))
                fail_msg("%s = %s: %s", o.key, buf_text(&text), e.text);
            assert_true(field == (within ? n : kept));
            if (within) { /* as an error message, or --print-config, writes it */
                buf_reset(&text);
                option_print(&o, &field, &text);
                field = 0;
                assert_int_equal(option_set(&o, &field, buf_span(&text), NULL), RC_OK);
                assert_true(field == n);
            }
            buf_release(&text);
            tried++;
        }
    }
    assert_true(tried > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_urls),      cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_forms),     cmocka_unit_test(test_bounds_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
