"""The emulator from outside: listing, pages, sync tokens, and every collection beside events."""

import base64
import gzip
import json
import time

import pytest

from emulator import USER, Emulator, all_day, timed
from emulator_fixtures import emu, error_of, fetch, ids, two  # noqa: F401


# ---- events: listing ---------------------------------------------------------------------------------

def test_time_bounds_are_strict_overlap(emu):
    for name, when in {"before": ("T08:00", "T10:00"), "into": ("T09:00", "T10:30"), "inside": ("T10:10", "T10:20"),
                       "around": ("T01:00", "T23:00"), "out": ("T10:50", "T12:00"), "after": ("T11:00", "T12:00"),
                       "zero": ("T10:30", "T10:30"), "zeroedge": ("T10:00", "T10:00")}.items():
        emu.api.insert(summary=name, **timed(*(f"2026-07-01{t}:00Z" for t in when)))
    emu.api.insert(body={"summary": "day", **all_day("2026-07-01", "2026-07-02")})
    window = {"timeMin": "2026-07-01T10:00:00.999Z", "timeMax": "2026-07-01T11:00:00.999Z"}

    def names(**params):
        return {e["summary"] for e in emu.api.list(**params)["items"]}

    assert names(**window) == {"into", "inside", "around", "out", "zero", "day"}
    # The day begins at midnight in Berlin, whatever zone is asked for.
    assert "day" in names(timeMin="2026-06-30T22:00:00Z", timeMax="2026-06-30T22:00:01Z", timeZone="Asia/Tokyo")
    assert names(timeMin="2026-06-30T21:00:00Z", timeMax="2026-06-30T22:00:00Z") == set()
    empty = error_of(emu.api.list, timeMin="2026-07-01T11:00:00Z", timeMax="2026-07-01T11:00:00.5Z")
    assert (empty.reason, empty.error["errors"][0]["domain"]) == ("timeRangeEmpty", "calendar")
    assert empty.error["errors"][0]["location"] == "timeMax"
    assert error_of(emu.api.list, timeMin="2026-07-01T11:00:00").reason == "badRequest", "no offset"


def test_series_are_listed_while_they_may_have_an_instance(emu):
    emu.api.insert(id="endless", recurrence=["RRULE:FREQ=WEEKLY"], **timed(zone="UTC"))
    emu.api.insert(id="ended00", recurrence=["EXDATE:20260708T100000Z", "RRULE:FREQ=WEEKLY;UNTIL=20260801T000000Z"],
                   **timed(zone="UTC"))
    assert ids(emu.api.list(timeMin="2026-07-20T00:00:00Z")["items"]) == ["ended00", "endless"]
    assert ids(emu.api.list(timeMin="2026-09-01T00:00:00Z")["items"]) == ["endless"]
    assert emu.api.list(timeMax="2026-06-01T00:00:00Z")["items"] == []


def test_filters(emu):
    emu.api.insert(id="aaaaa", summary="Zebra crossing", attendees=[{"email": "kim@example.com"}])
    emu.api.insert(id="bbbbb", eventType="focusTime", extendedProperties={"private": {"k": "v"}, "shared": {"s": "t"}})
    assert ids(emu.api.list(q="zEBRA")["items"]) == ["aaaaa"] == ids(emu.api.list(q="kim@")["items"])
    assert ids(emu.api.list(eventTypes="focusTime")["items"]) == ["bbbbb"]
    assert ids(emu.api.list(eventTypes=["focusTime", "default"])["items"]) == ["aaaaa", "bbbbb"]
    assert ids(emu.api.list(privateExtendedProperty="k=v")["items"]) == ["bbbbb"]
    assert emu.api.list(privateExtendedProperty=["k=v", "k=w"])["items"] == []
    assert ids(emu.api.list(sharedExtendedProperty="s=t")["items"]) == ["bbbbb"]
    assert "nextSyncToken" not in emu.api.list(q="zebra")
    cut = emu.api.list(maxAttendees=1)["items"][0]
    assert "attendeesOmitted" not in cut


def test_max_attendees_keeps_the_own_entry(emu):
    guests = [{"email": f"g{i}@example.com"} for i in range(3)] + [{"email": USER}]
    emu.api.insert(attendees=guests)
    cut = emu.api.list(maxAttendees=2)["items"][0]
    assert [a["email"] for a in cut["attendees"]] == [USER] and cut["attendeesOmitted"] is True
    assert len(emu.api.list(maxAttendees=4)["items"][0]["attendees"]) == 4


