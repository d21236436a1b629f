/* test_serve_cache: answers kept in memory are those that would be made anew. */
#include "core/serve/cache.h"

#include <malloc.h>

#include "tests/unit/serve_fixture.h"

#define WEEK EV "?timeMin=2026-01-05T00:00:00Z&timeMax=2026-01-12T00:00:00Z"

static struct http_answer ask(struct world *w, const char *target, const char *headers)
{
    struct http_answer a = http_ask(w->port, "GET", target, headers, "");
    assert_int_not_equal(a.status, 0);
    return a;
}

/* Asked so often that it is kept: the third answer comes from memory. */
static void warm(struct world *w, const char *target)
{
    for (int i = 0; i < 3; i++) {
        struct http_answer a = ask(w, target, "");
        http_answer_release(&a);
    }
}

static void test_follows_changes(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 10; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "e%d", i);
        world_timed(w, id, "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
        warm(w, WEEK);
        struct http_answer a = ask(w, WEEK, "");
        assert_non_null(strstr(ids_of(&a), id));
        http_answer_release(&a);
    }
    /* A change elsewhere leaves it as it is. */
    struct http_answer before = ask(w, WEEK, "");
    world_event(w, &w->other, "{\"id\":\"x\",\"start\":{\"date\":\"2026-01-06\"}}");
    struct http_answer after = ask(w, WEEK, "");
    assert_string_equal(before.body, after.body);
    http_answer_release(&before);
    http_answer_release(&after);
    /* A calendar that is gone is gone at once. */
    w->me.state = COLL_GONE;
    struct txn *t = begin_write(w->f.store);
    coll_put(t, &w->me);
    commit(t);
    expect_error(w, 404, "notFound", WEEK);
}

