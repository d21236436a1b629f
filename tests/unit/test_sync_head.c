/* test_sync_head: what a list says of its collection: when that is news, and of what. */
#include "core/sync/head.h"
#include "tests/unit/storage_fixture.h"

#include "core/base/json.h"
#include "storage/items.h"

#define ME "me@example.com"

static struct collection roster_of(struct store *s, const char *entry)
{
    struct collection c = {.account = 1, .kind = COLL_ROSTER, .state = COLL_READY};
    struct item item = {.id = S(ME), .raw = span_of(entry)};
    struct txn *t = begin_write(s);
    coll_put(t, &c);
    assert_true(item_put(t, &c, &item));
    coll_put(t, &c);
    commit(t);
    return c;
}

/* Stores the head of an answer; what head_store() returns. */
static unsigned store_head(struct fixture *f, struct run *r, const char *head, bool listed)
{
    struct google_page page = {.head = span_of(head)};
    assert_int_equal(json_check(page.head, NULL), RC_OK);
    struct txn *t = begin_write(f->store);
    unsigned news = head_store(r, t, &page, listed);
    coll_put(t, &r->c);
    commit(t);
    return news;
}

/* The same of a listing; UINT32_MAX if the version stayed. */
static unsigned tell(struct fixture *f, struct run *r, const char *head)
{
    uint64_t version = r->c.version;
    unsigned news = store_head(f, r, head, true);
    assert_int_equal(r->c.version > version, r->c.changed_ms > 0);
    r->c.changed_ms = 0;
    return r->c.version > version ? news : UINT32_MAX;
}

static void expect_head(struct fixture *f, const struct run *r, const char *head)
{
    struct txn *t = begin_read(f->store);
    struct span stored = coll_head(t, r->c.no);
    if (!span_is(stored, head))
        fail_msg("%.*s", (int)stored.n, stored.p);
    txn_abort(t);
}

static void test_news(void **state)
{
    struct fixture *f = *state;
    static const unsigned none = 0, same = UINT32_MAX;
    static const struct {
        const char *head;
        unsigned news;
    } rows[] = {
        {"{\"summary\":\"a\",\"timeZone\":\"UTC\",\"accessRole\":\"owner\"}", none},
        {"{\"summary\":\"a\",\"timeZone\":\"UTC\",\"accessRole\":\"owner\"}", same},
        {"{\"summary\":\"a\",\"timeZone\":\"UTC\",\"accessRole\":\"owner\",\"updated\":\"x\"}",
         none},
        {"{\"summary\":\"b\",\"timeZone\":\"UTC\",\"accessRole\":\"owner\"}", HEAD_LISTED},
        {"{\"summary\":\"b\",\"timeZone\":\"UTC\",\"accessRole\":\"owner\",\"description\":\"\"}",
         none},
        {"{\"summary\":\"b\",\"timeZone\":\"UTC\",\"accessRole\":\"owner\",\"description\":\"d\"}",
         HEAD_LISTED},
        {"{\"summary\":\"b\",\"timeZone\":\"UTC\",\"accessRole\":\"owner\"}", HEAD_LISTED},
        {"{\"summary\":\"b\",\"timeZone\":\"Asia/Tokyo\",\"accessRole\":\"owner\"}", HEAD_LISTED},
        {"{\"summary\":\"b\",\"timeZone\":\"Asia/Tokyo\",\"accessRole\":\"reader\"}",
         HEAD_LISTED | HEAD_ROLE},
        {"{\"timeZone\":\"Asia/Tokyo\",\"accessRole\":\"reader\"}", HEAD_LISTED},
    };
    struct run r = {.c = make_calendar(f->store, ME, COLL_READY)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned news = tell(f, &r, rows[i].head);
        if (news != rows[i].news)
            fail_msg("%s: %u", rows[i].head, news);
        expect_head(f, &r, rows[i].head);
    }
    assert_string_equal(r.c.zone, "Asia/Tokyo");
}

