/* test_push_channels: the thread that notifies clients' channels, while the mirror cannot be read.
 */
#include "core/push/channels.h"

#include "core/base/clock.h"
#include "storage/push.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/storage_fixture.h"

#define PATIENCE_MS  60000
#define READERS_MOST 4096 /* more than a store has room for */

struct world {
    struct fixture *f;
    struct store *ledger;
    struct conf conf;
    struct channels *channels;
    struct collection coll;
    struct fake_http receiver;
};

static const char
    *_Atomic refused; /* what is in messages that the receiver asks for again; NULL: none */

static bool take(struct fake_http *f, int fd, const char *text, int nth)
{
    const char *words = refused;
    (void)f, (void)nth;
    fake_http_reply_text(fd, words && strstr(text, words) ? 503 : 200, "");
    return true;
}

static void make_channels(struct world *w)
{
    char *networks[] = {(char[]){"127.0.0.0/8"}};
    const struct conf_list list = {networks, 1};
    struct address_rules rules;
    assert_int_equal(address_rules_init(&rules, &list, NULL), RC_OK);
    assert_int_equal(
        channels_new(&w->channels, w->f->store, w->ledger, &w->conf, &rules, false, NULL), RC_OK);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const struct store_options opt = {.file = STORE_PUSH, .no_fsync = true};
    struct account a = {.name = "home", .state = ACCOUNT_OK};
    void *f;
    assert_int_equal(fixture_setup(&f), 0);
    w->f = f;
    assert_int_equal(store_open(&w->ledger, w->f->dir, &opt, NULL), RC_OK);
    struct txn *t = begin_write(w->f->store);
    account_put(t, &a);
    commit(t);
    w->coll = make_calendar(w->f->store, "me", COLL_READY);
    fake_http_start(&w->receiver, NULL, take, NULL);
    w->conf.refs = 1;
    w->conf.push = (struct conf_push){.channels_per_client = 10,
                                      .request_timeout_ms = PATIENCE_MS,
                                      .backoff_min_ms = 1,
                                      .backoff_max_ms = 1};
    make_channels(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *f = w->f;
    channels_stop(w->channels);
    channels_free(w->channels);
    fake_http_stop(&w->receiver);
    store_close(w->ledger);
    (void)fixture_teardown(&f);
    free(w);
    return 0;
}

static void wait_for_messages(struct world *w, int n)
{
    for (int64_t until_ms = clock_mono_ms() + PATIENCE_MS; fake_http_requests(&w->receiver) < n;
         (void)poll(NULL, 0, 5))
        if (clock_mono_ms() > until_ms)
            fail_msg("message %d does not come", n);
}

static void wait_for_turns(struct world *w, int n)
{
    for (int64_t before = channels_heartbeat_ms(w->channels); n > 0; (void)poll(NULL, 0, 5)) {
        int64_t beat = channels_heartbeat_ms(w->channels);
        n -= beat != before;
        before = beat;
    }
}

static void open_one(struct world *w)
{
    struct push_channel ch = {.id = "one",
                              .account = "home",
                              .kind = COLL_EVENTS,
                              .calendar = "me",
                              .expires_ms = clock_wall_ms() + 10 * DAY,
                              .cursor = w->coll.version};
    (void)snprintf(ch.address, sizeof ch.address, "%s/", w->receiver.url);
    assert_int_equal(channels_start(w->channels, NULL), RC_OK);
    assert_int_equal(channels_open(w->channels, &ch, NULL), CHANNEL_OPENED);
}

static void pass_and_change(struct world *w, int64_t ms, const char *id)
{
    struct txn *t = begin_write(w->f->store);
    struct event ev = make_event(id, 0, HOUR);
    clock_shift(ms, ms);
    assert_true(event_put(t, &w->coll, &ev));
    coll_put(t, &w->coll);
    commit(t);
}

/* What was heard while the store could not be read is looked for once it can be. */
static void test_news_while_nothing_can_be_read(void **state)
{
    struct world *w = *state;
    struct txn *held[READERS_MOST];
    unsigned n = 0;
    open_one(w);
    wait_for_messages(w, 1); /* its sync */
    wait_for_turns(w, 2);
    struct txn *t = begin_write(w->f->store);
    while (n < READERS_MOST && txn_read(w->f->store, &held[n], NULL) == RC_OK)
        n++;
    assert_in_range(n, 1, READERS_MOST - 1);
    struct event ev = make_event("e", 0, HOUR);
    assert_true(event_put(t, &w->coll, &ev));
    coll_put(t, &w->coll);
    commit(t);
    wait_for_turns(w, 2);
    while (n > 0)
        txn_abort(held[--n]);
    wait_for_messages(w, 2);
}

/* The number of the last message that says so; 0: there was none. */
static unsigned long last_number(struct world *w, const char *state)
{
    unsigned long number = 0;
    pthread_mutex_lock(&w->receiver.lock);
    for (int i = 0; i < w->receiver.n_requests; i++)
        if (strstr(w->receiver.requests[i], state))
            number = strtoul(strstr(w->receiver.requests[i], "Message-Number: ") + 16, NULL, 10);
    pthread_mutex_unlock(&w->receiver.lock);
    return number;
}

static void wait_for_state(struct world *w, const char *state)
{
    for (int64_t until_ms = clock_mono_ms() + PATIENCE_MS; !last_number(w, state);
         (void)poll(NULL, 0, 5))
        if (clock_mono_ms() > until_ms)
            fail_msg("no message says %s", state);
}

/* A message that was not answered well may have been taken in: the next one's number is higher. */
static void test_numbers_rise_when_the_calendar_goes(void **state)
{
    struct world *w = *state;
    w->conf.push.backoff_min_ms = w->conf.push.backoff_max_ms = 200;
    refused = "State: exists";
    open_one(w);
    wait_for_state(w, "State: sync");
    for (int i = 0; i < 3; i++) {
        char id[] = {(char)('a' + i), '\0'};
        pass_and_change(w, 0, id);
    }
    wait_for_state(w, refused);
    struct txn *t = begin_write(w->f->store);
    w->coll.state = COLL_GONE;
    coll_put(t, &w->coll);
    commit(t);
    wait_for_state(w, "State: not_exists");
    assert_true(last_number(w, "State: not_exists") > last_number(w, refused));
    refused = NULL;
}

/* After which what is over is looked for before anybody is told: time has passed. */
static uint64_t count_open(struct world *w)
{
    uint64_t open, failing, delivered, failed;
    channels_count(w->channels, &open, &failing, &delivered, &failed);
    return open;
}

/* A clock that is wrong for a moment does not end what nobody can open again but its client, who
 * does not know. */
static void test_a_clock_that_was_ahead(void **state)
{
    struct world *w = *state;
    open_one(w);
    wait_for_messages(w, 1); /* its sync */
    wait_for_turns(w, 2);
    clock_shift(365 * DAY, 0);
    pass_and_change(w, MINUTE_MS, "ahead");
    wait_for_messages(w, 2);
    pass_and_change(w, HOUR / 2, "still ahead");
    wait_for_messages(w, 3);
    clock_shift(-365 * DAY, 0);
    pass_and_change(w, MINUTE_MS, "right");
    wait_for_messages(w, 4);

    clock_shift(365 * DAY, 0); /* it was behind until now, as it seems */
    pass_and_change(w, HOUR / 2, "ahead again");
    wait_for_messages(w, 5);
    clock_shift(HOUR, HOUR);
    for (int64_t until_ms = clock_mono_ms() + PATIENCE_MS; count_open(w) > 0;
         (void)poll(NULL, 0, 5))
        assert_true(clock_mono_ms() < until_ms);
}

static void restart(struct world *w, int64_t wall_ms)
{
    channels_stop(w->channels);
    channels_free(w->channels);
    clock_shift(wall_ms, 0);
    make_channels(w);
    assert_int_equal(channels_start(w->channels, NULL), RC_OK);
}

static bool is_written(struct world *w, const char *id)
{
    struct push_channel record;
    struct txn *t = begin_read(w->ledger);
    enum rc rc = push_channel_get(t, span_of(id), &record);
    txn_abort(t);
    return rc == RC_OK;
}

/* Nor does one that is wrong from the start, for as long; and what happened meanwhile is told. */
static void test_a_clock_that_was_ahead_at_the_start(void **state)
{
    struct world *w = *state;
    open_one(w);
    wait_for_messages(w, 1); /* its sync */
    wait_for_turns(w, 2);
    restart(w, 365 * DAY);
    pass_and_change(w, MINUTE_MS, "ahead");
    wait_for_turns(w, 3);
    assert_int_equal(count_open(w), 0);
    clock_shift(MINUTE_MS - 365 * DAY, MINUTE_MS);
    wait_for_messages(w, 2);
    assert_int_equal(count_open(w), 1);

    restart(w, 365 * DAY);
    clock_shift(HOUR, HOUR);
    for (int64_t until_ms = clock_mono_ms() + PATIENCE_MS; is_written(w, "one");
         (void)poll(NULL, 0, 5))
        assert_true(clock_mono_ms() < until_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_news_while_nothing_can_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_rise_when_the_calendar_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_was_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_was_ahead_at_the_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