def test_order_by(emu):
    for name in ("aaaaa", "bbbbb", "ccccc"):
        emu.api.insert(id=name)
    emu.api.patch("primary", "aaaaa", summary="late")
    walk = [e["id"] for page in emu.api.pages(orderBy="updated", maxResults=1) for e in page["items"]]
    assert walk == ["bbbbb", "ccccc", "aaaaa"]
    assert "nextSyncToken" not in emu.api.list(orderBy="updated")
    refused = error_of(emu.api.list, orderBy="startTime")
    assert refused.message == "The requested ordering is not available for the particular query."
    assert error_of(emu.api.list, orderBy="colour").status == 400


def test_updated_min(emu):
    emu.api.insert(id="before")
    emu.advance_clock(3600 * 1000)
    now = emu.state()["now_ms"] // 1000 - 60
    emu.api.insert(id="late00")
    emu.api.insert(id="gone00")
    emu.api.delete("primary", "gone00")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    assert ids(emu.api.list(updatedMin=stamp)["items"]) == ["gone00", "late00"], "deletions always count"
    old = error_of(emu.api.list, updatedMin="2020-01-01T00:00:00Z")
    assert (old.status, old.reason) == (410, "updatedMinTooLongAgo")


def test_pages(emu):
    made = [emu.api.insert(summary=str(i))["id"] for i in range(7)]
    pages = list(emu.api.pages(maxResults=3))
    assert [len(p["items"]) for p in pages] == [3, 3, 1]
    assert ["nextSyncToken" in p for p in pages] == [False, False, True]
    assert [e["id"] for p in pages for e in p["items"]] == made
    token = pages[0]["nextPageToken"]
    for call in ({"pageToken": token, "q": "x"}, {"pageToken": "nonsense"}, {"pageToken": token[:-4]},
                 {"pageToken": pages[2]["nextSyncToken"]}):
        bad = error_of(emu.api.list, **call)
        assert (bad.status, bad.error["errors"][0]["location"]) == (400, "pageToken")
    # What does not choose events may change on the way.
    assert emu.api.list(pageToken=token, maxResults=1, fields="items", prettyPrint=False)["items"][0]["id"] == made[3]
    for bad in ("0", "-1", "x", ""):
        assert error_of(emu.api.list, maxResults=bad).reason == "invalidParameter"
    assert len(emu.api.list(maxResults=99999)["items"]) == 7


def test_pages_are_clamped_to_2500():
    with Emulator(generate=2501) as emulator:
        pages = [len(p["items"]) for p in emulator.api.pages("big@example.com", maxResults=5000)]
        assert pages == [2500, 1]
        assert len(emulator.api.list("big@example.com")["items"]) == 250


def test_edits_during_a_walk_come_with_the_next_delta(emu):
    for i in range(6):
        emu.api.insert(id=f"event{i}", summary="old")
    walk = emu.api.pages(maxResults=2)
    next(walk)
    emu.api.patch("primary", "event0", summary="new")  # already given
    emu.api.patch("primary", "event5", summary="new")  # still to come
    emu.api.insert(id="event6")
    emu.api.delete("primary", "event1")
    seen = {e["id"]: e for page in walk for e in page["items"]}
    assert seen["event5"]["summary"] == "new" and "event6" in seen
    token = emu.api.list_all()[1]
    assert emu.api.list_all(syncToken=token)[0] == []
    walk = list(emu.api.pages(maxResults=2, showDeleted=True))
    assert len(walk) == 4


def test_final_token_of_a_disturbed_walk_covers_the_disturbance(emu):
    for i in range(6):
        emu.api.insert(id=f"event{i}")
    mirror, walk = {}, emu.api.pages(maxResults=2, showDeleted=True)
    for number, page in enumerate(walk):
        mirror.update({e["id"]: e for e in page["items"]})
        if number == 0:
            emu.api.patch("primary", "event0", summary="new")
            emu.api.delete("primary", "event1")
            emu.api.insert(id="event9")
    token = page["nextSyncToken"]
    delta, token = emu.api.list_all(syncToken=token, showDeleted=True, maxResults=1)
    assert {"event0", "event1", "event9"} <= {e["id"] for e in delta}
    mirror.update({e["id"]: e for e in delta})
    live = {k: v for k, v in mirror.items() if v["status"] != "cancelled"}
    assert live == {e["id"]: e for e in emu.dump(USER) if e["status"] != "cancelled"}
    assert emu.api.list_all(syncToken=token)[0] == []


