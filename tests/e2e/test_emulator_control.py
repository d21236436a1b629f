"""The emulator from outside: channels and pings, faults and the other switches, size and speed."""

import base64
import gzip
import http.client
import select
import socket
import threading
import time

import pytest
import requests

from emulator import USER, Client, Emulator, free_port
from emulator_fixtures import EVENTS, emu, error_of, fetch, hook, in_background, two  # noqa: F401
from mirror import LONG, PATIENCE, wait_for


# ---- watching ----------------------------------------------------------------------------------------

def test_a_channel_pings_as_google_does(emu, hook):
    before = int(time.time())
    channel = emu.api.watch_events(USER, "channel-1", hook.url, token="who=me")
    assert list(channel) == ["kind", "id", "resourceId", "resourceUri", "token", "expiration"]
    assert len(channel["resourceId"]) == 27
    assert channel["resourceUri"] == ("https://www.googleapis.com/calendar/v3/calendars/me%40example.com/"
                                      "events?alt=json")
    assert 0 <= int(channel["expiration"]) // 1000 - before - 604800 <= 60
    sync = hook.next()
    assert (sync["x-goog-resource-state"], sync["x-goog-message-number"]) == ("sync", "1")
    event = emu.api.insert()
    emu.api.patch(USER, event["id"], summary="x")
    emu.api.delete(USER, event["id"])
    pings = hook.take(3)
    numbers = [int(p["x-goog-message-number"]) for p in pings]
    assert len(set(numbers)) == 3 and min(numbers) > 1
    for ping in pings:
        assert ping["x-goog-resource-state"] == "exists" and ping["_body"] == b"" and ping["content-length"] == "0"
        assert ping["x-goog-channel-id"] == "channel-1" and ping["x-goog-channel-token"] == "who=me"
        assert ping["x-goog-resource-id"] == channel["resourceId"]
        assert ping["x-goog-resource-uri"] == channel["resourceUri"]
        assert ping["x-goog-channel-expiration"].endswith(" GMT") and "content-type" not in ping
        assert ping["user-agent"].startswith("APIs-Google;") and ping["accept"] == "*/*"


def test_every_collection_can_be_watched(emu, hook):
    api, me = emu.api, "/users/me"
    changes = {f"/calendars/{USER}/acl": lambda: api.call("POST", f"/calendars/{USER}/acl", body={
                   "role": "reader", "scope": {"type": "default"}}),
               me + "/calendarList": lambda: api.call("POST", "/calendars", body={"summary": "New"}),
               me + "/settings": lambda: emu.set_settings(USER, locale="de")}
    for number, (path, change) in enumerate(changes.items()):
        api.watch(path, f"c{number}", hook.url)
        assert hook.next()["x-goog-resource-state"] == "sync"
        change()
        ping = hook.next()
        assert (ping["x-goog-channel-id"], ping["x-goog-resource-state"]) == (f"c{number}", "exists")
    assert hook.pings.empty()


def test_resource_ids(emu, hook):
    first = emu.api.watch_events("primary", "one", hook.url)
    second = emu.api.watch_events(USER, "two", hook.url)
    assert first["resourceId"] == second["resourceId"] and "/primary/" in first["resourceUri"]
    assert first["resourceId"] != emu.api.watch("/users/me/calendarList", "three", hook.url)["resourceId"]