/* What differs from one answer to the next is no part of it. */
static void test_what_is_kept(void **state)
{
    struct fixture *f = *state;
    struct run r = {.c = make_calendar(f->store, ME, COLL_READY)};
    assert_int_equal(
        tell(f, &r,
             "{ \"items\" : [{\"id\":1}], \"summary\" : \"a\\n\", \"defaultReminders\": "
             "[ 1 ], \"nextSyncToken\" : \"x\" }"),
        0);
    expect_head(f, &r, "{\"summary\":\"a\\n\",\"defaultReminders\":[ 1 ]}");
    assert_int_equal(
        tell(f, &r,
             "{\"summary\":\"a\\n\",\"defaultReminders\":[ 1 ],\"nextSyncToken\":\"y\","
             "\"items\":[]}"),
        UINT32_MAX);
}

/* The first answer is compared with the entry in the calendar list, which came before. */
static void test_first_head(void **state)
{
    struct fixture *f = *state;
    static const char head[] = "{\"summary\":\"a\",\"accessRole\":\"reader\"}";
    roster_of(f->store, "{\"id\":\"" ME "\",\"summary\":\"a\",\"accessRole\":\"freeBusyReader\"}");
    struct run r = {.c = make_calendar(f->store, ME, COLL_NEW)};
    assert_int_equal(tell(f, &r, head), HEAD_LISTED | HEAD_ROLE);
    assert_int_equal(tell(f, &r, "{\"summary\":\"a\",\"accessRole\":\"reader\",\"etag\":1}"), 0);
    struct run other = {.c = make_calendar(f->store, "other@example.com", COLL_NEW)};
    assert_int_equal(tell(f, &other, head), 0);
}

/* Of other lists nothing is shown elsewhere. */
static void test_other_kinds(void **state)
{
    struct fixture *f = *state;
    struct run r = {.c = roster_of(f->store, "{\"id\":\"" ME "\"}")};
    assert_int_equal(tell(f, &r, "{\"summary\":\"a\",\"timeZone\":\"UTC\"}"), 0);
    assert_int_equal(tell(f, &r, "{\"summary\":\"b\",\"timeZone\":\"UTC\"}"), 0);
    assert_string_equal(r.c.zone, "");
}

static bool shows_busy_only(struct fixture *f, const struct run *r)
{
    struct txn *t = begin_read(f->store);
    bool busy_only = head_shows_busy_only(t, r->c.no);
    txn_abort(t);
    return busy_only;
}

/* Instances in place of series, or series again: that is left to a listing, which voids cursors. */
static void test_busy_times_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const heads[] = {"{\"accessRole\":\"freeBusyReader\"}",
                                        "{\"accessRole\":\"reader\"}"};
    struct run r = {.c = make_calendar(f->store, ME, COLL_READY)};
    assert_int_equal(tell(f, &r, heads[1]), 0);
    for (int turns = 0; turns < 4; turns++) {
        const char *head = heads[turns % 2];
        uint64_t version = r.c.version, pruned = r.c.pruned_seq;
        bool busy_only = turns % 2 == 0;
        assert_int_equal(store_head(f, &r, head, false), HEAD_ROLE);
        assert_int_equal(r.c.version, version);
        assert_int_equal(shows_busy_only(f, &r), !busy_only);
        assert_int_equal(r.c.pruned_seq, pruned);
        assert_int_equal(tell(f, &r, head), HEAD_LISTED | HEAD_ROLE);
        assert_int_equal(shows_busy_only(f, &r), busy_only);
        assert_int_equal(r.c.pruned_seq, r.c.version);
    }
    uint64_t pruned = r.c.pruned_seq;
    assert_int_equal(store_head(f, &r, "{\"accessRole\":\"owner\"}", false),
                     HEAD_LISTED | HEAD_ROLE);
    assert_int_equal(r.c.pruned_seq, pruned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_news, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_kept, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_first_head, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_kinds, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_busy_times_alone, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("sync_head", tests, NULL, NULL);
}
