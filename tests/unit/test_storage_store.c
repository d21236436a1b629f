/* The store as a file: opened, refused, moved aside; transactions; full map, full disk. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/storage_fixture.h"

static void path_of(const struct fixture *f, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", f->dir, name);
}

static size_t asides(const struct fixture *f)
{
    char pattern[128], line[16] = "0";
    snprintf(pattern, sizeof(pattern), "ls %s | grep -c damaged-", f->dir);
    FILE *p = popen(pattern, "r");
    assert_non_null(fgets(line, sizeof(line), p));
    pclose(p);
    return (size_t)atoi(line);
}

static void test_identity_stays(void **state)
{
    struct fixture *f = *state;
    char id[33];
    uint8_t secret[32];
    memcpy(id, store_id(f->store), sizeof(id));
    memcpy(secret, store_secret(f->store), sizeof(secret));
    assert_int_equal(strlen(id), 32);
    close_store(f);
    fixture_open(f);
    assert_string_equal(store_id(f->store), id);
    assert_memory_equal(store_secret(f->store), secret, sizeof(secret));

    struct stat st;
    char path[128];
    path_of(f, "mirror.mdb", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    close_store(f);
    assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
    fixture_open(f);
    assert_string_not_equal(store_id(f->store), id);
}

static void test_sequence_survives(void **state)
{
    struct fixture *f = *state;
    struct txn *t = begin_write(f->store);
    assert_int_equal(txn_last_seq(t), 0);
    assert_int_equal(txn_next_seq(t), 1);
    assert_int_equal(txn_next_seq(t), 2);
    commit(t);
    t = begin_write(f->store);
    assert_int_equal(txn_next_seq(t), 3);
    txn_abort(t);
    close_store(f);
    fixture_open(f);
    t = begin_read(f->store);
    assert_int_equal(txn_last_seq(t), 2);
    txn_abort(t);
}

static void test_one_process_at_a_time(void **state)
{
    struct fixture *f = *state;
    expect_open(f, RC_AGAIN, "in use");
    assert_int_equal(store_set_aside(f->dir, NULL), RC_AGAIN);
    pid_t child = fork();
    if (child == 0) {
        struct store *s;
        _exit(store_open(&s, f->dir, &f->options, NULL) == RC_AGAIN ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close_store(f);
    fixture_open(f);
}

static void write_file(const struct fixture *f, const char *name, const void *p, size_t n)
{
    char path[128];
    path_of(f, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, p, n), n);
    close(fd);
}

static void test_not_a_mirror(void **state)
{
    struct fixture *f = *state;
    uint8_t garbage[20000];
    uint32_t x = 1;
    close_store(f);
    for (size_t i = 0; i < sizeof(garbage); i++)
        garbage[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    static const size_t sizes[] = {0, 1, 100, 4096, 8191, 20000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        write_file(f, "mirror.mdb", garbage, sizes[i]);
        expect_open(f, RC_BADDATA, sizes[i] == 0 ? "empty" : "mirror.mdb");
    }
    memset(garbage, 0, sizeof(garbage));
    write_file(f, "mirror.mdb", garbage, sizeof(garbage));
    expect_open(f, RC_BADDATA, "not an LMDB file");

    char path[128];
    path_of(f, "mirror.mdb", path);
    unlink(path);
    mkdir(path, 0700);
    expect_open(f, RC_BADDATA, "not a regular file");
    rmdir(path);
    fixture_open(f);
}

/* Another program's LMDB file. */
static void test_foreign_lmdb(void **state)
{
    struct fixture *f = *state;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char path[128];
    path_of(f, "mirror.mdb", path);
    close_store(f);
    unlink(path);
    mdb_env_create(&env);
    mdb_env_set_maxdbs(env, 4);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "something", MDB_CREATE, &dbi), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    expect_open(f, RC_BADDATA, "not a mirror");
}

/* Told by its format, also where it has not the tables that this program wants. */
static void test_other_format(void **state)
{
    struct fixture *f = *state;
    struct txn *t = begin_write(f->store);
    struct key k = key_text(S("format"));
    record_put(t, SPACE_META, &k, "calmirror 999", 13);
    assert_int_equal(mdb_drop(t->mdb, f->store->dbi[SPACE_VERDICT], 1), 0);
    commit(t);
    close_store(f);
    expect_open(f, RC_BADDATA, "calmirror 999");
    assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
    fixture_open(f);
}

