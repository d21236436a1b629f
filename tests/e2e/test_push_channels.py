"""Google's push protocol as the mirror serves it: channels that clients open, and what is sent to them."""
import email.utils
import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import threading
import time

import pytest

from authority import Authority
from emulator import USER, Hook, free_port
from failures import Clock, rest, settle
from mirror import BUILD, PATIENCE, wait_for
from push import EVENTS, LOCAL, number_of, state_of, stop, watch

LIST = "/calendar/v3/users/me/calendarList/watch"
SETTINGS = "/calendar/v3/users/me/settings/watch"
ACL = f"/calendar/v3/calendars/{USER}/acl/watch"


def push_status(pair):
    return pair.mirror.status()["push"]["channels"]


def reason(answer):
    return answer["error"]["errors"][0]["reason"]


@pytest.fixture
def pair(start):
    pair = start(push=LOCAL)
    settle(pair)
    return pair


def test_a_channel_from_sync_to_stop(pair):
    with Hook() as hook, Hook() as marker:
        before = int(time.time())
        channel = watch(pair, hook.url, token="a=b&c=d", id="my-channel")
        assert channel["kind"] == "api#channel" and channel["id"] == "my-channel" and channel["token"] == "a=b&c=d"
        assert len(channel["resourceId"]) == 27
        assert channel["resourceUri"].endswith("/calendar/v3/calendars/me%40example.com/events?alt=json")
        assert isinstance(channel["expiration"], str)
        assert 604800 - 5 <= int(channel["expiration"]) // 1000 - before <= 604800 + 60
        sync = hook.next()
        assert sync["_body"] == b"" and sync["content-length"] == "0" and "content-type" not in sync
        assert sync["x-goog-channel-id"] == "my-channel" and sync["x-goog-channel-token"] == "a=b&c=d"
        assert sync["x-goog-resource-id"] == channel["resourceId"]
        assert sync["x-goog-resource-uri"] == channel["resourceUri"]
        assert state_of(sync) == "sync" and number_of(sync) == 1
        told = email.utils.parsedate_to_datetime(sync["x-goog-channel-expiration"]).timestamp()
        assert int(told) == int(channel["expiration"]) // 1000
        assert sync["user-agent"].startswith("APIs-Google; ")

        pair.google.insert(summary="one")
        first = hook.next()
        assert state_of(first) == "exists" and number_of(first) > 1
        other = watch(pair, marker.url)
        assert other["resourceId"] == channel["resourceId"] and "token" not in other
        marker.next()
        pair.google.insert(summary="two")
        assert number_of(hook.next()) > number_of(first)
        marker.next()

        stop(pair, channel)
        pair.google.insert(summary="three")
        assert state_of(marker.next()) == "exists"
        assert hook.pings.empty()
        error = stop(pair, channel, expect=404).json["error"]
        assert error["message"] == "Channel 'my-channel' not found for project 'calmirror'"
        stop(pair, other, resourceId="another", expect=404)
        assert push_status(pair)["open"] == 1
        metrics = pair.mirror.get("/metrics").body.decode()
        assert "calmirror_push_channels 1\n" in metrics and "calmirror_hook_dead_letters 0\n" in metrics
        assert re.search("^calmirror_push_messages_total [456]$", metrics, re.M)  # two may not be settled yet


def test_a_burst_is_one_ping(pair):
    """What changes while a message is under way is one more, however much it is."""
    other = new_calendar(pair)
    with Hook() as hook, Hook() as marker:
        watch(pair, marker.url, EVENTS.format(other))
        marker.next()
        watch(pair, hook.url)
        hook.next()
        hook.gate.clear()
        pair.google.insert(summary="first")
        first = hook.next()
        for i in range(20):
            pair.google.insert(summary=f"burst {i}")
            pair.wait_equal(USER)  # each in a pull of its own
        hook.gate.set()
        second = hook.next()
        assert number_of(second) >= number_of(first) + 20
        for i in range(5):  # each as long as a calendar has to be quiet
            pair.google.insert(other, summary=f"elsewhere {i}")
            marker.next()
        assert hook.pings.empty()


def test_each_kind_can_be_watched(pair):
    with Hook() as hook:
        ids = {}
        for path, tail in ((LIST, "/users/me/calendarList"), (SETTINGS, "/users/me/settings"),
                           (ACL, "/calendars/me%40example.com/acl"),
                           (EVENTS.format("primary"), "/calendars/primary/events")):
            channel = watch(pair, hook.url, path)
            assert channel["resourceUri"] == f"https://www.googleapis.com/calendar/v3{tail}?alt=json"
            ids[channel["id"]] = tail
            assert hook.next()["x-goog-channel-id"] == channel["id"]
        made = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
        assert ids[hook.next()["x-goog-channel-id"]] == "/users/me/calendarList"
        wait_for("the calendar", lambda: pair.mirror.get(f"/calendar/v3/calendars/{made}").status == 200)
        watch(pair, hook.url, EVENTS.format("nobody@example.com"), expect=404)


