/* T-LONG-READER, T-DISK-FULL: what is known of commits that fail, and of views that are held too
 * long. */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/storage_fixture.h"

#include "core/base/clock.h"
#include "storage/guard.h"
#include "storage/trouble.h"

#define MINUTE INT64_C(60000)

static enum rc put(struct fixture *f, struct collection *c, int n)
{
    static char raw[8000];
    struct err e = {0};
    struct txn *t = NULL;
    if (txn_write(f->store, &t, &e) != RC_OK)
        fail_msg("%s", e.text);
    memset(raw, 'a' + n % 26, sizeof(raw));
    struct event ev = make_event("one", n, n + HOUR);
    struct collection before = *c;
    ev.raw = (struct span){raw, sizeof(raw)};
    event_put(t, c, &ev);
    coll_put(t, c);
    enum rc rc = txn_commit(t, &e);
    if (rc != RC_OK)
        *c = before;
    return rc;
}

static char first_byte(struct txn *t, uint32_t coll)
{
    struct event ev;
    assert_int_equal(event_get(t, coll, S("one"), &ev), RC_OK);
    return ev.raw.p[0];
}

/* A live reader holds its view for an hour: the writer goes on, it is told, and what was freed is
 * used again once the reader ends. */
static void test_reader_of_an_hour(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    assert_int_equal(put(f, &c, 0), RC_OK);
    struct txn *reader = begin_read(f->store);
    char seen = first_byte(reader, c.no);
    store_reap_readers(f->store);
    assert_int_equal(store_held_ms(f->store), 0); /* its view is the newest */
    for (int minute = 1; minute <= 61; minute++) {
        clock_shift(0, MINUTE);
        assert_int_equal(put(f, &c, minute), RC_OK);
        store_reap_readers(f->store);
    }
    assert_in_range(store_held_ms(f->store), 60 * MINUTE, 61 * MINUTE);
    assert_int_equal(first_byte(reader, c.no), seen);
    struct store_usage held, after;
    store_usage(f->store, &held);
    assert_true(held.oldest_reader_txns >= 60);
    txn_abort(reader);
    store_reap_readers(f->store);
    assert_int_equal(store_held_ms(f->store), 0);
    for (int n = 0; n < 200; n++)
        assert_int_equal(put(f, &c, n), RC_OK);
    store_usage(f->store, &after);
    assert_true(after.file_bytes <= held.file_bytes + (64 << 10));
}

/* Readers that come and go are none that holds. */
static void test_busy_readers(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    for (int n = 0; n < 30; n++) {
        struct txn *reader = begin_read(f->store);
        assert_int_equal(put(f, &c, n), RC_OK);
        clock_shift(0, MINUTE);
        store_reap_readers(f->store);
        assert_int_equal(store_held_ms(f->store), 0);
        txn_abort(reader);
    }
}

/* The map bounds what a held view can cost: then commits fail, reads go on, and its end mends it.
 */
static void test_held_until_the_map_is_full(void **state)
{
    struct fixture *f = *state;
    struct err why = {0};
    int64_t since_ms = 0;
    store_close(f->store);
    f->options.map_bytes = 2 << 20;
    fixture_open(f);
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    assert_int_equal(put(f, &c, 0), RC_OK);
    struct txn *reader = begin_read(f->store);
    int n = 1;
    enum rc rc = RC_OK;
    while (n < 1000 && (rc = put(f, &c, n)) == RC_OK)
        n++;
    assert_int_equal(rc, RC_FULL);
    assert_true(store_trouble(f->store, &why, &since_ms));
    assert_non_null(strstr(why.text, "MAP_FULL"));
    assert_true(since_ms > 0);
    assert_int_equal(first_byte(reader, c.no), 'a');
    assert_int_equal(put(f, &c, n), RC_FULL);
    txn_abort(reader);
    assert_int_equal(put(f, &c, n), RC_OK);
    assert_false(store_trouble(f->store, &why, &since_ms));
}

static bool meta_fails;

/* In place of the system's, also for LMDB: its first two pages say which tree is the last one. By
 * their names in libraries, of which one is another's in C where off_t is made wide. */
ssize_t write_at(int fd, const void *p, size_t n, int64_t at) __asm__("pwrite64");
ssize_t write_at(int fd, const void *p, size_t n, int64_t at)
{
    struct iovec all = {(void *)(uintptr_t)p, n};
    if (meta_fails && at < 2 * sysconf(_SC_PAGESIZE)) {
        errno = EROFS;
        return -1;
    }
    return pwritev(fd, &all, 1, at);
}
ssize_t write_at_narrow(int fd, const void *p, size_t n, long at) __asm__("pwrite");
ssize_t write_at_narrow(int fd, const void *p, size_t n, long at)
{
    return write_at(fd, p, n, at);
}

/* The last page of a commit cannot be written: LMDB does nothing more then, also when writing works
 * again, until the file is opened anew. It has the view from before. */
static void test_a_commit_that_fails_halfway(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct err e = {0};
    struct txn *t = NULL;
    assert_int_equal(put(f, &c, 0), RC_OK);
    assert_false(store_is_broken(f->store));
    meta_fails = true;
    assert_int_equal(put(f, &c, 1), RC_SYS);
    meta_fails = false;
    assert_int_equal(txn_read(f->store, &t, &e), RC_SYS);
    assert_true(store_is_broken(f->store));
    store_close(f->store);
    fixture_open(f);
    assert_false(store_is_broken(f->store));
    t = begin_read(f->store);
    assert_int_equal(first_byte(t, c.no), 'a');
    txn_abort(t);
    assert_int_equal(put(f, &c, 2), RC_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_reader_of_an_hour),
        TEST(test_busy_readers),
        TEST(test_a_commit_that_fails_halfway),
        TEST(test_held_until_the_map_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
