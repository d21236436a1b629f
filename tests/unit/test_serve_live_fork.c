/* A stream that ends while another process has its socket open, too. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/serve_fixture.h"

static struct http_client open_stream(struct world *w)
{
    struct http_client c;
    assert_true(http_connect(&c, w->port));
    assert_true(
        http_send_text(&c, "GET /v1/stream?calendar=primary HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    return c;
}

static void read_until(struct http_client *c, const char *what)
{
    while (!strstr(buf_text(&c->in), what))
        assert_true(http_fill(c));
}

static bool one_is_open(struct world *w)
{
    struct http_answer a = get(w, 200, "/v1/status?prettyPrint=false");
    bool one = strstr(a.body, "\"streams\":1,") != NULL;
    http_answer_release(&a);
    return one;
}

/* As a hook's program has it for a moment when it is started: then it does not end what is watched
 * of a socket that it is closed here. */
static void test_a_socket_that_another_process_has(void **state)
{
    struct world *w = *state;
    struct http_client ends = open_stream(w), stays = open_stream(w);
    read_until(&ends, "event: hello\n");
    read_until(&stays, "event: hello\n");
    pid_t other = fork();
    if (other == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            (void)pause();
    }
    (void)shutdown(ends.fd, SHUT_RDWR);
    http_close(&ends);
    for (int64_t until = clock_mono_ms() + 60000; !one_is_open(w);)
        assert_true(clock_mono_ms() < until);
    for (int i = 0; i < 10; i++)
        assert_true(one_is_open(w));
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    read_until(&stays, "event: created\n");
    http_close(&stays);
    (void)kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD(test_a_socket_that_another_process_has)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
