/* test_http_pool: POSTs beside each other: what hangs, trickles, redirects or must not be reached.
 */
#include "core/http/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/fake_http.h"

#define LONG_MS 60000

static bool answer_204(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    return true;
}

static bool answer_long_and_later(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    char body[10000];
    memset(body, 'x', sizeof body);
    fake_http_reply(fd, 503, "Retry-After: 7\r\n", body, sizeof body);
    return true;
}

static bool answer_never(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    (void)fake_http_wait_gone(fd);
    return false;
}

static bool answer_redirect(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)text, (void)nth;
    const struct fake_http *other = f->arg;
    char head[256];
    snprintf(head, sizeof head, "HTTP/1.1 307 Go\r\nLocation: %s/x\r\nContent-Length: 0\r\n\r\n",
             other->url);
    fake_http_send(fd, head);
    return true;
}

/* An answer without an end, as fast as it is taken. */
static bool answer_forever(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    char block[4096];
    memset(block, 'x', sizeof block);
    fake_http_send(fd, "HTTP/1.1 200 OK\r\n\r\n");
    while (send(fd, block, sizeof block, MSG_NOSIGNAL) > 0) {
    }
    return false;
}

static bool answer_headers_forever(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    const char *line = "X-More: 0123456789012345678901234567890123456789\r\n";
    fake_http_send(fd, "HTTP/1.1 200 OK\r\n");
    while (send(fd, line, strlen(line), MSG_NOSIGNAL) > 0) {
    }
    return false;
}

static struct http_outcome post_body(struct http_pool *p, const char *url, const char *body,
                                     int64_t total_ms)
{
    static const char *const headers[] = {"X-Goog-Channel-ID: one", NULL};
    const struct http_post rq = {.url = url,
                                 .headers = headers,
                                 .user_agent = "APIs-Google; test",
                                 .body = span_of(body),
                                 .connect_ms = total_ms,
                                 .total_ms = total_ms,
                                 .arg = p};
    struct http_outcome o = {0};
    struct err e = {0};
    assert_int_equal(http_pool_post(p, &rq, &e), RC_OK);
    while (!http_pool_next(p, &o))
        assert_int_equal(http_pool_wait(p, NULL, 0, 1000, &e), RC_OK);
    assert_ptr_equal(o.arg, p);
    assert_int_equal(http_pool_running(p), 0);
    return o;
}

static struct http_outcome post(struct http_pool *p, const char *url, int64_t total_ms)
{
    return post_body(p, url, "", total_ms);
}

