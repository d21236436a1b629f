/* test_google_auth: how tokens are shared, renewed and refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/clock.h"
#include "core/google/auth.h"
#include "core/model/metrics.h"
#include "tests/unit/fake_google.h"

static struct fake_files files;
static struct http_client *client;

static int setup_all(void **state)
{
    (void)state;
    fake_files_make(&files);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    fake_files_remove(&files);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    fake_write(files.token, "  file-token-1\n", 0600);
    chmod(files.key, 0600);
    client = http_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_free(client);
    return 0;
}

static void expect_word(const struct err *e, const char *word)
{
    if (!strstr(e->text, word))
        fail_msg("\"%s\" does not say \"%s\"", e->text, word);
}

/* Tokens over time: "tok-1", "tok-2", … each good for an hour. */

struct endpoint {
    struct fake_http http;
    int status; /* 0 = give a token */
    const char *body;
    int lifetime_s;
    atomic_int waiting; /* threads that were let in before the answer */
    int want_waiting;
};

static bool answer_token(struct fake_http *f, int fd, const char *text, int nth)
{
    struct endpoint *ep = f->arg;
    struct buf header = {0}, claims = {0};
    char body[200];
    const char *jwt = strstr(text, "&assertion=") + strlen("&assertion=");

    assert(strstr(text, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
    assert(fake_jwt_verify(files.pkey, span_of(jwt), &header, &claims));
    buf_release(&header);
    buf_release(&claims);
    while (atomic_load(&ep->waiting) < ep->want_waiting)
        sched_yield();
    if (ep->status) {
        fake_http_reply_text(fd, ep->status, ep->body);
        return true;
    }
    snprintf(body, sizeof(body),
             "{\"access_token\":\"tok-%d\",\"expires_in\":%d,\"token_type\":\"Bearer\"}", nth + 1,
             ep->lifetime_s);
    fake_http_reply_text(fd, 200, body);
    return true;
}

static struct auth *start(struct endpoint *ep, const char *subject)
{
    struct auth *a = NULL;

    *ep = (struct endpoint){.lifetime_s = 3600};
    fake_http_start(&ep->http, NULL, answer_token, ep);
    struct auth_options opt = {
        .token_url = ep->http.url, .key_file = files.key, .subject = subject};
    assert_int_equal(auth_new(&a, &opt, NULL), RC_OK);
    return a;
}

static void stop(struct endpoint *ep, struct auth *a)
{
    auth_free(a);
    fake_http_stop(&ep->http);
}

static void expect_header(struct auth *a, const char *refused, const char *want)
{
    char out[AUTH_HEADER_MAX] = "";
    struct err e = {0};

    assert_int_equal(auth_header(a, client, refused, out, &e), RC_OK);
    assert_string_equal(out, want);
}

#define TOK(n) "Authorization: Bearer tok-" #n

static void test_token_is_kept_and_renewed(void **state)
{
    struct endpoint ep;
    struct auth *a = start(&ep, NULL);
    uint64_t fetched = metric_read(&metric_tokens, METRIC_OK);
    uint64_t failed = metric_read(&metric_tokens, METRIC_FAILED);

    (void)state;
    expect_header(a, NULL, TOK(1));
    expect_header(a, NULL, TOK(1));
    clock_shift(0, 3600000 - 301000); /* not yet near its end */
    expect_header(a, NULL, TOK(1));
    clock_shift(0, 2000);
    expect_header(a, NULL, TOK(2));
    clock_shift(0, 2 * 3600000); /* after a sleep */
    expect_header(a, NULL, TOK(3));
    assert_int_equal(fake_http_requests(&ep.http), 3);
    assert_int_equal(metric_read(&metric_tokens, METRIC_OK) - fetched, 3);
    assert_int_equal(metric_read(&metric_tokens, METRIC_FAILED), failed);
    stop(&ep, a);
}

static void test_refused_token(void **state)
{
    struct endpoint ep;
    struct auth *a = start(&ep, NULL);

    (void)state;
    expect_header(a, NULL, TOK(1));
    expect_header(a, TOK(1), TOK(2));
    expect_header(a, TOK(1), TOK(2)); /* another thread did so already */
    expect_header(a, NULL, TOK(2));
    assert_int_equal(fake_http_requests(&ep.http), 2);
    stop(&ep, a);
}

static void test_early_renewal_may_fail(void **state)
{
    struct endpoint ep;
    struct auth *a = start(&ep, NULL);
    char out[AUTH_HEADER_MAX];

    (void)state;
    expect_header(a, NULL, TOK(1));
    clock_shift(0, 3600000 - 200000);
    ep.status = 503;
    ep.body = "";
    expect_header(a, NULL, TOK(1));
    expect_header(a, NULL, TOK(1));
    assert_int_equal(fake_http_requests(&ep.http), 2); /* not again with each call */
    clock_shift(0, 31000);
    expect_header(a, NULL, TOK(1));
    assert_int_equal(fake_http_requests(&ep.http), 3);
    clock_shift(0, 200000); /* now it is over */
    assert_int_equal(auth_header(a, client, NULL, out, NULL), RC_AGAIN);
    stop(&ep, a);
}

static void test_refusal_is_told(void **state)
{
    struct endpoint ep;
    struct auth *a = start(&ep, NULL);
    char out[AUTH_HEADER_MAX] = "untouched";
    struct err e = {0};

    (void)state;
    ep.status = 400;
    ep.body = "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}";
    assert_int_equal(auth_header(a, client, NULL, out, &e), RC_AUTH);
    assert_string_equal(out, "untouched");
    expect_word(&e, "create a new key");
    ep.status = 0; /* and it comes back without a restart */
    expect_header(a, NULL, TOK(2));
    stop(&ep, a);
}

/* T-REFRESH-RACE: many threads, one request. */

struct racer {
    struct auth *a;
    struct endpoint *ep;
    enum rc rc;
    char out[AUTH_HEADER_MAX];
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct http_client *own = http_new();

    atomic_fetch_add(&r->ep->waiting, 1);
    r->rc = auth_header(r->a, own, NULL, r->out, NULL);
    http_free(own);
    return NULL;
}

static void run_race(struct racer *racers, pthread_t *threads, size_t n, struct auth *a,
                     struct endpoint *ep)
{
    ep->want_waiting = (int)n;
    for (size_t i = 0; i < n; i++) {
        racers[i] = (struct racer){.a = a, .ep = ep};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

static void test_refresh_race(void **state)
{
    static struct racer racers[16];
    pthread_t threads[16];
    struct endpoint ep;
    struct auth *a = start(&ep, NULL);

    (void)state;
    run_race(racers, threads, 16, a, &ep);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(racers[i].rc, RC_OK);
        assert_string_equal(racers[i].out, TOK(1));
    }
    assert_int_equal(fake_http_requests(&ep.http), 1);
    stop(&ep, a);
}

/* Another thread may have been between its start and the lock when the failure came in, and then
 * asks once more: few requests, not sixteen. */
static void test_failure_is_shared(void **state)
{
    static struct racer racers[16];
    pthread_t threads[16];
    struct endpoint ep;
    struct auth *a = start(&ep, NULL);

    (void)state;
    ep.status = 400;
    ep.body = "{\"error\":\"invalid_grant\"}";
    run_race(racers, threads, 16, a, &ep);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(racers[i].rc, RC_AUTH);
    assert_true(fake_http_requests(&ep.http) < 16);
    stop(&ep, a);
}

static void test_interrupted(void **state)
{
    struct endpoint ep;
    struct auth *a = start(&ep, NULL);
    char out[AUTH_HEADER_MAX];

    (void)state;
    http_interrupt(client);
    assert_int_equal(auth_header(a, client, NULL, out, NULL), RC_CANCELED);
    stop(&ep, a);
}

/* Token files */

static void test_token_file(void **state)
{
    struct auth_options opt = {.token_url = "http://127.0.0.1:1", .token_file = files.token};
    char out[AUTH_HEADER_MAX] = "";
    struct err e = {0};
    struct auth *a = NULL;

    (void)state;
    assert_int_equal(auth_new(&a, &opt, &e), RC_OK);
    expect_header(a, NULL, "Authorization: Bearer file-token-1");
    assert_int_equal(auth_header(a, client, "Authorization: Bearer file-token-1", out, &e),
                     RC_AUTH);
    expect_word(&e, "put a new one there");
    assert_null(strstr(e.text, "file-token-1"));
    fake_write(files.token, "file-token-2", 0600);
    expect_header(a, "Authorization: Bearer file-token-1", "Authorization: Bearer file-token-2");
    expect_header(a, NULL, "Authorization: Bearer file-token-2");
    chmod(files.token, 0666);
    assert_int_equal(auth_header(a, client, "Authorization: Bearer file-token-2", out, &e),
                     RC_AUTH);
    expect_word(&e, "chmod 600");
    auth_free(a);
}

static void test_quota_user(void **state)
{
    static const struct {
        const char *subject, *want;
    } cases[] = {
        {NULL, NULL},
        {"a@example.com", "a@example.com"},
        {"1234567890123456789012345678@example.com", "1234567890123456789012345678@example.com"},
        /* 41 characters: the start of its SHA-256 */
        {"12345678901234567890123456789@example.com", NULL},
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct endpoint ep;
        struct auth *a = start(&ep, cases[i].subject);
        const char *user = auth_quota_user(a);

        if (i == 3) {
            assert_int_equal(strlen(user), 40);
            assert_null(strchr(user, '@'));
        } else if (cases[i].want) {
            assert_string_equal(user, cases[i].want);
        } else {
            assert_null(user);
        }
        stop(&ep, a);
    }
    struct auth_options bad = {
        .token_url = "http://127.0.0.1:1", .key_file = files.key, .subject = "a\r\nX-Evil: 1"};
    struct auth *none = NULL;
    assert_int_equal(auth_new(&none, &bad, NULL), RC_AUTH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_token_is_kept_and_renewed),
        TEST(test_refused_token),
        TEST(test_early_renewal_may_fail),
        TEST(test_refusal_is_told),
        TEST(test_refresh_race),
        TEST(test_failure_is_shared),
        TEST(test_interrupted),
        TEST(test_token_file),
        TEST(test_quota_user),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
