/* test_serve_admin: who may ask the local API, how it says it is doing, resync and reload. */
#include "tests/unit/serve_fixture.h"

static void test_door(void **state)
{
    struct world *w = *state;
    static const struct {
        unsigned status;
        const char *headers;
    } cases[] = {
        {200, "Host: localhost:80\r\n"},
        {200, "Host: 127.0.0.1\r\n"},
        {200, "Host: [::1]:8080\r\n"},
        {200, "Host: board.example.org\r\n"},
        {200, "Host: BOARD.example.org:8443\r\n"},
        {403, "Host: evil.example\r\n"},
        {403, "Host: localhost.evil.example\r\n"},
        {403, "Host: 127.0.0.1.evil.example\r\n"},
        {200, "Host: localhost:8080\r\nOrigin: http://localhost:8080\r\n"},
        {403, "Host: localhost:8080\r\nOrigin: http://localhost:9090\r\n"},
        {403, "Origin: https://evil.example\r\n"},
        {403, "Origin: null\r\n"},
        {200, "Origin: https://wall.example\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_answer a = http_ask(w->port, "GET", "/healthz", cases[i].headers, "");
        if (a.status != cases[i].status)
            fail_msg("%s%u", cases[i].headers, a.status);
        http_answer_release(&a);
    }
    char text[256];
    struct http_answer a =
        http_ask(w->port, "GET", "/nothing", "Origin: https://wall.example\r\n", "");
    assert_int_equal(a.status, 404);
    assert_string_equal(http_answer_header(&a, "Access-Control-Allow-Origin", text),
                        "https://wall.example");
    http_answer_release(&a);
    a = http_ask(w->port, "OPTIONS", EV,
                 "Origin: https://wall.example\r\nAccess-Control-Request-Method: GET\r\n"
                 "Access-Control-Request-Headers: authorization,x-goog-api-client\r\n",
                 "");
    assert_int_equal(a.status, 204);
    assert_string_equal(http_answer_header(&a, "Access-Control-Allow-Headers", text),
                        "authorization,x-goog-api-client");
    http_answer_release(&a);
}

static int setup_door(void **state)
{
    return world_setup_with(state, "hosts = board.example.org\norigins = https://wall.example\n");
}

/* The page for people has ages as people tell them, also of an hour that is not over. */
static void test_ages_for_people(void **state)
{
    static const struct {
        int64_t age_s;
        const char *shown;
    } cases[] = {
        {-5, ">0<"}, {7199, ">119m<"}, {30 * 3600 + 61, ">30h<"}, {4 * 86400 + 3601, ">4d<"}};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct txn *t = begin_write(w->f.store);
        w->me.fresh_ms = clock_wall_ms() - 1000 * cases[i].age_s;
        coll_put(t, &w->me);
        commit(t);
        struct http_answer a = get(w, 200, "/");
        assert_non_null(strstr(a.body, cases[i].shown));
        http_answer_release(&a);
    }
}

static void test_status(void **state)
{
    struct world *w = *state;
    struct http_answer a = get(w, 200, "/v1/status?prettyPrint=false");
    assert_non_null(
        strstr(a.body, "\"kind\":\"events\",\"calendar\":\"" ME "\",\"state\":\"ready\""));
    assert_non_null(
        strstr(a.body, "\"accounts\":[{\"number\":1,\"name\":\"home\",\"state\":\"ok\""));
    assert_non_null(strstr(a.body, "\"channel\":null"));
    http_answer_release(&a);
    a = get(w, 200, "/healthz");
    http_answer_release(&a);
    a = get(w, 200, "/");
    assert_non_null(strstr(a.body, ME));
    assert_null(strstr(a.body, "No calendar is here yet"));
    http_answer_release(&a);
    a = get(w, 200, "/readyz");
    http_answer_release(&a);
    serve_drain(w->serve);
    a = get(w, 503, "/readyz");
    assert_non_null(strstr(a.body, "stopping"));
    http_answer_release(&a);
}

/* The numbers of a page's collections; its token into `token`. */
static void status_page(struct world *w, const char *query, char numbers[64], char token[2048])
{
    char target[2300];
    (void)snprintf(target, sizeof(target), "/v1/status?prettyPrint=false%s", query);
    struct http_answer a = get(w, 200, target);
    struct json_iter it = json_iter(json_get(span_of(a.body), "collections"));
    struct span coll, totals = json_get(span_of(a.body), "totals");
    size_t n = 0;
    int64_t number, all;
    numbers[0] = '\0';
    while (json_next(&it, NULL, &coll)) {
        assert_true(json_int64(json_get(coll, "number"), &number));
        n += (size_t)snprintf(numbers + n, 64 - n, "%s%lld", n ? " " : "", (long long)number);
    }
    assert_true(json_int64(json_get(totals, "collections"), &all) && all == 4);
    (void)member(&a, "nextPageToken", token);
    http_answer_release(&a);
}

