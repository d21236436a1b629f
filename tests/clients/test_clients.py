"""Reads what a calendar program reads, with each client, and compares every field with Google's."""

import datetime
import uuid

import pytest

import expected
import schema
from clients import Refused
from mirror import wait_for

ANNA = "anna@example.com"
TEAM = "c_team4711@group.calendar.google.com"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
BEGIN, END = NOW - datetime.timedelta(days=20), NOW + datetime.timedelta(days=40)
WINDOW = {"timeMin": BEGIN.isoformat(), "timeMax": END.isoformat()}
# Of the list itself: each side has its own. Of a computed instance: the link is made of its id.
OWN = ("etag", "nextSyncToken", "nextPageToken")


def call(client, method, **arguments):
    answer = client.call(method, **arguments)
    schema.validate(method, answer)
    return answer


def pages(client, method, **arguments):
    """(items of all pages, the last page)."""
    items = []
    for _ in range(1000):
        page = call(client, method, **arguments)
        items += page["items"]
        if "nextPageToken" not in page:
            return items, page
        assert "nextSyncToken" not in page
        arguments["pageToken"] = page["nextPageToken"]
    raise AssertionError("pages without end")


def by_id(items):
    found = {e["id"]: e for e in items}
    assert len(found) == len(items)
    return found


def live(events):
    return [e for e in events if e["status"] != "cancelled"]


def without(members, resource):
    return {k: v for k, v in resource.items() if k not in members}


def zone_of(pair, calendar):
    return pair.google.call("GET", f"/calendars/{calendar.replace('#', '%23')}")["timeZone"]


def test_calendar_list(client, pair):
    ours, last = pages(client, "calendarList.list", maxResults=2, showHidden=True)
    theirs = pair.google.calendar_list(showHidden=True)["items"]
    assert by_id(ours) == by_id(theirs)
    assert last["nextSyncToken"]
    for entry in theirs:
        assert call(client, "calendarList.get", calendarId=entry["id"]) == entry
    delta = call(client, "calendarList.list", syncToken=last["nextSyncToken"])
    assert delta["items"] == [] and delta["nextSyncToken"]


def test_calendars(client, pair):
    for calendar in pair.calendars():
        ours = call(client, "calendars.get", calendarId=calendar)
        theirs = pair.google.call("GET", "/calendars/" + calendar.replace("#", "%23"))
        assert without(OWN, ours) == without(OWN, theirs)
    assert call(client, "calendars.get", calendarId="primary")["id"] == ANNA


def assert_same(ours, theirs):
    """Every field of every event; of deleted ones, which Google may send with less, those that are there."""
    assert ours.keys() == theirs.keys()
    for key, event in ours.items():
        if event["status"] == "cancelled":
            assert event.items() <= theirs[key].items(), key
        else:
            assert event == theirs[key], key


@pytest.mark.parametrize("query", [{}, {"showDeleted": True}, WINDOW, {"q": "offline"}, {"orderBy": "updated"},
                                   {"eventTypes": ["focusTime", "outOfOffice"]},
                                   {"timeZone": "Asia/Tokyo"}, {"iCalUID": "annareview@google.com"}])
def test_events_as_google_lists_them(client, pair, query):
    for calendar in pair.calendars():
        ours = call(client, "events.list", calendarId=calendar, maxResults=2500, **query)
        theirs = pair.google.list(calendar, maxResults=2500, **query)
        assert without(OWN + ("items",), ours) == without(OWN + ("items",), theirs)
        if "timeZone" in query:  # the emulator leaves the times of cancelled instances as they are
            assert by_id(live(ours["items"])) == by_id(live(theirs["items"]))
        else:
            assert_same(by_id(ours["items"]), by_id(theirs["items"]))


def test_attendees_are_left_out(client, pair):
    ours = by_id(call(client, "events.list", calendarId=ANNA, maxAttendees=1)["items"])
    theirs = by_id(pair.google.list(ANNA, maxAttendees=1)["items"])
    assert_same(ours, theirs)
    assert any(e.get("attendeesOmitted") and [a["email"] for a in e["attendees"]] == [ANNA] for e in ours.values())


def test_pages(client, pair):
    whole = call(client, "events.list", calendarId=ANNA)
    items, last = pages(client, "events.list", calendarId=ANNA, maxResults=3)
    assert items == whole["items"] and len(items) > 9
    assert last["nextSyncToken"]


def test_page_tokens_need_nothing_else(client, pair):
    first = call(client, "events.list", calendarId=ANNA, maxResults=2, eventTypes=["default"])
    rest, _ = pages(client, "events.list", calendarId=ANNA, pageToken=first["nextPageToken"])
    whole = call(client, "events.list", calendarId=ANNA, eventTypes=["default"])
    assert first["items"] + rest == whole["items"]


