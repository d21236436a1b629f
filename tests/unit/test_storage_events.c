/* Events: put, get, remove, and every way that leads to them, against brute force. */
#include "tests/unit/storage_fixture.h"

#include "storage/event_store.h"

static void test_put_get_and_equal_content(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event ev = {
        .id = S("e1"),
        .ical_uid = S("uid-1"),
        .series = S("master"),
        .raw = S("{\"id\":\"e1\",\"x\":\"\\u00e9 kept as it came\"}"),
        .flags = EVENT_EXCEPTION | EVENT_DECLINED,
        .zone_hash = 77,
        .updated_ms = 5,
        .start_ms = -3,
        .end_ms = 9,
        .original_ms = 4,
    };
    assert_true(put_one(f->store, &c, &ev));
    assert_int_equal(c.all_items, 1);
    assert_int_equal(c.live_items, 1);
    uint64_t version = c.version;
    assert_false(put_one(f->store, &c, &ev));
    assert_true(c.version == version);

    struct event got;
    struct txn *t = begin_read(f->store);
    assert_int_equal(event_get(t, c.no, S("e1"), &got), RC_OK);
    assert_true(event_same(&got, &ev) && got.seq == version && got.row > 0);
    assert_int_equal(event_get(t, c.no, S("e2"), &got), RC_NOTFOUND);
    assert_int_equal(event_get(t, c.no + 1, S("e1"), &got), RC_NOTFOUND);
    txn_abort(t);

    uint64_t row = got.row;
    ev.flags = EVENT_EXCEPTION | EVENT_CANCELLED;
    assert_true(put_one(f->store, &c, &ev));
    assert_true(c.version > version);
    assert_int_equal(c.all_items, 1);
    assert_int_equal(c.live_items, 0);
    t = begin_read(f->store);
    assert_int_equal(event_get(t, c.no, S("e1"), &got), RC_OK);
    assert_true(got.row == row && got.seq == c.version);
    txn_abort(t);
}

/* Also what follows from the raw form and something else, as a date does from the calendar's zone.
 */
static void test_any_difference_is_a_change(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event forms[8], ev = make_event("e1", 10, 20), got;
    for (size_t i = 0; i < 8; i++)
        forms[i] = ev;
    forms[0].flags = EVENT_DECLINED;
    forms[1].zone_hash = 7;
    forms[2].updated_ms = 7;
    forms[3].start_ms = 7;
    forms[4].end_ms = 27;
    forms[5].original_ms = 7;
    forms[6].ical_uid = S("uid");
    forms[7].series = S("series");
    put_one(f->store, &c, &ev);
    for (size_t i = 0; i < 8; i++) {
        assert_true(put_one(f->store, &c, &forms[i]));
        struct txn *t = begin_read(f->store);
        assert_int_equal(event_get(t, c.no, S("e1"), &got), RC_OK);
        assert_true(event_same(&got, &forms[i]) && !event_same(&got, &ev));
        txn_abort(t);
        assert_true(put_one(f->store, &c, &ev));
    }
}

/* What is known may be out of date in any way: what comes is the event with that id as it is now.
 */
static void test_get_again(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event forms[4], known = make_event("e1", 10, 20), other = make_event("e2", 10, 20), got;
    for (size_t i = 0; i < 4; i++)
        forms[i] = known;
    forms[1].raw = S("{\"id\":\"e1\",\"summary\":\"another, at the same place\"}");
    forms[2].end_ms = forms[2].start_ms + 30 * DAY;
    forms[3].flags = EVENT_SERIES;
    put_one(f->store, &c, &known);
    put_one(f->store, &c, &other);
    struct txn *t = begin_read(f->store);
    assert_int_equal(event_get(t, c.no, S("e1"), &got), RC_OK);
    known.row = got.row;
    assert_int_equal(event_get(t, c.no, S("e2"), &got), RC_OK);
    other.row = got.row;
    txn_abort(t);
    for (size_t i = 0; i < 4; i++) {
        put_one(f->store, &c, &forms[i]);
        t = begin_read(f->store);
        assert_int_equal(event_get_again(t, c.no, &known, &got), RC_OK);
        assert_true(event_same(&got, &forms[i]) && got.row == known.row);
        txn_abort(t);
    }
    known.row = other.row; /* where e2 stands */
    t = begin_write(f->store);
    assert_int_equal(event_get_again(t, c.no, &known, &got), RC_OK);
    assert_true(event_same(&got, &forms[3]) && got.row != other.row);
    assert_true(event_remove(t, &c, S("e1")));
    assert_int_equal(event_get_again(t, c.no, &known, &got), RC_NOTFOUND);
    coll_put(t, &c);
    commit(t);
    assert_int_equal(events_damaged(f->store, c.no), 0);
}

