/* test_http: requests that go well, are interrupted, or are refused before they are sent. */
#include "tests/unit/http_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/base/clock.h"
#include "core/http/head.h"

static bool answer_plain(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)nth;
    assert(strstr(text, "Accept-Encoding: gzip\r\n"));
    assert(strstr(text, "User-Agent: calmirror/" CALMIRROR_VERSION " (gzip)\r\n"));
    fake_http_reply(fd, 200,
                    "ETag: \"abc\"\r\nDate: Tue, 19 Nov 2013 01:13:52 GMT\r\nRetry-After: 7\r\n",
                    "{\"a\":1}", 7);
    return true;
}

static void test_plain(void **state)
{
    struct http_response rs;
    struct err e = {0};

    (void)state;
    assert_int_equal(get_with(answer_plain, NULL, &rs, &e), RC_OK);
    assert_int_equal(rs.status, 200);
    assert_string_equal(buf_text(&rs.body), "{\"a\":1}");
    assert_true(rs.is_json);
    assert_string_equal(rs.etag, "\"abc\"");
    assert_int_equal(rs.date_ms, INT64_C(1384823632000));
    assert_int_equal(rs.retry_after_ms, 7000);
    assert_true(rs.took_us > 0);
    http_response_release(&rs);
}

static bool answer_echo(struct fake_http *f, int fd, const char *text, int nth)
{
    const char *body = strstr(text, "\r\n\r\n") + 4;

    (void)f, (void)nth;
    assert(strncmp(text, "POST / HTTP/1.1\r\n", 17) == 0);
    assert(strstr(text, "\r\nX-One: 1\r\n"));
    assert(!strcasestr(text, "\r\nexpect:"));
    fake_http_reply(fd, 404, NULL, body, strlen(body));
    return true;
}

static void test_post_any_status(void **state)
{
    const char *const headers[] = {"X-One: 1", NULL};
    struct http_request rq = {.method = "POST", .headers = headers, .body = span_of("a=b&c")};
    struct http_response rs;

    (void)state;
    assert_int_equal(get_with(answer_echo, &rq, &rs, NULL), RC_OK);
    assert_int_equal(rs.status, 404);
    assert_string_equal(buf_text(&rs.body), "a=b&c");
    assert_int_equal(rs.retry_after_ms, -1);
    assert_int_equal(rs.date_ms, 0);
    http_response_release(&rs);
}

static bool answer_odd_head(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 100 Continue\r\nRetry-After: 99\r\nETag: \"no\"\r\n\r\n"
                       "HTTP/1.1 503 \r\nretry-AFTER:Tue, 19 Nov 2013 01:15:00 GMT\r\n"
                       "DATE:   Tue, 19 Nov 2013 01:13:00 GMT  \r\nContent-Type: text/html\r\n"
                       "Content-Length: 0\r\n\r\n");
    return true;
}

static void test_retry_after_date(void **state)
{
    struct http_response rs;

    (void)state;
    assert_int_equal(get_with(answer_odd_head, NULL, &rs, NULL), RC_OK);
    assert_int_equal(rs.status, 503);
    assert_int_equal(rs.retry_after_ms, 120000); /* by the server's clock, not ours */
    assert_string_equal(rs.etag, "");
    assert_false(rs.is_json);
    http_response_release(&rs);
}

static bool answer_absurd_dates(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_reply(fd, 429,
                    "Date: 1 Jan 999999999 00:00:00 GMT\r\n"
                    "Retry-After: 1 Jan 999999999 00:00:00 GMT\r\n",
                    "", 0);
    return true;
}

static void test_absurd_dates(void **state)
{
    struct http_response rs;

    (void)state;
    assert_int_equal(get_with(answer_absurd_dates, NULL, &rs, NULL), RC_OK);
    assert_int_equal(rs.date_ms, 0);
    assert_int_equal(rs.retry_after_ms, -1);
    http_response_release(&rs);
}

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

static bool answer_redirect(struct fake_http *f, int fd, const char *text, int nth)
{
    char location[200];

    (void)text, (void)nth;
    snprintf(location, sizeof(location), "Location: %s/elsewhere\r\n", f->url);
    fake_http_reply(fd, 302, location, "", 0);
    return true;
}

