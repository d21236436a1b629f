/* test_http: real requests against a server that hangs, trickles, cuts, floods and lies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/http/http.h"
#include "tests/unit/fake_http.h"

static struct http_client *client;

static int setup(void **state)
{
    (void)state;
    client = http_new();
    return client ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    http_free(client);
    return 0;
}

/* One GET against `answer`, all defaults but the total deadline. */
static enum rc get_with(fake_answer answer, const struct http_request *like,
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

static void expect_refusal(fake_answer answer, const struct http_request *like, enum rc want,
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
    (void)text;
    fake_http_reply_text(fd, 200, nth == 0 ? "first" : "second");
    *(int *)f->arg = atomic_load(&f->connections);
    return true;
}

static void test_connection_is_kept(void **state)
{
    struct fake_http f;
    struct http_response rs;
    int connections = 0;

    (void)state;
    fake_http_start(&f, NULL, answer_reuse, &connections);
    struct http_request rq = {.method = "GET", .url = f.url};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(http_perform(client, &rq, &rs, NULL), RC_OK);
        assert_string_equal(buf_text(&rs.body), i ? "second" : "first");
        http_response_release(&rs);
    }
    assert_int_equal(connections, 1);
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

/* gzip */

static const char *const gzip_header = "Content-Encoding: gzip\r\n";

/* 300 kB that compress, but not to nothing. */
static char *big_text(size_t *ret_n)
{
    struct buf b = {0};

    for (int i = 0; i < 20000; i++)
        buf_printf(&b, "{\"event\":%d}\n", i * 7919 % 20011);
    return buf_take(&b, ret_n);
}

struct gzip_case {
    size_t cut;  /* bytes left out at the end */
    size_t flip; /* position of a damaged byte; 0 = none */
    int members;
    const char *tail;
};

static struct gzip_case gzip_case;

static bool answer_gzip(struct fake_http *f, int fd, const char *text, int nth)
{
    struct buf out = {0};
    size_t n, m;
    char *big = big_text(&n);

    (void)f, (void)text, (void)nth;
    for (int i = 0; i < gzip_case.members; i++) {
        unsigned char *z = fake_gzip(big, n, &m);
        buf_add(&out, z, m);
        free(z);
    }
    out.n -= gzip_case.cut;
    if (gzip_case.flip)
        out.p[gzip_case.flip] ^= 0x55;
    if (gzip_case.tail)
        buf_add_text(&out, gzip_case.tail);
    fake_http_reply(fd, 200, gzip_header, out.p, out.n);
    free(big);
    buf_release(&out);
    return true;
}

static void test_gzip(void **state)
{
    struct http_response rs;
    size_t n;
    char *big = big_text(&n);

    (void)state;
    for (int members = 1; members <= 2; members++) {
        gzip_case = (struct gzip_case){.members = members};
        assert_int_equal(get_with(answer_gzip, NULL, &rs, NULL), RC_OK);
        assert_int_equal(rs.body.n, n * (size_t)members);
        assert_memory_equal(rs.body.p, big, n);
        http_response_release(&rs);
    }
    free(big);
}

static void test_gzip_cut_anywhere(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 30000; cut = cut * 3 + 1) {
        gzip_case = (struct gzip_case){.members = 1, .cut = cut};
        expect_refusal(answer_gzip, NULL, RC_AGAIN, "gzip answer cut short");
    }
}

static void test_gzip_broken(void **state)
{
    (void)state;
    gzip_case = (struct gzip_case){.members = 1, .flip = 5000};
    expect_refusal(answer_gzip, NULL, RC_AGAIN, "gzip");
    gzip_case = (struct gzip_case){.members = 1, .tail = "<html>"};
    expect_refusal(answer_gzip, NULL, RC_AGAIN, "gzip");
    gzip_case = (struct gzip_case){.members = 1}; /* and the client is usable afterwards */
    struct http_response rs;
    assert_int_equal(get_with(answer_gzip, NULL, &rs, NULL), RC_OK);
    http_response_release(&rs);
}

static void test_gzip_bomb(void **state)
{
    struct http_request rq = {.max_bytes = 100000};

    (void)state;
    gzip_case = (struct gzip_case){.members = 1};
    expect_refusal(answer_gzip, &rq, RC_BADDATA, "larger than 100000 bytes");
}

static bool answer_gzip_nothing(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_reply(fd, 200, gzip_header, "", 0);
    return true;
}

static void test_gzip_empty(void **state)
{
    (void)state;
    expect_refusal(answer_gzip_nothing, NULL, RC_AGAIN, "cut short");
}

static bool answer_brotli(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_reply(fd, 200, "Content-Encoding: br\r\n", "xxxx", 4);
    return true;
}

static void test_other_coding(void **state)
{
    (void)state;
    expect_refusal(answer_brotli, NULL, RC_AGAIN, "content coding");
}

/* Sizes */

static bool answer_endless(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (send(fd, "10\r\n0123456789abcdef\r\n", 22, MSG_NOSIGNAL) == 22)
        ;
    return false;
}

static void test_oversized(void **state)
{
    struct http_request rq = {.max_bytes = 50000};

    (void)state;
    expect_refusal(answer_endless, &rq, RC_BADDATA, "larger than 50000 bytes");
}