/* Two texts of one hash cannot be had; a row that says so can. */
static void test_index_rows_are_not_believed(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event ev = make_event("e1", 10 * DAY, 10 * DAY + HOUR), got;
    ev.ical_uid = S("uid");
    ev.series = S("series");
    put_one(f->store, &c, &ev);
    struct txn *t = begin_write(f->store);
    assert_int_equal(event_get(t, c.no, S("e1"), &got), RC_OK);
    struct spot spot = interval_spot(&got);
    spot.row = got.row;
    struct key uid = key_hashed(c.no, S("other"), got.row);
    index_put(t, SPACE_EVENT_UID, &uid, &spot);
    index_put(t, SPACE_EVENT_SERIES, &uid, &spot);
    assert_string_equal(scan_ids(events_by_ical_uid(t, &c, S("other"))), "");
    assert_string_equal(scan_ids(events_of_series(t, &c, S("other"))), "");
    assert_string_equal(scan_ids(events_by_ical_uid(t, &c, S("uid"))), "e1");
    assert_string_equal(scan_ids(events_of_series(t, &c, S("series"))), "e1");
    txn_abort(t);
}

/* T-MOVE-OUT: every index follows an event that moves, and forgets one that goes. */
static void test_indexes_follow(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct event ev = make_event("e1", 10 * DAY, 10 * DAY + HOUR);
    ev.ical_uid = S("old-uid");
    ev.series = S("old-series");
    ev.updated_ms = 100;
    put_one(f->store, &c, &ev);
    ev.start_ms = 400 * DAY;
    ev.end_ms = 410 * DAY;
    put_one(f->store, &c, &ev); /* moves to another class, same index keys */

    struct txn *t = begin_read(f->store);
    struct event_window week = {10 * DAY, 11 * DAY, 10 * DAY, 11 * DAY};
    struct event_window year = {405 * DAY, 406 * DAY, 405 * DAY, 406 * DAY};
    struct event_place first = {INT64_MIN, 0};
    assert_string_equal(scan_ids(events_by_time(t, &c, &week, first)), "");
    assert_string_equal(scan_ids(events_by_time(t, &c, &year, first)), "e1");
    assert_string_equal(scan_ids(events_by_ical_uid(t, &c, S("old-uid"))), "e1");
    assert_string_equal(scan_ids(events_of_series(t, &c, S("old-series"))), "e1");
    assert_string_equal(scan_ids(events_by_updated(t, &c, 100, first)), "e1");
    txn_abort(t);

    ev.ical_uid = S("new-uid");
    ev.series = (struct span){0};
    ev.updated_ms = 200;
    put_one(f->store, &c, &ev);
    t = begin_read(f->store);
    assert_string_equal(scan_ids(events_by_ical_uid(t, &c, S("old-uid"))), "");
    assert_string_equal(scan_ids(events_by_ical_uid(t, &c, S("new-uid"))), "e1");
    assert_string_equal(scan_ids(events_of_series(t, &c, S("old-series"))), "");
    assert_string_equal(scan_ids(events_by_updated(t, &c, 0, first)), "e1");
    txn_abort(t);
    assert_int_equal(count_space(f->store, SPACE_EVENT), 1);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UPDATED), 1);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UID), 1);
    assert_int_equal(count_space(f->store, SPACE_EVENT_SERIES), 0);

    t = begin_write(f->store);
    assert_true(event_remove(t, &c, S("e1")));
    assert_false(event_remove(t, &c, S("e1")));
    assert_false(event_remove(t, &c, S("never")));
    coll_put(t, &c);
    commit(t);
    assert_int_equal(c.all_items, 0);
    assert_int_equal(count_space(f->store, SPACE_EVENT), 0);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UPDATED), 0);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UID), 0);
    struct event got;
    t = begin_read(f->store);
    assert_int_equal(event_get(t, c.no, S("e1"), &got), RC_NOTFOUND);
    assert_string_equal(scan_ids(events_by_id(t, &c, (struct span){0})), "");
    txn_abort(t);

    assert_true(put_one(f->store, &c, &ev)); /* comes back */
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 1);
    t = begin_read(f->store);
    assert_int_equal(event_get(t, c.no, S("e1"), &got), RC_OK);
    txn_abort(t);
}

