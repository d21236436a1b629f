"""What is wrong with an account: its state, the sentence that says what to do, one line in the log, and the way back."""
import json
import os
import resource
import signal

import pytest

from emulator import TOKEN, USER, ServiceAccount
from failures import DAY_MS, EAGER, HOUR_MS, Clock, idle, settle, wait_title
from mirror import wait_for
from pair import token_account
from people import google_section, oauth_account, private_file, sign_in, world

ENABLE = "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com"


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(scope="module")
def robot():
    return ServiceAccount()


def robot_start(start, tmp_path, robot, calendars=(), **options):
    """A mirror whose account is a service account that acts for USER."""
    emulated = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, *calendars]}],
                "calendars": [{"id": USER}, *({"id": c, "owner": USER} for c in calendars)],
                "service_accounts": [robot.seed()]}
    accounts = {}

    def prepare(emulator):
        key = private_file(tmp_path / "key.json", robot.key_file(emulator.token_url))
        accounts["work"] = {"key_file": key, "subject": USER}
    return start(emulated, accounts=accounts, prepare=prepare, **{"sync": EAGER, **options})


def account(pair):
    return pair.mirror.status()["accounts"][0]


def wait_state(pair, state):
    return wait_for(f"the account to be {state}", lambda: account(pair)["state"] == state and account(pair))


def told(pair, words):
    """How many lines of the log say so."""
    return sum(words in line for line in pair.mirror.log_text().splitlines())


def test_the_scope_is_missing(start, tmp_path):
    emulated = world()
    emulated["users"][0]["tokens"].append(
        {"token": "narrow-token", "scope": "https://www.googleapis.com/auth/calendar.settings.readonly"})
    path = private_file(tmp_path / "narrow", "narrow-token")
    pair = start(emulated, accounts={"work": {"token_file": path}}, ready=False, sync=EAGER)
    reason = wait_state(pair, "scope missing")["reason"]
    assert "lacks the scope" in reason and reason.endswith(f"put a new token into {path}")
    assert told(pair, "account work is parked: scope missing") == 1
    assert told(pair, "narrow-token") == 0


def test_the_api_is_disabled_and_enabled(start, tmp_path, robot, clock):
    pair = robot_start(start, tmp_path, robot, env=clock.env)
    settle(pair)
    event = pair.google.insert(summary="as it was when it worked")["id"]
    wait_title(pair, event, "as it was when it worked")
    pair.emulator.fault("GET */calendar/v3/*", status=403, reason="accessNotConfigured", domain="usageLimits", count=-1)
    pair.emulator.ping(calendar=USER)
    reason = wait_state(pair, "API disabled")["reason"]
    assert "not enabled" in reason and ENABLE in reason
    answer = pair.mirror.get(f"/calendar/v3/calendars/primary/events/{event}")
    assert answer.json["summary"] == "as it was when it worked"
    idle(pair)  # what is under way when the clock turns parks the account anew, for another quarter of an hour
    before = len(pair.emulator.requests())
    clock.turn(HOUR_MS, HOUR_MS)  # by now no poll can have missed: what is served says that it is stale
    answer = wait_for("the age", lambda: (a := pair.mirror.get(f"/calendar/v3/calendars/primary/events/{event}"))
                      and int(a.headers["Age"]) >= 3600 and a)
    assert answer.status == 200 and "ttl=-3" in answer.headers["Cache-Status"]
    # What is tried now fails: that must not be told after the next turn, and count from then on.
    wait_for("another try", lambda: len(pair.emulator.requests()) > before)
    idle(pair)
    pair.emulator.clear_faults()
    clock.turn(-HOUR_MS, HOUR_MS)
    wait_state(pair, "ok")
    assert told(pair, "account work is parked: API disabled") == 1 and told(pair, "account work works again") == 1


def test_the_clock_is_wrong(start, tmp_path, robot, clock):
    """Neither parked nor taken for a revoked key: right when the clock is."""
    clock.turn(2 * HOUR_MS)
    pair = robot_start(start, tmp_path, robot, env=clock.env, ready=False)
    reason = wait_state(pair, "clock skew")["reason"]
    assert "ahead of Google's: set the time" in reason
    wait_for("further attempts", lambda: len(pair.upstream("POST /token")) > 4)
    assert told(pair, "account work: clock skew: ") == 1 and told(pair, "is parked") == 0
    clock.turn(-2 * HOUR_MS)
    wait_state(pair, "ok")
    pair.mirror.wait_ready()


def test_the_clock_is_wrong_and_nobody_minds(start, clock):
    """A bearer token has no time in it: everything works, and the log says once what is wrong by how much."""
    clock.turn(-HOUR_MS)
    pair = start(env=clock.env, sync=EAGER)
    settle(pair)
    assert account(pair)["state"] == "ok"
    assert told(pair, "clock is 1h behind Google's: set the time") == 1
    clock.turn(HOUR_MS)
    pair.emulator.ping(calendar=USER)
    wait_for("the word", lambda: told(pair, "clock agrees with Google's again") == 1)


