"""Failure cases of notifications: lost, late, doubled, forged, in bursts, at bad moments."""
import http.client
import socket
import threading
import time

import pytest

from emulator import USER
from failures import (HOUR_MS, Clock, event_channels, headers_of, hold_second_page, pulls, rest, send_ping, settle, title,
                      wait_title)
from mirror import LONG, PATIENCE, wait_for


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def test_edit_behind_the_page_already_read(start):
    """T-PING-DURING-PULL: a change and its ping after the first page of the pull was served."""
    pair = start()
    ids = hold_second_page(pair)
    for event in ids:  # also those of the page that was read
        pair.google.patch(USER, event, summary="second")
    pair.emulator.wait_pings_done()
    pair.emulator.release()
    pair.wait_equal(USER)
    assert all(title(pair, event) == "second" for event in ids)


def test_edits_during_a_long_listing(start):
    """T-PING-DURING-PULL: changes while a full listing of many pages is under way, on pages read and to be read."""
    pair = start()
    events = [pair.google.insert(summary="0", start={"dateTime": f"2026-07-{i + 1:02}T10:00:00Z"},
                                 end={"dateTime": f"2026-07-{i + 1:02}T11:00:00Z"})["id"] for i in range(31)]
    pair.wait_equal(USER)
    settle(pair)
    pair.emulator.set_pages(max_page=5)  # the increments fit in one
    pages = pair.emulator.fault("GET */events", query="*pageToken=*", hold=True, count=-1)["id"]
    pair.mirror.request("POST", "/v1/resync")
    pair.emulator.wait_held()
    for n in range(4):  # page by page; each change can be read while the next page is on its way
        for event in (events[n], events[-1 - n]):
            pair.google.patch(USER, event, summary=f"edit {n}")
        pair.google.delete(USER, events[8 + n])
        made = pair.google.insert(summary="made meanwhile")["id"]
        pair.emulator.wait_pings_done()
        pair.emulator.release(fault=pages, count=1)
        wait_title(pair, made, "made meanwhile")
        wait_title(pair, events[-1 - n], f"edit {n}")
        assert title(pair, events[n]) == f"edit {n}"
        assert pair.collection(USER)["listing"]
        pair.wait_equal(USER)
        pair.emulator.wait_held()
    pair.emulator.clear_faults()
    pair.emulator.release()
    wait_for("the listing's end", lambda: not pair.collection(USER)["listing"])
    pair.wait_equal(USER)
    pair.wait_quiet(USER)


def test_no_change_is_swallowed_by_the_one_before(start):
    """T-PING-THROTTLE: a change at each moment after the one before, no check to make up for it."""
    pair = start()
    event = pair.google.insert(summary="0")["id"]
    settle(pair)
    for n in range(1, 25):
        pair.google.patch(USER, event, summary=str(n))
        if n % 3:  # at times the next one comes while the pull runs
            wait_title(pair, event, str(n))
    wait_title(pair, event, "24")


def test_late_doubled_and_shuffled(start, clock):
    """T-PING-LATE-DUP-REORDER: notifications doubled, in reverse order, minutes late."""
    pair = start(env=clock.env)
    event = pair.google.insert(summary="0")["id"]
    settle(pair)
    calls = len(pulls(pair, USER)[0])
    pair.emulator.set_pings(duplicate=2, reorder=4)
    pair.emulator.fault("GET */events", hold=True, count=1)  # until all of them have come
    for n in range(4):
        pair.google.patch(USER, event, summary=f"edit {n}")
    pair.emulator.wait_held()
    pair.emulator.wait_pings_done()
    pair.emulator.release()
    wait_title(pair, event, "edit 3")
    pair.wait_quiet(USER)
    assert len(pulls(pair, USER)[0]) - calls <= 2
    pair.emulator.set_pings(reset=True, paused=True)
    pair.google.patch(USER, event, summary="late")
    clock.sleep(pair, 10 * 60 * 1000)
    pair.emulator.set_pings(paused=False)
    wait_title(pair, event, "late")
    pair.wait_equal(USER)


