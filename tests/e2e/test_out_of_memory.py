"""Memory runs out, at each place of the service and of the command line in turn (see memory_shim.c)."""
import http.client
import json
import mmap
import os
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time
from urllib.parse import quote

import pytest

from authority import Authority
from emulator import USER, Hook, timed
from failures import EAGER
from mirror import BUILD, LONG, PATIENCE, wait_for
from push import LOCAL

CALENDAR = f"/calendar/v3/calendars/{quote(USER)}"
WINDOW = "timeMin=2026-07-01T00:00:00Z&timeMax=2026-08-01T00:00:00Z"
SECONDS = float(os.environ.get("CALMIRROR_SECONDS", 10))
CLI = os.path.join(BUILD, "calmirror")
ONE = "single0000"
PROOF = "google1234567890abcdef.html"
SERIES = "series0000"
READS = [("GET", path, None) for path in [
    f"{CALENDAR}/events", f"{CALENDAR}/events?maxResults=3&q=caf%C3%A9", f"{CALENDAR}/events?{WINDOW}&singleEvents=true",
    f"{CALENDAR}/events?{WINDOW}&singleEvents=true&orderBy=startTime&timeZone=Asia/Calcutta",
    f"{CALENDAR}/events?fields=items(id,summary)", f"{CALENDAR}/events/{SERIES}/instances?maxResults=4",
    f"{CALENDAR}/events/{SERIES}_20260713T140000Z", f"{CALENDAR}/acl", "/calendar/v3/users/me/calendarList",
    "/discovery/v1/apis", "/discovery/v1/apis/calendar/v3/rest", f"/v1/calendars/{quote(USER)}.ics",
    f"{CALENDAR.replace('calendars', '%63alendars')}/events/{ONE}"]]
READS.append(("POST", "/calendar/v3/freeBusy", json.dumps(
    {"timeMin": "2026-07-01T00:00:00Z", "timeMax": "2026-08-01T00:00:00Z", "items": [{"id": USER}]})))


class Memory:
    """What memory_shim.so is told."""

    def __init__(self, directory):
        self.random = random.Random(os.environ.get("CALMIRROR_SEED", 1))
        path = os.path.join(str(directory), "memory")
        with open(path, "wb") as f:
            f.truncate(4 * (2 + (1 << 14)))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.env = {"LD_PRELOAD": os.path.join(BUILD, "memory-shim.so"), "MEMORY_SHIM": path}

    def short(self, on):
        """Whatever is asked for in a new place fails."""
        self.map[:4] = struct.pack("I", on)

    def short_once(self):
        """What is asked for in a new place fails once; with time for all of them the first, else any."""
        self.short(2 + (0 if SECONDS > 60 else int(10 ** self.random.uniform(0, 3.3)) - 1))

    @property
    def failed(self):
        return struct.unpack("I", self.map[4:8])[0]


def series():
    start = timed("2026-07-01T10:00:00", "2026-07-01T11:00:00", "America/New_York")
    return {"id": SERIES, "summary": "a series", **start,
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,WE", "EXDATE;TZID=America/New_York:20260708T100000"]}


def client_section(directory):
    """A client of the configuration: its token, and what belongs in its section."""
    made = json.loads(subprocess.run([CLI, "client", "add", "wall", "--json", "-c", str(directory / "none")],
                                     capture_output=True, check=True).stdout)
    return made["token"], dict(line.split(" = ", 1) for line in made["section"].splitlines()[1:])


def ask(mirror, read):
    """(status, body); None when there is no answer."""
    try:
        answer = mirror.request(*read, headers={"Authorization": f"Bearer {mirror.token}"})
        return answer.status, answer.body
    except (OSError, http.client.HTTPException):
        return None


class Certificates:
    """Two of them for the webhook, put in place in turn."""

    def __init__(self, directory):
        self.authority = Authority(directory / "authority")
        self.issued = [self.authority.issue(name) for name in ("one", "two")]
        self.files = [str(directory / name) for name in ("live.pem", "live.key")]
        self.turn()

    def turn(self):
        self.issued.reverse()
        for source, target in zip(self.issued[0], self.files):
            shutil.copy2(source, target + ".new")
            os.rename(target + ".new", target)

    def served(self, mirror):
        """Is it the one whose turn it is?"""
        try:
            with socket.create_connection(("127.0.0.1", mirror.hook_port), 2) as s:
                with self.authority.context().wrap_socket(s, server_hostname="127.0.0.1") as tls:
                    shown = ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))
        except OSError:
            return False
        with open(self.files[0], encoding="ascii") as f:
            return f.read().startswith(shown)


def fails(answer):
    """Of free/busy each calendar fails by itself."""
    return answer is None or answer[0] >= 500 or b'"internalError"' in answer[1]


def settled(mirror, memory, read):
    """What it answers with all the memory it wants. It may have ended, if it has said why; it is started again then."""
    def answered():
        if mirror.process.poll() is not None:
            log = mirror.log_text()  # another thread may have had a word after that
            assert "out of memory: this process ends" in log.rpartition(" serves on ")[2], log[-2000:]
            mirror.wait_end()
            mirror.start()
            mirror.wait_ready()
        return ask(mirror, read)

    memory.short(False)
    return wait_for("an answer", answered)