static void test_damaged_meta_records(void **state)
{
    struct fixture *f = *state;
    /* In order of key; the lineage is for test_storage_lineage.c. */
    static const char *const words[] = {"counters", "format", NULL, "identity"};
    for (size_t i = 0; i < 4; i++) {
        if (!words[i])
            continue;
        struct txn *t = begin_write(f->store); /* kept open, so that it may still commit */
        txn_abort(t);
        damage_value(f->store, SPACE_META, i, 9);
        close_store(f);
        expect_open(f, RC_BADDATA, words[i]);
        assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
        fixture_open(f);
    }
}

static void fill_events(struct store *s, size_t n)
{
    struct collection c = make_calendar(s, "a@example.com", COLL_READY);
    char raw[1000], id[24];
    memset(raw, 'x', sizeof(raw));
    struct txn *t = begin_write(s);
    for (size_t i = 0; i < n; i++) {
        snprintf(id, sizeof(id), "e%zu", i);
        struct event ev = make_event(id, (int64_t)i * HOUR, (int64_t)i * HOUR + HOUR);
        ev.raw = (struct span){raw, sizeof(raw)};
        event_put(t, &c, &ev);
    }
    coll_put(t, &c);
    commit(t);
}

/* A file cut anywhere is refused, or sound; never a crash. */
static void test_truncated(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;
    struct store_usage usage;
    path_of(f, "mirror.mdb", path);
    fill_events(f->store, 2000);
    store_usage(f->store, &usage);
    close_store(f);
    stat(path, &st);
    assert_true((uint64_t)st.st_size > usage.used_bytes);
    for (off_t cut = (off_t)usage.used_bytes - 4096; cut > 0; cut -= 512 * 1001) {
        assert_int_equal(truncate(path, cut), 0);
        expect_open(f, RC_BADDATA, cut < 8192 ? "mirror.mdb" : "truncated");
    }
    assert_int_equal(truncate(path, 0), 0);
    expect_open(f, RC_BADDATA, "empty");
}

/* LMDB does not write the last pages of a transaction that frees them itself, and so leaves a file
 * that looks truncated. Random puts and deletes bring that about within a few commits. */
static void test_file_is_kept_long_enough(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[150000];
    uint32_t x = 7;
    char path[128], id[16];
    path_of(f, "mirror.mdb", path);
    for (int round = 0; round < 40; round++) {
        struct txn *t = begin_write(f->store);
        for (int i = 0; i < 200; i++) {
            x = x * 1664525 + 1013904223;
            snprintf(id, sizeof(id), "k%u", (x >> 8) % 2000);
            struct key k = key_id(1, span_of(id));
            if (x >> 30 == 0)
                space_del(t, SPACE_STAGE, &k);
            else
                record_put(t, SPACE_STAGE, &k, bytes, (x >> 20) % (i % 40 ? 1500 : 150000));
        }
        struct key all = key_no(1);
        if (round % 4 == 3)
            space_clear(t, SPACE_STAGE, &all);
        commit(t);
        MDB_envinfo info;
        struct stat st;
        mdb_env_info(f->store->env, &info);
        assert_int_equal(stat(path, &st), 0);
        assert_true((uint64_t)st.st_size >= (info.me_last_pgno + 1) * 4096);
    }
    close_store(f);
    fixture_open(f);
}

/* Each bit of both meta pages in turn: opened or refused, in a child that must not crash. */
static void test_flipped_meta_pages(void **state)
{
    struct fixture *f = *state;
    char path[128];
    path_of(f, "mirror.mdb", path);
    fill_events(f->store, 50);
    close_store(f);
    int fd = open(path, O_RDWR);
    size_t refused = 0;
    for (off_t at = 0; at < 152 * 2; at++) {
        off_t where = at < 152 ? at : 4096 + at - 152;
        uint8_t byte, changed;
        assert_int_equal(pread(fd, &byte, 1, where), 1);
        changed = byte ^ (uint8_t)(1u << (at % 8));
        assert_int_equal(pwrite(fd, &changed, 1, where), 1);
        pid_t child = fork();
        if (child == 0) {
            struct rlimit none = {0};
            struct store *s;
            setrlimit(RLIMIT_CORE, &none);
            enum rc rc = store_open(&s, f->dir, &f->options, NULL);
            if (rc == RC_OK)
                store_close(s);
            _exit(rc == RC_OK ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status))
            fail_msg("byte %d: signal %d", (int)where, WTERMSIG(status));
        refused += WEXITSTATUS(status) == 1;
        assert_int_equal(pwrite(fd, &byte, 1, where), 1);
    }
    close(fd);
    assert_true(refused > 40);
}

/* LMDB's own assertion leaves a mark, so that the next start does not run into it again. */
static void test_broken_mark(void **state)
{
    struct fixture *f = *state;
    store_mark_broken(f->store);
    close_store(f);
    expect_open(f, RC_BADDATA, "structure");
    assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
    fixture_open(f);
    close_store(f);
    fixture_open(f);
}

