"""Failure cases of roles: what an account may see of a calendar becomes less, more, or is busy times alone."""
import json
import os
import subprocess
import time

import pytest

from emulator import USER, timed
from failures import HOUR_MS, MINUTE_MS, Clock, pulls, rest, settle, title, wait_title
from mirror import wait_for


def test_calendar_that_changes_during_its_first_listing(start):
    """T-CALLIST: between two pages of the first listing a calendar gets another zone, name and role of the account: its entry in
    the calendar list follows, and nothing stays as it was shown to the former role."""
    shared = "boss@example.com"
    secrets = [{"id": f"secret{i}", "visibility": "private", "summary": "x", **timed()} for i in range(4)]
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, shared]},
                       {"email": shared, "tokens": ["boss"]}],
             "calendars": [{"id": USER}, {"id": shared, "timeZone": "UTC", "events": secrets,
                                          "acl": [{"scope": {"type": "user", "value": USER}, "role": "writer"}]}]}

    def prepare(emulator):
        emulator.set_pages(max_page=2)
        emulator.fault(f"GET */{shared}/events", query="*pageToken=*", hold=True)

    pair = start(world, ready=False, prepare=prepare)
    pair.emulator.wait_held()
    boss = pair.emulator.client("boss")
    boss.call("PATCH", f"/calendars/{shared}", body={"timeZone": "Pacific/Kiritimati", "summary": "renamed"})
    boss.call("PATCH", f"/calendars/{shared}/acl/user:{USER}", body={"role": "reader"})
    pair.emulator.release()
    pair.mirror.wait_ready()

    def shown():
        entry = pair.mirror.get(f"/calendar/v3/users/me/calendarList/{shared}").json
        return entry["timeZone"], entry["summary"], entry["accessRole"]
    wait_for("the entry", lambda: shown() == ("Pacific/Kiritimati", "renamed", "reader"))
    wait_for("the veil", lambda: not any("summary" in e for e in pair.mirror.events(shared)))


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def test_role_that_shows_less(start):
    """T-CALLIST: who could see private events may not any more; the token lives on, and no delta names them."""
    shared = "boss@example.com"
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, shared]},
                       {"email": shared, "tokens": ["boss"]}],
             "calendars": [{"id": USER}, {"id": shared, "events": [{"id": "secret0", "visibility": "private", "summary": "x", **timed()}],
                                          "acl": [{"scope": {"type": "user", "value": USER}, "role": "writer"}]}]}
    pair = start(world)
    settle(pair, shared)
    assert title(pair, "secret0", shared) == "x"
    rules, boss = f"/calendars/{shared}/acl/user:{USER}", pair.emulator.client("boss")
    for role, expected in ("reader", None), ("writer", "x"):
        boss.call("PATCH", rules, body={"role": role})
        assert title(pair, "secret0", shared) != expected
        pair.emulator.ping(calendar=shared)
        wait_title(pair, "secret0", expected, calendar=shared)
        rest(pair)
        listings = len(pulls(pair, shared)[1])
        pair.emulator.ping(calendar=shared)
        settle(pair, shared)
        assert len(pulls(pair, shared)[1]) == listings  # once for each change of the role


