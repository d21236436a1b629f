"""Streams of changes end to end: from an edit at Google to the line, across restarts, slow readers, many readers."""
import contextlib
import hashlib
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import browser
from emulator import USER, timed
from failures import settle
from mirror import BUILD, LONG, PATIENCE, TOP, mortal, wait_for
from pair import token_account

sys.path.append(os.path.join(TOP, "tests", "bench"))
import streams as bench  # noqa: E402  tests/bench/streams.py


class Stream:
    """One open stream. events: (event, id, data) of whole events, in order."""

    def __init__(self, mirror, query="", last_id=None, receive_buffer=None, headers=""):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LONG * PATIENCE)
        self.socket.connect(("127.0.0.1", mirror.api_port))
        if last_id:
            headers += f"Last-Event-ID: {last_id}\r\n"
        self.socket.sendall(f"GET /v1/stream{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        self.text = b""
        self.head = None
        self.events = []
        self.ended = False

    def read(self):
        """What has come, and waits for it once."""
        part = self.socket.recv(65536)
        self.ended = not part
        self.text += part
        if self.head is None and b"\r\n\r\n" in self.text:
            head, self.text = self.text.split(b"\r\n\r\n", 1)
            self.head = head.decode()
        while self.head is not None and b"\n\n" in self.text:
            block, self.text = self.text.split(b"\n\n", 1)
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
            if "data" in fields:
                self.events.append((fields.get("event"), fields.get("id"), json.loads(fields["data"])))
            elif "id" in fields:
                self.events.append((None, fields["id"], None))

    def until(self, condition, what):
        deadline = time.monotonic() + LONG * PATIENCE
        while not condition(self):
            assert not self.ended and time.monotonic() < deadline, f"no {what}: {self.head} {self.events[-5:]}"
            self.read()
        return self

    def until_event(self, kind, **members):
        def come(stream):
            return any(e == kind and all(d.get(k) == v for k, v in members.items()) for e, _, d in stream.events)
        return self.until(come, f"{kind} {members}")

    def until_end(self):
        while not self.ended:
            self.read()
        return self

    @property
    def last_id(self):
        return next((i for _, i, _ in reversed(self.events) if i), None)

    def of(self, *kinds):
        return [d for e, _, d in self.events if e in kinds]

    def close(self):
        self.socket.close()


CHANGES = ("created", "updated", "deleted")


def live(start, **options):
    pair = start(**options)
    pair.wait_live(USER)
    return pair


def resync(pair, calendar):
    assert pair.mirror.request("POST", "/v1/resync", json.dumps({"calendar": calendar})).status == 202


def test_an_edit_reaches_a_thousand_streams(start):
    """Edit at Google, notification, pull, line on 1,000 streams, again and again; and an idle stream costs next to nothing. How
    soon the line comes is judged by `make bench`."""
    pair = live(start)
    idle, _, _ = bench.measure(pair, 1000, 9)
    assert idle <= bench.IDLE_BYTES or BUILD.endswith("san")  # sanitizers keep what is freed
    wait_for("the readers to be gone", lambda: pair.mirror.status()["totals"]["streams"] == 0)


def test_kill_and_resume(start):
    """T-SSE-RESUME: a reader goes on where it was after kill -9 and after a restart, changes made meanwhile included."""
    pair = live(start)
    stream = Stream(pair.mirror, "?include=event").until_event("hello")
    first = pair.google.insert(summary="one")["id"]
    stream.until_event("created", eventId=first)
    for end in (pair.mirror.kill, pair.mirror.stop):
        end()
        stream.until_end()
        if end == pair.mirror.stop:
            assert stream.of("end")[-1]["reason"] == "stopping"
        made = pair.google.insert(summary="two")["id"]
        pair.google.patch(USER, first, summary=f"after {end.__name__}")
        pair.mirror.start()
        told = Stream(pair.mirror, "?include=event", last_id=stream.last_id)
        told.until_event("created", eventId=made).until_event("updated", eventId=first)
        assert sorted(d["eventId"] for d in told.of(*CHANGES)) == sorted([made, first])
        assert told.of("updated")[0]["changed"] == ["summary"]
        assert told.of("updated")[0]["event"]["summary"] == f"after {end.__name__}"
        stream.close()
        stream = told
        pair.wait_live(USER)


def test_a_full_listing_repeats_nothing(start):
    """What was told is not told again by a resync, nor by a reload; what the resync finds is."""
    pair = live(start)
    kept = [pair.google.insert(summary=str(i))["id"] for i in range(20)]
    pair.wait_equal(USER)
    stream = Stream(pair.mirror).until_event("hello")
    resync(pair, USER)
    wait_for("the listing", lambda: pair.collection(USER)["listings"] >= 2 and not pair.collection(USER)["running"])
    pair.mirror.process.send_signal(signal.SIGHUP)
    last = pair.google.insert(summary="last")["id"]
    stream.until_event("created", eventId=last)
    assert [d["eventId"] for d in stream.of(*CHANGES)] == [last]
    assert kept and not stream.of("reset")


def fold(known, entry):
    """What a program knows that follows the feed: events by calendar and id."""
    calendar = known.setdefault(entry.get("calendarId"), {})
    if entry["type"] == "reset":
        calendar.clear()
    elif entry["type"] == "deleted":
        calendar.pop(entry["eventId"], None)
    elif entry["type"] in CHANGES:
        calendar[entry["eventId"]] = entry["event"]


def edit_at_random(pair, r, made):
    what = r.random()
    if what < 0.4 or not made:
        made.append(pair.google.insert(summary=str(r.random()))["id"])
    elif what < 0.5:
        made.append(pair.google.insert(summary="series", **timed(zone="Europe/Berlin"),
                                       recurrence=["RRULE:FREQ=DAILY;COUNT=5"])["id"])
    elif what < 0.85:
        pair.google.patch(USER, r.choice(made), summary=str(r.random()))
    else:
        pair.google.delete(USER, made.pop(r.randrange(len(made))))


def test_followers_from_the_beginning_end_equal(start):
    """T-FEED-COMPLETE: who follows pages, and who follows a stream that is cut again and again, both from cursor 0 and
    while a full listing and a restart happen, know in the end just what is listed."""
    seed = int(os.environ.get("CALMIRROR_SEED", 20261122))
    r = random.Random(seed)
    pair = live(start)
    made, pages, streamed = [], {}, {}
    cursor = last = "0"
    for step in range(120):
        edit_at_random(pair, r, made)
        if step == 40:
            resync(pair, USER)
        if step == 80:
            pair.mirror.kill()
            pair.mirror.start()
        if r.random() < 0.3:
            page = pair.mirror.get("/v1/changes", cursor=cursor, include="event", maxResults=r.choice((1, 3, 250))).json
            cursor = page["cursor"]
            for entry in page["items"]:
                fold(pages, entry)
        if r.random() < 0.3:
            stream = Stream(pair.mirror, "?include=event", last_id=last)
            for _ in range(r.randrange(1, 4)):
                stream.until(lambda s, n=r.randrange(3): len(s.events) > n or s.of("hello"), "anything")
            last = stream.last_id or last
            for entry in stream.of(*CHANGES, "reset"):
                fold(streamed, entry)
            stream.close()
    pair.wait_equal(USER)
    pair.wait_quiet(USER)
    more = True
    while more:
        page = pair.mirror.get("/v1/changes", cursor=cursor, include="event").json
        cursor, more = page["cursor"], page["more"]
        for entry in page["items"]:
            fold(pages, entry)
    stream = Stream(pair.mirror, "?include=event", last_id=last)
    stream.until(lambda s: s.last_id == cursor, "the end")
    for entry in stream.of(*CHANGES, "reset"):
        fold(streamed, entry)
    want = {e["id"]: e for e in pair.mirror.events(USER, maxResults="2500")}
    assert pages[USER] == want, f"seed {seed}"
    assert streamed[USER] == want, f"seed {seed}"
    assert len(want) > 10


def test_a_slow_reader_is_cut_and_nobody_waits(start):
    """T-SSE-RESUME: who reads nothing is ended with an event that says so; others do not notice; it can resume."""
    pair = live(start, api={"stream_stall": "500ms"})
    slow = Stream(pair.mirror, "?include=event", receive_buffer=4096)
    quick = Stream(pair.mirror, "?include=event").until_event("hello")
    wait_for("both", lambda: pair.mirror.status()["totals"]["streams"] == 2)
    text = "x" * 8000
    made = []
    while pair.mirror.status()["totals"]["streams_cut"] == 0:
        made += [pair.google.insert(summary=str(i), description=text)["id"] for i in range(20)]
        quick.until_event("created", eventId=made[-1])
        assert len(made) < 20000
    slow.until_end()
    assert slow.events[-1][0] == "end" and slow.events[-1][2]["reason"] == "slow"
    told = Stream(pair.mirror, last_id=slow.last_id)
    told.until(lambda s: len(s.of("created")) + len(slow.of("created")) >= len(made), "the rest")
    assert [d["eventId"] for d in slow.of("created") + told.of("created")] == made
    assert [d["eventId"] for d in quick.of("created")] == made


def test_readers_that_come_and_go(start):
    """A thousand connections that end at every stage leave nothing behind."""
    pair = live(start)
    request = b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for i in range(1000):
        with socket.create_connection(("127.0.0.1", pair.mirror.api_port)) as s:
            s.sendall(request[:i % (len(request) + 1)])
            if i % 3 == 0 and i % (len(request) + 1) == len(request):
                s.recv(100)
            if i % 5 == 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
    wait_for("all to be gone", lambda: pair.mirror.status()["totals"]["streams"] == 0)
    stream = Stream(pair.mirror).until_event("hello")
    event = pair.google.insert(summary="still there")["id"]
    stream.until_event("created", eventId=event)


def test_clients_are_told_what_they_may_know(start):
    """One client sees its calendar, one only times, one nothing; a token that is withdrawn ends its streams."""
    def client(token, **options):
        return {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), **options}
    pair = start(ready=False, **{"client whole": client("w"), "client busy": client("b", freebusy_only=USER),
                                 "client none": client("n", calendars="else@example.com")})
    pair.mirror.token = "w"
    pair.mirror.wait_ready()
    whole, busy, none = (Stream(pair.mirror, "?include=event", headers=f"Authorization: Bearer {t}\r\n")
                         .until_event("hello") for t in "wbn")
    refused = Stream(pair.mirror)
    refused.until(lambda s: s.head, "answer")
    assert refused.head.startswith("HTTP/1.1 401 ")
    event = pair.google.insert(summary="secret")["id"]
    whole.until_event("created", eventId=event)
    busy.until_event("created", eventId=event)
    pair.google.patch(USER, event, summary="secret too")
    whole.until_event("updated", eventId=event)
    busy.until_event("updated", eventId=event)
    assert whole.of("created")[0]["event"]["summary"] == "secret"
    assert busy.of("updated")[0]["changed"] == []
    assert "secret" not in json.dumps(busy.events) and "start" in busy.of("created")[0]
    del pair.mirror.sections["client none"]
    pair.mirror.write_config()
    pair.mirror.process.send_signal(signal.SIGHUP)
    none.until_end()
    assert none.of(*CHANGES, "calendar") == [] and none.of("end")[0]["reason"] == "access"
    pair.google.patch(USER, event, summary="more")
    whole.until(lambda s: len(s.of("updated")) == 2, "second update")


