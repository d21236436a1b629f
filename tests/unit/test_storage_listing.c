/* Full listings: readers see the old view whole, then the new one whole. */
#include "tests/unit/storage_fixture.h"

static void begin(struct fixture *f, struct collection *c, enum listing_reason reason)
{
    struct txn *t = begin_write(f->store);
    listing_begin(t, c, reason, 1000);
    coll_put(t, c);
    commit(t);
}

static struct event versioned(const char *id, const char *raw, int64_t updated)
{
    struct event ev = make_event(id, 10 * HOUR, 11 * HOUR);
    ev.raw = span_of(raw);
    ev.updated_ms = updated;
    return ev;
}

/* One page, committed. */
static void page(struct fixture *f, struct collection *c, const struct event *events, size_t n)
{
    struct txn *t = begin_write(f->store);
    for (size_t i = 0; i < n; i++)
        listing_put(t, c, &events[i]);
    c->listing.pages++;
    coll_put(t, c);
    commit(t);
}

static struct listing_result finish(struct fixture *f, struct collection *c)
{
    struct listing_result result;
    struct txn *t = begin_write(f->store);
    listing_finish(t, c, &result);
    coll_put(t, c);
    commit(t);
    return result;
}

/* "id=raw id=raw", by id. */
static const char *view(struct fixture *f, const struct collection *c)
{
    static char out[4096];
    size_t n = 0;
    struct event ev;
    struct txn *t = begin_read(f->store);
    struct event_scan *s = events_by_id(t, c, (struct span){0});
    out[0] = '\0';
    while (event_scan_next(s, &ev))
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s=%.*s", n ? " " : "", (int)ev.id.n,
                              ev.id.p, (int)ev.raw.n, ev.raw.p);
    event_scan_close(s);
    txn_abort(t);
    return out;
}

static const char *changes_of(struct fixture *f, const struct collection *c, uint64_t after)
{
    static char out[4096];
    size_t n = 0;
    struct change change;
    struct change_iter *it;
    struct txn *t = begin_read(f->store);
    out[0] = '\0';
    assert_int_equal(changes_open(t, c, after, &it), RC_OK);
    while (changes_next(it, &change))
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%c%.*s", n ? " " : "",
                              change.kind == CHANGE_PUT ? '+' : '-', (int)change.id.n, change.id.p);
    changes_close(it);
    txn_abort(t);
    return out;
}

static void test_direct(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_NEW);
    struct event one[] = {versioned("a", "1", 1), versioned("b", "1", 1)};
    struct event two[] = {versioned("c", "1", 1), versioned("d", "1", 1)};
    two[1].flags = EVENT_CANCELLED;
    begin(f, &c, LISTING_FIRST);
    assert_true(c.listing.direct && c.listing.generation > 0);
    page(f, &c, one, 2);
    page(f, &c, NULL, 0); /* T-PAGE-ALL: an empty page in between */
    page(f, &c, two, 2);
    assert_int_equal(c.state, COLL_NEW);
    uint64_t before = c.version;
    c.changed_ms = 1;
    struct listing_result r = finish(f, &c);
    assert_true(c.version > before && c.listed_seq == c.version && c.changed_ms > 1);
    assert_int_equal(r.listed, 4);
    assert_int_equal(r.added, 4);
    assert_int_equal(c.state, COLL_READY);
    assert_int_equal(c.listing.reason, LISTING_NONE);
    assert_int_equal(c.all_items, 4);
    assert_int_equal(c.live_items, 3);
    assert_string_equal(view(f, &c), "a=1 b=1 c=1 d=1");
    assert_int_equal(count_space(f->store, SPACE_STAGE), 0);
}

/* A listing that was interrupted for good: what only it saw, or saw in another form, is gone after
 * the next one. */
static void test_interrupted_and_begun_again(void **state)
{
    struct fixture *f = *state;
    for (int state_before = COLL_NEW; state_before <= COLL_READY; state_before++) {
        struct collection c = make_calendar(
            f->store, state_before == COLL_NEW ? "a@example.com" : "b@example.com", state_before);
        struct event first[] = {versioned("a", "2", 2), versioned("gone", "1", 1)};
        struct event second[] = {versioned("a", "1", 1), versioned("b", "1", 1)};
        begin(f, &c, LISTING_FIRST);
        page(f, &c, first, 2);
        begin(f, &c, LISTING_FIRST);
        page(f, &c, second, 2);
        struct listing_result r = finish(f, &c);
        assert_string_equal(view(f, &c), "a=1 b=1");
        assert_int_equal(c.all_items, 2);
        assert_true(r.added == 2 && r.changed == 0 && r.removed == 0);
    }
}

