/* test_sync_accounts: accounts whose credential fails, is missing or is held back, and what a
 * reload makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "core/sync/settings.h"
#include "tests/unit/sync_world.h"

static struct world w;

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static bool add_failures(void *arg, enum rc rc, const struct collection *c)
{
    (void)rc;
    *(uint64_t *)arg += counters_of(&w, c->no).failures;
    return true;
}

static size_t running(void)
{
    struct queue_totals totals;
    queue_totals(w.queue, &totals);
    return totals.running;
}

/* Every worker looks for something to do, from now on, and has either found nothing or begun. */
static void workers_look(void)
{
    for (int i = 0; i < 2; i++) {
        int64_t begin_us = world_now_us();
        WAIT(sync_oldest_heartbeat_ms(w.sync) * 1000 + 2000 < world_now_us() - begin_us);
    }
}

static void test_parked_account(void **state)
{
    (void)state;
    world_begin(&w, false, "poll_interval_unhealthy = 1s\n");
    insert_event(&w, "aaaaaa", "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    control(&w, "POST", "auth", "{\"revoke\":\"tokens\"}");
    struct account a;
    WAIT(({
        struct txn *t = reading(&w);
        enum rc rc = account_find(t, "a", &a);
        txn_abort(t);
        rc == RC_OK &&a.state == ACCOUNT_NEEDS_LOGIN;
    }));
    assert_true(a.reason[0]);
    assert_int_equal(events_of(&w, ME).all_items, 1); /* still there */
    struct queue_totals totals; /* nothing failed that is to be tried again soon */
    uint64_t failures = 0;
    WAIT((queue_totals(w.queue, &totals), totals.running == 0));
    struct txn *t = reading(&w);
    colls_each(t, add_failures, &failures);
    txn_abort(t);
    assert_int_equal(failures, 0);

    /* Google is asked again after a quarter of an hour, not whenever something is due. */
    size_t calls = requests(&w, "*");
    clock_shift(0, 10 * 60 * 1000);
    workers_look();
    WAIT(running() == 0);
    assert_int_equal(requests(&w, "*"), calls);
    clock_shift(0, 6 * 60 * 1000);
    WAIT(requests(&w, "*") > calls);

    mirror_down(&w);
    mirror_open(&w); /* knows no better until it has tried */
    t = reading(&w);
    assert_int_equal(account_find(t, "a", &a), RC_OK);
    txn_abort(t);
    assert_int_equal(a.state, ACCOUNT_NEEDS_LOGIN);
}

static void test_missing_credential(void **state)
{
    (void)state;
    world_begin(&w, false, "");
    char path[128];
    snprintf(path, sizeof(path), "%s/token", w.dir);
    unlink(path);
    mirror_up(&w);
    struct account a;
    struct txn *t = reading(&w);
    assert_int_equal(account_find(t, "a", &a), RC_OK);
    txn_abort(t);
    assert_int_equal(a.state, ACCOUNT_NEEDS_LOGIN);
    assert_true(strstr(a.reason, "token"));
    struct settings *before = settings_get(w.sync);
    world_write(&w, "token", "test-token\n", 0600);
    clock_shift(0, 61 * 1000); /* the file is looked at each minute */
    WAIT(is_equal(&w, ME));
    WAIT(({
        t = reading(&w);
        enum rc rc = account_find(t, "a", &a);
        txn_abort(t);
        rc == RC_OK &&a.state == ACCOUNT_OK;
    }));
    /* All else is as it was. */
    struct settings *after = settings_get(w.sync);
    assert_ptr_not_equal(after, before);
    assert_memory_equal(&after->rules, &before->rules, sizeof(after->rules));
    assert_string_equal(after->address, before->address);
    assert_int_equal(after->ttl_ms, before->ttl_ms);
    assert_int_equal(after->backoff_min_ms, before->backoff_min_ms);
    assert_int_equal(after->backoff_max_ms, before->backoff_max_ms);
    assert_int_equal(after->retention_ms, before->retention_ms);
    settings_put(after);
    settings_put(before);
}

static void test_reload_takes_up_exclusion(void **state)
{
    (void)state;
    world_begin(&w, false, "");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    strcpy(w.account_options, "exclude = me@*\n");
    struct conf *next = world_conf(&w);
    struct err e = {0};
    assert_int_equal(sync_reload(w.sync, next, &e), RC_OK);
    struct collection gone;
    WAIT(!look_coll(&w, COLL_EVENTS, ME, &gone));
    w.account_options[0] = '\0';
    struct conf *again = world_conf(&w);
    assert_int_equal(sync_reload(w.sync, again, &e), RC_OK);
    WAIT(is_equal(&w, ME));
    conf_free(next);
    conf_free(again);
}

static enum account_state state_of(const char *name)
{
    struct account a;
    struct txn *t = reading(&w);
    assert_int_equal(account_find(t, name, &a), RC_OK);
    txn_abort(t);
    return a.state;
}

/* Somebody signed in, or out: what is read then counts at once, and what is good is no trouble. */
static void test_credential_that_is_read_again(void **state)
{
    (void)state;
    world_begin(&w, false, "");
    mirror_open(&w);
    struct settings *before = settings_get(w.sync);
    sync_credential_changed(w.sync, "a");
    struct settings *after = settings_get(w.sync);
    assert_ptr_not_equal(after->seats[0], before->seats[0]);
    assert_int_equal(after->seats[0]->account, before->seats[0]->account);
    assert_int_equal(state_of("a"), ACCOUNT_OK);
    settings_put(before);
    sync_credential_changed(w.sync, "nobody");
    before = settings_get(w.sync);
    assert_ptr_equal(after, before);
    settings_put(before);
    settings_put(after);
    world_write(&w, "token", "two words\n", 0600);
    sync_credential_changed(w.sync, "a");
    assert_int_equal(state_of("a"), ACCOUNT_NEEDS_LOGIN);
}

/* Each thing that workers need of the config is what the config says. */
static void test_settings_are_those_of_the_config(void **state)
{
    (void)state;
    world_begin(&w, true,
                "poll_interval = 11m\npoll_interval_unhealthy = 12s\nroster_interval = 13m\n"
                "full_sync_interval = 14d\nchannel_overlap = 15m\nchannel_ttl = 16h\n"
                "change_retention = 17d\n");
    mirror_open(&w);
    struct settings *set = settings_get(w.sync);
    assert_int_equal(set->rules.poll_ms, 11 * MINUTE_MS);
    assert_int_equal(set->rules.poll_unhealthy_ms, 12000);
    assert_int_equal(set->rules.roster_ms, 13 * MINUTE_MS);
    assert_int_equal(set->rules.verify_ms, 14 * DAY_MS);
    assert_int_equal(set->rules.overlap_ms, 15 * MINUTE_MS);
    assert_int_equal(set->ttl_ms, 16 * HOUR_MS);
    assert_int_equal(set->retention_ms, 17 * DAY_MS);
    assert_int_equal(set->backoff_min_ms, 20);
    assert_int_equal(set->backoff_max_ms, 200);
    assert_true(set->rules.watch);
    assert_string_equal(set->address, w.conf->webhook.public_url);
    settings_put(set);
    /* By this the channels of an earlier process are known: XXH32 of the address. */
    struct conf conf = *w.conf;
    conf.webhook.public_url = (char[]){"https://example.com/hook"};
    set = settings_new(&conf, &w.sync->world, NULL);
    assert_string_equal(set->rules.tag, "bbb39b96");
    settings_put(set);
}

/* A reload leaves accounts as they are whose section is as it was: what fits is not read again, and
 * what is no good is read again and told to nobody who knows it. */
static void test_reload_of_the_same(void **state)
{
    (void)state;
    struct err e = {0};
    world_begin(&w, false, "");
    mirror_open(&w);
    for (int good = 1; good >= 0; good--) {
        struct settings *before = settings_get(w.sync);
        assert_int_equal(sync_reload(w.sync, w.conf, &e), RC_OK);
        struct settings *after = settings_get(w.sync);
        assert_int_equal(after->seats[0] == before->seats[0], good);
        assert_int_equal(after->seats[0]->account, before->seats[0]->account);
        assert_int_equal(after->seats[0]->told, before->seats[0]->told);
        assert_int_equal(after->seats[0]->told, good ? 0 : ACCOUNT_NEEDS_LOGIN);
        assert_false(after->rules.watch); /* nobody listens */
        settings_put(before);
        settings_put(after);
        world_write(&w, "token", "two words\n", 0600);
        assert_int_equal(sync_reload(w.sync, w.conf, &e), RC_OK);
    }
}

/* "Too fast" to one user holds all that is his; nothing is asked again before it may be. */
static void test_rate_limit_holds_the_account(void **state)
{
    (void)state;
    world_begin(&w, false, "poll_interval_unhealthy = 1s\n");
    mirror_up(&w);
    WAIT(is_equal(&w, ME));
    WAIT(is_idle(&w));
    control(&w, "POST", "faults",
            "{\"match\":\"GET */events\",\"status\":429,\"reason\":\"rateLimitExceeded\","
            "\"headers\":{\"Retry-After\":\"3600\"},\"count\":1}");
    WAIT(strstr(events_of(&w, ME).last_error, "429") ||
         strstr(events_of(&w, ME).last_error, "ate"));
    WAIT(running() == 0);
    size_t calls = requests(&w, "*");
    queue_poke_all(w.queue);
    clock_shift(0, 3500 * 1000);
    workers_look();
    assert_false(is_idle(&w)); /* due, but held */
    assert_int_equal(running(), 0);
    assert_int_equal(requests(&w, "*"), calls);
    clock_shift(0, 2000 * 1000);
    WAIT(events_of(&w, ME).last_error[0] == '\0');
    assert_true(requests(&w, "*") > calls);
}

/* Each part of an account's section makes another account of it when it is edited, and so does its
 * credential; all others keep what they have: tokens, and that they are parked. */
static void test_what_makes_another_seat(void **state)
{
    (void)state;
    world_begin(&w, false, "");
    struct conf *conf = world_conf(&w);
    struct seat_world world = {.token_url = conf->google.token_url};
    struct seat *seat = seat_new(&conf->accounts[0], &world, 1);
    struct conf_account same = conf->accounts[0], other = same;
    assert_true(seat->auth && seat_fits(seat, &same));
    char **const texts[] = {&other.name, &other.key_file, &other.subject, &other.oauth};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        other = same;
        *texts[i] = (char[]){"other"};
        assert_false(seat_fits(seat, &other));
    }
    char *globs[] = {"other@*"};
    struct conf_list list = {.v = globs, .n = 1};
    other = same;
    other.acl = !same.acl;
    assert_false(seat_fits(seat, &other));
    other = same;
    other.calendars = list;
    assert_false(seat_fits(seat, &other));
    other = same;
    other.exclude = list;
    assert_false(seat_fits(seat, &other));
    struct seat *listed = seat_new(&other, &world, 1);
    assert_true(seat_fits(listed, &other));
    globs[0] = "another@*";
    assert_false(seat_fits(listed, &other));
    seat_unref(listed);
    world_write(&w, "token", "another-token\n", 0600);
    assert_false(seat_fits(seat, &same));
    seat_unref(seat);
    conf_free(conf);
}

