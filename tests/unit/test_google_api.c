/* test_google_api: whole calls against a server that answers as it is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/clock.h"
#include "core/google/api.h"
#include "core/model/metrics.h"
#include "tests/unit/fake_google.h"

/* One answer to one request, in order; the last is repeated. */
struct reply {
    int status;
    const char *headers; /* full lines or NULL */
    const char *body;
    bool html;
};

static uint64_t waited_before; /* of the process, when the test began */

static uint64_t waited(void)
{
    return metric_read(&metric_quota_wait, 0) - waited_before;
}

static struct fake_files files;
static struct fake_http server;
static struct google *google;
static struct google_call call;
static const struct reply *replies;
static size_t n_replies;
static int tokens_given;

static bool answer(struct fake_http *f, int fd, const char *text, int nth)
{
    char body[128];

    (void)f, (void)nth;
    if (strncmp(text, "POST /token ", 12) == 0) {
        snprintf(body, sizeof(body), "{\"access_token\":\"tok-%d\",\"expires_in\":3599}",
                 ++tokens_given);
        fake_http_reply_text(fd, 200, body);
        return true;
    }
    const struct reply *r = replies;
    if (n_replies > 1) {
        replies++;
        n_replies--;
    }
    if (r->html) {
        fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n"
                           "<html>");
        return true;
    }
    fake_http_reply(fd, r->status, r->headers, r->body, strlen(r->body));
    return true;
}

static void set_replies(const struct reply *r, size_t n)
{
    replies = r;
    n_replies = n;
}
#define REPLIES(...)                                    \
    static const struct reply script[] = {__VA_ARGS__}; \
    set_replies(script, sizeof(script) / sizeof(script[0]))

static void make_google(int64_t project, int64_t user)
{
    char url[200];

    snprintf(url, sizeof(url), "%s/calendar/v3/", server.url); /* a slash at the end is fine */
    struct google_options opt = {.api_url = url,
                                 .request_ms = 20000,
                                 .connect_ms = 5000,
                                 .project_per_minute = project,
                                 .user_per_minute = user};
    google_free(google);
    google = google_new(&opt);
    call.google = google;
}

static void use_auth(const char *subject, bool token_file)
{
    char token_url[200];
    struct auth_options opt = {.token_url = token_url, .subject = subject};

    snprintf(token_url, sizeof(token_url), "%s/token", server.url);
    if (token_file)
        opt.token_file = files.token;
    else
        opt.key_file = files.key;
    auth_free(call.auth);
    call.auth = NULL;
    assert_int_equal(auth_new(&call.auth, &opt, NULL), RC_OK);
}