static void test_permissions(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    if (geteuid() == 0) {
        /* Permissions do not bind root: another user tries, in a child. */
        pid_t child = fork();
        if (child == 0) {
            struct store *s;
            struct err e = {0};
            if (setgid(65534) || setuid(65534))
                _exit(2);
            enum rc rc = store_open(&s, f->dir, &f->options, &e);
            _exit(rc == RC_SYS && strstr(e.text, "Permission denied") ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    } else {
        chmod(f->dir, 0500);
        char path[128];
        path_of(f, "lock", path);
        unlink(path);
        chmod(path, 0);
        expect_open(f, RC_SYS, "");
        chmod(f->dir, 0700);
    }
    struct fixture absent = {0};
    snprintf(absent.dir, sizeof(absent.dir), "%.40s/missing/deeper", f->dir);
    expect_open(&absent, RC_SYS, "missing/deeper: cannot be made: the directory above");
    struct fixture file = {.dir = "/dev/null"};
    expect_open(&file, RC_SYS, "Not a directory");
}

static void test_set_aside_keeps_two(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        close_store(f);
        assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
        fixture_open(f);
        usleep(2000); /* the stamp has milliseconds */
    }
    assert_int_equal(asides(f), 2);
    close_store(f);
    store_set_aside(f->dir, NULL) == RC_OK ? (void)0 : fail();
    struct err e = {0};
    assert_int_equal(store_set_aside(f->dir, &e), RC_SYS);
    assert_non_null(strstr(e.text, "mirror.mdb"));
    fixture_open(f);
}

/* T-MAP-FULL: nothing of the transaction stays, reads and small writes go on. */
static void test_map_full(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    f->options.map_bytes = 2 << 20;
    fixture_open(f);
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event keep = make_event("keep", 0, 1);
    put_one(f->store, &c, &keep);

    char raw[100000];
    memset(raw, 'x', sizeof(raw));
    struct txn *t = begin_write(f->store);
    bool put = true;
    for (int i = 0; put && i < 100; i++) {
        char id[8];
        snprintf(id, sizeof(id), "e%d", i);
        struct event ev = make_event(id, 0, 1);
        ev.raw = (struct span){raw, sizeof(raw)};
        put = event_put(t, &c, &ev);
    }
    assert_false(put);
    assert_int_equal(txn_failed(t), RC_FULL);
    coll_put(t, &c); /* does nothing any more */
    struct err e = {0};
    assert_int_equal(txn_commit(t, &e), RC_FULL);
    assert_non_null(strstr(e.text, "MAP_FULL"));

    struct event ev;
    t = begin_read(f->store);
    assert_int_equal(coll_get(t, c.no, &c), RC_OK);
    assert_int_equal(c.all_items, 1);
    assert_int_equal(event_get(t, c.no, S("keep"), &ev), RC_OK);
    assert_int_equal(event_get(t, c.no, S("e0"), &ev), RC_NOTFOUND);
    txn_abort(t);
    keep.raw = S("small");
    assert_true(put_one(f->store, &c, &keep));

    close_store(f); /* more room on the next start */
    f->options.map_bytes = 64 << 20;
    fixture_open(f);
    keep.raw = (struct span){raw, sizeof(raw)};
    assert_true(put_one(f->store, &c, &keep));
}

/* T-DISK-FULL, by a limit on the size of files: in a child, whose limits can be lowered. Returns
 * the line of the first expectation that did not hold. */
#define EXPECT(what) \
    if (!(what))     \
        return __LINE__;
static int disk_full_child(struct fixture *f)
{
    MDB_envinfo info;
    struct txn *t;
    signal(SIGXFSZ, SIG_IGN);
    EXPECT(store_open(&f->store, f->dir, &f->options, NULL) == RC_OK);
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY), bigger;
    struct event keep = make_event("keep", 0, 1), big = make_event("big", 0, 1), got;
    put_one(f->store, &c, &keep);
    mdb_env_info(f->store->env, &info);
    struct rlimit limit = {info.me_last_pgno * 4096 + 65536, RLIM_INFINITY};
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);

    char *raw = calloc(1, 1 << 20);
    big.raw = (struct span){raw, 1 << 20};
    bigger = c;
    EXPECT(txn_write(f->store, &t, NULL) == RC_OK);
    event_put(t, &bigger, &big);
    coll_put(t, &bigger);
    EXPECT(txn_commit(t, NULL) == RC_FULL);
    EXPECT(txn_read(f->store, &t, NULL) == RC_OK);
    EXPECT(event_get(t, c.no, S("keep"), &got) == RC_OK);
    EXPECT(event_get(t, c.no, S("big"), &got) == RC_NOTFOUND);
    EXPECT(coll_get(t, c.no, &bigger) == RC_OK && bigger.all_items == 1);
    txn_abort(t);

    limit.rlim_cur = RLIM_INFINITY; /* space returns */
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    EXPECT(txn_write(f->store, &t, NULL) == RC_OK);
    EXPECT(event_put(t, &c, &big));
    EXPECT(txn_commit(t, NULL) == RC_OK);
    free(raw);
    store_close(f->store);
    return 0;
}