def test_sync_verifies_and_gives_nothing(start):
    """T-PING-SYNC-STATE: a `sync` message with and without the right token."""
    pair = start(prepare=lambda emulator: emulator.set_watch(sync="never"))
    wait_for("the watch to be answered", lambda: pair.channel_state(USER) == "unverified")
    rest(pair)
    channel, = event_channels(pair)
    calls = len(pair.upstream())
    for token in ("", None, "wrong", channel["token"][:-1], channel["token"] + "x"):
        send_ping(pair, headers_of(channel, "sync", 1, **{"Channel_Token": token}))
    assert pair.channel_state(USER) == "unverified"
    send_ping(pair, headers_of(channel, "sync", 1))
    assert pair.channel_state(USER) == "live"
    rest(pair)
    assert len(pair.upstream()) == calls


def raw(pair, data, pieces=1):
    """Sends bytes to the webhook; what comes back until it closes or says enough."""
    with socket.create_connection(("127.0.0.1", pair.mirror.hook_port), timeout=LONG * PATIENCE) as s:
        try:
            for i in range(pieces):
                s.sendall(data)
            return s.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def test_forgeries(start):
    """T-PING-SPOOF: wrong, missing, borrowed tokens, wrong resource ids, giant headers and bodies, a slow sender."""
    pair = start(prepare=lambda emulator: emulator.api.call("POST", "/calendars", body={"summary": "Team"}))
    other = next(c for c in pair.calendars() if c != USER)
    settle(pair)
    settle(pair, other)
    rest(pair)
    mine, theirs = event_channels(pair)[0], event_channels(pair, other)[0]
    calls, refused = len(pair.upstream()), pair.mirror.status()["totals"]["pings_refused"]
    forged = [headers_of(mine, Channel_Token=token) for token in
              ("wrong", None, "", theirs["token"], mine["token"].upper(), "x" * 4096, mine["token"].split(".")[0])]
    forged += [headers_of(mine, Resource_ID="wrong"), headers_of(mine, Resource_ID=None),
               headers_of(mine, Channel_ID=None), headers_of(mine, Channel_ID="x" * 64),
               headers_of(mine, Channel_ID=theirs["id"]), {}]
    genuine = send_ping(pair, headers_of(mine, "sync", 1))  # known already: nothing follows from it
    assert genuine[0] == 200 and genuine[2] == b""
    for headers in forged:
        assert send_ping(pair, headers) == genuine
    assert pair.mirror.status()["totals"]["pings_refused"] >= refused + 10

    rss = pair.mirror.rss_anon_kib()
    slow = [socket.create_connection(("127.0.0.1", pair.mirror.hook_port)) for _ in range(50)]
    for s in slow:
        s.sendall(b"POST /hooks/google HTTP/1.1\r\nHost: x\r\nX-Goog-")
    head = b"POST /hooks/google HTTP/1.1\r\nHost: x\r\n"
    assert raw(pair, head + b"X-Long: " + b"x" * (1 << 20)).split(b" ")[1:2] in ([b"431"], [b"400"], [])
    assert raw(pair, head + b"Content-Length: 10485760\r\n\r\n" + b"x" * (10 << 20)).split(b" ")[1:2] in ([b"413"], [])
    assert raw(pair, head + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n",
               160).split(b" ")[1:2] in ([b"413"], [])
    assert send_ping(pair, headers_of(mine, "sync", 1)) == genuine  # it goes on serving
    assert pair.mirror.rss_anon_kib() - rss < 8 * 1024
    for s in slow:
        s.close()
    rest(pair)
    assert len(pair.upstream()) == calls


