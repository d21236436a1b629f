/* T-POISON-ROW: one damaged record of each kind is isolated, counted, and gone after a full
 * listing. */
#include "tests/unit/storage_world.h"

/* In turn, each record of every space of a calendar, at several bytes. */
static void test_any_record_of_a_calendar(void **state)
{
    static const struct {
        enum space space;
        size_t records;
    } cases[] = {
        {SPACE_EVENT, EVENTS},
        {SPACE_EVENT_ID, EVENTS + 1},
        {SPACE_EVENT_UPDATED, EVENTS},
        {SPACE_EVENT_UID, EVENTS},
        {SPACE_EVENT_SERIES, EVENTS},
        {SPACE_EVENT_ODD, 1},
        {SPACE_CHANGE, EVENTS + 1},
        {SPACE_COLL, 1},
        {SPACE_HEAD, 1},
        {SPACE_VERDICT, 1},
        {SPACE_CHANNEL_COLL, 1},
    };
    struct fixture *f = *state;
    struct collection c = make_world(f);
    uint64_t calm = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t n = 0; n < cases[i].records; n += 3) {
            damage_value(f->store, cases[i].space, n, (n * 7) % 60);
            assert_int_equal(store_scrub(f->store, NULL, NULL), 1);
            assert_int_equal(events_damaged(f->store, c.no), 1);
            if (cases[i].space != SPACE_COLL)
                assert_in_range(read_all(f, &c), EVENTS - 1, EVENTS);
            struct txn *t = begin_read(f->store);
            calm += coll_head(t, c.no).n + coll_verdict(t, c.no, VERIFY_EVENTS).n;
            txn_abort(t);
            if (cases[i].space == SPACE_HEAD || cases[i].space == SPACE_VERDICT)
                assert_int_equal(events_damaged(f->store, c.no), 2);
            relist(f, &c);
            assert_int_equal(store_scrub(f->store, NULL, NULL), 0);
            assert_int_equal(count_space(f->store, SPACE_CHANNEL),
                             cases[i].space != SPACE_CHANNEL_COLL);
            if (cases[i].space == SPACE_HEAD || cases[i].space == SPACE_VERDICT) { /* come anew */
                t = begin_write(f->store);
                coll_set_head(t, c.no, S("{}"));
                coll_set_verdict(t, c.no, VERIFY_EVENTS, S("{}"));
                commit(t);
            }
            expect_whole(f, &c);
        }
    }
    assert_true(calm > 0);
}

/* An incremental pull meets the damage before any listing: no second copy appears, nothing crashes.
 */
static void test_put_over_damage(void **state)
{
    struct fixture *f = *state;
    static const enum space spaces[] = {SPACE_EVENT, SPACE_EVENT_ID, SPACE_EVENT_UPDATED,
                                        SPACE_EVENT_UID, SPACE_CHANGE};
    struct collection c = make_world(f);
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        for (int remove = 0; remove < 2; remove++) {
            size_t rows = count_space(f->store, SPACE_CHANGE);
            for (size_t n = count_space(f->store, spaces[i]); n > 0; n--)
                damage_value(f->store, spaces[i], n - 1, 20);
            for (size_t e = 0; e < EVENTS; e++) {
                struct event ev = nth_event(e);
                ev.raw = remove ? S("removed") : S("changed");
                ev.end_ms += 5 * HOUR;
                struct txn *t = begin_write(f->store);
                if (remove)
                    assert_true(event_remove(t, &c, ev.id));
                else
                    assert_true(event_put(t, &c, &ev));
                coll_put(t, &c);
                commit(t);
            }
            assert_int_equal(c.live_items, remove ? 0 : EVENTS - 1);
            assert_int_equal(count_space(f->store, SPACE_CHANGE), rows);
            if (spaces[i] == SPACE_EVENT || spaces[i] == SPACE_EVENT_ID)
                assert_int_equal(events_damaged(f->store, c.no), EVENTS);
            struct txn *t = begin_read(f->store);
            struct event_window all = EVENT_WINDOW_ALL;
            struct event_place first = {INT64_MIN, 0};
            assert_int_equal(drain(events_by_time(t, &c, &all, first)), remove ? 0 : EVENTS);
            assert_int_equal(drain(events_by_id(t, &c, (struct span){0})), remove ? 0 : EVENTS);
            txn_abort(t);
            relist(f, &c);
            expect_whole(f, &c);
        }
    }
}

