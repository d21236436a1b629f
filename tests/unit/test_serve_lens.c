/* test_serve_lens: each reader is told of the changes that it asked for and may see, whoever reads
 * beside it. */
#include "core/base/bearer.h"
#include "tests/unit/serve_fixture.h"

static const struct {
    const char *who, *options;
} clients[] = {
    {"all", ""},
    {"homely", "accounts = home\n"},
    {"worker", "accounts = work\n"},
    {"team", "calendars = team*\n"},
    {"own", "calendars = primary\n"},
    {"busy", "accounts = home\nfreebusy_only = *\n"},
};

static void write_clients(struct buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char hash[BEARER_HASH_SIZE];
        bearer_hash(span_of(clients[i].who), hash);
        buf_printf(out, "[client %s]\ntoken_sha256 = %s\n%s", clients[i].who, hash,
                   clients[i].options);
    }
}

static int setup(void **state)
{
    struct buf options = {0};
    write_clients(&options, sizeof clients / sizeof *clients);
    int status = world_setup_with(state, buf_text(&options));
    buf_release(&options);
    struct world *w = *state;
    (void)world_coll(w, w->home, COLL_EVENTS, "second", COLL_READY);
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    return status;
}

static struct collection found(struct world *w, uint32_t account, enum coll_kind kind,
                               const char *calendar)
{
    struct collection c;
    struct txn *t = begin_write(w->f.store);
    assert_int_equal(coll_find(t, account, kind, span_of(calendar), &c), RC_OK);
    txn_abort(t);
    return c;
}

static void change_all(struct world *w)
{
    struct collection work_list = found(w, w->work, COLL_ROSTER, "");
    struct collection second = found(w, w->home, COLL_EVENTS, "second");
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00", ",\"location\":\"there\"");
    world_event(w, &second, "{\"id\":\"s\",\"status\":\"confirmed\"}");
    world_event(w, &w->other, "{\"id\":\"t\",\"status\":\"confirmed\"}");
    world_item(w, &w->roster, ME, "{\"id\":\"" ME "\",\"primary\":true,\"summary\":\"New\"}",
               false);
    world_item(w, &w->roster, "x", "{\"id\":\"x\",\"summary\":\"More\"}", false);
    world_item(w, &work_list, GROUP, "{\"id\":\"" GROUP "\",\"summary\":\"New\"}", false);
}

/* Something that each reader is told, behind all else. */
static void end_all(struct world *w)
{
    struct collection second = found(w, w->home, COLL_EVENTS, "second");
    world_event(w, &w->me, "{\"id\":\"end1\",\"status\":\"confirmed\"}");
    world_event(w, &second, "{\"id\":\"end2\",\"status\":\"confirmed\"}");
    world_event(w, &w->other, "{\"id\":\"end3\",\"status\":\"confirmed\"}");
}

#define LIST_ME   "calendar " ME
#define LIST_TEAM "calendar " GROUP

static const struct {
    const char *who, *query, *told;
} readers[] = {
    {"all", "", "updated a, created s, created t, " LIST_ME ", calendar x, " LIST_TEAM},
    {"homely", "", "updated a, created s, " LIST_ME ", calendar x"},
    {"worker", "", "created t, " LIST_TEAM},
    {"team", "", "created t, " LIST_TEAM},
    {"own", "", "updated a, " LIST_ME},
    {"busy", "", "updated a, created s, " LIST_ME ", calendar x"},
    {"all", "&account=home", "updated a, created s, " LIST_ME ", calendar x"},
    {"all", "&account=work", "created t, " LIST_TEAM},
    {"all", "&calendar=primary", "updated a, " LIST_ME},
    {"all", "&calendar=second", "created s"},
    {"all", "&calendar=team%231%2Fa%20b%40group.calendar.google.com", "created t, " LIST_TEAM},
    {"all", "&types=created", "created s, created t"},
    {"all", "&types=created&calendar=primary", ""},
};
#define N (sizeof readers / sizeof *readers)

