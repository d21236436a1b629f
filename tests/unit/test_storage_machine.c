/* Files of other kinds of machine, and a map that this one has no room for. */
#include <endian.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/storage_fixture.h"

static long page_bytes; /* what the system says; 0: the truth */

/* In place of the system's, also for LMDB, and for ThreadSanitizer before it has begun; with the
 * other name that glibc has for it. */
long __sysconf(int name);
__attribute__((no_sanitize("thread"))) long sysconf(int name)
{
    return name == _SC_PAGESIZE && page_bytes ? page_bytes : __sysconf(name);
}

static void write_mirror(const struct fixture *f, const void *p, size_t n)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/mirror.mdb", f->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, p, n), n);
    close(fd);
}

/* The first page of a file as machines of each kind begin it. */
static void test_of_another_machine(void **state)
{
    struct fixture *f = *state;
    const struct {
        size_t word;
        uint32_t magic; /* in the order of its bytes */
    } kinds[] = {{4, htole32(0xBEEFC0DE)},
                 {4, htobe32(0xBEEFC0DE)},
                 {8, htole32(0xBEEFC0DE)},
                 {8, htobe32(0xBEEFC0DE)}};
    close_store(f);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint8_t page[8192] = {0};
        bool ours = kinds[i].word == sizeof(size_t) && kinds[i].magic == 0xBEEFC0DE;
        memcpy(page + kinds[i].word + 8, &kinds[i].magic, sizeof(kinds[i].magic));
        write_mirror(f, page, sizeof(page));
        expect_open(f, RC_BADDATA, ours ? "not an LMDB file" : "another word size or byte order");
    }
    assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
    fixture_open(f);
}

/* Made where memory has pages of one size, gone on with where it has pages of each other size. */
static void test_pages_of_any_size(void **state)
{
    struct fixture *f = *state;
    static const long sizes[] = {4096, 16384, 65536};
    static const size_t n = sizeof(sizes) / sizeof(sizes[0]);
    for (size_t i = 0; i < n * n; i++) {
        struct event ev, made = make_event("made", 0, HOUR), then = make_event("then", 1, HOUR);
        close_store(f);
        assert_int_equal(store_set_aside(f->dir, NULL), RC_OK);
        page_bytes = sizes[i / n];
        fixture_open(f);
        struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
        assert_true(put_one(f->store, &c, &made));
        MDB_stat st;
        mdb_env_stat(f->store->env, &st);
        assert_int_equal(st.ms_psize, sizes[i / n] < 32768 ? sizes[i / n] : 32768);
        close_store(f);
        page_bytes = sizes[i % n];
        fixture_open(f);
        assert_true(put_one(f->store, &c, &then));
        close_store(f);
        fixture_open(f);
        struct txn *t = begin_read(f->store);
        assert_int_equal(event_get(t, c.no, span_of("made"), &ev), RC_OK);
        assert_int_equal(event_get(t, c.no, span_of("then"), &ev), RC_OK);
        txn_abort(t);
    }
    page_bytes = 0;
}

/* A map of which addresses of 32 bits get their share, and for which those of 64 have no room. */
static void test_map_without_room(void **state)
{
    struct fixture *f = *state;
    uint64_t before = f->options.map_bytes;
    struct store_usage usage;
    close_store(f);
    f->options.map_bytes = UINT64_C(1) << 60;
    if (sizeof(size_t) == 8) {
        expect_open(f, RC_SYS, "lower mirror.map_size");
    } else {
        fixture_open(f);
        store_usage(f->store, &usage);
        assert_true(usage.map_bytes == UINT64_C(1) << 30);
        close_store(f);
    }
    f->options.map_bytes = before;
    fixture_open(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_of_another_machine),
        TEST(test_pages_of_any_size),
        TEST(test_map_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
