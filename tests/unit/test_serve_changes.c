/* test_serve_changes: where pages of changes end, cursors that nearly fit, bursts, many calendars,
 * and what is said of a change. */
#include "core/base/bearer.h"
#include "tests/unit/serve_fixture.h"

#define CHANGES "/v1/changes?prettyPrint=false"

static void cursor_now(struct world *w, char out[2048])
{
    struct http_answer a = get(w, 200, CHANGES);
    (void)member(&a, "cursor", out);
    http_answer_release(&a);
}

static struct http_answer changes(struct world *w, const char *query, const char *cursor)
{
    char target[4096];
    (void)snprintf(target, sizeof target, CHANGES "%s&cursor=%s", query, cursor);
    return get(w, 200, target);
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
        n++;
    return n;
}

/* A page has so many entries at most, and so many bytes; the next one goes on behind it. */
static void test_ends_of_pages(void **state)
{
    struct world *w = *state;
    static const struct {
        unsigned n;
        size_t bytes;
        const char *query;
    } cases[] = {{2510, 1, "&maxResults=99999"}, {50, 200000, "&include=event"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char cursor[2048];
        cursor_now(w, cursor);
        world_many(w, cases[i].n, cases[i].bytes, 0);
        unsigned told = 0, pages = 0;
        for (bool more = true; more; pages++) {
            struct http_answer a = changes(w, cases[i].query, cursor);
            unsigned here = count(a.body, "\"eventId\":");
            told += here;
            assert_in_range(here, 1, 2500);
            assert_true(a.n < (4u << 20) + cases[i].bytes + 1000);
            more = json_is_true(json_get(span_of(a.body), "more"));
            (void)member(&a, "cursor", cursor);
            http_answer_release(&a);
        }
        assert_int_equal(told, cases[i].n);
        assert_in_range(pages, 2, 3);
    }
}

/* To begin anew costs a reader time; to go on from what is not its place, changes. */
static void test_cursors_that_nearly_fit(void **state)
{
    struct world *w = *state;
    char now[2048], bad[2100];
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    cursor_now(w, now);
    assert_int_equal(strcspn(now, "-"), 12);
    for (size_t at = 0; at < 21; at++) {
        if (at == 12)
            continue;
        strcpy(bad, now);
        bad[at] = bad[at] == '0' ? '1' : '0';
        struct http_answer a = changes(w, "", bad);
        assert_non_null(
            strstr(a.body, at < 12 ? "\"reason\":\"rebuilt\"" : "\"reason\":\"access\""));
        http_answer_release(&a);
    }
    static const char *const tails[] = {".0.999999999", ".999999999.0", ".0.0.0", ".0", "b", "aa"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char target[2300];
        (void)snprintf(target, sizeof target, CHANGES "&cursor=%s%s", now, tails[i]);
        expect_error(w, 400, "invalid", target);
    }
    strcpy(bad, now);
    bad[12] = '+';
    char target[2300];
    (void)snprintf(target, sizeof target, CHANGES "&cursor=%s", bad);
    expect_error(w, 400, "invalid", target);
}

static void read_until(struct http_client *c, struct buf *in, const char *what)
{
    char bytes[65536];
    while (!strstr(buf_text(in), what)) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            fail_msg("ended before \"%s\"", what);
        buf_add(in, bytes, (size_t)n);
    }
}