/* "type id" of an entry, behind what there is. */
static void add_entry(struct buf *out, struct span entry)
{
    char type[32] = "", id[64] = "";
    assert_true(json_string_copy(json_get(entry, "type"), type, sizeof type));
    if (!json_string_copy(json_get(entry, "eventId"), id, sizeof id))
        (void)json_string_copy(json_get(entry, "calendarId"), id, sizeof id);
    buf_printf(out, "%s%s %s", out->n ? ", " : "", type, id);
}

static struct http_answer changes(struct world *w, const char *who, const char *query,
                                  const char *cursor)
{
    char target[4096], header[128];
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", who);
    (void)snprintf(target, sizeof target, "/v1/changes?prettyPrint=false%s%s%s", query,
                   cursor ? "&cursor=" : "", cursor ? cursor : "");
    struct http_answer a = http_ask(w->port, "GET", target, header, "");
    assert_int_equal(a.status, 200);
    return a;
}

static void cursor_now(struct world *w, const char *who, char cursor[2048])
{
    struct http_answer a = changes(w, who, "", NULL);
    assert_true(member(&a, "cursor", cursor)[0]);
    http_answer_release(&a);
}

static void test_pages(void **state)
{
    struct world *w = *state;
    static char cursors[N][2048];
    for (size_t i = 0; i < N; i++)
        cursor_now(w, readers[i].who, cursors[i]);
    change_all(w);
    for (size_t i = 0; i < N; i++) {
        struct http_answer a = changes(w, readers[i].who, readers[i].query, cursors[i]);
        struct json_iter it = json_iter(json_get(span_of(a.body), "items"));
        struct span entry;
        struct buf told = {0};
        while (json_next(&it, NULL, &entry))
            add_entry(&told, entry);
        if (strcmp(buf_text(&told), readers[i].told) != 0)
            fail_msg("%s %s: %s", readers[i].who, readers[i].query, buf_text(&told));
        buf_release(&told);
        http_answer_release(&a);
    }
}

static void read_until(struct http_client *c, struct buf *in, const char *what)
{
    char bytes[4096];
    while (!strstr(buf_text(in), what)) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            fail_msg("ended before \"%s\": %s", what, buf_text(in));
        buf_add(in, bytes, (size_t)n);
    }
}

static void open_stream(struct world *w, struct http_client *c, struct buf *in, const char *who,
                        const char *query)
{
    char text[1024];
    assert_true(http_connect(c, w->port));
    (void)snprintf(text, sizeof text,
                   "GET /v1/stream?prettyPrint=false%s HTTP/1.1\r\nHost: localhost\r\n"
                   "Authorization: Bearer %s\r\n\r\n",
                   query, who);
    assert_true(http_send_text(c, text));
    read_until(c, in, "event: hello\n");
}

/* All at once: those who asked alike share what is made for them, and only those. */
static void test_streams(void **state)
{
    struct world *w = *state;
    static struct http_client c[2 * N];
    struct buf in[2 * N] = {0};
    for (size_t i = 0; i < 2 * N; i++) {
        open_stream(w, &c[i], &in[i], readers[i % N].who, readers[i % N].query);
    }
    change_all(w);
    end_all(w);
    for (size_t i = 0; i < 2 * N; i++) {
        struct buf told = {0};
        read_until(&c[i], &in[i], "\"eventId\":\"end");
        *strstr(buf_text(&in[i]), "\"eventId\":\"end") = '\0';
        for (char *p = in[i].p; (p = strstr(p, "data: ")); p++)
            if (strchr(p, '\n') && !strstr(p, "\"hello\""))
                add_entry(&told, (struct span){p + 6, strcspn(p, "\n") - 6});
        if (strcmp(buf_text(&told), readers[i % N].told) != 0)
            fail_msg("%s %s: %s", readers[i % N].who, readers[i % N].query, buf_text(&told));
        buf_release(&told);
        buf_release(&in[i]);
        http_close(&c[i]);
    }
}