/* T-TOKEN-410, T-TOKEN-410-SWEEP, T-TOKEN-410-LOST-DELTA */
static void test_staged(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event live[] = {versioned("a", "1", 1), versioned("b", "1", 1), versioned("c", "1", 1)};
    for (size_t i = 0; i < 3; i++)
        put_one(f->store, &c, &live[i]);
    uint64_t before = c.version;
    struct txn *old_reader = begin_read(f->store);

    struct event listed[] = {versioned("a", "1", 1), versioned("b", "2", 2),
                             versioned("n", "1", 3)};
    begin(f, &c, LISTING_STALE);
    assert_false(c.listing.direct);
    page(f, &c, listed, 1);
    assert_string_equal(view(f, &c), "a=1 b=1 c=1");
    page(f, &c, listed + 1, 2);
    assert_string_equal(view(f, &c), "a=1 b=1 c=1");
    assert_true(c.version == before);
    assert_int_equal(count_space(f->store, SPACE_STAGE), 2);

    struct listing_result r = finish(f, &c);
    assert_int_equal(r.listed, 3);
    assert_int_equal(r.added, 1);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.removed, 1);
    assert_string_equal(view(f, &c), "a=1 b=2 n=1");
    assert_int_equal(c.all_items, 3);
    assert_int_equal(count_space(f->store, SPACE_STAGE), 0);
    /* Cursors survive: only what differs is in the log behind them. */
    assert_string_equal(changes_of(f, &c, before), "+b +n -c");
    assert_string_equal(changes_of(f, &c, 0), "+a +b +n -c");

    struct event ev;
    assert_int_equal(event_get(old_reader, c.no, S("c"), &ev), RC_OK);
    txn_abort(old_reader);
}

/* It may be of a while ago: that is told, since the pull behind it brings the rest. */
static void test_staged_that_takes_back(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event live[] = {versioned("a", "2", 2), versioned("b", "2", 2), versioned("c", "1", 1)};
    struct event listed[] = {versioned("a", "1", 1), versioned("b", "2", 3),
                             versioned("c", "2", 0)};
    live[1].flags = EVENT_CANCELLED;
    for (size_t i = 0; i < 3; i++)
        put_one(f->store, &c, &live[i]);
    begin(f, &c, LISTING_AUDIT);
    page(f, &c, listed, 3);
    struct listing_result r = finish(f, &c);
    assert_int_equal(r.changed, 3);
    assert_int_equal(r.older, 1);
    assert_string_equal(view(f, &c), "a=1 b=2 c=2");
}

static void test_staged_without_difference_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event live[] = {versioned("a", "1", 1), versioned("b", "1", 1)};
    for (size_t i = 0; i < 2; i++)
        put_one(f->store, &c, &live[i]);
    uint64_t before = c.version;
    begin(f, &c, LISTING_VERIFY);
    page(f, &c, live, 2);
    struct listing_result r = finish(f, &c);
    assert_int_equal(r.added + r.changed + r.removed, 0);
    assert_true(c.version == before);
}

/* A restart in the middle: the collection is read back, and the listing goes on where it was. */
static void test_resumed_after_reopen(void **state)
{
    struct fixture *f = *state;
    for (int direct = 0; direct < 2; direct++) {
        struct collection c = make_calendar(f->store, direct ? "d@example.com" : "s@example.com",
                                            direct ? COLL_NEW : COLL_READY);
        struct event old = versioned("old", "1", 1), kept = versioned("kept", "1", 1);
        struct event new = versioned("new", "1", 1);
        if (!direct) {
            put_one(f->store, &c, &old);
            put_one(f->store, &c, &kept);
        }
        begin(f, &c, LISTING_ASKED);
        page(f, &c, &kept, 1);
        uint64_t generation = c.listing.generation;

        store_close(f->store);
        fixture_open(f);
        struct txn *t = begin_read(f->store);
        assert_int_equal(coll_get(t, c.no, &c), RC_OK);
        txn_abort(t);
        assert_true(c.listing.generation == generation && c.listing.items == 1);
        page(f, &c, &new, 1);
        finish(f, &c);
        assert_string_equal(view(f, &c), "kept=1 new=1");
    }
}

