"""The change feed and calendars that the configuration leaves out: for whoever follows it they are not there."""
from emulator import TOKEN, USER
from mirror import wait_for
from pair import token_account
from test_access import reload
from test_stream import Stream

TEAM, SECRET = "team@example.com", "secret@example.com"
WORLD = {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER, TEAM, SECRET]}],
         "calendars": [{"id": i, "owner": USER, "events": [{"id": "e" * 6, "start": {"date": "2026-07-01"}, "end": {"date": "2026-07-02"}}]}
                       for i in (USER, TEAM, SECRET)]}


def exclude(mirror, calendars):
    mirror.sections["account test"]["exclude"] = calendars
    mirror.write_config()
    reload(mirror)


def entries(mirror, cursor):
    """(type, calendar, change) of each entry behind the cursor, and the next cursor."""
    page = mirror.get("/v1/changes", cursor=cursor).json
    assert not page["more"]
    return [(e["type"], e["calendarId"], e.get("change")) for e in page["items"]], page["cursor"]


def test_it_leaves_and_comes_back(start):
    """Pages and streams tell of a calendar that a reload excludes as of one that left, and meanwhile nothing of it."""
    pair = start(WORLD)
    mirror, cursor = pair.mirror, pair.mirror.get("/v1/changes").json["cursor"]
    stream = Stream(mirror).until_event("hello")
    exclude(mirror, SECRET)
    stream.until_event("calendar", calendarId=SECRET, change="removed")
    told, gone = entries(mirror, cursor)
    assert told == [("calendar", SECRET, "removed")]
    pair.google.call("PATCH", f"/calendars/{SECRET}", body={"summary": "not for you"})
    pair.google.call("PATCH", f"/users/me/calendarList/{TEAM}", body={"summaryOverride": "for you"})
    stream.until_event("calendar", calendarId=TEAM)
    assert entries(mirror, gone)[0] == [("calendar", TEAM, "updated")]
    exclude(mirror, "nobody@example.com")
    stream.until_event("calendar", calendarId=SECRET, change="added").until_event("reset", calendarId=SECRET)
    assert stream.of("calendar")[-1]["summary"] == "not for you"
    assert ("calendar", SECRET, "added") in entries(mirror, gone)[0]
    assert "not for you" not in str(stream.events[:-2])
    stream.close()


def test_it_was_never_there(start, tmp_path):
    """Neither who begins at the beginning nor who was there before hears of what is left out all along."""
    pair = start(WORLD, accounts={"test": token_account(tmp_path, exclude="*secret*")})
    mirror, late = pair.mirror, "late-" + SECRET
    assert SECRET not in str(mirror.get("/v1/changes", cursor="0").json)
    cursor = mirror.get("/v1/changes").json["cursor"]
    pair.emulator.seed({"calendars": [{"id": late, "owner": USER}]})
    pair.google.call("POST", "/users/me/calendarList", body={"id": late})
    pair.google.call("PATCH", f"/users/me/calendarList/{TEAM}", body={"summaryOverride": "for you"})
    wait_for("the change", lambda: entries(mirror, cursor)[0])
    assert entries(mirror, cursor)[0] == [("calendar", TEAM, "updated")]
