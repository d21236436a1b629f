/* test_storage_guard: damage in the structure of the file, which the next start is told of. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "storage/guard.h"
#include "tests/unit/storage_fixture.h"

static void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static void expect_broken(struct fixture *f)
{
    struct store *s;
    struct err e = {0};
    assert_int_equal(store_open(&s, f->dir, &f->options, &e), RC_BADDATA);
    assert_non_null(strstr(e.text, "structure"));
}

/* In a child, which is to fault: opens and guards the store. */
static void open_to_die(struct fixture *f)
{
    struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's would speak up */
    fixture_open(f);
    store_guard(f->store);
}

/* Where a record stands in the map, which is for reading only. */
static uintptr_t some_record(struct store *s)
{
    struct txn *t = begin_read(s);
    struct key k = key_text(span_of("format"));
    struct span body;
    if (record_get(t, SPACE_META, &k, &body) != RC_OK)
        _exit(1);
    return (uintptr_t)body.p;
}

static _Noreturn void write_at(uintptr_t at)
{
    *(volatile char *)at = 1;
    _exit(2);
}

static void expect_fault(pid_t child)
{
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* A fault at an address of the map leaves the mark; one elsewhere does not. */
static void test_guard(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    for (int in_map = 0; in_map < 2; in_map++) {
        pid_t child = fork();
        if (child == 0) {
            open_to_die(f);
            uintptr_t record = some_record(f->store);
            write_at(in_map ? record : 16);
        }
        expect_fault(child);
        if (in_map)
            expect_broken(f);
        else
            fixture_open(f);
        fixture_close(f);
    }
    assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
    fixture_open(f);
}

/* Nor does one that another process sent, and one at what was the map of a store that is closed. */
static void test_no_fault_of_the_map(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    for (int closed = 0; closed < 2; closed++) {
        pid_t child = fork();
        if (child == 0) {
            open_to_die(f);
            uintptr_t record = some_record(f->store);
            if (!closed) {
                (void)raise(SIGSEGV);
                _exit(3);
            }
            fixture_close(f);
            write_at(record);
        }
        expect_fault(child);
        fixture_open(f);
        fixture_close(f);
    }
    fixture_open(f);
}

/* Of two files whose maps are neighbours the one that was read is marked; behind the last, that
 * one. */
static void test_two_files(void **state)
{
    struct fixture *f = *state;
    const struct store_options push = {.file = STORE_PUSH, .map_bytes = f->options.map_bytes};
    struct store *s = NULL;
    fixture_close(f);
    for (int in_push = 0; in_push < 2; in_push++) {
        pid_t child = fork();
        if (child == 0) {
            open_to_die(f);
            if (store_open(&s, f->dir, &push, NULL) != RC_OK)
                _exit(1);
            store_guard(s);
            write_at(some_record(in_push ? s : f->store));
        }
        expect_fault(child);
        assert_int_equal(store_open(&s, f->dir, &push, NULL), in_push ? RC_BADDATA : RC_OK);
        if (in_push) {
            fixture_open(f);
        } else {
            store_close(s);
            expect_broken(f);
            assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
        }
        fixture_close(f);
    }
    fixture_open(f);
}

/* What an operation meets shows at once, and the transaction does not end well. */
static void test_met_in_use(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    assert_false(store_is_broken(f->store));
    struct txn *t = begin_write(f->store);
    assert_int_equal(txn_fail(t, MDB_MAP_FULL, SPACE_EVENT), RC_FULL);
    assert_int_equal(txn_commit(t, &e), RC_FULL);
    assert_false(store_is_broken(f->store));
    t = begin_read(f->store);
    assert_int_equal(txn_fail(t, MDB_PAGE_NOTFOUND, SPACE_EVENT), RC_BADDATA);
    assert_int_equal(txn_failed(t), RC_BADDATA);
    txn_abort(t);
    assert_true(store_is_broken(f->store));
    fixture_close(f);
    expect_broken(f);
    assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
    fixture_open(f);
    assert_false(store_is_broken(f->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_guard, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_fault_of_the_map, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_two_files, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_met_in_use, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
