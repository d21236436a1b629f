"""Verification: drift in every direction is found, counted, told and repaired; what a change explains is no drift."""
import base64
import datetime
import gzip
import json
import os
import subprocess
import sys
from urllib.parse import parse_qsl

import pytest

from emulator import USER, all_day, timed
from failures import DAY_MS, EAGER, MINUTE_MS, Clock, rest, settle, title, wait_title
from mirror import BUILD, PATIENCE, TOP, wait_for

sys.path.insert(0, os.path.join(TOP, "tests", "clients"))
import expected  # noqa: E402  the oracle; it shares nothing with the engine under test


def verify(pair, *arguments):
    """(exit status, what it printed); with --json that is decoded."""
    done = subprocess.run([os.path.join(BUILD, "calmirror"), "verify", *arguments, "-c", pair.mirror.config_path],
                          capture_output=True, text=True, timeout=60 * PATIENCE)
    return done.returncode, json.loads(done.stdout) if "--json" in arguments else done.stdout + done.stderr


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def settled(pair, clock, events):
    """Events that are old enough not to be taken for changes under way."""
    for event in events:
        pair.google.insert(id=event, summary=event, **timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z"))
    pair.wait_equal(USER)
    clock.sleep(pair, 20 * MINUTE_MS)
    pair.google.insert(id="later000", summary="later000")
    pair.wait_equal(USER)
    settle(pair)
    rest(pair)


def drift(pair):
    """Changes that Google announces in no way: one event more, one less, one deleted, one edited."""
    events = {e["id"]: e for e in pair.emulator.dump(USER)}
    whole = events["changed0"]
    pair.emulator.put_raw_event(USER, {**whole, "id": "missing0", "summary": "missing0"}, silent=True)
    pair.emulator.put_raw_event(USER, {**whole, "summary": "other", "location": "Basel"}, silent=True)
    pair.emulator.put_raw_event(USER, {**events["deleted0"], "status": "cancelled"}, silent=True)
    pair.emulator.drop_event(USER, "dropped0")


FOUND = {"missing0": ("missing", {}), "deleted0": ("removed", {}), "dropped0": ("removed", {}),
         "changed0": ("changed", {"summary": ("changed0", "other"), "location": (None, "Basel")})}


def items_of(found):
    calendar, = found["calendars"]
    return {i["id"]: (i["what"], {f["field"]: (f.get("here"), f.get("google")) for f in i["fields"]})
            for i in calendar["events"]["items"]}


def test_on_demand(start, clock):
    """Asked for: the differences by id and field, repaired, exit status 1; the next time none, exit status 0."""
    pair = start(env=clock.env)
    settled(pair, clock, ["changed0", "deleted0", "dropped0", "same0000"])
    assert verify(pair, USER) == (0, f"test  {USER}  5 events compared, 0 differed\n")
    drift(pair)
    status, found = verify(pair, "--json")
    assert status == 1 and items_of(found) == FOUND
    pair.wait_equal(USER)
    assert title(pair, "changed0") == "other" and pair.collection(USER)["drift"] == 4
    assert pair.mirror.status()["totals"]["drift"] == 4
    log = pair.mirror.log_text()
    for event in FOUND:
        assert f"drift: event {event} " in log
    assert "changed0 differs from Google's: summary, location" in log and "Basel" not in log
    assert verify(pair)[0] == 0
    pair.emulator.put_raw_event(USER, {**pair.emulator.dump(USER)[0], "summary": "once more"}, silent=True)
    status, text = verify(pair, USER)
    assert status == 1 and '      summary: "other" here, "once more" at Google\n' in text
    assert pair.collection(USER)["drift"] == 5
    table = subprocess.run([os.path.join(BUILD, "calmirror"), "status", "-c", pair.mirror.config_path], capture_output=True,
                           text=True, timeout=60 * PATIENCE, check=True).stdout
    assert table.endswith("drift found so far: 5; see calmirror verify\n")
    assert verify(pair, "nobody@example.com")[0] == 67


def test_a_hole_that_was_never_told(start, clock):
    """An instance that is cancelled on one side alone is a difference while its series lives; a tombstone is none."""
    pair = start(env=clock.env)
    pair.google.insert(id="series00", recurrence=["RRULE:FREQ=DAILY;COUNT=5"],
                       **timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", "UTC"))
    settled(pair, clock, ["same0000"])
    hole = "series00_20260702T100000Z"
    pair.emulator.put_raw_event(USER, {"id": hole, "status": "cancelled", "recurringEventId": "series00",
                                       "originalStartTime": {"dateTime": "2026-07-02T10:00:00Z"}}, silent=True)
    pair.emulator.put_raw_event(USER, {"id": "never000", "status": "cancelled"}, silent=True)
    status, found = verify(pair, "--json")
    assert status == 1 and set(items_of(found)) == {hole}
    assert verify(pair)[0] == 0


def test_by_schedule(start, clock):
    """Once a week, without being asked."""
    pair = start(env=clock.env)
    settled(pair, clock, ["changed0", "deleted0", "dropped0"])
    drift(pair)
    clock.sleep(pair, 8 * DAY_MS)
    wait_for("the verification", lambda: pair.collection(USER)["drift"])
    pair.wait_equal(USER)
    assert pair.collection(USER)["drift"] == 4
    assert "listed (verification)" in pair.mirror.log_text()


@pytest.mark.parametrize("before", ["the first increment", "the listing"])
def test_a_series_that_comes_back_meanwhile(start, clock, before):
    """Its exceptions come back with it and no increment names them: they are asked for by a listing of their own, and no drift;
    and the verification does not wait for the next poll behind that."""
    pair = start(env=clock.env)
    settled(pair, clock, ["event000"])
    pair.google.insert(id="series00", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **timed(zone="UTC"))
    moved = pair.google.patch(USER, "series00_20260702T100000Z", **timed("2026-08-01T10:00:00Z", "2026-08-01T11:00:00Z"))["id"]
    pair.google.delete(USER, "series00")
    wait_for("the end", lambda: pair.mirror.all_events(USER).get("series00", {}).get("status") == "cancelled")
    clock.sleep(pair, 20 * MINUTE_MS)
    rest(pair)
    pair.emulator.set_pings(drop=True)
    pair.emulator.fault("GET */events", hold=True, count=1, skip=int(before == "the listing"))
    ask(pair)
    pair.emulator.wait_held()
    pair.google.patch(USER, "series00", status="confirmed")
    pair.emulator.release()
    wait_verified(pair)
    pair.wait_equal(USER)
    assert pair.mirror.all_events(USER)[moved]["status"] == "confirmed" and pair.collection(USER)["drift"] == 0


@pytest.mark.parametrize("at", ["the first page", "a later page", "the last increment"])
def test_changes_under_way_are_no_drift(start, clock, at):
    """Edits, deletes and inserts at each moment of a verification, announced or not: nothing is counted, all is there."""
    pair = start(env=clock.env)
    events = [f"event{n:03d}" for n in range(9)]
    settled(pair, clock, events)
    clock.turn(20 * MINUTE_MS)  # beside Google's, so that no change looks too young to be told of
    pair.emulator.set_pages(max_page=4)
    pair.emulator.set_pings(drop=True)  # of what happens now only increments tell
    pair.google.patch(USER, events[7], summary="before")
    queries = {"the first page": "*singleEvents=false&prettyPrint=false", "a later page": "*pageToken=*",
               "the last increment": "*syncToken=*"}
    pair.emulator.fault("GET */events", query=queries[at], hold=True, when="after" if at == "a later page" else None,
                        skip=at == "the last increment", count=1)
    asked = subprocess.Popen([os.path.join(BUILD, "calmirror"), "verify", USER, "-c", pair.mirror.config_path],
                             stdout=subprocess.PIPE, text=True)
    pair.emulator.wait_held()
    for event in events[:2] + events[-2:]:
        pair.google.patch(USER, event, summary="edited")
    for event in events[2:4] + events[-4:-2]:
        pair.google.delete(USER, event)
    pair.google.insert(summary="new")
    pair.emulator.release()
    output = asked.communicate(timeout=60 * PATIENCE)[0]
    assert asked.returncode == 0, output
    pair.wait_equal(USER)
    assert pair.collection(USER)["drift"] == 0


def ask(pair, **more):
    assert pair.mirror.request("POST", "/v1/verify", json.dumps({"calendar": USER, **more})).status == 202


def wait_verified(pair):
    wait_for("the verification", lambda: not pair.collection(USER)["verify"])


@pytest.mark.parametrize("meanwhile", ["it runs", "it fails", "nobody is there"])
def test_asked_for_while_one_is_under_way(start, clock, meanwhile):
    """What drifts behind the pages already read is found by the verification that is asked for then: the one under way is
    no answer to it."""
    pair = start(env=clock.env, sync={"backoff_min": "100ms", "backoff_max": "200ms"})
    settled(pair, clock, ["changed0", "deleted0", "dropped0", "same0000"])
    pair.emulator.set_pages(max_page=4)
    second = {"query": "*pageToken=*", "when": "after"}
    pair.emulator.fault("GET */events", count=-1 if meanwhile == "it fails" else 1,
                        **second, **({"status": 503} if meanwhile == "it fails" else {"hold": True}))
    ask(pair)
    wait_for("the second page", lambda: (pair.collection(USER)["listing"] or {}).get("pages") == 1)
    if meanwhile != "it fails":
        pair.emulator.wait_held()
    drift(pair)
    if meanwhile == "nobody is there":
        pair.mirror.kill()
        pair.emulator.release()
        pair.emulator.fault("GET */events", hold=True, count=1, **second)
        pair.mirror.start()
        pair.emulator.wait_held()
    ask(pair)
    pair.emulator.clear_faults()
    pair.emulator.release()
    wait_verified(pair)
    pair.wait_equal(USER)
    assert pair.collection(USER)["drift"] == 4


def test_two_that_ask(start, clock):
    """The second verification finds nothing any more, but who asked first is not told that nothing was found."""
    pair = start(env=clock.env)
    settled(pair, clock, ["changed0", "deleted0", "dropped0"])
    drift(pair)
    pair.emulator.fault("GET */events", query="*syncToken=*", skip=1, count=1, hold=True)
    first = subprocess.Popen([os.path.join(BUILD, "calmirror"), "verify", USER, "-c", pair.mirror.config_path],
                             stdout=subprocess.PIPE, text=True)
    pair.emulator.wait_held()
    ask(pair)
    pair.emulator.release()
    output = first.communicate(timeout=60 * PATIENCE)[0]
    assert first.returncode == 1 and " 0 differed\n    and 4 found meanwhile by another verification" in output


def test_a_listing_of_yesterday(start, clock):
    """A full listing that lags behind the increments: what it lacks is no drift, and is there again at once."""
    pair = start(env=clock.env)
    settled(pair, clock, ["edited00", "deleted0"])
    listing = next(r for r in pair.upstream("GET */events") if not r["sync_token"])
    old = pair.google.call("GET", f"/calendars/{USER}/events", dict(parse_qsl(listing["query"])))
    assert old["nextSyncToken"] and len(old["items"]) == 3
    pair.google.insert(id="inserted", summary="inserted")
    pair.google.patch(USER, "edited00", summary="edited")
    pair.google.delete(USER, "deleted0")
    pair.wait_equal(USER)
    rest(pair)
    clock.turn(30_000)  # settled for pings, not for replicas
    pair.emulator.fault("GET */events", query="*singleEvents=false&prettyPrint=false", status=200, body=old)
    assert verify(pair, USER)[0] == 0
    assert pair.emulator.faults()[0]["left"] == 0
    pair.wait_equal(USER)
    assert pair.collection(USER)["drift"] == 0


def test_too_much_to_judge_by(start, clock):
    """More changed than a pull holds: the listing repairs, whether it goes on or begins anew, and the verdict says why it cannot
    tell."""
    pair = start(env=clock.env, sync={"backoff_min": "100ms", "backoff_max": "200ms"})
    settled(pair, clock, ["changed0", "deleted0", "dropped0"])
    pair.emulator.set_pages(max_page=1)
    pair.emulator.fault("GET */events", count=-1, query="*pageToken=*", status=503)
    ask(pair)
    wait_for("the second page", lambda: (pair.collection(USER)["listing"] or {}).get("pages") == 1)
    pair.emulator.fault("GET */events", count=-1, query="*syncToken=*", status=503)
    drift(pair)
    for n in range(5):
        pair.emulator.put_raw_event(USER, {**pair.google.get(USER, "changed0"), "id": f"large{n:03d}",
                                           "description": "x" * (3500 << 10)})
    pair.emulator.clear_faults()
    wait_verified(pair)
    verdict = pair.mirror.get("/v1/verify").json["calendars"][0]["events"]
    assert (verdict["judged"], verdict["reason"]) == (False, "too much changed since the last increment")
    pair.wait_equal(USER)
    assert pair.collection(USER)["drift"] == 0


def test_nothing_to_judge_by(start, clock):
    """The token dies during a verification: repaired all the same, told so, nothing counted, not taken for success."""
    pair = start(env=clock.env, sync=EAGER)
    settled(pair, clock, ["changed0", "deleted0", "dropped0"])
    drift(pair)
    pair.emulator.fault("GET */events", query="*syncToken=*", skip=1, count=1, status=410, reason="fullSyncRequired")
    status, text = verify(pair, USER)
    assert status == 69 and "could not be judged: the sync token died" in text
    pair.wait_equal(USER)
    assert pair.collection(USER)["drift"] == 0


def test_repair_that_fails(start, clock):
    """The listing cannot be had: an error that names the reason, and the drift stays to be found."""
    pair = start(env=clock.env, sync={"backoff_min": "200ms", "backoff_max": "300ms"})
    settled(pair, clock, ["changed0", "deleted0", "dropped0"])
    drift(pair)
    pair.emulator.fault("GET */events", query="*singleEvents=false&prettyPrint=false", count=-1, status=503)
    status, text = verify(pair, USER)
    assert status == 69 and "503" in text
    pair.emulator.clear_faults()
    wait_for("the verification after all", lambda: pair.collection(USER)["drift"] == 4)
    wait_title(pair, "changed0", "other")
    assert not pair.collection(USER)["verify"]


# ---- instances ---------------------------------------------------------------------------------------

ZONE = "Europe/Zurich"
WINDOW = ("--from", "2026-06-01T00:00:00Z", "--to", "2026-12-01T00:00:00Z")
BOUNDS = [datetime.datetime(2026, month, 1, tzinfo=datetime.timezone.utc) for month in (6, 12)]


@pytest.fixture
def series(start, clock):
    """A calendar of series, deviations and single events, long settled; its instances by the oracle."""
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER]}],
             "calendars": [{"id": USER, "timeZone": ZONE}]}
    pair = start(world, env=clock.env)
    google, head = pair.google, timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z")
    google.insert(id="single00", summary="single", body=head)
    google.insert(id="repeat00", summary="weekly", body={
        **timed("2026-09-23T08:00:00", "2026-09-23T09:30:00", "America/New_York"),
        "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=WE,FR", "EXDATE;TZID=America/New_York:20260925T080000"]})
    google.insert(id="month000", body={**all_day("2026-07-30", "2026-08-01"), "recurrence": ["RRULE:FREQ=MONTHLY;COUNT=4"]})
    google.delete(USER, "repeat00_20261007T120000Z")
    moved = google.get(USER, "repeat00_20261028T120000Z")
    google.update(USER, moved["id"], {**moved, **timed("2026-10-29T20:00:00Z", "2026-10-29T21:00:00Z")})
    pair.wait_equal(USER)
    clock.sleep(pair, 20 * MINUTE_MS)
    settle(pair)
    rest(pair)
    return pair, expected.expanded(pair.emulator.dump(USER), ZONE, *BOUNDS)


