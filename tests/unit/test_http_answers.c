/* test_http_answers: servers that hang, trickle, cut, flood and lie. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

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
    struct http_request rq = {.total_ms = 75};
    struct http_response rs;
    struct err e;

    (void)state;
    do { /* more time where it took the server all of that to begin */
        e = (struct err){0};
        rq.total_ms *= 4;
        assert_int_equal(get_with(answer_half, &rq, &rs, &e), RC_AGAIN);
    } while (strstr(e.text, "no answer in time") && rq.total_ms < 60000);
    assert_non_null(strstr(e.text, "not complete in time"));
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
    assert_true(clock_mono_ms() - begin < 25000);
}

static _Atomic int64_t longest_step_ms;

/* Twice what is asked for in each window, for more than two of them. */
static bool answer_at_a_walk(struct fake_http *f, int fd, const char *text, int nth)
{
    static const char piece[HTTP_STALL_BYTES / 4] = {[0 ... sizeof(piece) - 1] = 'x'};
    char head[100];

    (void)f, (void)text, (void)nth;
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
             18 * sizeof(piece));
    int64_t sent_ms = clock_mono_ms(), longest_ms = 0;
    fake_http_send(fd, head);
    for (int i = 0, gone = 0; i < 18 && !gone; i++) {
        struct pollfd p = {.fd = fd, .events = POLLRDHUP};
        fake_http_send_bytes(fd, piece, sizeof(piece));
        gone = poll(&p, 1, 125);
        int64_t now_ms = clock_mono_ms();
        longest_ms = now_ms - sent_ms > longest_ms ? now_ms - sent_ms : longest_ms;
        sent_ms = now_ms;
    }
    atomic_store(&longest_step_ms, longest_ms);
    return false;
}

static void test_slow_and_steady(void **state)
{
    struct http_request rq = {.total_ms = 30000, .stall_ms = 1000};
    struct http_response rs;

    (void)state;
    for (int tries = 0; get_with(answer_at_a_walk, &rq, &rs, NULL) != RC_OK; tries++)
        assert_true(atomic_load(&longest_step_ms) > 200 && tries < 100); /* the machine stumbled */
    assert_int_equal(rs.body.n, 18 * HTTP_STALL_BYTES / 4);
    http_response_release(&rs);
}

/* ---- answers that are taken as they come */

struct taken {
    struct buf text;
    size_t most; /* then no more is wanted */
    bool ended;
};

static bool take(void *arg, struct span piece)
{
    struct taken *taken = arg;

    assert_false(taken->ended);
    buf_add_span(&taken->text, piece);
    taken->ended = taken->text.n >= taken->most;
    return !taken->ended;
}

static bool answer_drops(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)nth;
    assert(strstr(text, "Accept-Encoding: identity\r\n"));
    fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    trickle(fd);
    return false;
}

static bool answer_not_found(struct fake_http *f, int fd, const char *text, int nth)
{
    (void)f, (void)text, (void)nth;
    fake_http_reply_text(fd, 404, "why");
    return true;
}

static void test_taken_as_it_comes(void **state)
{
    struct taken taken = {.most = 30}; /* some 600 ms */
    struct http_request rq = {.total_ms = 100, .stall_ms = 60000, .take = take, .take_arg = &taken};
    struct http_response rs;

    (void)state;
    expect_refusal(answer_drops, &rq, RC_CANCELED, "ended");
    assert_in_range(taken.text.n, 30, 99999); /* some at once where the client is late */
    rq.total_ms = 0;
    taken.ended = false;
    expect_refusal(answer_half, &rq, RC_CANCELED, "ended");
    rq.stall_ms = 300; /* also before the first byte: such requests have no other deadline */
    expect_refusal(answer_hang, &rq, RC_AGAIN, "trickles");
    taken.ended = false;
    taken.most = 100000;
    expect_refusal(answer_half, &rq, RC_AGAIN, "trickles");
    buf_reset(&taken.text);
    assert_int_equal(get_with(answer_not_found, &rq, &rs, NULL), RC_OK);
    assert_string_equal(buf_text(&rs.body), "why");
    assert_int_equal(taken.text.n, 0);
    http_response_release(&rs);
    buf_release(&taken.text);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hang),
        TEST(test_hang_in_body),
        TEST(test_trickle),
        TEST(test_slow_and_steady),
        TEST(test_taken_as_it_comes),
        TEST(test_cut_answers),
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