def flood(pair, headers, count, senders=8):
    """Posts `count` notifications over a few connections as fast as it goes; headers(n) are those of the n-th. The answers."""
    answers = set()

    def send(first):
        connection = http.client.HTTPConnection("127.0.0.1", pair.mirror.hook_port, timeout=LONG * PATIENCE)
        for n in range(first, count, senders):
            connection.request("POST", "/hooks/google", headers=headers(n))
            response = connection.getresponse()
            answers.add((response.status, response.read()))
        connection.close()

    threads = [threading.Thread(target=send, args=(first,)) for first in range(senders)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_floods(start):
    """T-PING-SPOOF, T-PING-BURST: thousands of forgeries, each another; then a genuine one replayed without end."""
    pair = start()
    event = pair.google.insert(summary="0")["id"]
    settle(pair)
    rest(pair)
    channel, = event_channels(pair)
    rss, calls = pair.mirror.rss_anon_kib(), len(pair.upstream())
    threads, answers = flood(pair, lambda n: headers_of(
        channel, Channel_ID=f"forged-{n}" if n % 3 else channel["id"], Resource_ID=f"r{n}",
        Channel_Token=f"{n}.{'x' * (n % 100)}" if n % 2 else channel["token"]), 6000)
    for n in range(5):  # meanwhile
        pair.google.patch(USER, event, summary=f"edit {n}")
        wait_title(pair, event, f"edit {n}")
    for thread in threads:
        thread.join()
    assert answers == {(200, b"")}
    assert pair.mirror.rss_anon_kib() - rss < 8 * 1024 * PATIENCE
    assert len(pair.upstream()) - calls <= 10

    calls, began = len(pair.upstream()), time.monotonic()
    threads, answers = flood(pair, lambda n: headers_of(channel, number=n + 1), 4000)
    for thread in threads:
        thread.join()
    pair.google.patch(USER, event, summary="after the flood")
    wait_title(pair, event, "after the flood")
    pair.wait_quiet(USER)
    assert answers == {(200, b"")}
    # Forty at once, then two a second.
    assert len(pair.upstream()) - calls <= 44 + 2 * (time.monotonic() - began)


def test_ping_of_a_calendar_that_cannot_be_pulled_yet(start, clock):
    """T-PING-NO-TOKEN-YET: a ping while there is no sync token, the listing that would bring one having to wait."""
    pair = start(env=clock.env)
    settle(pair)
    pair.emulator.kill_tokens(persistent=True)
    for n in range(4):  # until listings are rationed
        pair.google.insert(summary=f"dead token {n}")
        pair.emulator.wait_pings_done()
        wait_for("rest", lambda: not pair.collection(USER)["running"] and pair.collection(USER)["due_in_ms"] > 1000)
    event = pair.google.insert(summary="owed")["id"]
    pair.emulator.wait_pings_done()
    wait_for("the mark", lambda: pair.collection(USER)["dirty"])
    pair.emulator.kill_tokens(persistent=False)
    pair.mirror.kill()
    pair.mirror.start()
    assert pair.collection(USER)["dirty"]
    clock.sleep(pair, 13 * HOUR_MS)
    wait_title(pair, event, "owed")
    pair.wait_equal(USER)
    pair.wait_quiet(USER)


def test_killed_after_the_answer(start):
    """T-PING-KILL: kill -9 once the ping was answered, before the pull; no other ping, no check for hours."""
    pair = start(sync={"poll_interval": "12h", "poll_interval_unhealthy": "12h"})
    settle(pair)
    pair.emulator.fault("GET */events", hold=True, count=1)
    event = pair.google.insert(summary="answered for")["id"]
    pair.emulator.wait_held()
    pair.emulator.wait_pings_done()
    assert pair.emulator.pings()[-1]["result"] == "delivered"
    pair.mirror.kill()
    pair.emulator.release()
    pair.emulator.set_pings(drop=True)
    pair.mirror.start()
    wait_title(pair, event, "answered for")
    pair.wait_equal(USER)


def test_ping_without_a_change(start, clock):
    """T-PING-EMPTY: a ping, but nothing changed: one more look a little later, then rest."""
    pair = start(env=clock.env)
    settle(pair)
    clock.sleep(pair, 30_000)
    calls = len(pulls(pair, USER)[0])
    pair.emulator.ping(calendar=USER)
    pair.emulator.wait_pings_done()
    wait_for("the pull", lambda: len(pulls(pair, USER)[0]) == calls + 1)
    wait_for("its count", lambda: pair.collection(USER)["empty_pulls"] == 1)
    assert 0 < pair.collection(USER)["due_in_ms"] <= 15_000
    clock.sleep(pair, 20_000)
    wait_for("the second look", lambda: len(pulls(pair, USER)[0]) == calls + 2)
    pair.wait_quiet(USER)
    assert pair.collection(USER)["due_in_ms"] > 60_000
