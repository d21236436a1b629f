/* test_httpd: the HTTP loop over real sockets: bodies, limits, late answers, many connections, a
 * clean stop. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/httpd/httpd.h"
#include "tests/unit/http_client.h"

#define LATE_MAX    2048
#define ENOUGH_MS   20000
#define PATIENCE_MS 60000

struct app {
    struct httpd *h;
    struct httpd_request *late[LATE_MAX];
    unsigned n_late;
    _Atomic unsigned requests, turns, batches, stops;
    bool takes; /* takes the connections of late ones over */
    int taken[64];
    _Atomic unsigned n_taken;
    unsigned batch;                     /* answer the late ones once so many wait; 0: never */
    struct http_client *_Atomic silent; /* connected, has yet to say what it wants */
    unsigned port, turns_closed;
    bool unhurried;   /* there is time for the end, by the clock */
    unsigned at_once; /* turns that want the next without delay */
};

static void answer_text(struct httpd_request *req, unsigned status, const char *text)
{
    struct httpd_response *r = httpd_response_new(status, strdup(text), strlen(text));
    httpd_response_header(r, "Content-Type", "text/plain");
    httpd_answer(req, r);
    httpd_response_unref(r);
}

static void handle(void *arg, struct httpd_request *req)
{
    struct app *app = arg;
    app->requests++;
    if (req->refused) {
        answer_text(req, req->refused, "refused");
        return;
    }
    if (req->path.n >= 5 && memcmp(req->path.p, "/late", 5) == 0) {
        app->late[app->n_late++] = req;
        return;
    }
    char text[512];
    const char *x = httpd_header(req, "x-test");
    (void)snprintf(text, sizeof text, "%s|%.*s|%.*s|%zu|%s", req->method, (int)req->path.n,
                   req->path.p, (int)req->query.n, req->query.p ? req->query.p : "", req->body.n,
                   x ? x : "-");
    answer_text(req, 200, text);
}

/* Speaks once nobody can connect any more, and not in the first turn behind that. The clock is put
 * back until then, so that what the server gives it is enough on any machine. */
static void end_silence(struct app *app)
{
    struct http_client probe;
    if (!http_connect(&probe, app->port) && ++app->turns_closed == 1) {
        clock_shift(0, -ENOUGH_MS);
        httpd_wake(app->h);
    } else if (app->turns_closed == 2) {
        assert_true(http_send_text(app->silent, "GET /last HTTP/1.1\r\nHost: a\r\n\r\n"));
        clock_shift(0, ENOUGH_MS);
    }
    http_close(&probe);
}

static int64_t after_turn(void *arg, bool stopping)
{
    struct app *app = arg;
    app->turns++;
    app->stops += stopping;
    if (stopping && app->unhurried)
        clock_shift(0, -ENOUGH_MS);
    if (app->silent && !stopping)
        end_silence(app);
    while (app->takes && app->n_late > 0) {
        int fd = httpd_take_over(app->late[--app->n_late]);
        assert_true(fd >= 0);
        app->taken[app->n_taken++] = fd;
    }
    if (app->batch && app->n_late >= app->batch) {
        app->batches++;
        for (unsigned i = 0; i < app->n_late; i++)
            answer_text(app->late[i], 200, "late");
        app->n_late = 0;
    }
    return app->turns < app->at_once ? 0 : -1;
}

static void start(struct app *app, struct httpd_options opt)
{
    struct err e = {0};
    opt.name = "test";
    opt.listen = opt.listen ? opt.listen : "127.0.0.1:0";
    opt.arg = app;
    opt.handle = handle;
    opt.after_turn = after_turn;
    if (httpd_start(&app->h, &opt, &e))
        fail_msg("%s", e.text);
}

static void wait_until(const _Atomic unsigned *what, unsigned value)
{
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    while (*what < value && clock_mono_ms() < until)
        usleep(1000);
    assert_true(*what >= value);
}