def test_who_sees_something_else_begins_anew(start, tmp_path):
    """A reload lets a client see another calendar, and takes away an account: whoever saw something else is told that what it knows
    is void, on a stream, in a long poll, by a cursor; others go on; and a cursor is good again with what it saw."""
    other = "ny@example.com"
    world = {"users": [{"email": USER, "tokens": ["test-token"], "calendarList": [USER, other]}],
             "calendars": [{"id": USER}, {"id": other, "owner": USER}]}

    def client(token, **options):
        return {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), **options}
    pair = start(world, ready=False, accounts={name: token_account(tmp_path, name=name) for name in ("one", "two")},
                 **{"client part": client("p", accounts="one", calendars=other), "client one": client("o", accounts="one"),
                    "client whole": client("w", admin="yes")})
    pair.mirror.token = "w"
    pair.mirror.wait_ready()

    def stream(token, last_id=None):
        return Stream(pair.mirror, last_id=last_id, headers=f"Authorization: Bearer {token}\r\n").until_event("hello")

    def changes(cursor, **query):
        path = "/v1/changes?" + "&".join(f"{k}={v}" for k, v in {**query, **({"cursor": cursor} if cursor else {})}.items())
        return pair.mirror.request("GET", path, headers={"Authorization": "Bearer p"}).json

    def reload():
        pair.mirror.write_config()
        pair.mirror.process.send_signal(signal.SIGHUP)

    def open_of(name):
        return next(c["streams"] for c in pair.mirror.get("/v1/clients").json["clients"] if c["name"] == name)
    for calendar in (USER, other):
        settle(pair, calendar)
    part, one = stream("p"), stream("o")
    cursor = changes(None)["cursor"]
    polled = []
    poll = threading.Thread(target=lambda: polled.append(changes(cursor, wait=30)))
    poll.start()
    wait_for("the long poll", lambda: open_of("part") == 2)
    pair.mirror.sections["client part"]["calendars"] = USER
    reload()
    assert part.until_end().of("end")[0]["reason"] == "access"
    poll.join()
    void = {"type": "reset", "reason": "access", "do": "Forget everything and read it again."}
    assert polled[0]["items"] == changes(cursor)["items"] == [void]
    part = stream("p", part.last_id).until_event("reset")
    assert part.of("reset") == [void]
    event = pair.google.insert(summary="told")["id"]
    part.until_event("created", eventId=event)
    one.until_event("created", eventId=event)
    assert event in [item.get("eventId") for item in changes(polled[0]["cursor"])["items"]]

    pair.mirror.sections["client part"]["calendars"] = other
    reload()
    assert part.until_end().of("end")[0]["reason"] == "access"
    assert changes(cursor)["items"] == []  # nothing has changed in what it saw then and sees now

    whole = stream("w")
    del pair.mirror.sections["account two"]
    reload()
    assert whole.until_end().of("end")[0]["reason"] == "access"
    assert stream("w", whole.last_id).until_event("reset").of("reset") == [void]
    event = pair.google.insert(summary="told, too")["id"]
    one.until_event("created", eventId=event)
    assert not one.of("reset", "end")