def test_gzip_needs_both_headers(emu):
    emu.api.insert(summary="x" * 3000)
    for accept, agent, coded in (("gzip", "me (gzip)", True), ("gzip", "me", False), ("identity", "gzip", False)):
        body = fetch(emu, accept, agent)
        assert body.startswith(b"\x1f\x8b") is coded
        assert json.loads(gzip.decompress(body) if coded else body)["items"]


# ---- sync tokens -------------------------------------------------------------------------------------

def test_deltas(emu):
    kept, edited, deleted = (emu.api.insert(id=name)["id"] for name in ("kept00", "edited", "gone00"))
    _, token = emu.api.list_all(showDeleted=True)
    assert emu.api.list_all(syncToken=token) == ([], token)
    emu.api.patch("primary", edited, summary="1")
    emu.api.patch("primary", edited, summary="2")
    emu.api.delete("primary", deleted)
    fresh = emu.api.insert(id="fresh0")
    delta, newer = emu.api.list_all(syncToken=token, showDeleted=True)
    assert [e["id"] for e in delta] == [edited, deleted, fresh["id"]], "one item per event, in order of change"
    assert delta[0]["summary"] == "2" and list(delta[1]) == ["kind", "etag", "id", "status"]
    assert ids(emu.api.list_all(syncToken=token)[0]) == ids(delta), "an older token is legal again"
    assert emu.api.list_all(syncToken=newer)[0] == []
    assert kept not in ids(delta)


def test_tokens_look_like_googles(emu):
    token = emu.api.list()["nextSyncToken"]
    raw = base64.urlsafe_b64decode(token)
    assert raw[0] == 0x08 and b"\x18\x05\x20" in raw, "fields 1 and 3 of a protocol buffer"


def test_forbidden_company_of_a_sync_token(emu):
    _, token = emu.api.list_all()
    for name, value in {"iCalUID": "x", "orderBy": "updated", "privateExtendedProperty": "a=b", "q": "x",
                        "sharedExtendedProperty": "a=b", "timeMin": "2026-01-01T00:00:00Z",
                        "timeMax": "2026-01-01T00:00:00Z", "updatedMin": "2099-01-01T00:00:00Z",
                        "showDeleted": False}.items():
        refused = error_of(emu.api.list, syncToken=token, **{name: value})
        assert refused.status == 400 and refused.message.startswith("Sync token cannot be used with"), name
    emu.api.list(syncToken=token, maxResults=5, showDeleted=True, eventTypes="default", timeZone="UTC")


def test_foreign_and_malformed_tokens(emu):
    emu.seed({"users": [{"email": USER, "calendarList": ["b@example.com"]}],
              "calendars": [{"id": "b@example.com", "owner": USER}]})
    _, other = emu.api.list_all("b@example.com")
    _, token = emu.api.list_all()
    for bad in (other, "x", "", "!!!!", token[:-6] + "AAAA==", emu.api.calendar_list()["nextSyncToken"]):
        refused = error_of(emu.api.list, syncToken=bad)
        assert (refused.status, refused.reason) == (400, "invalid")
        assert refused.message == "Invalid sync token value."


@pytest.mark.parametrize("kind, status, reason", [(410, 410, "fullSyncRequired"), (400, 400, "invalid"),
                                                  ("updatedMin", 410, "updatedMinTooLongAgo")])
def test_tokens_die_on_demand(emu, kind, status, reason):
    emu.api.insert()
    _, token = emu.api.list_all()
    assert emu.kill_tokens(kind, calendar=USER) == 1
    dead = error_of(emu.api.list, syncToken=token)
    assert (dead.status, dead.reason) == (status, reason)
    _, token = emu.api.list_all()
    assert emu.api.list(syncToken=token)["items"] == []
    emu.kill_tokens(kind, calendar=USER, persistent=True)
    _, token = emu.api.list_all()
    assert error_of(emu.api.list, syncToken=token).status == status, "they die at once"


def test_a_token_may_die_on_a_later_page(emu):
    _, token = emu.api.list_all()
    for _ in range(3):
        emu.api.insert()
    page = emu.api.list(syncToken=token, maxResults=1)
    emu.kill_tokens()
    assert error_of(emu.api.list, syncToken=token, pageToken=page["nextPageToken"]).status == 410


