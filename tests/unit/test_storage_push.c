/* test_storage_push: the file of what clients left with us: channels, marks, dead letters. */
#include "storage/push.h"

#include "core/base/text.h"
#include "tests/unit/storage_fixture.h"

static int push_setup(void **state)
{
    (void)fixture_setup(state);
    struct fixture *f = *state;
    store_close(f->store);
    f->options.file = STORE_PUSH;
    fixture_open(f);
    return 0;
}

static struct txn *begin(struct fixture *f)
{
    struct txn *t;
    assert_int_equal(txn_write(f->store, &t, NULL), RC_OK);
    return t;
}

static void end(struct txn *t)
{
    assert_int_equal(txn_commit(t, NULL), RC_OK);
}

static bool count(void *arg, const struct push_channel *c)
{
    assert_true(c->id[0]);
    ++*(unsigned *)arg;
    return true;
}

static void test_channels(void **state)
{
    struct fixture *f = *state;
    struct push_channel c = {.id = "one",
                             .client = "board",
                             .account = "work",
                             .kind = COLL_EVENTS,
                             .calendar = "a@example.com",
                             .primary = 1,
                             .address = "https://example.com/hook",
                             .token = "t\xc3\xb6k",
                             .resource_id = "abcdefghijklmnopqrstuvwxyz0",
                             .state = PUSH_LIVE,
                             .expires_ms = 1700000000000,
                             .cursor = UINT64_MAX - 1,
                             .number = 7,
                             .last_error = "no"};
    struct push_channel back;
    struct txn *t = begin(f);
    push_channel_put(t, &c);
    (void)text_copy(c.id, sizeof c.id, S("two"));
    push_channel_put(t, &c);
    end(t);
    store_close(f->store);
    fixture_open(f);

    t = begin(f);
    assert_int_equal(push_channel_get(t, S("two"), &back), RC_OK);
    assert_memory_equal(&back, &c, sizeof c);
    assert_int_equal(push_channel_get(t, S("three"), &back), RC_NOTFOUND);
    push_channel_delete(t, S("two"));
    push_channel_delete(t, S("three"));
    unsigned n = 0;
    assert_int_equal(push_channels_each(t, count, &n), 0);
    assert_int_equal(n, 1);
    end(t);
}

/* A channel whose record went bad is not made up, and not told to anybody. */
static void test_a_damaged_channel(void **state)
{
    struct fixture *f = *state;
    struct push_channel c = {.id = "one"}, back;
    struct txn *t = begin(f);
    push_channel_put(t, &c);
    struct key k = key_text(S("one"));
    uint8_t *record = space_reserve(t, SPACE_PUSH_CHANNEL, &k, 20);
    memset(record, 0x55, RECORD_HEAD + 20);
    end(t);
    t = begin(f);
    unsigned n = 0;
    assert_int_equal(push_channel_get(t, S("one"), &back), RC_BADDATA);
    assert_int_equal(push_channels_each(t, count, &n), 1);
    assert_int_equal(n, 0);
    txn_abort(t);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 1);
}

static bool count_mark(void *arg, const struct push_mark *m)
{
    (void)m;
    ++*(unsigned *)arg;
    return true;
}

static void test_marks(void **state)
{
    struct fixture *f = *state;
    struct push_mark m = {.coll = 3, .hook = "backup", .place = {12, 11, 10}, .failed_ms = 2}, back;
    struct txn *t = begin(f);
    push_mark_put(t, &m);
    m.coll = 4;
    push_mark_put(t, &m);
    end(t);
    t = begin(f);
    assert_int_equal(push_mark_get(t, 4, "backup", &back), RC_OK);
    assert_int_equal(back.coll, m.coll);
    assert_string_equal(back.hook, m.hook);
    assert_memory_equal(&back.place, &m.place, sizeof m.place);
    assert_int_equal(back.failed_ms, m.failed_ms);
    assert_int_equal(push_mark_get(t, 4, "other", &back), RC_NOTFOUND);
    push_mark_delete(t, 4, "backup");
    unsigned n = 0;
    push_marks_each(t, count_mark, &n);
    assert_int_equal(n, 1);
    push_marks_clear(t);
    n = 0;
    push_marks_each(t, count_mark, &n);
    assert_int_equal(n, 0);
    end(t);
}

