"""Failure cases of roles: what an account may see of a calendar becomes less, more, or is busy times alone."""
import json
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
