"""Failure cases of Google's answers: quota, refusals, hangs, rubbish; of credentials; of clocks."""
import json
import os
import time

import pytest

from emulator import USER, ServiceAccount
from failures import DAY_MS, EAGER, HOUR_MS, MINUTE_MS, Clock, event_channels, idle, rest, settle, title, wait_title
from mirror import wait_for
from pair import token_account
from test_metrics import scrape

LISTS = "GET */events"


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.mark.parametrize("status, reason, headers, least_ms", [
    (403, "rateLimitExceeded", {}, 500), (403, "userRateLimitExceeded", {}, 500), (403, "quotaExceeded", {}, 500),
    (429, "rateLimitExceeded", {}, 500), (429, "rateLimitExceeded", {"Retry-After": "2"}, 2000)])
def test_quota(start, status, reason, headers, least_ms):
    """T-QUOTA: calls are refused by rate: nothing of the account is asked for until the wait is over."""
    pair = start()
    event = pair.google.insert(summary="before")["id"]
    wait_title(pair, event, "before")
    rest(pair)
    pair.emulator.fault("GET */calendar/v3/*", status=status, reason=reason, headers=headers, count=1)
    pair.emulator.fault(LISTS, hold=True, count=1)
    pair.google.patch(USER, event, summary="after")
    pair.emulator.wait_held()  # the next attempt
    assert title(pair, event) == "before" and pair.collection(USER)["fails"] == 1
    pair.emulator.release()
    wait_title(pair, event, "after")
    calls = pair.upstream()
    struck = next(i for i, r in enumerate(calls) if r["status"] == status)
    assert calls[struck + 1]["time_ms"] - calls[struck]["time_ms"] >= least_ms - 20
    assert not pair.collection(USER)["last_error"]


def test_refusals_in_a_row(start):
    """T-QUOTA: refusals of each kind in a row, on all calls: each is waited out, and equality after the last."""
    pair = start(sync={"backoff_min": "50ms", "backoff_max": "400ms"})
    event = pair.google.insert(summary="0")["id"]
    wait_title(pair, event, "0")
    rest(pair)
    for status, reason in [(429, "rateLimitExceeded"), (403, "userRateLimitExceeded"), (403, "quotaExceeded")] * 2:
        pair.emulator.fault("GET */calendar/v3/*", status=status, reason=reason, count=1)
    calls = len(pair.upstream())
    pair.google.patch(USER, event, summary="1")
    wait_title(pair, event, "1")
    pair.wait_equal(USER)
    assert len(pair.upstream()) - calls <= 9
    assert pair.collection(USER)["fails"] == 0
    pair.emulator.fault("GET */calendar/v3/*", status=503, reason="backendError", count=3)
    pair.emulator.fault(LISTS, hold=True, count=1)
    pair.google.patch(USER, event, summary="2")
    pair.emulator.wait_held()
    assert pair.collection(USER)["fails"] == 3  # a retry of the same refusal counts
    pair.emulator.release()
    wait_title(pair, event, "2")
    assert pair.collection(USER)["fails"] == 0


def test_what_refusals_mean(start):
    """T-403-MEANING: 403 forbidden, 404 and 403 by rate on one of two calendars: one is retired, the others stay."""
    pair = start(prepare=lambda emulator: [emulator.api.call("POST", "/calendars", body={"summary": s})
                                           for s in ("Team", "Gone")], sync=EAGER)
    team, gone = sorted(c for c in pair.calendars() if c != USER)
    for calendar in (USER, team, gone):
        pair.google.insert(calendar, summary=calendar)
        pair.wait_equal(calendar)
    pair.emulator.fault(f"GET */calendars/{team}/events", status=404, reason="notFound", count=2)
    failures = pair.collection(team)["failures"]
    pair.google.insert(team, summary="while it was not found")
    wait_for("the failure", lambda: pair.collection(team)["failures"] > failures)
    assert pair.mirror.get(f"/calendar/v3/calendars/{team}/events").status == 200  # the list still has it
    pair.google.call("DELETE", f"/calendars/{gone}")
    wait_for("its end", lambda: pair.mirror.get(f"/calendar/v3/calendars/{gone}/events").status == 404)
    pair.wait_equal(team)
    pair.emulator.fault(f"GET */calendars/{team}/events", status=403, reason="forbidden", count=1)
    pair.google.insert(team, summary="while it was forbidden")
    pair.wait_equal(team)
    assert pair.mirror.status()["accounts"][0]["state"] == "ok"


@pytest.fixture(scope="module")
def robot():
    return ServiceAccount()


