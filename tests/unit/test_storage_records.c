/* Accounts, collections, items, channels, jobs: what is put comes back, what is deleted takes all
 * of its own along and nothing else. */
#include "core/base/clock.h"
#include "tests/unit/storage_fixture.h"

static void test_accounts(void **state)
{
    struct fixture *f = *state;
    struct account a = {.name = "work", .state = ACCOUNT_OK, .since_ms = -5}, b = {.name = "home"};
    struct txn *t = begin_write(f->store);
    snprintf(a.reason, sizeof(a.reason), "run: calmirror login work");
    account_put(t, &a);
    account_put(t, &b);
    assert_true(a.no == 1 && b.no == 2);
    commit(t);

    struct account got;
    t = begin_write(f->store);
    assert_int_equal(account_find(t, "work", &got), RC_OK);
    assert_memory_equal(&got, &a, sizeof(got));
    assert_int_equal(account_find(t, "", &got), RC_NOTFOUND);
    assert_int_equal(account_find(t, "wor", &got), RC_NOTFOUND);
    assert_int_equal(account_get(t, 3, &got), RC_NOTFOUND);
    snprintf(a.name, sizeof(a.name), "office");
    account_put(t, &a); /* renamed: the old name leads nowhere */
    assert_int_equal(account_find(t, "work", &got), RC_NOTFOUND);
    assert_int_equal(account_find(t, "office", &got), RC_OK);
    struct account c = {.name = "third"};
    account_put(t, &c);
    assert_int_equal(c.no, 3); /* numbers are never used again */
    commit(t);
}

static void fill(void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)(i * 7 + 1);
}

static void test_collection_round_trip(void **state)
{
    struct fixture *f = *state;
    struct collection c;
    fill(&c, sizeof(c));
    /* Whatever has no arbitrary bytes: texts, truth values, numbers. */
    static const struct {
        size_t at, size;
    } texts[] = {
#define TEXT(member) {offsetof(struct collection, member), sizeof(c.member)}
        TEXT(calendar),           TEXT(zone),       TEXT(sync_token),
        TEXT(listing.page_token), TEXT(last_error), TEXT(watch_error),
#undef TEXT
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *p = (char *)&c + texts[i].at;
        memset(p, 'a' + (int)i, texts[i].size - 1); /* as long as it can be */
        p[texts[i].size - 1] = '\0';
    }
    c.no = 0;
    c.listing.direct = true;
    struct txn *t = begin_write(f->store);
    coll_put(t, &c);
    commit(t);

    struct collection got;
    t = begin_read(f->store);
    assert_int_equal(coll_find(t, c.account, c.kind, span_of(c.calendar), &got), RC_OK);
    txn_abort(t);
    /* Compared member by member, for padding is not stored. */
#define SAME(member) assert_memory_equal(&got.member, &c.member, sizeof(c.member))
    SAME(no), SAME(account), SAME(kind), SAME(state), SAME(zone), SAME(calendar);
    SAME(sync_token), SAME(listing.reason), SAME(listing.direct), SAME(listing.generation);
    SAME(listing.started_ms), SAME(listing.pages), SAME(listing.items), SAME(listing.page_token);
    SAME(version), SAME(pruned_seq), SAME(changed_ms), SAME(fresh_ms), SAME(full_ms);
    SAME(live_items), SAME(all_items), SAME(classes), SAME(fails), SAME(failed_ms);
    SAME(last_error), SAME(stale_count), SAME(stale_since_ms), SAME(drift), SAME(page_most);
    SAME(watch), SAME(watch_tried_ms), SAME(watch_error);
}

static bool count_coll(void *arg, enum rc rc, const struct collection *c)
{
    assert_int_equal(rc, RC_OK);
    int *n = arg;
    *n = *n * 10 + (int)c->no;
    return true;
}

static bool count_channel(void *arg, const struct channel *c)
{
    assert_int_not_equal(c->coll, 0);
    ++*(int *)arg;
    return true;
}

static bool count_job(void *arg, const struct job *j)
{
    *(uint64_t *)arg += j->pinged;
    return true;
}

/* A collection with something in every space. */
static struct collection make_full(struct store *s, const char *name)
{
    struct collection c = make_calendar(s, name, COLL_READY);
    struct event ev = make_event("e", 0, 1);
    ev.ical_uid = S("uid");
    ev.series = S("m");
    ev.flags = EVENT_ODD | EVENT_ODD_STATUS;
    struct event gone = make_event("gone", 0, 1), staged = make_event("staged", 0, 1);
    struct channel ch = {.coll = c.no, .state = CHANNEL_LIVE};
    snprintf(ch.id, sizeof(ch.id), "channel-of-%s", name);
    struct job j = {.coll = c.no, .pinged = 3, .pulled = 2, .due_ms = 9, .resync = true};
    struct txn *t = begin_write(s);
    event_put(t, &c, &ev);
    event_put(t, &c, &gone);
    event_remove(t, &c, S("gone"));
    coll_set_head(t, c.no, S("{\"summary\":\"x\"}"));
    coll_set_verdict(t, c.no, VERIFY_EVENTS, S("{}"));
    channel_put(t, &ch);
    job_put(t, &j);
    listing_begin(t, &c, LISTING_ASKED, 1);
    listing_put(t, &c, &staged);
    coll_put(t, &c);
    commit(t);
    return c;
}

