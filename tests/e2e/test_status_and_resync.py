"""A resync: a real listing in full, beside the old view, asked of the service or done without it; and what the status
says meanwhile."""
import json
import os
import pty
import signal
import subprocess

import pytest

from emulator import TOKEN, USER, timed
from mirror import BUILD, LONG, PATIENCE, wait_for
from pair import token_account

DAEMON, CLI = os.path.join(BUILD, "calmirrord"), os.path.join(BUILD, "calmirror")
TEAM = "team@group.calendar.google.com"
PAGES = {"match": "GET */events", "query": "*pageToken*"}  # all but the first of a listing


@pytest.fixture
def pair(start):
    world = {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER, TEAM]}],
             "calendars": [{"id": USER}, {"id": TEAM, "owner": USER}]}
    pair = start(world=world, sync={"backoff_min": "10ms", "backoff_max": "100ms"})
    pair.emulator.set_pages(max_page=3)
    for i in range(10):
        pair.google.insert(summary=f"event {i}")
    pair.google.insert(TEAM, summary="of the team")
    for calendar in (USER, TEAM):
        pair.wait_live(calendar)
        pair.wait_equal(calendar)
        pair.wait_quiet(calendar)
    pair.emulator.clear_requests()
    return pair


def spawn(pair, program, *arguments, **options):
    return subprocess.Popen([program, *arguments, "-c", pair.mirror.config_path], text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def done(process, status=0):
    out, err = process.communicate(timeout=60 * PATIENCE)
    assert process.returncode == status, (process.returncode, out, err)
    return out + err


def run(pair, program, *arguments, status=0):
    return done(spawn(pair, program, *arguments), status)


def listings(pair, calendar="*"):
    """How many listings in full were begun: requests with neither a sync nor a page token."""
    return len([r for r in pair.upstream(f"GET *calendars/{calendar}/events") if not r["sync_token"] and not r["page_token"]])


def change_unseen(pair):
    """Changes of every kind that the mirror is not told of."""
    pair.emulator.set_pings(drop=True)
    before = pair.mirror.all_events(USER)
    first, second = sorted(before)[:2]
    pair.google.patch(USER, first, summary="changed")
    pair.google.delete(USER, second)
    pair.google.insert(summary="new")
    assert pair.mirror.all_events(USER) == before
    return before


def finish(pair):
    pair.emulator.clear_faults()
    pair.emulator.release()


@pytest.mark.parametrize("program, arguments", [(DAEMON, ["--resync"]), (DAEMON, [f"--resync={USER}"]), (CLI, ["resync", "--wait"]),
                                                (CLI, ["resync", "primary", "--wait"])])
def test_the_service_is_asked_and_serves_the_old_view_meanwhile(pair, program, arguments):
    old = change_unseen(pair)
    pair.emulator.fault(hold=True, count=-1, **PAGES)
    process = spawn(pair, program, *arguments)
    pair.emulator.wait_held()
    shown = pair.collection(USER)
    assert shown["state"] == "ready" and shown["resync"] and shown["listing"]["reason"] == "asked for"
    assert shown["listing"]["items"] == 3
    for _ in range(3):
        assert pair.mirror.all_events(USER) == old
    assert process.poll() is None
    finish(pair)
    told = done(process)
    assert f"{USER}  10 items" in told
    assert not pair.difference(USER)
    assert listings(pair, USER) == 1 and listings(pair, TEAM) == (0 if "primary" in arguments or "=" in arguments[0] else 1)
    shown = pair.collection(USER)
    assert not shown["resync"] and shown["listing"] is None and shown["last_error"] == ""


def test_a_second_request_joins_the_first(pair):
    change_unseen(pair)
    pair.emulator.fault(hold=True, count=-1, **PAGES)
    run(pair, CLI, "resync", USER)
    pair.emulator.wait_held()
    asked = pair.mirror.request("POST", "/v1/resync", json.dumps({"calendar": USER}))
    assert asked.status == 202 and [c["joined"] for c in asked.json["collections"]] == [True]
    run(pair, CLI, "resync", "primary")
    before, ours = pair.mirror.status()["totals"]["requests"], 0

    def someone_else_asked():
        nonlocal ours
        ours += 1
        return pair.mirror.status()["totals"]["requests"] > before + ours

    waiting = spawn(pair, DAEMON, f"--resync={USER}")
    wait_for("the daemon's command to have asked", someone_else_asked)
    finish(pair)
    done(waiting)
    pair.wait_quiet(USER)
    assert listings(pair, USER) == 1 and not pair.difference(USER)
    asked = pair.mirror.request("POST", "/v1/resync", json.dumps({"calendar": USER}))
    assert [c["joined"] for c in asked.json["collections"]] == [False]
    wait_for("another listing", lambda: listings(pair, USER) == 2)


def test_a_request_outlives_a_crash(pair):
    old = change_unseen(pair)
    pair.emulator.fault(hold=True, count=-1, **PAGES)
    asked = pair.mirror.request("POST", "/v1/resync", json.dumps({"calendar": USER}))
    assert asked.status == 202
    pair.emulator.wait_held()
    pair.mirror.kill()
    finish(pair)
    pair.emulator.fault("GET */events", hold=True, count=-1)
    pair.mirror.start()
    pair.emulator.wait_held()
    assert pair.mirror.all_events(USER) == old and pair.collection(USER)["resync"]
    finish(pair)
    wait_for("the resync", lambda: not pair.collection(USER)["resync"])
    assert not pair.difference(USER)


def test_without_a_service_it_is_done_here(pair):
    change_unseen(pair)
    pair.mirror.stop()
    channels = {c["id"] for c in pair.emulator.channels()}
    pair.emulator.clear_requests()
    run(pair, DAEMON, "--resync")
    assert listings(pair, USER) == listings(pair, TEAM) == 1
    assert not [r for r in pair.upstream() if r["method"] == "POST"]  # no channel opened or stopped
    assert {c["id"] for c in pair.emulator.channels()} == channels
    pair.mirror.start()
    assert not pair.difference(USER) and not pair.difference(TEAM)
    pair.wait_quiet(USER)
    assert listings(pair) == 2  # the service goes on with the token


def test_without_a_service_one_calendar_alone(pair):
    change_unseen(pair)
    pair.mirror.stop()
    pair.emulator.clear_requests()
    run(pair, DAEMON, f"--resync={USER}")
    assert (listings(pair, USER), listings(pair, TEAM)) == (1, 0)
    pair.mirror.start()
    assert not pair.difference(USER)


def test_without_a_service_into_an_empty_directory(pair, tmp_path):
    pair.mirror.stop()
    pair.mirror.sections["mirror"]["state_dir"] = str(tmp_path / "empty")
    pair.mirror.write_config()
    pair.emulator.clear_requests()
    run(pair, DAEMON, "--resync")
    assert not [r for r in pair.upstream() if r["method"] == "POST"]  # nobody would hear what a channel tells
    pair.mirror.start()
    assert not pair.difference(USER) and not pair.difference(TEAM)


def test_a_calendar_that_is_not_there(pair):
    for up in (True, False):
        if not up:
            pair.mirror.stop()
        told = run(pair, DAEMON, "--resync=nobody@example.com", status=67)
        assert up or "nobody@example.com" in told
    assert listings(pair) == 0


def test_failure_is_said_and_the_old_view_stays(pair):
    old = pair.mirror.all_events(USER)
    pair.emulator.fault("GET */events", status=503, count=-1)
    assert "503" in run(pair, DAEMON, "--resync", status=69)
    assert pair.mirror.all_events(USER) == old
    pair.mirror.stop()
    assert "503" in run(pair, DAEMON, f"--resync={USER}", status=69)
    pair.emulator.clear_faults()
    pair.emulator.fault("GET */events", status=503, count=2)
    run(pair, DAEMON, f"--resync={USER}")  # it is tried three times
    pair.mirror.start()
    assert pair.mirror.all_events(USER) == old
    wait_for("what is still owed", lambda: not pair.collection(USER)["resync"])
    assert pair.mirror.all_events(USER) == old


def test_a_parked_account_is_not_waited_for(pair):
    pair.emulator.set_auth(revoke="grants", user=USER)
    pair.emulator.set_auth(revoke="tokens", user=USER)
    told = run(pair, CLI, "resync", "--wait", status=69)
    assert USER in told
    accounts = json.loads(run(pair, CLI, "status", "--json"))["accounts"]
    assert accounts[0]["state"] == "needs login" and accounts[0]["reason"]
    assert len(pair.mirror.all_events(USER)) == 10
    pair.mirror.stop()
    assert "its account needs attention" in run(pair, DAEMON, "--resync", status=69)


def test_two_do_not_fight_for_the_directory(pair):
    pair.mirror.stop()
    pair.emulator.fault(hold=True, count=-1, **PAGES)
    process = spawn(pair, DAEMON, "--resync")
    pair.emulator.wait_held()
    told = run(pair, DAEMON, status=69)  # a service
    assert "another calmirrord runs on this state directory" in told
    pair.mirror.api.close()
    told = run(pair, DAEMON, "--resync", status=69)  # one that finds the other busy, and nobody to ask
    assert "calmirrord" in told
    finish(pair)
    done(process)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ended_halfway_without_a_service(pair, how):
    old = change_unseen(pair)
    pair.mirror.stop()
    pair.emulator.fault(hold=True, count=-1, **PAGES)
    process = spawn(pair, DAEMON, "--resync")
    pair.emulator.wait_held()
    process.send_signal(how)
    assert process.wait(LONG * PATIENCE) != 0  # it does not wait for the answer, which never comes
    process.stdout.close()
    process.stderr.close()
    pair.mirror.start()  # still held: nothing but the old view can be served
    assert pair.mirror.all_events(USER) == old
    finish(pair)
    pair.emulator.set_pings(drop=False)
    wait_for("the rest of it", lambda: not pair.collection(USER)["resync"])
    pair.wait_equal(USER)


def test_progress_on_a_terminal(pair):
    pair.mirror.stop()
    master, slave = pty.openpty()
    process = subprocess.Popen([DAEMON, "-c", pair.mirror.config_path, "--resync"], stdin=slave, stdout=slave, stderr=slave,
                               env={**os.environ, "TERM": "xterm"})
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 4096):
            shown += part
    except OSError:  # EIO: the program has ended
        pass
    os.close(master)
    assert process.wait(LONG * PATIENCE) == 0
    assert b"resync [" in shown and b"calendars" in shown


