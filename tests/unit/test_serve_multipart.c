/* Tests of multipart: what real clients send, what is odd, and what is made to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/serve/multipart.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MIXED    "multipart/mixed; boundary=B"

struct want {
    const char *id, *method, *target, *header_x, *body; /* header_x: of "X"; NULL: absent */
};

static const struct {
    const char *type, *body;
    struct want want[3]; /* up to one without method text */
} batches[] = {
    /* As Google's Python library sends it. */
    {"multipart/mixed; boundary=\"===============7330845974216740156==\"",
     "--===============7330845974216740156==\n"
     "Content-Type: application/http\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\n"
     "Content-ID: <b29c5de2-0db4-490b-b421-6a51b598bd22 + 1>\n\n"
     "GET /calendar/v3/colors?alt=json HTTP/1.1\nContent-Type: application/json\n"
     "X: one\nHost: x\n\n\n"
     "--===============7330845974216740156==\n"
     "Content-Type: application/http\nContent-ID: <b29c5de2-0db4-490b-b421-6a51b598bd22 + 2>\n\n"
     "GET /calendar/v3/users/me/settings?alt=json HTTP/1.1\n\n\n"
     "--===============7330845974216740156==--",
     {{"<b29c5de2-0db4-490b-b421-6a51b598bd22 + 1>", "GET", "/calendar/v3/colors?alt=json", "one",
       ""},
      {"<b29c5de2-0db4-490b-b421-6a51b598bd22 + 2>", "GET",
       "/calendar/v3/users/me/settings?alt=json", NULL, ""}}},
    /* As the guide shows it: CRLF, a body. */
    {"multipart/mixed; boundary=batch_foobarbaz",
     "--batch_foobarbaz\r\nContent-Type: application/http\r\nContent-ID: <item1:12930812@x>\r\n\r\n"
     "POST /calendar/v3/freeBusy\r\nContent-Type: application/json\r\nContent-Length: "
     "2\r\n\r\n{}\r\n"
     "\r\n--batch_foobarbaz--\r\n",
     {{"<item1:12930812@x>", "POST", "/calendar/v3/freeBusy", NULL, "{}"}}},
    /* Text around the parts, an origin, no version, names in another case, spaces. */
    {"Multipart/Mixed; charset=utf-8; BOUNDARY=B; x=y",
     "preamble\r\n--B  \r\ncontent-type:application/http\r\nCONTENT-ID:  abc \r\n\r\n"
     "get   https://www.googleapis.com/calendar/v3/colors\r\nx:  two  \r\n\r\nrest\r\n--B--\r\nend",
     {{"abc", "get", "/calendar/v3/colors", "two", "rest"}}},
    /* No part headers, with and without their empty line; no end; empty lines first. */
    {MIXED,
     "--B\nGET /a\n--B\n\nGET /b HTTP/1.0\n--B\n\n\n\nGET /c HTTP/1.1\nX: 3\n",
     {{"", "GET", "/a", NULL, ""}, {"", "GET", "/b", NULL, ""}, {"", "GET", "/c", "3", ""}}},
    {MIXED,
     "--B\r\n\r\nPOST http://h HTTP/1.1\r\nContent-Length: 99\r\n\r\na\r\nb\r\n\r\n--B--",
     {{"", "POST", "/", NULL, "a\r\nb\r\n"}}},
    /* What looks like a delimiter but is none. */
    {MIXED,
     "--B\n\nPOST /a\n\n--Bother\n --B\n--\nx--B\n--B--",
     {{"", "POST", "/a", NULL, "--Bother\n --B\n--\nx--B"}}},
    /* Parts that are no requests; the others are none the worse. */
    {MIXED,
     "--B\nContent-ID: <1>\n\nnonsense\n--B\nContent-ID: <2>\n\n--B\nContent-ID: <3>\n\nGET "
     "/ok\n--B--",
     {{"<1>", NULL, NULL, NULL, NULL},
      {"<2>", NULL, NULL, NULL, NULL},
      {"<3>", "GET", "/ok", NULL, ""}}},
    {MIXED,
     "--B\n\nGET relative HTTP/1.1\n--B\n\nGET /a b HTTP/1.1\n--B\n\nG(T /a HTTP/1.1\n--B--",
     {{"", NULL, NULL, NULL, NULL}, {"", NULL, NULL, NULL, NULL}, {"", NULL, NULL, NULL, NULL}}},
    {MIXED,
     "--B\nContent-Transfer-Encoding: base64\n\nR0VUIC9h\n--B--",
     {{"", NULL, NULL, NULL, NULL}}},
    {MIXED, "--B\nContent-ID: a\rb\n\nGET /a\n--B--", {{"", "GET", "/a", NULL, ""}}},
    /* A folded header. */
    {MIXED,
     "--B\nContent-ID: <a +\n b>\nX: no\n\nGET /a\nX: 1\n--B\r\nContent-ID:\r\n\t<c>\r\n\r\nGET "
     "/b\r\n--B--",
     {{"<a +\n b>", "GET", "/a", "1", ""}, {"<c>", "GET", "/b", NULL, ""}}},
    {MIXED,
     "--B\nContent-ID: <a +\r\n b>\n\nGET /a\nXY: no\nY: no\nX:1\n--B--",
     {{"<a +\r\n b>", "GET", "/a", "1", ""}}},
    /* Identifiers that cannot be sent back. */
    {MIXED,
     "--B\nContent-ID: a\x01\n b\n\nGET /a\n--B\nContent-ID: a\x7f\n\nGET /b\n--B--",
     {{"", "GET", "/a", NULL, ""}, {"", "GET", "/b", NULL, ""}}},
    /* More of what looks like a delimiter. */
    {MIXED,
     "--B\n\nPOST /a\n\n-+B\n+-B\n++B\n--B-\n--B-x\n--Bx-\n--B--",
     {{"", "POST", "/a", NULL, "-+B\n+-B\n++B\n--B-\n--B-x\n--Bx-"}}},
    /* Nothing between delimiters is a part; blanks behind the last are none. */
    {MIXED,
     "--B\n--B\n\n GET /a \n--B\n \r\n\t\n",
     {{"", NULL, NULL, NULL, NULL}, {"", "GET", "/a", NULL, ""}}},
    /* Where the headers of a request end. */
    {MIXED,
     "--B\n\nPOST /a\nX: 1\n{\"a\": 2}\n--B\n\nPOST /b\n X: 1\n--B\n\nPOST /c\nX: 1\n\nX: "
     "2\n\n--B--",
     {{"", "POST", "/a", "1", "{\"a\": 2}"},
      {"", "POST", "/b", NULL, " X: 1"},
      {"", "POST", "/c", "1", "X: 2\n"}}},
    {MIXED,
     "--B\n\nG\tT /a HTTP/1.1\n--B\n\nG\x7fT /a\n--B--",
     {{"", NULL, NULL, NULL, NULL}, {"", NULL, NULL, NULL, NULL}}},
    {MIXED,
     "--B\nContent-Transfer-Encoding: 8bit\n\nGET /a\n--B\nContent-Transfer-Encoding: 7BIT\n\n"
     "GET /b\n--B\nContent-Transfer-Encoding: quoted-printable\n\nGET /c=20d\n--B--",
     {{"", "GET", "/a", NULL, ""}, {"", "GET", "/b", NULL, ""}, {"", NULL, NULL, NULL, NULL}}},
    {MIXED, "--B--", {{0}}},
    {MIXED, "--B--\n--B\n\nGET /behind the end", {{0}}},
};