/* Two records at once that belong to one event. */
static void test_event_and_its_id(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    damage_value(f->store, SPACE_EVENT, 5, 30);
    damage_value(f->store, SPACE_EVENT_ID, 5, 30);
    damage_value(f->store, SPACE_CHANGE, 5, 3);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 3);
    struct event ev = nth_event(5);
    ev.raw = S("changed");
    assert_true(put_one(f->store, &c, &ev));
    assert_int_equal(read_all(f, &c), EVENTS);
    relist(f, &c);
    expect_whole(f, &c);
}

/* Bytes that are sound, but stand under another key, are damage, too. */
static void test_misplaced_record(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    static const enum space spaces[] = {SPACE_EVENT, SPACE_EVENT_ID, SPACE_EVENT_UID, SPACE_CHANGE};
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        struct txn *t = begin_write(f->store);
        struct key of_coll = key_no(c.no), first;
        struct walk w;
        walk_open(&w, t, spaces[i], &of_coll, NULL);
        assert_true(walk_next(&w));
        assert_true(key_copy(&first, w.key));
        assert_true(walk_next(&w));
        struct buf copy = {0};
        buf_add_span(&copy, w.value);
        walk_close(&w);
        memcpy(space_reserve(t, spaces[i], &first, copy.n - RECORD_HEAD), copy.p, copy.n);
        buf_release(&copy);
        commit(t);
        assert_int_equal(store_scrub(f->store, NULL, NULL), 1);
        relist(f, &c);
        expect_whole(f, &c);
    }
}

static void test_damaged_stage(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct listing_result r;
    struct event ev = nth_event(0);
    ev.raw = S("new form");
    struct txn *t = begin_write(f->store);
    listing_begin(t, &c, LISTING_STALE, 1);
    listing_put(t, &c, &ev);
    for (size_t i = 1; i < EVENTS; i++) {
        struct event other = nth_event(i);
        listing_put(t, &c, &other);
    }
    coll_put(t, &c);
    commit(t);
    damage_value(f->store, SPACE_STAGE, 0, 40);
    t = begin_write(f->store);
    listing_finish(t, &c, &r);
    coll_put(t, &c);
    commit(t);
    assert_int_equal(read_all(f, &c), EVENTS); /* the old form rather than none */
    assert_int_equal(events_damaged(f->store, c.no), 1);
}

struct seen {
    enum rc rc;
    struct account account;
    struct collection coll;
    struct job job;
    int channels;
};

static bool see_account(void *arg, enum rc rc, const struct account *a)
{
    struct seen *seen = arg;
    seen->rc = rc;
    seen->account = *a;
    return true;
}

static bool see_coll(void *arg, enum rc rc, const struct collection *c)
{
    struct seen *seen = arg;
    seen->rc = rc;
    seen->coll = *c;
    return true;
}

static bool see_channel(void *arg, const struct channel *c)
{
    (void)c;
    ((struct seen *)arg)->channels++;
    return true;
}

static bool see_job(void *arg, const struct job *j)
{
    ((struct seen *)arg)->job = *j;
    return true;
}

static void test_account(void **state)
{
    struct fixture *f = *state;
    struct account a;
    struct seen seen = {0};
    make_world(f);
    damage_value(f->store, SPACE_ACCOUNT, 0, 11);
    struct txn *t = begin_write(f->store);
    assert_int_equal(account_find(t, "work", &a), RC_BADDATA);
    assert_int_equal(events_damaged(f->store, 0), 1);
    assert_true(a.no == 1 && strcmp(a.name, "work") == 0 && a.state == 0);
    accounts_each(t, see_account, &seen);
    assert_true(seen.rc == RC_BADDATA && seen.account.no == 1);
    a.state = ACCOUNT_OK;
    account_put(t, &a);
    assert_int_equal(account_find(t, "work", &a), RC_OK);
    commit(t);

    struct account more[] = {{.name = "home"}, {.name = "away"}};
    t = begin_write(f->store);
    account_put(t, &more[0]);
    account_put(t, &more[1]);
    commit(t);
    for (size_t i = 0; i < 3; i++)
        damage_value(f->store, SPACE_ACCOUNT_NAME, i, 10);
    t = begin_write(f->store);
    assert_int_equal(account_find(t, "work", &a), RC_OK); /* found without it */
    account_put(t, &a);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(account_find(t, more[i].name, &a), RC_OK);
        assert_int_equal(a.no, more[i].no);
        account_put(t, &a);
    }
    commit(t);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 0);
}