/* T-PAGE-DUP: all orders of two versions, with and without a live form. */
static void test_duplicates(void **state)
{
    static const struct {
        const char *live, *first, *second, *want;
        int64_t first_updated, second_updated;
    } cases[] = {
        {"", "1", "2", "2", 1, 2},  {"", "2", "1", "2", 2, 1},  {"1", "1", "2", "2", 1, 2},
        {"1", "2", "1", "2", 2, 1}, {"2", "2", "1", "2", 2, 1}, {"2", "1", "2", "2", 1, 2},
        {"0", "1", "2", "2", 1, 2}, {"0", "2", "1", "2", 2, 1}, {"", "x", "y", "y", 5, 5},
        {"x", "x", "y", "y", 5, 5}, {"y", "x", "y", "y", 5, 5}, {"", "x", "y", "y", 5, 0},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int direct = 0; direct < 2; direct++) {
            char id[16], want[16];
            snprintf(id, sizeof(id), "c%zu-%d", i, direct);
            snprintf(want, sizeof(want), "e=%s", cases[i].want);
            struct collection c = make_calendar(f->store, id, direct ? COLL_NEW : COLL_READY);
            struct event first = versioned("e", cases[i].first, cases[i].first_updated);
            struct event second = versioned("e", cases[i].second, cases[i].second_updated);
            int64_t live_updated = strcmp(cases[i].live, cases[i].first) == 0    ? first.updated_ms
                                   : strcmp(cases[i].live, cases[i].second) == 0 ? second.updated_ms
                                                                                 : 0;
            struct event live = versioned("e", cases[i].live, live_updated);
            if (live.raw.n > 0)
                put_one(f->store, &c, &live);
            begin(f, &c, LISTING_ASKED);
            page(f, &c, &first, 1);
            page(f, &c, &second, 1);
            finish(f, &c);
            if (strcmp(view(f, &c), want) != 0)
                fail_msg("case %zu, direct %d: %s", i, direct, view(f, &c));
            assert_int_equal(c.all_items, 1);
        }
    }
}

static void test_sweep_of_many(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char ids[500][8];
    struct txn *t = begin_write(f->store);
    for (size_t i = 0; i < 500; i++) {
        snprintf(ids[i], sizeof(ids[i]), "e%03zu", i);
        struct event ev = make_event(ids[i], (int64_t)i * HOUR, (int64_t)i * HOUR + HOUR);
        event_put(t, &c, &ev);
    }
    coll_put(t, &c);
    commit(t);
    begin(f, &c, LISTING_STALE);
    t = begin_write(f->store);
    for (size_t i = 0; i < 500; i += 5) {
        struct event ev = make_event(ids[i], (int64_t)i * HOUR, (int64_t)i * HOUR + HOUR);
        listing_put(t, &c, &ev);
    }
    coll_put(t, &c);
    commit(t);
    struct listing_result r = finish(f, &c);
    assert_int_equal(r.removed, 400);
    assert_int_equal(c.all_items, 100);
    assert_int_equal(count_space(f->store, SPACE_EVENT), 100);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 500);
    begin(f, &c, LISTING_STALE); /* and of all that are left */
    r = finish(f, &c);
    assert_int_equal(r.removed, 100);
    assert_int_equal(c.all_items, 0);
    assert_int_equal(count_space(f->store, SPACE_EVENT), 0);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UPDATED), 0);
}

/* What goes by the sweep is told by its whole id, also where its key has not room for it. */
static void test_sweep_of_a_long_id(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char id[2][LIMIT_ID_BYTES + 1], want[2 * LIMIT_ID_BYTES + 8];
    const size_t lengths[] = {300, LIMIT_ID_BYTES};
    for (size_t i = 0; i < 2; i++) {
        memset(id[i], 'x', lengths[i]);
        id[i][lengths[i]] = '\0';
        struct event ev = versioned(id[i], "1", 1);
        put_one(f->store, &c, &ev);
    }
    uint64_t before = c.version;
    begin(f, &c, LISTING_STALE);
    struct listing_result r = finish(f, &c);
    assert_int_equal(r.removed, 2);
    snprintf(want, sizeof(want), "-%s -%s", id[0], id[1]);
    const char *told = changes_of(f, &c, before);
    if (strcmp(told, want) != 0) {
        snprintf(want, sizeof(want), "-%s -%s", id[1], id[0]);
        assert_string_equal(told, want);
    }
}

