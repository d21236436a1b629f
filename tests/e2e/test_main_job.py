"""The main job: Google pings, the service pulls the change, the store keeps it, the local API serves it."""
import http.client
import os
import signal
import socket
import threading
import time

import pytest

from emulator import USER, all_day, timed
from failures import headers_of, rest, wait_title, wait_whole
from mirror import LONG, PATIENCE, wait_for
from pair import token_account


def title(pair, event):
    answer = pair.mirror.get(f"/calendar/v3/calendars/primary/events/{event}")
    return answer.json.get("summary") if answer.status == 200 else None


def test_an_edit_is_announced_pulled_and_served(start):
    pair = start()
    event = pair.google.insert(summary="before")["id"]
    wait_for("the new event", lambda: title(pair, event) == "before")
    wait_whole(pair)
    calls = len(pair.upstream())

    pair.google.patch(USER, event, summary="after")
    wait_for("the edit", lambda: title(pair, event) == "after")
    rest(pair)
    assert len(pair.upstream()) - calls == 1  # one incremental pull
    assert pair.upstream()[-1]["sync_token"]

    pair.google.delete(USER, event)
    wait_for("the deletion", lambda: pair.mirror.get(
        f"/calendar/v3/calendars/primary/events/{event}").json["status"] == "cancelled")
    pair.wait_equal(USER)


READS = int(1_000_000 / PATIENCE ** 2)
KINDS = ["/calendar/v3/users/me/calendarList", "/calendar/v3/users/me/calendarList/primary", "/calendar/v3/calendars/primary",
         "/calendar/v3/calendars/primary/events?maxResults=1", "/calendar/v3/calendars/primary/events/{id}",
         "/calendar/v3/calendars/primary/events?singleEvents=true&orderBy=startTime&maxResults=1&timeMin=2026-07-01T00:00:00Z",
         "/calendar/v3/calendars/primary/events?q=nowhere", "/calendar/v3/calendars/primary/acl?maxResults=1",
         "/calendar/v3/calendars/primary/events/{id}/instances?maxResults=1", "/calendar/v3/colors?fields=kind",
         "/calendar/v3/users/me/settings/timezone", "/v1/verify", "/v1/odd", "/v1/status?fields=version", "/healthz", "/readyz"]


