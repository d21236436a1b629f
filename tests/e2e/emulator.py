"""The emulator as a Python object: starts it, edits its calendars as a Google client would, and turns
its switches. Waits poll a condition; nothing here sleeps for luck."""

import base64
import contextlib
import http.server
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import quote

import requests

import logscan
from mirror import BUILD, LONG, PATIENCE, TOP, wait_for

BINARY = os.path.join(BUILD, "gcal-emulator")
DEMO_WORLD = os.path.join(TOP, "tests", "emulator", "worlds", "demo.json")
TOKEN = "test-token"  # of me@example.com in the default world
USER = "me@example.com"


class ApiError(Exception):
    """An answer of 400 or above."""

    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        try:
            self.body = response.json()
        except ValueError:
            self.body = None
        super().__init__(f"{response.request.method} {response.url}: {self.status} {response.text[:300]}")

    @property
    def error(self):
        return self.body["error"] if self.body else {}

    @property
    def reason(self):
        return self.error["errors"][0]["reason"]

    @property
    def message(self):
        return self.error["message"]


class Client:
    """Google's API as one user sees it. Methods return the decoded body or raise ApiError."""

    def __init__(self, url, token=TOKEN):
        self.base = url + "/calendar/v3"
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.headers["Authorization"] = "Bearer " + token
        self.session.headers["User-Agent"] = "emulator-test (gzip)"

    def raw(self, method, path, params=None, body=None, **kwargs):
        """The response itself, whatever its status. `path` is below /calendar/v3, already encoded."""
        if isinstance(body, dict):
            logscan.words(body)
        kwargs.setdefault("timeout", LONG * PATIENCE)
        return self.session.request(method, self.base + path, params=params, json=body, **kwargs)

    def call(self, method, path, params=None, body=None, **kwargs):
        response = self.raw(method, path, params, body, **kwargs)
        if response.status_code >= 400:
            raise ApiError(response)
        return response.json() if response.content else None

    @staticmethod
    def events_path(calendar, event=None):
        path = f"/calendars/{quote(calendar, safe='')}/events"
        return path if event is None else f"{path}/{quote(event, safe='')}"

    def list(self, calendar="primary", **params):
        """One page of events."""
        return self.call("GET", self.events_path(calendar), bools(params))

    def pages(self, calendar="primary", **params):
        """Every page of a walk."""
        while True:
            page = self.list(calendar, **params)
            yield page
            if "nextPageToken" not in page:
                return
            params["pageToken"] = page["nextPageToken"]

    def list_all(self, calendar="primary", **params):
        """(items, sync token or None) of a whole walk."""
        items, page = [], {}
        for page in self.pages(calendar, **params):
            items += page["items"]
        return items, page.get("nextSyncToken")

    def get(self, calendar, event, **params):
        return self.call("GET", self.events_path(calendar, event), bools(params))

    def insert(self, calendar="primary", body=None, **members):
        return self.call("POST", self.events_path(calendar), body={**timed(), **(body or {}), **members})

    def patch(self, calendar, event, **members):
        return self.call("PATCH", self.events_path(calendar, event), body=members)

    def update(self, calendar, event, body):
        return self.call("PUT", self.events_path(calendar, event), body=body)

    def delete(self, calendar, event):
        return self.call("DELETE", self.events_path(calendar, event))

    def move(self, calendar, event, destination):
        return self.call("POST", self.events_path(calendar, event) + "/move", {"destination": destination})

    def calendar_list(self, **params):
        return self.call("GET", "/users/me/calendarList", bools(params))

    def watch(self, path, channel_id, address, **members):
        body = {"id": channel_id, "type": "web_hook", "address": address, **members}
        return self.call("POST", path + "/watch", body=body)

    def watch_events(self, calendar, channel_id, address, **members):
        return self.watch(self.events_path(calendar), channel_id, address, **members)

    def stop(self, channel):
        return self.call("POST", "/channels/stop", body={"id": channel["id"], "resourceId": channel["resourceId"]})


