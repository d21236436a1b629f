/* test_http: requests that go well, are interrupted, or are refused before they are sent. */
#include "tests/unit/http_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>

#include "core/base/clock.h"
#include "core/http/target.h"

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

static atomic_int asked, beats;

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
    assert_true(clock_mono_ms() - begin < 15000);
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
    assert_true(clock_mono_ms() - begin < 15000);
    pthread_join(thread, NULL);
}

static void count_alive(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static bool answer_when_looked_for(struct fake_http *f, int fd, const char *text, int nth)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    while (atomic_load(&beats) < 3 && poll(&p, 1, 10) == 0)
        ;
    return answer_plain(f, fd, text, nth);
}

static void test_alive(void **state)
{
    struct http_request rq = {.total_ms = 20000, .alive = count_alive, .alive_arg = &beats};
    struct http_response rs;
    struct err e = {0};

    (void)state;
    assert_int_equal(get_with(answer_when_looked_for, &rq, &rs, &e), RC_OK);
    assert_true(atomic_load(&beats) >= 3);
    http_response_release(&rs);
}

/* Asks again twice, then has had enough. */
static int64_t lose_patience(void *arg, int64_t ms)
{
    int *times = arg;
    if (ms < 0 || ms > 20000)
        *times = 100;
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
    assert_true(clock_mono_ms() - begin < 15000);
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

/* libcurl 7.88 refuses another buffer size where a transfer ended before it had a connection. */
static void test_after_a_name_that_was_not_found(void **state)
{
    struct fake_http f;
    struct http_response rs;
    struct err e = {0};

    (void)state;
    fake_http_start(&f, NULL, answer_plain, NULL);
    struct http_request nowhere = {.method = "GET", .url = "https://" NO_SUCH_HOST "/"};
    struct http_request rq = {.method = "GET", .url = f.url};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(http_perform(client, &nowhere, &rs, &e), RC_AGAIN);
        assert_non_null(strstr(e.text, "resolve"));
        assert_int_equal(http_perform(client, &rq, &rs, &e), RC_OK);
        http_response_release(&rs);
    }
    assert_int_equal(atomic_load(&f.connections), 1);
    fake_http_stop(&f);
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

static void test_local_targets(void **state)
{
    static const struct {
        const char *url;
        bool unix_socket, local;
    } good[] = {
        {"http://localhost/", false, true},
        {"http://[::1]:8080/", false, true},
        {"http://127.0.0.1/", false, true},
        {"http://127.255.1.2/", false, true},
        {"https://localhost/", false, true},
        {"http://example.com/", true, true},
        {"https://www.googleapis.com/calendar/v3", false, false},
        {"https://localhost.example.com/", false, false},
        {"https://128.0.0.1/", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct target t = {0};

        if (target_read(&t, good[i].url, good[i].unix_socket, NULL) != RC_OK ||
            t.local != good[i].local)
            fail_msg("%s: local %d", good[i].url, t.local);
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

static bool answer_no_tunnel(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)nth;
    assert(strncmp(text, "CONNECT calendar.invalid:443 HTTP/1.1\r\n", 39) == 0);
    assert(!strstr(text, "secret"));
    fake_http_reply_text(fd, 503, "");
    return false;
}

static void test_proxy_for_the_others(void **state)
{
    const char *const headers[] = {"Authorization: Bearer secret", NULL};
    struct http_request rq = {
        .method = "GET", .url = "https://calendar.invalid/secret", .headers = headers};
    struct http_response rs;
    struct fake_http f;

    (void)state;
    fake_http_start(&f, NULL, answer_no_tunnel, NULL);
    setenv("https_proxy", f.url, 1);
    assert_int_equal(http_perform(client, &rq, &rs, NULL), RC_AGAIN);
    unsetenv("https_proxy");
    fake_http_stop(&f);
    assert_int_equal(f.n_requests, 1);
}

/* TLS: a certificate that nobody vouches for, or that is another host's, must end the request
 * before a byte of it is sent. */

struct tls_server {
    int listener;
    EVP_PKEY *key;
    X509 *cert;
};

static void *serve_tls(void *arg)
{
    const struct tls_server *s = arg;
    int fd = accept(s->listener, NULL, NULL), got = 0;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL *ssl = SSL_new(ctx);
    static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char bytes[4096];

    SSL_use_certificate(ssl, s->cert);
    SSL_use_PrivateKey(ssl, s->key);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        got = SSL_read(ssl, bytes, sizeof(bytes)) > 0;
    if (got)
        SSL_write(ssl, answer, sizeof(answer) - 1);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return (void *)(intptr_t)got;
}

static X509 *certificate(EVP_PKEY *key, const char *host)
{
    X509 *cert = X509_new();

    X509_set_version(cert, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_sign(cert, key, EVP_sha256());
    return cert;
}

static void test_certificates(void **state)
{
    static const struct {
        const char *host;
        bool trusted;
        enum rc want;
        const char *word;
    } cases[] = {
        {"localhost", true, RC_OK, ""},
        {"localhost", false, RC_AGAIN, "certificate"},
        {"calendar.invalid", true, RC_AGAIN, "calendar.invalid"},
    };
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    struct tls_server server = {.listener = socket(AF_INET, SOCK_STREAM, 0),
                                .key = EVP_RSA_gen(2048)};
    char url[100], path[] = "/tmp/calmirror-certificate-XXXXXX";
    int file = mkstemp(path);

    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as in the programs; the server writes to clients that left */
    assert_true(file >= 0);
    close(file);
    assert_int_equal(bind(server.listener, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(server.listener, 1), 0);
    getsockname(server.listener, (struct sockaddr *)&in, &len);
    snprintf(url, sizeof(url), "https://localhost:%d/", ntohs(in.sin_port));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request rq = {
            .method = "GET", .url = url, .connect_ms = 60000, .certificate = true};
        struct http_response rs;
        struct err e = {0};
        pthread_t thread;
        void *got;

        server.cert = certificate(server.key, cases[i].host);
        FILE *out = fopen(path, "w");
        PEM_write_X509(out, server.cert);
        fclose(out);
        if (cases[i].trusted)
            setenv("SSL_CERT_FILE", path, 1);
        int64_t ends_ms = clock_wall_ms() + 3600 * 1000;
        pthread_create(&thread, NULL, serve_tls, &server);
        enum rc rc = http_perform(client, &rq, &rs, &e);
        pthread_join(thread, &got);
        unsetenv("SSL_CERT_FILE");
        X509_free(server.cert);
        if (rc != cases[i].want || !strcasestr(e.text, cases[i].word))
            fail_msg("%s: %s: %s", cases[i].host, rc_name(rc), e.text);
        assert_int_equal((intptr_t)got, rc == RC_OK);
        if (rc == RC_OK) {
            assert_int_equal(rs.status, 204);
            assert_in_range(rs.certificate_ms, ends_ms - 60 * 1000, ends_ms);
            http_response_release(&rs);
        }
    }
    unlink(path);
    EVP_PKEY_free(server.key);
    close(server.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain),
        TEST(test_post_any_status),
        TEST(test_retry_after_date),
        TEST(test_absurd_dates),
        TEST(test_redirect_is_not_followed),
        TEST(test_connection_is_kept),
        TEST(test_unix_socket),
        TEST(test_interrupt),
        TEST(test_pause),
        TEST(test_alive),
        TEST(test_patience),
        TEST(test_refused_connection),
        TEST(test_after_a_name_that_was_not_found),
        TEST(test_urls),
        TEST(test_local_targets),
        TEST(test_header_injection),
        TEST(test_no_proxy_for_loopback),
        TEST(test_proxy_for_the_others),
        TEST(test_certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