def answer_instances(pair, items, **how):
    """What the emulator, which expands nothing, is to say to a list with singleEvents."""
    pair.emulator.clear_faults()
    pair.emulator.fault("GET */events", query="*singleEvents=true*", count=-1, status=200,
                        body={"kind": "calendar#events", "items": items}, **how)


def test_instances(series):
    """Ours are compared with Google's by id and field; what differs is told, exit status 1."""
    pair, items = series
    assert len(items) > 20
    pair.emulator.fault("GET */events", query="*singleEvents=true*pageToken=9*", count=-1, status=200, body={"items": items[9:]})
    pair.emulator.fault("GET */events", query="*singleEvents=true*", count=-1, status=200,
                        body={"items": items[:9], "nextPageToken": "9"})
    status, text = verify(pair, USER, "--instances", *WINDOW)
    assert status == 0 and f"test  {USER}  {len(items)} instances compared, 0 differed\n" in text
    wrong = [dict(i) for i in items if i["id"] != "repeat00_20261104T130000Z"]
    late = next(i for i in wrong if i["id"] == "repeat00_20261106T130000Z")
    late["start"] = {**late["start"], "dateTime": "2026-11-06T13:00:00+01:00"}
    late["etag"] = "another"  # is Google's own business
    wrong.append({**wrong[-1], "id": "repeat00_20261110T130000Z"})
    answer_instances(pair, wrong)
    status, found = verify(pair, "--instances", "--json", *WINDOW)
    instances = found["calendars"][0]["instances"]
    assert status == 1 and instances["differences"] == 3 and instances["judged"]
    assert [(i["id"][-16:], i["what"], [f["field"] for f in i["fields"]]) for i in instances["items"]] == [
        ("20261104T130000Z", "removed", []), ("20261106T130000Z", "changed", ["start.dateTime"]),
        ("20261110T130000Z", "missing", [])]
    assert found["calendars"][0]["events"]["differences"] == 0 and pair.collection(USER)["drift"] == 0
    query = pair.upstream("GET */events")
    assert "timeMin=2026-06-01T00:00:00.000Z&timeMax=2026-12-01T00:00:00.000Z" in [
        r for r in query if "singleEvents=true" in r["query"]][-1]["query"]


