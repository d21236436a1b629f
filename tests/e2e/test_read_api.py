"""Corners of the read API that an oracle written from Google's words alone found to be answered otherwise."""
from emulator import USER, timed
from mirror import wait_for

CAL = "/calendar/v3/calendars/primary"
LIST = CAL + "/events"


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
    """Python's requests writes True, and Google's reference does."""
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