def test_watch_errors(emu, hook):
    now = int(time.time() * 1000)

    def refuse(reason, message=None, calendar="primary", body_id="x", address=hook.url, **members):
        failed = error_of(emu.api.watch_events, calendar, body_id, address, **members)
        assert (failed.status, failed.reason) == (400, reason)
        assert message is None or failed.message == message

    refuse("required", body_id=None)
    refuse("invalid", body_id="x" * 65)
    refuse("invalid", token="x" * 257)
    refuse("push.channelTypeNotSupported", type="carrier_pigeon")
    refuse("push.webhookUrlNotHttps", "WebHook callback must be HTTPS: http://example.com/x",
           address="http://example.com/x")
    refuse("push.webhookUrlNotHttps", address="http://127.0.0.1.example.com/x")
    refuse("push.webhookUrlNoHostOrAddress", address="")
    refuse("pushInvalidTtl", expiration=now // 1000)
    refuse("pushInvalidTtl", expiration=now - 60000)
    emu.set_watch(strict_https=True)
    refuse("push.webhookUrlNotHttps")
    emu.set_watch(strict_https=False)
    emu.api.watch_events("primary", "used", hook.url)
    refuse("channelIdNotUnique", "Channel id used not unique", body_id="used")
    holidays = "de.german#holiday@group.v.calendar.google.com"
    emu.seed({"calendars": [{"id": holidays, "owner": "g@google.com",
                             "acl": [{"role": "reader", "scope": {"type": "default"}}]}]})
    refuse("pushNotSupportedForRequestedResource", "Push notifications are not supported by this resource.",
           calendar=holidays)
    assert error_of(emu.api.watch_events, "nobody@example.com", "y", hook.url).status == 404


def test_granted_times(emu, hook):
    def now():
        return emu.state()["now_ms"]

    def grants(name, ttl_ms, **members):
        """From when it was asked for, cut to the second."""
        begin = now()
        until = emu.api.watch_events("primary", name, hook.url, **members)["expiration"]
        assert begin + ttl_ms - 1000 <= int(until) <= now() + ttl_ms
        return until

    grants("a", 3600_000, params={"ttl": "3600"})
    grants("d", 30 * 86400_000, params={"ttl": "99999999"})
    later = now() // 1000 * 1000 + 7200_000
    for name, until in (("b", later), ("c", str(later))):
        assert int(emu.api.watch_events("primary", name, hook.url, expiration=until)["expiration"]) == later
    emu.set_watch(max_ttl_s=60, expiration_format="number")
    assert isinstance(grants("e", 60_000), int)
    emu.set_watch(expiration_format="absent")
    assert "expiration" not in emu.api.watch_events("primary", "f", hook.url)


def test_channels_end_in_silence(emu, hook):
    emu.api.watch_events("primary", "short", hook.url, params={"ttl": "60"})
    emu.api.watch_events("primary", "long", hook.url)
    hook.take(2)
    emu.advance_clock(61_000)
    emu.api.insert()
    assert hook.next()["x-goog-channel-id"] == "long"
    emu.wait_pings_done()
    assert hook.pings.empty()
    assert [c["id"] for c in emu.channels()] == ["long"]
    assert error_of(emu.api.watch_events, "primary", "short", hook.url).reason == "channelIdNotUnique"


def test_stopping(emu, hook):
    channel = emu.api.watch_events("primary", "one", hook.url)
    hook.next()
    wrong = error_of(emu.api.stop, channel | {"resourceId": "x"})
    assert wrong.status == 404 and wrong.message == "Channel 'one' not found for project '123456789012'"
    assert error_of(emu.api.call, "POST", "/channels/stop", body={"id": "one"}).status == 400
    assert emu.api.stop(channel) is None
    assert error_of(emu.api.stop, channel).status == 404
    emu.api.insert()
    emu.wait_pings_done()
    assert hook.pings.empty()
    emu.set_watch(stop_lag_ms=3600_000)
    channel = emu.api.watch_events("primary", "two", hook.url)
    emu.api.stop(channel)
    emu.api.insert()
    assert {p["x-goog-resource-state"] for p in hook.take(2)} == {"sync", "exists"}, "late pings"


def test_only_the_same_user_stops_a_channel(two, hook):
    _, a, b = two
    channel = a.watch_events("primary", "mine", hook.url)
    assert error_of(b.stop, channel).status == 404
    a.stop(channel)


def test_the_sync_message_may_come_first(emu, hook):
    emu.set_watch(sync="before")
    hook.gate.clear()
    watch = in_background(lambda: emu.api.watch_events("primary", "early", hook.url))
    assert hook.next()["x-goog-resource-state"] == "sync"
    assert watch.is_alive(), "answered before the ping was"
    hook.gate.set()
    watch.join(LONG * PATIENCE)
    assert watch.value["id"] == "early"
    emu.set_watch(sync="never")
    emu.api.watch_events("primary", "quiet", hook.url)
    emu.wait_pings_done()
    assert hook.pings.empty()


def test_a_stuck_receiver_delays_no_answer(emu, hook):
    emu.api.watch_events("primary", "stuck", hook.url)
    hook.next()
    hook.gate.clear()
    for _ in range(20):
        emu.api.insert()
    assert len(emu.api.list()["items"]) == 20
    hook.gate.set()
    emu.wait_pings_done()


def test_retries(emu, hook):
    emu.set_pings(retry_base_ms=5)
    emu.api.watch_events("primary", "one", hook.url)
    hook.next()
    hook.statuses = [500, 502, 503, 504, 204]
    emu.api.insert()
    pings = hook.take(5)
    assert len({p["x-goog-message-number"] for p in pings}) == 1
    emu.wait_pings_done()
    assert emu.pings()[-1]["result"] == "delivered" and emu.pings()[-1]["attempts"] == 5
    hook.statuses = [404]
    emu.api.insert()
    emu.wait_pings_done()
    last = emu.pings()[-1]
    assert (last["result"], last["status"], last["attempts"]) == ("failed", 404, 1)
    emu.set_pings(retry_max=2)
    hook.statuses = [500] * 3
    emu.api.insert()
    emu.wait_pings_done()
    assert (emu.pings()[-1]["result"], emu.pings()[-1]["attempts"]) == ("failed", 3)


def test_an_absent_receiver(emu):
    emu.set_pings(retry_base_ms=1, retry_max=1)
    with free_port() as port:
        emu.api.watch_events("primary", "nobody", f"http://127.0.0.1:{port}/")
        emu.wait_pings_done()
    assert emu.pings()[-1]["result"] == "failed" and emu.pings()[-1]["error"]


def test_pings_lost_late_doubled_and_shuffled(emu, hook):
    emu.api.watch_events("primary", "one", hook.url)
    hook.next()
    emu.set_pings(drop=True, count=2)
    for _ in range(3):
        emu.api.insert()
    hook.next()
    emu.wait_pings_done()
    assert hook.pings.empty() and [p["result"] for p in emu.pings()][-3:] == ["dropped", "dropped", "delivered"]
    emu.set_pings(duplicate=2, count=1)
    emu.api.insert()
    assert len({p["x-goog-message-number"] for p in hook.take(3)}) == 1
    emu.set_pings(max_in_flight=1, reorder=3, count=3)
    for _ in range(3):
        emu.api.insert()
    numbers = [int(p["x-goog-message-number"]) for p in hook.take(3)]
    assert numbers == sorted(numbers, reverse=True)
    emu.wait_pings_done()
    emu.set_pings(delay_ms=3600_000, count=1)
    emu.api.insert()
    assert emu.state()["pings_pending"] == 1 and hook.pings.empty()
    emu.set_pings(paused=True)
    emu.api.insert()
    assert emu.state()["pings_pending"] == 2 and hook.pings.empty()
    emu.set_pings(paused=False)
    hook.next()
    wait_for("the late one alone to wait", lambda: emu.state()["pings_pending"] == 1)
    emu.set_pings(merge=True, paused=True)
    for _ in range(5):
        emu.api.insert()
    emu.set_pings(paused=False)
    assert emu.state()["pings_pending"] == 1, "merged with the late one"


def test_pings_by_hand(emu, hook):
    emu.api.watch_events("primary", "one", hook.url, token="t")
    hook.next()
    assert emu.ping(calendar=USER, count=3) == 3
    hook.take(3)
    assert emu.ping(channel="one", state="not_exists",
                    headers={"X-Goog-Channel-Token": "wrong", "X-Goog-Resource-ID": None}) == 1
    ping = hook.next()
    assert ping["x-goog-channel-token"] == "wrong" and "x-goog-resource-id" not in ping
    assert ping["x-goog-resource-state"] == "not_exists"
    assert emu.ping(channel="unknown") == 0


def test_refused_watches(emu, hook):
    emu.set_watch(refuse={"status": 403, "reason": "rateLimitExceeded", "message": "Slow", "count": 1})
    refused = error_of(emu.api.watch_events, "primary", "one", hook.url)
    assert (refused.status, refused.reason, refused.message) == (403, "rateLimitExceeded", "Slow")
    emu.api.watch_events("primary", "one", hook.url)
    emu.set_watch(refuse_calendars=[USER])
    assert error_of(emu.api.watch_events, "primary", "two", hook.url).reason == "pushNotSupportedForRequestedResource"
    emu.set_watch(refuse_calendars=None)
    emu.api.watch_events("primary", "two", hook.url)


# ---- faults and other switches -----------------------------------------------------------------------

def test_faults_strike_as_often_as_told(emu):
    emu.fault("GET */events", status=503, reason="backendError", message="Backend Error", skip=1, count=2,
              headers={"Retry-After": "7"})
    statuses = [emu.api.raw("GET", EVENTS) for _ in range(4)]
    assert [s.status_code for s in statuses] == [200, 503, 503, 200]
    assert statuses[1].json()["error"]["errors"][0]["reason"] == "backendError"
    assert statuses[1].headers["Retry-After"] == "7"
    assert [r["status"] for r in emu.requests()] == [200, 503, 503, 200]
    assert emu.faults()[0]["hits"] == 2 and emu.clear_faults() == 1 and emu.faults() == []


def test_faults_choose_their_requests(emu):
    emu.fault("~^(PATCH|PUT) .*/events/[a-z]+$", status=500, count=-1)
    emu.fault("*", query="*pageToken=*", status=410, count=-1)
    emu.fault("*", user="somebody@else", status=500, count=-1)
    made = emu.api.insert(id="abcde")
    assert error_of(emu.api.patch, "primary", made["id"], summary="x").status == 500
    assert emu.api.get("primary", "abcde") == made
    assert emu.api.raw("GET", EVENTS, {"pageToken": "x"}).status_code == 410
    assert error_of(emu.control, "POST", "faults", {"match": "~("}).status == 400
    assert error_of(emu.control, "POST", "faults", {"status": 42}).status == 400


def test_fault_bodies(emu):
    emu.fault(html=True)
    answer = emu.api.raw("GET", EVENTS)
    assert answer.status_code == 502 and answer.headers["Content-Type"].startswith("text/html")
    emu.fault(status=200, body_base64=base64.urlsafe_b64encode(b'{"items": ["\xff\xfe"]}').decode())
    assert emu.api.raw("GET", EVENTS).content == b'{"items": ["\xff\xfe"]}'
    emu.fault(status=200, body={"error": {"code": 500}}, content_type="text/plain")
    answer = emu.api.raw("GET", EVENTS)
    assert answer.json() == {"error": {"code": 500}} and answer.headers["Content-Type"] == "text/plain"


def test_delay_hold_and_release(emu):
    emu.fault(delay_ms=80)
    begun = time.monotonic()
    emu.api.list()
    assert time.monotonic() - begun >= 0.08
    emu.fault("GET */events", hold=True, count=2)
    runs = [in_background(lambda: Client(emu.url).list()) for _ in range(2)]
    emu.wait_held(2)
    emu.api.insert()  # others pass
    assert emu.release(count=1) == 1
    wait_for("one released", lambda: emu.held() == 1 and [r.is_alive() for r in runs].count(True) == 1)
    assert emu.release() == 1
    for run in runs:
        run.join(LONG * PATIENCE)
        assert len(run.value["items"]) == 1, "held requests see the world as it is when they go on"


def test_faults_after_the_fact(emu, hook):
    emu.fault("POST */watch", when="after", drop=True)
    with pytest.raises(requests.ConnectionError):
        emu.api.watch_events("primary", "lost", hook.url)
    assert [c["id"] for c in emu.channels()] == ["lost"], "the channel exists although nobody heard so"
    emu.fault("POST */events", when="after", status=500)
    assert error_of(emu.api.insert).status == 500
    assert len(emu.api.list()["items"]) == 1
    emu.fault("GET */events", when="after", hold=True)
    run = in_background(lambda: Client(emu.url).list())
    emu.wait_held()
    emu.api.insert()
    emu.release()
    run.join(LONG * PATIENCE)
    assert len(run.value["items"]) == 1, "answered from before the insert"


def test_drop_does_nothing_else(emu):
    emu.fault("POST */events", drop=True)
    with pytest.raises(requests.ConnectionError):
        emu.api.insert()
    assert emu.api.list()["items"] == []
    assert emu.requests()[0]["status"] == -1


def test_hang_until_the_client_gives_up(emu):
    emu.fault(hang=True)
    with socket.create_connection(emu.address.split(":")) as s:
        s.sendall(f"GET /calendar/v3{EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer test-token\r\n\r\n".encode())
        wait_for("it to hang", lambda: emu.faults()[0]["hits"] == 1)
        assert emu.held() == 0 and emu.api.list()["items"] == []
        assert not select.select([s], [], [], 0.1)[0]
    assert emu.release() <= 1 and emu.api.list()["items"] == []


def test_broken_and_slow_bodies(emu):
    emu.api.insert(description="x" * 2000)
    whole = fetch(emu)
    emu.fault(truncate_bytes=100)
    with pytest.raises(http.client.IncompleteRead) as cut:
        fetch(emu)
    assert cut.value.partial == whole[:100]
    emu.fault(keep_bytes=100)
    with pytest.raises(EOFError):
        gzip.decompress(fetch(emu, "gzip"))
    emu.fault(keep_bytes=100)
    assert fetch(emu) == whole[:100]
    emu.fault(trickle={"bytes": 500, "every_ms": 20})
    begun = time.monotonic()
    assert fetch(emu) == whole
    assert time.monotonic() - begun >= 0.02 * (len(whole) // 500)


def test_quota(emu):
    emu.set_quota(per_user_per_minute=3)
    for _ in range(3):
        emu.api.list()
    over = error_of(emu.api.list)
    assert (over.status, over.reason) == (403, "userRateLimitExceeded")
    assert over.error["errors"][0]["domain"] == "usageLimits"
    emu.api.list(quotaUser="somebody")
    emu.advance_clock(60_001)
    emu.api.list()
    emu.set_quota(per_user_per_minute=0, per_project_per_minute=2, status=429, retry_after_s=9)
    emu.api.list()
    emu.api.list()
    answer = emu.api.raw("GET", EVENTS)
    assert answer.status_code == 429 and answer.headers["Retry-After"] == "9"
    assert answer.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"


def test_the_log_of_requests(emu):
    emu.api.list(maxResults=1)
    emu.client("nope").raw("GET", EVENTS)
    first, second = emu.requests()
    assert first["user"] == USER and first["query"] == "maxResults=1" and first["status"] == 200
    assert first["gzip"] is True and not first["sync_token"] and first["bytes"] > 0
    assert second["status"] == 401 and "user" not in second
    assert emu.requests(since=first["n"]) == [second]
    assert len(emu.requests(match="GET */events")) == 2 and emu.requests(match="POST *") == []
    emu.clear_requests()
    assert emu.requests() == []


def test_raw_events_may_be_broken(emu):
    broken = {"id": "x1", "status": "confirmed", "start": "never", "end": 7, "summary": None}
    emu.put_raw_event(USER, broken)
    assert emu.api.list()["items"] == [broken] == emu.dump(USER)
    emu.api.list(timeMin="2026-01-01T00:00:00Z", q="x", maxAttendees=1, timeZone="UTC")
    emu.put_raw_event(USER, {"status": "cancelled"}, "x1")
    assert emu.api.list()["items"] == []


def test_no_calendar_user(emu):
    emu.seed({"users": [{"email": "n@example.com", "tokens": ["n"], "no_calendar": True}]})
    assert error_of(emu.client("n").list).reason == "notACalendarUser"


def test_unknown_control_paths_and_bodies(emu):
    assert error_of(emu.control, "GET", "nothing").status == 404
    assert error_of(emu.control, "DELETE", "state").status == 405
    answer = requests.post(emu.url + "/_emulator/pings", data="[1]", timeout=10)
    assert answer.status_code == 400
    assert error_of(emu.control, "GET", "dump", calendar="nobody").status == 400


# ---- size and speed ----------------------------------------------------------------------------------

@pytest.mark.alone
def test_100000_events():
    """A page of them costs what the only page of 2,500 does, asked for alternately: the machine may be slow, or busy."""
    with Emulator(generate=100_000) as emulator, Emulator(generate=2500) as small:
        count, params = 0, {"maxResults": 2500, "prettyPrint": False}
        for page in emulator.api.pages("big@example.com", **params):
            count += len(page["items"])
            assert len(page["items"]) == 2500
            if count % 10_000 == 0:
                small.api.list("big@example.com", **params)
        assert count == 100_000
        took, alike = (sorted(r["took_us"] for r in e.requests(match="GET */events")) for e in (emulator, small))
        assert len(took) == 40 and took[20] < 5 * alike[5] + 10_000, f"medians of a page: {took[20]} and {alike[5]} µs"


def test_1000_pings_over_a_few_connections(emu):
    """What a receiver that keeps up needs no more than a second for: none waits for a connection of its own."""
    received, connections = threading.Semaphore(0), []

    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        rest = b""
        while data := connection.recv(65536):
            rest += data
            while b"\r\n\r\n" in rest:
                _, rest = rest.split(b"\r\n\r\n", 1)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                received.release()

    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    emu.set_pings(max_in_flight=8)
    emu.api.watch_events("primary", "busy", f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert received.acquire(timeout=LONG * PATIENCE)
    emu.ping(channel="busy", count=1000)
    for _ in range(1000):
        assert received.acquire(timeout=LONG * PATIENCE)
    emu.wait_pings_done()
    log = emu.pings()[-1000:]
    assert {p["result"] for p in log} == {"delivered"} and len(connections) <= 8
    listener.close()
