"""Runs the real calmirrord for a test: config, sockets, restarts, requests, waiting.

Sockets are bound here, on ports the kernel chose, and handed over as a service manager would: they
survive a kill -9, so a test restarts the daemon on the same addresses without a race.
"""
import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

import logscan

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("CALMIRROR_BUILD", "build"))
# Sanitizer and valgrind builds are slower: everything that waits is scaled by this.
PATIENCE = float(os.environ.get("CALMIRROR_PATIENCE", "1"))
# Seconds that a wait lasts at most: a slow machine with much else to do needs some of them, what comes soon costs none. Fewer than
# the minute after which a mirror asks again by itself: what is to come at once must not be found by that.
LONG = 45.0

os.umask(0o022)  # as a service manager has it: what a test writes must not depend on whose shell that is


def wait_for(what, condition, timeout=LONG):
    """Polls `condition` until it is truthy and returns that; says what it waited for when it never was."""
    deadline = time.monotonic() + timeout * PATIENCE
    last = None
    while time.monotonic() < deadline:
        last = condition()
        if last:
            return last
        time.sleep(0.01)  # between two looks, not instead of one
    raise AssertionError(f"waited {timeout * PATIENCE:.0f} s for {what}; last seen: {last!r}")


def mortal(process, seconds=3 * LONG):
    """Kills it when that time is over, so that whoever reads its output reads the end of it, not for ever."""
    timer = threading.Timer(seconds * PATIENCE, process.kill)
    timer.daemon = True
    timer.start()
    return process


def listening_socket():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    s.listen(1024)
    return s


def leave(listener):
    """Nobody listens there any more, nor is anybody else given the port; returns what keeps it."""
    place = listener.getsockname()
    listener.close()
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(place)
    return kept