def test_status_tells_what_goes_wrong(pair):
    told = json.loads(run(pair, CLI, "status", "--json"))
    assert told["version"] and told["uptime_ms"] > 0 and told["stopping"] is False
    shown = next(c for c in told["collections"] if c["calendar"] == USER and c["kind"] == "events")
    assert shown["live_items"] == 10 and shown["channel"]["state"] == "live" and 0 <= shown["age_ms"] < 60_000 * PATIENCE
    assert shown["fresh_ms"] >= shown["full_ms"] > 0 and shown["version"] > 0 and shown["pulls"] >= 1
    pair.emulator.fault("GET */events", status=500, reason="backendError", message="Backend Error", count=-1)
    pair.google.insert(body=timed(), summary="seen late")
    wait_for("the failure", lambda: "500" in pair.collection(USER)["last_error"])
    lines = run(pair, CLI, "status").splitlines()
    assert any(USER in line and "500" in line for line in lines)
    assert pair.collection(USER)["dirty"] and pair.collection(USER)["fails"] >= 1
    pair.emulator.clear_faults()
    pair.wait_equal(USER)
    wait_for("the error to be gone", lambda: pair.collection(USER)["last_error"] == "" and not pair.collection(USER)["dirty"])


def test_status_of_the_service_that_is_not_there(pair):
    pair.mirror.stop()
    pair.mirror.api.close()
    told = run(pair, CLI, "status", "--json", status=69)
    assert str(pair.mirror.api_port) in told
    told = run(pair, CLI, "resync", "--wait", status=69)
    assert str(pair.mirror.api_port) in told