class Emulator:
    """A running gcal-emulator. Use it as a context manager.

    `world` is a seed (dict), the path of one, or None for the default: me@example.com with the token
    test-token and one empty primary calendar."""

    def __init__(self, world=None, generate=0, random_seed=1, listen="127.0.0.1:0", args=()):
        self.scratch = None
        command = [BINARY, "--listen", listen, "--random-seed", str(random_seed), *args]
        logscan.secret(TOKEN)
        if isinstance(world, dict):
            logscan.seed(world)
            self.scratch = tempfile.NamedTemporaryFile("w", suffix=".json")
            json.dump(world, self.scratch)
            self.scratch.flush()
            world = self.scratch.name
        if world:
            command += ["--seed", world]
        if generate:
            command += ["--generate", str(generate)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"gcal-emulator did not start: {line!r}, exit {self.process.wait()}")
        self.url = line.removeprefix("listening on ").strip()
        self.address = self.url.removeprefix("http://")
        self.token_url = self.url + "/token"
        self.control_session = requests.Session()
        self.control_session.trust_env = False
        self.api = Client(self.url)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self, timeout=LONG):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("gcal-emulator did not end on SIGTERM") from None
        self.process.stdout.close()
        self.control_session.close()
        self.api.session.close()
        if self.scratch:
            self.scratch.close()
        return self.process.returncode

    def client(self, token):
        return Client(self.url, token)

    # The control path; see tests/emulator/README.md for what each switch does.

    def control(self, method, path, body=None, **params):
        response = self.control_session.request(method, self.url + "/_emulator/" + path, json=body,
                                                params=params, timeout=2 * LONG * PATIENCE)
        if response.status_code >= 400:
            raise ApiError(response)
        return response.json() if response.content else None

    def requests(self, since=0, match=None):
        """API requests so far, oldest first; `match` is a glob on "METHOD path"."""
        params = {"since": since, **({"match": match} if match else {})}
        return self.control("GET", "requests", **params)

    def clear_requests(self):
        self.control("DELETE", "requests")

    def state(self, **params):
        return self.control("GET", "state", **params)

    def channels(self):
        """The live ones."""
        return self.state()["channels"]

    def dump(self, calendar, user=None):
        """Every event as a full listing with showDeleted=true shows it."""
        return self.control("GET", "dump", calendar=calendar, **({"user": user} if user else {}))

    def fault(self, match="*", **spec):
        """Adds a fault rule and returns it; `spec` as in the README."""
        return self.control("POST", "faults", {"match": match, **spec})

    def faults(self):
        return self.control("GET", "faults")

    def clear_faults(self):
        return self.control("DELETE", "faults")["count"]

    def release(self, **spec):
        """Lets held requests go on; how many there were."""
        return self.control("POST", "release", spec)["count"]

    def held(self):
        return self.control("GET", "held")["count"]

    def wait_held(self, count=1, timeout=LONG):
        return wait_for(f"{count} held requests", lambda: self.held() >= count, timeout)

    def kill_tokens(self, kind=410, **spec):
        """Makes sync tokens die: kind 410, 400 or "updatedMin"; calendar=, user=, of=, persistent=."""
        return self.control("POST", "sync-tokens/invalidate", {"kind": kind, **spec})["count"]

    def pings(self, since=0):
        """The log of deliveries."""
        return self.control("GET", "pings", since=since)

    def set_pings(self, **spec):
        return self.control("POST", "pings", spec)

    def ping(self, **spec):
        """Pings now: channel= or calendar=, state=, headers=, count=; how many were sent."""
        return self.control("POST", "ping", spec)["count"]

    def wait_pings_done(self, timeout=LONG):
        return wait_for("all pings to be delivered", lambda: self.state(brief=1)["pings_pending"] == 0, timeout)

    def set_watch(self, **spec):
        return self.control("POST", "watch", spec)

    def set_quota(self, **spec):
        return self.control("POST", "quota", spec)

    def set_pages(self, **spec):
        return self.control("POST", "pages", spec)

    def advance_clock(self, ms):
        return self.control("POST", "clock", {"advance_ms": ms})["now_ms"]

    def set_settings(self, user, **values):
        self.control("POST", "settings", {"user": user, "settings": values})

    def put_raw_event(self, calendar, event, event_id=None, silent=False):
        """Stores an event as it is, however broken; silent: no delta and no notification tells of it."""
        params = {"calendar": calendar, **({"id": event_id} if event_id else {}), **({"silent": 1} if silent else {})}
        self.control("PUT", "events", event, **params)

    def drop_event(self, calendar, event_id):
        """Takes an event out of the listings; no delta and no notification tells of it."""
        self.control("DELETE", "events", calendar=calendar, id=event_id)

    def seed(self, world):
        """Adds users, calendars and events to the running world."""
        logscan.seed(world)
        self.control("POST", "seed", world)

    def set_auth(self, **spec):
        return self.control("POST", "auth", spec)["count"]