static void test_redirect_is_not_followed(void **state)
{
    struct http_response rs;

    (void)state;
    assert_int_equal(get_with(answer_redirect, NULL, &rs, NULL), RC_OK);
    assert_int_equal(rs.status, 302);
    http_response_release(&rs);
}

static bool answer_reuse(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text;
    fake_http_reply_text(fd, 200, nth == 0 ? "first" : "second");
    return true;
}

static void test_connection_is_kept(void **state)
{
    struct fake_http f;
    struct http_response rs;

    (void)state;
    fake_http_start(&f, NULL, answer_reuse, NULL);
    struct http_request rq = {.method = "GET", .url = f.url};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(http_perform(client, &rq, &rs, NULL), RC_OK);
        assert_string_equal(buf_text(&rs.body), i ? "second" : "first");
        http_response_release(&rs);
    }
    assert_int_equal(atomic_load(&f.connections), 1);
    fake_http_stop(&f);
}

static void test_unix_socket(void **state)
{
    char dir[] = "/tmp/calmirror-http-XXXXXX", path[64];
    struct fake_http f;
    struct http_response rs;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    fake_http_start(&f, path, answer_plain, NULL);
    struct http_request rq = {.method = "GET", .url = "http://calmirror/x", .unix_socket = path};
    assert_int_equal(http_perform(client, &rq, &rs, NULL), RC_OK);
    assert_int_equal(rs.status, 200);
    http_response_release(&rs);
    fake_http_stop(&f);
    unlink(path);
    rmdir(dir);
}

/* Interruption */

static atomic_int asked;

static bool answer_ask(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    atomic_store(&asked, 1);
    http_interrupt(client); /* the request is surely under way */
    return !fake_http_wait_gone(fd);
}

static void test_interrupt(void **state)
{
    struct http_request rq = {.total_ms = 60000};
    int64_t begin = clock_mono_ms();
    struct http_response rs;
    struct err e = {0};

    (void)state;
    assert_int_equal(get_with(answer_ask, &rq, &rs, &e), RC_CANCELED);
    assert_int_equal(atomic_load(&asked), 1);
    assert_true(clock_mono_ms() - begin < 10000);
    assert_int_equal(get_with(answer_plain, NULL, &rs, &e), RC_CANCELED); /* every later one */
}

static bool answer_hang(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    return !fake_http_wait_gone(fd);
}

static void *interrupt_client(void *arg)
{
    http_interrupt(arg);
    return NULL;
}

static void test_pause(void **state)
{
    int64_t begin = clock_mono_ms();
    struct err e = {0};
    pthread_t thread;

    (void)state;
    assert_int_equal(http_pause(client, 30, &e), RC_OK);
    assert_true(clock_mono_ms() - begin >= 29);
    pthread_create(&thread, NULL, interrupt_client, client);
    assert_int_equal(http_pause(client, 60000, &e), RC_CANCELED);
    assert_int_equal(http_pause(client, 60000, &e), RC_CANCELED);
    assert_true(clock_mono_ms() - begin < 10000);
    pthread_join(thread, NULL);
}

static void count_alive(void *arg)
{
    ++*(int *)arg;
}

static void test_alive(void **state)
{
    int beats = 0;
    struct http_request rq = {.total_ms = 2500, .alive = count_alive, .alive_arg = &beats};
    struct http_response rs;
    struct err e = {0};

    (void)state;
    assert_int_equal(get_with(answer_hang, &rq, &rs, &e), RC_AGAIN);
    assert_true(beats >= 3);
}

/* Asks again twice, then has had enough. */
static int64_t lose_patience(void *arg, int64_t ms)
{
    int *times = arg;
    return ms == 0 ? 10 : ++*times < 3 ? 20 : 0;
}

static void test_patience(void **state)
{
    int times = 0;
    struct http_request rq = {.total_ms = 20000};
    struct http_response rs;
    struct err e = {0};
    int64_t begin = clock_mono_ms();

    (void)state;
    http_set_patience(client, lose_patience, &times);
    assert_int_equal(get_with(answer_hang, &rq, &rs, &e), RC_AGAIN);
    http_set_patience(client, NULL, NULL);
    assert_int_equal(times, 3);
    assert_non_null(strstr(e.text, "other accounts wait"));
    assert_true(clock_mono_ms() - begin < 10000);
}

