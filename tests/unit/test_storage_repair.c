/* What leads to an event, or tells of it, and is wrong: what is done meanwhile, and after a
 * listing. */
#include "tests/unit/storage_world.h"

/* An increment brings anew what is here already, and what was removed: both lead somewhere again,
 * and the log has one row of each. */
static void test_put_over_a_damaged_id(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct event ev = nth_event(5), gone = make_event("gone", 0, 1), got;
    damage_value(f->store, SPACE_EVENT_ID, 5, 30);
    damage_value(f->store, SPACE_EVENT_ID, EVENTS, 30);
    assert_true(put_one(f->store, &c, &ev));
    assert_true(put_one(f->store, &c, &gone));
    struct txn *t = begin_read(f->store);
    assert_int_equal(event_get(t, c.no, S("e05"), &got), RC_OK);
    assert_int_equal(event_get(t, c.no, S("gone"), &got), RC_OK);
    txn_abort(t);
    assert_int_equal(c.all_items, EVENTS + 1);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), EVENTS + 1);
}

/* Makes the id of e01 lead to e02. */
static void lead_astray(struct txn *t, uint32_t coll)
{
    struct id_entry other;
    struct key from = key_id(coll, S("e01")), to = key_id(coll, S("e02"));
    assert_int_equal(id_entry_get(t, &to, &other), RC_OK);
    id_entry_put(t, &from, &other);
}

/* Takes the event itself away, with every way to it left behind. */
static void take_event(struct txn *t, uint32_t coll, struct span id)
{
    struct id_entry entry;
    struct key k = key_id(coll, id);
    assert_int_equal(id_entry_get(t, &k, &entry), RC_OK);
    struct key at = key_event(coll, entry.class, entry.time, entry.row);
    space_del(t, SPACE_EVENT, &at);
}

/* An id whose record leads to another event gives neither of them, and is damage; what is done to
 * the one is not done to the other. */
static void test_way_to_another(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct event ev;
    for (int i = 0; i < 3; i++) {
        struct txn *t = begin_write(f->store);
        if (i == 1)
            take_event(t, c.no, S("e01"));
        lead_astray(t, c.no);
        assert_int_equal(event_get(t, c.no, S("e01"), &ev), RC_BADDATA);
        assert_int_equal(event_get(t, c.no, S("e02"), &ev), RC_OK);
        commit(t);
        assert_int_equal(events_damaged(f->store, c.no), 1);
        if (i == 2) {
            ev = nth_event(1);
            ev.raw = S("changed");
            assert_true(put_one(f->store, &c, &ev));
            assert_int_equal(read_all(f, &c), EVENTS);
            assert_int_equal(c.all_items, EVENTS);
        }
        relist(f, &c);
        expect_whole(f, &c);
    }
}

/* Nor is the other's row in the log taken for its own. */
static void test_removal_by_way_of_another(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct txn *t = begin_write(f->store);
    take_event(t, c.no, S("e01"));
    lead_astray(t, c.no);
    assert_true(event_remove(t, &c, S("e01")));
    struct change_iter *it;
    struct change change;
    size_t of_other = 0, of_it = 0;
    assert_int_equal(changes_open(t, &c, 0, &it), RC_OK);
    while (changes_next(it, &change)) {
        of_other += change.kind == CHANGE_PUT && span_is(change.id, "e02");
        of_it += change.kind == CHANGE_REMOVED && span_is(change.id, "e01");
    }
    changes_close(it);
    commit(t);
    assert_true(of_other == 1 && of_it == 1);
}

/* An id, or an index, whose record leads nowhere. */
static void test_way_to_nowhere(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct event_place first = {INT64_MIN, 0};
    struct event ev;
    struct txn *t = begin_write(f->store);
    take_event(t, c.no, S("e01"));
    assert_int_equal(event_get(t, c.no, S("e01"), &ev), RC_BADDATA);
    assert_int_equal(events_damaged(f->store, c.no), 1);
    assert_int_equal(drain(events_by_id(t, &c, (struct span){0})), EVENTS - 1);
    assert_int_equal(events_damaged(f->store, c.no), 2);
    assert_int_equal(drain(events_by_updated(t, &c, INT64_MIN, first)), EVENTS - 1);
    assert_int_equal(events_damaged(f->store, c.no), 2); /* an index row may be left behind */
    commit(t);
    relist(f, &c);
    expect_whole(f, &c);
}

