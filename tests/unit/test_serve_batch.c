/* test_serve_batch: parts of a batch have headers and parameters of their own, and the batch's. */
#include "tests/unit/serve_fixture.h"

#define PART(request) "--b\r\nContent-Type: application/http\r\n\r\n" request "\r\n\r\n"
#define TOKEN         "feed-token" /* of the client below */

static int clients_setup(void **state)
{
    return world_setup_with(state,
                            "[client reader]\ntoken_sha256 = "
                            "b40f19644925e321aeb2c2f06bd0351c61a6ff91159066ad21832164bd9b3e83\n");
}

/* What is answered to one part. */
static char *answer(struct world *w, const char *target, const char *headers, const char *part)
{
    char head[512], body[2048];
    (void)snprintf(head, sizeof head, "Content-Type: multipart/mixed; boundary=b\r\n%s", headers);
    (void)snprintf(body, sizeof body, PART("%s") "--b--", part);
    struct http_answer a = http_ask(w->port, "POST", target, head, body);
    if (a.status != 200)
        fail_msg("%s: %u: %s", part, a.status, a.body);
    char *line = strstr(a.body, "HTTP/1.1 ");
    assert_non_null(line);
    char *copy = strdup(line);
    http_answer_release(&a);
    return copy;
}

static void expect(struct world *w, const char *target, const char *headers, const char *part,
                   const char *begins, const char *has)
{
    char *text = answer(w, target, headers, part);
    if (strncmp(text, begins, strlen(begins)) != 0 || !strstr(text, has))
        fail_msg("%s: no %s ... %s: %s", part, begins, has, text);
    free(text);
}

#define BATCH "/batch/calendar/v3"
#define ONE   EV "/one"

static void test_headers(void **state)
{
    struct world *w = *state;
    char etag[256], part[512];
    world_timed(w, "one", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    (void)world_coll(w, w->home, COLL_EVENTS, "new", COLL_NEW);
    struct http_answer a = http_ask(w->port, "GET", ONE, "", "");
    (void)http_answer_header(&a, "ETag", etag);
    http_answer_release(&a);
    expect(w, BATCH, "", "GET " ONE " HTTP/1.1", "HTTP/1.1 200 OK\r\n", "\"id\": \"one\"");
    /* A validator is of the part it stands in, be it the first header or not. */
    (void)snprintf(part, sizeof part, "GET " ONE "\r\nX: y\r\nIf-None-Match: %s\r\nZ: 1", etag);
    expect(w, BATCH, "", part, "HTTP/1.1 304 Not Modified\r\n", "Content-Length: 0\r\n");
    (void)snprintf(part, sizeof part, "If-None-Match: %s\r\n", etag);
    expect(w, BATCH, part, "GET " ONE, "HTTP/1.1 200 OK\r\n", "\"id\": \"one\"");
    expect(w, BATCH, "", "GET " ONE "\r\nIf-None-Match: \"other\"", "HTTP/1.1 200 OK\r\n", "one");
    /* Folded headers are as good as none. */
    (void)snprintf(part, sizeof part, "GET " ONE "\r\nIf-None-Match:\r\n %s,\r\n \"x\"", etag);
    expect(w, BATCH, "", part, "HTTP/1.1 200 OK\r\n", "\"id\": \"one\"");
    /* What else there is of the batch holds for its parts, unless they say otherwise. */
#define OLD "Cache-Control: max-age=1, only-if-cached\r\n"
    expect(w, BATCH, OLD, "GET " ONE, "HTTP/1.1 504 ", "");
    expect(w, BATCH, OLD, "GET " ONE "\r\nCache-Control: no-transform", "HTTP/1.1 200 OK\r\n", "");
    expect(w, BATCH, "", "GET " ONE "\r\n" OLD, "HTTP/1.1 504 ", "");
    char *head = answer(w, BATCH, "", "HEAD " ONE);
    assert_non_null(strstr(head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "));
    assert_non_null(strstr(head, "\r\n\r\n\r\n--batch_"));
    free(head);
}

static void test_parameters(void **state)
{
    struct world *w = *state;
    world_timed(w, "one", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    expect(w, BATCH "?prettyPrint=false", "", "GET " ONE, "HTTP/1.1 200", "\"id\":\"one\"");
    expect(w, BATCH "?prettyPrint=false", "", "GET " ONE "?fields=id", "HTTP/1.1 200",
           "\r\n\r\n{\"id\":\"one\"}\r\n");
    expect(w, BATCH "?prettyPrint=false&fields=kind", "", "GET " ONE "?fields=id", "HTTP/1.1 200",
           "\r\n\r\n{\"id\":\"one\"}\r\n");
    expect(w, BATCH, "", "GET " ONE "?fields=id&prettyPrint=false", "HTTP/1.1 200",
           "\r\n\r\n{\"id\":\"one\"}\r\n");
}

/* One part leaves nothing behind for the next. */
static void test_parts_do_not_mix(void **state)
{
    struct world *w = *state;
    world_timed(w, "one", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    static const char body[] = PART("HEAD " ONE) PART("nonsense")
        PART("POST /calendar/v3/freeBusy\r\nContent-Length: 1\r\n\r\n{")
            PART("GET " ONE "?fields=id") PART("GET " ONE "?fields=kind")
                PART("GET /v1/status") "--b--";
    static const char *const want[] = {
        "200 OK\r\nContent-Length: 0\r\n", "400 ", "400 ", "200 OK", "200 OK", "404 "};
    struct http_answer a = http_ask(w->port, "POST", BATCH "?prettyPrint=false",
                                    "Content-Type: multipart/mixed; boundary=b\r\n", body);
    const char *p = a.body;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        p = strstr(p, "\r\nHTTP/1.1 ");
        assert_non_null(p);
        p += strlen("\r\nHTTP/1.1 ");
        if (strncmp(p, want[i], strlen(want[i])) != 0)
            fail_msg("part %zu: %.60s", i, p);
    }
    assert_null(strstr(p, "\r\nHTTP/1.1 "));
    assert_non_null(strstr(a.body, "The part is not an HTTP request."));
    assert_non_null(strstr(a.body, "\r\n\r\n{\"id\":\"one\"}\r\n"));
    assert_non_null(strstr(a.body, "\r\n\r\n{\"kind\":\"calendar#event\"}\r\n"));
    http_answer_release(&a);
}

static void test_tokens(void **state)
{
    struct world *w = *state;
    world_timed(w, "one", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    expect(w, BATCH, "", "GET " ONE, "HTTP/1.1 401", "");
    expect(w, BATCH, "", "GET " ONE "\r\nAccept: */*\r\nAuthorization: Bearer " TOKEN,
           "HTTP/1.1 200", "one");
    expect(w, BATCH, "", "GET " ONE "?access_token=" TOKEN, "HTTP/1.1 200", "one");
    expect(w, BATCH, "Authorization: Bearer " TOKEN "\r\n", "GET " ONE "?access_token=x",
           "HTTP/1.1 401", "");
    expect(w, BATCH, "Authorization: Bearer " TOKEN "\r\n", "GET " ONE "\r\nAccept: */*",
           "HTTP/1.1 200", "one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_headers),
        WORLD(test_parameters),
        WORLD(test_parts_do_not_mix),
        cmocka_unit_test_setup_teardown(test_tokens, clients_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