@pytest.mark.parametrize("changes, status, why", [
    ({"id": None}, 400, "required"),
    ({"id": "x" * 65}, 400, "invalid"),
    ({"id": "a b"}, 400, "invalid"),
    ({"token": "x" * 257}, 400, "invalid"),
    ({"token": "a\r\nX-Evil: 1"}, 400, "invalid"),
    ({"type": "carrier_pigeon"}, 400, "push.channelTypeNotSupported"),
    ({"address": None}, 400, "push.webhookUrlNoHostOrAddress"),
    ({"address": "https://user:password@example.com/"}, 400, "push.webhookUrlNoHostOrAddress"),
    ({"address": "https://example.com/#x"}, 400, "push.webhookUrlNoHostOrAddress"),
    ({"expiration": 1}, 400, "pushInvalidTtl"),
    ({"expiration": str(int(time.time()) + 3600)}, 400, "pushInvalidTtl"),  # seconds, not ms
    ({"params": {"ttl": "-1"}}, 400, "pushInvalidTtl"),
    ({"params": {"ttl": "soon"}}, 400, "pushInvalidTtl"),
])
def test_what_is_refused(checked, changes, status, why):
    assert reason(watch(checked, expect=status, **{"address": "https://example.com/hook", **changes})) == why


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """One mirror for all that is refused: nothing changes."""
    from emulator import Emulator
    from mirror import Mirror
    from pair import Pair, token_account
    directory = tmp_path_factory.mktemp("checked")
    with Emulator() as emulator, Mirror(directory / "mirror", emulator.url, {"test": token_account(directory)},
                                        push={"networks": "127.0.0.0/8", "channels_per_client": "2"}) as mirror:
        mirror.start()
        mirror.wait_ready()
        yield Pair(emulator, mirror)


@pytest.mark.parametrize("address", [
    "https://10.0.0.1/", "https://192.168.1.1/", "https://[::1]/", "https://[fd00::1]/", "http://8.8.8.8/",
    "https://169.254.169.254/latest/meta-data/", "https://[::ffff:169.254.169.254]/", "https://2852039166/",
    "https://0xa9.0xfe.0xa9.0xfe/", "https://0251.0376.0251.0376/", "https://0.0.0.0/", "https://[fe80::1]/",
    "OWN", "HOOK",
])
def test_addresses_that_must_not_be_notified(checked, address):
    address = {"OWN": f"http://127.0.0.1:{checked.mirror.api_port}/", "HOOK": checked.mirror.hook_url}.get(address, address)
    assert reason(watch(checked, address, expect=400)) == "push.webhookUrlUnauthorized"


def test_ttl_ids_and_limits(checked):
    with Hook() as hook:
        now = time.time()
        a = watch(checked, hook.url, params={"ttl": "60"}, id="the-one")
        assert 55 <= int(a["expiration"]) / 1000 - now <= 65
        b = watch(checked, hook.url, params={"ttl": "99999999"}, expiration=int((now + 99999999) * 1000))
        assert abs(int(b["expiration"]) / 1000 - now - 30 * 86400) < 60
        error = watch(checked, hook.url, id="the-one", expect=400)
        assert reason(error) == "channelIdNotUnique" and error["error"]["message"] == "Channel id the-one not unique"
        assert reason(watch(checked, hook.url, expect=403)) == "quotaExceeded"
        stop(checked, a)
        stop(checked, watch(checked, hook.url, id="the-one"))
        stop(checked, b)


@pytest.mark.parametrize("ttl, expires_in, granted", [
    (7200, 3600, 3600), (3600, 7200, 3600), (None, 3600, 3600), (None, 8 * 86400, 8 * 86400), (8 * 86400, None, 8 * 86400)])
def test_the_earlier_end_of_two(checked, ttl, expires_in, granted):
    now = time.time()
    with Hook() as hook:
        more = {"params": {"ttl": str(ttl)}} if ttl else {}
        if expires_in:
            more["expiration"] = int((now + expires_in) * 1000)
        channel = watch(checked, hook.url, **more)
        assert abs(int(channel["expiration"]) / 1000 - now - granted) < 60
        stop(checked, channel)