def test_reads_cost_no_upstream_call(start):
    """T-READ-NO-UPSTREAM: a million reads of all kinds, sent as fast as they are answered."""
    pair = start(sync={"poll_interval": "12h", "poll_interval_unhealthy": "12h", "roster_interval": "12h"})
    event = pair.google.insert(summary="x", recurrence=["RRULE:FREQ=DAILY;COUNT=3"], body=timed(
        "2026-07-01T10:00:00", "2026-07-01T11:00:00", "Europe/Zurich"))["id"]
    pair.wait_equal(USER)
    rest(pair)
    calls = len(pair.upstream("*"))
    block = b"".join(f"GET {path.format(id=event)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in KINDS) * 20
    begins = len(KINDS) * 20
    with socket.create_connection(("127.0.0.1", pair.mirror.api_port), timeout=LONG * PATIENCE) as connection:
        for _ in range(READS // begins + 1):
            connection.sendall(block)
            good, tail = 0, b""
            while good < begins:
                part = connection.recv(1 << 20)
                assert part and b"HTTP/1.1 4" not in part and b"HTTP/1.1 5" not in part
                good += (tail + part).count(b"HTTP/1.1 200")
                tail = part[-11:]
    assert len(pair.upstream("*")) == calls
    assert pair.mirror.status()["totals"]["requests"] >= READS


def test_it_polls_when_there_is_no_webhook(start):
    pair = start(webhook=False, sync={"poll_interval_unhealthy": "1s"})
    pair.google.insert(summary="seen by polling")
    pair.wait_equal(USER)
    assert not [r for r in pair.upstream() if r["path"].endswith("/watch")]
    assert not pair.emulator.channels()


def test_a_lost_ping_is_made_up_for_by_polling(start):
    """T-PING-LOST: every ping dropped, the edit is found by the poll."""
    pair = start(sync={"poll_interval": "2s"})
    pair.wait_live(USER)
    pair.emulator.set_pings(drop=True)
    pair.google.insert(summary="never announced")
    pair.wait_equal(USER)


def test_first_sync_of_many_pages_equals_google_in_bounded_memory(start):
    pair = start(generate=100_000, ready=False)
    peak = [0]

    def ready():
        peak[0] = max(peak[0], pair.mirror.rss_anon_kib())
        return pair.mirror._all_ready()

    wait_for("the first sync", ready, 120)
    pair.wait_live("big@example.com", 60)
    peak[0] = max(peak[0], pair.mirror.rss_anon_kib())
    assert not pair.difference("big@example.com")
    print(f"100,000 events: peak RssAnon {peak[0] / 1024:.1f} MiB")
    if "asan" not in os.environ.get("CALMIRROR_BUILD", ""):
        assert peak[0] <= 64 * 1024


def test_a_burst_of_pings_costs_two_pulls_and_loses_nothing(start):
    """T-PING-BURST: 1,000 pings at once over three channels while the pulls are held up, a change in between."""
    pair = start(prepare=lambda emulator: [emulator.api.call("POST", "/calendars", body={"summary": s}) for s in "ab"])
    calendars = pair.calendars()
    assert len(calendars) == 3
    for calendar in calendars:
        pair.wait_live(calendar)
    rest(pair)
    calls = {c: len(pair.upstream(f"GET */calendars/{c}/events")) for c in calendars}
    channels = {c["of"]: c for c in pair.emulator.channels() if c["kind"] == "events" and not c["stopped"]}
    pair.emulator.set_pings(drop=True)  # ours are the only ones
    pair.emulator.fault("GET */events", hold=True, count=3)  # the first pulls stay under way meanwhile
    took = []
    lock = threading.Lock()

    def send(first, count, only=None):
        connection = http.client.HTTPConnection("127.0.0.1", pair.mirror.hook_port)
        for i in range(count):
            began = time.monotonic()
            connection.request("POST", "/hooks/google", headers={
                **headers_of(channels[only or calendars[i % 3]], number=first + i), "Content-Length": "0"})
            response = connection.getresponse()
            response.read()
            with lock:
                took.append((1000 * (time.monotonic() - began), response.status))
        connection.close()

    events = {c: pair.google.insert(c, summary="one change")["id"] for c in calendars}
    threads = [threading.Thread(target=send, args=(10 + 100 * i, 100)) for i in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {status for _, status in took} == {200}
    pair.emulator.wait_held(3)
    for calendar, event in events.items():
        pair.google.patch(calendar, event, summary="and another while the pull runs")
        send(5000, 1, calendar)
    pair.emulator.release()
    for calendar, event in events.items():
        wait_title(pair, event, "and another while the pull runs", calendar=calendar)
    rest(pair)
    assert all(len(pair.upstream(f"GET */calendars/{c}/events")) - calls[c] <= 2 for c in calendars)
    times = sorted(t for t, _ in took)
    print(f"1,000 pings: p50 {times[500]:.1f} ms, p99 {times[990]:.1f} ms")


def test_google_gone_and_back(start):
    pair = start(sync={"poll_interval": "1s", "poll_interval_unhealthy": "1s", "backoff_max": "2s"})
    event = pair.google.insert(summary="kept")["id"]
    pair.wait_equal(USER)
    pair.emulator.fault("*", drop=True, count=-1)
    wait_for("a failure in the status", lambda: pair.collection(USER)["last_error"])
    age = pair.collection(USER)["age_ms"]
    assert title(pair, event) == "kept"
    wait_for("the age to grow", lambda: pair.collection(USER)["age_ms"] > age)
    pair.emulator.clear_faults()
    pair.google.patch(USER, event, summary="caught up")
    wait_for("the service to catch up by itself", lambda: title(pair, event) == "caught up")
    wait_for("the error to be gone", lambda: not pair.collection(USER)["last_error"])


@pytest.mark.parametrize("kind", [410, 400])
def test_a_dead_token_means_a_full_listing_beside_the_old_view(start, kind):
    """T-TOKEN-410-LOST-DELTA, T-TOKEN-410-SWEEP: edits, a new and a deleted event unannounced, then the token dies."""
    pair = start()
    keep = pair.google.insert(summary="keep")["id"]
    gone = pair.google.insert(summary="to be deleted")["id"]
    pair.wait_equal(USER)
    pair.wait_live(USER)
    pair.wait_quiet(USER)
    pair.emulator.set_pings(drop=True)
    pair.google.delete(USER, gone)
    pair.google.patch(USER, keep, summary="edited meanwhile")
    new = pair.google.insert(summary="made meanwhile")["id"]
    pair.emulator.kill_tokens(kind)
    pair.emulator.set_pings(drop=False)
    pair.google.insert(summary="announced")
    wait_for("recovery", lambda: title(pair, new) == "made meanwhile")
    pair.wait_equal(USER)
    full = [r for r in pair.upstream("GET */events") if not r["sync_token"]]
    assert len(full) == 2  # the first and the recovery


def test_calendars_come_change_and_go(start):
    """T-CALLIST: a calendar is added, renamed, hidden, removed."""
    pair = start(sync={"roster_interval": "1s"})
    made = pair.google.call("POST", "/calendars", body={"summary": "Team", "timeZone": "Europe/Berlin"})["id"]
    pair.google.insert(made, body=all_day("2026-05-01", "2026-05-02"), summary="Holiday")

    def listed():
        answer = pair.mirror.get("/calendar/v3/users/me/calendarList", showHidden="true").json
        return {c["id"]: c for c in answer["items"]}

    wait_for("the new calendar", lambda: made in listed())
    wait_for("its events", lambda: pair.mirror.get(f"/calendar/v3/calendars/{made}/events").status == 200)
    pair.wait_equal(made)

    pair.google.call("PATCH", f"/calendars/{made}", body={"summary": "Team renamed"})
    pair.google.insert(made, summary="so that something is pulled")
    wait_for("the new name", lambda: listed()[made]["summary"] == "Team renamed")

    pair.google.call("PATCH", f"/users/me/calendarList/{made}", body={"hidden": True})
    wait_for("hiding", lambda: listed()[made].get("hidden"))

    pair.google.call("DELETE", f"/users/me/calendarList/{made}")
    wait_for("removal", lambda: made not in listed())
    wait_for("404", lambda: pair.mirror.get(f"/calendar/v3/calendars/{made}/events").status == 404)
    wait_for("its channel to be stopped", lambda: not any(c["of"] == made for c in pair.emulator.channels()))


def test_include_and_exclude_lists(start, tmp_path):
    account = token_account(tmp_path, exclude="*@group.calendar.google.com")
    pair = start(accounts={"test": account}, sync={"roster_interval": "1s"})
    made = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
    calls = len(pair.upstream("GET */calendarList"))
    wait_for("the roster to be read again", lambda: len(pair.upstream("GET */calendarList")) > calls + 1)
    assert pair.mirror.get(f"/calendar/v3/calendars/{made}/events").status == 404


def test_it_stops_at_once_also_in_the_midst_of_a_request(start):
    pair = start(sync={"poll_interval": "1s", "poll_interval_unhealthy": "1s"})
    pair.emulator.fault("GET */events", hold=True, count=-1)
    pair.emulator.wait_held(1)
    status, took = pair.mirror.stop()
    assert status == 0
    assert took < 20 * PATIENCE  # of the minute that the request may take


def test_reload_takes_over_what_it_can_and_keeps_the_old_on_mistakes(start):
    pair = start(webhook=False, sync={"poll_interval_unhealthy": "1h"})
    pair.google.insert(summary="polled after the reload")
    pair.mirror.sections["sync"]["poll_interval_unhealthy"] = "eleven"
    pair.mirror.write_config()
    pair.mirror.process.send_signal(signal.SIGHUP)
    wait_for("the complaint", lambda: "poll_interval_unhealthy" in pair.mirror.log_text())
    assert pair.mirror.get("/healthz").status == 200
    pair.mirror.sections["sync"]["poll_interval_unhealthy"] = "1s"
    pair.mirror.write_config()
    pair.mirror.process.send_signal(signal.SIGHUP)
    pair.wait_equal(USER)


def test_a_restart_goes_on_with_the_token_it_had(start):
    pair = start()
    pair.google.insert(summary="first")
    pair.wait_equal(USER)
    pair.wait_quiet(USER)
    pair.mirror.stop()
    event = pair.google.insert(summary="while it was down")["id"]
    listings = len([r for r in pair.upstream("GET */events") if not r["sync_token"]])
    pair.mirror.start()
    wait_for("the change made while it was down", lambda: title(pair, event))
    pair.wait_equal(USER)
    assert len([r for r in pair.upstream("GET */events") if not r["sync_token"]]) == listings


def test_windows_are_exact(start):
    """T-SPAN: windows between, across, up to and from the bounds of events."""
    pair = start()
    inside = pair.google.insert(body=timed("2026-03-10T10:00:00Z", "2026-03-10T11:00:00Z"))["id"]
    across = pair.google.insert(body=timed("2026-03-01T10:00:00Z", "2026-03-20T11:00:00Z"))["id"]
    ends_at = pair.google.insert(body=timed("2026-03-10T08:00:00Z", "2026-03-10T09:00:00Z"))["id"]
    starts_at = pair.google.insert(body=timed("2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"))["id"]
    day = pair.google.insert(body=all_day("2026-03-10", "2026-03-11"))["id"]
    pair.wait_equal(USER)
    window = {"timeMin": "2026-03-10T09:00:00Z", "timeMax": "2026-03-10T12:00:00Z"}
    ours = {e["id"] for e in pair.mirror.events(USER, **window)}
    assert ours == {inside, across, day}
    assert ours.isdisjoint({ends_at, starts_at})
    assert ours == {e["id"] for e in pair.google.list_all(USER, **window)[0]}