/* Shorter on demand, and by parts; what is counted is all. */
static void test_status_in_parts(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *query, *numbers;
    } cases[] = {
        {"", "1 2 3 4"},
        {"&maxResults=4", "1 2 3 4"},
        {"&account=work", "3 4"},
        {"&calendar=" ME, "2"},
        {"&calendar=" ME "&calendar=team%231%2Fa%20b%40group.calendar.google.com", "2 4"},
        {"&calendar=" ME "&account=work", ""},
        {"&health=degraded", "4"},
        {"&health=degraded&account=home", ""},
    };
    char numbers[64], token[2048], next[2100];
    struct txn *t = begin_write(w->f.store);
    w->other.fails = 1;
    coll_put(t, &w->other);
    commit(t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        status_page(w, cases[i].query, numbers, token);
        if (strcmp(numbers, cases[i].numbers) != 0 || token[0])
            fail_msg("%s: %s, %s", cases[i].query, numbers, token);
    }
    status_page(w, "&maxResults=3", numbers, token);
    assert_string_equal(numbers, "1 2 3");
    (void)snprintf(next, sizeof(next), "&maxResults=3&pageToken=%s", token);
    status_page(w, next, numbers, token);
    assert_string_equal(numbers, "4");
    assert_string_equal(token, "");
    status_page(w, "&maxResults=1&account=work", numbers, token);
    assert_string_equal(numbers, "3");
    (void)snprintf(next, sizeof(next), "&pageToken=%s", token); /* it holds the query */
    status_page(w, next, numbers, token);
    assert_string_equal(numbers, "4");
    expect_error(w, 404, "notFound", "/v1/status?account=nobody");
    expect_error(w, 400, "invalid", "/v1/status?pageToken=nonsense");
    expect_error(w, 400, "invalidParameter", "/v1/status?health=fine");
}

static bool owed(struct world *w, uint32_t coll)
{
    struct job job;
    struct txn *t = begin_read(w->f.store);
    assert_int_equal(job_get(t, coll, &job), RC_OK);
    txn_abort(t);
    return job.resync;
}

