/* test_serve_lane: a client that asks for much at once does not keep the others waiting for all of
 * it. */
#include <linux/sockios.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#include "core/base/bearer.h"
#include "core/httpd/httpd.h"
#include "core/serve/lane.h"
#include "tests/unit/serve_fixture.h"

#define SLOW_US 20000 /* each look at the clock takes so long: every request uses up its turn */

static int64_t slow_clock_us(void)
{
    static _Atomic int64_t us;
    return atomic_fetch_add(&us, SLOW_US);
}

static char order[64]; /* first letters of the queries, as they were answered; the loop's */
static unsigned answered;
static sem_t held, go;

static void note_answer(struct httpd_request *req, struct httpd_response *r)
{
    if (span_is(req->query, "hold")) {
        sem_post(&held);
        sem_wait(&go);
    } else if (req->query.n > 0) {
        order[answered++] = req->query.p[0];
    }
    httpd_answer(req, r);
}

#define clock_mono_us slow_clock_us
#define httpd_answer  note_answer
#include "core/serve/server.c"
#undef clock_mono_us
#undef httpd_answer

#define N 21
/* Of the listener, where there are few: N is more than a quarter of them. */
#define PLACES 40

static void ask(struct http_client *c, const char *target, const char *token)
{
    char text[256];
    (void)snprintf(text, sizeof(text),
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", target,
                   token);
    assert_true(http_send_text(c, text));
}

static unsigned status_of_next(struct http_client *c)
{
    struct http_answer a = {0};
    assert_true(http_receive(c, &a, false));
    unsigned status = a.status;
    http_answer_release(&a);
    return status;
}

/* Until the other end has all that was sent. */
static void wait_sent(const struct http_client *c)
{
    int left = 1;
    while (left > 0)
        assert_int_equal(ioctl(c->fd, SIOCOUTQ, &left), 0);
}

/* N requests that are all there before the first is looked at, one of them of the modest client.
 * How many were answered with 200? */
static unsigned ask_all(struct world *w)
{
    struct http_client c[N], holder;
    unsigned ok = 0;
    answered = 0;
    memset(order, 0, sizeof(order));
    assert_int_equal(sem_init(&held, 0, 0), 0);
    assert_int_equal(sem_init(&go, 0, 0), 0);
    for (int i = 0; i < N; i++) { /* the loop knows them all */
        assert_true(http_connect(&c[i], w->port));
        ask(&c[i], "/healthz", "greedy");
        assert_int_equal(status_of_next(&c[i]), 200);
    }
    assert_true(http_connect(&holder, w->port));
    ask(&holder, "/healthz?hold", "greedy");
    sem_wait(&held);
    for (int i = 0; i < N; i++) {
        bool modest = i == N / 2;
        ask(&c[i], modest ? EV "?modest" : EV "?greedy", modest ? "modest" : "greedy");
        wait_sent(&c[i]);
    }
    sem_post(&go);
    for (int i = 0; i < N; i++) {
        unsigned status = status_of_next(&c[i]);
        assert_true(status == 200 || status == 503);
        ok += status == 200;
        http_close(&c[i]);
    }
    assert_int_equal(status_of_next(&holder), 200);
    http_close(&holder);
    assert_int_equal(answered, N);
    return ok;
}

static void test_one_of_each_client_in_turn(void **state)
{
    assert_int_equal(ask_all(*state), N);
    const char *modest = strchr(order, 'm');
    assert_non_null(modest);
    assert_in_range(modest - order, 0, 2);
}

/* A client keeps a quarter of the places. The first request uses up the turn, but is answered. */
static void test_a_client_has_too_many(void **state)
{
    assert_in_range(ask_all(*state), PLACES / 4, PLACES / 4 + 2);
}

/* Where clients are not told apart, many of them may come at the same time. */
static void test_nobody_has_too_many(void **state)
{
    assert_int_equal(ask_all(*state), N);
}

static int two_clients(void **state)
{
    char options[512], greedy[BEARER_HASH_SIZE], modest[BEARER_HASH_SIZE];
    bearer_hash(span_of("greedy"), greedy);
    bearer_hash(span_of("modest"), modest);
    (void)snprintf(options, sizeof(options),
                   "[client greedy]\ntoken_sha256 = %s\n[client modest]\ntoken_sha256 = %s\n",
                   greedy, modest);
    return world_setup_with(state, options);
}

static int two_clients_few_places(void **state)
{
    return world_setup_cramped(state, two_clients, PLACES);
}

static int anybody_few_places(void **state)
{
    return world_setup_cramped(state, world_setup, PLACES);
}

static void test_lane(void **state)
{
    (void)state;
    static const uint64_t came[] = {7, 7, 7, 8, 9, 9};
    static const int64_t went[] = {0, 3, 4, 1, 5, 2};
    struct lane l = {0};
    struct lane_entry e;
    assert_false(lane_take(&l, &e));
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 6; i++)
            assert_true(lane_add(&l, came[i], &(struct lane_entry){.deadline_ms = i}));
        assert_int_equal(lane_count(&l, 7), 3);
        assert_int_equal(lane_count(&l, 8), 1);
        assert_int_equal(lane_count(&l, 1), 0);
        for (int i = 0; i < 6; i++) {
            assert_true(lane_take(&l, &e));
            assert_int_equal(e.deadline_ms, went[i]);
        }
        assert_int_equal(lane_count(&l, 7), 0);
        assert_false(lane_take(&l, &e));
    }
    assert_true(lane_add(&l, 1, &e) && lane_add(&l, 2, &e) && lane_add(&l, 1, &e));
    lane_release(&l);
    assert_false(lane_take(&l, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lane),
        cmocka_unit_test_setup_teardown(test_one_of_each_client_in_turn, two_clients,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_a_client_has_too_many, two_clients_few_places,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_has_too_many, anybody_few_places,
                                        world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