/* A credential that could not be read for want of a descriptor is read again, without anybody who
 * touches it; one that is no good waits for that. */
static void test_credential_that_cannot_be_read_now(void **state)
{
    (void)state;
    world_begin(&w, false, "");
    struct conf *conf = world_conf(&w);
    struct seat_world world = {.token_url = conf->google.token_url};
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    struct seat *seat = seat_new(&conf->accounts[0], &world, 1);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_null(seat->auth);
    assert_false(seat_fits(seat, &conf->accounts[0]));
    seat_unref(seat);
    world_write(&w, "token", "two words\n", 0600);
    seat = seat_new(&conf->accounts[0], &world, 1);
    assert_null(seat->auth);
    assert_true(seat_fits(seat, &conf->accounts[0]));
    seat_unref(seat);
    conf_free(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_parked_account, end),
        cmocka_unit_test_teardown(test_missing_credential, end),
        cmocka_unit_test_teardown(test_reload_takes_up_exclusion, end),
        cmocka_unit_test_teardown(test_credential_that_is_read_again, end),
        cmocka_unit_test_teardown(test_settings_are_those_of_the_config, end),
        cmocka_unit_test_teardown(test_reload_of_the_same, end),
        cmocka_unit_test_teardown(test_rate_limit_holds_the_account, end),
        cmocka_unit_test_teardown(test_what_makes_another_seat, end),
        cmocka_unit_test_teardown(test_credential_that_cannot_be_read_now, end),
    };
    return cmocka_run_group_tests_name("sync accounts", tests, NULL, NULL);
}