def test_role_that_shows_instances_in_place_of_series(start):
    """T-CALLIST: reader, then freeBusyReader, then reader again. A delta across that would say that a series was deleted, for which
    a reader drops its instances; and then that the instances were, which hides them in the series. So the token is dead, the
    feed says reset, and the list is as Google has it."""
    shared = "boss@example.com"
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, shared]},
                       {"email": shared, "tokens": ["boss"]}],
             "calendars": [{"id": USER}, {"id": shared, "timeZone": "UTC", "events": [
                 {"id": "series00", "summary": "x", **timed("2026-07-01T09:00:00Z", "2026-07-01T10:00:00Z", "UTC"),
                  "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}],
                 "acl": [{"scope": {"type": "user", "value": USER}, "role": "reader"}]}]}
    pair = start(world)
    settle(pair, shared)
    events, boss = f"/calendar/v3/calendars/{shared}/events", pair.emulator.client("boss")
    instances = ["series00_20260701T090000Z", "series00_20260702T090000Z"]
    for role, expected in ("freeBusyReader", instances), ("reader", ["series00"]):
        token = pair.mirror.get(events).json["nextSyncToken"]
        cursor = pair.mirror.get("/v1/changes").json["cursor"]
        assert pair.mirror.get(events, syncToken=token).json["items"] == []
        boss.call("PATCH", f"/calendars/{shared}/acl/user:{USER}", body={"role": role})
        pair.emulator.ping(calendar=shared)
        wait_for(role, lambda: sorted(e["id"] for e in pair.mirror.events(shared)) == expected)
        rest(pair)
        assert pair.mirror.get(events).json["accessRole"] == role
        assert pair.mirror.get(events, syncToken=token).status == 410
        told = pair.mirror.get("/v1/changes", cursor=cursor, calendar=shared).json
        assert [c["type"] for c in told["items"]][:1] == ["reset"], told


@pytest.mark.parametrize("dies", [True, False])
def test_role_that_shows_busy_times_without_tokens(start, dies):
    """T-TOKEN-MISSING: a calendar that had tokens is shown as busy times alone, and gets none any more, whether the last one dies
    with the old role or not: its texts are not served for ever. When the role returns, so do the tokens."""
    shared = "boss@example.com"
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, shared]},
                       {"email": shared, "tokens": ["boss"]}],
             "calendars": [{"id": USER}, {"id": shared, "timeZone": "UTC", "events": [{"id": "single00", "summary": "secret", **timed()}],
                                          "acl": [{"scope": {"type": "user", "value": USER}, "role": "reader"}]}]}
    pair = start(world, sync={"backoff_min": "50ms", "backoff_max": "200ms"})
    settle(pair, shared)
    rules, boss = f"/calendars/{shared}/acl/user:{USER}", pair.emulator.client("boss")
    assert title(pair, "single00", shared) == "secret"
    pair.emulator.set_pages(tokenless=shared)
    if dies:
        pair.emulator.kill_tokens(calendar=shared)
    boss.call("PATCH", rules, body={"role": "freeBusyReader"})
    pair.emulator.ping(calendar=shared)
    wait_title(pair, "single00", None, calendar=shared)
    wait_for("the reason", lambda: "no sync token" in pair.collection(shared)["last_error"])
    rest(pair)
    pair.emulator.set_pages(tokenless=None)
    boss.call("PATCH", rules, body={"role": "reader"})
    pair.mirror.request("POST", "/v1/resync", json.dumps({"calendar": shared}))
    wait_title(pair, "single00", "secret", calendar=shared)
    rest(pair)
    assert not pair.collection(shared)["last_error"]


def test_calendar_for_which_google_gives_no_token(start, clock):
    """T-TOKEN-MISSING: one that never gets a sync token is listed in full now and then, and says its age and why. Once there are
    tokens, it is followed like any other."""
    shared = "boss@example.com"
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, shared]},
                       {"email": shared, "tokens": ["boss"]}],
             "calendars": [{"id": USER}, {"id": shared, "timeZone": "UTC", "events": [{"id": "first000", **timed()}],
                                          "acl": [{"scope": {"type": "user", "value": USER}, "role": "reader"}]}]}
    pair = start(world, env=clock.env, ready=False, sync={"backoff_min": "100ms", "backoff_max": "1s"},
                 prepare=lambda emulator: emulator.set_pages(max_page=1, tokenless=shared))
    boss = pair.emulator.client("boss")
    wait_for("the failure", lambda: any(c["calendar"] == shared and c["fails"] > 0 and c["state"] == "new"
                                        for c in pair.mirror.status()["collections"]))
    pair.mirror.wait_ready()

    def ids():
        return sorted(e["id"] for e in pair.mirror.events(shared))

    def listings():
        return len([r for r in pulls(pair, shared)[1] if "pageToken" not in r["query"]])
    settle(pair)
    settle(pair, shared)
    assert ids() == ["first000"]
    told = pair.collection(shared)
    assert told["fails"] == 0 and "no sync token" in told["last_error"]
    wait_for("health", lambda: pair.mirror.get("/readyz").json["health"]["state"] == "ok")
    boss.insert(shared, id="second00", body=timed())
    pair.emulator.wait_pings_done()
    clock.sleep(pair, 25 * MINUTE_MS)
    wait_for("rest", lambda: not pair.collection(shared)["running"] and pair.collection(shared)["due_in_ms"] > 0)
    before = listings()
    answer = pair.mirror.get(f"/calendar/v3/calendars/{shared}/events")
    assert ids() == ["first000"] and int(answer.headers["Age"]) >= 25 * 60 and pair.collection(shared)["dirty"]
    clock.sleep(pair, 5 * MINUTE_MS)
    wait_for("the next listing", lambda: ids() == ["first000", "second00"])
    rest(pair)  # the notification is answered by it
    assert int(pair.mirror.get(f"/calendar/v3/calendars/{shared}/events").headers["Age"]) < 60
    pair.mirror.stop()
    once = subprocess.run([pair.mirror.binary, "-c", pair.mirror.config_path, f"--resync={shared}"], env={**os.environ, **clock.env},
                          capture_output=True, text=True, timeout=60)
    assert once.returncode == 0, once.stderr
    pair.mirror.start()
    rest(pair)
    assert listings() == before + 2
    pair.emulator.set_pages(tokenless=None)
    clock.sleep(pair, 31 * MINUTE_MS)
    wait_for("the token", lambda: not pair.collection(shared)["last_error"])
    boss.delete(shared, "first000")
    wait_for("the increment", lambda: ids() == ["second00"])
    assert listings() == before + 3


