"""Failure cases of sync tokens and pages: dead, missing, looping, shifted, doubled; what a delta may do."""
import base64
import gzip
import threading
from urllib.parse import parse_qs

import pytest

from emulator import USER, all_day, timed
from failures import (DAY_MS, EAGER, HOUR_MS, Clock, hold_second_page, pulls, rest, settle, title, unannounced,
                      wait_title)
from mirror import wait_for


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def test_readers_see_one_view_or_the_other(start):
    """T-TOKEN-410: reads all through a full listing of ten pages beside the old view."""
    pair = start()
    old = {pair.google.insert(summary=f"old {i}")["id"] for i in range(20)}
    pair.wait_equal(USER)
    settle(pair)
    seen = []
    done = threading.Event()

    def read():
        while not done.is_set():
            seen.append(frozenset(e["id"] for e in pair.mirror.events(USER)))

    readers = [threading.Thread(target=read) for _ in range(3)]
    with unannounced(pair):
        for event in old:
            pair.google.delete(USER, event)
        new = {pair.google.insert(summary=f"new {i}")["id"] for i in range(20)}
        pair.emulator.set_pages(max_page=4)
        pair.emulator.kill_tokens()
        pair.emulator.fault("GET */events", delay_ms=15, count=-1)
        for r in readers:
            r.start()
        wait_for("a read of the old view", lambda: seen)
    pair.wait_equal(USER)
    wait_for("a read of the new view", lambda: seen[-1] == new)
    done.set()
    for r in readers:
        r.join()
    assert set(seen) == {frozenset(old), frozenset(new)}


def test_moved_to_another_calendar_while_tokens_died(start):
    """T-TOKEN-410-LOST-DELTA: an event moves to another calendar, then both calendars' tokens die."""
    pair = start(prepare=lambda emulator: emulator.api.call("POST", "/calendars", body={"summary": "Team"}))
    other = next(c for c in pair.calendars() if c != USER)
    event = pair.google.insert(summary="moves")["id"]
    pair.wait_equal(USER)
    settle(pair)
    settle(pair, other)
    with unannounced(pair, None):
        pair.google.move(USER, event, other)
        pair.emulator.kill_tokens()
    pair.wait_equal(USER)
    pair.wait_equal(other)
    assert title(pair, event, other) == "moves"


def test_token_dies_on_the_second_page(start):
    """T-TOKEN-410-PAGE2: 410 on the second page of a delta whose first page is no longer true by then."""
    pair = start()
    ids = hold_second_page(pair, status=410, reason="fullSyncRequired")
    pair.google.patch(USER, ids[0], summary="later")
    pair.google.delete(USER, ids[1])
    listings = len(pulls(pair, USER)[1])
    pair.emulator.clear_faults()
    pair.emulator.release()
    pair.wait_equal(USER)
    assert len({r["query"] for r in pulls(pair, USER)[1][listings:]}) >= 2


def test_tokens_that_always_die(start, clock):
    """T-TOKEN-410-STORM: a calendar answers 410 to each token for two days; another one is as quick as ever."""
    pair = start(env=clock.env, prepare=lambda emulator: emulator.api.call("POST", "/calendars", body={"summary": "Well"}))
    well = next(c for c in pair.calendars() if c != USER)
    settle(pair)
    settle(pair, well)
    pair.emulator.kill_tokens(calendar=USER, persistent=True)
    before = len(pulls(pair, USER)[1])
    for hour in range(48):
        pair.google.insert(summary=f"hour {hour}")
        clock.sleep(pair, HOUR_MS)
        if hour % 12 == 0:
            event = pair.google.insert(well, summary=f"well {hour}")["id"]
            wait_for("the other calendar", lambda: title(pair, event, well))
        wait_for("rest", lambda: not any(c["running"] for c in pair.mirror.status()["collections"]))
    first = len(pulls(pair, USER)[1]) - before
    assert 2 <= first <= 9  # four a day, and where the second day begins
    pair.emulator.kill_tokens(calendar=USER, persistent=False)
    clock.sleep(pair, DAY_MS)
    pair.wait_equal(USER)