/* One that cannot be read is told of, whatever way was taken to it. */
static void test_unreadable_by_an_index(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct event_place first = {INT64_MIN, 0};
    damage_value(f->store, SPACE_EVENT, 5, 30);
    struct txn *t = begin_read(f->store);
    assert_int_equal(drain(events_by_updated(t, &c, INT64_MIN, first)), EVENTS - 1);
    assert_int_equal(events_damaged(f->store, c.no), 1);
    assert_int_equal(drain(events_by_ical_uid(t, &c, S("one-uid"))), EVENTS - 1);
    assert_int_equal(events_damaged(f->store, c.no), 2);
    assert_int_equal(drain(events_of_series(t, &c, S("one-series"))), EVENTS - 1);
    assert_int_equal(events_damaged(f->store, c.no), 3);
    txn_abort(t);
}

/* Neither the event nor the way to it can be read: that it was removed is told all the same. */
static void test_removal_of_what_cannot_be_found(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct change_iter *it;
    struct change change;
    uint64_t before = c.version;
    damage_value(f->store, SPACE_EVENT, 5, 30);
    damage_value(f->store, SPACE_EVENT_ID, 5, 30);
    struct txn *t = begin_write(f->store);
    assert_true(event_remove(t, &c, S("e05")));
    assert_int_equal(changes_open(t, &c, before, &it), RC_OK);
    assert_true(changes_next(it, &change));
    assert_true(change.kind == CHANGE_REMOVED && span_is(change.id, "e05"));
    assert_false(changes_next(it, &change));
    changes_close(it);
    commit(t);
}

/* Nothing is done where nothing is wrong: cursors stay good. */
static void test_repair_of_what_is_sound(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f), acl = {.account = 1, .kind = COLL_ACL}, was = c;
    struct item items[] = {{.id = S("a"), .raw = S("{}")},
                           {.id = S("b"), .raw = S("{}"), .deleted = true},
                           {.id = S("c"), .raw = S("{}")}};
    struct txn *t = begin_write(f->store);
    assert_int_equal(coll_repair(t, &c), 0);
    assert_memory_equal(&c, &was, sizeof(c));
    coll_put(t, &acl);
    for (size_t i = 0; i < 3; i++)
        item_put(t, &acl, &items[i]);
    item_remove(t, &acl, S("c"));
    was = acl;
    assert_true(acl.all_items == 2 && acl.live_items == 1);
    assert_int_equal(coll_repair(t, &acl), 0);
    assert_memory_equal(&acl, &was, sizeof(acl));
    txn_abort(t);
}

/* Sound records that do not fit what they stand beside. */
static void test_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    struct id_entry entry;
    struct key id = key_id(c.no, S("e05")), ghost = key_id(c.no, S("gone"));
    for (int i = 0; i < 6; i++) {
        uint64_t before = c.version;
        struct txn *t = begin_write(f->store);
        assert_int_equal(id_entry_get(t, &id, &entry), RC_OK);
        struct key by_uid = key_hashed(c.no, S("one-uid"), entry.row);
        struct spot elsewhere = {CLASS_TIMED, 12345, entry.row};
        struct key channel = key_text(S("v1abc"));
        if (i == 0) /* an id with the number of no change */
            entry.seq += 1000, id_entry_put(t, &id, &entry);
        else if (i == 1) /* a row of the log that is not the event's last */
            change_put(t, c.no, c.version + 1000, CHANGE_REMOVED, S("e05"));
        else if (i == 2) /* no row at all */
            change_del(t, c.no, entry.seq);
        else if (i == 3) /* an index that leads nowhere */
            index_put(t, SPACE_EVENT_UID, &by_uid, &elsewhere);
        else if (i == 4) /* a channel that is none any more */
            space_del(t, SPACE_CHANNEL, &channel);
        else if (id_entry_get(t, &ghost, &entry) == RC_OK) /* of a removed event, without its row */
            change_del(t, c.no, entry.seq);
        commit(t);
        relist(f, &c);
        expect_whole(f, &c);
        struct change_iter *it;
        t = begin_read(f->store);
        assert_int_equal(changes_open(t, &c, before, &it), RC_STALE);
        txn_abort(t);
        assert_int_equal(count_space(f->store, SPACE_CHANGE), EVENTS + (i < 5));
        assert_int_equal(count_space(f->store, SPACE_EVENT_ID), EVENTS + (i < 5));
        assert_int_equal(count_space(f->store, SPACE_CHANNEL_COLL), i < 4);
    }
}