static int setup(void **state)
{
    waited_before = metric_read(&metric_quota_wait, 0);
    (void)state;
    fake_files_make(&files);
    fake_http_start(&server, NULL, answer, NULL);
    tokens_given = 0;
    call = (struct google_call){.client = http_new(), .account = 1};
    make_google(0, 0);
    use_auth(NULL, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    auth_free(call.auth);
    google_free(google);
    google = NULL;
    http_free(call.client);
    fake_http_stop(&server);
    fake_files_remove(&files);
    return 0;
}

/* The nth request to the API (not to the token endpoint). */
static const char *asked(int nth)
{
    for (int i = 0; i < fake_http_requests(&server); i++)
        if (strncmp(server.requests[i], "POST /token ", 12) != 0 && nth-- == 0)
            return server.requests[i];
    fail_msg("not asked that often");
    return "";
}

static void expect_line(const char *request, const char *line)
{
    if (strncmp(request, line, strlen(line)) != 0 || strncmp(request + strlen(line), "\r\n", 2))
        fail_msg("\"%.*s\" is not \"%s\"", (int)strcspn(request, "\r"), request, line);
}

static void expect_word(const char *text, const char *word)
{
    if (!strstr(text, word))
        fail_msg("\"%s\" does not say \"%s\"", text, word);
}

#define EMPTY "{\"items\":[],\"nextSyncToken\":\"s\"}"
#define ERROR(reason)                                                     \
    "{\"error\":{\"errors\":[{\"domain\":\"global\",\"reason\":\"" reason \
    "\"}],\"code\":400,\"message\":\"words\"}}"

static void test_list_requests(void **state)
{
    static const struct {
        enum coll_kind kind;
        const char *calendar, *sync, *page, *line;
    } cases[] = {
        {COLL_EVENTS, "a@b.c", "", "",
         "GET /calendar/v3/calendars/a%40b.c/events?maxResults=2500&showDeleted=true&"
         "singleEvents=false&prettyPrint=false HTTP/1.1"},
        {COLL_EVENTS, "a@b.c", "CPDA=", "",
         "GET /calendar/v3/calendars/a%40b.c/events?maxResults=2500&showDeleted=true&"
         "singleEvents=false&prettyPrint=false&syncToken=CPDA%3D HTTP/1.1"},
        {COLL_EVENTS, "a@b.c", "CPDA=", "p/+&",
         "GET /calendar/v3/calendars/a%40b.c/events?maxResults=2500&showDeleted=true&"
         "singleEvents=false&prettyPrint=false&syncToken=CPDA%3D&pageToken=p%2F%2B%26 HTTP/1.1"},
        /* T-ID-ESCAPE */
        {COLL_EVENTS, "en.usa#holiday@x", NULL, NULL,
         "GET /calendar/v3/calendars/en.usa%23holiday%40x/events?maxResults=2500&showDeleted=true&"
         "singleEvents=false&prettyPrint=false HTTP/1.1"},
        {COLL_EVENTS, "a/../b?c%20 d\xc3\xa9", "", "",
         "GET /calendar/v3/calendars/a%2F..%2Fb%3Fc%2520%20d%C3%A9/events?maxResults=2500&"
         "showDeleted=true&singleEvents=false&prettyPrint=false HTTP/1.1"},
        {COLL_EVENTS, "..", "", "",
         "GET /calendar/v3/calendars/%2E%2E/events?maxResults=2500&showDeleted=true&"
         "singleEvents=false&prettyPrint=false HTTP/1.1"},
        {COLL_ROSTER, "", "t", "",
         "GET /calendar/v3/users/me/calendarList?maxResults=250&showDeleted=true&showHidden=true&"
         "prettyPrint=false&syncToken=t HTTP/1.1"},
        {COLL_SETTINGS, NULL, "", "",
         "GET /calendar/v3/users/me/settings?maxResults=250&prettyPrint=false HTTP/1.1"},
        {COLL_ACL, "x", "", "",
         "GET /calendar/v3/calendars/x/acl?maxResults=250&showDeleted=true&prettyPrint=false "
         "HTTP/1.1"},
    };

    (void)state;
    REPLIES({200, NULL, EMPTY, false});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct google_page page;
        struct err e = {0};

        if (google_list(&call, cases[i].kind, cases[i].calendar, cases[i].sync, cases[i].page,
                        &page, &e))
            fail_msg("%s", e.text);
        assert_string_equal(page.next_sync, "s");
        google_page_release(&page);
        expect_line(asked((int)i), cases[i].line);
        assert_non_null(strstr(asked((int)i), "\r\nAuthorization: Bearer tok-1\r\n"));
        assert_null(strcasestr(asked((int)i), "x-goog-quota-user"));
    }
    assert_int_equal(tokens_given, 1);
    assert_int_equal(call.requests, sizeof(cases) / sizeof(cases[0]));
    assert_int_equal(call.status, 200);
}

static enum rc list_events(struct google_page *page, const char *sync, struct err *e)
{
    return google_list(&call, COLL_EVENTS, "cal", sync, "", page, e);
}

static void expect_list(enum rc want, const char *word)
{
    struct google_page page = {.next_page = "x"};
    struct err e = {0};

    assert_int_equal(list_events(&page, "token", &e), want);
    assert_string_equal(page.next_page, "x"); /* untouched */
    expect_word(e.text, word);
    expect_word(e.text, "events.list: ");
    assert_null(strstr(e.text, "tok-"));
}

static void test_quota_user(void **state)
{
    struct google_page page;

    (void)state;
    REPLIES({200, NULL, EMPTY, false});
    use_auth("boss@example.com", false);
    assert_int_equal(list_events(&page, "", NULL), RC_OK);
    google_page_release(&page);
    expect_word(asked(0), "\r\nx-goog-quota-user: boss@example.com\r\n");
}