static void test_refused_connection(void **state)
{
    struct fake_http f;
    struct http_response rs;
    struct err e = {0};

    (void)state;
    fake_http_start(&f, NULL, answer_plain, NULL);
    fake_http_stop(&f); /* nobody listens there now */
    char url[200];
    snprintf(url, sizeof(url), "%s/secret-path?token=secret-query", f.url);
    struct http_request rq = {.method = "GET", .url = url};
    assert_int_equal(http_perform(client, &rq, &rs, &e), RC_AGAIN);
    assert_null(strstr(e.text, "secret"));
}

/* What we refuse to ask */

static void test_urls(void **state)
{
    static const struct {
        const char *url, *word;
    } bad[] = {
        {"", "not a URL"},
        {"nonsense", "not a URL"},
        {"http://", "not a URL"},
        {"http://example.com/x", "loopback"},
        {"http://127.0.0.1.example.com/", "loopback"},
        {"http://localhost.example.com/", "loopback"},
        {"http://10.0.0.1/", "loopback"},
        {"http://[::2]/", "loopback"},
        {"http://128.0.0.1/", "loopback"},
        {"ftp://127.0.0.1/", "neither https nor http"},
        {"file:///etc/passwd", "not a URL"},
        {"https://user:secret@www.googleapis.com/", "user name"},
        {"http://127.0.0.1@example.com/", "user name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_request rq = {.method = "GET", .url = bad[i].url};
        struct http_response rs;
        struct err e = {0};

        assert_int_equal(http_perform(client, &rq, &rs, &e), RC_INVALID);
        if (!strstr(e.text, bad[i].word))
            fail_msg("%s: %s", bad[i].url, e.text);
        assert_null(strstr(e.text, "secret"));
    }
}

static void test_header_injection(void **state)
{
    const char *const headers[] = {"Authorization: Bearer x\r\nX-Evil: 1", NULL};
    struct http_request rq = {.headers = headers};

    (void)state;
    expect_refusal(answer_plain, &rq, RC_INVALID, "control character");
}

static void test_no_proxy_for_loopback(void **state)
{
    struct http_response rs;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    assert_int_equal(get_with(answer_plain, NULL, &rs, NULL), RC_OK);
    http_response_release(&rs);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* TLS: a certificate nobody vouches for must end the request before a byte of it is sent. */

static void *serve_tls(void *arg)
{
    int listener = *(int *)arg, got = 0;
    int fd = accept(listener, NULL, NULL);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *cert = X509_new();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL *ssl = SSL_new(ctx);
    char byte;

    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_sign(cert, key, EVP_sha256());
    SSL_use_certificate(ssl, cert);
    SSL_use_PrivateKey(ssl, key);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        got = SSL_read(ssl, &byte, 1) > 0;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    X509_free(cert);
    EVP_PKEY_free(key);
    close(fd);
    return (void *)(intptr_t)got;
}

static void test_untrusted_certificate(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct http_response rs;
    struct err e = {0};
    pthread_t thread;
    void *got;
    char url[100];

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&in, &len);
    pthread_create(&thread, NULL, serve_tls, &listener);
    snprintf(url, sizeof(url), "https://localhost:%d/", ntohs(in.sin_port));
    struct http_request rq = {.method = "GET", .url = url, .connect_ms = 60000};
    assert_int_equal(http_perform(client, &rq, &rs, &e), RC_AGAIN);
    assert_non_null(strcasestr(e.text, "certificate"));
    pthread_join(thread, &got);
    assert_null(got);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain),
        TEST(test_post_any_status),
        TEST(test_retry_after_date),
        TEST(test_absurd_dates),
        TEST(test_dates),
        TEST(test_redirect_is_not_followed),
        TEST(test_connection_is_kept),
        TEST(test_unix_socket),
        TEST(test_interrupt),
        TEST(test_pause),
        TEST(test_alive),
        TEST(test_patience),
        TEST(test_refused_connection),
        TEST(test_urls),
        TEST(test_header_injection),
        TEST(test_no_proxy_for_loopback),
        TEST(test_untrusted_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