/* A reload that takes a client away ends its streams with the next change, and no others. */
static void test_a_client_that_goes(void **state)
{
    struct world *w = *state;
    struct http_client stays = {0}, goes = {0};
    struct buf told = {0}, not_told = {0}, options = {0};
    char byte;
    open_stream(w, &stays, &told, "homely", "");
    open_stream(w, &goes, &not_told, "own", "");
    write_clients(&options, 2);
    struct conf *fewer = world_conf(w->f.dir, buf_text(&options));
    serve_reload(w->serve, fewer);
    world_timed(w, "b", "2026-03-02T09:00:00", "2026-03-02T10:00:00", "");
    read_until(&stays, &told, "\"eventId\":\"b\"");
    while (!strstr(buf_text(&not_told), "eventId") && recv(goes.fd, &byte, 1, 0) == 1)
        buf_add_char(&not_told, byte);
    assert_null(strstr(buf_text(&not_told), "eventId"));
    http_close(&stays);
    http_close(&goes);
    serve_reload(w->serve, w->conf);
    conf_free(fewer);
    buf_release(&options);
    buf_release(&told);
    buf_release(&not_told);
}

/* What was lost is told of whatever was asked for. */
static void test_a_reset_is_of_every_type(void **state)
{
    struct world *w = *state;
    char cursor[2048];
    cursor_now(w, "all", cursor);
    world_remove(w, &w->me, "a");
    struct txn *t = begin_write(w->f.store);
    assert_true(changes_prune(t, &w->me, INT64_MAX, 1000) > 0);
    coll_put(t, &w->me);
    commit(t);
    struct http_answer a = changes(w, "all", "&types=created", cursor);
    assert_non_null(strstr(a.body, "\"type\":\"reset\""));
    http_answer_release(&a);
}

/* Whoever may see when a calendar is busy is not told what else of it changes. */
static void test_behind_a_veil(void **state)
{
    struct world *w = *state;
    char cursor[2048];
    cursor_now(w, "busy", cursor);
    world_timed(w, "a", "2026-03-02T09:00:00", "2026-03-02T10:00:00",
                ",\"location\":\"there\",\"transparency\":\"transparent\"");
    world_item(w, &w->roster, ME,
               "{\"id\":\"" ME
               "\",\"primary\":true,\"summary\":\"New\",\"description\":\"secret\"}",
               false);
    struct http_answer a = changes(w, "busy", "&include=event", cursor);
#define TIMES                                                                                    \
    "\"start\":{\"dateTime\":\"2026-03-02T09:00:00+01:00\",\"timeZone\":\"" ZONE "\"},\"end\":{" \
    "\"dateTime\":\"2026-03-02T10:00:00+01:00\",\"timeZone\":\"" ZONE "\"}"
    *strstr(a.body, ",\"cursor\"") = '\0';
    assert_string_equal(
        a.body,
        "{\"items\":[{\"type\":\"updated\",\"account\":\"home\",\"calendarId\":\"" ME
        "\",\"eventId\":\"a\",\"changed\":[\"transparency\"]," TIMES
        ",\"event\":{\"visibility\":\"private\",\"transparency\":\"transparent\","
        "\"kind\":\"calendar#event\",\"etag\":\"\\\"1\\\"\",\"id\":\"a\",\"status\":\"confirmed\","
        "\"updated\":\"2026-01-01T00:00:00.000Z\"," TIMES "}},"
        "{\"type\":\"calendar\",\"account\":\"home\",\"calendarId\":\"" ME
        "\",\"change\":\"updated\",\"summary\":\"New\"}]");
    http_answer_release(&a);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pages),
        TEST(test_streams),
        TEST(test_a_client_that_goes),
        TEST(test_a_reset_is_of_every_type),
        TEST(test_behind_a_veil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