@pytest.mark.parametrize("method, arguments", [
    ("events.list", {"calendarId": ANNA}), ("calendarList.list", {}), ("settings.list", {}), ("acl.list", {"calendarId": ANNA}),
])
def test_an_empty_page_token_is_none(client, method, arguments):
    """Google's client for Go sends one when a call is used again after its pages were followed."""
    plain = call(client, method, **arguments)
    empty = call(client, method, pageToken="", **arguments)
    assert without(OWN, empty) == without(OWN, plain) and empty["nextSyncToken"]


def test_each_event(client, pair):
    for theirs in pair.emulator.dump(ANNA):
        assert call(client, "events.get", calendarId=ANNA, eventId=theirs["id"]) == theirs


def test_a_window_of_instances(client, pair):
    for calendar in (ANNA, TEAM, "primary"):
        ours, _ = pages(client, "events.list", calendarId=calendar, singleEvents=True, orderBy="startTime",
                        maxResults=50, **WINDOW)
        zone = zone_of(pair, calendar)
        theirs = expected.expanded(pair.emulator.dump(calendar.replace("primary", ANNA), ANNA), zone, BEGIN, END)
        starts = [expected.instant(e["start"], zone) for e in ours]
        assert starts == sorted(starts)
        assert [e["id"] for e in sorted(ours, key=lambda e: (expected.instant(e["start"], zone), e["id"]))] == [
            e["id"] for e in theirs]
        link = ("htmlLink",)
        assert {k: without(link, v) for k, v in by_id(ours).items()} == {
            k: without(link, v) for k, v in by_id(theirs).items()}


def test_instances_of_a_series(client, pair):
    zone = zone_of(pair, ANNA)
    theirs = expected.expanded(pair.emulator.dump(ANNA), zone, BEGIN, END, series="annastandup")
    ours, _ = pages(client, "events.instances", calendarId=ANNA, eventId="annastandup", maxResults=10, **WINDOW)
    assert {e["id"]: without(("htmlLink",), e) for e in ours} == {
        e["id"]: without(("htmlLink",), e) for e in theirs}
    for instance in ours[:5]:
        assert call(client, "events.get", calendarId=ANNA, eventId=instance["id"]) == instance


def test_free_busy(client, pair):
    begin, end = NOW, NOW + datetime.timedelta(days=14)
    ids = [ANNA, TEAM, "nobody@example.com"]
    ours = call(client, "freebusy.query", body={"timeMin": begin.isoformat(), "timeMax": end.isoformat(),
                                                "items": [{"id": i} for i in ids]})
    assert ours["kind"] == "calendar#freeBusy"
    for calendar in ids[:2]:
        theirs = expected.busy(pair.emulator.dump(calendar, ANNA), zone_of(pair, calendar), begin, end)
        assert ours["calendars"][calendar] == {"busy": theirs} and theirs
    assert ours["calendars"][ids[2]] == {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}


def holds(client, event, **members):
    """Has the mirror the event as it is now?"""
    try:
        return client.call("events.get", calendarId=TEAM, eventId=event).items() >= members.items()
    except Refused:
        return False


def test_a_sync_token_is_followed(client, pair):
    """A client that only ever follows tokens stays equal to Google."""
    items, last = pages(client, "events.list", calendarId=TEAM, showDeleted=True, maxResults=4)
    held = by_id(items)
    new = pair.google.insert(TEAM, summary="new")["id"]
    pair.google.patch(TEAM, new, summary="renamed")
    gone = pair.google.insert(TEAM, summary="soon gone")["id"]
    pair.google.delete(TEAM, gone)
    wait_for("the changes", lambda: holds(client, new, summary="renamed") and holds(client, gone, status="cancelled"))
    changes, last = pages(client, "events.list", calendarId=TEAM, showDeleted=True, syncToken=last["nextSyncToken"])
    assert {e["id"] for e in changes} == {new, gone}
    held.update(by_id(changes))
    assert_same(held, by_id(pair.emulator.dump(TEAM, ANNA)))
    assert held[new]["summary"] == "renamed" and held[gone]["status"] == "cancelled"
    again = call(client, "events.list", calendarId=TEAM, showDeleted=True, syncToken=last["nextSyncToken"])
    assert again["items"] == [] and again["nextSyncToken"]


def test_a_sync_token_that_is_void_means_to_list_anew(client, pair):
    query = {"calendarId": TEAM, "singleEvents": True, "maxResults": 2500, **WINDOW}
    token = call(client, "events.list", **query)["nextSyncToken"]
    title = str(uuid.uuid4())
    pair.google.patch(TEAM, "teamdemo", summary=title)  # what became of its instances cannot be told in a list of changes
    wait_for("the change", lambda: holds(client, "teamdemo", summary=title))
    with pytest.raises(Refused) as refused:
        client.call("events.list", calendarId=TEAM, singleEvents=True, syncToken=token)
    assert refused.value.status == 410
    schema.validate_error(refused.value.body, 410)
    assert refused.value.body["error"]["errors"][0]["reason"] == "fullSyncRequired"
    anew = call(client, "events.list", **query)
    assert title in [e["summary"] for e in anew["items"]] and anew["nextSyncToken"]


