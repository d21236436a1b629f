/* Streams and pages of changes: nothing is missed and nothing repeated, wherever they are cut. */
#include <poll.h>

#include "tests/unit/serve_fixture.h"

#define TEXT_MAX (1u << 20)

/* One open stream, and what has come of it behind the response's head. */
struct reader {
    struct http_client c;
    struct buf in;
};

static void open_with(struct world *w, struct reader *r, const char *query, const char *last_id)
{
    char text[2048];
    *r = (struct reader){0};
    assert_true(http_connect(&r->c, w->port));
    (void)snprintf(text, sizeof(text), "GET /v1/stream%s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n",
                   query, last_id ? "Last-Event-ID: " : "", last_id ? last_id : "",
                   last_id ? "\r\n" : "");
    assert_true(http_send_text(&r->c, text));
}

static void close_reader(struct reader *r)
{
    http_close(&r->c);
    buf_release(&r->in);
}

static bool more(struct reader *r)
{
    char bytes[65536];
    ssize_t n = recv(r->c.fd, bytes, sizeof(bytes), 0);
    if (n > 0)
        buf_add(&r->in, bytes, (size_t)n);
    return n > 0;
}

/* The body so far; "" while the head is coming in. */
static const char *body_of(const struct reader *r)
{
    const char *head_end = strstr(buf_text(&r->in), "\r\n\r\n");
    return head_end ? head_end + 4 : "";
}

static const char *read_until(struct reader *r, const char *what)
{
    while (!strstr(body_of(r), what))
        if (!more(r))
            fail_msg("the stream ended before \"%s\": %s", what, buf_text(&r->in));
    return body_of(r);
}

/* The id of the last whole event in the first n bytes; "" without one. */
static void last_id(const char *text, size_t n, char out[128])
{
    out[0] = '\0';
    char *copy = strndup(text, n);
    char *end = copy;
    for (char *p; (p = strstr(end, "\n\n")); end = p + 2)
        ;
    *end = '\0';
    for (char *p = copy; (p = strstr(p, "id: ")); p += 4)
        if (p == copy || p[-1] == '\n')
            (void)snprintf(out, 128, "%.*s", (int)strcspn(p + 4, "\n"), p + 4);
    free(copy);
}

/* The data lines of whole events but hello, one a line. */
static void add_data(struct buf *out, const char *text, size_t n)
{
    char *copy = strndup(text, n), *next;
    for (char *p = copy; (next = strstr(p, "\n\n")); p = next + 2) {
        *next = '\0';
        char *data = strstr(p, "data: ");
        if (data && !strstr(data, "\"type\":\"hello\""))
            buf_printf(out, "%.*s\n", (int)strcspn(data + 6, "\n"), data + 6);
    }
    free(copy);
}

/* "type id" of each data line, joined by commas. */
static const char *summary(const char *data)
{
    static char out[4096];
    size_t n = 0;
    out[0] = '\0';
    for (const char *p = data; *p; p += strcspn(p, "\n") + 1) {
        struct span line = {p, strcspn(p, "\n")};
        char type[32] = "", id[64] = "";
        (void)json_string_copy(json_get(line, "type"), type, sizeof(type));
        if (!json_string_copy(json_get(line, "eventId"), id, sizeof(id)))
            (void)json_string_copy(json_get(line, "calendarId"), id, sizeof(id));
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s %s", n ? ", " : "", type, id);
    }
    return out;
}

static void cursor_now(struct world *w, char out[2048])
{
    struct http_answer a = get(w, 200, "/v1/changes");
    (void)member(&a, "cursor", out);
    http_answer_release(&a);
}