def test_freshness(start):
    """A calendar that cannot be brought up to date is told to be stale, and fresh again."""
    pair = live(start, sync={"backoff_min": "50ms", "backoff_max": "200ms"})
    stream = Stream(pair.mirror, "?types=freshness").until_event("hello")
    pair.emulator.fault("GET */events*", status=500, count=-1)
    resync(pair, USER)
    stream.until_event("freshness", calendarId=USER, stale=True)
    late = Stream(pair.mirror).until_event("freshness", stale=True)
    pair.emulator.clear_faults()
    stream.until_event("freshness", calendarId=USER, stale=False)
    late.until_event("freshness", stale=False)


# -- the command line ------------------------------------------------------------------------------


@contextlib.contextmanager
def command(pair, *arguments, **options):
    process = mortal(subprocess.Popen(
        [os.path.join(BUILD, "calmirror"), *arguments, "--api", f"127.0.0.1:{pair.mirror.api_port}"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, **options, env=dict(os.environ, TZ="Europe/Berlin", LC_ALL="C.UTF-8")))
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=LONG * PATIENCE)


def streams_open(pair, n):
    wait_for(f"{n} streams", lambda: pair.mirror.status()["totals"]["streams"] == n)


def test_watch_across_a_restart(start):
    pair = live(start)
    with command(pair, "watch", "--json") as process:
        streams_open(pair, 1)
        event = pair.google.insert(summary="before")["id"]
        line = json.loads(process.stdout.readline())
        assert (line["type"], line["eventId"], line["event"]["summary"]) == ("created", event, "before")
        pair.mirror.kill()
        pair.google.patch(USER, event, summary="after")
        pair.mirror.start()
        line = json.loads(process.stdout.readline())
        assert (line["type"], line["changed"], line["event"]["summary"]) == ("updated", ["summary"], "after")