def robot_account(directory, robot, token_url, **options):
    path = os.path.join(str(directory), "key.json")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
        json.dump(robot.key_file(token_url), f)
    return {"key_file": path, "subject": USER, **options}


def robot_world(robot):
    return {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER]}], "calendars": [{"id": USER}],
            "service_accounts": [robot.seed()]}


@pytest.fixture
def robot_pair(start, tmp_path, robot):
    accounts = {}

    def prepare(emulator):
        accounts["test"] = robot_account(tmp_path, robot, emulator.token_url)
    return start(robot_world(robot), prepare=prepare, accounts=accounts, sync=EAGER)


def test_stale_access_token(robot_pair):
    """T-401: the access token is refused: one new token, one retry, no failure counted."""
    pair = robot_pair
    settle(pair)
    refreshed = len(pair.upstream("POST /token"))
    failures = pair.collection(USER)["failures"]
    pair.emulator.set_auth(revoke="tokens")
    pair.emulator.ping(calendar=USER)
    wait_for("a new token", lambda: len(pair.upstream("POST /token")) > refreshed)
    pair.wait_quiet(USER)
    assert len(pair.upstream("POST /token")) == refreshed + 1
    assert pair.collection(USER)["failures"] == failures


def runs(pair):
    return sum(scrape(pair.mirror)["calmirror_sync_runs_total"].samples.values())


def test_login_is_over(start, tmp_path, robot):
    """T-401: the grant is withdrawn: parked, told so, data served, Google left in peace, and back by itself."""
    accounts = {}

    def prepare(emulator):
        accounts["test"] = robot_account(tmp_path, robot, emulator.token_url)
    clock = Clock(tmp_path)
    pair = start(robot_world(robot), prepare=prepare, accounts=accounts, env=clock.env, sync=EAGER)
    settle(pair)
    event = pair.emulator.client("test-token").insert(summary="served")["id"]
    wait_title(pair, event, "served")
    pair.emulator.fault("POST /token", status=400, body={"error": "invalid_grant", "error_description": "revoked"}, count=-1)
    pair.emulator.set_auth(revoke="tokens", user=USER)
    wait_for("the account to need a login", lambda: pair.mirror.status()["accounts"][0]["state"] == "needs login")
    idle(pair)
    calls, before = len(pair.emulator.requests()), runs(pair)
    clock.turn(0, 10 * MINUTE_MS)  # assertions are judged by the real wall clock
    wait_for("a look at the credential", lambda: runs(pair) > before)
    idle(pair)
    assert title(pair, event) == "served"
    assert len(pair.emulator.requests()) == calls
    pair.emulator.clear_faults()
    clock.turn(0, 20 * MINUTE_MS)
    wait_for("the account to be back", lambda: pair.mirror.status()["accounts"][0]["state"] == "ok")


@pytest.mark.parametrize("fault", [{"hang": True}, {"trickle": {"bytes": 1, "every_ms": 200}}])
def test_hang(start, fault):
    """T-HANG: one calendar's answers never come, or byte by byte: another one does not wait for that, and it times out."""
    pair = start(prepare=lambda emulator: emulator.api.call("POST", "/calendars", body={"summary": "Well"}))
    well = next(c for c in pair.calendars() if c != USER)
    settle(pair)
    settle(pair, well)
    pair.emulator.fault(f"GET */calendars/{USER}/events", count=-1, **fault)
    sick = pair.google.insert(summary="sick")["id"]
    for n in range(3):
        event = pair.google.insert(well, summary=f"well {n}")["id"]
        wait_title(pair, event, f"well {n}", calendar=well)  # sooner than the deadline of a minute
    assert title(pair, sick) is None
    pair.mirror.stop()
    pair.mirror.sections["google"].update(request_timeout="1s", connect_timeout="1s")
    pair.mirror.write_config()
    pair.mirror.start()
    wait_for("the timeout", lambda: pair.collection(USER)["last_error"])
    pair.emulator.clear_faults()
    pair.emulator.release()
    wait_title(pair, sick, "sick")
    pair.wait_equal(USER)


@pytest.mark.parametrize("fault", [
    {"status": 502, "html": True}, {"status": 200, "html": True}, {"keep_bytes": 60}, {"keep_bytes": 0},
    {"truncate_bytes": 60}, {"drop": True},
    {"status": 200, "body": {"error": {"code": 500, "message": "no", "errors": [{"reason": "backendError"}]}}},
    {"status": 200, "body": {}}, {"status": 200, "body": "[]"}, {"status": 204, "body": ""},
    {"status": 200, "body_base64": "eyJpdGVtcyI6W3siaWQiOiL_"},
    {"status": 200, "content_type": "application/json", "body": "{\"items\":[" + "[" * 5000}])
