"""Load on many calendars: a world of them, changes that come at random moments, and how soon each can be read.

Shared by test_scale.py, which runs it small, and by tests/bench/scale.py, which runs it whole."""
import http.client
import json
import random
import time
import urllib.parse

from emulator import Emulator
from mirror import Mirror, wait_for
from pair import token_account

OWNER = "team@example.com"
OWNER_TOKEN = "owner-token"
SETTLED_S = 2.0  # calls this long after a burst's last edit are held to be of it


def calendar_id(n):
    return f"team{n:05d}@group.calendar.google.com"


def world(shares, events=3):
    """A user for each share, who reads so many calendars; one owner makes the changes."""
    starts = [sum(shares[:a]) for a in range(len(shares))]
    reader = [a for a, share in enumerate(shares) for _ in range(share)]  # of each calendar
    users = [{"email": f"reader{a}@example.com", "tokens": [f"reader-{a}"],
              "calendarList": [calendar_id(n) for n in range(start, start + share)]}
             for a, (start, share) in enumerate(zip(starts, shares))]
    filler = [{"id": f"event{i}", "summary": "0", "description": "x" * 400,
               "start": {"dateTime": f"2026-07-0{i + 1}T10:00:00Z"}, "end": {"dateTime": f"2026-07-0{i + 1}T11:00:00Z"}}
              for i in range(events)]
    readers = [{"scope": {"type": "user", "value": user["email"]}, "role": "reader"} for user in users]
    return {"users": [*users, {"email": OWNER, "tokens": [OWNER_TOKEN]}],
            "calendars": [{"id": calendar_id(n), "owner": OWNER, "timeZone": "UTC", "events": filler,
                           "acl": [readers[a]]} for n, a in enumerate(reader)]}


