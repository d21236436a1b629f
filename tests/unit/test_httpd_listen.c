/* test_httpd_listen: on which addresses a loop listens, and what is said of those where it cannot.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/httpd/httpd.h"

/* Nobody asks here. */
static void handle(void *arg, struct httpd_request *req)
{
    (void)arg;
    httpd_answer(req, NULL);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "8080",
                                      ":8080",
                                      "127.0.0.1",
                                      "example.org:80",
                                      "127.0.0.1:http",
                                      "[::1:80",
                                      "127.0.0.1:99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct httpd *h = NULL;
        struct err e = {0};
        struct httpd_options opt = {.name = "t", .listen = bad[i], .handle = handle};
        assert_int_equal(httpd_start(&h, &opt, &e), RC_INVALID);
        assert_null(h);
        assert_true(e.text[0]);
    }
}

static void test_addresses_that_cannot_be_had(void **state)
{
    (void)state;
    struct httpd *first = NULL, *h = NULL;
    struct err e = {0};
    char taken[32];
    struct httpd_options opt = {.name = "t", .listen = "127.0.0.1:0", .handle = handle};
    assert_int_equal(httpd_start(&first, &opt, &e), RC_OK);
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", httpd_port(first));
    opt.listen = taken;
    assert_int_equal(httpd_start(&h, &opt, &e), RC_AGAIN);
    assert_non_null(strstr(e.text, "in use by another program"));
    opt.listen = "192.0.2.1:0"; /* for documentation, nobody's */
    enum rc rc = httpd_start(&h, &opt, &e);
    if (rc == RC_OK) /* where net.ipv4.ip_nonlocal_bind is set */
        httpd_free(h);
    else
        assert_non_null(strstr(e.text, "not an address of this machine"));
    httpd_free(first);
}

static void test_ipv6(void **state)
{
    (void)state;
    struct httpd *h = NULL;
    struct err e = {0};
    const struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof own) == 0;
    if (fd >= 0)
        close(fd);
    if (!has)
        skip();
    struct httpd_options opt = {
        .name = "t", .listen = "[::1]:0", .local_only = true, .handle = handle};
    assert_int_equal(httpd_start(&h, &opt, &e), RC_OK);
    assert_int_not_equal(httpd_port(h), 0);
    assert_false(httpd_is_exposed(h));
    httpd_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_addresses_that_cannot_be_had),
        cmocka_unit_test(test_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
