/* test_httpd_guests: connections that say nothing, and those that take nothing, make room for
 * others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <unistd.h>

#include "core/httpd/httpd.h"
#include "tests/unit/http_client.h"

#define BIG_BYTES (16u << 20) /* more than the kernel keeps for a connection */

static void handle(void *arg, struct httpd_request *req)
{
    (void)arg;
    size_t n = req->path.n == 4 ? BIG_BYTES : 1;
    struct httpd_response *r = httpd_response_new(200, calloc(1, n), n);
    httpd_answer(req, r);
    httpd_response_unref(r);
}

static struct httpd *begin(unsigned places)
{
    struct httpd *h = NULL;
    const struct httpd_options opt = {
        .name = "test", .listen = "127.0.0.1:0", .max_connections = places, .handle = handle};
    assert_int_equal(httpd_start(&h, &opt, NULL), RC_OK);
    return h;
}

/* Connections that say nothing make room for those that ask; a known one that asks now and then is
 * kept. */
static void test_room(void **state)
{
    (void)state;
    enum { PLACES = 32, SILENT = 200 };
    struct httpd *h = begin(PLACES);
    struct http_client known, silent[SILENT];
    struct http_answer a = {0};
    unsigned port = httpd_port(h);
    assert_true(http_connect(&known, port));
    for (int i = 0; i < SILENT; i++) {
        assert_true(http_connect(&silent[i], port));
        if (i % 2)
            assert_true(http_send_text(&silent[i], "GET / HTTP/1.1\r\nHost: "));
        assert_true(http_send_text(&known, "GET /known HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_true(http_receive(&known, &a, false));
        assert_int_equal(a.status, 200);
        http_answer_release(&a);
    }
    for (int i = 0; i < 10; i++) {
        a = http_ask(port, "GET", "/new", "", "");
        assert_int_equal(a.status, 200);
        http_answer_release(&a);
    }
    assert_false(http_receive(&silent[0], &a, false)); /* it had to go, and knows */
    for (int i = 0; i < SILENT; i++)
        http_close(&silent[i]);

    /* As do those that asked once and then kept their place. */
    for (int i = 0; i < SILENT; i++) {
        assert_true(http_connect(&silent[i], port));
        assert_true(http_send_text(&silent[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_true(http_receive(&silent[i], &a, false));
        http_answer_release(&a);
    }
    assert_false(http_receive(&silent[0], &a, false));
    for (int i = 0; i < SILENT; i++)
        http_close(&silent[i]);
    http_close(&known);
    httpd_free(h);
}

/* Of answers that nobody takes, those on their way for longest are given up. */
static void test_unsent(void **state)
{
    (void)state;
    enum { READERS = 12 };
    struct httpd *h = begin(0);
    struct http_client c[READERS];
    struct http_answer a = {0};
    unsigned port = httpd_port(h);
    for (int i = 0; i < READERS; i++) {
        assert_true(http_connect(&c[i], port));
        assert_true(http_send_text(&c[i], "GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
        struct http_answer other = http_ask(port, "GET", "/", "", ""); /* now it is under way */
        assert_int_equal(other.status, 200);
        http_answer_release(&other);
    }
    assert_false(http_receive(&c[0], &a, false)); /* cut short */
    assert_true(http_receive(&c[READERS - 1], &a, false));
    assert_int_equal(a.n, BIG_BYTES);
    http_answer_release(&a);
    /* What is taken does not count: as often as one likes. */
    for (int i = 0; i < READERS; i++) {
        a = http_ask(port, "GET", "/big", "", "");
        assert_int_equal(a.n, BIG_BYTES);
        http_answer_release(&a);
    }
    for (int i = 0; i < READERS; i++)
        http_close(&c[i]);
    httpd_free(h);
}

/* No descriptor is left for a newcomer: one that is silent gives up its own. */
static void test_no_descriptor(void **state)
{
    (void)state;
    struct httpd *h = begin(0);
    struct http_client silent, late;
    struct http_answer a = {0};
    struct rlimit limit, short_of;
    unsigned port = httpd_port(h);
    assert_true(http_connect(&silent, port));
    assert_true(http_send_text(&silent, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(http_receive(&silent, &a, false));
    http_answer_release(&a);

    int next = dup(STDERR_FILENO);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    short_of = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &short_of); /* enough for the newcomer's own end */
    bool connected = http_connect(&late, port);
    bool asked = connected && http_send_text(&late, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    bool answered = asked && http_receive(&late, &a, false);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(connected && asked);
    assert_true(answered);
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    assert_false(http_receive(&silent, &a, false));
    http_close(&silent);
    http_close(&late);
    httpd_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_unsent),
        cmocka_unit_test(test_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