static void test_a_post(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http f;
    fake_http_start(&f, NULL, answer_204, NULL);
    for (int i = 0; i < 3; i++) {
        struct http_outcome o = post(p, f.url, LONG_MS);
        assert_int_equal(o.rc, RC_OK);
        assert_int_equal(o.status, 204);
        assert_int_equal(o.retry_after_ms, -1);
    }
    assert_int_equal(atomic_load(&f.connections), 1); /* kept */
    assert_non_null(strstr(f.requests[0], "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(f.requests[0], "X-Goog-Channel-ID: one\r\n"));
    assert_non_null(strstr(f.requests[0], "Content-Length: 0\r\n"));
    assert_non_null(strstr(f.requests[0], "User-Agent: APIs-Google; test\r\n"));
    assert_null(strstr(f.requests[0], "Expect"));
    http_pool_free(p);
    fake_http_stop(&f);
}

/* What one answer brought says nothing of the next, though handle and connection are the same. */
static void test_one_after_the_other(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http f;
    fake_http_start(&f, NULL, answer_long_and_later, NULL);
    for (int i = 0; i < 3; i++) {
        struct http_outcome o = post_body(p, f.url, "{\"n\":1}", LONG_MS);
        assert_int_equal(o.rc, RC_OK);
        assert_int_equal(o.status, 503);
        assert_int_equal(o.retry_after_ms, 7000);
        assert_non_null(strstr(f.requests[i], "Content-Length: 7\r\n"));
        assert_string_equal(strstr(f.requests[i], "\r\n\r\n"), "\r\n\r\n{\"n\":1}");
    }
    assert_int_equal(atomic_load(&f.connections), 1);
    http_pool_free(p);
    fake_http_stop(&f);
}

/* libcurl 7.88 refuses another buffer size where a transfer ended before it had a connection. */
static void test_after_a_name_that_was_not_found(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http f;
    fake_http_start(&f, NULL, answer_204, NULL);
    for (int i = 0; i < 3; i++) {
        struct http_outcome o = post(p, "https://" NO_SUCH_HOST "/", LONG_MS);
        assert_int_equal(o.rc, RC_AGAIN);
        assert_non_null(strstr(o.why.text, "resolve"));
        assert_int_equal(post(p, f.url, LONG_MS).status, 204);
    }
    assert_int_equal(atomic_load(&f.connections), 1);
    http_pool_free(p);
    fake_http_stop(&f);
}

static void test_no_redirect_is_followed(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http f, inner;
    fake_http_start(&inner, NULL, answer_204, NULL);
    fake_http_start(&f, NULL, answer_redirect, &inner);
    assert_int_equal(post(p, f.url, LONG_MS).status, 307);
    assert_int_equal(fake_http_requests(&inner), 0);
    http_pool_free(p);
    fake_http_stop(&f);
    fake_http_stop(&inner);
}

static void test_answers_without_end(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http f;
    fake_http_start(&f, NULL, answer_forever, NULL);
    struct http_outcome o = post(p, f.url, LONG_MS);
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(o.status, 200);
    fake_http_stop(&f);
    fake_http_start(&f, NULL, answer_headers_forever, NULL);
    o = post(p, f.url, LONG_MS);
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(o.status, 200);
    fake_http_stop(&f);
    http_pool_free(p);
}

/* The healthy one is answered while the other still hangs. */
static void test_who_hangs_delays_nobody(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http hole, f;
    struct http_outcome o = {0};
    struct err e = {0};
    static const char *const headers[] = {NULL};
    fake_http_start(&hole, NULL, answer_never, NULL);
    fake_http_start(&f, NULL, answer_204, NULL);
    struct http_post rq = {.url = hole.url,
                           .headers = headers,
                           .connect_ms = LONG_MS,
                           .total_ms = LONG_MS,
                           .arg = &hole};
    for (int i = 0; i < 20; i++)
        assert_int_equal(http_pool_post(p, &rq, &e), RC_OK);
    rq.url = f.url;
    rq.arg = &f;
    assert_int_equal(http_pool_post(p, &rq, &e), RC_OK);
    while (!http_pool_next(p, &o))
        assert_int_equal(http_pool_wait(p, NULL, 0, 1000, &e), RC_OK);
    assert_ptr_equal(o.arg, &f);
    assert_int_equal(http_pool_running(p), 20);
    http_pool_free(p);
    fake_http_stop(&hole);
    fake_http_stop(&f);
}

static void test_who_hangs_is_given_up(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http hole;
    struct http_outcome o = {0};
    struct err e = {0};
    static const char *const headers[] = {NULL};
    fake_http_start(&hole, NULL, answer_never, NULL);
    const struct http_post rq = {
        .url = hole.url, .headers = headers, .connect_ms = LONG_MS, .total_ms = 500};
    for (int i = 0; i < 20; i++)
        assert_int_equal(http_pool_post(p, &rq, &e), RC_OK);
    for (int ended = 0; ended < 20;) {
        if (!http_pool_next(p, &o)) {
            assert_int_equal(http_pool_wait(p, NULL, 0, 1000, &e), RC_OK);
            continue;
        }
        assert_int_equal(o.rc, RC_AGAIN);
        assert_string_equal(o.why.text, "127.0.0.1: no answer in time");
        ended++;
    }
    http_pool_free(p);
    fake_http_stop(&hole);
}

struct asked {
    int times, https;
    struct in_addr last; /* of IPv4 */
};

static bool refuse(void *arg, const struct sockaddr *to, bool https, struct err *e)
{
    struct asked *asked = arg;
    asked->times++;
    asked->https += https;
    if (to->sa_family == AF_INET)
        asked->last = ((const struct sockaddr_in *)(const void *)to)->sin_addr;
    assert_true(to->sa_family == AF_INET || to->sa_family == AF_INET6);
    (void)err_set(e, RC_INVALID, "not that one");
    return false;
}

/* The guard sees what a name resolves to, and nothing is connected to that it refuses. */
static void test_the_guard(void **state)
{
    (void)state;
    struct asked asked = {0};
    struct http_pool *p = http_pool_new(refuse, &asked);
    struct fake_http f;
    char url[128];
    fake_http_start(&f, NULL, answer_204, NULL);
    snprintf(url, sizeof url, "http://localhost:%d/hook?secret", f.port);
    struct http_outcome o = post(p, url, LONG_MS);
    assert_int_equal(o.rc, RC_INVALID);
    assert_string_equal(o.why.text, "localhost: not that one");
    assert_true(asked.times >= 1);
    assert_int_equal(asked.https, 0);
    asked = (struct asked){0};
    snprintf(url, sizeof url, "https://localhost:%d/", f.port);
    assert_int_equal(post(p, url, LONG_MS).rc, RC_INVALID);
    assert_true(asked.https >= 1 && asked.https == asked.times);
    assert_int_equal(atomic_load(&f.connections), 0);
    http_pool_free(p);
    fake_http_stop(&f);
}

static bool allow_while(void *arg, const struct sockaddr *to, bool https, struct err *e)
{
    const bool *allowed = arg;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)to;
    assert_int_equal(to->sa_family, AF_INET);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
    assert_int_not_equal(v4->sin_port, 0);
    assert_false(https);
    return *allowed || err_set(e, RC_INVALID, "not any more") == RC_OK;
}

/* A connection that was kept is no way past it, when its rules have changed. */
static void test_the_guard_of_a_kept_connection(void **state)
{
    (void)state;
    bool allowed = true;
    struct http_pool *p = http_pool_new(allow_while, &allowed);
    struct fake_http f;
    fake_http_start(&f, NULL, answer_204, NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(post(p, f.url, LONG_MS).status, 204);
    assert_int_equal(atomic_load(&f.connections), 1);
    allowed = false;
    struct http_outcome o = post(p, f.url, LONG_MS);
    assert_int_equal(o.rc, RC_INVALID);
    assert_string_equal(o.why.text, "127.0.0.1: not any more");
    assert_int_equal(fake_http_requests(&f), 2);
    allowed = true;
    assert_int_equal(post(p, f.url, LONG_MS).status, 204);
    http_pool_free(p);
    fake_http_stop(&f);
}

/* It would connect where the guard cannot look. */
static void test_no_proxy_past_the_guard(void **state)
{
    (void)state;
    struct asked asked = {0};
    struct http_pool *guarded = http_pool_new(refuse, &asked), *open = http_pool_new(NULL, NULL);
    struct fake_http proxy;
    fake_http_start(&proxy, NULL, answer_204, NULL);
    setenv("http_proxy", proxy.url, 1);
    assert_int_equal(post(guarded, "http://192.0.2.1/", LONG_MS).rc, RC_INVALID);
    assert_int_equal(asked.times, 1);
    assert_string_equal(inet_ntoa(asked.last), "192.0.2.1"); /* and not about the proxy */
    assert_int_equal(fake_http_requests(&proxy), 0);
    assert_int_equal(post(open, "http://192.0.2.1/", LONG_MS).status, 204);
    assert_int_equal(fake_http_requests(&proxy), 1);
    unsetenv("http_proxy");
    http_pool_free(guarded);
    http_pool_free(open);
    fake_http_stop(&proxy);
}

static void test_what_is_cut(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct fake_http hole;
    struct err e = {0};
    static const char *const headers[] = {NULL}, *const evil[] = {"X: a\r\nY: b", NULL};
    fake_http_start(&hole, NULL, answer_never, NULL);
    struct http_post rq = {
        .url = hole.url, .headers = headers, .connect_ms = LONG_MS, .total_ms = LONG_MS};
    assert_int_equal(http_pool_post(p, &rq, &e), RC_OK);
    assert_int_equal(http_pool_wait(p, NULL, 0, 0, &e), RC_OK);
    rq.headers = evil;
    assert_int_equal(http_pool_post(p, &rq, &e), RC_INVALID);
    http_pool_free(p);
    fake_http_stop(&hole);
}

static void test_a_wake_and_a_descriptor(void **state)
{
    (void)state;
    struct http_pool *p = http_pool_new(NULL, NULL);
    struct err e = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int64_t begin = clock_mono_ms();
    http_pool_wake(p);
    assert_int_equal(http_pool_wait(p, NULL, 0, LONG_MS, &e), RC_OK);
    assert_true(clock_mono_ms() - begin < LONG_MS / 2);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct pollfd fd = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(http_pool_wait(p, &fd, 1, LONG_MS, &e), RC_OK);
    assert_int_equal(fd.revents, POLLIN);
    close(ends[0]);
    close(ends[1]);
    http_pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_post),
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_after_a_name_that_was_not_found),
        cmocka_unit_test(test_no_redirect_is_followed),
        cmocka_unit_test(test_answers_without_end),
        cmocka_unit_test(test_who_hangs_delays_nobody),
        cmocka_unit_test(test_who_hangs_is_given_up),
        cmocka_unit_test(test_the_guard),
        cmocka_unit_test(test_the_guard_of_a_kept_connection),
        cmocka_unit_test(test_no_proxy_past_the_guard),
        cmocka_unit_test(test_what_is_cut),
        cmocka_unit_test(test_a_wake_and_a_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