def test_calendar_that_had_a_token_is_not_taken_without(start):
    """T-TOKEN-MISSING: listings without a token of a calendar that had one: the view stays, in error, until one has it."""
    pair = start(sync={"backoff_min": "50ms", "backoff_max": "200ms"})
    kept = pair.google.insert()["id"]
    pair.wait_equal(USER)
    settle(pair)
    pair.emulator.set_pages(tokenless=USER)
    pair.emulator.kill_tokens(calendar=USER)
    pair.google.delete(USER, kept)
    wait_for("more than two failures", lambda: pair.collection(USER)["fails"] > 4)
    assert [e["id"] for e in pair.mirror.events(USER)] == [kept]
    assert "no sync token" in pair.collection(USER)["last_error"]
    pair.emulator.set_pages(tokenless=None)
    pair.wait_equal(USER)
    rest(pair)
    assert not pair.collection(USER)["last_error"]


def test_calendar_of_which_only_busy_times_are_shown(start, clock):
    """T-CALLIST: with the role freeBusyReader Google lists instances without details, and of a series that is deleted no delta
    names all of them: what is left over goes with the next full listing, within the hour."""
    shared = "boss@example.com"
    near, far = (time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400)) for days in (20, 400))
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, shared]},
                       {"email": shared, "tokens": ["boss"]}],
             "calendars": [{"id": USER}, {"id": shared, "timeZone": "UTC", "events": [
                 {"id": "single00", "summary": "secret", **timed(f"{near}T09:00:00Z", f"{near}T10:00:00Z", "UTC")}],
                 "acl": [{"scope": {"type": "user", "value": USER}, "role": "freeBusyReader"}]}]}
    pair = start(world, env=clock.env)
    boss = pair.emulator.client("boss")

    def busy():
        window = {"timeMin": "2026-01-01T00:00:00Z", "timeMax": "2039-01-01T00:00:00Z"}
        answer = pair.mirror.request("POST", "/calendar/v3/freeBusy", json.dumps({**window, "items": [{"id": shared}]}))
        assert answer.status == 200, answer.body
        return [b["start"][:10] for b in answer.json["calendars"][shared]["busy"]]
    assert busy() == [near]
    assert "secret" not in json.dumps(pair.mirror.events(shared, singleEvents="true"))
    for name, day in ("near0000", near), ("far00000", far):
        boss.insert(shared, id=name, body={**timed(f"{day}T12:00:00Z", f"{day}T13:00:00Z", "UTC"),
                                           "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})
    clock.sleep(pair, 2 * MINUTE_MS)
    wait_for("the instances", lambda: len(busy()) == 7)
    clock.sleep(pair, 2 * HOUR_MS)
    rest(pair)
    boss.delete(shared, "near0000")
    boss.delete(shared, "far00000")
    clock.sleep(pair, 2 * MINUTE_MS)
    wait_for("the delta", lambda: near not in busy()[1:])
    clock.sleep(pair, HOUR_MS)
    wait_for("the rest", lambda: busy() == [near])
    assert pair.collection(shared)["drift"] == 0


def test_calendar_that_is_back_before_it_was_dropped(start):
    """T-CALLIST: whoever heard that it left is told of it anew, also when a listing that had begun before goes on."""
    other = "other@example.com"
    events = [{"id": f"event{i}", **timed()} for i in range(4)]
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, other]}],
             "calendars": [{"id": USER}, {"id": other, "owner": USER, "events": events}]}
    pair = start(world, sync={"backoff_min": "100ms", "backoff_max": "200ms"})
    settle(pair, other)
    rest(pair)
    path = f"/calendar/v3/calendars/{other}/events"
    pair.emulator.set_pages(max_page=2)
    pair.emulator.fault("GET */events", query="*pageToken=*", count=-1, status=500)
    pair.emulator.fault("POST */channels/stop", count=-1, status=500)
    assert pair.mirror.request("POST", "/v1/resync", f'{{"calendar": "{other}"}}').status < 300
    wait_for("the second page to fail", lambda: "page 2" in pair.collection(other)["last_error"])
    cursor = pair.mirror.get("/v1/changes").json["cursor"]

    def told():
        nonlocal cursor
        answer = pair.mirror.get("/v1/changes", cursor=cursor).json
        cursor = answer["cursor"]
        return [i.get("change", i["type"]) for i in answer["items"] if i.get("calendarId") == other]
    pair.google.call("DELETE", f"/users/me/calendarList/{other}")
    wait_for("it to leave", lambda: pair.mirror.get(path).status == 404)
    assert told() == ["removed"]
    pair.google.call("POST", "/users/me/calendarList", body={"id": other})
    wait_for("it to be back", lambda: pair.mirror.get(path).status == 503)
    pair.emulator.clear_faults()
    wait_for("its events", lambda: pair.mirror.get(path).status == 200)
    assert told() == ["added", "reset"]
