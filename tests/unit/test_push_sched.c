/* test_push_sched: a thousand lanes that hang beside some that work. */
#include "core/push/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HANG_MS 10000 /* how long one that hangs takes */
#define HOLES   1000

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct sched s = {.most = {4, 2, 1}};
    struct group g = {.most = 8};
    struct lane l = {.group = &g};
    assert_null(sched_take(&s, 0));
    assert_true(sched_next_ms(&s) == INT64_MAX);
    sched_set(&s, &l, 100);
    assert_true(sched_is_set(&l));
    assert_int_equal(sched_next_ms(&s), 100);
    assert_null(sched_take(&s, 99));
    sched_set(&s, &l, 50);
    assert_ptr_equal(sched_take(&s, 99), &l);
    assert_null(sched_take(&s, 99));
    assert_false(sched_is_set(&l));
    sched_done(&s, &l, LANE_FAILED, 99);
    assert_int_equal(l.fails, 1);
    sched_set(&s, &l, 200);
    assert_int_equal(l.class, LANE_FAILING);
    sched_remove(&s, &l);
    assert_null(sched_take(&s, 1000));
    sched_release(&s);
}

/* No more than `most` of a group; the others follow as soon as one ends, in order. */
static void test_a_busy_group(void **state)
{
    (void)state;
    struct sched s = {.most = {4, 4, 4}};
    struct group g = {.most = 2};
    struct lane l[5] = {0};
    for (int i = 0; i < 5; i++) {
        l[i].group = &g;
        sched_set(&s, &l[i], i);
    }
    assert_ptr_equal(sched_take(&s, 10), &l[0]);
    assert_ptr_equal(sched_take(&s, 10), &l[1]);
    assert_null(sched_take(&s, 10));
    assert_true(l[2].waiting && l[3].waiting && l[4].waiting);
    sched_remove(&s, &l[3]);  /* from the middle of the list */
    sched_set(&s, &l[3], 20); /* to its end, once it is due */
    sched_done(&s, &l[1], LANE_OK, 11);
    assert_ptr_equal(sched_take(&s, 11), &l[2]);
    assert_null(sched_take(&s, 11));
    sched_done(&s, &l[2], LANE_OK, 20);
    sched_done(&s, &l[0], LANE_OK, 20);
    struct lane *a = sched_take(&s, 20), *b = sched_take(&s, 20);
    assert_true((a == &l[3] && b == &l[4]) || (a == &l[4] && b == &l[3]));
    assert_null(g.first);
    sched_release(&s);
}

/* Whichever leaves the list of those that wait, what comes later is behind the others. */
static void test_leaving_a_busy_group(void **state)
{
    (void)state;
    for (int gone = 0; gone < 3; gone++)
        for (int again = 0; again < 2; again++) {
            struct sched s = {.most = {4, 4, 4}};
            struct group g = {.most = 1};
            struct lane busy = {.group = &g}, l[3] = {0}, late = {.group = &g};
            sched_set(&s, &busy, 0);
            assert_ptr_equal(sched_take(&s, 10), &busy);
            for (int i = 0; i < 3; i++) {
                l[i].group = &g;
                sched_set(&s, &l[i], i);
            }
            assert_null(sched_take(&s, 10));
            if (again)
                sched_set(&s, &l[gone], 1000);
            else
                sched_remove(&s, &l[gone]);
            assert_int_equal(sched_is_set(&l[gone]), again);
            sched_set(&s, &late, 5);
            assert_null(sched_take(&s, 10));
            assert_true(late.waiting);
            struct lane *running = &busy;
            for (int i = 0; i < 4; i++) {
                struct lane *want = i < 3 ? &l[i] : &late;
                if (i == gone)
                    continue;
                sched_done(&s, running, LANE_NOTHING, 20);
                running = sched_take(&s, 20);
                assert_ptr_equal(running, want);
            }
            sched_done(&s, running, LANE_NOTHING, 20);
            assert_null(sched_take(&s, 999));
            assert_ptr_equal(sched_take(&s, 1000), again ? &l[gone] : NULL);
            sched_release(&s);
        }
}

/* One that has worked stays among those that do, also while nothing is to be told to it. */
static void test_proven(void **state)
{
    (void)state;
    static const struct {
        enum lane_outcome outcome;
        enum lane_class class;
    } steps[] = {{LANE_NOTHING, LANE_NEW},     {LANE_OK, LANE_PROVEN},
                 {LANE_NOTHING, LANE_PROVEN},  {LANE_FAILED, LANE_FAILING},
                 {LANE_NOTHING, LANE_FAILING}, {LANE_OK, LANE_PROVEN}};
    struct sched s = {.most = {1, 1, 1}};
    struct group g = {.most = 1};
    struct lane l = {.group = &g};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        sched_set(&s, &l, 0);
        assert_int_equal(sched_next_ms(&s), 0);
        assert_ptr_equal(sched_take(&s, 0), &l);
        assert_true(sched_next_ms(&s) == INT64_MAX);
        sched_done(&s, &l, steps[i].outcome, 0);
        sched_set(&s, &l, 0);
        assert_int_equal(l.class, steps[i].class);
    }
    sched_release(&s);
}

