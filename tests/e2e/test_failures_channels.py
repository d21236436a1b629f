"""Failure cases of watch channels: refused, replaced, lost, lapsed, silent, shared."""
import time

import pytest

from emulator import USER
from failures import (DAY_MS, EAGER, HOUR_MS, MINUTE_MS, Clock, event_channels, pulls, rest, settle, wait_title)
from mirror import LONG, PATIENCE, wait_for
from pair import token_account

WATCH = "POST */events/watch"


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def watches(pair, match=WATCH):
    return len(pair.upstream(match))


def turn_to_renewal(pair, clock):
    """Into the last hour of the channels' seven days, in which their successors are due."""
    clock.sleep(pair, 7 * DAY_MS - 10 * MINUTE_MS)


def test_expired_with_no_replacement_possible(start, clock):
    """T-CHAN-EXPIRE: all channels lapse while each watch call fails with 500."""
    pair = start(env=clock.env, sync=EAGER)
    settle(pair)
    pair.emulator.fault("POST */watch", status=500, count=-1)
    clock.sleep(pair, 8 * DAY_MS)
    pair.google.insert(summary="nobody announces it")
    pair.wait_equal(USER)
    wait_for("status to say that push is down", lambda: pair.channel_state(USER) is None
             and pair.collection(USER)["watch_error"])
    assert not event_channels(pair)
    pair.emulator.clear_faults()
    clock.sleep(pair, 6 * MINUTE_MS)
    settle(pair)
    assert len(event_channels(pair)) == 1


def test_edit_between_the_new_watch_and_the_old_stop(start, clock):
    """T-CHAN-RENEW-OVERLAP: an edit while the old channel is being stopped, announced by both."""
    pair = start(env=clock.env)
    settle(pair)
    old = event_channels(pair)[0]
    pair.emulator.fault("POST */channels/stop", hold=True, count=-1)
    turn_to_renewal(pair, clock)
    wait_for("the old channel to be stopped", lambda: len(event_channels(pair)) == 2 and pair.emulator.held())
    calls = len(pulls(pair, USER)[0])
    pings = len(pair.emulator.pings())
    pair.google.insert(summary="in the overlap")
    pair.emulator.wait_pings_done()
    told = [p for p in pair.emulator.pings()[pings:] if p["of"] == USER and p["state"] == "exists"]
    assert len({p["channel"] for p in told}) == 2
    pair.emulator.clear_faults()
    pair.emulator.release()
    pair.wait_equal(USER)
    wait_for("one channel", lambda: len(event_channels(pair)) == 1)
    pair.wait_quiet(USER)
    assert event_channels(pair)[0]["id"] != old["id"]
    assert len(pulls(pair, USER)[0]) - calls <= 2


def test_failed_renewal_leaves_the_old_channel(start, clock):
    """T-CHAN-NEW-BEFORE-OLD: the watch call of a renewal fails: the old channel goes on and is believed."""
    pair = start(env=clock.env)
    settle(pair)
    old = event_channels(pair)
    pair.emulator.fault("POST */watch", status=503, count=-1)
    turn_to_renewal(pair, clock)
    wait_for("the failure", lambda: pair.collection(USER)["watch_error"])
    pair.wait_quiet(USER)
    assert event_channels(pair) == old
    event = pair.google.insert(summary="by the old one")["id"]
    wait_title(pair, event, "by the old one")
    assert pair.channel_state(USER) == "live"


def test_killed_between_the_watch_answer_and_its_commit(start):
    """T-CHAN-CRASH: kill -9 while the answer to a watch call is on its way."""
    def prepare(emulator):
        emulator.set_watch(sync="never")
        emulator.fault(WATCH, hold=True, when="after", count=1)

    pair = start(prepare=prepare, ready=False)
    pair.emulator.wait_held()
    pair.mirror.kill()
    pair.emulator.release()
    orphan, = event_channels(pair)
    pair.emulator.set_watch(sync="after")
    pair.mirror.start()
    pair.mirror.wait_ready()
    rest(pair)
    calls = len(pair.upstream("GET *")), watches(pair)
    pair.emulator.ping(channel=orphan["id"])
    wait_for("the orphan to be stopped", lambda: orphan["id"] not in [c["id"] for c in event_channels(pair)])
    rest(pair)
    assert (len(pair.upstream("GET *")), watches(pair)) == calls
    assert len(event_channels(pair)) <= 1


def test_ids_are_never_used_again(start):
    """T-CHAN-ID-UNIQUE: 400 channelIdNotUnique for a channel that was made all the same."""
    pair = start(prepare=lambda emulator: emulator.fault(
        WATCH, when="after", status=400, reason="channelIdNotUnique", count=1))
    settle(pair)
    assert watches(pair) == 2
    wait_for("the first to be stopped", lambda: len(event_channels(pair)) == 1)
    ids = [c["id"] for c in event_channels(pair, all=True)]
    assert len(ids) == len(set(ids)) == 2


