/* test_serve_fresh: Cache-Control of requests: how old data may be, and waiting for younger. */
#include "tests/unit/serve_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/serve/fresh.h"

static void test_header(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t max_age_ms;
        bool only;
    } cases[] = {
        {NULL, -1, false},
        {"", -1, false},
        {"no-cache", -1, false},
        {"max-age=5", 5000, false},
        {"no-transform, Max-Age=\"7\" ,only-if-cached", 7000, true},
        {"max-age=", -1, false},
        {"max-age=-1", -1, false},
        {"max-age=x", -1, false},
        {"max-age=99999999999999999999", -1, false},
        {"max-age=99999999999", (INT64_C(1) << 31) * 1000, false},
        {"s-max-age=5", -1, false},
        {",,  ,max-age=1", 1000, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fresh_wish wish = fresh_read(cases[i].text);
        if (wish.max_age_ms != cases[i].max_age_ms || wish.only_if_cached != cases[i].only)
            fail_msg("%s: %lld", cases[i].text, (long long)wish.max_age_ms);
    }
}

/* What a worker would do: waits for the pull that is asked for and commits it. */
static void *pull(void *arg)
{
    struct world *w = arg;
    struct queue_ticket ticket;
    while (queue_take(w->queue, &ticket, NULL, NULL) == RC_OK) {
        if (ticket.coll == w->me.no && ticket.reasons & QUEUE_PING) {
            w->me.fresh_ms = clock_wall_ms();
            world_timed(w, "pulled", "2026-01-05T11:00:00", "2026-01-05T12:00:00", "");
        }
        queue_finish(w->queue, &ticket,
                     &(struct queue_result){.covered = ticket.reasons, .delay_ms = 1000000});
    }
    return NULL;
}

static struct http_answer ask(struct world *w, const char *wish)
{
    char header[128];
    (void)snprintf(header, sizeof(header), "Cache-Control: %s\r\n", wish);
    return http_ask(w->port, "GET", EV, header, "");
}

/* The calendar has one event, and was pulled a minute ago. */
static void grow_old(struct world *w)
{
    w->me.fresh_ms = clock_wall_ms() - 60000;
    world_timed(w, "old", "2026-01-05T09:00:00", "2026-01-05T10:00:00", "");
}

static void test_waits_for_a_pull(void **state)
{
    struct world *w = *state;
    char text[256];
    pthread_t thread;
    grow_old(w);
    struct http_answer a = ask(w, "max-age=100");
    assert_int_equal(a.status, 200);
    assert_string_equal(ids_of(&a), "old");
    http_answer_release(&a);
    a = ask(w, "max-age=50, only-if-cached");
    assert_int_equal(a.status, 504);
    http_answer_release(&a);

    assert_int_equal(pthread_create(&thread, NULL, pull, w), 0);
    a = ask(w, "max-age=50");
    assert_int_equal(a.status, 200);
    assert_string_equal(ids_of(&a), "old pulled");
    assert_true(atoi(http_answer_header(&a, "Age", text)) < 5);
    http_answer_release(&a);
    a = ask(w, "max-age=0"); /* just pulled is fresh enough for anybody */
    assert_int_equal(a.status, 200);
    http_answer_release(&a);
    queue_stop(w->queue);
    pthread_join(thread, NULL);
}

/* Free/busy of several calendars is as old as the oldest of them, and that one is pulled. */
static void ask_busy(struct world *w, const char *items)
{
    char body[256], text[256];
    pthread_t thread;
    grow_old(w);
    (void)world_coll(w, w->home, COLL_EVENTS, "fresh", COLL_READY);
    (void)snprintf(body, sizeof(body),
                   "{\"timeMin\":\"2026-01-05T00:00:00Z\",\"timeMax\":\"2026-01-06T00:00:00Z\","
                   "\"items\":[%s]}",
                   items);
    assert_int_equal(pthread_create(&thread, NULL, pull, w), 0);
    struct http_answer a =
        http_ask(w->port, "POST", "/calendar/v3/freeBusy", "Cache-Control: max-age=50\r\n", body);
    queue_stop(w->queue);
    pthread_join(thread, NULL);
    assert_int_equal(a.status, 200);
    assert_true(atoi(http_answer_header(&a, "Age", text)) < 5);
    assert_non_null(strstr(a.body, "\"2026-01-05T10:00:00Z\"")); /* pulled */
    http_answer_release(&a);
}