static void test_resync(void **state)
{
    struct world *w = *state;
    struct http_answer a =
        http_ask(w->port, "POST", "/v1/resync?prettyPrint=false", "", "{\"calendar\":\"primary\"}");
    assert_int_equal(a.status, 202);
    assert_non_null(strstr(a.body, "\"calendar\":\"" ME "\",\"joined\":false"));
    assert_true(owed(w, w->me.no));
    assert_false(owed(w, w->other.no));
    http_answer_release(&a);
    a = http_ask(w->port, "POST", "/v1/resync?prettyPrint=false", "", "");
    assert_int_equal(a.status, 202);
    assert_non_null(strstr(a.body, "\"calendar\":\"" ME "\",\"joined\":true"));
    assert_true(owed(w, w->other.no));
    assert_true(owed(w, w->roster.no));
    http_answer_release(&a);
    static const struct {
        unsigned status;
        const char *body;
    } bad[] = {{404, "{\"calendar\":\"nobody\"}"},
               {404, "{\"account\":\"nobody\"}"},
               {404, "{\"account\":\"work\",\"calendar\":\"" ME "\"}"},
               {400, "{\"calendar\":7}"},
               {400, "[]"},
               {400, "{"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        a = http_ask(w->port, "POST", "/v1/resync", "", bad[i].body);
        if (a.status != bad[i].status)
            fail_msg("%s: %u", bad[i].body, a.status);
        http_answer_release(&a);
    }
}

/* A window counts in whole seconds, as Google's does: one without any is empty. */
static void test_verify_window(void **state)
{
    struct world *w = *state;
    static const struct {
        unsigned status;
        const char *window;
    } cases[] = {{202, "\"min_ms\":1999,\"max_ms\":2000"},
                 {202, "\"min_ms\":-1,\"max_ms\":0"},
                 {400, "\"min_ms\":1000,\"max_ms\":1999"},
                 {400, "\"min_ms\":-1000,\"max_ms\":-1"},
                 {400, "\"min_ms\":2000,\"max_ms\":1000"},
                 {400, "\"min_ms\":0,\"max_ms\":200000000000"},
                 {400, "\"min_ms\":-9223372036854775808,\"max_ms\":9223372036854775807"},
                 {400, "\"min_ms\":9223372036854775807,\"max_ms\":-9223372036854775808"},
                 {400, "\"min_ms\":\"x\""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[200];
        (void)snprintf(body, sizeof(body), "{\"instances\":true,%s}", cases[i].window);
        struct http_answer a = http_ask(w->port, "POST", "/v1/verify", "", body);
        if (a.status != cases[i].status)
            fail_msg("%s: %u", body, a.status);
        http_answer_release(&a);
    }
}

/* What goes through all calendars is made aside. Here it has to wait for whoever writes. */
static void test_overviews_hold_nobody_up(void **state)
{
    struct world *w = *state;
    struct http_client c;
    struct http_answer a;
    struct txn *t = begin_write(w->f.store);
    assert_true(http_connect(&c, w->port));
    assert_true(http_send_text(&c, "POST /v1/resync HTTP/1.1\r\nHost: localhost\r\n"
                                   "Content-Length: 2\r\n\r\n{}"));
    for (int i = 0; i < 20; i++)
        expect_ids(w, EV, "");
    txn_abort(t);
    assert_true(http_receive(&c, &a, false));
    assert_int_equal(a.status, 202);
    assert_true(owed(w, w->me.no));
    http_answer_release(&a);
    http_close(&c);
    a = http_ask(w->port, "HEAD", "/v1/status", "Cache-Control: max-age=0\r\n", "");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    a = get(w, 200, "/v1/status?prettyPrint=false");
    assert_non_null(strstr(a.body, "\"requests\":23,"));
    http_answer_release(&a);
}

static void test_reload(void **state)
{
    struct world *w = *state;
    struct http_answer a = http_ask(w->port, "GET", "/healthz", "Host: later.example\r\n", "");
    assert_int_equal(a.status, 403);
    http_answer_release(&a);
    struct conf *conf = world_conf(w->f.dir, "hosts = later.example\naccount = work\n");
    serve_reload(w->serve, conf);
    conf_free(w->conf);
    w->conf = conf;
    a = http_ask(w->port, "GET", "/healthz", "Host: later.example\r\n", "");
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    expect_ids(w, "/calendar/v3/users/me/calendarList", GROUP);
    expect_ids(w, EV, ""); /* a calendar of the other account is found too */
}

/* SHA-256 of feed-token and busy-token. */
static int setup_clients(void **state)
{
    return world_setup_with(state,
                            "[client homely]\ntoken_sha256 = "
                            "b40f19644925e321aeb2c2f06bd0351c61a6ff91159066ad21832164bd9b3e83\n"
                            "accounts = home\n"
                            "[client own]\ntoken_sha256 = "
                            "763d1cbadb08d2f1637d54c1216e2f6b256a7af7ba63eb895dd4fc7ab19ced11\n"
                            "calendars = primary\n");
}

/* A client is told of the states of what it may see: not of a calendar's access rules without the
 * calendar, not of another account's list. */
static void test_status_of_a_client(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *token;
        unsigned lists, mine, hidden, team;
    } cases[] = {{"feed-token", 1, 2, 2, 0}, {"busy-token", 2, 2, 0, 0}};
    (void)world_coll(w, w->home, COLL_EVENTS, "apart", COLL_READY);
    (void)world_coll(w, w->home, COLL_ACL, "apart", COLL_READY);
    (void)world_coll(w, w->home, COLL_ACL, ME, COLL_READY);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[128];
        (void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", cases[i].token);
        struct http_answer a = http_ask(w->port, "GET", "/v1/status?prettyPrint=false", header, "");
        assert_int_equal(a.status, 200);
        struct json_iter it = json_iter(json_get(span_of(a.body), "collections"));
        struct span coll;
        unsigned lists = 0, mine = 0, hidden = 0, team = 0;
        while (json_next(&it, NULL, &coll)) {
            struct span calendar = json_string_plain(json_get(coll, "calendar"));
            lists += calendar.n == 0;
            mine += span_is(calendar, ME);
            hidden += span_is(calendar, "apart");
            team += span_is(calendar, GROUP);
        }
        if (lists != cases[i].lists || mine != cases[i].mine || hidden != cases[i].hidden ||
            team != cases[i].team)
            fail_msg("%s: %u %u %u %u: %s", cases[i].token, lists, mine, hidden, team, a.body);
        http_answer_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_door, setup_door, world_teardown),
        WORLD(test_status),
        WORLD(test_ages_for_people),
        WORLD(test_status_in_parts),
        WORLD(test_resync),
        WORLD(test_verify_window),
        WORLD(test_overviews_hold_nobody_up),
        WORLD(test_reload),
        cmocka_unit_test_setup_teardown(test_status_of_a_client, setup_clients, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