def test_settings_and_colours(client, pair):
    ours, _ = pages(client, "settings.list")
    theirs = pair.google.call("GET", "/users/me/settings")["items"]
    assert by_id(ours) == by_id(theirs)
    assert call(client, "settings.get", setting="timezone") == by_id(theirs)["timezone"]
    assert call(client, "colors.get") == pair.google.call("GET", "/colors")


def test_access_rules(client, pair):
    ours, _ = pages(client, "acl.list", calendarId=ANNA)
    theirs = pair.google.call("GET", f"/calendars/{ANNA}/acl")["items"]
    assert by_id(ours) == by_id(theirs)
    assert call(client, "acl.get", calendarId=ANNA, ruleId=theirs[0]["id"]) == theirs[0]


@pytest.mark.parametrize("method, arguments, status, reason", [
    ("calendars.get", {"calendarId": "nobody@example.com"}, 404, "notFound"),
    ("events.get", {"calendarId": ANNA, "eventId": "nothing"}, 404, "notFound"),
    ("events.list", {"calendarId": ANNA, "orderBy": "startTime"}, 400, "badRequest"),
    ("events.list", {"calendarId": ANNA, "timeMin": "2026-01-01T00:00:00"}, 400, "badRequest"),
    ("events.list", {"calendarId": ANNA, "timeMin": WINDOW["timeMax"], "timeMax": WINDOW["timeMin"]}, 400, "timeRangeEmpty"),
    ("events.list", {"calendarId": ANNA, "syncToken": "CPDAlvWDx70CEPDAlvWDx70CGAU="}, 400, "invalid"),
    ("events.list", {"calendarId": ANNA, "fields": "items(id"}, 400, "invalidParameter"),
])
def test_errors_as_google_words_them(client, method, arguments, status, reason):
    with pytest.raises(Refused) as refused:
        client.call(method, **arguments)
    assert refused.value.status == status
    schema.validate_error(refused.value.body, status)
    assert refused.value.body["error"]["errors"][0]["reason"] == reason


def test_fields(client):
    answer = client.call("events.list", calendarId=ANNA, fields="kind,items(id,start/dateTime)", maxResults=5)
    assert answer.keys() == {"kind", "items"} and len(answer["items"]) == 5
    assert all(e.keys() <= {"id", "start"} for e in answer["items"])


def test_a_batch(client, pair):
    if not hasattr(client, "batch"):
        pytest.skip("knows no batches")
    events = by_id(pair.emulator.dump(ANNA))
    answers = client.batch([("events.get", {"calendarId": ANNA, "eventId": id}) for id in [*events, "nothing"]])
    status, error = answers.pop()
    assert status == 404 and error["error"]["errors"][0]["reason"] == "notFound"
    assert answers == [(200, event) for event in events.values()]


def test_pages_that_the_client_follows(client, pair):
    if not hasattr(client, "walk"):
        pytest.skip("follows no pages by itself")
    for query in ({}, {"singleEvents": True, "orderBy": "startTime", **WINDOW}):
        whole = call(client, "events.list", calendarId=ANNA, maxResults=2500, **query)["items"]
        walked = client.walk("events.list", calendarId=ANNA, maxResults=4, **query)
        assert [e["id"] for e in walked] == [e["id"] for e in whole] and len(whole) > 12


def assert_unchanged(client, method, etag, **arguments):
    with pytest.raises(Refused) as refused:
        client.call(method, etag=etag, **arguments)
    assert refused.value.status == 304


@pytest.mark.parametrize("method, arguments", [
    ("events.list", {"calendarId": ANNA, "maxResults": 5}), ("calendarList.list", {}), ("settings.list", {}),
    ("acl.list", {"calendarId": ANNA}), ("events.instances", {"calendarId": ANNA, "eventId": "annastandup", **WINDOW}),
    ("events.get", {"calendarId": ANNA, "eventId": "annareview"}), ("calendars.get", {"calendarId": TEAM}),
    ("settings.get", {"setting": "timezone"}), ("acl.get", {"calendarId": ANNA, "ruleId": "user:" + ANNA}),
])
def test_an_etag_out_of_the_body_is_a_validator(client, method, arguments):
    """As Google's guide to versions of resources has it: what was read is asked for only if it changed."""
    etag = call(client, method, **arguments)["etag"]
    assert_unchanged(client, method, etag, **arguments)
    assert call(client, method, etag='"another"', **arguments)["etag"] == etag


def test_a_changed_event_is_no_longer_known_by_its_etag(client, pair):
    event = pair.google.insert(TEAM, summary="new")
    wait_for("the event", lambda: holds(client, event["id"], summary="new"))
    for _ in range(3):  # made, remembered, out of the cache
        assert_unchanged(client, "events.get", event["etag"], calendarId=TEAM, eventId=event["id"])
    pair.google.patch(TEAM, event["id"], summary="renamed")
    wait_for("the change", lambda: holds(client, event["id"], summary="renamed"))
    again = client.call("events.get", etag=event["etag"], calendarId=TEAM, eventId=event["id"])
    assert again["summary"] == "renamed" and again["etag"] != event["etag"]
    pair.google.delete(TEAM, event["id"])
