/* Events that came in no order are put closer together; the file is made smaller at a start. */
#include "tests/unit/storage_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/rand.h"
#include "storage/pack.h"

#define EVENTS    3000
#define RAW_BYTES 1200 /* three such events fit on a page */
#define COPY_MAX  128
#define LONG_RAW  9000 /* has pages of its own */

static char raw[LONG_RAW];

static struct event nth(uint64_t n, size_t raw_bytes, char id[32])
{
    int64_t start = (int64_t)n * HOUR;
    return (struct event){.id = {id, (size_t)snprintf(id, 32, "event%06u", (unsigned)n)},
                          .raw = {raw, raw_bytes},
                          .start_ms = start,
                          .end_ms = start + HOUR / 2};
}

/* In an order that is none, and the same in every run. */
static struct collection fill(struct fixture *f, const char *name, size_t (*size)(uint64_t n))
{
    struct collection c = make_calendar(f->store, name, COLL_READY);
    struct txn *t = begin_write(f->store);
    char id[32];
    uint64_t order[EVENTS];
    memset(raw, 'x', sizeof(raw));
    rand_seed(1);
    for (uint64_t i = 0; i < EVENTS; i++) {
        uint64_t j = (uint64_t)rand_between(0, (int64_t)i);
        order[i] = order[j];
        order[j] = i;
    }
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct event ev = nth(order[i], size(order[i]), id);
        assert_true(event_put(t, &c, &ev));
    }
    coll_put(t, &c);
    commit(t);
    return c;
}

static size_t same_size(uint64_t n)
{
    (void)n;
    return RAW_BYTES;
}

static size_t any_size(uint64_t n)
{
    return n % 97 == 0 ? LONG_RAW : n % 3 == 0 ? 300 : 700 + n * 7919 % 1000;
}

static MDB_stat pages(struct fixture *f)
{
    MDB_stat st;
    struct txn *t = begin_read(f->store);
    assert_int_equal(mdb_stat(t->mdb, f->store->dbi[SPACE_EVENT], &st), 0);
    txn_abort(t);
    return st;
}

static uint64_t contents(struct txn *t)
{
    struct walk w;
    struct key all = {0};
    uint64_t sum = 0;
    struct span body;
    walk_open(&w, t, SPACE_EVENT, &all, NULL);
    while (walk_next(&w)) {
        assert_true(walk_record(&w, &body)); /* its checksum has the key in it */
        sum = sum * 31 + get_u64(w.value.p);
    }
    walk_close(&w);
    assert_int_equal(txn_failed(t), RC_OK);
    return sum;
}

static uint64_t contents_now(struct fixture *f)
{
    struct txn *t = begin_read(f->store);
    uint64_t sum = contents(t);
    txn_abort(t);
    return sum;
}

static void owe(struct fixture *f, const struct collection *c)
{
    struct txn *t = begin_write(f->store);
    pack_owe(t, c->no);
    commit(t);
}

static bool is_owed(struct fixture *f, const struct collection *c)
{
    struct txn *t = begin_read(f->store);
    bool owed = pack_is_owed(t, c->no);
    txn_abort(t);
    return owed;
}

static bool pack_stretch(struct fixture *f, const struct collection *c)
{
    struct txn *t = begin_write(f->store);
    bool more = events_pack(t, c->no);
    commit(t);
    return more;
}

static unsigned pack_all(struct fixture *f, const struct collection *c)
{
    unsigned stretches = 1;
    owe(f, c);
    while (pack_stretch(f, c))
        stretches++;
    return stretches;
}

static void test_pages_are_full_and_nothing_else_changes(void **state)
{
    struct fixture *f = *state;
    struct collection c = fill(f, "a@example.com", same_size);
    uint64_t sum = contents_now(f);
    size_t before = pages(f).ms_leaf_pages;
    struct txn *reader = begin_read(f->store);
    assert_true(pack_all(f, &c) > 2);
    size_t after = pages(f).ms_leaf_pages;
    assert_true(before > EVENTS / 5 * 2);
    assert_in_range(after, EVENTS / 3, EVENTS / 3 + 20);
    assert_int_equal(contents_now(f), sum);
    assert_int_equal(contents(reader), sum); /* of the time before */
    txn_abort(reader);
    (void)pack_all(f, &c); /* once more: it stays so */
    assert_in_range(pages(f).ms_leaf_pages, EVENTS / 3, EVENTS / 3 + 20);
    assert_int_equal(contents_now(f), sum);
}

