"""Corners of the read API that an oracle written from Google's words alone found to be answered otherwise."""
import json

from emulator import TOKEN, USER, timed
from mirror import wait_for

CAL = "/calendar/v3/calendars/primary"
LIST = CAL + "/events"
ENTRIES = "/calendar/v3/users/me/calendarList"
OTHERS = ["a@group.calendar.google.com", "b@group.calendar.google.com", "c@group.calendar.google.com"]
WORLD = {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER, *OTHERS]}],
         "calendars": [{"id": USER}, *({"id": id, "owner": USER, "summary": id} for id in OTHERS)]}


def ids(answer):
    assert answer.status == 200, answer.body
    return sorted(event["id"] for event in answer.json["items"])


def test_holes_of_what_is_no_series_any_more(start):
    """A list without deleted events has cancelled instances of live series only."""
    pair = start()
    pair.google.insert(id="series", **timed(zone="UTC"), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    pair.google.delete(USER, "series_20260702T100000Z")
    pair.wait_equal(USER)
    hole = "series_20260702T100000Z"
    assert ids(pair.mirror.get(LIST)) == ["series", hole]
    pair.google.update(USER, "series", timed())
    single = lambda: "recurrence" not in pair.mirror.get(f"{LIST}/series").json
    wait_for("the series to be a single event", single)
    for query in ({}, {"timeMin": "2026-07-01T00:00:00Z"}, {"orderBy": "updated"}, {"iCalUID": "series@google.com"}):
        assert ids(pair.mirror.get(LIST, **query)) == ["series"], query


def test_booleans_of_every_spelling(start):
    """Python's requests writes True."""
    pair = start()
    pair.google.insert(id="series", **timed(zone="UTC"), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    pair.wait_equal(USER)
    for text in ("true", "True", "TRUE", "1"):
        assert len(ids(pair.mirror.get(LIST, singleEvents=text))) == 3, text
    for text in ("false", "False", "FALSE", "0"):
        assert len(ids(pair.mirror.get(LIST, singleEvents=text))) == 1, text
    for text in ("", "yes", "t", " true", "truest", "fals"):
        answer = pair.mirror.get(LIST, singleEvents=text)
        assert (answer.status, answer.json["error"]["errors"][0]["location"]) == (400, "singleEvents"), text


def test_calendars_whose_events_are_not_listed_yet(start):
    """What the calendar list tells of them is there, and so are their access rules."""
    pair = start(WORLD, ready=False, prepare=lambda e: e.fault(f"GET */calendars/{OTHERS[0]}/events", hold=True))

    def entries():
        answer = pair.mirror.get(ENTRIES)
        return {entry["id"]: entry for entry in answer.json["items"]} if answer.status == 200 else {}

    wait_for("the calendar list", lambda: OTHERS[0] in entries())
    assert pair.mirror.get(f"/calendar/v3/calendars/{OTHERS[0]}/events").status == 503
    assert pair.mirror.get(f"{ENTRIES}/{OTHERS[0]}").json == entries()[OTHERS[0]]
    assert pair.mirror.get(f"/calendar/v3/calendars/{OTHERS[0]}").json["summary"] == OTHERS[0]
    wait_for("its access rules", lambda: pair.mirror.get(f"/calendar/v3/calendars/{OTHERS[0]}/acl").status == 200)
    pair.emulator.release()


def test_as_fresh_as_asked(start):
    """Whatever an answer is made of is pulled when it is older than the client accepts; that something is not there is an answer, too."""
    pair = start(WORLD)
    for id in OTHERS:
        pair.wait_live(id)
        pair.wait_quiet(id)
    pair.emulator.set_pings(drop=True)
    window = {"timeMin": "2026-07-01T00:00:00Z", "timeMax": "2026-07-02T00:00:00Z"}
    query = json.dumps({**window, "items": [{"id": id} for id in OTHERS]})
    for id in OTHERS:
        pair.google.insert(id, id="unannounced", **timed())
    pair.google.call("PATCH", f"{ENTRIES[len('/calendar/v3'):]}/{OTHERS[0]}", body={"colorId": "7"})
    made = pair.google.call("POST", "/calendars", body={"summary": "new"})["id"]

    def ask(path, method="GET", body=None):
        return pair.mirror.request(method, path, body, headers={"Cache-Control": "max-age=1"})

    paths = [f"/calendar/v3/calendars/{id}/events" for id in OTHERS] + [ENTRIES]
    wait_for("all to be old", lambda: all(int(pair.mirror.get(path).headers["Age"]) > 2 for path in paths))
    assert ask(f"{paths[0]}/unannounced").status == 200
    busy = ask("/calendar/v3/freeBusy", "POST", query)
    assert busy.status == 200, busy.body
    assert all(len(entry["busy"]) == 1 for entry in busy.json["calendars"].values()), busy.body
    assert ask(f"{ENTRIES}/{OTHERS[0]}").json["colorId"] == "7"
    assert ask(f"{ENTRIES}/{made}").status == 200
    assert ask(f"{ENTRIES}/nobody").status == 404