/* A connection that left HTTP goes on without the library, which forgets it: here no more than two
 * may be open at a time. */
static void test_taken_over(void **state)
{
    (void)state;
    struct app app = {.takes = true};
    struct http_client clients[64];
    struct err e = {0};
    char got[16];
    start(&app, (struct httpd_options){.max_connections = 2});
    for (unsigned i = 0; i < 64; i++) {
        assert_true(http_connect(&clients[i], httpd_port(app.h)));
        assert_true(http_send_text(&clients[i], "GET /late/x HTTP/1.1\r\nHost: a\r\n\r\n"));
        wait_until(&app.n_taken, i + 1);
    }
    struct http_answer a = http_ask(httpd_port(app.h), "GET", "/still", "", "");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    assert_int_equal(httpd_watch(app.h, app.taken[7], &e), RC_OK);
    unsigned turns = app.turns;
    assert_true(http_send_text(&clients[7], "more"));
    wait_until(&app.turns, turns + 1);
    assert_int_equal(poll(&(struct pollfd){app.taken[7], POLLIN, 0}, 1, PATIENCE_MS), 1);
    assert_int_equal(recv(app.taken[7], got, sizeof got, 0), 4);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(write(app.taken[i], "hello", 5), 5);
        assert_int_equal(recv(clients[i].fd, got, sizeof got, 0), 5);
        assert_memory_equal(got, "hello", 5);
    }
    httpd_free(app.h); /* leaves them open */
    assert_int_equal(write(app.taken[63], "end", 3), 3);
    assert_int_equal(recv(clients[63].fd, got, sizeof got, 0), 3);
    for (unsigned i = 0; i < 64; i++) {
        close(app.taken[i]);
        assert_int_equal(recv(clients[i].fd, got, sizeof got, 0), 0);
        http_close(&clients[i]);
    }
}

static void test_echo(void **state)
{
    (void)state;
    struct app app = {0};
    start(&app, (struct httpd_options){0});
    unsigned port = httpd_port(app.h);
    assert_int_not_equal(port, 0);

    struct http_answer a = http_ask(port, "GET", "/a%2Fb/%40c?x=%20&y=+1", "X-Test: yes\r\n", "");
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "GET|/a%2Fb/%40c|x=%20&y=+1|0|yes");
    char date[256];
    assert_int_equal(strlen(http_answer_header(&a, "Date", date)),
                     strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
    http_answer_release(&a);

    a = http_ask(port, "POST", "http://localhost/p?q", "", "12345");
    assert_string_equal(a.body, "POST|/p|q|5|-");
    http_answer_release(&a);

    struct buf many = {0}; /* pieces that would not fit into a connection's memory */
    for (int i = 0; i < 3000; i++)
        buf_add_char(&many, '&');
    char target[4000], expected[4000];
    (void)snprintf(target, sizeof target, "/p?%s", buf_text(&many));
    (void)snprintf(expected, 200, "GET|/p|%s", buf_text(&many));
    a = http_ask(port, "GET", target, "", "");
    assert_int_equal(a.status, 200);
    assert_memory_equal(a.body, expected, 199);
    http_answer_release(&a);
    buf_release(&many);

    a = http_ask(port, "HEAD", "/", "", "");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    httpd_free(app.h);
}

/* What two readers could take for different requests: refused, and the connection ended. */
static void test_framing(void **state)
{
    (void)state;
    struct app app = {0};
    start(&app, (struct httpd_options){0});
    static const struct {
        const char *head;
        unsigned status;
    } cases[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 200},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200},
        {"GET / HTTP/1.1\r\nHost: a\r\nX-Test: b\tc\r\nX-Test: d\r\n\r\n", 200},
        {"GET http://A/ HTTP/1.1\r\nHost: a\r\n\r\n", 200},
        {"GET / HTTP/1.0\r\n\r\n", 200},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http://b/ HTTP/1.0\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: y\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX-Goog-Api-Key: x\r\nx-goog-api-key: y\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX-Test : b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX-Test: a\x7f\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX-Test: a\x01\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 400},
        {"DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
        {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_client c;
        struct http_answer a = {0};
        assert_true(http_connect(&c, httpd_port(app.h)));
        assert_true(http_send_text(&c, cases[i].head));
        assert_true(http_receive(&c, &a, false));
        if (a.status != cases[i].status)
            fail_msg("%s: %u", cases[i].head, a.status);
        http_answer_release(&a);
        if (cases[i].status == 400)
            assert_false(http_receive(&c, &a, false));
        http_close(&c);
    }
    httpd_free(app.h);
}