def test_opening_again_and_again(checked):
    """Each opening is a message to somebody: a client that opens and ends without end is slowed down."""
    with Hook() as hook:
        for i in range(300):
            answer = checked.mirror.request("POST", EVENTS.format(USER), body=json.dumps(
                {"id": f"flood-{i}", "type": "web_hook", "address": hook.url}).encode())
            if answer.status == 403:
                break
            stop(checked, answer.json)
        assert reason(answer.json) == "rateLimitExceeded" and i >= 95


def test_certificates_are_verified(start, tmp_path):
    """A receiver that speaks TLS is believed with a certificate for its name, of an authority that is trusted."""
    authority = Authority(tmp_path / "authority")
    good, bad = authority.issue("good"), Authority(tmp_path / "another").issue("bad")
    pair = start(push=LOCAL, env={"SSL_CERT_FILE": authority.file})
    settle(pair)
    with Hook() as hook, Hook() as stranger:
        for receiver, (cert, key) in ((hook, good), (stranger, bad)):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
        watch(pair, stranger.url.replace("http:", "https:"), id="stranger")
        watch(pair, hook.url.replace("http:", "https:"))
        assert state_of(hook.next()) == "sync"
        errors = wait_for("the refusal", lambda: push_status(pair)["errors"])
        assert [e["id"] for e in errors] == ["stranger"] and "certificate" in errors[0]["error"]
        assert stranger.pings.empty()


def test_http_needs_a_network_of_the_config(start):
    pair = start(webhook=False)
    with Hook() as hook:
        error = watch(pair, hook.url, expect=400)
        assert reason(error) == "push.webhookUrlNotHttps"
        assert error["error"]["message"] == f"WebHook callback must be HTTPS: {hook.url}"
        watch(pair, hook.url.replace("http:", "https:"), expect=400)


def test_a_name_that_leads_home_and_a_redirect(start):
    """What a name resolves to is judged when it is connected to; a redirect is a failed message."""
    pair = start(webhook=False, push={"networks": "127.0.0.2/32", "backoff_min": "50ms"}, sync={
        "poll_interval_unhealthy": "1s"})
    with Hook() as inside:
        inside.status = 307
        watch(pair, f"https://localhost:{inside.server.server_port}/", id="rebound")
        watch(pair, f"http://localhost:{inside.server.server_port}/", id="plain")
        wait_for("both to be refused", lambda: {e["id"] for e in push_status(pair)["errors"]} == {"rebound", "plain"})
        assert all("private address" in e["error"] for e in push_status(pair)["errors"])
        assert inside.pings.empty()


def test_a_redirect_is_not_followed(pair):
    with Hook() as target, Redirector(target.url) as hook:
        watch(pair, hook.url)
        assert state_of(hook.next()) == "sync"
        wait_for("the failure", lambda: push_status(pair)["failed"] == 1)
        assert "307" in push_status(pair)["errors"][0]["error"]
        pair.google.insert(summary="after it")
        assert state_of(hook.next()) == "exists"  # a failed message is not tried again, the next is
        assert target.pings.empty()


class Redirector(Hook):
    """Answers with a redirect."""

    def __init__(self, target):
        super().__init__()
        self.status = 307
        handler = self.server.RequestHandlerClass

        class Redirect(handler):
            def end_headers(self):
                self.send_header("Location", target)
                super().end_headers()
        self.server.RequestHandlerClass = Redirect


def test_what_is_tried_again(pair):
    """500 and 503 are, in order and with the same number; 404 is not."""
    with Hook() as hook:
        hook.statuses = [500, 503, 200]
        watch(pair, hook.url)
        pings = hook.take(3)
        assert [number_of(p) for p in pings] == [1, 1, 1] and {state_of(p) for p in pings} == {"sync"}
        hook.statuses = [404, 200]
        pair.google.insert(summary="one")
        first = hook.next()
        wait_for("the failure", lambda: push_status(pair)["failed"] == 1)
        pair.google.insert(summary="two")
        assert number_of(hook.next()) > number_of(first)
        wait_for("the success", lambda: push_status(pair)["failing"] == 0)


def test_a_config_that_shows_other_calendars(pair):
    """No entry of the list changes by it, but what a GET shows."""
    made = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]

    def listed():
        return any(entry["id"] == made for entry in pair.mirror.get("/calendar/v3/users/me/calendarList").json["items"])
    wait_for("the calendar", listed)
    rest(pair)
    with Hook() as hook:
        watch(pair, hook.url, LIST)
        assert state_of(hook.next()) == "sync"
        for excluded in made, "":
            pair.mirror.sections["account test"]["exclude"] = excluded
            pair.mirror.write_config()
            pair.mirror.process.send_signal(signal.SIGHUP)
            assert state_of(hook.next()) == "exists"
            assert listed() == (excluded == "")