static void test_busy_waits_for_the_last(void **state)
{
    ask_busy(*state, "{\"id\":\"fresh\"},{\"id\":\"primary\"}");
}

static void test_busy_waits_for_the_first(void **state)
{
    ask_busy(*state, "{\"id\":\"primary\"},{\"id\":\"fresh\"}");
}

static unsigned status_of_part(struct world *w, const char *wish)
{
    char body[512];
    (void)snprintf(body, sizeof body,
                   "--b\r\nContent-Type: application/http\r\n\r\nGET " EV "\r\n"
                   "Cache-Control: %s\r\n\r\n--b--",
                   wish);
    struct http_answer a = http_ask(w->port, "POST", "/batch/calendar/v3",
                                    "Content-Type: multipart/mixed; boundary=b\r\n", body);
    assert_int_equal(a.status, 200);
    const char *line = strstr(a.body, "HTTP/1.1 ");
    assert_non_null(line);
    unsigned status = (unsigned)atoi(line + strlen("HTTP/1.1 "));
    http_answer_release(&a);
    return status;
}

/* A part of a batch does not wait, but asks for the pull; sent again behind it, it is answered. */
static void test_parts_of_a_batch(void **state)
{
    struct world *w = *state;
    pthread_t thread;
    grow_old(w);
    assert_int_equal(status_of_part(w, "max-age=100"), 200);
    assert_int_equal(status_of_part(w, "max-age=50, only-if-cached"), 504);
    assert_int_equal(status_of_part(w, "max-age=50"), 504);
    assert_int_equal(pthread_create(&thread, NULL, pull, w), 0);
    int64_t until_ms = clock_mono_ms() + 60000;
    while (status_of_part(w, "max-age=50, only-if-cached") != 200)
        assert_true(clock_mono_ms() < until_ms);
    queue_stop(w->queue);
    pthread_join(thread, NULL);
}

/* A request for younger data than there is, which nobody pulls. */
static void wait_in_vain(struct world *w, struct http_client *c)
{
    grow_old(w);
    assert_true(http_connect(c, w->port));
    assert_true(http_send_text(c, "GET " EV " HTTP/1.1\r\nHost: localhost\r\n"
                                  "Cache-Control: max-age=5\r\n\r\n"));
    /* Behind the other on another connection; both have been read when this is answered. */
    expect_ids(w, EV, "old");
}

/* Nobody pulls: it is said in the end, and requests without wishes go on meanwhile. */
static void test_gives_up(void **state)
{
    struct world *w = *state;
    struct http_client c;
    struct http_answer a = {0};
    wait_in_vain(w, &c);
    clock_shift(0, FRESH_WAIT_MS + 1000);
    assert_true(http_receive(&c, &a, false));
    assert_int_equal(a.status, 504);
    http_answer_release(&a);
    http_close(&c);
    clock_shift(0, -(FRESH_WAIT_MS + 1000));
}

static void test_stop_while_waiting(void **state)
{
    struct world *w = *state;
    struct http_client c;
    struct http_answer a = {0};
    wait_in_vain(w, &c);
    serve_stop(w->serve);
    assert_true(http_receive(&c, &a, false));
    assert_int_equal(a.status, 503);
    http_answer_release(&a);
    http_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),       WORLD(test_waits_for_a_pull),
        WORLD(test_busy_waits_for_the_last), WORLD(test_busy_waits_for_the_first),
        WORLD(test_parts_of_a_batch),        WORLD(test_gives_up),
        WORLD(test_stop_while_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