static void test_sizes_differ_and_calendars_are_neighbours(void **state)
{
    struct fixture *f = *state;
    struct collection a = fill(f, "a@example.com", any_size);
    struct collection b = fill(f, "b@example.com", any_size);
    struct collection c = fill(f, "c@example.com", any_size);
    uint64_t sum = contents_now(f);
    MDB_stat before = pages(f);
    (void)pack_all(f, &b);
    assert_int_equal(contents_now(f), sum);
    (void)pack_all(f, &a);
    (void)pack_all(f, &c);
    MDB_stat after = pages(f);
    assert_int_equal(contents_now(f), sum);
    assert_int_equal(after.ms_entries, before.ms_entries);
    assert_int_equal(after.ms_overflow_pages, before.ms_overflow_pages);
    assert_true(after.ms_leaf_pages < before.ms_leaf_pages * 9 / 10);
}

static void test_changes_between_two_stretches(void **state)
{
    struct fixture *f = *state;
    struct collection c = fill(f, "a@example.com", same_size);
    char id[32];
    bool more = true;
    owe(f, &c);
    for (uint64_t n = 0; more; n++) {
        more = pack_stretch(f, &c);
        struct event moved = nth(n, RAW_BYTES, id), gone;
        moved.start_ms += (int64_t)EVENTS * HOUR / 2;
        moved.end_ms = moved.start_ms + HOUR;
        assert_true(put_one(f->store, &c, &moved));
        gone = nth(EVENTS - 1 - n, RAW_BYTES, id);
        struct txn *t = begin_write(f->store);
        assert_true(event_remove(t, &c, gone.id));
        coll_put(t, &c);
        commit(t);
    }
    struct txn *t = begin_read(f->store);
    struct event ev;
    uint64_t found = 0;
    struct event_window all = EVENT_WINDOW_ALL;
    struct event_scan *s = events_by_time(t, &c, &all, (struct event_place){INT64_MIN, 0});
    while (event_scan_next(s, &ev))
        found++;
    event_scan_close(s);
    assert_int_equal(found, c.all_items);
    txn_abort(t);
}

static void test_an_empty_calendar(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    assert_int_equal(pack_all(f, &c), 1);
}

static void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    fixture_open(f);
}

static void test_what_is_owed_is_kept(void **state)
{
    struct fixture *f = *state;
    struct collection c = fill(f, "a@example.com", same_size);
    struct collection gone = fill(f, "b@example.com", same_size);
    unsigned stretches = pack_all(f, &c);
    assert_false(is_owed(f, &c));
    assert_false(pack_stretch(f, &c)); /* not unless it is owed */
    owe(f, &c);
    owe(f, &gone);
    for (unsigned done = 1; done < stretches; done++) { /* over as many starts */
        assert_true(pack_stretch(f, &c));
        reopen(f);
        assert_true(is_owed(f, &c));
    }
    assert_false(pack_stretch(f, &c));
    assert_false(is_owed(f, &c));
    struct txn *t = begin_write(f->store);
    coll_delete(t, gone.no);
    commit(t);
    assert_false(is_owed(f, &gone));
}

static uint64_t file_pages(struct fixture *f)
{
    MDB_envinfo info;
    assert_int_equal(mdb_env_info(f->store->env, &info), 0);
    return info.me_last_pgno + 1;
}

/* Most of the file is free. */
static struct collection make_hollow(struct fixture *f, char copy[COPY_MAX])
{
    struct collection a = fill(f, "a@example.com", any_size);
    struct collection b = fill(f, "b@example.com", any_size);
    struct txn *t = begin_write(f->store);
    coll_delete(t, a.no);
    commit(t);
    (void)snprintf(copy, COPY_MAX, "%s/mirror.mdb.compact", f->dir);
    return b;
}

static void test_a_hollow_file_is_made_smaller_at_the_start(void **state)
{
    struct fixture *f = *state;
    char copy[COPY_MAX], path[COPY_MAX], id[33];
    struct stat st;
    struct collection b = make_hollow(f, copy);
    uint64_t sum = contents_now(f), before = file_pages(f);
    memcpy(id, store_id(f->store), sizeof(id));
    reopen(f);
    assert_true(file_pages(f) < before * 2 / 3);
    assert_int_equal(contents_now(f), sum);
    assert_string_equal(store_id(f->store), id);
    assert_int_equal(access(copy, F_OK), -1);
    (void)snprintf(path, sizeof(path), "%s/mirror.mdb", f->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    uint64_t small = file_pages(f); /* and works */
    char name[32];
    struct event ev = nth(EVENTS + 1, RAW_BYTES, name);
    assert_true(put_one(f->store, &b, &ev));
    reopen(f); /* not again for nothing */
    assert_in_range(file_pages(f), small, small + 40);
}

/* As mdb_stat or mdb_copy does, in a process of its own: returns it, with its end of a pipe. */
static pid_t open_outside(struct fixture *f, int *ret_end)
{
    char path[COPY_MAX], byte;
    int up[2], down[2];
    (void)snprintf(path, sizeof(path), "%s/mirror.mdb", f->dir);
    assert_true(pipe(up) == 0 && pipe(down) == 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        MDB_env *env;
        for (int fd = 3; fd < 100; fd++) /* of the store's lock, too */
            if (fd != up[1] && fd != down[0])
                (void)close(fd);
        bool ok = mdb_env_create(&env) == 0 &&
                  mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOTLS, 0600) == 0;
        ok = ok && write(up[1], "", 1) == 1;
        (void)!read(down[0], &byte, 1);
        _exit(!ok);
    }
    close(up[1]);
    close(down[0]);
    assert_int_equal(read(up[0], &byte, 1), 1);
    close(up[0]);
    *ret_end = down[1];
    return pid;
}