def test_a_receiver_that_was_down(pair):
    """It hears once, of all it missed, when it is back; and others were not held up meanwhile."""
    with Hook() as healthy, free_port() as port:
        with Hook(port=port) as hook:
            hook.keep_alive = False  # or its connection would outlive it
            watch(pair, hook.url)
            hook.next()
        watch(pair, healthy.url)
        healthy.next()
        for i in range(3):
            pair.google.insert(summary=f"missed {i}")
            healthy.next()
        wait_for("it to be missed", lambda: push_status(pair)["failing"] == 1)
        with Hook(port=port) as again:
            ping = again.next()
            assert state_of(ping) == "exists"
            wait_for("the success", lambda: push_status(pair)["failing"] == 0)
            assert again.pings.empty()


def test_one_that_hangs_beside_others(pair):
    with Hook() as hanging, Hook() as healthy:
        watch(pair, hanging.url)
        hanging.next()
        watch(pair, healthy.url)
        healthy.next()
        hanging.gate.clear()
        for i in range(3):
            pair.google.insert(summary=f"edit {i}")
            healthy.next()
            assert not hanging.gate.is_set()
        hanging.gate.set()
        assert state_of(hanging.next()) == "exists"


def test_a_restart_in_the_middle(pair):
    """Channels survive; what changed while it was down is announced once it is pulled; numbers rise."""
    with Hook() as hook, Hook() as slow:
        channel = watch(pair, hook.url)
        watch(pair, slow.url)
        slow.next()
        hook.next()
        pair.google.insert(summary="one")
        first = hook.next()
        slow.next()
        slow.gate.clear()
        pair.google.insert(summary="two")
        second = hook.next()
        interrupted = slow.next()  # taken in, and never answered
        pair.mirror.stop()
        slow.gate.set()
        pair.google.insert(summary="while it was down")
        pair.mirror.start()
        third = hook.next()
        assert 1 < number_of(first) < number_of(second) < number_of(third)
        repeated = slow.next()
        assert number_of(repeated) >= number_of(interrupted)
        stop(pair, channel)
        assert push_status(pair)["open"] == 1


def test_damage(pair):
    """A record gone bad while it was down is told to the operator; a file that is broken in its structure is begun anew."""
    path = os.path.join(pair.mirror.state_dir, "push.mdb")
    with Hook() as hook:
        watch(pair, hook.url)
        assert state_of(hook.next()) == "sync"
        for old, new, words in [(hook.url.encode(), hook.url.replace("http", "ftp:").encode(), "1 damaged records"),
                                (b"push_channel", b"push-channel", "channels that clients had opened are gone")]:
            assert pair.mirror.stop()[0] == 0
            with open(path, "r+b") as f:
                content = f.read().replace(old, new)
                f.seek(0)
                f.write(content)
            pair.mirror.start()
            assert words in pair.mirror.log_text() and push_status(pair)["open"] == 0
        watch(pair, hook.url)
        assert state_of(hook.next()) == "sync"


def test_an_expired_channel_is_silent(start, tmp_path):
    clock = Clock(tmp_path)
    pair = start(push=LOCAL, env=clock.env)
    settle(pair)
    with Hook() as short, Hook() as long:
        watch(pair, short.url, params={"ttl": "3600"})
        watch(pair, long.url, params={"ttl": "8000"})
        short.next(), long.next()
        clock.turn(3601 * 1000, 3601 * 1000)
        pair.google.insert(summary="late")
        assert state_of(long.next()) == "exists"
        assert short.pings.empty()
        wait_for("its end", lambda: push_status(pair)["open"] == 1)


def new_calendar(pair):
    """Its id, once the mirror serves it."""
    made = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
    wait_for("the calendar", lambda: pair.mirror.get(f"/calendar/v3/calendars/{made}/events").status == 200)
    return made


def test_a_calendar_that_is_gone(pair):
    made = new_calendar(pair)
    with Hook() as hook:
        watch(pair, hook.url, EVENTS.format(made))
        hook.next()
        pair.google.call("DELETE", f"/users/me/calendarList/{made}")
        assert state_of(hook.next()) == "not_exists"