/* Two sound copies of one event: the one that is newer stays. */
static void test_second_copy(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    for (int i = 0; i < 4; i++) {
        int newer = i & 1;
        uint8_t class = i < 2 ? CLASS_TIMED : CLASS_TIMED + 3; /* beside it, and elsewhere */
        struct event ev, twin;
        char raw[64];
        struct txn *t = begin_write(f->store);
        assert_int_equal(event_get(t, c.no, S("e04"), &ev), RC_OK);
        snprintf(raw, sizeof(raw), "twin %d", i);
        twin = nth_event(4);
        twin.raw = span_of(raw);
        twin.seq = newer ? ev.seq + 1000 : ev.seq - 1;
        struct key k = key_event(c.no, class, twin.start_ms, 7777 + (uint64_t)i);
        event_record_put(t, SPACE_EVENT, &k, &twin);
        assert_true(coll_repair(t, &c) > 0);
        assert_int_equal(coll_repair(t, &c), 0);
        assert_int_equal(c.all_items, EVENTS);
        assert_int_equal(event_get(t, c.no, S("e04"), &ev), RC_OK);
        assert_int_equal(span_is(ev.raw, raw), newer);
        coll_put(t, &c);
        commit(t);
        assert_int_equal(read_all(f, &c), EVENTS);
        assert_int_equal(count_space(f->store, SPACE_EVENT), EVENTS);
    }
}

/* A record of counts and classes that was lost comes back with any full listing. */
static void test_counts_come_back(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    damage_value(f->store, SPACE_COLL, 0, 50);
    struct txn *t = begin_write(f->store);
    assert_int_equal(coll_get(t, c.no, &c), RC_BADDATA);
    assert_true(c.all_items == 0 && c.live_items == 0 && c.classes == 0);
    assert_true(event_remove(t, &c, S("e00")));
    assert_true(c.all_items == 0 && c.live_items == 0);
    txn_abort(t);

    struct listing_result r;
    t = begin_write(f->store);
    assert_int_equal(coll_get(t, c.no, &c), RC_BADDATA);
    listing_begin(t, &c, LISTING_FIRST, 1);
    for (size_t i = 0; i < EVENTS; i++) {
        struct event ev = nth_event(i);
        listing_put(t, &c, &ev);
    }
    listing_finish(t, &c, &r);
    coll_put(t, &c);
    commit(t);
    events_damage_clear(f->store, c.no);
    expect_whole(f, &c);
}

/* What the sweep cannot name goes without a row in the log, and no cursor passes over that. */
static void test_sweep_of_what_has_no_name(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    char id[300];
    memset(id, 'x', sizeof(id));
    struct event ev = {.id = {id, sizeof(id)}, .raw = S("{}"), .end_ms = 1};
    put_one(f->store, &c, &ev);
    uint64_t before = c.version;
    damage_value(f->store, SPACE_EVENT, 0, 50);
    struct listing_result r;
    struct txn *t = begin_write(f->store);
    listing_begin(t, &c, LISTING_STALE, 1);
    listing_finish(t, &c, &r);
    coll_put(t, &c);
    struct change_iter *it;
    assert_int_equal(changes_open(t, &c, before, &it), RC_STALE);
    commit(t);
    assert_int_equal(r.removed, 1);
    assert_int_equal(count_space(f->store, SPACE_EVENT), 0);
    assert_int_equal(count_space(f->store, SPACE_EVENT_ID), 0);
    assert_int_equal(count_space(f->store, SPACE_CHANGE), 0);
}

