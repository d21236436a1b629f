"""Failure cases of series: sparse tombstones, orphans, splits, conversions; what is left of them."""
import os
import time

from emulator import USER, timed
from failures import rest, settle, unannounced
from mirror import wait_for


def sparse(event_id, **members):
    return {"kind": "calendar#event", "etag": '"1"', "id": event_id, "status": "cancelled", **members}


def test_sparse_tombstones(start):
    """T-REC-CANCEL-SPARSE: an id and "cancelled", nothing else, of a series known, of one unknown, of nothing."""
    pair = start()
    series = pair.google.insert(id="series0", body={
        **timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC"), "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})["id"]
    pair.wait_equal(USER)
    settle(pair)
    slot = {"originalStartTime": {"dateTime": "2026-07-02T10:00:00Z"}}
    pair.emulator.put_raw_event(USER, sparse(f"{series}_20260702T100000Z", recurringEventId=series, **slot))
    pair.emulator.put_raw_event(USER, sparse("missing0_20260702T100000Z", recurringEventId="missing0", **slot))
    pair.emulator.put_raw_event(USER, sparse("nothing0"))
    pair.emulator.ping(calendar=USER)
    pair.wait_equal(USER)
    window = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "singleEvents": "true",
              "timeZone": "UTC"}
    assert [e["start"]["dateTime"][:10] for e in pair.mirror.events(USER, **window)] == ["2026-07-01", "2026-07-03"]