static void test_forms(void **state)
{
    struct world *w = *state;
    char etag[256], text[256], header[300];
    for (int i = 0; i < 20; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "e%d", i);
        world_timed(w, id, "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    }
    struct http_answer fresh = ask(w, WEEK, "");
    (void)http_answer_header(&fresh, "ETag", etag);
    warm(w, WEEK);
    for (int i = 0; i < 3; i++) {
        struct http_answer a = ask(w, WEEK, "");
        assert_string_equal(a.body, fresh.body);
        assert_string_equal(http_answer_header(&a, "ETag", text), etag);
        assert_string_equal(http_answer_header(&a, "Content-Type", text),
                            "application/json; charset=UTF-8");
        http_answer_release(&a);
        a = ask(w, WEEK, "Accept-Encoding: gzip\r\n");
        assert_string_equal(http_answer_header(&a, "Content-Encoding", text), "gzip");
        assert_true(a.n < fresh.n / 3);
        http_answer_release(&a);
        (void)snprintf(header, sizeof(header), "If-None-Match: %s\r\n", etag);
        a = ask(w, WEEK, header);
        assert_int_equal(a.status, 304);
        assert_int_equal(a.n, 0);
        assert_string_equal(http_answer_header(&a, "ETag", text), etag);
        http_answer_release(&a);
        a = http_ask(w->port, "HEAD", WEEK, "", "");
        assert_int_equal((size_t)atol(http_answer_header(&a, "Content-Length", text)), fresh.n);
        http_answer_release(&a);
    }
    http_answer_release(&fresh);
    /* Other queries are other answers. */
    struct http_answer a = ask(w, WEEK "&maxResults=1", "");
    assert_string_equal(ids_of(&a), "e0");
    http_answer_release(&a);
}

static void test_age(void **state)
{
    struct world *w = *state;
    char text[256];
    world_timed(w, "e", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    warm(w, WEEK);
    clock_shift(100000, 0);
    struct http_answer a = ask(w, WEEK, "");
    assert_true(atoi(http_answer_header(&a, "Age", text)) >= 103);
    http_answer_release(&a);
    /* A pull that found nothing makes it fresh without changing it. */
    w->me.fresh_ms = clock_wall_ms();
    struct txn *t = begin_write(w->f.store);
    coll_put(t, &w->me);
    commit(t);
    a = ask(w, WEEK, "");
    assert_true(atoi(http_answer_header(&a, "Age", text)) < 100);
    http_answer_release(&a);
    clock_shift(-100000, 0);
}

/* The calendar list's answers are made with the config; entries of it do not follow their
 * calendar's version. */
static void test_list_entries(void **state)
{
    struct world *w = *state;
    char text[2048];
    warm(w, "/calendar/v3/calendars/primary");
    warm(w, "/calendar/v3/users/me/calendarList");
    world_item(w, &w->roster, ME, "{\"id\":\"" ME "\",\"summary\":\"New\",\"primary\":true}",
               false);
    struct http_answer a = ask(w, "/calendar/v3/calendars/primary", "");
    assert_string_equal(member(&a, "summary", text), "New");
    http_answer_release(&a);
    struct conf *conf = world_conf(w->f.dir, "account = work\n");
    warm(w, "/calendar/v3/users/me/calendarList");
    serve_reload(w->serve, conf);
    conf_free(w->conf);
    w->conf = conf;
    expect_ids(w, "/calendar/v3/users/me/calendarList", GROUP);
}

/* With room for little, what was used last stays, and all of it stays right. */
static void test_little_room(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "e%02d", i);
        world_timed(w, id, "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    }
    for (int round = 0; round < 4; round++)
        for (int n = 1; n <= 50; n++) {
            char target[256];
            (void)snprintf(target, sizeof(target), WEEK "&maxResults=%d", n);
            struct http_answer a = ask(w, target, n % 2 ? "" : "Accept-Encoding: gzip\r\n");
            assert_int_equal(a.status, 200);
            if (n % 2)
                assert_int_equal(strlen(ids_of(&a)), 4 * (size_t)n - 1);
            http_answer_release(&a);
        }
}

static const char *no_header(const void *source, const char *name)
{
    (void)source;
    (void)name;
    return NULL;
}

/* Asked for "/NAME"; if it has to be made, `n` bytes are. Does the cache hold it afterwards? */
static bool asked(struct cache *cache, struct world *w, const char *name, size_t n)
{
    struct call c = {.conf = w->conf,
                     .store = w->f.store,
                     .caller = {.trusted = true},
                     .method = "GET",
                     .path = span_of(name),
                     .header = no_header,
                     .now_ms = clock_wall_ms(),
                     .commits = store_commits(w->f.store),
                     .answer = {.status = 200, .etag = "\"e\"", .coll = w->me.no}};
    c.answer.version = w->me.version;
    struct httpd_response *r = cache_find(cache, &c);
    if (!r) {
        for (size_t i = 0; i < n; i++)
            buf_add_char(&c.out, 'x');
        r = cache_keep(cache, &c);
    }
    httpd_response_unref(r);
    call_release(&c);
    return r != NULL;
}

static bool holds(struct cache *cache, struct world *w, const char *name)
{
    return asked(cache, w, name, 1 << 20); /* what is as long as this is never kept */
}

static void test_what_is_kept(void **state)
{
    struct world *w = *state;
    struct cache *cache = cache_new(64 << 10); /* an entry takes two KiB more than its body */
    assert_non_null(cache);
    assert_false(asked(cache, w, "a", 4096)); /* once is not enough */
    assert_false(holds(cache, w, "a"));
    assert_true(asked(cache, w, "a", 4096));
    assert_true(holds(cache, w, "a"));
    assert_false(asked(cache, w, "long", 8200));
    assert_false(asked(cache, w, "long", 8200));
    for (char name[] = "b"; name[0] <= 'o'; name[0]++) { /* 14 more, for ten of which is room */
        (void)asked(cache, w, name, 4096);
        assert_true(asked(cache, w, name, 4096));
        assert_true(holds(cache, w, "a")); /* is used all the time */
    }
    for (char name[] = "b"; name[0] <= 'o'; name[0]++)
        assert_int_equal(holds(cache, w, name), name[0] > 'f');
    world_event(w, &w->other, "{\"id\":\"x\",\"start\":{\"date\":\"2026-01-06\"}}");
    assert_true(holds(cache, w, "o"));
    world_event(w, &w->me, "{\"id\":\"x\",\"start\":{\"date\":\"2026-01-06\"}}");
    assert_false(holds(cache, w, "o"));
    assert_true(asked(cache, w, "o", 4096));
    cache_clear(cache);
    assert_false(holds(cache, w, "o"));
    cache_free(cache);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2(); /* a sanitizer's heap says nothing of itself */
    return info.uordblks + info.hblkhd;
}

/* What is kept takes no more memory than it may, whatever was reserved to make it. */
static void test_memory(void **state)
{
    struct world *w = *state;
    size_t at_first = 0, most = w->conf->api.cache_size;
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "e%02d", i);
        world_timed(w, id, "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
    }
    for (int n = 0; n < 250; n++) {
        char target[128];
        (void)snprintf(target, sizeof(target), WEEK "&maxResults=%d", 250 + n);
        for (int i = 0; i < 3; i++) {
            struct http_answer a = ask(w, target, "Accept-Encoding: gzip\r\n");
            http_answer_release(&a);
        }
        if (n == 0)
            at_first = heap_in_use();
    }
    assert_in_range(heap_in_use(), 0, at_first + most + most / 4);
}

static int setup_roomy(void **state)
{
    return world_setup_with(state, "cache_size = 2MiB\n");
}

static int setup_little(void **state)
{
    return world_setup_with(state, "cache_size = 100KiB\n");
}

static int setup_none(void **state)
{
    return world_setup_with(state, "cache_size = 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_follows_changes),
        WORLD(test_forms),
        WORLD(test_age),
        WORLD(test_list_entries),
        WORLD(test_what_is_kept),
        cmocka_unit_test_setup_teardown(test_little_room, setup_little, world_teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup_roomy, world_teardown),
        cmocka_unit_test_setup_teardown(test_follows_changes, setup_none, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