/* A life of some events: made, moved, renamed, cancelled, removed, made again. */
static void live_a_while(struct world *w)
{
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    world_timed(w, "b", "2026-03-03T09:00:00", "2026-03-03T10:00:00", "");
    world_timed(w, "a", "2026-03-02T11:00:00", "2026-03-02T12:00:00", "");
    world_timed(w, "c", "2026-03-04T09:00:00", "2026-03-04T10:00:00", "");
    world_timed(w, "b", "2026-03-03T09:00:00", "2026-03-03T10:00:00", ",\"location\":\"there\"");
    world_remove(w, &w->me, "c");
    world_timed(w, "d", "2026-03-05T09:00:00", "2026-03-05T10:00:00", "");
    world_event(w, &w->me, "{\"kind\":\"calendar#event\",\"id\":\"d\",\"status\":\"cancelled\"}");
    world_timed(w, "c", "2026-03-04T13:00:00", "2026-03-04T14:00:00", "");
    world_event(w, &w->other,
                "{\"kind\":\"calendar#event\",\"id\":\"t\",\"status\":\"confirmed\",\"start\":{"
                "\"date\":\"2026-03-09\"},\"end\":{\"date\":\"2026-03-10\"}}");
    world_timed(w, "a", "2026-03-02T11:00:00", "2026-03-02T13:00:00", "");
}

static void test_what_a_stream_tells(void **state)
{
    struct world *w = *state;
    struct reader r;
    struct buf data = {0};
    open_with(w, &r, "?calendar=primary", NULL);
    read_until(&r, "event: hello\n");
    assert_memory_equal(body_of(&r), "retry: 2000\n", 12);
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    read_until(&r, "event: created\n");
    world_timed(w, "a", "2026-03-02T11:00:00", "2026-03-02T12:00:00", "");
    read_until(&r, "event: updated\n");
    world_event(w, &w->other, "{\"id\":\"t\",\"status\":\"confirmed\"}"); /* not asked for */
    world_remove(w, &w->me, "a");
    read_until(&r, "event: deleted\n");
    while (strcmp(body_of(&r) + strlen(body_of(&r)) - 2, "\n\n") != 0)
        assert_true(more(&r));
    add_data(&data, body_of(&r), strlen(body_of(&r)));
#define AT(h)       "{\"dateTime\":\"2026-03-02T" h ":00:00+01:00\",\"timeZone\":\"" ZONE "\"}"
#define TIMES(a, b) "\"start\":" AT(a) ",\"end\":" AT(b)
#define OLD(a, b)   ",\"old\":{" TIMES(a, b) "}"
#define OF_ME       "\"account\":\"home\",\"calendarId\":\"" ME "\",\"eventId\":\"a\""
#define CREATED     "{\"type\":\"created\"," OF_ME "," TIMES("09", "10") "}\n"
#define CHANGED     ",\"changed\":[\"start\",\"end\"]," TIMES("11", "12")
#define UPDATED     "{\"type\":\"updated\"," OF_ME CHANGED OLD("09", "10") "}\n"
#define DELETED     "{\"type\":\"deleted\"," OF_ME OLD("11", "12") "}\n"
    assert_string_equal(buf_text(&data), CREATED UPDATED DELETED);
    buf_release(&data);
    close_reader(&r);
}

/* A reader that reads what the log has to say to `from`; the body, up to the id where the log ends.
 */
static void read_from(struct world *w, struct reader *r, const char *query, const char *from,
                      const char *end)
{
    char stop[2100];
    (void)snprintf(stop, sizeof(stop), "id: %s\n\n", end);
    open_with(w, r, query, from);
    (void)read_until(r, stop);
}

/* Everything is in the log. Cut behind each byte, resumed by the last id: the same lines, each
 * once.
 */
static void cut_everywhere(struct world *w, const char *query, const char *from, const char *end)
{
    struct reader whole, rest;
    struct buf want = {0}, got = {0};
    char id[128];
    read_from(w, &whole, query, from, end);
    const char *text = body_of(&whole);
    size_t n = strlen(text);
    add_data(&want, text, n);
    for (size_t cut = 0; cut <= n; cut++) {
        last_id(text, cut, id);
        buf_reset(&got);
        add_data(&got, text, cut);
        read_from(w, &rest, query, id[0] ? id : from, end);
        add_data(&got, body_of(&rest), strlen(body_of(&rest)));
        close_reader(&rest);
        if (strcmp(buf_text(&got), buf_text(&want)) != 0)
            fail_msg("cut at %zu (id %s):\n%s\ninstead of\n%s", cut, id, buf_text(&got),
                     buf_text(&want));
    }
    assert_true(n > 500);
    buf_release(&want);
    buf_release(&got);
    close_reader(&whole);
}