static void test_by_id_and_long_ids(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char id[3][LIMIT_ID_BYTES];
    for (size_t i = 0; i < 3; i++) {
        memset(id[i], 'k', sizeof(id[i]));
        id[i][LIMIT_ID_BYTES - 1] = (char)('0' + i);
        struct event ev = {.id = {id[i], LIMIT_ID_BYTES}, .raw = S("{}"), .flags = EVENT_UNTIMED};
        put_one(f->store, &c, &ev);
    }
    struct event a = make_event("a", 0, 1), z = make_event("z", 0, 1);
    put_one(f->store, &c, &z);
    put_one(f->store, &c, &a);

    struct txn *t = begin_read(f->store);
    struct event ev;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(event_get(t, c.no, (struct span){id[i], LIMIT_ID_BYTES}, &ev), RC_OK);
        assert_memory_equal(ev.id.p, id[i], LIMIT_ID_BYTES);
    }
    /* Page by page, one event each: all of them, once. */
    char after[LIMIT_ID_BYTES];
    struct span last = {0};
    size_t seen = 0;
    for (;; seen++) {
        struct event_scan *s = events_by_id(t, &c, last);
        bool more = event_scan_next(s, &ev);
        event_scan_close(s);
        if (!more)
            break;
        if (seen == 0)
            assert_true(span_is(ev.id, "a"));
        memcpy(after, ev.id.p, ev.id.n);
        last = (struct span){after, ev.id.n};
    }
    assert_int_equal(seen, 5);
    assert_true(span_is(last, "z"));
    txn_abort(t);
}

/* By time and by change, one event to a page: all of them once, also those of one moment. */
static void test_pages_of_one(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    static const char *const ids[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++) {
        struct event ev = make_event(ids[i], i < 3 ? DAY : 2 * DAY, 3 * DAY + (int64_t)i * DAY);
        ev.updated_ms = i < 2 ? 7 : 8;
        ev.flags = i == 4 ? EVENT_ODD | EVENT_ODD_END : 0;
        put_one(f->store, &c, &ev);
    }
    struct txn *t = begin_read(f->store);
    for (int by_time = 0; by_time < 2; by_time++) {
        struct event_window all = EVENT_WINDOW_ALL;
        struct event_place after = {INT64_MIN, 0};
        struct event ev;
        size_t n = 0;
        for (;; n++) {
            struct event_scan *s =
                by_time ? events_by_time(t, &c, &all, after) : events_by_updated(t, &c, 7, after);
            bool more = event_scan_next(s, &ev);
            event_scan_close(s);
            if (!more)
                break;
            assert_in_range(n, 0, 4);
            assert_true(span_is(ev.id, ids[n]));
            after = (struct event_place){by_time ? ev.start_ms : ev.updated_ms, ev.row};
        }
        assert_int_equal(n, 5);
    }
    assert_string_equal(scan_ids(events_odd(t, &c)), "e");
    assert_int_equal(events_odd_count(t, c.no), 1);
    txn_abort(t);
}