static void test_delete_takes_all_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct collection a = make_full(f->store, "a"), b = make_full(f->store, "b");
    struct collection r = {.account = 1, .kind = COLL_ROSTER};
    struct item item = {.id = S("x"), .raw = S("{}")};
    struct txn *t = begin_write(f->store);
    coll_put(t, &r);
    item_put(t, &r, &item);
    coll_put(t, &r);
    coll_delete(t, a.no);
    commit(t);

    for (enum space sp = SPACE_COLL; sp < SPACE_COUNT; sp++) {
        struct walk w;
        struct key all = {0};
        t = begin_read(f->store);
        walk_open(&w, t, sp, &all, NULL);
        size_t mine = 0;
        while (walk_next(&w)) {
            if (space_is_per_coll(sp)) {
                assert_int_not_equal(key_u32_at(w.key.p, 0), a.no);
                mine += key_u32_at(w.key.p, 0) == b.no;
            }
        }
        walk_close(&w);
        txn_abort(t);
        if (space_is_per_coll(sp) && sp != SPACE_ITEM && mine == 0)
            fail_msg("%s: the other's is gone, too", space_name(sp));
    }
    struct collection got;
    int numbers = 0, channels = 0;
    uint64_t pings = 0;
    t = begin_read(f->store);
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, S("a"), &got), RC_NOTFOUND);
    assert_int_equal(coll_find(t, 1, COLL_EVENTS, S("b"), &got), RC_OK);
    assert_int_equal(coll_find(t, 1, COLL_ROSTER, S(""), &got), RC_OK);
    assert_int_equal(coll_find(t, 1, COLL_SETTINGS, S(""), &got), RC_NOTFOUND);
    colls_each(t, count_coll, &numbers);
    assert_int_equal(numbers, 23);
    channels_each(t, 0, count_channel, &channels);
    assert_int_equal(channels, 1);
    channels_each(t, b.no, count_channel, &channels);
    assert_int_equal(channels, 2);
    jobs_each(t, count_job, &pings);
    assert_int_equal(pings, 3);
    assert_true(span_is(coll_head(t, b.no), "{\"summary\":\"x\"}"));
    assert_int_equal(coll_head(t, a.no).n, 0);
    txn_abort(t);
}

static void test_channels(void **state)
{
    struct fixture *f = *state;
    struct channel c = {.id = "v1abc", .coll = 4, .state = CHANNEL_OPENING, .last_number = 7}, got;
    struct txn *t = begin_write(f->store);
    channel_put(t, &c);
    c.state = CHANNEL_LIVE;
    snprintf(c.resource_id, sizeof(c.resource_id), "res");
    channel_put(t, &c);
    assert_int_equal(channel_get(t, S("v1abc"), &got), RC_OK);
    assert_memory_equal(&got, &c, sizeof(c));
    assert_int_equal(channel_get(t, S("v1ab"), &got), RC_NOTFOUND);
    assert_int_equal(channel_get(t, S(""), &got), RC_NOTFOUND);
    char huge[5000];
    memset(huge, 'x', sizeof(huge));
    assert_int_equal(channel_get(t, (struct span){huge, sizeof(huge)}, &got), RC_NOTFOUND);
    channel_delete(t, S("nothing"));
    channel_delete(t, S("v1abc"));
    assert_int_equal(channel_get(t, S("v1abc"), &got), RC_NOTFOUND);
    int n = 0;
    channels_each(t, 4, count_channel, &n);
    assert_int_equal(n, 0);
    assert_int_equal(txn_failed(t), RC_OK);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_CHANNEL_COLL), 0);
}

static void test_jobs(void **state)
{
    struct fixture *f = *state;
    struct job j = {.coll = 9, .pinged = 3, .pulled = 1, .ping_ms = -1, .due_ms = 5}, got;
    struct txn *t = begin_write(f->store);
    assert_int_equal(job_get(t, 9, &got), RC_OK);
    assert_true(got.coll == 9 && got.pinged == 0 && got.due_ms == 0 && !got.resync);
    job_put(t, &j);
    assert_int_equal(job_get(t, 9, &got), RC_OK);
    assert_true(got.pinged == 3 && got.pulled == 1 && got.ping_ms == -1 && got.due_ms == 5);
    commit(t);
}