without_sanitizers = pytest.mark.skipif(os.path.basename(BUILD) in ("asan", "tsan"),
                                        reason="allocations are the sanitizer's")


@without_sanitizers
def test_no_answer_is_wrong_and_no_change_is_lost(start, tmp_path):
    """Requests fail, runs are tried again or the service ends; what is answered is right, now and afterwards. So it is
    with certificates that are replaced meanwhile."""
    memory = Memory(tmp_path)
    certificates = Certificates(tmp_path)
    token, client = client_section(tmp_path)
    pair = start(env=memory.env, ready=False, sync={**EAGER, "backoff_min": "20ms"}, **{"client wall": client},
                 prepare=lambda emulator: emulator.set_pings(tls_ca=certificates.authority.file),
                 webhook=dict(zip(("tls_cert", "tls_key"), certificates.files)))
    mirror, google = pair.mirror, pair.google
    mirror.token = token
    mirror.wait_ready()
    mirror.may_end = True
    google.insert(body=series())
    google.insert(body={"id": ONE, "summary": "caf\u00e9 \"one\"", **timed()})
    until, before = time.monotonic() + SECONDS, -1
    while memory.failed > before and time.monotonic() < until:
        before = memory.failed
        certificates.turn()
        mirror.read_notifications()  # or the service waits for room to tell of another reload
        memory.short(True)
        mirror.process.send_signal(signal.SIGHUP)
        google.patch(USER, ONE, summary=f"caf\u00e9 \"{before}\"")
        google.patch(USER, SERIES, description="x" * 3000 + str(before))
        google.delete(USER, google.insert(body={**series(), "id": f"gone{before:08}"})["id"])
        wait_for("the end, or that it knows of all this", lambda: mirror.process.poll() is not None
                 or pair.emulator.state(brief=1)["pings_pending"] == 0)
        settled(mirror, memory, READS[0])
        pair.wait_equal_all()
        wait_for("the new certificate", lambda: certificates.served(mirror))
        for read in READS:
            right = settled(mirror, memory, read)
            assert right[0] == 200, (read, right)
            memory.short(True)
            answer = ask(mirror, read)
            assert fails(answer) or answer == right, (read, answer, right)
            assert settled(mirror, memory, read) == right, read
        memory.short(True)
        done = run(pair, ["key", "rotate", "--json"])
        assert done.returncode in (69, 70, 75) or json.loads(done.stdout) == {"resealed": 0}, done
        settled(mirror, memory, READS[0])
    print(memory.failed, "allocations failed")
    assert memory.failed > 40


@without_sanitizers
def test_a_channel_that_is_opened_is_told(start, tmp_path):
    """Each allocation of an opening fails once: it is refused, or its channel gets the first message."""
    memory = Memory(tmp_path)
    pair = start(env=memory.env, push=LOCAL)
    mirror = pair.mirror
    mirror.may_end = True
    until, before, opened = time.monotonic() + SECONDS / 2, -1, 0
    seen = set()

    def is_told():
        settled(mirror, memory, READS[0])  # it may end after it has answered
        while not hook.pings.empty():
            seen.add(hook.next()["x-goog-channel-id"])
        return f"channel-{opened}" in seen
    with Hook() as hook:
        while memory.failed > before and time.monotonic() < until:
            before = memory.failed
            opened += 1
            body = json.dumps({"id": f"channel-{opened}", "type": "web_hook", "address": hook.url})
            memory.short(True)
            answer = ask(mirror, ("POST", f"{CALENDAR}/events/watch", body))
            settled(mirror, memory, READS[0])
            if answer is None or answer[0] >= 500:
                continue
            assert answer[0] == 200, answer
            wait_for("its first message", is_told)
    print(memory.failed, "allocations failed in", opened, "openings")
    assert memory.failed > 0


def serves(pair, certificates):
    """What it does with all the memory it wants, after it had not enough for its start: names what it does not."""
    mirror = pair.mirror

    def hook(method, path):
        connection = http.client.HTTPSConnection("127.0.0.1", mirror.hook_port, timeout=LONG * PATIENCE,
                                                 context=certificates.authority.context())
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    wait_for("an event", lambda: ONE in mirror.get(f"{CALENDAR}/events").body.decode())
    works = {"notifications": hook("POST", "/hooks/google") == (200, b""),
             "the proof": hook("GET", "/" + PROOF) == (200, f"google-site-verification: {PROOF}".encode()),
             "the operator": run(pair, ["status"]).returncode == 0,
             "clients": run(pair, ["client", "list"]).stdout.startswith("wall\n"),
             "hooks": '"board"' in run(pair, ["hooks", "--json"]).stdout,
             "logins": run(pair, ["key", "rotate"]).returncode == 0}
    return {name for name, well in works.items() if not well}