def percentile(values, share):
    """Nearest rank."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * share // 100) - 1)] if ranked else 0


class Burst:
    def __init__(self, calendar, expected, began):
        self.calendar, self.expected, self.began = calendar, expected, began
        self.ended = self.read = None  # when its last edit was made, and could be read
        self.told = None  # when Google sent the last notification of it
        self.edits = self.calls = 0


class Load:
    """An emulated Google with many calendars, and a mirror of it."""

    def __init__(self, directory, shares, workers=8, seed=1, **sections):
        """`shares`: how many calendars each account has."""
        self.calendars = sum(shares)
        self.random = random.Random(seed)
        self.edits = 0
        self.emulator = Emulator(world=world(shares))
        self.owner = self.emulator.client(OWNER_TOKEN)
        pool = {f"a{a}": token_account(directory, f"reader-{a}", f"token{a}") for a in range(len(shares))}
        sections.setdefault("mirror", {}).update(workers=str(workers), log_level="notice")
        sections.setdefault("google", {"user_rate": "0", "project_rate": "0"})
        self.mirror = Mirror(directory / "mirror", self.emulator.url, pool, **sections)
        self.reader = http.client.HTTPConnection("127.0.0.1", self.mirror.api_port, timeout=60)

    def close(self):
        self.reader.close()
        self.mirror.close()
        self.emulator.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def get(self, path):
        self.reader.request("GET", path)
        answer = self.reader.getresponse()
        body = answer.read()
        return answer.status, body

    def status(self):
        return json.loads(self.get("/v1/status")[1])

    def seconds_until(self, what, condition, timeout, every=0.25):
        """How long it took; looks rarely, since a look at everything is work too."""
        began = time.monotonic()

        def look():
            time.sleep(every)  # between two looks
            return condition()
        wait_for(what, look, timeout)
        return time.monotonic() - began

    def everything_ready(self):
        status = self.status()
        calendars = [c for c in status["collections"] if c["kind"] == "events"]
        return (len(calendars) == self.calendars and status["totals"]["due"] == 0
                and all(c["state"] == "ready" and c["channel"] and c["channel"]["state"] == "live" for c in calendars))

    def everything_listed(self):
        status = self.status()
        return status["totals"]["due"] == 0 and status["totals"]["running"] == 0 and self.calendars == sum(
            c["kind"] == "events" and c["state"] == "ready" for c in status["collections"])

    def at_rest(self):
        """Everything was pulled since the start, and nothing is owed."""
        status = self.status()
        return (status["totals"]["due"] == 0 and status["totals"]["running"] == 0 and all(
            not c["dirty"] and c["fresh_ms"] >= status["started_ms"] for c in status["collections"]
            if c["kind"] == "events"))

    def calls(self):
        return self.emulator.state(brief=1)["requests"]

    # -- changes -----------------------------------------------------------------------------------

    def edit(self, calendar, count=1):
        """So many edits of one event, as fast as they go; what its title is then."""
        for _ in range(count):
            self.edits += 1
            self.owner.patch(calendar, "event0", summary=str(self.edits))
        return str(self.edits)

    def title(self, calendar):
        status, body = self.get(f"/calendar/v3/calendars/{urllib.parse.quote(calendar)}/events/event0")
        return json.loads(body)["summary"] if status == 200 else None

    def plan(self, seconds, bursts):
        """(moment, calendar, edits) of each burst: no calendar twice, one in four of more than one edit."""
        chosen = self.random.sample(range(self.calendars), min(bursts, self.calendars))
        return sorted((self.random.random() * seconds, calendar_id(n), self.random.choice((1, 1, 1, 3)))
                      for n in chosen)

    def run(self, plan, watch=None):
        """Makes the changes of a plan and looks for each until it can be read; `watch` is called each second."""
        began, waiting, bursts, looked = time.time(), [], [], 0
        plan = list(plan)
        pings = self.last_ping()
        requests = self.calls()
        while plan or waiting:
            now = time.time()
            while plan and began + plan[0][0] <= now:
                _, calendar, count = plan.pop(0)
                burst = Burst(calendar, None, time.time())
                burst.edits, burst.expected = count, self.edit(calendar, count)
                burst.ended = time.time()
                waiting.append(burst)
                bursts.append(burst)
                now = time.time()
            for burst in list(waiting):
                if self.title(burst.calendar) == burst.expected:
                    burst.read = time.time()
                    waiting.remove(burst)
                elif now > burst.ended + 60:
                    raise AssertionError(f"{burst.calendar} is not up to date after a minute")
            if watch and now >= looked + 1:
                looked = now
                watch()
            if not waiting and plan:
                time.sleep(max(0.0, min(began + plan[0][0] - time.time(), 1.0)))  # until the next is due
        time.sleep(SETTLED_S)  # a call too many may still come
        self.account(bursts, pings, requests)
        return bursts

    def last_ping(self):
        pings = self.emulator.pings()
        return pings[-1]["n"] if pings else 0

    def account(self, bursts, pings, requests):
        """Notes of each burst when its last notification left, and the calls that it caused."""
        by_calendar = {burst.calendar: burst for burst in bursts}
        for ping in self.emulator.pings(since=pings):
            channel = self.channels_by_id().get(ping["channel"])
            burst = by_calendar.get(channel)
            if burst and ping["state"] == "exists":
                burst.told = max(burst.told or 0, ping["sent_ms"] / 1000)
        for request in self.emulator.requests(since=requests, match="GET */events"):
            burst = by_calendar.get(urllib.parse.unquote(request["path"].split("/calendars/")[1].split("/events")[0]))
            if burst and burst.began <= request["time_ms"] / 1000 + 0.001 <= burst.ended + SETTLED_S:
                burst.calls += 1

    def channels_by_id(self):
        if not getattr(self, "_channels", None):
            self._channels = {c["id"]: c["of"] for c in self.emulator.channels() if c["kind"] == "events"}
        return self._channels


def summary(bursts):
    """(p50 ms, p99 ms, most ms, calls a burst) from a burst's last notification until it can be read."""
    late = [max(0.0, 1000 * (burst.read - burst.told)) for burst in bursts]
    return percentile(late, 50), percentile(late, 99), max(late), sum(b.calls for b in bursts) / len(bursts)
