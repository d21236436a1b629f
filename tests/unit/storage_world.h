/* storage_world: a store with a calendar and records of all kinds, to be damaged and made whole. */
#ifndef TESTS_UNIT_STORAGE_WORLD_H
#define TESTS_UNIT_STORAGE_WORLD_H

#include "tests/unit/storage_fixture.h"

#include "core/base/buf.h"
#include "core/base/log.h"
#include "storage/event_store.h"

#define EVENTS 20

static char ids[EVENTS][16];

[[maybe_unused]] static struct event nth_event(size_t i)
{
    snprintf(ids[i], sizeof(ids[i]), "e%02zu", i);
    struct event ev = make_event(ids[i], (int64_t)i * HOUR, (int64_t)i * HOUR + HOUR);
    ev.updated_ms = (int64_t)i;
    ev.ical_uid = S("one-uid");
    ev.series = S("one-series");
    if (i == 3)
        ev.flags = EVENT_CANCELLED;
    if (i == 7)
        ev.flags = EVENT_ODD | EVENT_ODD_END;
    return ev;
}

/* A calendar of EVENTS events and one removed, in a store with all kinds of records. */
[[maybe_unused]] static struct collection make_world(struct fixture *f)
{
    struct account a = {.name = "work", .state = ACCOUNT_OK};
    struct txn *t = begin_write(f->store);
    account_put(t, &a);
    commit(t);
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct channel ch = {.id = "v1abc", .coll = c.no, .state = CHANNEL_LIVE};
    struct job j = {.coll = c.no, .pinged = 8, .pulled = 8, .due_ms = 99};
    t = begin_write(f->store);
    struct event gone = make_event("gone", 0, 1);
    event_put(t, &c, &gone);
    for (size_t i = 0; i < EVENTS; i++) {
        struct event ev = nth_event(i);
        event_put(t, &c, &ev);
    }
    event_remove(t, &c, S("gone"));
    coll_set_head(t, c.no, S("{}"));
    coll_set_verdict(t, c.no, VERIFY_EVENTS, S("{}"));
    channel_put(t, &ch);
    job_put(t, &j);
    coll_put(t, &c);
    commit(t);
    return c;
}

/* What the sync side does: a full listing for the reason of damage. */
[[maybe_unused]] static void relist(struct fixture *f, struct collection *c)
{
    struct listing_result r;
    struct txn *t = begin_write(f->store);
    if (coll_get(t, c->no, c) != RC_OK)
        coll_put(t, c);
    listing_begin(t, c, LISTING_DAMAGED, 1);
    for (size_t i = 0; i < EVENTS; i++) {
        struct event ev = nth_event(i);
        listing_put(t, c, &ev);
    }
    listing_finish(t, c, &r);
    coll_put(t, c);
    commit(t);
    events_damage_clear(f->store, c->no);
}

[[maybe_unused]] static size_t drain(struct event_scan *s)
{
    struct event ev;
    size_t n = 0;
    while (event_scan_next(s, &ev))
        n++;
    event_scan_close(s);
    return n;
}

/* Every way of reading; returns how many events the poorest of them found. */
[[maybe_unused]] static size_t read_all(struct fixture *f, const struct collection *c)
{
    struct txn *t = begin_read(f->store);
    struct event_window all = EVENT_WINDOW_ALL;
    struct event_place first = {INT64_MIN, 0};
    size_t n[] = {
        drain(events_by_time(t, c, &all, first)),
        drain(events_by_updated(t, c, INT64_MIN, first)),
        drain(events_by_ical_uid(t, c, S("one-uid"))),
        drain(events_of_series(t, c, S("one-series"))),
        drain(events_by_id(t, c, (struct span){0})),
        0,
    };
    for (size_t i = 0; i < EVENTS; i++) {
        struct event ev;
        n[5] += event_get(t, c->no, span_of(ids[i]), &ev) == RC_OK;
    }
    size_t least = EVENTS + 1;
    for (size_t i = 0; i < 6; i++)
        least = n[i] < least ? n[i] : least;
    assert_int_equal(txn_failed(t), RC_OK);
    txn_abort(t);
    return least;
}

[[maybe_unused]] static void expect_whole(struct fixture *f, struct collection *c)
{
    struct txn *t = begin_read(f->store);
    assert_int_equal(coll_get(t, c->no, c), RC_OK);
    txn_abort(t);
    assert_int_equal(read_all(f, c), EVENTS);
    assert_int_equal(c->all_items, EVENTS);
    assert_int_equal(c->live_items, EVENTS - 1);
    assert_int_equal(events_damaged(f->store, c->no), 0);
    assert_int_equal(count_space(f->store, SPACE_EVENT), EVENTS);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UPDATED), EVENTS);
    assert_int_equal(count_space(f->store, SPACE_EVENT_UID), EVENTS);
    assert_int_equal(count_space(f->store, SPACE_EVENT_SERIES), EVENTS);
    assert_int_equal(count_space(f->store, SPACE_EVENT_ODD), 1);
    assert_int_equal(store_scrub(f->store, NULL, NULL), 0);
}

#endif