def test_instances_while_they_change(series, clock):
    """Google expanded before a series was edited and another deleted: their instances are left out."""
    pair, items = series
    clock.turn(20 * MINUTE_MS)
    answer_instances(pair, items, hold=True)
    asked = subprocess.Popen([os.path.join(BUILD, "calmirror"), "verify", "--instances", *WINDOW, "-c",
                              pair.mirror.config_path], stdout=subprocess.PIPE, text=True)
    pair.emulator.wait_held()
    pair.google.patch(USER, "repeat00", summary="edited")
    pair.google.delete(USER, "month000")
    pair.emulator.release()
    output = asked.communicate(timeout=60 * PATIENCE)[0]
    assert asked.returncode == 0, output


def test_a_change_while_instances_are_asked_for(series, clock):
    """The token dies just then: nothing can be judged, and the change does not wait for the next poll."""
    pair, items = series
    answer_instances(pair, items, hold=True)
    pings = pair.collection(USER)["pings"]
    asked = subprocess.Popen([os.path.join(BUILD, "calmirror"), "verify", "--instances", *WINDOW, "-c",
                              pair.mirror.config_path], stdout=subprocess.PIPE, text=True)
    pair.emulator.wait_held()
    pair.emulator.fault("GET */events", query="*syncToken=*", count=1, status=410, reason="fullSyncRequired")
    pair.google.patch(USER, "repeat00", summary="edited")
    wait_for("the notification", lambda: pair.collection(USER)["pings"] > pings)
    pair.emulator.release()
    assert "instances could not be judged: the sync token died" in asked.communicate(timeout=60 * PATIENCE)[0]
    assert pair.mirror.get("/v1/verify").json["calendars"][0]["instances"]["differences"] == 0
    clock.sleep(pair, 2 * MINUTE_MS)
    pair.wait_equal(USER)