def test_watch_runs_a_command_for_each_change(start, tmp_path):
    pair = live(start)
    log = tmp_path / "log"

    def lines_are(n):
        wait_for(f"{n} lines", lambda: log.exists() and len(log.read_text().splitlines()) == n)

    with command(pair, "watch", "--calendar", USER, "--exec", f"sleep 0.05; echo $CALMIRROR_TYPE $(cat) >>{log}"):
        streams_open(pair, 1)
        made = [pair.google.insert(summary=str(i))["id"] for i in range(5)]
        lines_are(5)
        pair.google.delete(USER, made[0])
        lines_are(6)
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert [json.loads(data)["type"] for _, data in lines] == [kind for kind, _ in lines]
    assert [json.loads(data)["eventId"] for _, data in lines] == [*made, made[0]]


def test_watch_says_how_a_command_ended(start):
    """Also where whoever started it ignores SIGCHLD."""
    pair = live(start)
    with command(pair, "watch", "--exec", "exit 3",
                 preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)) as process:
        streams_open(pair, 1)
        pair.google.insert(summary="one")
        assert process.stdout.readline() == "calmirror: the command ended with status 3\n"


def test_watch_for_people(start):
    pair = live(start)
    with command(pair, "watch") as process:
        streams_open(pair, 1)
        pair.google.insert(summary="Tee\033[2J", start={"date": "2026-03-02"}, end={"date": "2026-03-03"})
        line = process.stdout.readline().rstrip("\n")
    assert line[8:] == "  created    me@example.com  Mon 02 Mar  Tee?[2J"