static void batches_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(batches); i++) {
        struct multipart m;
        struct multipart_part part;
        struct err e = {0};
        assert_int_equal(multipart_open(&m, batches[i].type, span_of(batches[i].body), &e), RC_OK);
        size_t n = 0;
        for (; n < 3 && batches[i].want[n].id; n++) {
            const struct want *w = &batches[i].want[n];
            struct span x = {0};
            assert_true(multipart_next(&m, &part));
            assert_true(span_is(part.id, w->id));
            assert_true(span_is(part.method, w->method ? w->method : ""));
            if (!w->method)
                continue;
            assert_true(span_is(part.target, w->target));
            assert_int_equal(multipart_header(part.headers, "X", &x), w->header_x != NULL);
            assert_true(span_is(x, w->header_x ? w->header_x : ""));
            if (!span_is(part.body, w->body))
                fail_msg("batch %zu part %zu: body '%.*s'", i, n, (int)part.body.n, part.body.p);
        }
        assert_false(multipart_next(&m, &part));
        assert_int_equal(m.parts, n);
    }
}

static void other_bodies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
    } wrong[] = {
        {NULL, "--B--"},
        {"", "--B--"},
        {"application/json", "{}"},
        {"application/http; boundary=B", "--B--"},
        {"multipart/mixed", "--B--"},
        {"multipart/mixed", "--\n\nGET /a\n----"},
        {"multipart/mixed; boundary=", "--B--"},
        {"multipart/mixed; boundary=\"\"", "----"},
        {"multipart/mixed; boundary=\"B", "--B--"},
        {"multipart/mixed; xboundary=B", "--B--"},
        {MIXED, ""},
        {MIXED, "--C--"},
        {MIXED, "x--B--"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct multipart m = {0};
        struct err e = {0};
        assert_int_equal(multipart_open(&m, wrong[i].type, span_of(wrong[i].body), &e), RC_INVALID);
        assert_string_not_equal(e.text, "");
        assert_null(m.p);
    }
}

