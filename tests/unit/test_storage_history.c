/* The change log's rows: what happened to an item, told to readers who stand at different places.
 */
#include "tests/unit/storage_fixture.h"

struct world {
    struct fixture *f;
    struct collection c;
};

static struct world world_of(void **state)
{
    struct world w = {.f = *state};
    w.c = make_calendar(w.f->store, "a", COLL_READY);
    return w;
}

/* Puts the event `raw`; returns the number where the log then stands. */
static uint64_t put(struct world *w, const char *raw, uint32_t flags)
{
    struct event ev = {.id = S("e"),
                       .raw = {raw, strlen(raw)},
                       .start_ms = HOUR,
                       .end_ms = 2 * HOUR,
                       .flags = flags};
    put_one(w->f->store, &w->c, &ev);
    return w->c.version;
}

static uint64_t take_away(struct world *w)
{
    struct txn *t = begin_write(w->f->store);
    assert_true(event_remove(t, &w->c, S("e")));
    coll_put(t, &w->c);
    commit(t);
    return w->c.version;
}

/* What a reader at `after` is told of the one row behind it: "live summary,start 9..10", or "-" for
 * no row. */
static const char *told(struct world *w, uint64_t after)
{
    static char out[4096];
    struct txn *t = begin_read(w->f->store);
    struct change_iter *it = NULL;
    struct change row;
    struct change_since since;
    struct buf names = {0};
    assert_int_equal(changes_open(t, &w->c, after, &it), RC_OK);
    (void)snprintf(out, sizeof(out), "-");
    if (changes_next(it, &row)) {
        change_since(&row, after, &names, &since);
        for (size_t i = 0; i + 1 < names.n; i++)
            if (names.p[i] == '\0')
                names.p[i] = ',';
        (void)snprintf(out, sizeof(out), "%s%s %s %.*s..%.*s", since.was_live ? "live" : "new",
                       since.partial ? "?" : "", buf_text(&names), (int)since.start.n,
                       since.start.n ? since.start.p : "", (int)since.end.n,
                       since.end.n ? since.end.p : "");
        assert_false(changes_next(it, &row));
    }
    changes_close(it);
    txn_abort(t);
    buf_release(&names);
    return out;
}

static void test_each_reader_is_told_what_it_missed(void **state)
{
    struct world w = world_of(state);
    uint64_t came = put(&w, "{\"id\":\"e\",\"summary\":\"a\",\"start\":9,\"end\":10}", 0);
    assert_string_equal(told(&w, 0), "new  ..");
    assert_string_equal(told(&w, came), "-");
    uint64_t named = put(&w, "{\"id\":\"e\",\"summary\":\"b\",\"start\":9,\"end\":10}", 0);
    assert_string_equal(told(&w, 0), "new summary ..");
    assert_string_equal(told(&w, came), "live summary ..");
    uint64_t moved = put(&w, "{\"id\":\"e\",\"summary\":\"b\",\"start\":11,\"end\":12}", 0);
    assert_string_equal(told(&w, came), "live summary,start,end 9..10");
    assert_string_equal(told(&w, named), "live start,end 9..10");
    put(&w, "{\"id\":\"e\",\"start\":13,\"end\":12,\"new\":[1,2]}", 0);
    assert_string_equal(told(&w, moved), "live start,new,summary 11..");
    assert_string_equal(told(&w, named), "live start,end,new,summary 9..10");
}

static void test_removed_and_back(void **state)
{
    struct world w = world_of(state);
    uint64_t came = put(&w, "{\"summary\":\"a\",\"start\":9,\"end\":10}", 0);
    uint64_t gone = take_away(&w);
    assert_string_equal(told(&w, came), "live  9..10");
    assert_string_equal(told(&w, 0), "new  9..10");
    uint64_t back = put(&w, "{\"summary\":\"b\",\"start\":11,\"end\":12}", 0);
    assert_string_equal(told(&w, gone), "new?  ..");
    assert_string_equal(told(&w, came), "live?  9..10");
    put(&w, "{\"status\":\"cancelled\"}", EVENT_CANCELLED);
    assert_string_equal(told(&w, back), "live status,summary,start,end 11..12");
    uint64_t cancelled = w.c.version;
    put(&w, "{\"summary\":\"c\"}", 0);
    assert_string_equal(told(&w, cancelled), "new summary,status ..");
}

static void test_old_steps_become_one(void **state)
{
    struct world w = world_of(state);
    uint64_t at[20];
    char raw[64];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(raw, sizeof(raw), "{\"m%d\":1,\"start\":%d}", i, i);
        at[i] = put(&w, raw, 0);
    }
    assert_string_equal(told(&w, at[18]), "live m19,start,m18 18..");
    assert_string_equal(told(&w, at[17]), "live m18,start,m17,m19 17..");
    assert_string_equal(told(&w, at[19]), "-");
    assert_memory_equal(told(&w, 0), "new ", 4);
    assert_non_null(strstr(told(&w, at[12]), " 12.."));
    assert_null(strstr(told(&w, at[12]), "m11"));
    /* Behind the steps kept apart: all of them, none missing. */
    for (int i = 0; i < 20; i++) {
        (void)snprintf(raw, sizeof(raw), "m%d,", i);
        assert_true(strstr(told(&w, 0), raw) || i == 19);
    }
    assert_non_null(strstr(told(&w, 0), "m19"));
    assert_non_null(strstr(told(&w, at[3]), "m4,"));
    assert_null(strstr(told(&w, 0), "?"));
}