/* When to look next: not for what would find no place. */
static void test_when_next(void **state)
{
    (void)state;
    struct sched s = {.most = {1, 1, 1}};
    struct group g = {.most = 8};
    struct lane proven[2] = {{.group = &g, .proven = true}, {.group = &g, .proven = true}};
    struct lane new = {.group = &g};
    sched_set(&s, &proven[0], 10);
    sched_set(&s, &proven[1], 20);
    sched_set(&s, &new, 30);
    assert_int_equal(sched_next_ms(&s), 10);
    assert_ptr_equal(sched_take(&s, 10), &proven[0]);
    assert_int_equal(sched_next_ms(&s), 30);
    sched_done(&s, &proven[0], LANE_OK, 10);
    assert_int_equal(sched_next_ms(&s), 20);
    sched_release(&s);
}

/* Every lane of a host that fails is moved away at its first failure. */
static void test_a_failing_group(void **state)
{
    (void)state;
    struct sched s = {.most = {4, 2, 1}};
    struct group bad = {.most = 8}, good = {.most = 8};
    struct lane l[20] = {0}, other = {.group = &good, .proven = true};
    for (int i = 0; i < 20; i++) {
        l[i].group = &bad;
        l[i].proven = true;
        sched_set(&s, &l[i], 0);
    }
    for (int i = 0; i < 4; i++)
        assert_non_null(sched_take(&s, 1));
    assert_null(sched_take(&s, 1)); /* all places are taken ... */
    sched_set(&s, &other, 1);
    for (int i = 0; i < 20; i++)
        if (l[i].running)
            sched_done(&s, &l[i], LANE_FAILED, HANG_MS);
    assert_ptr_equal(sched_take(&s, HANG_MS)->group, &good); /* ... once */
    struct lane *one = sched_take(&s, HANG_MS);
    assert_ptr_equal(one->group, &bad);
    assert_int_equal(one->class, LANE_FAILING);
    assert_null(sched_take(&s, HANG_MS));
    sched_done(&s, one, LANE_OK, HANG_MS + 1); /* it is back: so are the others */
    for (int i = 0; i < 4 - 1; i++)
        assert_int_equal(sched_take(&s, HANG_MS + 1)->class, LANE_PROVEN);
    sched_release(&s);
}

struct hole {
    struct lane l;
    struct group g;
    int64_t until_ms;
};

/* Thousands of channels to nowhere, each a host of its own, and one that works: it never waits. */
static void test_black_holes(void **state)
{
    (void)state;
    static struct hole holes[HOLES];
    struct sched s;
    struct group g = {.most = 32};
    struct lane good = {.group = &g, .proven = true};
    int64_t asked_ms = -1, worst_ms = 0;
    unsigned attempts = 0;
    sched_init(&s, 128);
    for (int i = 0; i < HOLES; i++) {
        holes[i].g.most = 32;
        holes[i].l.group = &holes[i].g;
        sched_set(&s, &holes[i].l, 0);
    }
    for (int64_t now = 0; now < 600000; now += 100) {
        for (int i = 0; i < HOLES; i++)
            if (holes[i].l.running && now >= holes[i].until_ms) {
                sched_done(&s, &holes[i].l, LANE_FAILED, now);
                sched_set(&s, &holes[i].l, now + 1000);
            }
        if (now % 5000 == 0 && asked_ms < 0) {
            asked_ms = now;
            sched_set(&s, &good, now);
        }
        for (struct lane *l; (l = sched_take(&s, now)) != NULL;) {
            if (l == &good) {
                if (now - asked_ms > worst_ms)
                    worst_ms = now - asked_ms;
                asked_ms = -1;
                sched_done(&s, l, LANE_OK, now);
            } else {
                ((struct hole *)l)->until_ms = now + HANG_MS;
                attempts++;
            }
        }
    }
    assert_int_equal(asked_ms, -1);
    assert_int_equal(worst_ms, 0);
    /* And they are all tried: 64 places at first, 32 then, 10 s each. */
    assert_true(attempts > HOLES + 500);
    for (int i = 0; i < HOLES; i++)
        assert_true(holes[i].l.fails > 0 || holes[i].l.running);
    sched_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_a_busy_group),
        cmocka_unit_test(test_leaving_a_busy_group),
        cmocka_unit_test(test_proven),
        cmocka_unit_test(test_when_next),
        cmocka_unit_test(test_a_failing_group),
        cmocka_unit_test(test_black_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