static void test_untimed_by_id_only(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    static const char *const ids[] = {"t1", "t2", "t3"};
    for (size_t i = 0; i < 3; i++) {
        struct event ev = make_event(ids[i], 0, 0);
        ev.flags = EVENT_UNTIMED | EVENT_CANCELLED;
        put_one(f->store, &c, &ev);
    }
    struct txn *t = begin_read(f->store);
    struct event_window all = EVENT_WINDOW_ALL;
    struct event ev;
    assert_int_equal(event_get(t, c.no, S("t2"), &ev), RC_OK);
    assert_string_equal(scan_ids(events_by_id(t, &c, (struct span){0})), "t1 t2 t3");
    assert_string_equal(scan_ids(events_by_time(t, &c, &all, (struct event_place){INT64_MIN, 0})),
                        "");
    txn_abort(t);
    assert_int_equal(c.live_items, 0);
}

/* One model of what events.h promises, without any index. */
struct model {
    struct event event; /* spans into `id`, `uid` */
    char id[16], uid[16];
    bool there;
};
#define MODEL_SIZE 1500

static uint64_t seed;
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int64_t random_time(void)
{
    static const int64_t extremes[] = {INT64_MIN,
                                       INT64_MIN + 1,
                                       INT64_MAX - 1,
                                       INT64_MAX,
                                       INT64_C(-62135596800000),
                                       INT64_C(253402300799000),
                                       0,
                                       -1};
    uint64_t r = next_random() % 100;
    if (r < 4)
        return extremes[next_random() % 8];
    if (r < 30) /* on the hour, so that bounds meet */
        return (int64_t)(next_random() % 200) * HOUR;
    return (int64_t)(next_random() % (uint64_t)(800 * DAY));
}

static int64_t random_end(int64_t start)
{
    static const int64_t lengths[] = {0,        1,         HOUR,          HOUR + 1,  4 * HOUR,
                                      DAY,      DAY + 1,   8 * DAY,       9 * DAY,   32 * DAY,
                                      33 * DAY, 366 * DAY, 366 * DAY + 1, 2000 * DAY};
    int64_t end;
    if (next_random() % 50 == 0)
        return INT64_MAX;
    if (__builtin_add_overflow(start, lengths[next_random() % 14], &end))
        return INT64_MAX;
    return end;
}

static void model_randomise(struct model *m, size_t i)
{
    int64_t start = random_time();
    snprintf(m->id, sizeof(m->id), "ev%zu", i);
    snprintf(m->uid, sizeof(m->uid), "uid%d", (int)(next_random() % 40));
    m->event = (struct event){
        .id = span_of(m->id),
        .ical_uid = span_of(m->uid),
        .raw = span_of(m->id),
        .updated_ms = (int64_t)(next_random() % 1000),
        .start_ms = start,
        .end_ms = random_end(start),
    };
    uint64_t kind = next_random() % 20;
    if (kind < 5)
        m->event.flags |= EVENT_ALL_DAY;
    if (kind % 5 == 1)
        m->event.flags |= EVENT_SERIES;
    if (kind == 19)
        m->event.flags |= EVENT_UNTIMED;
    if (kind == 18) {
        m->event.flags |= EVENT_EXCEPTION | EVENT_CANCELLED;
        m->event.series = S("ev1");
    }
    m->there = true;
}

static bool model_overlaps(const struct event *ev, const struct event_window *w)
{
    bool all_day = ev->flags & EVENT_ALL_DAY;
    int64_t min = all_day ? w->floating_min_ms : w->min_ms;
    int64_t max = all_day ? w->floating_max_ms : w->max_ms;
    if (max != INT64_MAX && ev->start_ms >= max)
        return false;
    if (min == INT64_MIN)
        return true;
    bool series_ends = (ev->flags & EVENT_SERIES) && ev->end_ms == min && min != INT64_MAX;
    return ev->end_ms > min || series_ends || (ev->start_ms == ev->end_ms && ev->start_ms == min);
}

