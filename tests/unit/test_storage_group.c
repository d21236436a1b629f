/* test_storage_group: writers of several threads share a commit, and nothing else. */
#include "tests/unit/storage_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define WRITERS 24

struct thread {
    pthread_t id;
    struct store *store;
    uint32_t no;
    bool gives_up, large;
    enum rc rc;
    uint64_t commits; /* of the store when this one was told */
};

static void *write_one(void *arg)
{
    struct thread *th = arg;
    struct txn *t = NULL;
    th->rc = (th->large ? txn_write_large : txn_write)(th->store, &t, NULL);
    if (th->rc != RC_OK)
        return NULL;
    job_put(t, &(struct job){.coll = th->no, .pinged = th->no});
    (void)txn_next_seq(t);
    if (th->gives_up)
        txn_abort(t);
    else
        th->rc = txn_commit(t, NULL);
    th->commits = store_commits(th->store);
    return NULL;
}

static size_t in_line(struct store *s)
{
    size_t n = 0;
    pthread_mutex_lock(&s->group.lock);
    for (struct writer *w = s->group.first; w; w = w->next)
        n++;
    pthread_mutex_unlock(&s->group.lock);
    return n;
}

/* Starts them one after the other while this thread has the turn, so that all of them wait. */
static void line_up(struct fixture *f, struct thread *threads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        threads[i].store = f->store;
        threads[i].no = (uint32_t)i + 1;
        assert_int_equal(pthread_create(&threads[i].id, NULL, write_one, &threads[i]), 0);
        while (in_line(f->store) < i + 1)
            sched_yield();
    }
}

static void join_all(struct thread *threads, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i].id, NULL);
}

static uint64_t pinged(struct fixture *f, uint32_t no)
{
    struct job job;
    struct txn *t = begin_read(f->store);
    assert_int_equal(job_get(t, no, &job), RC_OK);
    txn_abort(t);
    return job.pinged;
}

/* Two dozen writers, some of which give up: fewer commits than writers, and what each wrote is
 * there or not as it was told. */
static void test_shared_commit(void **state)
{
    struct fixture *f = *state;
    struct thread threads[WRITERS] = {0};
    for (size_t i = 0; i < WRITERS; i++)
        threads[i].gives_up = i % 5 == 3;
    uint64_t before = store_commits(f->store);
    struct txn *t = begin_write(f->store);
    line_up(f, threads, WRITERS);
    uint64_t seq = txn_next_seq(t);
    assert_int_equal(txn_commit(t, NULL), RC_OK);
    join_all(threads, WRITERS);
    assert_true(store_commits(f->store) - before < WRITERS / 2);
    uint64_t committed = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(threads[i].rc, RC_OK);
        assert_int_equal(pinged(f, (uint32_t)i + 1), threads[i].gives_up ? 0 : i + 1);
        assert_true(threads[i].gives_up || threads[i].commits > before);
        committed += !threads[i].gives_up;
    }
    t = begin_read(f->store); /* each number once, none lost by those who gave up */
    assert_int_equal(txn_last_seq(t), seq + committed);
    txn_abort(t);
    store_close(f->store);
    fixture_open(f);
    assert_int_equal(pinged(f, 1), 1);
}

/* The first gives up with others in line: the next one leads. */
static void test_leader_gives_up(void **state)
{
    struct fixture *f = *state;
    struct thread threads[3] = {0};
    struct txn *t = begin_write(f->store);
    job_put(t, &(struct job){.coll = 99, .pinged = 99});
    line_up(f, threads, 3);
    txn_abort(t);
    join_all(threads, 3);
    assert_int_equal(pinged(f, 99), 0);
    for (uint32_t no = 1; no <= 3; no++)
        assert_int_equal(pinged(f, no), no);
}

/* Who will take long does not keep those waiting who are done. */
static void test_large_ones_lead(void **state)
{
    struct fixture *f = *state;
    struct thread threads[4] = {
        {.large = false}, {.large = true}, {.large = false}, {.large = true}};
    uint64_t before = store_commits(f->store);
    struct txn *t = begin_write(f->store);
    line_up(f, threads, 4);
    assert_int_equal(txn_commit(t, NULL), RC_OK);
    join_all(threads, 4);
    assert_true(store_commits(f->store) - before >= 3); /* one ends before each large one */
    assert_int_equal(pinged(f, 4), 4);
}

/* A commit that fails has failed for everybody who shared it; what was there before stays. */
static void test_failure_is_everybodys(void **state)
{
    struct fixture *f = *state;
    struct thread threads[6] = {0};
    struct rlimit was, none = {0};
    struct txn *t = begin_write(f->store);
    line_up(f, threads, 6);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    none.rlim_max = was.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    job_put(t, &(struct job){.coll = 99, .pinged = 99});
    enum rc rc = txn_commit(t, NULL);
    join_all(threads, 6);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(rc, RC_FULL);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(threads[i].rc, RC_FULL);
        assert_int_equal(pinged(f, (uint32_t)i + 1), 0);
    }
    t = begin_write(f->store);
    job_put(t, &(struct job){.coll = 7, .pinged = 7});
    assert_int_equal(txn_commit(t, NULL), RC_OK);
    assert_int_equal(pinged(f, 7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shared_commit, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_leader_gives_up, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_large_ones_lead, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_failure_is_everybodys, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