def test_rubbish(start, fault):
    """T-HTML-ERROR: HTML, cut or empty answers, invalid UTF-8, errors that say 200: nothing of it is taken in."""
    pair = start(sync=EAGER)
    event = pair.google.insert(summary="before")["id"]
    pair.wait_equal(USER)
    settle(pair)
    before = pair.mirror.all_events(USER)
    pair.emulator.fault(LISTS, count=1, **fault)
    pair.google.patch(USER, event, summary="after")
    wait_for("the strike", lambda: any(r.get("fault") for r in pair.upstream(LISTS)))
    assert pair.mirror.all_events(USER) in (before, {**before, event: pair.google.get(USER, event)})
    pair.wait_equal(USER)
    wait_for("the error to be over", lambda: not pair.collection(USER)["last_error"])


def test_dead_accounts_among_living(start, tmp_path):
    """T-STARVE: 100 accounts, 97 of which hang or are refused: the three others are as quick as ever."""
    names = [f"u{i}" for i in range(100)]
    world = {"users": [{"email": f"{u}@example.com", "tokens": [u], "calendarList": [f"{u}@example.com"]} for u in names],
             "calendars": [{"id": f"{u}@example.com"} for u in names]}

    def prepare(emulator):
        for u in names[3:]:
            bad = {"hang": True} if int(u[1:]) % 8 == 0 else {"status": 401, "reason": "authError"}
            emulator.fault("*", user=f"{u}@example.com", count=-1, **bad)

    pair = start(world, accounts={u: token_account(tmp_path, u, u) for u in names}, ready=False, prepare=prepare)
    living = [f"{u}@example.com" for u in names[:3]]

    def live():
        return [c for c in pair.mirror.status()["collections"] if c["kind"] == "events" and c["calendar"] in living
                and (c["channel"] or {}).get("state") == "live"]
    wait_for("the living to be in step", lambda: len(live()) == 3)
    for u in names[:3] * 2:
        google = pair.emulator.client(u)
        event = google.insert(f"{u}@example.com", summary=f"of {u}")["id"]
        wait_for("the edit", lambda: title(pair, event, f"{u}@example.com"))  # sooner than the deadline of a minute


def test_half_of_the_accounts_hang(start, tmp_path):
    """T-STARVE-FIRST: every other one of 100 accounts gets no answer, within deadlines of a minute: the first contact of
    the others, and changes of theirs, do not wait for that, nor does one whose answers take a second."""
    names = [f"u{i:02}" for i in range(100)]
    world = {"users": [{"email": f"{u}@example.com", "tokens": [u], "calendarList": [f"{u}@example.com"]} for u in names],
             "calendars": [{"id": f"{u}@example.com"} for u in names]}

    def prepare(emulator):
        for u in names[1::2]:
            emulator.fault("*", user=f"{u}@example.com", count=-1, hang=True)
        emulator.fault("*", user=f"{names[0]}@example.com", count=2, delay_ms=1000)

    began = time.monotonic()
    pair = start(world, accounts={u: token_account(tmp_path, u, u) for u in names}, ready=False, prepare=prepare)
    living = {f"{u}@example.com" for u in names[::2]}

    def ready():
        return {c["calendar"] for c in pair.mirror.status()["collections"] if c["kind"] == "events" and c["state"] == "ready"}
    wait_for("those that answer at once", lambda: ready() | {f"{names[0]}@example.com"} == living)
    took = time.monotonic() - began
    wait_for("the slow one", lambda: ready() == living)
    slow = time.monotonic() - began
    google, waits = pair.emulator.client(names[2]), []
    for n in range(5):
        begin = time.monotonic()
        event = google.insert(f"{names[2]}@example.com", summary=f"edit {n}")["id"]
        wait_for("the edit", lambda: title(pair, event, f"{names[2]}@example.com"))
        waits.append(time.monotonic() - begin)
    print(f"\n50 of 100 accounts hang: the others listed after {took:.1f} s, a slow one after {slow:.1f} s; "
          f"then changes readable after {max(waits):.2f} s at most")
    wait_for("who hangs to be told", lambda: any("other accounts wait" in c["last_error"]
                                                 for c in pair.mirror.status()["collections"]))


