/* test_serve_door: what is served to other machines: with a token only, by names that are known. */
#include "core/base/bearer.h"
#include "tests/unit/serve_fixture.h"

#define TOKEN "cm_token"

static struct conf *conf_on(struct world *w, const char *options, const char *listen)
{
    struct conf *conf = world_conf(w->f.dir, options);
    free(conf->api.listen);
    conf->api.listen = strdup(listen);
    return conf;
}

/* The same world behind another address. */
static int setup_on(void **state, const char *listen)
{
    char options[256], hash[BEARER_HASH_SIZE];
    bearer_hash(span_of(TOKEN), hash);
    (void)snprintf(options, sizeof options, "[client c]\ntoken_sha256 = %s\n", hash);
    int status = world_setup_with(state, options);
    struct world *w = *state;
    serve_stop(w->serve);
    serve_free(w->serve);
    conf_free(w->conf);
    w->conf = conf_on(w, options, listen);
    world_start(w);
    return status;
}

static int setup_exposed(void **state)
{
    return setup_on(state, "0.0.0.0:0");
}

static int setup_local(void **state)
{
    return setup_on(state, "127.0.0.1:0");
}

static unsigned status_of(struct world *w, const char *headers)
{
    struct http_answer a = http_ask(w->port, "GET", EV, headers, "");
    unsigned status = a.status;
    http_answer_release(&a);
    return status;
}

/* A reload that takes the last client away does not open the door to other machines. */
static void test_without_clients(void **state)
{
    struct world *w = *state;
    bool exposed = strcmp(w->conf->api.listen, "0.0.0.0:0") == 0;
    struct conf *none = conf_on(w, "", w->conf->api.listen);
    assert_int_equal(status_of(w, ""), 401);
    assert_int_equal(status_of(w, "Authorization: Bearer " TOKEN "\r\n"), 200);
    serve_reload(w->serve, none);
    assert_int_equal(status_of(w, ""), exposed ? 401 : 200);
    assert_int_equal(status_of(w, "Authorization: Bearer " TOKEN "\r\n"), exposed ? 401 : 200);
    serve_reload(w->serve, w->conf);
    assert_int_equal(status_of(w, "Authorization: Bearer " TOKEN "\r\n"), 200);
    conf_free(none);
}

static unsigned status_by_name(struct world *w, const char *host)
{
    struct http_client c;
    struct http_answer a = {0};
    char text[512];
    assert_true(http_connect(&c, w->port));
    (void)snprintf(text, sizeof text,
                   "GET " EV " HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer " TOKEN "\r\n\r\n",
                   host);
    assert_true(http_send_text(&c, text));
    assert_true(http_receive(&c, &a, false));
    unsigned status = a.status;
    http_answer_release(&a);
    http_close(&c);
    return status;
}

/* Where it listens on all addresses it goes by any, but by no name that somebody else resolves. */
static void test_names(void **state)
{
    struct world *w = *state;
    bool exposed = strcmp(w->conf->api.listen, "0.0.0.0:0") == 0;
    static const char *const local[] = {"localhost", "127.0.0.1:80", "127.9.9.9", "[::1]",
                                        "[::1]:8"};
    static const char *const addresses[] = {"192.0.2.7", "192.0.2.7:80", "[2001:db8::1]",
                                            "[2001:db8::1]:80", "0.0.0.0"};
    static const char *const names[] = {
        "example.org",      "192.0.2.7.example.org", "[example.org]",
        "[192.0.2.7]",      "2001:db8::1",           "192.0.2",
        "[2001:db8::1",     "2001:db8::1]",          "[]",
        "192.0.2.7example", "localhost.example.org", "x:80"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_int_equal(status_by_name(w, local[i]), 200);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        if (status_by_name(w, addresses[i]) != (exposed ? 200 : 403))
            fail_msg("%s: %u", addresses[i], status_by_name(w, addresses[i]));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (status_by_name(w, names[i]) != 403)
            fail_msg("%s: %u", names[i], status_by_name(w, names[i]));
}

/* A client that moves its token elsewhere keeps what it has. */
static void test_validators_know_no_tokens(void **state)
{
    struct world *w = *state;
    static const char *const ways[][2] = {
        {"", "Authorization: Bearer " TOKEN "\r\n"},
        {"?access_token=" TOKEN, ""},
        {"?key=" TOKEN, ""},
        {"?oauth_token=" TOKEN "&key=other", ""},
        {"", "X-Goog-Api-Key: " TOKEN "\r\n"},
    };
    char first[256] = "", etag[256], target[256];
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        (void)snprintf(target, sizeof target, EV "%s", ways[i][0]);
        struct http_answer a = http_ask(w->port, "GET", target, ways[i][1], "");
        assert_int_equal(a.status, 200);
        (void)http_answer_header(&a, "ETag", etag);
        assert_true(etag[0] != '\0');
        if (i == 0)
            strcpy(first, etag);
        assert_string_equal(etag, first);
        http_answer_release(&a);
    }
}

#define EXPOSED(test) cmocka_unit_test_setup_teardown(test, setup_exposed, world_teardown)
#define LOCAL(test)   cmocka_unit_test_setup_teardown(test, setup_local, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXPOSED(test_without_clients),
        LOCAL(test_without_clients),
        EXPOSED(test_names),
        LOCAL(test_names),
        LOCAL(test_validators_know_no_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