static struct http_client open_stream(struct world *w, const char *query, struct buf *in)
{
    struct http_client c;
    char text[256];
    assert_true(http_connect(&c, w->port));
    (void)snprintf(text, sizeof text, "GET /v1/stream%s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                   query);
    assert_true(http_send_text(&c, text));
    read_until(&c, in, "event: hello\n");
    return c;
}

/* More than is told at once, in number and in bytes: all of it comes, in order. */
static void test_bursts(void **state)
{
    struct world *w = *state;
    struct buf plain = {.cap = 1u << 24}, full = {.cap = 1u << 24};
    struct http_client a = open_stream(w, "", &plain), b = open_stream(w, "?include=event", &full);
    world_many(w, 1100, 3000, 0);
    world_timed(w, "z", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    read_until(&a, &plain, "\"eventId\":\"z\"");
    read_until(&b, &full, "\"eventId\":\"z\"");
    const struct buf *read[] = {&plain, &full};
    for (size_t i = 0; i < 2; i++) {
        const char *p = buf_text(read[i]);
        for (unsigned n = 0; n < 1100; n++) {
            char id[32];
            (void)snprintf(id, sizeof id, "\"eventId\":\"n%05u\"", n);
            p = strstr(p, id);
            assert_non_null(p);
        }
        assert_int_equal(count(buf_text(read[i]), "event: created\n"), 1101);
    }
    /* Those who did not ask for the events do not get them, although somebody beside them does. */
    assert_null(strstr(buf_text(&plain), "\"event\":"));
    assert_int_equal(count(buf_text(&full), "\"event\":{"), 1101);
    http_close(&a);
    http_close(&b);
    buf_release(&plain);
    buf_release(&full);
}

/* More calendars than are made room for at first; one leaves, the others stay. */
static void test_many_calendars(void **state)
{
    struct world *w = *state;
    struct collection c[140];
    char cursor[2048];
    struct buf in = {.cap = 1u << 20};
    struct http_client reader = open_stream(w, "", &in);
    for (unsigned i = 0; i < 140; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%03u", i);
        c[i] = world_coll(w, w->home, COLL_EVENTS, id, COLL_READY);
    }
    cursor_now(w, cursor);
    struct txn *t = begin_write(w->f.store);
    coll_delete(t, c[70].no);
    commit(t);
    for (unsigned i = 0; i < 140; i++)
        if (i != 70)
            world_event(w, &c[i], "{\"id\":\"e\",\"status\":\"confirmed\"}");
    struct http_answer a = changes(w, "", cursor);
    assert_int_equal(count(a.body, "\"type\":\"created\""), 139);
    read_until(&reader, &in, "\"calendarId\":\"c139\"");
    for (unsigned i = 0; i < 140; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "\"calendarId\":\"c%03u\",", i);
        assert_int_equal(count(a.body, id), i != 70);
        assert_int_equal(count(buf_text(&in), id), i != 70);
    }
    http_answer_release(&a);
    http_close(&reader);
    buf_release(&in);
}

#define AT(h) "{\"dateTime\":\"2026-03-02T" h ":00:00Z\"}"
#define EVENT(id, from, to, more) \
    "{\"id\":\"" id "\",\"status\":\"confirmed\",\"start\":" AT(from) ",\"end\":" AT(to) more "}"

/* Where an event was, as far as that has changed, and no members that always change. */
static void test_what_is_said_of_a_change(void **state)
{
    struct world *w = *state;
    char cursor[2048];
    static const struct {
        const char *event, *said;
    } cases[] = {
        {EVENT("a", "09", "11", ",\"etag\":\"2\",\"updated\":\"2026-02-02T00:00:00.000Z\""),
         "\"changed\":[\"end\"],\"start\":" AT("09") ",\"end\":" AT("11") ",\"old\":{\"end\":" AT(
             "10") "}}"},
        {EVENT("a", "08", "11", ",\"etag\":\"3\",\"updated\":\"2026-02-03T00:00:00.000Z\""),
         "\"changed\":[\"start\"],\"start\":" AT("08") ",\"end\":" AT(
             "11") ",\"old\":{\"start\":" AT("09") "}}"},
        {EVENT("a", "08", "11", ",\"etag\":\"4\",\"updated\":\"2026-02-04T00:00:00.000Z\""),
         "\"changed\":[],\"start\":" AT("08") ",\"end\":" AT("11") "}"},
    };
    world_event(w, &w->me,
                EVENT("a", "09", "10", ",\"etag\":\"1\",\"updated\":\"2026-02-01T00:00:00.000Z\""));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cursor_now(w, cursor);
        world_event(w, &w->me, cases[i].event);
        struct http_answer a = changes(w, "", cursor);
        if (!strstr(a.body, cases[i].said))
            fail_msg("no %s in %s", cases[i].said, a.body);
        http_answer_release(&a);
    }
}