def test_two_accounts_watch_one_calendar(start, tmp_path):
    """T-CHAN-SHARED-RESOURCE: two accounts are given the same resource id for a shared calendar."""
    world = {"users": [{"email": f"{u}@example.com", "tokens": [u], "calendarList": [f"{u}@example.com", "s@example.com"]}
                       for u in "ab"],
             "calendars": [{"id": "a@example.com"}, {"id": "b@example.com"},
                           {"id": "s@example.com", "owner": "a@example.com",
                            "acl": [{"scope": {"type": "user", "value": "b@example.com"}, "role": "reader"}]}]}
    pair = start(world, prepare=lambda emulator: emulator.set_watch(shared_resource_ids=True),
                 accounts={u: token_account(tmp_path, u, u) for u in "ab"})

    def shared():
        return {c["account"]: c for c in pair.mirror.status()["collections"]
                if c["kind"] == "events" and c["calendar"] == "s@example.com"}
    wait_for("both channels", lambda: all((c["channel"] or {}).get("state") == "live" for c in shared().values()))
    wait_for("rest", lambda: not any(c["dirty"] or c["running"] for c in shared().values()))
    channels = {c["user"]: c for c in event_channels(pair, "s@example.com")}
    assert len(channels) == 2 and len({c["resourceId"] for c in channels.values()}) == 1
    before = shared()
    pair.emulator.ping(channel=channels["b@example.com"]["id"])
    wait_for("the pull", lambda: shared()["b"]["pulls"] > before["b"]["pulls"])
    assert shared()["a"]["pulls"] == before["a"]["pulls"]
    assert shared()["a"]["pings"] == before["a"]["pings"]


@pytest.mark.parametrize("status, reason", [(400, "pushNotSupportedForRequestedResource"), (403, "forbidden"),
                                            (404, "notFound")])
def test_unwatchable_calendar_is_polled(start, clock, status, reason):
    """T-CHAN-UNWATCHABLE: the watch call is refused for good."""
    pair = start(prepare=lambda emulator: emulator.fault(WATCH, status=status, reason=reason, count=-1),
                 env=clock.env, sync=EAGER)
    wait_for("the verdict", lambda: pair.collection(USER)["watch"] == "refused")
    assert watches(pair) == 1
    pair.mirror.kill()
    pair.mirror.start()
    pair.google.insert(summary="polled")
    pair.wait_equal(USER)
    clock.sleep(pair, 23 * HOUR_MS)
    pair.google.insert(summary="polled for most of a day")
    pair.wait_equal(USER)
    assert pair.collection(USER)["watch"] == "refused" and watches(pair) == 1
    clock.sleep(pair, 2 * HOUR_MS)
    wait_for("the next day's attempt", lambda: watches(pair) == 2)


def test_one_refusal_among_many_renewals(start, clock):
    """T-CHAN-BATCH: the first of ten calendars answers 404 at renewal, the others are renewed."""
    ids = [f"c{i}@example.com" for i in range(10)]
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, *ids]}],
             "calendars": [{"id": USER}, *({"id": i, "owner": USER} for i in ids)]}
    pair = start(world, env=clock.env)
    for calendar in ids:
        pair.wait_live(calendar)
    old = {c["id"] for c in pair.emulator.channels()}
    pair.emulator.fault(f"POST */calendars/{ids[0]}/events/watch", status=404, reason="notFound", count=-1)
    turn_to_renewal(pair, clock)
    for calendar in ids[1:]:
        wait_for(f"the successor of {calendar}", lambda: any(
            c["id"] not in old for c in event_channels(pair, calendar)))
    assert {c["id"] for c in event_channels(pair, ids[0])} <= old


def health(pair):
    """(ready, what is out of order) as a monitor sees it, without credentials."""
    answer = pair.mirror.get("/readyz")
    return answer.status == 200 and answer.json["ready"], answer.json["health"]["reasons"]


