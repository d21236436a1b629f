/* http_fixture: a client, and one request of it against a server made for that request. */
#ifndef TESTS_UNIT_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/http/http.h"
#include "tests/unit/fake_http.h"

static struct http_client *client;

static inline int setup(void **state)
{
    (void)state;
    client = http_new();
    return client ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    http_free(client);
    return 0;
}

/* One GET against `answer`, all defaults but the total deadline. */
static inline enum rc get_with(fake_answer answer, const struct http_request *like,
                               struct http_response *rs, struct err *e)
{
    struct fake_http f;
    struct http_request rq = like ? *like : (struct http_request){0};

    fake_http_start(&f, NULL, answer, NULL);
    rq.method = rq.method ? rq.method : "GET";
    rq.url = f.url;
    rq.total_ms = rq.total_ms ? rq.total_ms : 20000;
    enum rc rc = http_perform(client, &rq, rs, e);
    fake_http_stop(&f);
    return rc;
}

static inline void expect_refusal(fake_answer answer, const struct http_request *like, enum rc want,
                                  const char *word)
{
    struct http_response rs = {.status = 777};
    struct err e = {0};

    assert_int_equal(get_with(answer, like, &rs, &e), want);
    assert_int_equal(rs.status, 777); /* untouched */
    if (!strstr(e.text, word))
        fail_msg("\"%s\" does not say \"%s\"", e.text, word);
    assert_non_null(strstr(e.text, "127.0.0.1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