static void test_abandon(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event live = versioned("a", "1", 1), other = versioned("b", "1", 1);
    put_one(f->store, &c, &live);
    begin(f, &c, LISTING_ASKED);
    page(f, &c, &other, 1);
    struct txn *t = begin_write(f->store);
    listing_abandon(t, &c);
    coll_put(t, &c);
    commit(t);
    assert_string_equal(view(f, &c), "a=1");
    assert_int_equal(count_space(f->store, SPACE_STAGE), 0);
    assert_int_equal(c.listing.reason, LISTING_NONE);
    begin(f, &c, LISTING_ASKED); /* the marks of the abandoned one do not count */
    page(f, &c, &other, 1);
    finish(f, &c);
    assert_string_equal(view(f, &c), "b=1");
}

/* Two calendars listed side by side do not touch each other. */
static void test_two_calendars(void **state)
{
    struct fixture *f = *state;
    struct collection a = make_calendar(f->store, "a@example.com", COLL_READY);
    struct collection b = make_calendar(f->store, "b@example.com", COLL_READY);
    struct event one = versioned("e", "1", 1), two = versioned("e", "2", 2);
    put_one(f->store, &a, &one);
    put_one(f->store, &b, &one);
    begin(f, &a, LISTING_ASKED);
    begin(f, &b, LISTING_ASKED);
    page(f, &a, &two, 1);
    page(f, &b, &one, 1);
    finish(f, &b);
    assert_string_equal(view(f, &b), "e=1");
    assert_string_equal(view(f, &a), "e=1");
    finish(f, &a);
    assert_string_equal(view(f, &a), "e=2");
    assert_string_equal(view(f, &b), "e=1");
}

static void test_pruned_log(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event a = versioned("a", "1", 1), b = versioned("b", "1", 1), d = versioned("d", "1", 1);
    put_one(f->store, &c, &a);
    put_one(f->store, &c, &b);
    put_one(f->store, &c, &d);
    uint64_t start = c.version;
    struct txn *t = begin_write(f->store);
    event_remove(t, &c, S("a"));
    event_remove(t, &c, S("b"));
    uint64_t removed = c.version;
    coll_put(t, &c);
    commit(t);
    a.raw = S("2");
    put_one(f->store, &c, &a); /* a is back: its removal is no row any more */
    assert_string_equal(changes_of(f, &c, start), "-b +a");

    t = begin_write(f->store);
    assert_int_equal(changes_prune(t, &c, 0, 10), 0);
    assert_int_equal(changes_prune(t, &c, INT64_MAX, 10), 1);
    assert_int_equal(changes_prune(t, &c, INT64_MAX, 10), 0);
    coll_put(t, &c);
    commit(t);
    assert_true(c.pruned_seq == removed);
    struct change_iter *it;
    t = begin_read(f->store);
    assert_int_equal(changes_open(t, &c, start, &it), RC_STALE); /* T-FEED-COMPLETE */
    assert_int_equal(changes_open(t, &c, txn_last_seq(t) + 1, &it), RC_STALE);
    txn_abort(t);
    assert_string_equal(changes_of(f, &c, removed), "+a");
    assert_int_equal(count_space(f->store, SPACE_EVENT_ID), 2); /* no ghost is left */
}

static void test_prune_in_steps(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char ids[10][8];
    struct txn *t = begin_write(f->store);
    for (size_t i = 0; i < 10; i++) {
        snprintf(ids[i], sizeof(ids[i]), "e%zu", i);
        struct event ev = make_event(ids[i], 0, 1);
        event_put(t, &c, &ev);
    }
    for (size_t i = 0; i < 10; i += 2)
        event_remove(t, &c, span_of(ids[i]));
    assert_int_equal(changes_prune(t, &c, INT64_MAX, 3), 3);
    assert_int_equal(changes_prune(t, &c, INT64_MAX, 3), 2);
    coll_put(t, &c);
    commit(t);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 5);
    assert_int_equal(count_space(f->store, SPACE_EVENT_ID), 5);
}

static struct event instance(const char *id, const char *series, int64_t updated)
{
    struct event ev = versioned(id, "1", updated);
    ev.flags = EVENT_EXCEPTION;
    ev.series = span_of(series);
    return ev;
}

/* T-REC-CONVERT, T-REC-SPLIT: a listing has instances as they were before their series was deleted,
 * became a single event or was cut short; and some that are younger. */
