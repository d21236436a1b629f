/* Tests of lineage: who gave out which number, across restarts, restored copies and damage. */
#include "tests/unit/storage_fixture.h"

#include "storage/lineage.h"

#define FIRST "00112233445566778899aabbccddeeff"

static void test_runs(void **state)
{
    (void)state;
    struct lineage l;
    lineage_begin(&l, FIRST);
    lineage_go_on(&l, 10);
    char second[33], third[33];
    memcpy(second, lineage_at(&l, 11), sizeof(second));
    lineage_go_on(&l, 10); /* the second gave out nothing: its name is nobody's */
    assert_int_equal(l.n, 2);
    assert_string_not_equal(lineage_at(&l, 11), second);
    memcpy(second, lineage_at(&l, 11), sizeof(second));
    lineage_go_on(&l, 12);
    memcpy(third, lineage_at(&l, 13), sizeof(third));
    static const struct {
        uint64_t seq;
        int run;
    } rows[] = {{0, 0}, {1, 0}, {10, 0}, {11, 1}, {12, 1}, {13, 2}, {UINT64_MAX, 2}};
    const char *names[] = {FIRST, second, third};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(lineage_at(&l, rows[i].seq), names[rows[i].run]);
    for (int i = 0; i < 3; i++)
        assert_true(lineage_has(&l, span_of(names[i])));
    assert_false(lineage_has(&l, span_of("ffffffffffffffffffffffffffffffff")));
}

/* However often it is restarted: the recent ones keep their names, and each number has one. */
static void test_many_runs(void **state)
{
    (void)state;
    static struct lineage l;
    char last[33] = "", kept[33] = "";
    lineage_begin(&l, FIRST);
    for (uint64_t seq = 1; seq <= 2000; seq++) {
        lineage_go_on(&l, seq);
        assert_in_range(l.n, 2, LINEAGE_MOST);
        if (seq > 1)
            assert_string_equal(lineage_at(&l, seq), last);
        memcpy(last, lineage_at(&l, seq + 1), sizeof(last));
        if (seq == 1900)
            memcpy(kept, last, sizeof(kept));
    }
    assert_string_equal(lineage_at(&l, 1901), kept);
    assert_false(lineage_has(&l, span_of(FIRST)));
    assert_int_equal(strlen(lineage_at(&l, 5)), LINEAGE_NAME_CHARS);
    for (size_t i = 1; i < l.n; i++)
        assert_true(l.v[i - 1].after < l.v[i].after);
}

static uint64_t give_out(struct store *s)
{
    struct txn *t = begin_write(s);
    uint64_t seq = txn_next_seq(t);
    commit(t);
    return seq;
}

static void reopen(struct fixture *f)
{
    store_close(f->store);
    fixture_open(f);
}

static void name_of(const struct store *s, uint64_t seq, char ret[33])
{
    memcpy(ret, lineage_at(store_lineage(s), seq), 33);
}

/* A number keeps its name over restarts; one that a restored copy gives out again has another. */
static void test_restored(void **state)
{
    struct fixture *f = *state;
    char old[33], lost[33], now[33], path[96], copy[96];
    name_of(f->store, give_out(f->store), old);
    reopen(f);
    snprintf(path, sizeof(path), "%s/mirror.mdb", f->dir);
    snprintf(copy, sizeof(copy), "%s/copy", f->dir);
    assert_int_equal(mdb_env_copy(f->store->env, copy), 0);
    uint64_t seq = give_out(f->store);
    name_of(f->store, seq, lost);
    reopen(f);
    name_of(f->store, seq, now);
    assert_string_equal(now, lost);
    assert_string_not_equal(now, old);

    store_close(f->store);
    assert_int_equal(rename(copy, path), 0);
    fixture_open(f);
    assert_true(give_out(f->store) == seq);
    name_of(f->store, seq, now);
    assert_string_not_equal(now, lost);
    assert_false(lineage_has(store_lineage(f->store), span_of(lost)));
    name_of(f->store, seq - 1, now);
    assert_string_equal(now, old);
}

/* A store without the record goes on with its id; with a damaged one, all that was given out is
 * refused. */
static void test_lost_record(void **state)
{
    struct fixture *f = *state;
    struct key k = key_text(S("lineage"));
    char name[33];
    uint64_t seq = give_out(f->store);
    struct txn *t = begin_write(f->store);
    space_del(t, SPACE_META, &k);
    commit(t);
    reopen(f);
    name_of(f->store, seq, name);
    assert_string_equal(name, store_id(f->store));
    give_out(f->store);
    t = begin_write(f->store);
    uint8_t *bad = space_reserve(t, SPACE_META, &k, 50);
    memset(bad, 0, RECORD_HEAD + 50);
    commit(t);
    reopen(f);
    assert_false(lineage_has(store_lineage(f->store), span_of(name)));
    name_of(f->store, seq, name);
    give_out(f->store);
    reopen(f);
    assert_string_equal(lineage_at(store_lineage(f->store), seq), name);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_many_runs),
        cmocka_unit_test_setup_teardown(test_restored, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lost_record, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