@without_sanitizers
def test_a_start_goes_well_or_is_tried_again(start, tmp_path):
    """Each allocation of a start fails once: it ends, with a word and a status upon which the service manager starts it
    anew, or everything works, but for what the log says does not."""
    memory = Memory(tmp_path)
    certificates = Certificates(tmp_path)
    token, client = client_section(tmp_path)
    pair = start(env=memory.env, ready=False, sync=EAGER, **{"client wall": client, "hook board": {"url": "http://127.0.0.1:1/"}},
                 webhook={**dict(zip(("tls_cert", "tls_key"), certificates.files)), "site_verification": PROOF})
    mirror = pair.mirror
    mirror.token = token
    pair.google.insert(body={"id": ONE, **timed()})
    assert serves(pair, certificates) == set()
    mirror.stop()
    until, before, starts = time.monotonic() + SECONDS / 2, -1, 0
    while (memory.failed > before or SECONDS <= 60) and (time.monotonic() < until or memory.failed <= 3):
        before, said = memory.failed, len(mirror.log_text())
        memory.short_once()
        mirror.start(wait=False)
        wait_for("its end, or READY=1", lambda: mirror.process.poll() is not None or mirror.read_notifications()
                 or "READY=1" in mirror.told)
        memory.short(False)
        starts += 1
        if mirror.process.poll() is None:
            lacking = serves(pair, certificates)
            told = mirror.log_text()[said:]
            assert not lacking or (lacking == {"logins"} and ("nobody can sign in or out: " in told or "stored logins: " in told)), \
                (lacking, told)
            mirror.stop()
            continue
        status, told = mirror.wait_end(), mirror.log_text()[said:]
        assert (status == 71 and ("not started: " in told or "memory" in told)) or (
            status == -signal.SIGABRT and "out of memory: this process ends" in told), (status, told)
    print(memory.failed, "allocations failed in", starts, "starts")
    assert memory.failed > 3


JULY = ["-f", "2026-07-01", "-t", "2026-08-01"]
COMMANDS = [[*command, *json_too] for command in (
    ["status"], ["calendars"], ["events", "primary", *JULY], ["agenda", *JULY], ["resync", USER, "--wait"],
    ["verify", USER, "-i", *JULY], ["client", "add", "new", "-a", "test"], ["client", "list"], ["hooks"],
    ["hooks", "drop", "board"], ["doctor"], ["login", "-a", "test"], ["logout", "-a", "test"], ["key", "rotate"])
    for json_too in ([], ["--json"])]


def run(pair, command, env=None):
    env = {k: v for k, v in os.environ.items() if k not in ("CALMIRROR_TOKEN", "XDG_CONFIG_HOME", "HOME")} | (env or {})
    return subprocess.run([CLI, *command, "-c", pair.mirror.config_path], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60 * PATIENCE, check=False, env={**env, "TZ": "UTC"})


def outline(value, depth=2):
    """The names of the members, and how many there are of what."""
    if depth and isinstance(value, list):
        return [outline(item, depth - 1) for item in value]
    return {name: outline(member, depth - 1) for name, member in value.items()} if depth and isinstance(value, dict) else 0


def told(done):
    """Without what is another one each time: tokens, hashes, times, numbers, and the room that they take."""
    if done.stdout.startswith("ok    config"):  # doctor: what it looked at
        return {line[6:16] for line in done.stdout.splitlines()}
    if done.stdout.endswith(("}\n", "]\n")):
        return done.returncode, outline(json.loads(done.stdout))
    text = re.sub(r"cm_[\w-]{43}", "TOKEN", done.stdout)
    text = re.sub(r"[0-9a-f]{64}", "HASH", text)
    return done.returncode, re.sub(r" +", " ", re.sub(r"\d+[smhd]?( \d+[smh])?", "#", text))


@without_sanitizers
def test_a_command_does_its_work_or_says_why_not(start, tmp_path):
    """Each allocation of each command fails once: there is the whole output, or a word and a status that say no."""
    memory = Memory(tmp_path)
    token, client = client_section(tmp_path)
    pair = start(ready=False, **{"client wall": client, "hook board": {"url": "http://127.0.0.1:1/"}})
    pair.mirror.token = token
    pair.google.insert(body=series())
    pair.google.insert(body={"id": ONE, "summary": "caf\u00e9 \"one\"", **timed()})
    wait_for("both events", lambda: ONE in run(pair, ["events", "primary"]).stdout)
    right = [run(pair, command) for command in COMMANDS]
    until, before, runs = time.monotonic() + SECONDS / 2, -1, 0
    while (memory.failed > before or SECONDS <= 60) and (time.monotonic() < until or memory.failed <= 10):
        before = memory.failed
        for command, good in zip(COMMANDS, right):
            memory.short_once()
            done = run(pair, command, memory.env)
            runs += 1
            if told(done) == told(good):
                continue
            assert "memory" in done.stderr or (command[0] == "doctor" and "memory" in done.stdout), (command, done)
            assert done.returncode in (2, 69, 71), (command, done)
    print(memory.failed, "allocations failed in", runs, "runs")
    assert memory.failed > 10