/* A hook whose mark cannot be read starts over, as one that has none. */
static void test_a_damaged_mark(void **state)
{
    struct fixture *f = *state;
    struct push_mark m = {.coll = 3, .hook = "backup"}, back;
    unsigned n = 0;
    struct txn *t = begin(f);
    push_mark_put(t, &m);
    struct key k = key_id(3, S("backup"));
    uint8_t *record = space_reserve(t, SPACE_PUSH_MARK, &k, 2);
    memset(record, 0x55, RECORD_HEAD + 2);
    record_seal(SPACE_PUSH_MARK, key_span(&k), record, RECORD_HEAD + 2); /* sound, but too short */
    end(t);
    t = begin(f);
    assert_int_equal(push_mark_get(t, 3, "backup", &back), RC_NOTFOUND);
    push_marks_each(t, count_mark, &n);
    assert_int_equal(n, 0);
    push_mark_put(t, &m);
    assert_int_equal(push_mark_get(t, 3, "backup", &back), RC_OK);
    end(t);
}

struct seen {
    uint64_t v[8];
    unsigned n;
};

static bool see(void *arg, const struct push_dead *d)
{
    struct seen *s = arg;
    s->v[s->n++] = d->number;
    return s->n < 8;
}

static void test_dead_letters(void **state)
{
    struct fixture *f = *state;
    struct push_dead d = {.hook = "backup",
                          .account = "work",
                          .calendar = "a",
                          .seq = 9,
                          .attempts = 3,
                          .error = "HTTP 500",
                          .body = S("{\"seq\":9}")};
    struct push_dead back;
    struct seen seen = {0};
    struct txn *t = begin(f);
    for (unsigned i = 0; i < 3; i++) {
        d.number = 0;
        push_dead_put(t, &d);
        assert_int_equal(d.number, i + 1);
    }
    end(t);
    t = begin(f);
    push_dead_delete(t, 2);
    push_dead_each(t, 0, see, &seen);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.v[1], 3);
    txn_abort(t);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 0);
    t = begin(f);
    push_dead_delete(t, 2);
    assert_int_equal(push_dead_get(t, 3, &back), RC_OK);
    assert_true(span_is(back.body, "{\"seq\":9}"));
    assert_string_equal(back.error, "HTTP 500");
    assert_int_equal(push_dead_get(t, 2, &back), RC_NOTFOUND);
    d.number = 0;
    push_dead_put(t, &d);
    assert_int_equal(d.number, 4); /* never given out again */
    end(t);
}

static void test_whose_numbers(void **state)
{
    struct fixture *f = *state;
    char id[33] = "x";
    struct txn *t = begin(f);
    push_mirror_get(t, id);
    assert_string_equal(id, "");
    push_mirror_put(t, "0123456789abcdef0123456789abcdef");
    push_mirror_get(t, id);
    assert_string_equal(id, "0123456789abcdef0123456789abcdef");
    end(t);
}

/* It says what makes room in this file, which mirror.map_size is not about; and that does. */
static void test_full(void **state)
{
    struct fixture *f = *state;
    static char body[20000];
    struct push_dead d = {.hook = "backup", .body = {body, sizeof body}};
    struct txn *t;
    struct err e = {0};
    store_close(f->store);
    f->options.map_bytes = 2 << 20;
    fixture_open(f);
    enum rc rc = RC_OK;
    uint64_t first = 0;
    for (int i = 0; rc == RC_OK && i < 1000; i++) {
        t = begin(f);
        d.number = 0;
        push_dead_put(t, &d);
        first = first ? first : d.number;
        rc = txn_commit(t, &e);
    }
    assert_int_equal(rc, RC_FULL);
    assert_null(strstr(e.text, "map_size"));
    assert_non_null(strstr(e.text, "calmirror hooks drop"));
    for (unsigned i = 0; i < 3; i++) {
        t = begin(f);
        push_dead_delete(t, first + i);
        end(t);
    }
    t = begin(f);
    d.number = 0;
    push_dead_put(t, &d);
    end(t);
}

/* Both files of one directory can be open; setting one aside leaves the other. */
static void test_beside_the_mirror(void **state)
{
    struct fixture *f = *state;
    struct store_options opt = {.no_fsync = true};
    struct store *mirror;
    char path[128];
    assert_int_equal(store_open(&mirror, f->dir, &opt, NULL), RC_OK);
    store_close(f->store);
    assert_int_equal(store_set_aside_file(f->dir, STORE_PUSH, NULL), RC_OK);
    snprintf(path, sizeof path, "%s/mirror.mdb", f->dir);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/push.mdb", f->dir);
    assert_int_not_equal(access(path, F_OK), 0);
    store_close(mirror);
    fixture_open(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_channels, push_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_channel, push_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_marks, push_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_mark, push_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_dead_letters, push_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_whose_numbers, push_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_full, push_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_beside_the_mirror, push_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