/* A scan of singles from `place` gives what the model does, in ascending order. */
static void compare_singles(struct txn *t, const struct collection *c, const struct model *models,
                            const struct event_window *w, struct event_place place)
{
    size_t want = 0, got = 0;
    struct event ev, last = {.start_ms = place.start_ms, .row = place.row};
    for (size_t i = 0; i < MODEL_SIZE; i++) {
        const struct event *m = &models[i].event;
        if (models[i].there && !(m->flags & (EVENT_SERIES | EVENT_UNTIMED)) &&
            model_overlaps(m, w) &&
            (m->start_ms > place.start_ms || (m->start_ms == place.start_ms && m->row > place.row)))
            want++;
    }
    struct event_scan *s = events_by_time(t, c, w, place);
    while (event_scan_next(s, &ev)) {
        got++;
        assert_true(ev.start_ms > last.start_ms ||
                    (ev.start_ms == last.start_ms && ev.row > last.row));
        assert_true(model_overlaps(&ev, w));
        last = ev;
    }
    event_scan_close(s);
    assert_int_equal(got, want);
}

static void compare_series(struct txn *t, const struct collection *c, const struct model *models,
                           const struct event_window *w)
{
    size_t want = 0, got = 0;
    struct event ev;
    for (size_t i = 0; i < MODEL_SIZE; i++) {
        const struct event *m = &models[i].event;
        want += models[i].there && (m->flags & (EVENT_SERIES | EVENT_UNTIMED)) == EVENT_SERIES &&
                model_overlaps(m, w);
    }
    struct event_scan *s = events_series(t, c, w);
    while (event_scan_next(s, &ev)) {
        assert_true((ev.flags & EVENT_SERIES) && model_overlaps(&ev, w));
        got++;
    }
    event_scan_close(s);
    assert_int_equal(got, want);
}

static void compare_others(struct txn *t, const struct collection *c, const struct model *models)
{
    char uid[16];
    struct event ev;
    int64_t min = (int64_t)(next_random() % 1100), last = min;
    size_t want[2] = {0}, got[2] = {0};
    snprintf(uid, sizeof(uid), "uid%d", (int)(next_random() % 42));
    for (size_t i = 0; i < MODEL_SIZE; i++) {
        want[0] += models[i].there && models[i].event.updated_ms >= min;
        want[1] += models[i].there && strcmp(models[i].uid, uid) == 0;
    }
    struct event_scan *s = events_by_updated(t, c, min, (struct event_place){INT64_MIN, 0});
    while (event_scan_next(s, &ev)) {
        assert_true(ev.updated_ms >= last);
        last = ev.updated_ms;
        got[0]++;
    }
    event_scan_close(s);
    s = events_by_ical_uid(t, c, span_of(uid));
    while (event_scan_next(s, &ev)) {
        assert_true(span_is(ev.ical_uid, uid));
        got[1]++;
    }
    event_scan_close(s);
    assert_int_equal(got[0], want[0]);
    assert_int_equal(got[1], want[1]);
}

static void model_edit(struct store *store, struct collection *c, struct model *models, int edits)
{
    struct txn *t = begin_write(store);
    struct event ev;
    for (int i = 0; i < edits; i++) {
        size_t at = next_random() % MODEL_SIZE;
        if (models[at].there && next_random() % 10 == 0) {
            assert_true(event_remove(t, c, models[at].event.id));
            models[at].there = false;
            continue;
        }
        model_randomise(&models[at], at);
        event_put(t, c, &models[at].event);
        assert_int_equal(event_get(t, c->no, models[at].event.id, &ev), RC_OK);
        models[at].event.row = ev.row;
    }
    coll_put(t, c);
    commit(t);
}