static void test_collection(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f), got;
    struct seen seen = {0};
    damage_value(f->store, SPACE_COLL, 0, 50);
    struct txn *t = begin_write(f->store);
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, S("a@example.com"), &got), RC_BADDATA);
    colls_each(t, see_coll, &seen);
    assert_int_equal(seen.rc, RC_BADDATA);
    assert_memory_equal(&seen.coll, &got, sizeof(got));
    assert_true(got.no == c.no && got.account == 1 && got.kind == COLL_EVENTS &&
                got.state == COLL_NEW && got.sync_token[0] == '\0');
    assert_string_equal(got.calendar, "a@example.com");
    struct change_iter *it;
    assert_int_equal(changes_open(t, &got, c.version - 1, &it), RC_STALE);
    txn_abort(t);
    relist(f, &c);
    expect_whole(f, &c);

    damage_value(f->store, SPACE_COLL_ID, 0, 10);
    t = begin_write(f->store);
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, S("a@example.com"), &got), RC_OK);
    coll_put(t, &got);
    commit(t);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 0);

    /* Of several, each is found by what it is; a long id is in no key. */
    char id[300];
    memset(id, 'x', sizeof(id));
    id[sizeof(id) - 1] = '\0';
    struct collection more[] = {make_calendar(f->store, "b@example.com", COLL_READY),
                                make_calendar(f->store, id, COLL_READY)};
    damage_value(f->store, SPACE_COLL, 1, 50);
    damage_value(f->store, SPACE_COLL, 2, 50);
    t = begin_write(f->store);
    assert_int_equal(coll_get(t, more[0].no, &got), RC_BADDATA);
    assert_int_equal(events_damaged(f->store, more[0].no), 1);
    assert_string_equal(got.calendar, "b@example.com");
    assert_int_equal(coll_get(t, more[1].no, &got), RC_BADDATA);
    assert_true(got.kind == 0 && got.calendar[0] == '\0');
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, span_of(id), &got), RC_BADDATA);
    assert_true(got.no == more[1].no && got.account == 1 && got.kind == COLL_EVENTS);
    assert_string_equal(got.calendar, id);
    coll_delete(t, more[1].no);
    coll_put(t, &more[0]);
    commit(t);
    damage_value(f->store, SPACE_COLL_ID, 0, 10);
    damage_value(f->store, SPACE_COLL_ID, 1, 10);
    t = begin_write(f->store);
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, S("b@example.com"), &got), RC_OK);
    assert_int_equal(got.no, more[0].no);
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, S("a@example.com"), &got), RC_OK);
    assert_int_equal(got.no, c.no);
    coll_put(t, &got);
    coll_put(t, &more[0]);
    commit(t);
    damage_value(f->store, SPACE_COLL, 1, 50);
    t = begin_write(f->store);
    coll_delete(t, more[0].no);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_COLL_ID), 1);

    damage_value(f->store, SPACE_COLL, 0, 50); /* both: nobody knows what it was */
    damage_value(f->store, SPACE_COLL_ID, 0, 10);
    t = begin_write(f->store);
    assert_int_equal(coll_get(t, c.no, &got), RC_BADDATA);
    assert_true(got.no == c.no && got.account == 0);
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, S("a@example.com"), &got), RC_NOTFOUND);
    coll_delete(t, c.no);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_EVENT), 0);
}

static void test_channel_and_job(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct channel ch;
    struct seen seen = {0};
    damage_value(f->store, SPACE_CHANNEL, 0, 30);
    damage_value(f->store, SPACE_JOB, 0, 15);
    struct txn *t = begin_read(f->store);
    assert_int_equal(channel_get(t, S("v1abc"), &ch), RC_BADDATA);
    channels_each(t, 0, see_channel, &seen);
    channels_each(t, c.no, see_channel, &seen);
    assert_int_equal(seen.channels, 0);
    assert_int_equal(job_get(t, c.no, &seen.job), RC_OK);
    assert_true(seen.job.coll == c.no && seen.job.pinged > seen.job.pulled && !seen.job.due_ms);
    seen.job = (struct job){0};
    jobs_each(t, see_job, &seen);
    assert_true(seen.job.coll == c.no && seen.job.pinged > seen.job.pulled);
    txn_abort(t);
    assert_true(events_damaged(f->store, c.no) > 0);

    struct channel other = {.id = "v1other", .coll = c.no, .state = CHANNEL_LIVE};
    t = begin_write(f->store);
    channel_put(t, &other);
    channel_delete(t, S("v1abc")); /* by id, though it no longer says what it watched */
    channels_each(t, c.no, see_channel, &seen);
    assert_int_equal(seen.channels, 1);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_CHANNEL), 1);
    assert_int_equal(count_space(f->store, SPACE_CHANNEL_COLL), 1);
}