static void test_a_stream_cut_at_each_byte(void **state)
{
    struct world *w = *state;
    char from[2048], end[2048];
    world_timed(w, "b", "2026-03-03T09:00:00", "2026-03-03T10:00:00", ",\"location\":\"here\"");
    cursor_now(w, from);
    live_a_while(w);
    cursor_now(w, end);
    cut_everywhere(w, "", from, end);
    (void)strcat(end, "a");
    cut_everywhere(w, "?types=created&types=deleted", "0", end);
}

/* What a client knows that follows the feed: its events, by id. */
struct known {
    char id[32][16];
    char text[32][1024];
    size_t n;
};

static void learn(struct known *k, const char *data)
{
    for (const char *p = data; *p; p += strcspn(p, "\n") + 1) {
        struct span line = {p, strcspn(p, "\n")};
        struct span event = json_get(line, "event");
        char type[32] = "", id[16] = "";
        size_t i = 0;
        (void)json_string_copy(json_get(line, "type"), type, sizeof(type));
        if (!json_string_copy(json_get(line, "eventId"), id, sizeof(id)))
            continue;
        while (i < k->n && strcmp(k->id[i], id) != 0)
            i++;
        k->n += i == k->n;
        assert_true(k->n < 32);
        (void)snprintf(k->id[i], sizeof(k->id[i]), "%s", id);
        bool gone = strcmp(type, "deleted") == 0;
        (void)snprintf(k->text[i], sizeof(k->text[i]), "%.*s", gone ? 0 : (int)event.n,
                       gone ? "" : event.p);
    }
}

static bool same_knowledge(const struct known *a, const struct known *b)
{
    for (size_t i = 0; i < a->n; i++) {
        size_t j = 0;
        while (j < b->n && strcmp(a->id[i], b->id[j]) != 0)
            j++;
        if (strcmp(a->text[i], j < b->n ? b->text[j] : "") != 0)
            return false;
    }
    return true;
}

/* Told live, so that the lines are other than a reader gets who comes later: both end equal. */
static void test_a_live_stream_cut_at_each_byte(void **state)
{
    struct world *w = *state;
    struct reader live, rest;
    struct known want = {0}, got;
    struct buf data = {0};
    char start[2048], end[2048], stop[2100], id[128];
    cursor_now(w, start);
    open_with(w, &live, "?include=event", NULL);
    (void)read_until(&live, "hello");
    live_a_while(w);
    cursor_now(w, end);
    (void)snprintf(stop, sizeof(stop), "id: %s\n\n", end);
    const char *text = read_until(&live, stop);
    size_t n = strlen(text);
    add_data(&data, text, n);
    learn(&want, buf_text(&data));
    assert_in_range(want.n, 4, 5); /* d may have come and gone between two looks */
    for (size_t cut = 0; cut <= n; cut += 3) {
        got = (struct known){0};
        last_id(text, cut, id);
        buf_reset(&data);
        add_data(&data, text, cut);
        read_from(w, &rest, "?include=event", id[0] ? id : start, end);
        add_data(&data, body_of(&rest), strlen(body_of(&rest)));
        close_reader(&rest);
        learn(&got, buf_text(&data));
        if (!same_knowledge(&want, &got) || !same_knowledge(&got, &want))
            fail_msg("cut at %zu (id %s): %s", cut, id, buf_text(&data));
    }
    buf_release(&data);
    close_reader(&live);
}

/* Follows pages of `size` from a cursor to the end; appends the items, one a line. */
static void follow(struct world *w, const char *from, unsigned size, struct buf *items,
                   unsigned *pages)
{
    char cursor[2048], path[2300];
    (void)snprintf(cursor, sizeof(cursor), "%s", from);
    for (;;) {
        (void)snprintf(path, sizeof(path), "/v1/changes?prettyPrint=false&maxResults=%u&cursor=%s",
                       size, cursor);
        struct http_answer a = get(w, 200, path);
        struct json_iter it = json_iter(json_get(span_of(a.body), "items"));
        struct span item;
        while (json_next(&it, NULL, &item)) {
            buf_add_span(items, item);
            buf_add_char(items, '\n');
        }
        (void)member(&a, "cursor", cursor);
        bool again = json_is_true(json_get(span_of(a.body), "more"));
        http_answer_release(&a);
        ++*pages;
        if (!again)
            return;
    }
}