def test_instances_cancelled_by_id_alone(start):
    """T-REC-CANCEL-SPARSE: an id and "cancelled", nothing else, of instances: one that was moved, one that never had a record,
    one of the second half of a series that was split."""
    pair = start()
    window = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "singleEvents": "true",
              "timeZone": "UTC"}

    def days():
        return [e["start"]["dateTime"][8:13] for e in pair.mirror.events(USER, **window)]
    pair.google.insert(id="series0", body={**timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC"),
                                           "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"]})
    pair.emulator.put_raw_event(USER, {"kind": "calendar#event", "status": "confirmed", "id": "series0_R20260706T100000",
                                       **timed("2026-07-06T10:00:00Z", "2026-07-06T11:00:00Z", "UTC"),
                                       "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})
    moved, plain, second = (f"series0_202607{day}T100000Z" for day in ("02", "03", "07"))
    pair.google.update(USER, moved, {**pair.google.get(USER, moved), "summary": "moved",
                                     **timed("2026-07-02T15:00:00Z", "2026-07-02T16:00:00Z", "UTC")})
    pair.wait_equal(USER)
    settle(pair)
    assert days() == ["01T10", "02T15", "03T10", "04T10", "06T10", "07T10", "08T10"]
    original = pair.mirror.all_events(USER)[moved]["originalStartTime"]
    assert "timeZone" in original
    etag = f'"{2 * int((time.time() + 1) * 1000000)}"'  # newer than all of them
    for event in moved, plain, second:
        pair.emulator.put_raw_event(USER, {**sparse(event), "etag": etag})
    pair.emulator.ping(calendar=USER)
    left = ["01T10", "04T10", "06T10", "08T10"]
    wait_for("the holes", lambda: days() == left)
    for series, event in ("series0", moved), ("series0", plain), ("series0_R20260706T100000", second):
        hole = pair.mirror.all_events(USER)[event]  # with all that Google guarantees of one, for those who follow the mirror
        assert hole["recurringEventId"] == series
        assert hole["originalStartTime"]["dateTime"][:10] == f"2026-07-{event[14:16]}"
    assert pair.mirror.all_events(USER)[moved]["originalStartTime"] == original  # as Google spelled it
    rest(pair)
    version = pair.collection(USER)["version"]
    assert pair.mirror.request("POST", "/v1/resync", '{"calendar": "primary"}').status < 300
    wait_for("the listing", lambda: not pair.collection(USER)["resync"])
    rest(pair)
    assert days() == left and pair.collection(USER)["version"] == version and pair.collection(USER)["drift"] == 0


def test_exception_before_its_series(start):
    """T-REC-ORPHAN: an exception comes one pull before its series, and one page before."""
    pair = start()
    settle(pair)
    moved = {"kind": "calendar#event", "etag": '"1"', "id": "series0_20260702T100000Z", "status": "confirmed",
             "summary": "moved", "recurringEventId": "series0", "originalStartTime": {"dateTime": "2026-07-02T10:00:00Z"},
             "start": {"dateTime": "2026-07-02T15:00:00Z"}, "end": {"dateTime": "2026-07-02T16:00:00Z"}}
    pair.emulator.put_raw_event(USER, moved)
    pair.emulator.ping(calendar=USER)
    pair.wait_equal(USER)
    window = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "singleEvents": "true",
              "timeZone": "UTC"}

    def starts():
        return sorted(e["start"]["dateTime"][:16] for e in pair.mirror.events(USER, **window))
    assert starts() == ["2026-07-02T15:00"]
    pair.google.insert(id="series0", body={**timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC"),
                                           "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})
    pair.wait_equal(USER)
    assert starts() == ["2026-07-01T10:00", "2026-07-02T15:00", "2026-07-03T10:00"]


def test_exceptions_on_earlier_pages(start):
    """T-REC-ORPHAN: every listing and every delta brings exceptions before their series, pages before it."""
    def prepare(emulator):
        emulator.set_pages(newest_first=True, max_page=2, empty_every=3)
        series(emulator.api, "listed00")

    def series(google, name):
        google.insert(id=name, body={**timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC"),
                                     "recurrence": ["RRULE:FREQ=DAILY;COUNT=6"]})
        for day in 2, 4, 5:
            one = f"{name}_2026070{day}T100000Z"
            google.update(USER, one, {**google.get(USER, one),
                                      **timed(f"2026-07-0{day}T15:00:00Z", f"2026-07-0{day}T16:00:00Z", "UTC")})
        google.delete(USER, f"{name}_20260703T100000Z")
        google.delete(USER, f"{name}_20260705T100000Z")

    pair = start(prepare=prepare)
    window = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "singleEvents": "true", "timeZone": "UTC"}

    def days(name):
        return [e["start"]["dateTime"][8:13] for e in pair.mirror.events(USER, **window) if e["id"].startswith(name)]
    pair.wait_equal(USER)
    settle(pair)
    with unannounced(pair):
        series(pair.google, "pulled00")
        pair.google.update(USER, "listed00", timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC"))
    wait_for("the delta", lambda: (days("listed"), days("pulled")) == (["01T10"], ["01T10", "02T15", "04T15", "06T10"]))
    settle(pair)
    with unannounced(pair):
        pair.google.delete(USER, "pulled00")
        series(pair.google, "relisted")
        pair.emulator.kill_tokens()
    wait_for("the listing", lambda: (days("pulled"), days("relisted")) == ([], ["01T10", "02T15", "04T15", "06T10"]))
    rest(pair)
    assert not pair.difference(USER)


def test_series_split_and_converted(start):
    """T-REC-SPLIT, T-REC-CONVERT: this and following, then the new series is deleted; single, series, single."""
    pair = start()
    window = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "singleEvents": "true",
              "timeZone": "UTC"}

    def days():
        pair.wait_equal(USER)
        return sorted(e["start"]["dateTime"][8:10] for e in pair.mirror.events(USER, **window))
    head = timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC")
    series = pair.google.insert(id="splitme0", body={**head, "recurrence": ["RRULE:FREQ=DAILY;COUNT=6"]})["id"]
    assert days() == ["01", "02", "03", "04", "05", "06"]
    pair.google.patch(USER, series, recurrence=["RRULE:FREQ=DAILY;UNTIL=20260703T235959Z"])
    rest_of_it = pair.google.insert(id="splitme0r20260704t100000", body={
        **timed("2026-07-04T10:00:00Z", "2026-07-04T11:00:00Z", "UTC"), "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})["id"]
    assert days() == ["01", "02", "03", "04", "05", "06"]
    pair.google.delete(USER, rest_of_it)
    assert days() == ["01", "02", "03"]
    pair.google.update(USER, series, head)
    assert days() == ["01"]
    pair.google.patch(USER, series, recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    assert days() == ["01", "02"]


def test_split_and_deleted_unseen(start):
    """T-REC-SPLIT: this and following, then the new series is deleted; an instance went with it that was the old one's."""
    pair = start()
    head = timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC")
    pair.google.insert(id="splitme1", body={**head, "recurrence": ["RRULE:FREQ=DAILY;COUNT=6"]})
    for day in 2, 5:
        one = f"splitme1_2026070{day}T100000Z"
        pair.google.update(USER, one, {**pair.google.get(USER, one), "summary": f"moved {day}"})
    pair.wait_equal(USER)
    settle(pair)
    with unannounced(pair):
        pair.google.patch(USER, "splitme1", recurrence=["RRULE:FREQ=DAILY;UNTIL=20260703T235959Z"])
        tail = pair.google.insert(id="splitme1r", body={**timed("2026-07-04T10:00:00Z", "2026-07-04T11:00:00Z", "UTC"),
                                                        "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})["id"]
        pair.emulator.put_raw_event(USER, {**pair.google.get(USER, one), "recurringEventId": tail}, one)
        pair.google.delete(USER, tail)
    pair.wait_equal(USER)
    rest(pair)
    shown = pair.mirror.events(USER, singleEvents="true", timeMin="2026-06-01T00:00:00Z", timeMax="2026-08-01T00:00:00Z")
    assert [e["start"]["dateTime"][8:10] for e in shown] == ["01", "02", "03"]
    assert shown[1]["summary"] == "moved 2"


def test_converted_and_cancelled_unseen(start):
    """T-REC-CONVERT: a single event becomes a series, an instance is cancelled, the series renamed: an increment names the hole first."""
    pair = start()
    head = timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC")
    pair.google.insert(id="convert2", body=head)
    pair.wait_equal(USER)
    settle(pair)
    with unannounced(pair):
        pair.google.patch(USER, "convert2", recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
        pair.google.delete(USER, "convert2_20260702T100000Z")
        pair.google.patch(USER, "convert2", summary="renamed")
    pair.wait_equal(USER)
    rest(pair)
    shown = pair.mirror.events(USER, singleEvents="true", timeMin="2026-06-01T00:00:00Z", timeMax="2026-08-01T00:00:00Z")
    assert [e["start"]["dateTime"][8:10] for e in shown] == ["01", "03"]


def test_holes_of_what_was_no_series_for_a_while(start):
    """T-REC-CONVERT: a client that began to follow while the event was single learns of the holes when it is a series again."""
    pair = start()
    path = f"/calendar/v3/calendars/{USER}/events"

    def items(**query):
        answer = pair.mirror.get(path, **query).json
        return {e["id"]: e["status"] for e in answer["items"]}, answer["nextSyncToken"]

    def change(call, *args, **members):
        call(USER, *args, **members)
        pair.wait_equal(USER)
        rest(pair)
    head = timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC")
    pair.google.insert(id="convert1", body={**head, "recurrence": ["RRULE:FREQ=DAILY;COUNT=6"]})
    hole = "convert1_20260702T100000Z"
    change(pair.google.delete, hole)
    assert items()[0] == {"convert1": "confirmed", hole: "cancelled"}
    change(pair.google.update, "convert1", head)
    state, token = items()
    assert state == {"convert1": "confirmed"}
    change(pair.google.patch, "convert1", recurrence=["RRULE:FREQ=DAILY;COUNT=6"])
    state.update(items(syncToken=token)[0])
    assert state == items()[0] == {"convert1": "confirmed", hole: "cancelled"}


def test_listed_older_than_its_conversion(start):
    """T-REC-CONVERT, T-REC-SPLIT: full listings end with earlier versions: of instances whose series is none any more."""
    pair = start()
    window = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "singleEvents": "true"}
    head = timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC")
    for name in "convert0", "delete00", "split000":
        pair.google.insert(id=name, body={**head, "recurrence": ["RRULE:FREQ=DAILY;COUNT=6"]})
        for day in 2, 5:
            one = f"{name}_2026070{day}T100000Z"
            pair.google.update(USER, one, {**pair.google.get(USER, one), "summary": "moved",
                                           **timed(f"2026-07-0{day}T15:00:00Z", f"2026-07-0{day}T16:00:00Z", "UTC")})
    pair.wait_equal(USER)
    settle(pair)
    with unannounced(pair):
        pair.google.update(USER, "convert0", head)
        pair.google.delete(USER, "delete00")
        pair.google.delete(USER, "split000_20260705T100000Z")
        pair.google.patch(USER, "split000", recurrence=["RRULE:FREQ=DAILY;UNTIL=20260703T235959Z"])
        pair.emulator.set_pages(duplicate_older=True, max_page=3)
        pair.emulator.kill_tokens()
    pair.wait_equal(USER)
    rest(pair)
    for fresh in False, True:
        if fresh:  # the same from nothing: a first listing that has the earlier versions too
            pair.mirror.stop()
            os.remove(os.path.join(pair.mirror.state_dir, "mirror.mdb"))
            pair.mirror.start()
            pair.mirror.wait_ready()
            rest(pair)
        days = sorted(e["start"]["dateTime"][8:13] for e in pair.mirror.events(USER, **window, timeZone="UTC"))
        assert days == ["01T10", "01T10", "02T15", "03T10"]
        assert not pair.difference(USER)


def test_longest_id_of_a_series(start):
    """T-REC-MOVED: an id as long as Google allows; what is changed of its instances has longer ones, by listing and increment."""
    pair = start()
    series = "0" * 1024
    window = {"timeMin": "2026-07-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "singleEvents": "true", "timeZone": "UTC"}
    pair.google.insert(id=series, body={**timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC"),
                                        "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})

    def move(day):
        event = f"{series}_202607{day}T100000Z"
        pair.google.update(USER, event, {**pair.google.get(USER, event),
                                         **timed(f"2026-07-{day}T15:00:00Z", f"2026-07-{day}T16:00:00Z", "UTC")})
        return event
    first = move("01")
    pair.wait_equal(USER)
    second = move("02")
    pair.wait_equal(USER)
    pair.emulator.kill_tokens(calendar=USER)
    pair.emulator.ping(calendar=USER)
    third = move("03")
    pair.wait_equal(USER)
    rest(pair)
    got = pair.mirror.events(USER, **window)
    assert sorted((e["id"], e["start"]["dateTime"][8:13]) for e in got) == [(first, "01T15"), (second, "02T15"), (third, "03T15")]
    for event in first, third:
        assert pair.mirror.get(f"/calendar/v3/calendars/{USER}/events/{event}").json["id"] == event