def test_wall_clock_jumps(start, clock):
    """T-CLOCK: the wall clock jumps a day ahead, back, and a day back."""
    pair = start(env=clock.env)
    event = pair.google.insert(summary="0")["id"]
    wait_title(pair, event, "0")
    settle(pair)
    calls = len(pair.upstream())
    for n, jump in enumerate((DAY_MS, -DAY_MS, -DAY_MS, DAY_MS)):
        clock.turn(jump)
        pair.google.patch(USER, event, summary=str(n + 1))
        wait_title(pair, event, str(n + 1))
        answer = pair.mirror.get(f"/calendar/v3/calendars/primary/events/{event}")
        assert 0 <= int(answer.headers["Age"]) <= DAY_MS // 1000 + 5
        rest(pair)
        assert 0 <= pair.collection(USER)["due_in_ms"] <= 20 * MINUTE_MS
    assert len(pair.upstream()) - calls < 60
    assert len(event_channels(pair)) <= 2
    pair.wait_equal(USER)


def test_clock_that_was_ahead(start, clock):
    """T-CLOCK, T-FRESH-HONEST: what was pulled by a clock that is set back is of unknown age, not of none, until it is pulled again."""
    pair = start(env=clock.env)
    event = pair.google.insert(summary="0")["id"]
    wait_title(pair, event, "0")
    settle(pair)
    clock.turn(HOUR_MS)
    pair.google.patch(USER, event, summary="1")
    wait_title(pair, event, "1")
    settle(pair)
    pair.emulator.set_pings(drop=True)
    pair.google.patch(USER, event, summary="2")
    clock.turn(-HOUR_MS)
    path = f"/calendar/v3/calendars/primary/events/{event}"
    answer = pair.mirror.get(path)
    assert answer.json["summary"] == "1" and int(answer.headers["Age"]) > HOUR_MS // 1000
    wait_for("health to tell", lambda: "may be behind" in str(pair.mirror.get("/readyz").json["health"]))
    assert pair.collection(USER)["age_ms"] > HOUR_MS
    answer = pair.mirror.request("GET", path, headers={"Cache-Control": "max-age=600"})
    assert answer.json["summary"] == "2" and int(answer.headers["Age"]) <= 600
    assert pair.collection(USER)["age_ms"] < 10 * MINUTE_MS


def test_eight_days_asleep(start, clock):
    """T-SUSPEND: asleep for eight days: channels gone, tokens dead, edits unheard."""
    pair = start(env=clock.env)
    events = [pair.google.insert(summary=f"event {n}")["id"] for n in range(5)]
    pair.wait_equal(USER)
    settle(pair)
    pair.emulator.set_pings(drop=True)
    pair.google.delete(USER, events[0])
    pair.google.patch(USER, events[1], summary="edited")
    pair.google.insert(summary="new")
    pair.emulator.kill_tokens()
    pair.emulator.set_pings(drop=False)
    clock.sleep(pair, 8 * DAY_MS)
    pair.wait_equal(USER)
    settle(pair)
    assert len(event_channels(pair)) == 1
    assert "makes no progress" not in pair.mirror.log_text()  # whatever the clocks say of the time asleep


def test_wedged_worker(start, clock):
    """T-WATCHDOG: sync is wedged while reads are served: health turns bad, the watchdog starves; fed again when it goes on."""
    pair = start(env={**clock.env, "WATCHDOG_USEC": "6000000"}, google={"request_timeout": "1s", "connect_timeout": "1s"})
    settle(pair)

    def fed():
        """Whether it was since the last look."""
        pair.mirror.told.clear()
        pair.mirror.read_notifications()
        return "WATCHDOG=1" in pair.mirror.told
    wait_for("the watchdog to be fed", fed)
    wait_for("health", lambda: pair.mirror.get("/readyz").json["health"]["state"] == "ok")
    clock.wedge(True)
    event = pair.google.insert(summary="beyond reach")["id"]
    wait_for("a worker to hang", lambda: pair.collection(USER)["running"])
    clock.turn(40 * MINUTE_MS)
    wait_for("health to turn bad", lambda: "calendars that may be behind Google" in str(pair.mirror.get("/readyz").json["health"]))
    wait_for("the finding", lambda: "a sync worker makes no progress" in pair.mirror.log_text())
    fed()
    pair.mirror.notify.settimeout(3)  # it is fed every second and a half
    assert not fed() and pair.mirror.get("/calendar/v3/calendars/primary/events").status == 200
    pair.mirror.notify.settimeout(0.05)
    clock.wedge(False)
    wait_for("the watchdog to be fed again", fed)
    wait_title(pair, event, "beyond reach")
    assert "a sync worker makes progress again" in pair.mirror.log_text()