/* A change whose row is damaged is still told. */
static void test_damaged_change_is_not_lost(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_world(f);
    damage_value(f->store, SPACE_CHANGE, 0, 12);      /* of e00 */
    damage_value(f->store, SPACE_CHANGE, EVENTS, 12); /* the removal */
    struct change_iter *it;
    struct change change;
    size_t puts = 0, removals = 0;
    struct txn *t = begin_read(f->store);
    assert_int_equal(changes_open(t, &c, 0, &it), RC_OK);
    while (changes_next(it, &change)) {
        if (change.kind == CHANGE_PUT) {
            puts++;
        } else {
            removals++;
            assert_true(span_is(change.id, "gone"));
        }
    }
    changes_close(it);
    txn_abort(t);
    assert_int_equal(puts, EVENTS);
    assert_int_equal(removals, 1);
    uint64_t before = c.version;
    relist(f, &c);
    t = begin_read(f->store);
    assert_int_equal(changes_open(t, &c, before, &it), RC_STALE);
    txn_abort(t);
}

/* Whose change it was is found by its number, with the item: its key may not have the whole id. */
static void test_damaged_change_is_found_by_its_number(void **state)
{
    struct fixture *f = *state;
    struct collection c = make_calendar(f->store, "a@example.com", COLL_READY);
    struct collection acl = {.account = 1, .kind = COLL_ACL, .calendar = "a@example.com"};
    struct item rules[] = {{.id = S("a"), .raw = S("{1}")}, {.id = S("b"), .raw = S("{2}")}};
    char id[300];
    memset(id, 'x', sizeof(id));
    id[sizeof(id) - 1] = '\0';
    struct event ev = make_event("short", 0, HOUR), longest = make_event(id, 0, HOUR);
    struct txn *t = begin_write(f->store);
    coll_put(t, &acl);
    event_put(t, &c, &ev);
    event_put(t, &c, &longest);
    for (size_t i = 0; i < 2; i++)
        item_put(t, &acl, &rules[i]);
    item_remove(t, &acl, S("a"));
    coll_put(t, &c);
    coll_put(t, &acl);
    commit(t);
    for (size_t i = 0; i < 4; i++)
        damage_value(f->store, SPACE_CHANGE, i, 12);

    static const struct {
        bool events;
        enum change_kind kind;
        size_t id_bytes;
        char first;
    } want[] = {{true, CHANGE_PUT, 5, 's'},
                {true, CHANGE_PUT, sizeof(id) - 1, 'x'},
                {false, CHANGE_PUT, 1, 'b'},
                {false, CHANGE_REMOVED, 1, 'a'}};
    t = begin_read(f->store);
    for (size_t i = 0; i < 4;) {
        bool events = want[i].events;
        struct change_iter *it;
        struct change row;
        uint64_t last = 0;
        assert_int_equal(changes_open(t, events ? &c : &acl, 0, &it), RC_OK);
        for (; changes_next(it, &row); i++) {
            assert_true(want[i].events == events && row.kind == want[i].kind && row.lost);
            assert_int_equal(row.id.n, want[i].id_bytes);
            assert_int_equal(row.id.p[0], want[i].first);
            assert_true(row.seq > last);
            last = row.seq;
        }
        assert_int_equal(last, events ? c.version : acl.version);
        changes_close(it);
    }
    txn_abort(t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_put_over_a_damaged_id),
        TEST(test_way_to_another),
        TEST(test_removal_by_way_of_another),
        TEST(test_way_to_nowhere),
        TEST(test_unreadable_by_an_index),
        TEST(test_removal_of_what_cannot_be_found),
        TEST(test_repair_of_what_is_sound),
        TEST(test_what_does_not_fit),
        TEST(test_second_copy),
        TEST(test_counts_come_back),
        TEST(test_sweep_of_what_has_no_name),
        TEST(test_damaged_change_is_not_lost),
        TEST(test_damaged_change_is_found_by_its_number),
    };
    log_set_level(LOG_ERR); /* the damage is ours */
    return cmocka_run_group_tests_name("storage_repair", tests, NULL, NULL);
}