def test_last_page_without_a_token(start):
    """T-TOKEN-MISSING: the last page of the first listing, then of a delta, has no sync token."""
    pair = start(ready=False, prepare=lambda emulator: emulator.set_pages(no_sync_token=True), sync=EAGER)
    wait_for("the failure", lambda: any("sync token" in c["last_error"] and c["state"] == "new"
                                        for c in pair.mirror.status()["collections"] if c["kind"] == "calendarList"))
    pair.emulator.set_pages(no_sync_token=False)
    pair.mirror.wait_ready()
    event = pair.google.insert(summary="with a token")["id"]
    wait_title(pair, event, "with a token")
    settle(pair)
    pair.emulator.set_pages(no_sync_token=True)
    pair.google.patch(USER, event, summary="without")
    wait_for("the failure", lambda: "sync token" in pair.collection(USER)["last_error"])
    assert pair.collection(USER)["dirty"]
    pair.emulator.set_pages(no_sync_token=False)
    wait_title(pair, event, "without")


PLAIN_400 = {"status": 400, "reason": "badRequest", "message": "Bad Request"}


def test_sync_token_refused_without_a_word_about_it(start):
    """T-TOKEN-410: Google's least telling 400 for a sync token: a full listing, at once."""
    pair = start()
    event = pair.google.insert(summary="before")["id"]
    wait_title(pair, event, "before")
    settle(pair)
    pair.emulator.fault("GET */events", query="*syncToken=*", count=1, **PLAIN_400)
    listings = len(pulls(pair, USER)[1])
    pair.google.patch(USER, event, summary="after")
    wait_title(pair, event, "after")
    assert len(pulls(pair, USER)[1]) == listings + 1 and not pair.collection(USER)["failures"]


def test_page_token_refused_without_a_word_about_it(start):
    """T-PAGE-ALL: Google's least telling 400 for a page token of a listing: begun anew, at once."""
    def prepare(emulator):
        for i in range(9):
            emulator.api.insert(summary=f"event {i}")
        emulator.set_pages(max_page=3)
        emulator.fault("GET */events", query="*pageToken=*", skip=1, **PLAIN_400)

    pair = start(ready=False, prepare=prepare)
    pair.mirror.wait_ready()
    pair.wait_equal(USER)
    assert not pair.collection(USER)["last_error"] and not pair.collection(USER)["failures"]


def test_what_goes_with_a_token(start):
    """T-TOKEN-PARAMS: the parameters of deltas are those of the listing, and none that a token forbids."""
    pair = start()
    pair.emulator.set_pages(max_page=1)
    settle(pair)
    for _ in range(3):
        pair.google.insert()
    pair.wait_equal(USER)
    increments, listings = pulls(pair, USER)
    assert increments and listings
    first = parse_qs(listings[0]["query"])
    assert not first.keys() & {"timeMin", "timeMax", "orderBy", "q", "updatedMin", "iCalUID"}
    for request in increments + listings:
        query = parse_qs(request["query"])
        query.pop("syncToken", None)
        query.pop("pageToken", None)
        assert query == first


def test_pages_that_are_too_large(start):
    """T-PAGE-LARGE: events so large that no page of 2500 can be taken: listed in smaller ones, with increments to match from then on."""
    pair = start()
    events = [pair.google.insert(summary="before")["id"] for _ in range(3)]
    pair.wait_equal(USER)
    settle(pair)
    large = base64.urlsafe_b64encode(gzip.compress(b" " * (49 << 20), 1)).decode()
    for most in (2500, 625):
        pair.emulator.fault("GET */events", query=f"maxResults={most}&*", count=-1, status=200, body_base64=large,
                            headers={"Content-Encoding": "gzip"})
    before = len(pair.upstream("GET */events"))
    for summary in ("after", "once more"):
        pair.google.patch(USER, events[0], summary=summary)
        wait_title(pair, events[0], summary)
    pair.wait_equal(USER)
    queries = [parse_qs(r["query"]) for r in pair.upstream("GET */events")[before:]]
    asked = [(int(query["maxResults"][0]), "syncToken" in query) for query in queries]
    assert asked[:4] == [(2500, True), (2500, False), (625, False), (156, False)]
    assert set(asked[4:]) == {(156, True)}
    assert not pair.collection(USER)["fails"] and "too large: 156 from now on" in pair.mirror.log_text()