class NotYet(Exception):
    """The calendar is known and was never listed in full."""


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class Mirror:
    """One calmirrord with its state directory. `accounts` maps a name to its options in the config.

    `webhook`: options of that section; False: there is none, calendars are polled."""

    def __init__(self, directory, emulator_url, accounts, webhook=True, binary=None, env=None, wrapper=(),
                 **sections):
        self.directory = str(directory)
        self.state_dir = os.path.join(self.directory, "state")
        self.log_path = os.path.join(self.directory, "calmirrord.log")
        self.config_path = os.path.join(self.directory, "calmirrord.conf")
        self.binary = binary or os.path.join(BUILD, "calmirrord")
        self.wrapper = list(wrapper)
        self.env = dict(env or {})
        self.process = None
        self.log_scanned = 0  # so many bytes of it
        self.token = None  # of a client; sent with get() and what asks by it
        self.timeout = 30  # of one request: a killed service leaves its sockets open, with nobody behind them
        self.may_end = False  # by itself: then so do requests that it has not answered
        self.api = listening_socket()
        self.hook = listening_socket()
        self.api_port = self.api.getsockname()[1]
        self.hook_port = self.hook.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.api_port}"
        options = webhook if isinstance(webhook, dict) else {}
        scheme = "https" if "tls_cert" in options else "http"
        self.hook_url = f"{scheme}://127.0.0.1:{self.hook_port}/hooks/google"
        os.makedirs(self.directory, exist_ok=True)
        self.sections = {
            "mirror": {"state_dir": self.state_dir, "map_size": "1GiB"},
            "google": {"api_url": emulator_url + "/calendar/v3", "token_url": emulator_url + "/token"},
            "webhook": {"listen": f"127.0.0.1:{self.hook_port}"},
            "api": {"listen": f"127.0.0.1:{self.api_port}"},
            "sync": {},
        }
        if webhook:
            self.sections["webhook"].update({"public_url": self.hook_url, **options})
        for name, options in sections.items():
            self.sections.setdefault(name, {}).update(options)
        for name, options in accounts.items():
            self.sections[f"account {name}"] = dict(options)
        self.write_config()

    def write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as f:
            for section, options in self.sections.items():
                f.write(f"[{section}]\n")
                for key, value in options.items():
                    f.write(f"{key} = {value}\n")
                f.write("\n")

    # -- life ----------------------------------------------------------------------------------

    def start(self, wait=True, args=()):
        """Starts it and waits for READY=1, as a service manager would."""
        notify_path = os.path.join(tempfile.mkdtemp(prefix="cm-"), "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(notify_path)
        self.notify.settimeout(0.05)
        env = dict(os.environ, NOTIFY_SOCKET=notify_path, LISTEN_FDS="2", LISTEN_FDNAMES="api:hook", **self.env)
        api, hook = self.api.fileno(), self.hook.fileno()

        def hand_over():  # in the child, before exec: fds 3 and 4 are the sockets
            high = [os.dup2(api, 100), os.dup2(hook, 101)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *self.wrapper, self.binary, "-c",
                   self.config_path, "--log-format=text", *args]
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, close_fds=False, preexec_fn=hand_over)
        self.told = []
        if wait:
            wait_for("READY=1", self._ready)
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"calmirrord ended with {self.process.returncode}:\n{self.log_text()}")
        self.read_notifications()
        return "READY=1" in self.told

    def read_notifications(self):
        with contextlib.suppress(socket.timeout):
            while True:
                self.told += self.notify.recv(4096).decode().split("\n")

    def stop(self, timeout=LONG):
        """SIGTERM; returns (exit status, seconds it took)."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout * PATIENCE)
        self._ended()
        return status, time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._ended()

    def wait_end(self, timeout=LONG):
        status = self.process.wait(timeout * PATIENCE)
        self._ended()
        return status

    def _ended(self):
        self.process = None
        self.log.close()
        shutil.rmtree(os.path.dirname(self.notify.getsockname()), ignore_errors=True)
        self.notify.close()
        if self.sections["mirror"].get("log_level", "info") != "debug":
            self.log_scanned = logscan.check(self.log_path, self.log_scanned)

    def close(self):
        try:
            if self.process:
                self.kill()
        finally:
            self.api.close()
            self.hook.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def rss_anon_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1])
        raise AssertionError("no RssAnon")

    # -- talking to it ---------------------------------------------------------------------------

    def request(self, method, path, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.api_port, timeout=self.timeout * PATIENCE)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            if self.may_end:
                self._await_answer(connection.sock)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def _await_answer(self, connection):
        come = select.poll()
        come.register(connection, select.POLLIN)
        deadline = time.monotonic() + self.timeout * PATIENCE
        while not come.poll(20):
            if self.process.poll() is not None:
                raise ConnectionResetError("it has ended")
            if time.monotonic() > deadline:
                raise TimeoutError

    def get(self, path, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        return self.request("GET", path, headers={"Authorization": "Bearer " + self.token} if self.token else None)

    def status(self):
        return self.get("/v1/status").json

    def events(self, calendar, **query):
        """Every item of events.list, all pages."""
        path = f"/calendar/v3/calendars/{urllib.parse.quote(calendar, safe='')}/events"
        items = []
        while True:
            page = self.get(path, **query)
            if page.status == 503:
                raise NotYet(path)
            if page.status != 200:
                raise AssertionError(f"{path}: {page.status} {page.body[:300]!r}")
            items += page.json["items"]
            if "nextPageToken" not in page.json:
                return items
            query["pageToken"] = page.json["nextPageToken"]

    def all_events(self, calendar):
        """By id, tombstones included, as the mirror would list them to a client that wants everything."""
        return {e["id"]: e for e in self.events(calendar, showDeleted="true", maxResults="2500")}

    def wait_ready(self, timeout=LONG):
        """Until the roster and every calendar in it hold a whole view."""
        return wait_for("every calendar to be ready", lambda: self._all_ready(), timeout)

    def _all_ready(self):
        status = self.status()
        calendars = [c for c in status["collections"] if c["kind"] in ("events", "calendarList")]
        if any(c["kind"] == "events" for c in calendars) and all(c["state"] == "ready" for c in calendars):
            return status
        return None