static void test_random_events_against_brute_force(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct collection before = make_calendar(f->store, "b@example.com", COLL_READY);
    struct event alien = make_event("alien", 0, INT64_MAX);
    put_one(f->store, &before, &alien); /* a neighbour that must never show up */
    struct model *models = calloc(MODEL_SIZE, sizeof(*models));
    seed = 0x9e3779b97f4a7c15;
    print_message("seed %llx\n", (unsigned long long)seed);
    for (int round = 0; round < 12; round++) {
        model_edit(f->store, &c, models, 600);
        struct txn *t = begin_read(f->store);
        for (int i = 0; i < 60; i++) {
            int64_t min = random_time(), max = random_end(min);
            struct event_window w = {min, max, min / 2, max / 2 + HOUR};
            if (i % 7 == 0)
                w = (struct event_window)EVENT_WINDOW_ALL;
            struct event_place place = {INT64_MIN, 0};
            if (i % 3 == 0)
                place = (struct event_place){random_time(), next_random() % 2000};
            compare_singles(t, &c, models, &w, place);
            compare_series(t, &c, models, &w);
            compare_others(t, &c, models);
        }
        txn_abort(t);
    }
    size_t there = 0, live = 0;
    for (size_t i = 0; i < MODEL_SIZE; i++) {
        there += models[i].there;
        live += models[i].there && !(models[i].event.flags & EVENT_CANCELLED);
    }
    assert_int_equal(c.all_items, there);
    assert_int_equal(c.live_items, live);
    assert_int_equal(count_space(f->store, SPACE_EVENT), there + 1);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UPDATED), there + 1);
    assert_int_equal(events_damaged(f->store, c.no), 0);
    free(models);
}

/* T-ZERO-LENGTH, T-SPAN: the bounds, one by one. */
static void test_bounds(void **state)
{
    static const struct {
        int64_t start, end, min, max;
        bool in;
    } cases[] = {
        {10, 20, 20, 30, false},
        {10, 20, 19, 30, true},
        {10, 20, 0, 10, false},
        {10, 20, 0, 11, true},
        {10, 10, 10, 11, true},
        {10, 10, 10, 10, false},
        {10, 10, 9, 10, false},
        {10, 10, 9, 11, true},
        {10, 10, 11, 12, false},
        {10, 20, 18, 12, false}, /* a window that ends before it begins */
        {10, 5, 10, 11, true},
        {10, 5, 5, 7, false},                  /* end before start: as zero length */
        {-5000 * DAY, 5000 * DAY, 0, 1, true}, /* began years before, still runs */
        {INT64_MIN, INT64_MAX, 0, 1, true},
        {INT64_MAX, INT64_MAX, INT64_MIN, INT64_MAX, true},
        {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MAX, true},
        {INT64_MIN, INT64_MIN, INT64_MIN + 1, INT64_MAX, false},
    };
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int all_day = 0; all_day < 2; all_day++) {
            struct event ev = make_event("e", cases[i].start, cases[i].end);
            struct event_window w = {cases[i].min, cases[i].max, INT64_MAX - 1, INT64_MAX - 1};
            if (all_day) {
                ev.flags |= EVENT_ALL_DAY;
                w = (struct event_window){INT64_MAX - 1, INT64_MAX - 1, cases[i].min, cases[i].max};
            }
            put_one(f->store, &c, &ev);
            struct txn *t = begin_read(f->store);
            const char *ids =
                scan_ids(events_by_time(t, &c, &w, (struct event_place){INT64_MIN, 0}));
            if ((strcmp(ids, "e") == 0) != cases[i].in)
                fail_msg("case %zu, all day %d: '%s'", i, all_day, ids);
            txn_abort(t);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_put_get_and_equal_content),
        TEST(test_any_difference_is_a_change),
        TEST(test_get_again),
        TEST(test_index_rows_are_not_believed),
        TEST(test_indexes_follow),
        TEST(test_by_id_and_long_ids),
        TEST(test_pages_of_one),
        TEST(test_untimed_by_id_only),
        TEST(test_bounds),
        TEST(test_random_events_against_brute_force),
    };
    return cmocka_run_group_tests_name("storage_events", tests, NULL, NULL);
}