def test_tokens_do_not_outlive_the_world():
    with Emulator() as first:
        first.api.insert()
        _, token = first.api.list_all()
    with Emulator() as second:
        assert error_of(second.api.list, syncToken=token).reason == "fullSyncRequired"


def test_tombstones_as_told(emu):
    emu.api.insert(id="gone00", summary="s")
    _, token = emu.api.list_all()
    emu.api.delete("primary", "gone00")
    for mode, in_delta, in_list in (("delta", False, True), ("minimal", False, False), ("rich", True, True)):
        emu.set_pages(tombstones=mode)
        assert ("summary" in emu.api.list(syncToken=token)["items"][0]) is in_delta
        assert ("summary" in emu.api.list(showDeleted=True)["items"][0]) is in_list
        assert ("summary" in emu.dump(USER)[0]) is in_list


def test_odd_pages_on_demand(emu):
    made = [emu.api.insert(summary=str(i))["id"] for i in range(6)]
    emu.set_pages(max_page=2, empty_every=2)
    pages = list(emu.api.pages())
    assert [len(p["items"]) for p in pages] == [2, 0, 2, 0, 2]
    assert [e["id"] for p in pages for e in p["items"]] == made and "nextSyncToken" in pages[-1]
    emu.set_pages(empty_every=0, duplicate_items=1)
    assert [len(p["items"]) for p in emu.api.pages()] == [2, 3, 3]
    emu.set_pages(duplicate_items=0, max_page=0, duplicate_older=True)
    emu.api.patch("primary", made[0], summary="new")
    again = [e["summary"] for e in emu.api.list()["items"] if e["id"] == made[0]]
    assert again == ["new", "0"], "the older version comes last"
    emu.set_pages(duplicate_older=False, no_sync_token=True)
    assert emu.api.list_all()[1] is None
    emu.set_pages(no_sync_token=False, same_page_token=True)
    first = emu.api.list(maxResults=2)["nextPageToken"]
    assert emu.api.list(maxResults=2, pageToken=first)["nextPageToken"] == first


# ---- other collections -------------------------------------------------------------------------------

def test_calendar_list(two):
    emulator, a, b = two
    page = a.calendar_list()
    entry = page["items"][0]
    assert entry["id"] == "a@example.com" and entry["primary"] is True and entry["accessRole"] == "owner"
    assert "primary" not in page["items"][1] and page["items"][1]["summary"] == "Shared"
    a.call("PATCH", "/users/me/calendarList/s@example.com", body={"hidden": True, "summaryOverride": "Mine"})
    assert len(a.calendar_list()["items"]) == 1 and len(a.calendar_list(showHidden=True)["items"]) == 2
    delta = a.calendar_list(syncToken=page["nextSyncToken"])
    assert [(e["id"], e["hidden"], e["summaryOverride"]) for e in delta["items"]] == [("s@example.com", True, "Mine")]
    a.call("DELETE", "/users/me/calendarList/s@example.com")
    assert a.calendar_list(syncToken=delta["nextSyncToken"])["items"][0]["deleted"] is True
    assert len(a.calendar_list(showDeleted=True, showHidden=True)["items"]) == 2
    for params in ({"minAccessRole": "owner"}, {"showHidden": False}, {"showDeleted": False}):
        assert error_of(a.calendar_list, syncToken=delta["nextSyncToken"], **params).status == 400
    assert error_of(b.call, "POST", "/users/me/calendarList", body={"id": "s@example.com"}).status == 404
    assert error_of(b.calendar_list, minAccessRole="boss").status == 400


def test_properties_of_a_calendar_do_not_move_the_list_token(two):
    _, a, _ = two
    page = a.calendar_list()
    a.call("PATCH", "/calendars/s@example.com", body={"summary": "Renamed"})
    assert a.calendar_list(syncToken=page["nextSyncToken"])["items"] == []
    assert a.calendar_list()["items"][1]["summary"] == "Renamed"
    assert a.list("s@example.com")["summary"] == "Renamed"


