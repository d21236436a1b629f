"""Reads what a calendar program reads, with each client, and compares every field with Google's."""

import datetime

import pytest

import expected
import schema
from clients import Python, Refused
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


def seen(client, event, status):
    """Has the mirror the event in its last state?"""
    try:
        found = client.call("events.get", calendarId=TEAM, eventId=event)
    except Refused:
        return False
    return found["status"] == status and found.get("summary") != "new"


def test_a_sync_token_is_followed(client, pair):
    """A client that only ever follows tokens stays equal to Google."""
    items, last = pages(client, "events.list", calendarId=TEAM, showDeleted=True, maxResults=4)
    held = by_id(items)
    new = pair.google.insert(TEAM, summary="new")["id"]
    pair.google.patch(TEAM, new, summary="renamed")
    gone = pair.google.insert(TEAM, summary="soon gone")["id"]
    pair.google.delete(TEAM, gone)
    wait_for("the changes", lambda: seen(client, new, "confirmed") and seen(client, gone, "cancelled"))
    changes, last = pages(client, "events.list", calendarId=TEAM, showDeleted=True, syncToken=last["nextSyncToken"])
    assert {e["id"] for e in changes} == {new, gone}
    held.update(by_id(changes))
    assert_same(held, by_id(pair.emulator.dump(TEAM, ANNA)))
    assert held[new]["summary"] == "renamed" and held[gone]["status"] == "cancelled"
    again = call(client, "events.list", calendarId=TEAM, showDeleted=True, syncToken=last["nextSyncToken"])
    assert again["items"] == [] and again["nextSyncToken"]


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


def test_a_batch_of_the_python_client(pair):
    python = Python(pair.mirror.url)
    answers = {}
    batch = python.service.new_batch_http_request(callback=lambda id_, answer, error: answers.update({id_: (answer, error)}))
    events = [e["id"] for e in pair.emulator.dump(ANNA)]
    for event in events:
        batch.add(python.request("events.get", calendarId=ANNA, eventId=event), request_id=event)
    batch.add(python.request("events.get", calendarId=ANNA, eventId="nothing"), request_id="nothing")
    batch.execute()
    assert answers.pop("nothing")[1].resp.status == 404
    assert {k: v[0] for k, v in answers.items()} == by_id(pair.emulator.dump(ANNA))
