/* test_http_head: dates and the header lines of an answer that mean something to us. */
#include "core/http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The forms of RFC 9110 and of certificates, also beyond what 32 bits can count. */
static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {" Nov  6 08:49:37 1994 GMT ", 784111777},
        {"1994-11-06 08:49:37 GMT", 784111777},
        {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799)},
        {"Jan 19 03:14:08 2038 GMT", INT64_C(2147483648)},
        {"2106-02-07 06:28:16 GMT", INT64_C(4294967296)},
        {"Wed, 31 Dec 1969 23:59:59 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT, then", 0},
        {"Sun, 06 Nov 1994 25:49:37 GMT", 0},
        {"soon", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (head_date_ms(span_of(cases[i].text)) != cases[i].seconds * 1000)
            fail_msg("'%s': %lld", cases[i].text, (long long)head_date_ms(span_of(cases[i].text)));
}

/* What an answer asks for and is, by its header lines. */
static void test_heads(void **state)
{
    (void)state;
#define DATE "Date: Tue, 19 Nov 2013 01:13:00 GMT"
    static const struct {
        const char *lines[4];
        int64_t retry_ms;
        enum http_coding coding;
    } cases[] = {
        {{"HTTP/1.1 200 OK"}, -1, CODING_NONE},
        {{"Retry-After: 0"}, 0, CODING_NONE},
        {{"Retry-After: 86399"}, 86399000, CODING_NONE},
        {{"Retry-After: 86401"}, 86400000, CODING_NONE},
        {{"Retry-After: 18446744073709551615"}, 86400000, CODING_NONE},
        {{"Retry-After: -1"}, -1, CODING_NONE},
        {{"Retry-After: 7", DATE, "HTTP/1.1 200 OK"}, -1, CODING_NONE},
        {{"Retry-After: 7", "HTTP/2"}, -1, CODING_NONE},
        {{DATE, "Retry-After: Tue, 19 Nov 2013 01:13:05 GMT"}, 5000, CODING_NONE},
        {{DATE, "Retry-After: Tue, 19 Nov 2013 01:12:00 GMT"}, 0, CODING_NONE},
        {{DATE, "Retry-After: Thu, 21 Nov 2013 01:13:00 GMT"}, 86400000, CODING_NONE},
        {{"Retry-After: Tue, 19 Nov 2013 01:13:09 GMT"}, 9000, CODING_NONE}, /* by our clock */
        {{"Content-Encoding: gzip"}, -1, CODING_GZIP},
        {{"content-encoding:X-Gzip "}, -1, CODING_GZIP},
        {{"Content-Encoding: identity"}, -1, CODING_NONE},
        {{"Content-Encoding:"}, -1, CODING_NONE},
        {{"Content-Encoding: br"}, -1, CODING_OTHER},
        {{"Content-Encoding"}, -1, CODING_NONE},
        {{""}, -1, CODING_NONE},
    };
#undef DATE
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct head h;
        head_reset(&h);
        for (size_t k = 0; k < 4 && cases[i].lines[k]; k++)
            head_line(&h, span_of(cases[i].lines[k]));
        int64_t retry_ms = head_retry_after_ms(&h, INT64_C(1384823580000));
        if (retry_ms != cases[i].retry_ms || h.coding != cases[i].coding)
            fail_msg("%s: %lld, %d", cases[i].lines[0], (long long)retry_ms, h.coding);
    }
    struct head h;
    char line[200] = "ETag: \"";
    head_reset(&h);
    head_line(&h, span_of("ETag: \"first\""));
    assert_string_equal(h.etag, "\"first\"");
    memset(line + 7, 'x', 150);
    head_line(&h, span_of(line));
    assert_string_equal(h.etag, ""); /* rather than a part of it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_heads),
    };
    return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