static void test_disk_full(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    int line[2] = {0};
    assert_int_equal(pipe(line), 0);
    pid_t child = fork();
    if (child == 0) {
        int failed = disk_full_child(f);
        _exit(write(line[1], &failed, sizeof(failed)) == sizeof(failed) ? 0 : 1);
    }
    int status, failed = -1;
    close(line[1]);
    assert_int_equal(read(line[0], &failed, sizeof(failed)), sizeof(failed));
    close(line[0]);
    waitpid(child, &status, 0);
    if (failed)
        fail_msg("%s:%d", __FILE__, failed);
}

/* A reader keeps its snapshot while a writer commits; what it sees is never a mix. */
static void *read_much(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < 2000; i++) {
        struct txn *t = NULL;
        struct event a, b;
        if (txn_read(f->store, &t, NULL) != RC_OK || event_get(t, 1, S("a"), &a) != RC_OK ||
            event_get(t, 1, S("b"), &b) != RC_OK || !span_eq(a.raw, b.raw)) {
            txn_abort(t);
            return "mixed";
        }
        txn_abort(t);
    }
    return NULL;
}

static void test_readers_and_writer(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char raw[16] = "0";
    struct event a = make_event("a", 0, 1), b = make_event("b", 0, 1), got;
    a.raw = b.raw = span_of(raw);
    struct txn *t = begin_write(f->store);
    event_put(t, &c, &a);
    event_put(t, &c, &b);
    coll_put(t, &c);
    commit(t);

    struct txn *old = begin_read(f->store);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, read_much, f);
    for (int i = 1; i < 300; i++) {
        snprintf(raw, sizeof(raw), "%d", i);
        a.raw = b.raw = span_of(raw);
        t = begin_write(f->store);
        event_put(t, &c, &a);
        event_put(t, &c, &b);
        coll_put(t, &c);
        commit(t);
    }
    for (size_t i = 0; i < 2; i++) {
        void *trouble;
        pthread_join(threads[i], &trouble);
        assert_null(trouble);
    }
    assert_int_equal(event_get(old, 1, S("a"), &got), RC_OK);
    assert_true(span_is(got.raw, "0"));
    struct store_usage usage;
    store_usage(f->store, &usage);
    assert_int_equal(usage.oldest_reader_txns, 299);
    assert_true(usage.readers >= 1 && usage.used_bytes < usage.map_bytes);
    txn_abort(old);
}

/* T-LONG-READER: a process that died while reading does not hold its snapshot for ever. */
static void test_dead_reader_is_reaped(void **state)
{
    struct fixture *f = *state;
    char path[128];
    int ready[2];
    path_of(f, "mirror.mdb", path);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) { /* as mdb_stat would: an environment of its own */
        MDB_env *env;
        MDB_txn *txn;
        mdb_env_create(&env);
        if (mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600) ||
            mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
            _exit(1);
        _exit(write(ready[1], "x", 1) == 1 ? 0 : 1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    int status;
    waitpid(child, &status, 0);
    close(ready[0]), close(ready[1]);
    make_calendar(f->store, "a@example.com", COLL_READY);
    struct store_usage usage;
    store_usage(f->store, &usage);
    assert_int_equal(usage.readers, 1);
    assert_int_equal(usage.oldest_reader_txns, 1);
    store_reap_readers(f->store);
    store_usage(f->store, &usage);
    assert_int_equal(usage.readers, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_identity_stays),
        TEST(test_sequence_survives),
        TEST(test_one_process_at_a_time),
        TEST(test_not_a_mirror),
        TEST(test_foreign_lmdb),
        TEST(test_other_format),
        TEST(test_damaged_meta_records),
        TEST(test_truncated),
        TEST(test_file_is_kept_long_enough),
        TEST(test_flipped_meta_pages),
        TEST(test_broken_mark),
        TEST(test_permissions),
        TEST(test_set_aside_keeps_two),
        TEST(test_map_full),
        TEST(test_disk_full),
        TEST(test_readers_and_writer),
        TEST(test_dead_reader_is_reaped),
    };
    return cmocka_run_group_tests_name("storage_store", tests, NULL, NULL);
}