def bools(params):
    """Python's booleans as Google spells them."""
    return {k: str(v).lower() if isinstance(v, bool) else v for k, v in params.items()}


def timed(start="2026-07-01T10:00:00Z", end="2026-07-01T11:00:00Z", zone=None):
    """start and end of an event."""
    extra = {"timeZone": zone} if zone else {}
    return {"start": {"dateTime": start, **extra}, "end": {"dateTime": end, **extra}}


def all_day(start, end):
    return {"start": {"date": start}, "end": {"date": end}}


@contextlib.contextmanager
def free_port():
    """A port that is given to nobody else meanwhile, on which a Hook may listen now and then."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


class Hook:
    """A webhook receiver. Pings arrive in .pings (a queue of header dicts with lower-case names)."""

    def __init__(self, status=200, port=0):
        self.pings = queue.Queue()
        self.statuses = []  # answers for the next pings; then `status`
        self.status = status
        self.gate = threading.Event()  # cleared: pings are received but not answered
        self.gate.set()
        self.keep_alive = True
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                ping = {k.lower(): v for k, v in self.headers.items()}
                ping["_path"], ping["_body"] = self.path, body
                hook.pings.put(ping)
                hook.gate.wait(2 * LONG * PATIENCE)
                self.send_response(hook.statuses.pop(0) if hook.statuses else hook.status)
                self.send_header("Content-Length", "0")
                if not hook.keep_alive:
                    self.send_header("Connection", "close")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], ConnectionError):  # a service that is killed
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

    def next(self, timeout=LONG):
        try:
            return self.pings.get(timeout=timeout * PATIENCE)
        except queue.Empty:
            raise AssertionError(f"no ping within {timeout} s") from None

    def take(self, count, timeout=LONG):
        return [self.next(timeout) for _ in range(count)]


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


class ServiceAccount:
    """A key pair, its entry in a seed, and assertions signed with it."""

    def __init__(self, email="mirror@project.iam.gserviceaccount.com", delegation=True):
        self.email = email
        self.delegation = delegation
        self.private_pem = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048").decode()
        self.public_pem = openssl("pkey", "-pubout", data=self.private_pem.encode()).decode()

    def seed(self):
        return {"email": self.email, "public_key": self.public_pem, "delegation": self.delegation}

    def key_file(self, token_url):
        """The JSON that Google's console hands out."""
        return {"type": "service_account", "project_id": "project", "private_key_id": "key-1",
                "private_key": self.private_pem, "client_email": self.email,
                "client_id": "100000000000000000000", "token_uri": token_url}

    def assertion(self, audience, alg="RS256", **claims):
        now = int(time.time())
        body = {"iss": self.email, "scope": "https://www.googleapis.com/auth/calendar", "aud": audience,
                "iat": now, "exp": now + 3600, **claims}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
                 for part in ({"alg": alg, "typ": "JWT", "kid": "key-1"}, body)]
        signed = b".".join(parts)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as key:
            key.write(self.private_pem)
            key.flush()
            signature = openssl("dgst", "-sha256", "-sign", key.name, data=signed)
        return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