static void test_pages_of_any_size(void **state)
{
    struct world *w = *state;
    char from[2048];
    struct buf want = {0}, got = {0};
    unsigned pages = 0;
    cursor_now(w, from);
    live_a_while(w);
    follow(w, from, 2500, &want, &pages);
    assert_int_equal(pages, 1);
    assert_string_equal(summary(buf_text(&want)),
                        "created b, deleted d, created c, created t, created a");
    for (unsigned size = 1; size < 8; size++) {
        pages = 0;
        buf_reset(&got);
        follow(w, from, size, &got, &pages);
        assert_string_equal(buf_text(&got), buf_text(&want));
        assert_true(pages >= 5 / size);
    }
    buf_release(&want);
    buf_release(&got);
}

static void test_created_or_updated_by_the_cursor(void **state)
{
    struct world *w = *state;
    char start[2048], made[2048];
    struct buf got = {0};
    unsigned pages = 0;
    cursor_now(w, start);
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    cursor_now(w, made);
    world_timed(w, "a", "2026-03-02T11:00:00", "2026-03-02T12:00:00", ",\"location\":\"x\"");
    world_timed(w, "a", "2026-03-02T12:00:00", "2026-03-02T13:00:00", ",\"location\":\"x\"");
    follow(w, start, 10, &got, &pages);
    assert_string_equal(summary(buf_text(&got)), "created a");
    assert_null(strstr(buf_text(&got), "\"old\""));
    buf_reset(&got);
    follow(w, made, 10, &got, &pages);
    assert_string_equal(summary(buf_text(&got)), "updated a");
    assert_non_null(strstr(buf_text(&got), "\"changed\":[\"start\",\"end\",\"location\"]"));
    assert_non_null(strstr(buf_text(&got), "\"old\":{\"start\":{\"dateTime\":\"2026-03-02T09:00"));
    buf_release(&got);
}

/* A calendar that is listed while others change: from a cursor before, it is told to be read anew;
 * who follows from the beginning is told all of it. */
