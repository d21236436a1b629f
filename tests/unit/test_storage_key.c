/* Keys: byte order is the order of meaning, and no two things share a key. */
#include "tests/unit/storage_fixture.h"

static int order(const struct key *a, const struct key *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    int c = memcmp(a->b, b->b, n);
    return c != 0 ? c : a->n < b->n ? -1 : a->n > b->n;
}

static void test_times_sort(void **state)
{
    (void)state;
    static const int64_t times[] = {
        INT64_MIN, INT64_MIN + 1, -62135596800000, -86400000,       -1,       0, 1,
        255,       256,           1774774800000,   253402300799999, INT64_MAX};
    for (size_t i = 0; i + 1 < sizeof(times) / sizeof(times[0]); i++) {
        struct key a = key_event(7, 3, times[i], UINT64_MAX), b = key_event(7, 3, times[i + 1], 0);
        assert_true(order(&a, &b) < 0);
        struct key u = key_updated(7, times[i], UINT64_MAX), v = key_updated(7, times[i + 1], 0);
        assert_true(order(&u, &v) < 0);
        assert_true(key_time_at(a.b, 5) == times[i]);
    }
}

static void test_parts_sort_from_the_left(void **state)
{
    (void)state;
    struct key sorted[] = {
        key_event(1, 17, INT64_MAX, 9), key_event(2, 1, INT64_MIN, 0),
        key_event(2, 1, INT64_MIN, 1),  key_event(2, 1, 0, 0),
        key_event(2, 2, INT64_MIN, 0),  key_event(255, 1, 0, 0),
        key_event(256, 1, 0, 0),        key_event(UINT32_MAX, 1, 0, 0),
    };
    for (size_t i = 0; i + 1 < sizeof(sorted) / sizeof(sorted[0]); i++)
        assert_true(order(&sorted[i], &sorted[i + 1]) < 0);
    struct key prefix = key_class(2, 1);
    assert_memory_equal(prefix.b, sorted[1].b, prefix.n);
    assert_int_equal(sorted[0].n, KEY_EVENT_BYTES);
}

static void test_seqs_sort(void **state)
{
    (void)state;
    struct key a = key_seq(1, 255), b = key_seq(1, 256), c = key_seq(2, 0);
    assert_true(order(&a, &b) < 0 && order(&b, &c) < 0);
    assert_true(key_u64_at(b.b, 4) == 256 && key_u32_at(c.b, 0) == 2);
}

/* T-ID-ESCAPE */
static void test_ids_are_taken_as_they_are(void **state)
{
    (void)state;
    static const struct span ids[] = {S(""),   S("%"),     S("#x@group"), S("/a/b"),
                                      S("a"),  S("a\x01"), S("a b"),      S("a%20b"),
                                      S("ab"), S("b"),     S("\xc3\xa9")};
    for (size_t i = 0; i + 1 < sizeof(ids) / sizeof(ids[0]); i++) {
        struct key a = key_id(1, ids[i]), b = key_id(1, ids[i + 1]);
        if (i > 0)
            assert_true(span_eq(key_id_whole(key_span(&a)), ids[i]));
        if (memcmp(ids[i].p, ids[i + 1].p, 1) <= 0)
            assert_true(order(&a, &b) < 0);
        assert_true(order(&a, &b) != 0);
        struct key x = key_coll_id(1, COLL_EVENTS, ids[i]), y = key_coll_id(1, COLL_ACL, ids[i]);
        assert_true(order(&x, &y) != 0);
    }
}

static void test_long_ids_fit_and_differ(void **state)
{
    (void)state;
    char a[LIMIT_ID_BYTES], b[LIMIT_ID_BYTES];
    memset(a, 'x', sizeof(a));
    for (size_t n = 190; n <= sizeof(a); n++) {
        memcpy(b, a, n);
        b[n - 1] = 'y';
        struct key ka = key_id(1, (struct span){a, n}), kb = key_id(1, (struct span){b, n});
        struct key shorter = key_id(1, (struct span){a, n - 1});
        assert_true(ka.n <= 511 && ka.n < sizeof(ka.b));
        assert_true(order(&ka, &kb) != 0 && order(&ka, &shorter) != 0);
        struct span whole = key_id_whole(key_span(&ka));
        assert_int_equal(whole.n, n <= 200 ? n : 0);
    }
}

/* Keys that are none of ours, as a damaged page may have them. */
static void test_foreign_lengths(void **state)
{
    (void)state;
    static const char bytes[sizeof(((struct key *)0)->b)];
    struct key k = {0};
    assert_false(key_copy(&k, (struct span){bytes, sizeof(k.b)}));
    assert_int_equal(k.n, 0);
    assert_true(key_copy(&k, (struct span){bytes, sizeof(k.b) - 1}));
    key_after(&k);
    assert_int_equal(k.n, sizeof(k.b));
    assert_int_equal(key_id_whole((struct span){bytes, 3}).n, 0);
}

static void test_after_is_the_next_key(void **state)
{
    (void)state;
    struct key k = key_id(1, S("abc")), after = k, next = key_id(1, S("abc\x01"));
    key_after(&after);
    assert_true(order(&k, &after) < 0 && order(&after, &next) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_sort),
        cmocka_unit_test(test_parts_sort_from_the_left),
        cmocka_unit_test(test_seqs_sort),
        cmocka_unit_test(test_ids_are_taken_as_they_are),
        cmocka_unit_test(test_long_ids_fit_and_differ),
        cmocka_unit_test(test_foreign_lengths),
        cmocka_unit_test(test_after_is_the_next_key),
    };
    return cmocka_run_group_tests_name("storage_key", tests, NULL, NULL);
}