def test_many_calendars_find_out_at_once(start, tmp_path, robot):
    """A grant that ends is found out by all workers: one line in the log; and a token that ends is fetched once."""
    calendars = [f"team{n}@group.calendar.google.com" for n in range(24)]
    pair = robot_start(start, tmp_path, robot, calendars, mirror={"workers": "16"})
    for calendar in (USER, *calendars):
        pair.wait_live(calendar)
    fetched = len(pair.upstream("POST /token"))
    pair.emulator.set_auth(revoke="tokens", user=USER)
    for calendar in calendars:
        pair.emulator.ping(calendar=calendar)
    wait_for("a new token", lambda: len(pair.upstream("POST /token")) > fetched)
    pair.emulator.wait_pings_done()
    for calendar in calendars:
        pair.wait_quiet(calendar)
    assert len(pair.upstream("POST /token")) == fetched + 1
    assert account(pair)["state"] == "ok"
    pair.emulator.fault("POST /token", status=400, count=-1, body={
        "error": "invalid_grant", "error_description": "Invalid email or User ID"})
    pair.emulator.set_auth(revoke="tokens", user=USER)
    for calendar in calendars:
        pair.emulator.ping(calendar=calendar)
    assert "not a user of the Workspace domain" in wait_state(pair, "needs login")["reason"]
    for calendar in calendars:
        wait_for("it to rest", lambda c=calendar: not pair.collection(c)["running"])
    assert told(pair, "account work is parked: needs login") == 1


def test_a_new_key_in_the_same_file(start, tmp_path, robot, clock):
    """The key is deleted at Google; another one in its place is used without a restart or a word to the service."""
    pair = robot_start(start, tmp_path, robot, env=clock.env)
    event = pair.google.insert(summary="by the first key")["id"]
    wait_title(pair, event, "by the first key")
    other = ServiceAccount(email="other@project.iam.gserviceaccount.com")
    with open(private_file(tmp_path / "key.json", {**robot.key_file(pair.emulator.token_url),
                                                   "private_key": other.private_pem}), encoding="ascii") as f:
        assert json.load(f)["client_email"] == robot.email
    pair.emulator.set_auth(revoke="tokens", user=USER)
    pair.emulator.ping(calendar=USER)
    assert "create a new key" in wait_state(pair, "needs login")["reason"]
    idle(pair)  # what is under way when the clock turns looks a minute later
    pair.emulator.seed({"service_accounts": [other.seed()]})
    private_file(tmp_path / "key.json", other.key_file(pair.emulator.token_url))
    clock.turn(0, 61 * 1000)  # the file is looked at once a minute
    wait_state(pair, "ok")


def test_a_consent_screen_in_testing(start, tmp_path, clock):
    """Such a login ends after seven days: said when it is made, and again when it is over."""
    google = {}

    def prepare(emulator):
        google.update(google_section(emulator))
        emulator.control("POST", "auth", {"refresh_life_s": 7 * 86400 - 1})
    pair = start(world(), accounts={"work": oauth_account(tmp_path)}, ready=False, prepare=prepare, google=google,
                 env=clock.env, sync=EAGER)
    assert sign_in(pair.mirror, "work")["expires_ms"] > 0
    pair.mirror.wait_ready()
    clock.sleep(pair, 7 * DAY_MS)
    reason = wait_state(pair, "needs login")["reason"]
    assert "7 days" in reason and "\"Testing\"" in reason and reason.endswith("run `calmirror login --account work`")
    sign_in(pair.mirror, "work")
    wait_state(pair, "ok")


@pytest.mark.parametrize("accounts", ["the same", "one less"])
def test_a_reload_while_nothing_can_be_written(start, tmp_path, accounts):
    """What a reload excludes goes as soon as that can be written down: a list that was read and not stored answers nothing."""
    pair = start(sync=EAGER, accounts={name: token_account(tmp_path, name=name) for name in ("test", "spare")},
                 world={"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER, "ny@example.com"]}],
                        "calendars": [{"id": USER}, {"id": "ny@example.com", "owner": USER}]})

    def served():
        return pair.mirror.get("/calendar/v3/calendars/ny@example.com/events").status == 200
    assert served()
    for name in ("test", "spare"):
        pair.mirror.sections[f"account {name}"]["exclude"] = "ny@example.com"
    if accounts == "one less":
        del pair.mirror.sections["account spare"]
    pair.mirror.write_config()
    pid = pair.mirror.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (8192, before[1]))
    pair.google.insert(USER)
    wait_for("the trouble", lambda: "File too large" in pair.mirror.status()["store"].get("trouble", ""))
    pair.mirror.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: pair.mirror.read_notifications() or pair.mirror.told.count("READY=1") == 2)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    wait_for("the calendar to go", lambda: not served())


def test_a_start_while_nothing_can_be_written(start, tmp_path):
    """New accounts that cannot be written down yet keep nobody from reading the others; they come once there is room."""
    accounts = {name: token_account(tmp_path, name=name) for name in ("test", "spare")}
    pair = start(sync=EAGER, accounts={"test": accounts["test"]})
    settle(pair)
    pair.mirror.stop()
    pair.mirror.sections["account spare"] = accounts["spare"]
    pair.mirror.sections["account keyless"] = {"token_file": str(tmp_path / "missing")}
    pair.mirror.write_config()
    os.truncate(pair.mirror.log_path, 0)  # the limit is for all files that it writes
    pair.mirror.wrapper = ["prlimit", "--fsize=8192:unlimited"]
    pair.mirror.start()
    assert pair.mirror.get(f"/calendar/v3/calendars/{USER}/events").status == 200
    assert [a["name"] for a in pair.mirror.status()["accounts"]] == ["test"]
    hard = resource.prlimit(pair.mirror.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pair.mirror.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    wait_for("the new accounts", lambda: told(pair, "accounts taken over"))
    assert [a["name"] for a in pair.mirror.status()["accounts"]] == ["test", "spare", "keyless"]
    wait_for("its calendar", lambda: [c["state"] for c in pair.mirror.status()["collections"] if c["kind"] == "events"] ==
             ["ready", "ready"])
    assert told(pair, "account keyless is parked") == 1
