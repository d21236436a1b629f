/* Tests of the format: what stands in both files, byte for byte, is what STORE_FORMAT and
 * PUSH_FORMAT promise to programs of other versions. */
#include "tests/unit/storage_fixture.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/push.h"

#define NOW INT64_C(1700000000000)

/* Whoever changes one of these hashes changes what other versions read: the format of that file
 * (storage/store.c) must become another with it, unless the old can still be read. */
#define MIRROR_HASH UINT64_C(0x62110f9347d74e32)
#define PUSH_HASH   UINT64_C(0xeb9a4782bf1535c)

/* Of all keys and records but those of the file itself, which are random. */
static uint64_t hash_of(struct store *s)
{
    uint64_t hash = 0;
    struct txn *t = begin_read(s);
    for (enum space space = SPACE_META + 1; space < SPACE_ALL; space++) {
        struct key all = {0};
        struct walk w;
        size_t n = 0;
        if (!store_has_space(s, space))
            continue;
        walk_open(&w, t, space, &all, NULL);
        for (; walk_next(&w); n++) {
            hash = XXH3_64bits_withSeed(w.key.p, w.key.n, hash);
            hash = XXH3_64bits_withSeed(w.value.p, w.value.n, hash);
        }
        walk_close(&w);
        if (n == 0)
            fail_msg("nothing in %s", space_name(space));
    }
    txn_abort(t);
    return hash;
}

static struct txn *begin_at_now(struct store *s)
{
    struct txn *t = begin_write(s);
    t->now_ms = NOW;
    return t;
}

static void put_account(struct txn *t)
{
    struct account a = {
        .name = "work", .state = ACCOUNT_NEEDS_LOGIN, .reason = "sign in", .since_ms = 11};
    account_put(t, &a);
}

static void put_events(struct txn *t, struct collection *c)
{
    struct event series = make_event("series", 10 * DAY, 40 * DAY), odd = make_event("odd", 0, DAY);
    struct event moved = make_event("series_1", 12 * DAY, 12 * DAY + HOUR);
    struct event gone = make_event("gone", 5, 6);
    series.flags = EVENT_SERIES | EVENT_TRANSPARENT;
    series.ical_uid = S("uid@example.com");
    series.zone_hash = 0x1234;
    series.updated_ms = 21;
    moved.flags = EVENT_EXCEPTION;
    moved.series = S("series");
    moved.original_ms = 11 * DAY;
    odd.flags = EVENT_ALL_DAY | EVENT_ODD | EVENT_ODD_STATUS;
    event_put(t, c, &series);
    event_put(t, c, &moved);
    event_put(t, c, &odd);
    event_put(t, c, &gone);
    event_remove(t, c, gone.id);
    moved.raw = S("{\"summary\":\"moved again\"}");
    event_put(t, c, &moved);
}

static void put_rest(struct txn *t, struct collection *c)
{
    const struct channel ch = {.id = "v1abc",
                               .coll = c->no,
                               .state = CHANNEL_LIVE,
                               .resource_id = "resource",
                               .created_ms = 31,
                               .expires_ms = 32,
                               .renew_ms = 33,
                               .pings = 34,
                               .last_ping_ms = 35,
                               .last_number = 36};
    const struct job j = {.coll = c->no,
                          .pinged = 41,
                          .pulled = 42,
                          .ping_ms = 43,
                          .due_ms = 44,
                          .resync = true,
                          .verify = VERIFY_INSTANCES,
                          .verify_min_ms = 45,
                          .verify_max_ms = 46};
    coll_set_head(t, c->no, S("{\"summary\":\"Team\"}"));
    coll_set_verdict(t, c->no, VERIFY_EVENTS, S("{\"differences\":0}"));
    channel_put(t, &ch);
    job_put(t, &j);
}

static struct collection new_collection(enum coll_kind kind, const char *calendar)
{
    struct collection c = {.account = 1,
                           .kind = kind,
                           .state = COLL_READY,
                           .zone = "Europe/Berlin",
                           .sync_token = "token",
                           .listed_seq = 51,
                           .fresh_ms = 52,
                           .full_ms = 53,
                           .fails = 54,
                           .failed_ms = 55,
                           .last_error = "again",
                           .stale_count = 56,
                           .stale_since_ms = 57,
                           .drift = 58,
                           .page_most = 59,
                           .watch = WATCH_REFUSED,
                           .watch_tried_ms = 60,
                           .watch_error = "no"};
    snprintf(c.calendar, sizeof(c.calendar), "%s", calendar);
    return c;
}

static void test_mirror(void **state)
{
    struct fixture *f = *state;
    struct txn *t = begin_at_now(f->store);
    put_account(t);
    struct collection events = new_collection(COLL_EVENTS, "a@example.com");
    struct collection roster = new_collection(COLL_ROSTER, "");
    coll_put(t, &events);
    coll_put(t, &roster);
    const struct item item = {.id = S("a@example.com"), .raw = S("{\"summary\":\"Team\"}")};
    put_events(t, &events);
    item_put(t, &roster, &item);
    put_rest(t, &events);
    listing_begin(t, &events, LISTING_VERIFY, 61);
    struct event staged = make_event("staged", 7, 8);
    listing_put(t, &events, &staged);
    coll_put(t, &events);
    coll_put(t, &roster);
    commit(t);
    assert_int_equal(hash_of(f->store), MIRROR_HASH);
}

static void test_push(void **state)
{
    struct fixture *f = *state;
    const struct push_channel c = {.id = "01234567",
                                   .client = "board",
                                   .account = "work",
                                   .kind = COLL_EVENTS,
                                   .calendar = "a@example.com",
                                   .primary = 1,
                                   .event_types = 2,
                                   .address = "https://example.com/",
                                   .token = "t",
                                   .resource_id = "resource",
                                   .state = PUSH_LIVE,
                                   .created_ms = 71,
                                   .expires_ms = 72,
                                   .cursor = 73,
                                   .number = 74,
                                   .delivered = 75,
                                   .failed = 76,
                                   .last_error = "HTTP 500"};
    const struct push_mark m = {
        .coll = 3, .hook = "backup", .place = {81, 82, 83}, .failed_ms = 84};
    struct push_dead d = {.number = 91,
                          .hook = "backup",
                          .account = "work",
                          .seq = 92,
                          .calendar = "a@example.com",
                          .first_ms = 93,
                          .dead_ms = 94,
                          .attempts = 95,
                          .error = "exit status 1",
                          .body = S("{}")};
    struct txn *t = begin_at_now(f->store);
    push_channel_put(t, &c);
    push_mark_put(t, &m);
    push_dead_put(t, &d);
    commit(t);
    assert_int_equal(hash_of(f->store), PUSH_HASH);
}

static int push_setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    store_close(f->store);
    f->options.file = STORE_PUSH;
    fixture_open(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mirror, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_push, push_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