def test_two_accounts_have_a_view_each(start, tmp_path):
    world = {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER]},
                       {"email": "you@example.com", "tokens": ["yours"], "calendarList": ["you@example.com", USER]}],
             "calendars": [{"id": USER, "acl": [{"scope": {"type": "user", "value": "you@example.com"}, "role": "reader"}]},
                           {"id": "you@example.com"}]}
    pair = start(world=world, accounts={"me": token_account(tmp_path, name="a"),
                                        "you": token_account(tmp_path, "yours", name="b")})
    wait_for("both rosters", lambda: len([c for c in pair.mirror.status()["collections"] if c["kind"] == "events"]) == 3)
    pair.mirror.wait_ready()
    told = run(pair, CLI, "resync", "--wait", "--account", "you")
    assert "you  you@example.com  0 items" in told and "me  " not in told
    told = run(pair, CLI, "resync", USER, "--wait")  # in both accounts
    assert f"me  {USER}  0 items" in told and f"you  {USER}  0 items" in told


def test_the_page_calls_calendars_by_their_names(start):
    """As the account calls them, else as their owner does; the id beside it, and alone where it is the name."""
    other = "c_1@group.calendar.google.com"
    world = {"users": [{"email": USER, "tokens": [TOKEN],
                        "calendarList": [USER, {"id": TEAM, "summaryOverride": "Ours & <theirs>"}, other]}],
             "calendars": [{"id": USER, "summary": USER}, {"id": TEAM, "owner": USER, "summary": "Team"},
                           {"id": other, "owner": USER, "summary": "Board \u202e"}]}
    pair = start(world=world)
    rows = pair.mirror.get("/").body.decode().split("<tr>")[2:]
    titles = [row.split("<bdi>")[1].split("<td>")[0] for row in rows]
    assert sorted(titles) == sorted([f"{USER}</bdi></a>", f"Ours &amp; &lt;theirs></bdi></a><small>{TEAM}</small>",
                                     f"Board \u202e</bdi></a><small>{other}</small>"])
    assert all(row.startswith('<th scope=row><a href="/calendar/v3/calendars/') for row in rows)