/* T-401: one refresh, one retry. */
static void test_401_once(void **state)
{
    struct google_page page;

    (void)state;
    REPLIES({401, NULL, ERROR("authError"), false}, {200, NULL, EMPTY, false});
    assert_int_equal(list_events(&page, "", NULL), RC_OK);
    google_page_release(&page);
    expect_word(asked(0), "Bearer tok-1\r\n");
    expect_word(asked(1), "Bearer tok-2\r\n");
    assert_int_equal(tokens_given, 2);
    assert_int_equal(call.requests, 2);
    assert_string_equal(call.reason, "");
}

static void test_401_twice(void **state)
{
    (void)state;
    REPLIES({401, NULL, ERROR("authError"), false});
    expect_list(RC_AUTH, "401 authError: Google refuses the access token");
    assert_int_equal(call.requests, 2);
    assert_int_equal(tokens_given, 2);
    assert_string_equal(call.reason, "authError");
    assert_int_equal(call.status, 401);
}

static void test_401_token_file(void **state)
{
    struct google_page page;

    (void)state;
    REPLIES({401, NULL, "", false}, {401, NULL, "", false}, {200, NULL, EMPTY, false});
    use_auth(NULL, true);
    expect_list(RC_AUTH, "put a new one there");
    assert_int_equal(call.requests, 1);
    fake_write(files.token, "better", 0600);
    assert_int_equal(list_events(&page, "", NULL), RC_OK); /* the old one is refused once more */
    google_page_release(&page);
    expect_word(asked(2), "Bearer better\r\n");
}

static void test_meanings(void **state)
{
    (void)state;
    {
        REPLIES({410, NULL, ERROR("fullSyncRequired"), false});
        expect_list(RC_STALE, "410 fullSyncRequired");
    }
    {
        REPLIES({404, NULL, ERROR("notFound"), false});
        expect_list(RC_NOTFOUND, "404 notFound");
    }
    {
        REPLIES({403, "Retry-After: 17\r\n", ERROR("rateLimitExceeded"), false});
        expect_list(RC_AGAIN, "too many requests");
        assert_int_equal(call.retry_after_ms, 17000);
        assert_string_equal(call.reason, "rateLimitExceeded");
    }
    {
        REPLIES({502, NULL, "<html>", false});
        expect_list(RC_AGAIN, "502");
        assert_int_equal(call.retry_after_ms, -1);
        assert_string_equal(call.reason, ""); /* of this call, not the one before */
    }
    {
        REPLIES({200, NULL, "{\"error\":{\"code\":410}}", false});
        expect_list(RC_STALE, "200 with an error in it");
    }
    {
        REPLIES({200, NULL, "{\"items\":[", false});
        expect_list(RC_BADDATA, "not JSON");
    }
    {
        REPLIES({200, NULL, "", true});
        expect_list(RC_AGAIN, "not Google's answer");
    }
    {
        REPLIES({302, "Location: https://portal.example/\r\n", "", false});
        expect_list(RC_AGAIN, "302");
    }
    assert_int_equal(tokens_given, 1);
}

static void test_server_gone(void **state)
{
    struct google_options opt = {.api_url = "http://127.0.0.1:1/x"};

    (void)state;
    google_free(google);
    google = google_new(&opt);
    call.google = google;
    expect_list(RC_AGAIN, "GET 127.0.0.1");
    assert_int_equal(call.status, 0);
}

/* Connections are taken, requests are not: the deadline ends them. */
static void test_server_that_is_silent(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char url[64];
    struct google_page page;
    struct err e = {0};

    (void)state;
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 4) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(at.sin_port));
    google_free(google);
    google =
        google_new(&(struct google_options){.api_url = url, .request_ms = 100, .connect_ms = 100});
    call.google = google;
    assert_int_equal(list_events(&page, "", &e), RC_AGAIN);
    close(fd);
}