def test_another_window_asked_for_meanwhile(series):
    """What Google expanded of one window is compared with the same of ours, and then the other window is."""
    pair, items = series
    july = [datetime.datetime(2026, month, 1, tzinfo=datetime.timezone.utc) for month in (7, 8)]
    fewer = expected.expanded(pair.emulator.dump(USER), ZONE, *july)
    assert 0 < len(fewer) < len(items)
    bounds = [{"min_ms": int(b[0].timestamp() * 1000), "max_ms": int(b[1].timestamp() * 1000)} for b in (BOUNDS, july)]
    for answer, query, how in [(items, "*timeMin=2026-06*", {"hold": True}), (fewer, "*timeMin=2026-07*", {})]:
        pair.emulator.fault("GET */events", query=query, status=200, body={"kind": "calendar#events", "items": answer}, **how)
    ask(pair, instances=True, **bounds[0])
    pair.emulator.wait_held()
    ask(pair, instances=True, **bounds[1])
    pair.emulator.release()
    wait_verified(pair)
    verdict = pair.mirror.get("/v1/verify").json["calendars"][0]["instances"]
    assert {k: verdict[k] for k in bounds[1]} == bounds[1] and verdict["differences"] == 0, verdict
    assert verdict["judged"] and verdict["compared"] == len(fewer)