def test_each_calendar_goes_on_with_its_own_token(start):
    """T-TOKEN-PER-CAL: 20 calendars, each listed once and pulled with its token from then on."""
    ids = [f"c{i}@example.com" for i in range(20)]
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, *ids]}],
             "calendars": [{"id": USER}, *({"id": i, "owner": USER} for i in ids)]}
    pair = start(world, webhook=False, sync=EAGER)
    for calendar in ids:
        pair.google.insert(calendar, summary=calendar)
    for calendar in ids:
        pair.wait_equal(calendar)
        increments, listings = pulls(pair, calendar)
        assert increments and len(listings) == 1


@pytest.mark.parametrize("count, pages", [(600, {"max_page": 100, "empty_every": 2}), (2500, {}), (2501, {}),
                                          (2501, {"max_page": 500, "empty_every": 3, "duplicate_items": 3})])
def test_all_pages_are_read(start, count, pages):
    """T-PAGE-ALL: listings of many pages, some empty, some with items of the one before."""
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER]}],
             "calendars": [{"id": USER, "generate": {"events": count, "random_seed": 7}}]}
    pair = start(world, prepare=lambda emulator: emulator.set_pages(**pages))
    pair.wait_equal(USER)
    assert len(pair.mirror.all_events(USER)) >= count


def test_pages_that_never_end(start):
    """T-PAGE-LOOP: the same page token for ever, in the first listing and in a delta."""
    pair = start()
    event = pair.google.insert(summary="before")["id"]
    pair.wait_equal(USER)
    settle(pair)
    pair.emulator.set_pages(same_page_token=True, max_page=1)
    calls = len(pair.upstream())
    pair.google.patch(USER, event, summary="after")
    wait_for("the alarm", lambda: "circles" in pair.collection(USER)["last_error"])
    assert len(pair.upstream()) - calls < 20
    assert title(pair, event) == "before" and pair.collection(USER)["dirty"]
    pair.emulator.set_pages(same_page_token=False, max_page=2500)
    wait_title(pair, event, "after")


def test_older_version_last(start):
    """T-PAGE-DUP: a delta ends with the version before of what it brought: the newer one stands."""
    pair = start()
    event = pair.google.insert(summary="first")["id"]
    pair.wait_equal(USER)
    settle(pair)
    pair.emulator.set_pages(duplicate_older=True)
    pair.google.patch(USER, event, summary="second")
    wait_title(pair, event, "second")
    rest(pair)
    pair.emulator.set_pages(duplicate_older=False)
    pair.wait_equal(USER)


def test_edits_between_the_pages_of_the_first_listing(start):
    """T-PAGE-SHIFT: edits, deletes and inserts behind and before the page being read."""
    def prepare(emulator):
        for i in range(9):
            emulator.api.insert(summary=f"event {i}")
        emulator.set_pages(max_page=3)
        emulator.fault("GET */events", query="*pageToken=*", hold=True, count=1)

    pair = start(ready=False, prepare=prepare)
    pair.emulator.wait_held()
    ids = [e["id"] for e in pair.emulator.dump(USER)]
    for event in ids[0], ids[4], ids[8]:
        pair.google.patch(USER, event, summary="edited")
    for event in ids[1], ids[7]:
        pair.google.delete(USER, event)
    pair.google.insert(summary="new")
    pair.emulator.release()
    pair.mirror.wait_ready()
    pair.wait_equal(USER)


def test_token_moves_without_items(start, clock):
    """T-EMPTY-DELTA: deltas without an item that concerns anybody: freshness moves, and so does the token."""
    pair = start(env=clock.env)
    event = pair.google.insert(summary="first")["id"]
    wait_title(pair, event, "first")
    settle(pair)
    for n in range(3):
        fresh = pair.collection(USER)["fresh_ms"]
        pair.google.patch(USER, event, summary=f"edit {n}")
        wait_title(pair, event, f"edit {n}")
        clock.sleep(pair, 17 * 60_000)
        wait_for("a pull", lambda: pair.collection(USER)["fresh_ms"] > fresh + 16 * 60_000)
    tokens = [parse_qs(r["query"])["syncToken"][0] for r in pulls(pair, USER)[0]]
    assert len(set(tokens)) >= 4 and not pair.collection(USER)["last_error"]


