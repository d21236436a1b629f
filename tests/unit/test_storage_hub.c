/* The hub: whoever waits hears of every commit, once, and of which collections it wrote. */
#include "storage/hub.h"
#include "tests/unit/storage_fixture.h"

static void count_wake(void *arg)
{
    ++*(unsigned *)arg;
}

/* "1 3", or "all"; "" when there is nothing. */
static const char *news(struct fixture *f, struct hub_listener *l)
{
    static char text[256];
    struct hub_news got;
    hub_take(f->store, l, &got);
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < got.n; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", i ? " " : "", got.colls[i]);
        assert_true(hub_news_has(&got, got.colls[i]));
    }
    assert_int_equal(hub_news_has(&got, UINT32_MAX), got.all);
    free(got.colls);
    return got.all ? "all" : text;
}

static void put_new(struct fixture *f, struct collection *c, const char *id)
{
    struct event ev = make_event(id, HOUR, 2 * HOUR);
    put_one(f->store, c, &ev);
}

static void test_commits_wake_and_name_what_was_written(void **state)
{
    struct fixture *f = *state;
    unsigned wakes = 0;
    struct hub_listener l = {.wake = count_wake, .arg = &wakes};
    struct collection a = make_calendar(f->store, "a", COLL_READY);
    struct collection b = make_calendar(f->store, "b", COLL_READY);
    hub_join(f->store, &l);
    assert_string_equal(news(f, &l), "all");
    assert_string_equal(news(f, &l), "");
    assert_int_equal(wakes, 0);

    struct event ev = make_event("e", HOUR, 2 * HOUR);
    put_one(f->store, &b, &ev);
    assert_int_equal(wakes, 1);
    ev.end_ms = 3 * HOUR;
    put_one(f->store, &b, &ev);
    put_one(f->store, &a, &ev);
    assert_int_equal(wakes, 1); /* one wake until it is taken */
    assert_int_equal(hub_seq(f->store), a.version);
    assert_string_equal(news(f, &l), "1 2");
    put_new(f, &a, "f");
    assert_int_equal(wakes, 2);
    assert_string_equal(news(f, &l), "1");
    struct txn *t = begin_write(f->store);
    coll_delete(t, b.no);
    commit(t);
    assert_int_equal(wakes, 3);
    assert_string_equal(news(f, &l), "2");
    hub_leave(f->store, &l);
    put_new(f, &a, "g");
    assert_int_equal(wakes, 3);
    hub_leave(f->store, &l); /* not there: nothing happens */
}

static void test_everyone_is_woken(void **state)
{
    struct fixture *f = *state;
    unsigned wakes[3] = {0};
    struct hub_listener l[3];
    struct collection a = make_calendar(f->store, "a", COLL_READY);
    struct collection b = make_calendar(f->store, "b", COLL_READY);
    for (size_t i = 0; i < 3; i++) {
        l[i] = (struct hub_listener){.wake = count_wake, .arg = &wakes[i]};
        hub_join(f->store, &l[i]);
        assert_string_equal(news(f, &l[i]), "all");
    }
    put_new(f, &b, "e");
    put_new(f, &a, "e");
    put_new(f, &b, "f");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wakes[i], 1);
        assert_string_equal(news(f, &l[i]), "1 2");
    }
    hub_leave(f->store, &l[1]);
    put_new(f, &a, "g");
    assert_true(wakes[0] == 2 && wakes[1] == 1 && wakes[2] == 2);
    hub_leave(f->store, &l[0]);
    hub_leave(f->store, &l[2]);
}

static void test_what_is_not_committed_wakes_nobody(void **state)
{
    struct fixture *f = *state;
    unsigned wakes = 0;
    struct hub_listener l = {.wake = count_wake, .arg = &wakes};
    struct collection a = make_calendar(f->store, "a", COLL_READY);
    uint64_t seq = hub_seq(f->store);
    hub_join(f->store, &l);
    struct txn *t = begin_write(f->store);
    struct event ev = make_event("e", HOUR, 2 * HOUR);
    event_put(t, &a, &ev);
    coll_put(t, &a);
    txn_abort(t);
    commit(begin_write(f->store)); /* nothing was written */
    assert_int_equal(wakes, 0);
    assert_int_equal(hub_seq(f->store), seq);
    hub_leave(f->store, &l);
}

static void test_very_many_collections_are_all(void **state)
{
    struct fixture *f = *state;
    unsigned wakes = 0;
    struct hub_listener l = {.wake = count_wake, .arg = &wakes};
    hub_join(f->store, &l);
    assert_string_equal(news(f, &l), "all");
    struct txn *t = begin_write(f->store);
    for (int i = 0; i < 5000; i++) {
        struct collection c = {.account = 1, .kind = COLL_EVENTS, .state = COLL_NEW};
        snprintf(c.calendar, sizeof(c.calendar), "calendar%d", i);
        coll_put(t, &c);
    }
    commit(t);
    assert_int_equal(wakes, 1);
    assert_string_equal(news(f, &l), "all");
    hub_leave(f->store, &l);
}

static void test_the_number_outlives_the_process(void **state)
{
    struct fixture *f = *state;
    struct collection a = make_calendar(f->store, "a", COLL_READY);
    put_new(f, &a, "e");
    uint64_t seq = hub_seq(f->store);
    assert_true(seq > 0);
    store_close(f->store);
    fixture_open(f);
    assert_int_equal(hub_seq(f->store), seq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits_wake_and_name_what_was_written, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_everyone_is_woken, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_committed_wakes_nobody, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_very_many_collections_are_all, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_number_outlives_the_process, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