def test_instances_that_cannot_be_compared(start):
    """Windows that make no sense are refused; a list that Google refuses for good is told, not tried for ever."""
    pair = start()
    for arguments, status, words in [
            (["--from", "2026-01-01"], 64, "go with --instances"), (["--instances", "--from", "soon"], 64, "is no time"),
            (["--instances", "--from", "2026-01-01", "--to", "2036-01-01"], 65, "too long"),
            (["--instances", "--from", "2026-01-02", "--to", "2026-01-01"], 65, "empty")]:
        done, text = verify(pair, USER, *arguments)
        assert done == status and words in text
    large = gzip.compress(json.dumps({"items": [{"id": "large", "description": "x" * (33 << 20)}]}).encode())
    for answer, why in [
            ({"status": 400, "reason": "badRequest"}, "events.list: 400"),
            ({"status": 200, "body": {"items": [], "nextPageToken": "again"}}, "the pages go in circles"),
            ({"status": 200, "body_base64": base64.urlsafe_b64encode(large).decode(), "headers": {"Content-Encoding": "gzip"}},
             "too many instances; choose a shorter window")]:
        pair.emulator.clear_faults()
        pair.emulator.fault("GET */events", query="*singleEvents=true*", count=-1, **answer)
        status, text = verify(pair, USER, "--instances")
        assert status == 69 and f"instances could not be judged: {why}" in text and not pair.collection(USER)["verify"]


@pytest.mark.parametrize("how", [{"status": 503}, {"status": 404, "reason": "notFound"}])
def test_instances_that_google_never_tells(start, how):
    """What Google refuses again and again is told to who asked for it, and not before; the calendar, whose pulls succeed, is well."""
    pair = start(sync={"backoff_min": "100ms", "backoff_max": "200ms"})
    pair.wait_equal(USER)
    pair.emulator.fault("GET */events", query="*singleEvents=true*", count=-1, **how)
    status, text = verify(pair, USER, "--instances")
    assert status == 69 and f"instances could not be judged: events.list: {how['status']}" in text
    calendar = pair.collection(USER)
    assert (calendar["verify"], calendar["fails"], calendar["last_error"]) == (False, 0, "")
    pair.emulator.clear_faults()
    pair.emulator.fault("GET */events", query="*singleEvents=true*", count=2, status=503)
    pair.emulator.fault("GET */events", query="*singleEvents=true*", count=1, status=200, body={"items": []})
    status, text = verify(pair, USER, "--instances")
    assert status == 0 and "0 instances compared, 0 differed" in text