def test_resync_lists_in_full_and_is_joined(start):
    """T-RESYNC-FLAG: a resync without any token, the old view served meanwhile, a second request joins."""
    pair = start()
    event = pair.google.insert(summary="served meanwhile")["id"]
    pair.wait_equal(USER)
    settle(pair)
    increments, listings = map(len, pulls(pair, USER))
    pair.emulator.fault("GET */calendars/*/events", hold=True, count=1)
    body = '{"calendar": "primary"}'
    assert pair.mirror.request("POST", "/v1/resync", body).status < 300
    pair.emulator.wait_held()
    assert pair.mirror.request("POST", "/v1/resync", body).status < 300
    assert title(pair, event) == "served meanwhile"
    pair.emulator.release()
    wait_for("the end", lambda: not pair.collection(USER)["resync"])
    rest(pair)
    assert len(pulls(pair, USER)[1]) - listings <= 2
    assert not [r for r in pulls(pair, USER)[1][listings:] if "syncToken" in r["query"]]


def test_a_delta_leaves_the_others_alone(start):
    """T-MERGE: one edit among 1,000 events."""
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER]}],
             "calendars": [{"id": USER, "generate": {"events": 1000, "random_seed": 3}}]}
    pair = start(world)
    pair.wait_equal(USER)
    settle(pair)
    before = pair.mirror.all_events(USER)
    single = next(e for e in before.values() if e["status"] == "confirmed" and "recurrence" not in e)
    pair.google.patch(USER, single["id"], summary="the one")
    wait_title(pair, single["id"], "the one")
    after = pair.mirror.all_events(USER)
    assert {i for i in before if before[i] != after.get(i)} == {single["id"]} and before.keys() == after.keys()


def test_moved_in_time(start):
    """T-MOVE-OUT: an event moves from this week to next year, another from last year to today."""
    pair = start()
    week = {"timeMin": "2026-07-01T00:00:00Z", "timeMax": "2026-07-08T00:00:00Z"}
    next_year = {"timeMin": "2027-07-01T00:00:00Z", "timeMax": "2027-07-08T00:00:00Z"}
    last_year = {"timeMin": "2025-07-01T00:00:00Z", "timeMax": "2025-07-08T00:00:00Z"}
    out = pair.google.insert(body=timed("2026-07-02T10:00:00Z", "2026-07-02T11:00:00Z"))["id"]
    back = pair.google.insert(body=timed("2025-07-02T10:00:00Z", "2025-07-02T11:00:00Z"))["id"]
    pair.wait_equal(USER)
    pair.google.patch(USER, out, **timed("2027-07-02T10:00:00Z", "2027-07-02T11:00:00Z"))
    pair.google.patch(USER, back, **timed("2026-07-03T10:00:00Z", "2026-07-03T11:00:00Z"))
    pair.wait_equal(USER)
    found = [[e["id"] for e in pair.mirror.events(USER, **w, singleEvents="true")] for w in (week, next_year, last_year)]
    assert found == [[back], [out], []]


def test_far_future_without_google(start, clock):
    """T-SLIDE: 400 days later, nothing pulled since: instances of that time are served."""
    pair = start(env=clock.env)
    series = pair.google.insert(body={**timed("2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z", "UTC"),
                                      "recurrence": ["RRULE:FREQ=WEEKLY"]})["id"]
    pair.wait_equal(USER)
    settle(pair)
    pair.emulator.fault("*", drop=True, count=-1)
    clock.turn(400 * DAY_MS, 400 * DAY_MS)
    found = pair.mirror.events(USER, timeMin="2027-12-06T00:00:00Z", timeMax="2027-12-13T00:00:00Z",
                               singleEvents="true", timeZone="UTC")
    assert [e["recurringEventId"] for e in found] == [series]
    assert found[0]["start"]["dateTime"].startswith("2027-12-06T09:00:00")
    pair.emulator.clear_faults()