/* Two requests in one packet are answered in order, on a connection that stays open. */
static void test_keep_alive(void **state)
{
    (void)state;
    struct app app = {0};
    start(&app, (struct httpd_options){0});
    struct http_client c;
    struct http_answer a = {0};
    assert_true(http_connect(&c, httpd_port(app.h)));
    assert_true(http_send_text(&c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(http_receive(&c, &a, false));
    assert_string_equal(a.body, "GET|/1||0|-");
    assert_null(strcasestr(a.head, "Connection: close"));
    http_answer_release(&a);
    assert_true(http_receive(&c, &a, false));
    assert_string_equal(a.body, "GET|/2||0|-");
    http_answer_release(&a);
    http_close(&c);
    httpd_free(app.h);
}

static void test_limits(void **state)
{
    (void)state;
    struct app app = {0};
    start(&app, (struct httpd_options){.body_bytes = 1000, .memory_bytes = 16384});
    unsigned port = httpd_port(app.h);
    char big[10001];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';

    struct http_answer a = http_ask(port, "POST", "/", "", big);
    assert_int_equal(a.status, 413);
    assert_string_equal(a.body, "refused");
    http_answer_release(&a);

    /* The client waits to be told to go on, and is told not to. */
    a = http_ask(port, "POST", "/", "Expect: 100-continue\r\n", big);
    assert_int_equal(a.status, 413);
    http_answer_release(&a);

    struct buf text = {0};
    buf_printf(&text, "/?%s", big);
    a = http_ask(port, "GET", buf_text(&text), "", "");
    assert_int_equal(a.status, 414);
    assert_string_equal(a.body, "refused");
    http_answer_release(&a);

    buf_reset(&text);
    buf_printf(&text, "X-Big: %s\r\nX-More: %.3000s\r\n", big, big);
    a = http_ask(port, "GET", "/", buf_text(&text), "");
    assert_int_equal(a.status, 431);
    assert_string_equal(a.body, "refused");
    http_answer_release(&a);
    buf_release(&text);

    /* In pieces, without a length that would have told. */
    struct http_client c;
    assert_true(http_connect(&c, port));
    assert_true(http_send_text(&c, "POST / HTTP/1.1\r\nHost: a\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 3; i++) {
        assert_true(http_send_text(&c, "200\r\n"));
        assert_true(http_send(&c, big, 0x200));
        assert_true(http_send_text(&c, "\r\n"));
    }
    assert_true(http_send_text(&c, "0\r\n\r\n"));
    assert_true(http_receive(&c, &a, false));
    assert_int_equal(a.status, 413);
    http_answer_release(&a);
    http_close(&c);

    a = http_ask(port, "GET", "/", "", "");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    httpd_free(app.h);
}

/* Waiting requests are answered together, by one call after the turn that brought the last of them.
 */
static void test_late_answers(void **state)
{
    (void)state;
    enum { N = 200 };
    static struct http_client c[N];
    struct app app = {.batch = N};
    start(&app, (struct httpd_options){0});
    for (int i = 0; i < N; i++) {
        assert_true(http_connect(&c[i], httpd_port(app.h)));
        assert_true(http_send_text(&c[i], "POST /late HTTP/1.1\r\nHost: a\r\n"
                                          "Content-Length: 2\r\n\r\nhi"));
    }
    for (int i = 0; i < N; i++) {
        struct http_answer a = {0};
        assert_true(http_receive(&c[i], &a, false));
        assert_string_equal(a.body, "late");
        http_answer_release(&a);
        http_close(&c[i]);
    }
    assert_int_equal(app.batches, 1);
    httpd_free(app.h);
}

/* A client that went away while its request waited is answered into nothing. */
static void test_late_answer_to_nobody(void **state)
{
    (void)state;
    struct app app = {.batch = 2};
    start(&app, (struct httpd_options){0});
    struct http_client gone, here;
    assert_true(http_connect(&gone, httpd_port(app.h)));
    assert_true(http_send_text(&gone, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n"));
    while (app.requests < 1)
        httpd_wake(app.h);
    http_close(&gone);
    assert_true(http_connect(&here, httpd_port(app.h)));
    assert_true(http_send_text(&here, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct http_answer a = {0};
    assert_true(http_receive(&here, &a, false));
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    http_close(&here);
    httpd_free(app.h);
}

static void test_stop_answers_the_waiting(void **state)
{
    (void)state;
    struct app app = {.unhurried = true};
    start(&app, (struct httpd_options){0});
    unsigned port = httpd_port(app.h);
    struct http_client waiting, idle;
    assert_true(http_connect(&waiting, port));
    assert_true(http_connect(&idle, port));
    assert_true(http_send_text(&waiting, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n"));
    while (app.requests < 1)
        httpd_wake(app.h);
    int64_t began = clock_awake_ms();
    httpd_free(app.h);
    assert_true(clock_awake_ms() - began < ENOUGH_MS / 2); /* not when time is up */
    clock_shift(0, ENOUGH_MS);
    struct http_answer a = {0};
    assert_true(http_receive(&waiting, &a, false));
    assert_int_equal(a.status, 503);
    http_answer_release(&a);
    assert_int_equal(app.stops, 1);
    http_close(&waiting);
    http_close(&idle);

    struct http_client after;
    assert_false(http_connect(&after, port));
    http_close(&after);
}

/* Whoever connected in time is given a moment to say what it wants. */
static void test_stop_hears_the_last(void **state)
{
    (void)state;
    struct app app = {0};
    start(&app, (struct httpd_options){0});
    struct http_client c;
    app.port = httpd_port(app.h);
    assert_true(http_connect(&c, app.port));
    app.silent = &c;
    httpd_free(app.h);
    struct http_answer a = {0};
    assert_true(http_receive(&c, &a, false) && a.status == 200);
    assert_string_equal(a.body, "GET|/last||0|-");
    http_answer_release(&a);
    http_close(&c);
}

/* A client that never ends its request cannot hold up the stop for longer than the drain. */
static void test_stop_is_bounded(void **state)
{
    (void)state;
    struct app app = {0};
    start(&app, (struct httpd_options){0});
    struct http_client c;
    assert_true(http_connect(&c, httpd_port(app.h)));
    assert_true(http_send_text(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhal"));
    unsigned turns = app.turns;
    while (app.turns < turns + 3)
        httpd_wake(app.h);
    int64_t began = clock_mono_ms();
    httpd_free(app.h);
    assert_in_range(clock_mono_ms() - began, 0, ENOUGH_MS);
    http_close(&c);
}

static void test_heartbeat(void **state)
{
    (void)state;
    struct app app = {0};
    start(&app, (struct httpd_options){0});
    int64_t first = httpd_heartbeat_ms(app.h), deadline = clock_mono_ms() + PATIENCE_MS;
    while (httpd_heartbeat_ms(app.h) == first && clock_mono_ms() < deadline)
        usleep(10000);
    assert_true(httpd_heartbeat_ms(app.h) > first);
    httpd_free(app.h);
}

static void test_turns_at_once(void **state)
{
    (void)state;
    struct app app = {.at_once = 100};
    int64_t deadline = clock_mono_ms() + ENOUGH_MS; /* at one a second it takes five times that */
    start(&app, (struct httpd_options){0});
    while (app.turns < app.at_once && clock_mono_ms() < deadline)
        usleep(1000);
    assert_true(app.turns >= app.at_once);
    httpd_free(app.h);
}

static void test_unix_socket(void **state)
{
    (void)state;
    char dir[] = "/tmp/httpd-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/api.sock", dir);

    /* What a killed process leaves. */
    struct sockaddr_un left = {.sun_family = AF_UNIX};
    (void)snprintf(left.sun_path, sizeof left.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&left, sizeof left), 0);
    close(fd);

    struct app app = {0};
    start(&app, (struct httpd_options){.listen = path});
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);

    struct http_client c;
    struct http_answer a = {0};
    assert_true(http_connect_unix(&c, path));
    assert_true(http_send_text(&c, "GET /u HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_true(http_receive(&c, &a, false));
    assert_string_equal(a.body, "GET|/u||0|-");
    http_answer_release(&a);
    http_close(&c);

    struct httpd *second = NULL;
    struct err e = {0};
    struct httpd_options opt = {.name = "second", .listen = path, .arg = &app, .handle = handle};
    assert_int_equal(httpd_start(&second, &opt, &e), RC_SYS);
    assert_non_null(strstr(e.text, path));

    httpd_free(app.h);
    assert_int_not_equal(stat(path, &st), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* 128 ready connections at once is where libmicrohttpd's own loop stops for ever. */
static void test_no_stall(void **state)
{
    (void)state;
    static const unsigned counts[] = {32, 128, 256, 512, 1024};
    static struct http_client c[1024];
    struct app app = {0};
    start(&app, (struct httpd_options){.max_connections = 2000});
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        for (unsigned i = 0; i < counts[k]; i++)
            assert_true(http_connect(&c[i], httpd_port(app.h)));
        for (int round = 0; round < 5; round++) {
            for (unsigned i = 0; i < counts[k]; i++)
                assert_true(http_send_text(&c[i], "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"));
            for (unsigned i = 0; i < counts[k]; i++) {
                struct http_answer a = {0};
                assert_true(http_receive(&c[i], &a, false));
                assert_int_equal(a.status, 200);
                http_answer_release(&a);
            }
        }
        for (unsigned i = 0; i < counts[k]; i++)
            http_close(&c[i]);
    }
    httpd_free(app.h);
}

static _Atomic int released;

static void release(void *arg)
{
    (void)arg;
    released++;
}

static void handle_shared(void *arg, struct httpd_request *req)
{
    httpd_answer(req, arg);
}

static void test_shared_response(void **state)
{
    (void)state;
    released = 0;
    struct httpd_response *r = httpd_response_over(200, "shared", 6, release, NULL);
    httpd_response_header(r, "ETag", "\"1\"");
    struct httpd *h = NULL;
    struct err e = {0};
    struct httpd_options opt = {
        .name = "shared", .listen = "127.0.0.1:0", .arg = r, .handle = handle_shared};
    assert_int_equal(httpd_start(&h, &opt, &e), RC_OK);
    for (int i = 0; i < 3; i++) {
        char value[256];
        struct http_answer a = http_ask(httpd_port(h), "GET", "/", "", "");
        assert_string_equal(a.body, "shared");
        assert_string_equal(http_answer_header(&a, "etag", value), "\"1\"");
        http_answer_release(&a);
    }
    httpd_free(h);
    assert_int_equal(released, 0);
    httpd_response_unref(r);
    assert_int_equal(released, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_late_answers),
        cmocka_unit_test(test_late_answer_to_nobody),
        cmocka_unit_test(test_taken_over),
        cmocka_unit_test(test_stop_answers_the_waiting),
        cmocka_unit_test(test_stop_hears_the_last),
        cmocka_unit_test(test_stop_is_bounded),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_turns_at_once),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_no_stall),
        cmocka_unit_test(test_shared_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