static bool answer_announced(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
    return !fake_http_wait_gone(fd);
}

static void test_announced_oversize(void **state)
{
    (void)state;
    expect_refusal(answer_announced, NULL, RC_BADDATA, "larger than");
}

static bool answer_exact(struct fake_http *f, int fd, const char *text, int nth)
{
    char body[1000] = {0};

    (void)f, (void)text, (void)nth;
    fake_http_reply(fd, 200, NULL, body, sizeof(body));
    return true;
}

static void test_cap_is_inclusive(void **state)
{
    struct http_request rq = {.max_bytes = 1000};
    struct http_response rs;

    (void)state;
    assert_int_equal(get_with(answer_exact, &rq, &rs, NULL), RC_OK);
    assert_int_equal(rs.body.n, 1000);
    http_response_release(&rs);
    rq.max_bytes = 999;
    expect_refusal(answer_exact, &rq, RC_BADDATA, "larger than 999 bytes");
}

static bool answer_many_headers(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 20000; i++)
        fake_http_send(fd, "X-Filler: 0123456789\r\n");
    fake_http_send(fd, "Content-Length: 0\r\n\r\n");
    return false;
}

static void test_too_many_headers(void **state)
{
    (void)state;
    expect_refusal(answer_many_headers, NULL, RC_BADDATA, "bytes of headers");
}

/* Trouble on the way */

static bool answer_hang(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    return !fake_http_wait_gone(fd);
}

static void test_hang(void **state)
{
    struct http_request rq = {.total_ms = 300};

    (void)state;
    expect_refusal(answer_hang, &rq, RC_AGAIN, "no answer in time");
}

static bool answer_half(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    return !fake_http_wait_gone(fd);
}

static void test_hang_in_body(void **state)
{
    struct http_request rq = {.total_ms = 300};

    (void)state;
    expect_refusal(answer_half, &rq, RC_AGAIN, "not complete in time");
}

/* A byte at a time until the client has had enough; poll() here paces, it does not synchronise. */
static void trickle(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    while (poll(&p, 1, 20) == 0 && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        ;
}

static bool answer_trickle(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    trickle(fd);
    return false;
}

static bool answer_slow_headers(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nX-Slow: ");
    trickle(fd);
    return false;
}

static void test_trickle(void **state)
{
    struct http_request rq = {.total_ms = 30000, .stall_ms = 300};
    int64_t begin = clock_mono_ms();

    (void)state;
    expect_refusal(answer_trickle, &rq, RC_AGAIN, "trickles");
    expect_refusal(answer_slow_headers, &rq, RC_AGAIN, "trickles");
    assert_true(clock_mono_ms() - begin < 20000);
}

static bool answer_cut(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    return false;
}

static bool answer_cut_chunk(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf");
    return false;
}

static bool answer_reset(struct fake_http *f, int fd, const char *text, int nth)
{
    struct linger now = {.l_onoff = 1};

    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    dup2(other, fd); /* closes the connection with a reset; the number stays taken until the end */
    close(other);
    return false;
}

static bool answer_nothing(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)fd, (void)text, (void)nth;
    return false;
}

static bool answer_garbage(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_send(fd, "SSH-2.0-OpenSSH_9.2p1\r\n\r\n");
    return false;
}

static void test_cut_answers(void **state)
{
    (void)state;
    expect_refusal(answer_cut, NULL, RC_AGAIN, "GET 127.0.0.1: ");
    expect_refusal(answer_cut_chunk, NULL, RC_AGAIN, "GET 127.0.0.1: ");
    expect_refusal(answer_reset, NULL, RC_AGAIN, "GET 127.0.0.1: ");
    expect_refusal(answer_nothing, NULL, RC_AGAIN, "GET 127.0.0.1: ");
    expect_refusal(answer_garbage, NULL, RC_AGAIN, "GET 127.0.0.1: ");
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
    struct http_request rq = {.method = "GET", .url = url};
    assert_int_equal(http_perform(client, &rq, &rs, &e), RC_AGAIN);
    assert_non_null(strcasestr(e.text, "certificate"));
    pthread_join(thread, &got);
    assert_null(got);
    close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain),
        TEST(test_post_any_status),
        TEST(test_retry_after_date),
        TEST(test_redirect_is_not_followed),
        TEST(test_connection_is_kept),
        TEST(test_unix_socket),
        TEST(test_gzip),
        TEST(test_gzip_cut_anywhere),
        TEST(test_gzip_broken),
        TEST(test_gzip_bomb),
        TEST(test_gzip_empty),
        TEST(test_other_coding),
        TEST(test_oversized),
        TEST(test_announced_oversize),
        TEST(test_cap_is_inclusive),
        TEST(test_too_many_headers),
        TEST(test_hang),
        TEST(test_hang_in_body),
        TEST(test_trickle),
        TEST(test_cut_answers),
        TEST(test_refused_connection),
        TEST(test_interrupt),
        TEST(test_pause),
        TEST(test_alive),
        TEST(test_urls),
        TEST(test_header_injection),
        TEST(test_no_proxy_for_loopback),
        TEST(test_untrusted_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
