/* How much of what can be open at a time one client gets. */
#include "core/base/bearer.h"
#include "tests/unit/serve_fixture.h"

#define PLACES 80           /* of the listener, where there are few */
#define POLLS  (PLACES / 4) /* that one client may have */

static void open_stream(struct world *w, struct http_client *c, const char *token)
{
    char text[256];
    (void)snprintf(text, sizeof(text),
                   "GET /v1/stream?access_token=%s HTTP/1.1\r\nHost: localhost\r\n\r\n", token);
    assert_true(http_connect(c, w->port) && http_send_text(c, text));
    while (!strstr(buf_text(&c->in), "event: hello"))
        assert_true(http_fill(c));
}

/* The answer to a request of the client whose token is `token`. */
static struct http_answer ask_as(struct world *w, const char *token, const char *target)
{
    char header[128];
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", token);
    return http_ask(w->port, "GET", target, header, "");
}

/* One that opens as many as it can leaves some to the others. */
static void test_share_of_a_client(void **state)
{
    struct world *w = *state;
    struct http_client c[2], other;
    char text[256];
    open_stream(w, &c[0], "greedy");
    open_stream(w, &c[1], "greedy&types=deleted");
    static const char *const targets[] = {"/v1/stream", "/v1/changes?wait=20"};
    for (int i = 0; i < 2; i++) {
        struct http_answer a = ask_as(w, "greedy", targets[i]);
        assert_int_equal(a.status, 429);
        assert_string_equal(http_answer_header(&a, "Retry-After", text), "10");
        assert_non_null(strstr(a.body, "streams_per_client"));
        http_answer_release(&a);
    }
    struct http_answer a = ask_as(w, "greedy", "/v1/changes");
    assert_int_equal(a.status, 200); /* does not wait */
    http_answer_release(&a);
    open_stream(w, &other, "modest");
    a = ask_as(w, "modest", "/v1/clients?prettyPrint=false");
    assert_non_null(strstr(a.body, "\"streams\":2,"));
    assert_non_null(strstr(a.body, "\"streams\":1,"));
    http_answer_release(&a);
    http_close(&c[0]);
    unsigned status = 429;
    for (int64_t until = clock_mono_ms() + 60000; status == 429 && clock_mono_ms() < until;) {
        a = ask_as(w, "greedy", "/v1/changes?wait=10ms");
        status = a.status;
        http_answer_release(&a);
    }
    assert_int_equal(status, 200);
    http_close(&c[1]);
    http_close(&other);
}

/* Until so many long polls wait. */
static void expect_waiting(struct world *w, int n)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "\"long_polls\":%d", n);
    for (int64_t until = clock_mono_ms() + 60000;;) {
        struct http_answer a = ask_as(w, "modest", "/v1/status?prettyPrint=false");
        bool there = strstr(a.body, text);
        http_answer_release(&a);
        if (there)
            return;
        assert_true(clock_mono_ms() < until);
    }
}

/* Long polls keep their connections. However many clients open, there are places for the others. */
static void test_long_polls_leave_room(void **state)
{
    struct world *w = *state;
    struct http_client c[2 * POLLS];
    static const char *const tokens[] = {"greedy", "modest"};
    char request[128];
    for (int i = 0; i < 2 * POLLS; i++) {
        (void)snprintf(
            request, sizeof(request),
            "GET /v1/changes?wait=60&access_token=%s HTTP/1.1\r\nHost: localhost\r\n\r\n",
            tokens[i / POLLS]);
        assert_true(http_connect(&c[i], w->port) && http_send_text(&c[i], request));
        expect_waiting(w, i + 1); /* else who asks for this may take the place of the last */
    }
    struct http_answer a = ask_as(w, "greedy", "/v1/changes?wait=60");
    assert_int_equal(a.status, 429);
    http_answer_release(&a);
    a = ask_as(w, "modest", "/v1/changes");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    for (int i = 0; i < 2 * POLLS; i++)
        http_close(&c[i]);
}

static int begin(void **state, const char *more)
{
    char options[1024], greedy[BEARER_HASH_SIZE], modest[BEARER_HASH_SIZE];
    bearer_hash(span_of("greedy"), greedy);
    bearer_hash(span_of("modest"), modest);
    (void)snprintf(options, sizeof(options),
                   "%s[client greedy]\ntoken_sha256 = %s\n"
                   "[client modest]\ntoken_sha256 = %s\nadmin = yes\n",
                   more, greedy, modest);
    return world_setup_with(state, options);
}

static int two_clients(void **state)
{
    return begin(state, "max_streams = 4\n");
}

static int any_streams(void **state)
{
    return begin(state, "");
}

static int few_places(void **state)
{
    return world_setup_cramped(state, any_streams, PLACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_share_of_a_client, two_clients, world_teardown),
        cmocka_unit_test_setup_teardown(test_long_polls_leave_room, few_places, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