def test_a_calendar_that_went_while_nobody_looked(pair):
    """Nothing but the calendar list knows of it by the time the service runs again."""
    made = new_calendar(pair)
    with Hook() as hook:
        watch(pair, hook.url, EVENTS.format(made))
        hook.next()
        pair.mirror.stop()
        pair.google.call("DELETE", f"/users/me/calendarList/{made}")
        by_hand = [os.path.join(BUILD, "calmirrord"), "-c", pair.mirror.config_path, "--resync"]
        subprocess.run(by_hand, check=True, capture_output=True, timeout=60 * PATIENCE)
        pair.mirror.start()
        assert state_of(hook.next()) == "not_exists"
        pair.google.call("POST", "/users/me/calendarList", body={"id": made})
        assert state_of(hook.next()) == "exists"


def test_event_types(pair):
    with Hook() as only, Hook() as all_:
        watch(pair, only.url, EVENTS.format(USER) + "?eventTypes=focusTime")
        watch(pair, all_.url)
        only.next(), all_.next()
        pair.google.insert(summary="an ordinary one")
        all_.next()
        pair.google.insert(summary="focus", eventType="focusTime")
        assert state_of(all_.next()) == state_of(only.next()) == "exists"
        assert only.pings.empty()


def test_many_channels_of_one_receiver(pair):
    """Each channel's messages are in order: its numbers rise, nothing comes twice."""
    with Hook() as hook:
        for _ in range(60):
            watch(pair, hook.url)
        assert {state_of(p) for p in hook.take(60)} == {"sync"}
        seen = {}
        for i in range(3):
            pair.google.insert(summary=f"edit {i}")
            for ping in hook.take(60):
                assert number_of(ping) > seen.get(ping["x-goog-channel-id"], 1)
                seen[ping["x-goog-channel-id"]] = number_of(ping)
            assert len(seen) == 60


def test_opening_while_edits_go_on(pair):
    """Whatever is edited around the opening of a channel is announced to it or listed by who opens it."""
    stop_editing = threading.Event()

    def edit():
        while not stop_editing.is_set():
            pair.google.insert(summary="around")
    editor = threading.Thread(target=edit)
    editor.start()
    try:
        with Hook() as hook:
            watch(pair, hook.url)
            hook.take(2)
    finally:
        stop_editing.set()
        editor.join()


def test_each_client_has_its_own_channels(start, tmp_path):
    """A client watches what it may see, ends its own channels only, and hears nothing after it was shut out."""
    tokens = {name: f"cm_{name:a<43.43}" for name in ("board", "kiosk")}
    clients = {f"client {name}": {"token_sha256": hashlib.sha256(t.encode()).hexdigest()} for name, t in tokens.items()}
    clients["client kiosk"]["calendars"] = "other@*"
    headers = {name: {"Authorization": "Bearer " + t} for name, t in tokens.items()}
    pair = start(ready=False, push={**LOCAL, "channels_per_client": "1"}, **clients)
    wait_for("the calendar", lambda: pair.mirror.request("GET", EVENTS.format(USER)[:-6],
                                                         headers=headers["board"]).status == 200)
    with Hook() as hook:
        watch(pair, hook.url, expect=401)
        watch(pair, hook.url, headers=headers["kiosk"], expect=404)
        watch(pair, hook.url, EVENTS.format("primary"), headers=headers["kiosk"], expect=404)
        mine = watch(pair, hook.url, headers=headers["board"])
        assert reason(watch(pair, hook.url, headers=headers["board"], expect=403)) == "quotaExceeded"
        hook.next()
        stop(pair, mine, headers=headers["kiosk"], expect=404)
        stop(pair, mine, expect=401)
        kiosk = watch(pair, hook.url, LIST, headers=headers["kiosk"])  # counted for itself
        hook.next()
        pair.google.insert(summary="one")
        assert hook.next()["x-goog-channel-id"] == mine["id"]

        operator = open(os.path.join(pair.mirror.state_dir, "operator.token"), encoding="ascii").read().strip()
        admin = {"Authorization": "Bearer " + operator}
        marker = watch(pair, hook.url, headers=admin)
        hook.next()
        pair.mirror.sections["client board"]["calendars"] = "nothing"
        pair.mirror.write_config()
        pair.mirror.told = []
        pair.mirror.process.send_signal(signal.SIGHUP)
        wait_for("the reload", pair.mirror._ready)
        pair.google.insert(summary="two")
        assert hook.next()["x-goog-channel-id"] == marker["id"]
        wait_for("all to be told", lambda: pair.mirror.request(
            "GET", "/v1/status", headers=admin).json["push"]["channels"]["failing"] == 0)
        assert hook.pings.empty()
        assert "push" not in pair.mirror.request("GET", "/v1/status", headers=headers["kiosk"]).json
        stop(pair, mine, headers=admin)
        stop(pair, kiosk, headers=headers["kiosk"])