static void a_boundary_is_as_long_as_may_be(void **state)
{
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        struct buf type = {0}, body = {0};
        buf_add_text(&type, "multipart/mixed; boundary=");
        buf_add_text(&body, "--");
        for (int i = 0; i < MULTIPART_BOUNDARY_MAX + longer; i++) {
            buf_add_char(&type, 'x');
            buf_add_char(&body, 'x');
        }
        struct multipart m = {0};
        assert_int_equal(multipart_open(&m, buf_text(&type), buf_span(&body), NULL),
                         longer ? RC_INVALID : RC_OK);
        buf_release(&type);
        buf_release(&body);
    }
}

static void an_id_is_as_long_as_may_be(void **state)
{
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        struct buf body = {0};
        buf_add_text(&body, "--B\nContent-ID: ");
        for (int i = 0; i < MULTIPART_ID_MAX + longer; i++)
            buf_add_char(&body, 'x');
        buf_add_text(&body, "\n\nGET /a\n--B--");
        struct multipart m = {0};
        struct multipart_part part;
        assert_int_equal(multipart_open(&m, MIXED, buf_span(&body), NULL), RC_OK);
        assert_true(multipart_next(&m, &part));
        assert_int_equal(part.id.n, longer ? 0 : MULTIPART_ID_MAX);
        assert_true(span_is(part.target, "/a"));
        buf_release(&body);
    }
}

static void too_many_parts_are_refused(void **state)
{
    (void)state;
    struct buf body = {0};
    struct multipart m;
    struct multipart_part part;
    unsigned n = 0;
    for (int i = 0; i < MULTIPART_PARTS_MAX; i++)
        buf_printf(&body, "--B\r\nContent-ID: <%d>\r\n\r\nGET /%d HTTP/1.1\r\n\r\n\r\n", i, i);
    assert_int_equal(multipart_open(&m, MIXED, buf_span(&body), NULL), RC_OK);
    while (multipart_next(&m, &part))
        n += span_is(part.method, "GET");
    assert_int_equal(n, MULTIPART_PARTS_MAX);
    buf_add_text(&body, "--B\n\nGET /more\n");
    struct err e = {0};
    assert_int_equal(multipart_open(&m, MIXED, buf_span(&body), &e), RC_FULL);
    assert_string_equal(e.text, "A batch may hold at most 1000 requests.");
    buf_release(&body);
}

/* Every cut and every single changed byte of a batch must be survived, whatever is made of it. */
static void damage_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(batches); i++) {
        size_t n = strlen(batches[i].body);
        for (size_t cut = 0; cut <= n; cut++) {
            /* In memory of just that size, so that a sanitizer sees what is read beyond it. */
            char *copy = malloc(cut > 0 ? cut : 1);
            assert_non_null(copy);
            for (int change = 0; change < 2; change++) {
                static const char bytes[] = {'\n', '-'};
                struct multipart m;
                struct multipart_part part;
                unsigned parts = 0;
                memcpy(copy, batches[i].body, cut);
                if (cut > 0)
                    copy[cut - 1] = bytes[change];
                if (multipart_open(&m, batches[i].type, (struct span){copy, cut}, NULL) != RC_OK)
                    continue;
                while (multipart_next(&m, &part))
                    parts++;
                assert_int_equal(parts, m.parts);
            }
            free(copy);
        }
    }
}

static void answers_are_written(void **state)
{
    (void)state;
    struct buf out = {0};
    struct span json = span_of("Content-Type: application/json\r\n");
    multipart_put(&out, "R", span_of("<a +\r\n 1>"), 200, json, span_of("{}"));
    multipart_put(&out, "R", span_of("bare"), 404, json, span_of("{\"error\":1}"));
    multipart_put(&out, "R", (struct span){0}, 304, (struct span){0}, (struct span){0});
    multipart_put(&out, "R", span_of("<a"), 418, (struct span){0}, (struct span){0});
    multipart_put(&out, "R", span_of("a>"), 504, (struct span){0}, (struct span){0});
    multipart_put_end(&out, "R");
    assert_string_equal(
        buf_text(&out),
        "--R\r\nContent-Type: application/http\r\nContent-ID: <response-a + 1>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}\r\n"
        "--R\r\nContent-Type: application/http\r\nContent-ID: <response-bare>\r\n\r\n"
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n\r\n"
        "{\"error\":1}\r\n"
        "--R\r\nContent-Type: application/http\r\n\r\n"
        "HTTP/1.1 304 Not Modified\r\n\r\n\r\n"
        "--R\r\nContent-Type: application/http\r\nContent-ID: <response-<a>\r\n\r\n"
        "HTTP/1.1 418 Other\r\n\r\n\r\n"
        "--R\r\nContent-Type: application/http\r\nContent-ID: <response-a>>\r\n\r\n"
        "HTTP/1.1 504 Gateway Timeout\r\n\r\n\r\n"
        "--R--");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_read),
        cmocka_unit_test(other_bodies_are_refused),
        cmocka_unit_test(a_boundary_is_as_long_as_may_be),
        cmocka_unit_test(an_id_is_as_long_as_may_be),
        cmocka_unit_test(too_many_parts_are_refused),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(answers_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