static void test_get(void **state)
{
    struct buf out = {0}, path = {0};
    struct err e = {0};

    (void)state;
    REPLIES({200, NULL, "{\"id\":\"x\"}", false}, {200, NULL, "{}", false},
            {200, NULL, "[]", false}, {200, NULL, "", false}, {404, NULL, ERROR("notFound"), false},
            {200, NULL, "{\"error\":{\"code\":404}}", false});
    buf_add_text(&path, "users/me/calendarList/");
    google_add_id(&path, "a#b@c");
    assert_int_equal(google_get(&call, buf_text(&path), &out, NULL), RC_OK);
    assert_string_equal(buf_text(&out), "{\"id\":\"x\"}");
    expect_line(asked(0),
                "GET /calendar/v3/users/me/calendarList/a%23b%40c?prettyPrint=false HTTP/1.1");
    buf_release(&out);
    assert_int_equal(google_get(&call, "colors?x=1", &out, NULL), RC_OK);
    expect_line(asked(1), "GET /calendar/v3/colors?x=1&prettyPrint=false HTTP/1.1");
    buf_release(&out);
    assert_int_equal(google_get(&call, "colors", &out, &e), RC_BADDATA);
    assert_int_equal(google_get(&call, "colors", &out, &e), RC_BADDATA);
    assert_int_equal(google_get(&call, "colors", &out, &e), RC_NOTFOUND);
    assert_int_equal(google_get(&call, "colors", &out, &e), RC_NOTFOUND);
    assert_null(out.p);
    buf_release(&path);
}

static void test_watch(void **state)
{
    struct google_channel ch = {"chan-1", "to\"ken", "https://x.example/hook", 604800000};
    struct google_watch w;

    (void)state;
    REPLIES({200, NULL,
             "{\"kind\":\"api#channel\",\"id\":\"chan-1\",\"resourceId\":\"res\","
             "\"expiration\":\"0\"}",
             false});
    assert_int_equal(google_watch(&call, COLL_EVENTS, "a@b", &ch, &w, NULL), RC_OK);
    assert_string_equal(w.resource_id, "res");
    assert_int_equal(w.expires_ms, 0);
    expect_line(asked(0),
                "POST /calendar/v3/calendars/a%40b/events/watch?prettyPrint=false HTTP/1.1");
    expect_word(asked(0), "\r\nContent-Type: application/json; charset=UTF-8\r\n");
    expect_word(asked(0), "\r\n\r\n{\"id\":\"chan-1\",\"type\":\"web_hook\",\"address\":"
                          "\"https://x.example/hook\",\"token\":\"to\\\"ken\",\"params\":{\"ttl\":"
                          "\"604800\"}}");
    ch.ttl_ms = 0;
    assert_int_equal(google_watch(&call, COLL_ROSTER, "", &ch, &w, NULL), RC_OK);
    expect_line(asked(1),
                "POST /calendar/v3/users/me/calendarList/watch?prettyPrint=false HTTP/1.1");
    assert_null(strstr(asked(1), "params"));
}

/* T-CHAN-EXPIRY-FORMAT */
static void test_expirations(void **state)
{
    struct google_channel ch = {"c", "t", "https://x", 1000};
    int64_t now = clock_wall_ms();
    static char body[8][160];
    const struct {
        const char *before;
        int64_t value;
        const char *after;
        bool taken;
    } cases[] = {
        {"{\"expiration\":\"", now + 604800000, "\"}", true},
        {"{\"expiration\":", now + 604800000, "}", true},
        {"{\"expiration\":\"", now + INT64_C(2592000000), "\"}", true}, /* 30 days */
        {"{\"expiration\":\"", now - 1000, "\"}", false},
        {"{\"expiration\":\"", (now + 604800000) / 1000, "\"}", false}, /* seconds */
        {"{\"expiration\":\"", INT64_MAX, "\"}", false},
        {"{\"expiration\":null,\"x\":", 0, "}", false},
        {"{\"expiration\":\"soon\",\"resourceId\":", 7, "}", false},
    };
    static struct reply script[8];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        snprintf(body[i], sizeof(body[i]), "%s%lld%s", cases[i].before, (long long)cases[i].value,
                 cases[i].after);
        script[i] = (struct reply){200, NULL, body[i], false};
    }
    set_replies(script, 8);
    for (size_t i = 0; i < 8; i++) {
        struct google_watch w;

        assert_int_equal(google_watch(&call, COLL_EVENTS, "c", &ch, &w, NULL), RC_OK);
        assert_int_equal(w.expires_ms, cases[i].taken ? cases[i].value : 0);
        assert_string_equal(w.resource_id, "");
    }
}