def test_silent_channel_is_found_out_and_replaced(start):
    """T-CHAN-ZOMBIE: the server stops delivering while the channel looks valid: degraded, still ready, replaced."""
    pair = start(sync=EAGER)
    settle(pair)
    wait_for("health", lambda: health(pair) == (True, []))
    old = event_channels(pair)[0]["id"]
    pair.emulator.fault(WATCH, hold=True, count=1)
    pair.emulator.set_pings(drop=True, state="exists")
    event = pair.google.insert(summary="unheard")["id"]

    def found_out():
        """A change that a check finds at once is not held against the channel: then another one."""
        if not pair.difference(USER):
            pair.google.patch(USER, event, summary=f"still unheard {len(pair.upstream())}")
        return pair.channel_state(USER) == "degraded"
    wait_for("the channel to be found out", found_out)
    deaf = "calendars without a channel that delivers, polled instead: 1"
    wait_for("health to say so", lambda: health(pair) == (True, [deaf]))
    assert pair.mirror.status()["health"] == {"state": "degraded", "reasons": [deaf]}
    assert "no notification announced" in pair.mirror.log_text()
    pair.emulator.set_pings(drop=False)
    pair.emulator.release()
    wait_for("another channel", lambda: [c for c in event_channels(pair) if c["id"] != old])
    pair.wait_live(USER)
    pair.wait_equal(USER)
    wait_for("health", lambda: health(pair) == (True, []))


def test_every_calendar_has_a_channel_or_a_verdict(start):
    """T-CHAN-SEED: calendars without any channel record, from before there was a webhook."""
    pair = start(webhook=False, prepare=lambda emulator: emulator.set_watch(refuse_calendars=["refused@example.com"]))
    pair.mirror.stop()
    pair.emulator.seed({"calendars": [{"id": "refused@example.com", "owner": USER}]})
    for i in range(3):
        pair.google.call("POST", "/calendars", body={"summary": f"Team {i}"})
    pair.mirror.sections["webhook"]["public_url"] = pair.mirror.hook_url
    pair.mirror.write_config()
    pair.mirror.start()

    def without():
        calendars = [c for c in pair.mirror.status()["collections"] if c["kind"] == "events"]
        return len(calendars) < 4 or [c["calendar"] for c in calendars if not c["channel"] and c["watch"] != "refused"]
    wait_for("a channel or a verdict for each calendar", lambda: not without())


def test_a_stopped_channel_that_goes_on(start, clock):
    """T-CHAN-STOP-LATE: the server delivers to a stopped channel for minutes."""
    pair = start(env=clock.env, prepare=lambda emulator: emulator.set_watch(stop_lag_ms=HOUR_MS))
    settle(pair)
    old = event_channels(pair)[0]["id"]
    turn_to_renewal(pair, clock)
    wait_for("the old one to be stopped", lambda: old not in [c["id"] for c in event_channels(pair)])
    settle(pair)
    kinds = {(c["of"], c["kind"]) for c in pair.emulator.channels()}
    wait_for("one channel each", lambda: sum(not c["stopped"] for c in pair.emulator.channels()) == len(kinds))
    rest(pair)
    calls = len(pair.upstream())
    for _ in range(5):
        pair.emulator.ping(channel=old)
        pair.emulator.wait_pings_done()
        pair.wait_quiet(USER)
    assert all(p["status"] == 200 for p in pair.emulator.pings() if p["channel"] == old)
    assert len(pair.upstream()) - calls <= 1
    event = pair.google.insert(summary="by old and new")["id"]
    wait_title(pair, event, "by old and new")
    pair.wait_quiet(USER)
    assert len(event_channels(pair)) == 1


@pytest.mark.parametrize("status, reason, restarts", [(403, "rateLimitExceeded", 100), (429, "rateLimitExceeded", 8),
                                                      (500, "backendError", 8)])
def test_restarts_do_not_repeat_what_failed(start, status, reason, restarts):
    """T-CHAN-RESTART-STORM: a hundred restarts in a row, each after kill -9, while watch calls are refused by rate."""
    pair = start(prepare=lambda emulator: emulator.fault("POST */watch", status=status, reason=reason, count=-1))
    began = time.monotonic()
    wait_for("the first attempt", lambda: pair.collection(USER)["watch_error"])
    pair.wait_quiet(USER)
    for _ in range(restarts):
        pair.mirror.kill()
        pair.mirror.start()
        pair.mirror.wait_ready()
        pair.wait_quiet(USER)
    assert watches(pair) <= 1 + (time.monotonic() - began) // (5 * 60)  # after so long it is tried again


def test_renewal_follows_what_was_granted(start, clock):
    """T-CHAN-TTL-CAPPED: ten minutes are granted where a week was asked for."""
    pair = start(env=clock.env, prepare=lambda emulator: emulator.set_watch(max_ttl_s=600))
    settle(pair)
    channel = pair.collection(USER)["channel"]
    assert 0 < channel["renew_ms"] - channel["created_ms"] < 600_000
    assert 600_000 - 1000 <= channel["expires_ms"] - channel["created_ms"] < 600_000 + LONG * 1000 * PATIENCE
    old = event_channels(pair)[0]["id"]
    clock.sleep(pair, 9 * MINUTE_MS)
    wait_for("its successor", lambda: [c["id"] for c in event_channels(pair) if c["id"] != old])
    event = pair.google.insert(summary="announced")["id"]
    wait_title(pair, event, "announced")