static void test_very_many_members_are_partial(void **state)
{
    struct world w = world_of(state);
    struct buf raw = {0};
    uint64_t came = put(&w, "{}", 0);
    buf_add_char(&raw, '{');
    for (int i = 0; i < 300; i++)
        buf_printf(&raw, "%s\"member%d\":%d", i ? "," : "", i, i);
    buf_add_char(&raw, '}');
    put(&w, buf_text(&raw), 0);
    buf_release(&raw);
    assert_memory_equal(told(&w, came), "live? member0,", 14);
}

/* Each step has room for its names, the one that they become has not. */
static void test_joined_steps_are_partial(void **state)
{
    struct world w = world_of(state);
    uint64_t came = put(&w, "{}", 0), last = 0;
    char raw[400];
    for (int i = 0; i < 14; i++) {
        (void)snprintf(raw, sizeof(raw), i < 5 ? "{\"m%d%0300d\":1}" : "{\"s\":%d}", i, 0);
        if (i == 12)
            last = w.c.version;
        put(&w, raw, 0);
    }
    assert_non_null(strstr(told(&w, came), "? "));
    assert_string_equal(told(&w, last), "live s ..");
}

static void test_a_name_that_begins_like_another(void **state)
{
    struct world w = world_of(state);
    uint64_t came = put(&w, "{\"endTimeUnspecified\":1,\"end\":1}", 0);
    put(&w, "{\"endTimeUnspecified\":2,\"end\":2}", 0);
    assert_string_equal(told(&w, came), "live endTimeUnspecified,end ..1");
}

/* Lengths in a row have 16 bits. */
static void test_a_former_value_of_any_length(void **state)
{
    struct world w = world_of(state);
    struct buf raw = {.cap = 100000};
    buf_printf(&raw, "{\"start\":\"%065600d\",\"end\":10,\"z\":1}", 0);
    uint64_t came = put(&w, buf_text(&raw), 0);
    buf_release(&raw);
    put(&w, "{\"start\":11,\"end\":12,\"z\":1}", 0);
    assert_string_equal(told(&w, came), "live start,end ..10");
}

static void test_what_is_no_json_is_partial(void **state)
{
    struct world w = world_of(state);
    uint64_t came = put(&w, "one", 0);
    put(&w, "two", 0);
    assert_string_equal(told(&w, came), "live?  ..");
}

/* The member may stand anywhere, and its name be written in any way: bytes are compared. */
static void test_order_of_members_does_not_matter(void **state)
{
    struct world w = world_of(state);
    uint64_t came = put(&w, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", 0);
    put(&w, "{\"d\":4,\"c\":3,\"e\":{\"x\":[]},\"a\":1}", 0);
    assert_string_equal(told(&w, came), "live e,b ..");
}

static void test_damaged_rows_say_that_they_do_not_know(void **state)
{
    struct world w = world_of(state);
    put(&w, "{\"a\":1}", 0);
    put(&w, "{\"a\":2}", 0);
    damage_value(w.f->store, SPACE_CHANGE, 0, 20);
    assert_string_equal(told(&w, 0), "live?  ..");
    put(&w, "{\"a\":3}", 0);
    assert_string_equal(told(&w, 0), "live? a ..");
}

static void test_items_have_steps_too(void **state)
{
    struct fixture *f = *state;
    struct world w = {.f = f, .c = {.account = 1, .kind = COLL_ROSTER, .state = COLL_READY}};
    struct item item = {.id = S("cal"), .raw = S("{\"summary\":\"a\"}")};
    for (int i = 0; i < 2; i++) {
        struct txn *t = begin_write(f->store);
        coll_put(t, &w.c);
        item_put(t, &w.c, &item);
        coll_put(t, &w.c);
        commit(t);
        item.raw = S("{\"summary\":\"b\"}");
    }
    assert_string_equal(told(&w, 0), "new summary ..");
    assert_string_equal(told(&w, 1), "live summary ..");
    struct txn *t = begin_write(f->store);
    assert_true(item_remove(t, &w.c, S("cal")));
    coll_put(t, &w.c);
    commit(t);
    assert_string_equal(told(&w, 2), "live  ..");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_each_reader_is_told_what_it_missed),
        TEST(test_removed_and_back),
        TEST(test_old_steps_become_one),
        TEST(test_very_many_members_are_partial),
        TEST(test_joined_steps_are_partial),
        TEST(test_a_name_that_begins_like_another),
        TEST(test_a_former_value_of_any_length),
        TEST(test_what_is_no_json_is_partial),
        TEST(test_order_of_members_does_not_matter),
        TEST(test_damaged_rows_say_that_they_do_not_know),
        TEST(test_items_have_steps_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