def test_watch_refused(start):
    pair = start()
    with command(pair, "watch", "--calendar", "nobody") as process:
        assert process.wait(LONG * PATIENCE) == 67
        assert process.stdout.read().startswith("calmirror: the service refused: there is no such calendar or account")


def test_agenda(start):
    pair = start()
    for title, begin, end in (("Standup", "2026-03-02T09:00:00+01:00", "2026-03-02T09:15:00+01:00"),
                              ("Night", "2026-03-02T22:00:00+01:00", "2026-03-03T06:00:00+01:00"),
                              ("Until midnight", "2026-03-02T20:00:00+01:00", "2026-03-03T00:00:00+01:00"),
                              ("In Tokyo", "2026-03-03T10:00:00+09:00", "2026-03-03T11:00:00+09:00")):
        pair.google.insert(summary=title, start={"dateTime": begin}, end={"dateTime": end})
    pair.google.insert(summary="Fair", start={"date": "2026-03-03"}, end={"date": "2026-03-05"})
    pair.google.insert(summary="Weekly", start={"dateTime": "2026-02-24T12:00:00", "timeZone": "Europe/Berlin"},
                       end={"dateTime": "2026-02-24T13:00:00", "timeZone": "Europe/Berlin"},
                       recurrence=["RRULE:FREQ=WEEKLY"])
    pair.wait_equal(USER)
    window = ("--from", "2026-03-02", "--to", "2026-03-05")
    with command(pair, "agenda", *window) as process:
        lines = [line.rstrip() for line in process.stdout.read().splitlines()]
    assert [line[:40].rstrip() for line in lines] == [
        "Monday, 02 March 2026",
        "  09:00-09:15  Standup",
        "  20:00-00:00  Until midnight",
        "  22:00-       Night (day 1 of 2)",
        "Tuesday, 03 March 2026",
        "  all day      Fair (day 1 of 2)",
        "  -06:00       Night (day 2 of 2)",
        "  02:00-03:00  In Tokyo",
        "  12:00-13:00  Weekly",
        "Wednesday, 04 March 2026",
        "  all day      Fair (day 2 of 2)",
    ]
    with command(pair, "agenda", "--json", *window) as process:
        items = json.loads(process.stdout.read())["items"]
    assert len(items) == 6 and all(item["calendarId"] == USER for item in items)
    with command(pair, "agenda", "--watch", *window) as process:
        for _ in range(len(lines)):
            process.stdout.readline()
        streams_open(pair, 1)
        pair.google.insert(summary="New", start={"dateTime": "2026-03-04T10:00:00+01:00"},
                           end={"dateTime": "2026-03-04T11:00:00+01:00"})
        again = [process.stdout.readline() for _ in range(len(lines) + 1)]
    assert again[-1].startswith("  10:00-11:00  New")


PAGE = b"""<!doctype html><script>
const told = [], stream = new EventSource(location.search.slice(1) + '/v1/stream');
for (const type of ['hello', 'created', 'updated', 'deleted'])
    stream.addEventListener(type, e => told.push([type, JSON.parse(e.data).eventId].filter(Boolean).join(' ')));
</script>"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def page():
    """The origin of a web server that has PAGE."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.skipif(not browser.BINARY, reason="no Chromium here: streams were read with plain sockets alone")
def test_in_a_browser(start):
    """An EventSource on a page of another origin resumes by itself across kill -9; the service's own page shows what
    changes as text."""
    with browser.Browser() as chromium, page() as origin:
        pair = live(start, api={"origins": origin})
        chromium.go(f"{origin}/?{pair.mirror.url}")
        chromium.wait("told[0] === 'hello'")
        event = pair.google.insert(summary="<b>one</b>")["id"]
        chromium.wait(f"told.includes('created {event}')")
        pair.mirror.kill()
        pair.google.patch(USER, event, summary="two")
        pair.mirror.start()
        chromium.wait(f"told.includes('updated {event}')")
        assert chromium.script("told.filter(t => t != 'hello').length") == 2
        pair.wait_live(USER)
        chromium.go(pair.mirror.url + "/")
        chromium.wait("stream.readyState === EventSource.OPEN")
        pair.google.patch(USER, event, summary="<b>three</b>")
        assert "<b>three</b>" in chromium.wait("document.querySelector('#live li')?.innerText.includes('three') && "
                                               "document.querySelector('#live').innerText")