static void test_a_calendar_becomes_readable(void **state)
{
    struct world *w = *state;
    char start[2048];
    struct buf got = {0};
    unsigned pages = 0;
    struct reader live, all;
    struct listing_result result;
    cursor_now(w, start);
    open_with(w, &live, "", NULL);
    open_with(w, &all, "", "0");
    (void)read_until(&live, "hello");
    (void)read_until(&all, "hello");
    struct collection c = world_coll(w, w->home, COLL_EVENTS, "new", COLL_NEW);
    struct txn *t = begin_write(w->f.store);
    listing_begin(t, &c, LISTING_FIRST, 1);
    coll_put(t, &c);
    commit(t);
    for (int i = 0; i < 3; i++) {
        char id[8], raw[64];
        (void)snprintf(id, sizeof(id), "n%d", i);
        (void)snprintf(raw, sizeof(raw), "{\"id\":\"n%d\",\"status\":\"confirmed\"}", i);
        struct event ev = {.id = span_of(id), .raw = span_of(raw), .flags = EVENT_UNTIMED};
        t = begin_write(w->f.store);
        listing_put(t, &c, &ev);
        coll_put(t, &c);
        commit(t);
        if (i == 1) { /* a reader's cursor passes over these */
            world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
            (void)read_until(&live, "\"a\"");
        }
    }
    t = begin_write(w->f.store);
    listing_finish(t, &c, &result);
    coll_put(t, &c);
    commit(t);
    world_timed(w, "z", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    follow(w, start, 1, &got, &pages);
    assert_string_equal(summary(buf_text(&got)), "created a, reset new, created z");
    buf_reset(&got);
    add_data(&got, read_until(&live, "\"z\""), strlen(body_of(&live)));
    buf_add_text(&got, "");
    assert_non_null(strstr(body_of(&live), "event: reset\n"));
    assert_null(strstr(body_of(&live), "\"n0\""));
    buf_reset(&got);
    follow(w, "0", 2, &got, &pages);
    assert_non_null(strstr(summary(buf_text(&got)),
                           "created a, reset new, created n0, created n1, created n2, created z"));
    (void)read_until(&all, "\"n2\"");
    (void)read_until(&all, "\"z\"");
    close_reader(&live);
    close_reader(&all);
    buf_release(&got);
}

static void test_a_pruned_log(void **state)
{
    struct world *w = *state;
    char start[2048], later[2048];
    struct buf got = {0};
    unsigned pages = 0;
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    cursor_now(w, start);
    world_remove(w, &w->me, "a");
    cursor_now(w, later);
    world_timed(w, "b", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    struct txn *t = begin_write(w->f.store);
    assert_int_equal(changes_prune(t, &w->me, INT64_MAX, 10), 1);
    coll_put(t, &w->me);
    commit(t);
    follow(w, start, 1, &got, &pages);
    assert_string_equal(summary(buf_text(&got)), "reset " ME ", created b");
    assert_non_null(strstr(buf_text(&got), "\"reason\":\"pruned\",\"do\":\"Forget this calendar"));
    buf_reset(&got);
    follow(w, later, 1, &got, &pages);
    assert_string_equal(summary(buf_text(&got)), "created b");
    buf_release(&got);
}

static void test_cursors_that_are_not_ours(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"1",
                                      "junk",
                                      "0a",
                                      "000000000000-5",
                                      "000000000000-0000000-5",
                                      "000000000000-00000000-",
                                      "000000000000-00000000-x",
                                      "000000000000-00000000-1.2.1",
                                      "000000000000-00000000-5.4",
                                      "zz",
                                      "-"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "/v1/changes?cursor=%s", bad[i]);
        expect_error(w, 400, "invalid", path);
        (void)snprintf(path, sizeof(path), "/v1/stream?cursor=%s", bad[i]);
        expect_error(w, 400, "invalid", path);
    }
    struct http_answer a = get(w, 200, "/v1/changes?cursor=000000000000-00000000-5&prettyPrint=false");
    assert_non_null(strstr(a.body, "{\"items\":[{\"type\":\"reset\",\"reason\":\"rebuilt\","));
    http_answer_release(&a);
    char now[2048], future[2100];
    cursor_now(w, now);
    (void)snprintf(future, sizeof(future), "/v1/changes?cursor=%s9", now);
    a = get(w, 200, future);
    assert_non_null(strstr(a.body, "rebuilt"));
    http_answer_release(&a);
    struct reader r;
    open_with(w, &r, "?cursor=000000000000-00000000-5", NULL);
    (void)read_until(&r, "event: reset\ndata: {\"type\":\"reset\",\"reason\":\"rebuilt\"");
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    (void)read_until(&r, "event: created\n");
    close_reader(&r);
    expect_error(w, 404, "notFound", "/v1/stream?calendar=nobody");
    expect_error(w, 404, "notFound", "/v1/changes?account=nobody");
    expect_error(w, 400, "invalidParameter", "/v1/stream?types=nothing");
    expect_error(w, 400, "invalidParameter", "/v1/changes?wait=x");
}

struct poll_thread {
    struct world *w;
    struct http_answer answer;
    char path[2200];
};

static void *poll_once(void *arg)
{
    struct poll_thread *p = arg;
    p->answer = http_ask(p->w->port, "GET", p->path, "", "");
    return NULL;
}