static void test_items(void **state)
{
    struct fixture *f = *state;
    struct collection c = {.account = 1, .kind = COLL_ACL, .calendar = "a@example.com"};
    struct item one = {.id = S("user:a#1"), .raw = S("{1}")}, two = {.id = S("b"), .raw = S("{2}")};
    struct item got;
    struct txn *t = begin_write(f->store);
    coll_put(t, &c);
    assert_true(item_put(t, &c, &one));
    assert_false(item_put(t, &c, &one));
    assert_true(item_put(t, &c, &two));
    two.deleted = true;
    assert_true(item_put(t, &c, &two));
    assert_true(c.all_items == 2 && c.live_items == 1);
    assert_int_equal(item_get(t, c.no, S("b"), &got), RC_OK);
    assert_true(got.deleted && span_is(got.raw, "{2}"));
    assert_true(item_remove(t, &c, S("user:a#1")));
    assert_false(item_remove(t, &c, S("user:a#1")));
    assert_false(item_remove(t, &c, S("never")));
    assert_true(c.all_items == 1 && c.live_items == 0);
    assert_int_equal(item_get(t, c.no, S("user:a#1"), &got), RC_NOTFOUND);
    assert_true(item_put(t, &c, &one)); /* and back */
    assert_true(c.all_items == 2 && c.live_items == 1);
    two.deleted = false;
    assert_true(item_put(t, &c, &two));
    assert_true(c.all_items == 2 && c.live_items == 2);
    coll_put(t, &c);
    commit(t);

    t = begin_read(f->store);
    struct item_iter *it = items_open(t, c.no, (struct span){0});
    assert_true(items_next(it, &got) && span_is(got.id, "b"));
    assert_true(items_next(it, &got) && span_is(got.id, "user:a#1"));
    assert_false(items_next(it, &got));
    items_close(it);
    it = items_open(t, c.no, S("b"));
    assert_true(items_next(it, &got) && span_is(got.id, "user:a#1"));
    items_close(it);
    txn_abort(t);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 2);

    t = begin_write(f->store); /* a ghost goes with its row */
    item_remove(t, &c, S("b"));
    it = items_open(t, c.no, (struct span){0});
    assert_true(items_next(it, &got) && span_is(got.id, "user:a#1"));
    assert_false(items_next(it, &got));
    items_close(it);
    assert_int_equal(changes_prune(t, &c, INT64_MAX, 5), 1);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_ITEM), 1);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 1);
}

static void remove_item(struct fixture *f, struct collection *c, const char *id, int64_t days_ahead)
{
    struct item item = {.id = span_of(id), .raw = S("{}")};
    clock_shift(days_ahead * DAY, 0);
    struct txn *t = begin_write(f->store);
    assert_true(item_put(t, c, &item));
    assert_true(item_remove(t, c, item.id));
    commit(t);
    clock_shift(-days_ahead * DAY, 0);
}

static uint64_t prune_month(struct fixture *f, struct collection *c, int64_t days_ahead)
{
    clock_shift(days_ahead * DAY, 0);
    struct txn *t = begin_write(f->store);
    uint64_t n = changes_prune(t, c, clock_wall_ms() - 30 * DAY, 100);
    commit(t);
    clock_shift(-days_ahead * DAY, 0);
    return n;
}

/* What was logged by a clock that was ahead is as old as what was logged after it, at least. */
static void test_prune_what_is_of_a_time_to_come(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    c.kind = COLL_ACL;
    remove_item(f, &c, "before", 0);
    remove_item(f, &c, "years ahead", 4000);
    remove_item(f, &c, "after", 1);
    assert_int_equal(prune_month(f, &c, 2), 0); /* nobody knows yet */
    assert_int_equal(prune_month(f, &c, -4000), 0);
    remove_item(f, &c, "later", 32);
    assert_int_equal(prune_month(f, &c, 33), 3);
    assert_int_equal(prune_month(f, &c, 33), 0);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 1);
    assert_int_equal(count_space(f->store, SPACE_ITEM), 1);
}

/* A repair, and a record that was damaged, void all cursors; the rows of before go when they are
 * old. */
static void test_prune_what_cursors_were_voided_over(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    c.kind = COLL_ACL;
    remove_item(f, &c, "before", 0);
    remove_item(f, &c, "too", 0);
    uint64_t voided = ++c.version;
    c.pruned_seq = voided;
    assert_int_equal(prune_month(f, &c, 29), 0);
    assert_int_equal(prune_month(f, &c, 31), 2);
    assert_int_equal(c.pruned_seq, voided);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 0);
    assert_int_equal(count_space(f->store, SPACE_ITEM), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_accounts),
        TEST(test_prune_what_is_of_a_time_to_come),
        TEST(test_prune_what_cursors_were_voided_over),
        TEST(test_collection_round_trip),
        TEST(test_delete_takes_all_of_its_own),
        TEST(test_channels),
        TEST(test_jobs),
        TEST(test_items),
    };
    return cmocka_run_group_tests_name("storage_records", tests, NULL, NULL);
}