static void test_item(void **state)
{
    struct fixture *f = *state;
    struct collection c = {.account = 1, .kind = COLL_ROSTER};
    struct item a = {.id = S("a"), .raw = S("{1}")}, b = {.id = S("b"), .raw = S("{2}")}, got;
    struct txn *t = begin_write(f->store);
    coll_put(t, &c);
    item_put(t, &c, &a);
    item_put(t, &c, &b);
    coll_put(t, &c);
    commit(t);
    damage_value(f->store, SPACE_ITEM, 0, 12);
    t = begin_write(f->store);
    assert_int_equal(item_get(t, c.no, S("a"), &got), RC_BADDATA);
    assert_int_equal(events_damaged(f->store, c.no), 1);
    struct item_iter *it = items_open(t, c.no, (struct span){0});
    assert_true(items_next(it, &got) && span_is(got.id, "b"));
    assert_false(items_next(it, &got));
    items_close(it);
    assert_true(item_put(t, &c, &a));
    assert_true(c.all_items == 2 && c.live_items == 2);
    coll_put(t, &c);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 2);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 0);

    damage_value(f->store, SPACE_ITEM, 1, 12); /* and one that is never listed again */
    c.changed_ms = 1;
    t = begin_write(f->store);
    assert_true(coll_repair(t, &c) > 0);
    assert_true(c.changed_ms > 1);
    assert_int_equal(coll_repair(t, &c), 0);
    assert_true(c.all_items == 1 && c.live_items == 1);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_ITEM), 1);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 1);
}

/* Too short for what every record begins with. */
static void test_short_records(void **state)
{
    (void)state;
    struct key k = key_no(77);
    struct span body;
    uint8_t record[RECORD_HEAD + 4] = {0};
    for (size_t n = 0; n <= sizeof(record); n++) {
        if (n >= RECORD_HEAD)
            record_seal(SPACE_HEAD, key_span(&k), record, n);
        struct span whole = {(const char *)record, n};
        assert_int_equal(record_open(SPACE_HEAD, key_span(&k), whole, &body), n >= RECORD_HEAD);
    }
}

static void test_damage_is_counted_by_collection(void **state)
{
    struct fixture *f = *state;
    damage_note(f->store, 3);
    damage_note(f->store, 5);
    damage_note(f->store, 5);
    assert_int_equal(events_damaged(f->store, 3), 1);
    assert_int_equal(events_damaged(f->store, 5), 2);
    assert_int_equal(events_damaged(f->store, 4), 0);
    events_damage_clear(f->store, 3);
    events_damage_clear(f->store, 4);
    assert_int_equal(events_damaged(f->store, 3), 0);
    assert_int_equal(events_damaged(f->store, 5), 2);
    events_damage_clear(f->store, 5);
    assert_int_equal(atomic_load(&f->store->damage.total), 0);
}

/* More than one read transaction takes, all of them bad, each counted once. */
static void test_scrub_counts_each_once(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char id[1100][8];
    struct txn *t = begin_write(f->store);
    for (size_t i = 0; i < 1100; i++) {
        snprintf(id[i], sizeof(id[i]), "e%zu", i);
        struct event ev = make_event(id[i], (int64_t)i * HOUR, (int64_t)i * HOUR + HOUR);
        event_put(t, &c, &ev);
    }
    coll_put(t, &c);
    struct walk w;
    struct key all = {0};
    walk_open(&w, t, SPACE_EVENT, &all, NULL);
    while (walk_next(&w)) {
        char bad[256] = {0};
        assert_true(w.value.n <= sizeof(bad));
        MDB_val key = {w.key.n, (void *)(uintptr_t)w.key.p}, value = {w.value.n, bad};
        assert_int_equal(mdb_cursor_put(w.cursor, &key, &value, MDB_CURRENT), 0);
    }
    walk_close(&w);
    commit(t);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 1100);
    assert_int_equal(events_damaged(f->store, c.no), 1100);
}

static bool stop_at_once(void *arg)
{
    ++*(int *)arg;
    return true;
}

static void test_scrub_stops(void **state)
{
    struct fixture *f = *state;
    int asked = 0;
    make_world(f);
    damage_value(f->store, SPACE_EVENT, 0, 0);
    assert_int_equal(store_scrub(f->store, stop_at_once, &asked), 0);
    assert_int_equal(asked, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_any_record_of_a_calendar),
        TEST(test_put_over_damage),
        TEST(test_event_and_its_id),
        TEST(test_misplaced_record),
        TEST(test_damaged_stage),
        TEST(test_account),
        TEST(test_collection),
        TEST(test_channel_and_job),
        TEST(test_item),
        TEST(test_short_records),
        TEST(test_damage_is_counted_by_collection),
        TEST(test_scrub_counts_each_once),
        TEST(test_scrub_stops),
    };
    log_set_level(LOG_ERR); /* the damage is ours */
    return cmocka_run_group_tests_name("storage_damage", tests, NULL, NULL);
}