static void test_long_poll(void **state)
{
    struct world *w = *state;
    struct poll_thread p = {.w = w}, other = {.w = w};
    pthread_t thread, second;
    char now[2048];
    cursor_now(w, now); /* should it come late, it has missed nothing */
    (void)snprintf(p.path, sizeof(p.path), "/v1/changes?wait=55&calendar=primary&cursor=%s", now);
    (void)snprintf(other.path, sizeof(other.path), "/v1/changes?wait=300ms&calendar=primary");
    assert_int_equal(pthread_create(&thread, NULL, poll_once, &p), 0);
    assert_int_equal(pthread_create(&second, NULL, poll_once, &other), 0);
    pthread_join(second, NULL); /* by now the first one waits, too, as a rule */
    assert_int_equal(other.answer.status, 200);
    assert_non_null(strstr(other.answer.body, "\"items\": []"));
    int64_t began_ms = clock_mono_ms();
    world_event(w, &w->other, "{\"id\":\"t\",\"status\":\"confirmed\"}"); /* wakes nobody */
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    pthread_join(thread, NULL);
    assert_true(clock_mono_ms() - began_ms < 30000);
    assert_int_equal(p.answer.status, 200);
    assert_non_null(strstr(p.answer.body, "\"eventId\": \"a\""));
    http_answer_release(&p.answer);
    http_answer_release(&other.answer);
}

/* A restart of the service on the same store: the old cursor goes on. */
static void test_restart(void **state)
{
    struct world *w = *state;
    struct reader r;
    char id[128];
    open_with(w, &r, "", NULL);
    (void)read_until(&r, "hello");
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    (void)read_until(&r, "event: created\n");
    serve_stop(w->serve);
    serve_free(w->serve);
    (void)read_until(&r, "event: end\ndata: {\"type\":\"end\",\"reason\":\"stopping\"}\n\n");
    assert_non_null(strstr(body_of(&r), "\n\nretry: "));
    while (more(&r))
        ;
    last_id(body_of(&r), strlen(body_of(&r)), id);
    close_reader(&r);
    world_timed(w, "b", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    store_close(w->f.store);
    fixture_open(&w->f);
    world_start(w);
    open_with(w, &r, "", id);
    (void)read_until(&r, "event: created\n");
    assert_null(strstr(body_of(&r), "\"eventId\":\"a\""));
    assert_non_null(strstr(body_of(&r), "\"eventId\":\"b\""));
    close_reader(&r);
}

static void test_head_and_full(void **state)
{
    struct world *w = *state;
    struct http_answer a = http_ask(w->port, "HEAD", "/v1/stream", "", "");
    char type[256];
    assert_int_equal(a.status, 200);
    assert_string_equal(http_answer_header(&a, "Content-Type", type),
                        "text/event-stream; charset=utf-8");
    http_answer_release(&a);
    struct reader r[3];
    for (int i = 0; i < 3; i++) {
        open_with(w, &r[i], "", NULL);
        (void)read_until(&r[i], "hello");
    }
    a = http_ask(w->port, "GET", "/v1/stream", "", "");
    assert_int_equal(a.status, 503);
    assert_string_equal(http_answer_header(&a, "Retry-After", type), "10");
    http_answer_release(&a);
    close_reader(&r[0]);
    unsigned status = 503;
    for (int64_t until = clock_mono_ms() + 60000; status == 503 && clock_mono_ms() < until;) {
        struct http_client c;
        assert_true(http_connect(&c, w->port));
        assert_true(http_send_text(&c, "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        char line[64] = "";
        assert_true(recv(c.fd, line, sizeof(line) - 1, 0) > 12);
        status = (unsigned)atoi(line + 9);
        http_close(&c);
    }
    assert_int_equal(status, 200);
    close_reader(&r[1]);
    close_reader(&r[2]);
}

static int few_streams(void **state)
{
    return world_setup_with(state, "max_streams = 3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_what_a_stream_tells),
        WORLD(test_a_stream_cut_at_each_byte),
        WORLD(test_a_live_stream_cut_at_each_byte),
        WORLD(test_pages_of_any_size),
        WORLD(test_created_or_updated_by_the_cursor),
        WORLD(test_a_calendar_becomes_readable),
        WORLD(test_a_pruned_log),
        WORLD(test_cursors_that_are_not_ours),
        WORLD(test_long_poll),
        WORLD(test_restart),
        cmocka_unit_test_setup_teardown(test_head_and_full, few_streams, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