static uint64_t commits_of_file(struct fixture *f)
{
    MDB_envinfo info;
    assert_int_equal(mdb_env_info(f->store->env, &info), 0);
    return info.me_last_txnid;
}

/* Somebody else looks at the file when it is made smaller. */
static void test_a_reader_from_outside(void **state)
{
    struct fixture *f = *state;
    char copy[COPY_MAX], name[32];
    struct collection b = make_hollow(f, copy);
    struct event ev = nth(EVENTS + 1, RAW_BYTES, name);
    int status, end;
    while (commits_of_file(f) % 2) { /* a new file has its one commit in the other meta page */
        assert_true(put_one(f->store, &b, &ev));
        ev.updated_ms++;
    }
    uint64_t sum = contents_now(f), before = file_pages(f);
    pid_t pid = open_outside(f, &end);
    store_close(f->store);
    f->store = NULL;
    fixture_open(f);
    assert_true(file_pages(f) < before * 2 / 3);
    assert_int_equal(contents_now(f), sum);
    ev.updated_ms++;
    assert_true(put_one(f->store, &b, &ev));
    sum = contents_now(f);
    close(end);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    reopen(f);
    assert_int_equal(contents_now(f), sum);
}

static ino_t file_number(struct fixture *f)
{
    char path[COPY_MAX];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/mirror.mdb", f->dir);
    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

/* One that is small, or of which little is free, is left where it is. */
static void test_a_file_that_is_no_copy_worth(void **state)
{
    struct fixture *f = *state;
    struct collection a = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event ev = make_event("e", 0, 1);
    struct txn *t;
    assert_true(put_one(f->store, &a, &ev));
    t = begin_write(f->store);
    coll_delete(t, a.no);
    commit(t);
    ino_t small = file_number(f);
    reopen(f);
    assert_int_equal(file_number(f), small);
    a = fill(f, "a@example.com", any_size);
    (void)fill(f, "b@example.com", any_size);
    t = begin_write(f->store);
    char id[32];
    for (uint64_t n = 0; n < EVENTS / 8; n++) {
        ev = nth(n, 0, id);
        assert_true(event_remove(t, &a, ev.id));
    }
    coll_put(t, &a);
    commit(t);
    ino_t full = file_number(f);
    reopen(f);
    assert_int_equal(file_number(f), full);
}

/* On a disk so slow that the start was ended for taking too long, the next one must not do the same
 * again. */
static void test_a_start_that_died_over_the_copy(void **state)
{
    struct fixture *f = *state;
    char copy[COPY_MAX];
    (void)make_hollow(f, copy);
    uint64_t before = file_pages(f);
    FILE *left = fopen(copy, "w");
    assert_non_null(left);
    fclose(left);
    reopen(f);
    assert_int_equal(file_pages(f), before);
    assert_int_equal(access(copy, F_OK), -1);
    reopen(f);
    assert_true(file_pages(f) < before * 2 / 3);
}

static void test_no_room_for_the_copy(void **state)
{
    struct fixture *f = *state;
    char copy[COPY_MAX];
    struct rlimit was, small;
    (void)make_hollow(f, copy);
    uint64_t sum = contents_now(f), before = file_pages(f);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 1 << 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    fixture_open(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(file_pages(f), before);
    assert_int_equal(contents_now(f), sum);
    assert_int_equal(access(copy, F_OK), -1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pages_are_full_and_nothing_else_changes),
        TEST(test_sizes_differ_and_calendars_are_neighbours),
        TEST(test_changes_between_two_stretches),
        TEST(test_an_empty_calendar),
        TEST(test_what_is_owed_is_kept),
        TEST(test_a_hollow_file_is_made_smaller_at_the_start),
        TEST(test_a_reader_from_outside),
        TEST(test_a_file_that_is_no_copy_worth),
        TEST(test_a_start_that_died_over_the_copy),
        TEST(test_no_room_for_the_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