def test_every_resource_has_an_etag(two):
    _, a, _ = two
    for path, change in (("/users/me/calendarList/s@example.com", {"colorId": "3"}),
                         ("/calendars/s@example.com", {"summary": "New"}),
                         ("/calendars/s@example.com/acl/user:a@example.com", {"role": "owner"})):
        etag = a.raw("GET", path).headers["ETag"]
        assert a.raw("GET", path, headers={"If-None-Match": etag}).status_code == 304
        assert a.raw("PATCH", path, body=change, headers={"If-Match": '"x"'}).status_code == 412
        assert a.raw("PATCH", path, body=change, headers={"If-Match": etag}).status_code == 200
        assert a.raw("GET", path, headers={"If-None-Match": etag}).status_code == 200


def test_a_new_zone_rewrites_the_times(two):
    _, a, _ = two
    before = a.list("s@example.com")
    a.call("PATCH", "/calendars/s@example.com", body={"timeZone": "Asia/Tokyo"})
    after = a.list("s@example.com")
    assert before["items"][0]["start"]["dateTime"] == "2026-07-01T10:00:00Z"
    assert after["items"][0]["start"]["dateTime"] == "2026-07-01T19:00:00+09:00"
    assert after["items"][0]["etag"] == before["items"][0]["etag"] and after["timeZone"] == "Asia/Tokyo"


def test_roles(two):
    _, a, b = two
    assert error_of(b.list, "s@example.com").reason == "notFound"
    acl = "/calendars/s@example.com/acl"
    before = a.call("GET", acl)
    rule = a.call("POST", acl, body={"role": "reader", "scope": {"type": "user", "value": "b@example.com"}})
    assert rule["id"] == "user:b@example.com"
    hidden, shown = sorted(b.list("s@example.com")["items"], key=lambda e: e["id"] == "public0")
    assert shown["summary"] == "open" and "summary" not in hidden and hidden["visibility"] == "private"
    denied = error_of(b.insert, "s@example.com")
    assert (denied.status, denied.reason) == (403, "requiredAccessLevel")
    b.call("POST", "/users/me/calendarList", body={"id": "s@example.com"})
    token = b.calendar_list()["nextSyncToken"]
    a.call("PATCH", acl + "/user:b@example.com", body={"role": "writer"})
    b.insert("s@example.com")
    assert b.calendar_list(syncToken=token)["items"] == [], "a new role alone is no change of the entry"
    a.call("DELETE", acl + "/user:b@example.com")
    assert error_of(b.list, "s@example.com").status == 404
    assert b.calendar_list(syncToken=token)["items"][0]["deleted"] is True
    delta = a.call("GET", acl, {"syncToken": before["nextSyncToken"]})["items"]
    assert [(r["id"], r["role"]) for r in delta] == [("user:b@example.com", "none")]
    assert len(a.call("GET", acl)["items"]) == 1


def test_deleting_a_calendar(two):
    _, a, _ = two
    token = a.calendar_list()["nextSyncToken"]
    a.call("DELETE", "/calendars/s@example.com")
    assert a.calendar_list(syncToken=token)["items"][0]["deleted"] is True
    assert error_of(a.list, "s@example.com").status == 404
    assert error_of(a.call, "DELETE", "/calendars/a@example.com").status == 400


def test_settings_and_colors(emu):
    page = emu.api.call("GET", "/users/me/settings")
    assert page["items"][0]["id"] == "timezone"
    emu.set_settings(USER, weekStart="1")
    delta = emu.api.call("GET", "/users/me/settings", {"syncToken": page["nextSyncToken"]})
    assert [(s["id"], s["value"]) for s in delta["items"]] == [("weekStart", "1")]
    assert emu.api.call("GET", "/users/me/settings/weekStart")["value"] == "1"
    assert error_of(emu.api.call, "GET", "/users/me/settings/nothing").status == 404
    colors = emu.api.call("GET", "/colors")
    assert (len(colors["calendar"]), len(colors["event"])) == (24, 11)


def test_calendar_ids_with_odd_characters():
    odd = ["en.german#holiday@group.v.calendar.google.com", "a/b c%2F+d@example.com"]
    with Emulator({"users": [{"email": USER, "tokens": ["test-token"], "calendarList": odd}],
                   "calendars": [{"id": i, "owner": USER} for i in odd]}) as emulator:
        for calendar in odd:
            made = emulator.api.insert(calendar)
            assert emulator.api.list(calendar)["items"] == [made]
        assert emulator.requests()[-1]["path"] == f"/calendar/v3/calendars/{odd[1]}/events"


def test_long_addresses_are_read(emu):
    assert emu.api.list(q="x" * 8000)["items"] == []