static void test_watch_refusals(void **state)
{
    struct google_channel ch = {"c", "t", "https://x", 1000};
    struct google_watch w;
    struct err e = {0};

    (void)state;
    REPLIES({400, NULL, ERROR("pushNotSupportedForRequestedResource"), false},
            {400, NULL, ERROR("channelIdNotUnique"), false},
            {401, NULL, ERROR("push.webhookUrlUnauthorized"), false},
            {404, NULL, ERROR("notFound"), false});
    assert_int_equal(google_watch(&call, COLL_EVENTS, "c", &ch, &w, &e), RC_INVALID);
    assert_string_equal(e.text, "events.watch: 400 pushNotSupportedForRequestedResource: Google "
                                "sends no pings for this");
    assert_int_equal(google_watch(&call, COLL_EVENTS, "c", &ch, &w, &e), RC_AGAIN);
    assert_int_equal(google_watch(&call, COLL_EVENTS, "c", &ch, &w, &e), RC_INVALID);
    assert_int_equal(tokens_given, 1); /* that 401 is not about the token */
    assert_int_equal(google_watch(&call, COLL_EVENTS, "c", &ch, &w, &e), RC_NOTFOUND);
}

static void test_stop(void **state)
{
    (void)state;
    REPLIES({204, NULL, "", false}, {404, NULL, "", false}, {500, NULL, "", false});
    assert_int_equal(google_stop(&call, "c", "r\\", NULL), RC_OK);
    expect_line(asked(0), "POST /calendar/v3/channels/stop?prettyPrint=false HTTP/1.1");
    expect_word(asked(0), "\r\n\r\n{\"id\":\"c\",\"resourceId\":\"r\\\\\"}");
    assert_int_equal(google_stop(&call, "c", "r", NULL), RC_NOTFOUND);
    assert_int_equal(google_stop(&call, "c", "r", NULL), RC_AGAIN);
}

/* Budgets: the heartbeat of a waiting call moves the clock, so that no test waits a minute. */

static void beat_and_shift(void *arg)
{
    ++*(int *)arg;
    clock_shift(0, 60000);
}

static void test_waits_for_budget(void **state)
{
    struct google_page page;
    int beats = 0;

    (void)state;
    REPLIES({200, NULL, EMPTY, false});
    make_google(0, 1);
    assert_int_equal(list_events(&page, "", NULL), RC_OK);
    google_page_release(&page);
    call.alive = beat_and_shift;
    call.alive_arg = &beats;
    int64_t before = clock_mono_ms();
    assert_int_equal(list_events(&page, "", NULL), RC_OK);
    google_page_release(&page);
    assert_true(beats > 0);
    assert_true(clock_mono_ms() - before >= 60000);
    assert_true(waited() > 0);
}

static void beat_and_interrupt(void *arg)
{
    http_interrupt(arg);
}

static void test_waiting_is_interrupted(void **state)
{
    struct google_page page;

    (void)state;
    REPLIES({200, NULL, EMPTY, false});
    make_google(0, 1);
    assert_int_equal(list_events(&page, "", NULL), RC_OK);
    google_page_release(&page);
    call.alive = beat_and_interrupt;
    call.alive_arg = call.client;
    assert_int_equal(list_events(&page, "", NULL), RC_CANCELED);
    assert_int_equal(call.requests, 1);
}

/* After "too fast" the account goes on at its pace, not with what it had saved up. */
static void test_too_fast_drains(void **state)
{
    struct google_page page;
    int beats = 0;

    (void)state;
    REPLIES({429, NULL, "", false}, {200, NULL, EMPTY, false});
    make_google(0, 600);
    assert_int_equal(list_events(&page, "", NULL), RC_AGAIN);
    assert_int_equal(waited(), 0);
    call.alive = beat_and_shift;
    call.alive_arg = &beats;
    assert_int_equal(list_events(&page, "", NULL), RC_OK);
    assert_true(waited() > 0);
    google_page_release(&page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list_requests),
        TEST(test_quota_user),
        TEST(test_401_once),
        TEST(test_401_twice),
        TEST(test_401_token_file),
        TEST(test_meanings),
        TEST(test_server_gone),
        TEST(test_server_that_is_silent),
        TEST(test_get),
        TEST(test_watch),
        TEST(test_expirations),
        TEST(test_watch_refusals),
        TEST(test_stop),
        TEST(test_waits_for_budget),
        TEST(test_waiting_is_interrupted),
        TEST(test_too_fast_drains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
