"""What the failure cases share: clocks that a test turns, notifications sent by hand, small questions.

Each case has its name (T-…) in the docstring of the test that holds it; FAILURES.md lists them all."""
import contextlib
import http.client
import mmap
import os
import struct
import time

from emulator import USER
from mirror import BUILD, LONG, PATIENCE, wait_for

MINUTE_MS = 60 * 1000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# So often that a test need not wait; notifications still come first by far.
EAGER = {"poll_interval": "1s", "poll_interval_unhealthy": "1s", "backoff_min": "100ms", "backoff_max": "1s"}


class Clock:
    """The clocks of a mirror (see clock_shim.c) and, in step with them, of an emulator."""

    def __init__(self, directory):
        self.path = os.path.join(str(directory), "clock")
        with open(self.path, "wb") as f:
            f.write(bytes(24))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 24)
        self.env = {"LD_PRELOAD": os.path.join(BUILD, "clock-shim.so"), "CLOCK_SHIM": self.path,
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def set(self, wall_ms, boot_ms):
        self.map[:16] = struct.pack("qq", wall_ms, boot_ms)

    def turn(self, wall_ms, boot_ms=0):
        wall, boot = struct.unpack("qq", self.map[:16])
        self.set(wall + wall_ms, boot + boot_ms)

    def wedge(self, wedged):
        """Sync workers do not come back from their next request."""
        self.map[16:] = struct.pack("q", wedged)

    def sleep(self, pair, ms):
        """As if both machines had been left alone for so long. A run that is under way would take its time from after that."""
        idle(pair)
        pair.emulator.advance_clock(ms)
        self.turn(ms, ms)


def event_channels(pair, calendar=USER, all=False):
    """Channels on a calendar's events, as the emulator knows them; those that end go on for a while are not live."""
    state = pair.emulator.state(**({"all": 1} if all else {}))
    return [c for c in state["channels"] if c["of"] == calendar and c["kind"] == "events"
            and (all or not c["stopped"])]


def headers_of(channel, state="exists", number=1000, **changes):
    """Of a notification as Google sends it; changes: name with _ for -, None leaves it out."""
    headers = {"X-Goog-Channel-ID": channel["id"], "X-Goog-Channel-Token": channel["token"],
               "X-Goog-Resource-ID": channel["resourceId"], "X-Goog-Resource-State": state,
               "X-Goog-Resource-URI": channel["resourceUri"], "X-Goog-Message-Number": str(number)}
    for name, value in changes.items():
        headers[f"X-Goog-{name.replace('_', '-')}"] = value
    return {k: v for k, v in headers.items() if v is not None}


def send_ping(pair, headers, body=None):
    """Posts a notification to the mirror: (status, headers without the date, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", pair.mirror.hook_port, timeout=LONG * PATIENCE)
    try:
        connection.request("POST", "/hooks/google", body=body, headers=headers)
        response = connection.getresponse()
        return response.status, [h for h in response.getheaders() if h[0].lower() != "date"], response.read()
    finally:
        connection.close()


def settle(pair, calendar=USER):
    """Until the channel is live and nothing is owed."""
    pair.wait_live(calendar)
    pair.emulator.wait_pings_done()
    pair.wait_quiet(calendar)


def idle(pair):
    """Until no run is under way; what is owed may wait. Clocks are best turned then: a run takes its time at its end."""
    if pair.mirror.process:
        wait_for("no run to be under way", lambda: pair.mirror.status()["totals"]["running"] == 0)


def rest(pair):
    """Until nothing at all is owed or runs, whatever it is of."""
    def resting():
        status = pair.mirror.status()
        return status["totals"]["due"] == 0 and not any(
            c["dirty"] or c["running"] or c["resync"] for c in status["collections"])
    wait_for("the mirror to come to rest", resting)


def delivers(collection):
    """Whether notifications of it arrive, if any are to be had."""
    return (collection["kind"] == "colors" or collection["watch"] == "refused"
            or (collection["channel"] or {}).get("state") == "live")


def wait_whole(pair):
    """Until everything is listed that may be, each channel delivers, and nothing is owed or out of order."""
    def whole():
        status = pair.mirror.status()
        return status["totals"]["due"] == 0 and status["health"]["state"] == "ok" and all(
            not c["dirty"] and not c["running"] and ("scope" in c["last_error"] or c["state"] == "ready" and delivers(c))
            for c in status["collections"])
    wait_for("everything to be whole", whole)


@contextlib.contextmanager
def unannounced(pair, calendar=USER):
    """No notification tells of what changes meanwhile; afterwards one does, of the calendar or (None) of each."""
    pair.emulator.set_pings(drop=True)
    yield
    pair.emulator.set_pings(drop=False)
    pair.emulator.ping(**({"calendar": calendar} if calendar else {}))


def hold_second_page(pair, **fault):
    """Four events of which the mirror has read "before" and, of the two pages that say "after", the first. Their ids."""
    ids = [pair.google.insert(summary="before")["id"] for _ in range(4)]
    pair.wait_equal(USER)
    settle(pair)
    pair.emulator.set_pages(max_page=2)
    with unannounced(pair):
        for event in ids:
            pair.google.patch(USER, event, summary="after")
        pair.emulator.fault("GET */events", query="*pageToken=*", hold=True, count=1, **fault)
    pair.emulator.wait_held()
    return ids


def pulls(pair, calendar=None):
    """Requests for lists of events, by whether they carry a sync token: (increments, listings)."""
    match = f"GET */calendars/{calendar or '*'}/events"
    found = pair.upstream(match)
    return [r for r in found if r["sync_token"]], [r for r in found if not r["sync_token"]]


def title(pair, event, calendar="primary"):
    answer = pair.mirror.get(f"/calendar/v3/calendars/{calendar}/events/{event}")
    return answer.json.get("summary") if answer.status == 200 else None


def wait_title(pair, event, expected, timeout=LONG, calendar="primary"):
    began = time.monotonic()
    wait_for(f"{expected!r}", lambda: title(pair, event, calendar) == expected, timeout)
    pair.waited(began)