/* Clients of one account each. */
static int setup_clients(void **state)
{
    struct buf options = {0};
    static const char *const who[] = {"home", "work"};
    for (size_t i = 0; i < 2; i++) {
        char hash[BEARER_HASH_SIZE];
        bearer_hash(span_of(who[i]), hash);
        buf_printf(&options, "[client %s]\ntoken_sha256 = %s\naccounts = %s\n", who[i], hash,
                   who[i]);
    }
    int status = world_setup_with(state, buf_text(&options));
    buf_release(&options);
    return status;
}

/* That an account's list is to be read anew is its readers' business alone. */
static void test_a_reset_of_another_s_list(void **state)
{
    struct world *w = *state;
    char cursor[2048], target[4096];
    struct http_answer a = http_ask(w->port, "GET", CHANGES, "Authorization: Bearer home\r\n", "");
    (void)member(&a, "cursor", cursor);
    http_answer_release(&a);
    world_item(w, &w->roster, "gone", "{\"id\":\"gone\"}", false);
    world_item(w, &w->roster, "gone", "{\"id\":\"gone\"}", true);
    struct txn *t = begin_write(w->f.store);
    w->roster.pruned_seq = txn_last_seq(t);
    coll_put(t, &w->roster);
    commit(t);
    (void)snprintf(target, sizeof target, CHANGES "&cursor=%s", cursor);
    a = http_ask(w->port, "GET", target, "Authorization: Bearer home\r\n", "");
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "{\"type\":\"reset\",\"account\":\"home\",\"reason\":"));
    http_answer_release(&a);
    a = http_ask(w->port, "GET", target, "Authorization: Bearer work\r\n", "");
    assert_int_equal(a.status, 200);
    assert_null(strstr(a.body, "home"));
    http_answer_release(&a);
}

/* Who began at the beginning is told all of it again when the database is another one. */
static void test_a_beginner_begins_anew(void **state)
{
    struct world *w = *state;
    char cursor[2048];
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    struct http_answer a = changes(w, "", "000000000000-00000000-5.4.3a");
    assert_non_null(strstr(a.body, "\"reason\":\"rebuilt\""));
    assert_non_null(strstr(a.body, "\"follows\":true"));
    assert_non_null(strstr(a.body, "\"more\":true"));
    (void)member(&a, "cursor", cursor);
    http_answer_release(&a);
    a = changes(w, "", cursor);
    assert_non_null(strstr(a.body, "\"eventId\":\"a\",\"initial\":true"));
    http_answer_release(&a);
}

/* Who is still being told what there is hears of what went after it was told of, and of nothing
 * that went before. */
static void test_what_goes_while_one_begins(void **state)
{
    struct world *w = *state;
    char cursor[2048] = "0";
    struct buf told = {0};
    bool more = true, removed = false;
    static const char *const ids[] = {"a", "b", "gone"};
    for (size_t i = 0; i < 3; i++)
        world_timed(w, ids[i], "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    world_remove(w, &w->me, "gone");
    while (more) {
        struct http_answer a = changes(w, "&maxResults=1", cursor);
        char type[32], id[32];
        struct span entry, items = json_get(span_of(a.body), "items");
        struct json_iter it = json_iter(items);
        if (json_next(&it, NULL, &entry) &&
            json_string_copy(json_get(entry, "eventId"), id, sizeof id) &&
            json_string_copy(json_get(entry, "type"), type, sizeof type))
            buf_printf(&told, "%s %s, ", type, id);
        if (strstr(a.body, "\"eventId\":\"a\"") && !removed) {
            world_remove(w, &w->me, "a");
            removed = true;
        }
        more = json_is_true(json_get(span_of(a.body), "more"));
        (void)member(&a, "cursor", cursor);
        http_answer_release(&a);
    }
    assert_string_equal(buf_text(&told), "created a, created b, deleted a, ");
    buf_release(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_ends_of_pages),
        WORLD(test_cursors_that_nearly_fit),
        WORLD(test_a_beginner_begins_anew),
        WORLD(test_what_goes_while_one_begins),
        WORLD(test_bursts),
        WORLD(test_many_calendars),
        WORLD(test_what_is_said_of_a_change),
        cmocka_unit_test_setup_teardown(test_a_reset_of_another_s_list, setup_clients,
                                        world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