static void test_instances_that_outlived_their_series(void **state)
{
    struct fixture *f = *state;
    for (int state_before = COLL_NEW; state_before <= COLL_READY; state_before++) {
        struct collection c = make_calendar(
            f->store, state_before == COLL_NEW ? "a@example.com" : "b@example.com", state_before);
        struct event masters[] = {versioned("deleted", "2", 5), versioned("single", "2", 5),
                                  versioned("cut", "2", 5), versioned("odd", "2", 5),
                                  versioned("ended", "2", 5)};
        masters[0].flags = EVENT_CANCELLED;
        masters[4].flags = EVENT_CANCELLED | EVENT_SERIES;
        masters[2].flags = EVENT_SERIES;
        masters[3].flags = EVENT_ODD | EVENT_ODD_RECURRENCE;
        struct event more[] = {
            instance("deleted_1", "deleted", 4), instance("single_1", "single", 4),
            instance("single_2", "single", 6),   instance("cut_1", "cut", 4),
            instance("cut_2", "cut", 6),         instance("cut_2", "cut", 4),
            instance("odd_1", "odd", 4),         instance("orphan_1", "unknown", 4),
            instance("ended_1", "ended", 5),     instance("ended_2", "ended", 0),
            instance("ended_3", "ended", 4),
        };
        more[10].flags |= EVENT_CANCELLED; /* a hole in what has no instances */
        more[4].flags |= EVENT_CANCELLED;
        more[4].raw = S("hole");
        begin(f, &c, LISTING_STALE);
        page(f, &c, more, 4); /* some before their series, some behind it */
        page(f, &c, masters, 5);
        page(f, &c, more + 4, 7);
        finish(f, &c);
        assert_string_equal(view(f, &c),
                            "cut=2 cut_1=1 cut_2=hole deleted=2 ended=2 ended_2=1 odd=2 odd_1=1 "
                            "orphan_1=1 single=2 single_2=1");
        assert_int_equal(c.all_items, 11);
    }
}

static void tell(void *arg, const struct event *ours, const struct event *theirs)
{
    char *out = arg;
    const struct event *ev = ours ? ours : theirs;
    size_t n = strlen(out);
    snprintf(out + n, 256 - n, "%s%.*s:%.*s>%.*s", n ? " " : "", (int)ev->id.n, ev->id.p,
             ours ? (int)ours->raw.n : 0, ours ? ours->raw.p : "", theirs ? (int)theirs->raw.n : 0,
             theirs ? theirs->raw.p : "");
}

/* Increments that are put while a listing is under way stand, and explain what differs. */
static void test_compared_and_overtaken(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char told[256] = "";
    static const char *const names[] = {"changed", "gone", "overtaken", "removed",
                                        "same",    "late", "level"};
    struct txn *t = begin_write(f->store);
    for (size_t i = 0; i < 7; i++) {
        struct event ev = versioned(names[i], "1", 1);
        event_put(t, &c, &ev);
    }
    coll_put(t, &c);
    commit(t);

    struct event listed[] = {versioned("changed", "2", 2), versioned("overtaken", "2", 2),
                             versioned("removed", "2", 2), versioned("same", "1", 1),
                             versioned("missing", "1", 1), versioned("late", "4", 4),
                             versioned("level", "2", 3)};
    begin(f, &c, LISTING_VERIFY);
    page(f, &c, listed, 3);
    t = begin_write(f->store);
    struct event news[] = {versioned("overtaken", "3", 3), versioned("new", "3", 3),
                           versioned("late", "3", 3), versioned("level", "3", 3)};
    for (size_t i = 0; i < 4; i++)
        event_put(t, &c, &news[i]);
    event_remove(t, &c, S("removed"));
    coll_put(t, &c);
    commit(t);
    page(f, &c, listed + 3, 4);

    t = begin_write(f->store);
    struct listing_result r;
    listing_compare(t, &c, tell, told);
    assert_string_equal(told, "changed:1>2 missing:>1 gone:1>");
    listing_finish(t, &c, &r);
    coll_put(t, &c);
    commit(t);
    assert_string_equal(view(f, &c), "changed=2 late=4 level=3 missing=1 new=3 overtaken=3 same=1");
    assert_int_equal(c.all_items, 7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_direct),
        TEST(test_interrupted_and_begun_again),
        TEST(test_staged),
        TEST(test_staged_that_takes_back),
        TEST(test_staged_without_difference_changes_nothing),
        TEST(test_resumed_after_reopen),
        TEST(test_duplicates),
        TEST(test_sweep_of_many),
        TEST(test_sweep_of_a_long_id),
        TEST(test_abandon),
        TEST(test_two_calendars),
        TEST(test_pruned_log),
        TEST(test_prune_in_steps),
        TEST(test_instances_that_outlived_their_series),
        TEST(test_compared_and_overtaken),
    };
    return cmocka_run_group_tests_name("storage_listing", tests, NULL, NULL);
}