def test_calendar_list_trouble(start):
    """T-CALLIST: access is lost, and given back; an increment of the list that does not name a calendar."""
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, "s@example.com", "t@example.com"]},
                       {"email": "o@example.com", "tokens": ["o"]}],
             "calendars": [{"id": USER}, {"id": "o@example.com"}] + [
                 {"id": i, "owner": "o@example.com", "acl": [{"scope": {"type": "user", "value": USER}, "role": "reader"}],
                  "events": [{"id": "event0", "summary": i, **timed()}]} for i in ("s@example.com", "t@example.com")]}
    pair = start(world, sync={"roster_interval": "1s", **EAGER})
    owner = pair.emulator.client("o")
    assert title(pair, "event0", "s@example.com") == "s@example.com"
    owner.call("DELETE", f"/calendars/s@example.com/acl/user:{USER}")
    wait_for("it to be gone", lambda: pair.mirror.get("/calendar/v3/calendars/s@example.com/events").status == 404)
    assert title(pair, "event0", "t@example.com") == "t@example.com"
    owner.call("POST", "/calendars/s@example.com/acl", body={"scope": {"type": "user", "value": USER}, "role": "reader"})
    pair.google.call("POST", "/users/me/calendarList", body={"id": "s@example.com"})
    wait_for("it to be back", lambda: title(pair, "event0", "s@example.com"))


def test_odd_calendar_ids(start):
    """T-ID-ESCAPE: calendar ids with #, %, /, space, + and ? in addresses and keys."""
    ids = ["en.german#holiday@example.com", "a/b@example.com", "50%25@example.com", "with space@example.com",
           "plus+and?mark&more@example.com"]
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, *ids]}],
             "calendars": [{"id": USER}, *({"id": i, "owner": USER} for i in ids)]}
    pair = start(world)
    for calendar in ids:
        pair.google.insert(calendar, summary=calendar)
    for calendar in ids:
        pair.wait_equal(calendar)
        assert [e["summary"] for e in pair.mirror.events(calendar)] == [calendar]


def test_broken_events(start):
    """T-BAD-EVENT: events broken in turn in each field: the others are served, the broken are kept as they came."""
    pair = start()
    good = pair.google.insert(summary="good", body=all_day("2026-07-01", "2026-07-02"))["id"]
    whole = {"kind": "calendar#event", "etag": '"1"', "status": "confirmed", "summary": "whole", "iCalUID": "x@example.com",
             "updated": "2026-07-01T00:00:00.000Z", "recurrence": ["RRULE:FREQ=DAILY"],
             "recurringEventId": "x", "originalStartTime": {"date": "2026-07-01"}, **timed()}
    count, struck = 0, {}
    for member in whole:
        for value in (None, 7, "nonsense", "", [], {}, [None], {"dateTime": "2026-13-45T99:00:00"}, True):
            pair.emulator.put_raw_event(USER, {**whole, "id": f"broken{count:04d}", member: value})
            struck[f"broken{count:04d}"] = member
            count += 1
    pair.emulator.ping(calendar=USER)
    wait_for("all of them", lambda: len(pair.mirror.all_events(USER)) >= count + 1)
    assert title(pair, good) is not None
    window = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z"}
    for single in "true", "false":
        assert good in {e["id"] for e in pair.mirror.events(USER, **window, singleEvents=single)}
    theirs = {e["id"]: e for e in pair.emulator.dump(USER)}
    ours = pair.mirror.all_events(USER)
    assert theirs.keys() == ours.keys()
    odd = pair.mirror.get("/v1/odd").json
    listed, = odd["calendars"]
    assert listed["calendar"] == USER and listed["count"] == odd["count"] == pair.collection(USER)["odd"]
    assert odd["listed"] == len(listed["events"]) == min(100, odd["count"]) and odd["count"] > 50
    assert good not in {e["id"] for e in listed["events"]}
    named = [(e["id"], e["members"]) for e in listed["events"] if struck[e["id"]] in e["members"]]
    assert len(named) > 30 and all(members for _, members in named)
