"""Clients that look at nothing unless the mirror tells them to, by a channel or a hook: what they have must be what is listed,
soon after nothing changes any more."""
import collections
import contextlib
import json
import queue
import uuid
from emulator import Hook
from failures import DAY_MS
from followers import Away, EntryFollower, EventFollower, FeedFollower
from mirror import wait_for
from push import encode


def in_time(follower, check):
    def holds():
        follower.follow(None)
        with contextlib.suppress(AssertionError):
            check()
            return True

    with contextlib.suppress(AssertionError):
        wait_for("what is told", holds)
    check()


class OnCall:
    """Its channel is opened before it looks for the first time, and again before it ends."""

    def __init__(self, *args):
        super().__init__(*args)
        self.receiver = Hook()
        self.channel, self.ends_ms, self.opened_ms, self.due = None, 0, 0, False

    def close(self):
        self.receiver.__exit__()

    def forget(self):
        super().forget()
        self.channel = None

    def post(self, path, body):
        answer = self.world.mirror.request("POST", path, encode(body), {"Content-Type": "application/json"})
        if answer.status >= 300:
            raise Away(answer.body)
        return answer

    def open(self):
        old, body = self.channel, {"id": str(uuid.uuid4()), "type": "web_hook", "address": self.receiver.url,
                                   "params": {"ttl": str(30 * 86400)}}
        self.channel = self.post(self.path + "/watch", body).json
        self.ends_ms, self.opened_ms = int(self.channel["expiration"]), self.world.now_ms()
        if old:
            with contextlib.suppress(Away):  # it had ended
                self.post("/calendar/v3/channels/stop", {name: old[name] for name in ("id", "resourceId")})

    def called(self):
        if not self.channel or self.ends_ms < self.world.now_ms() + 2 * DAY_MS:
            self.open()
            return True
        due, self.due = self.due, False
        return bool(drain(self.receiver.pings)) or due

    def taken_back(self, kept_ms):
        """The mirror is again as it was then, and knows no more of it than that: it looks, sooner or later."""
        self.due = True
        if self.opened_ms > kept_ms:
            self.channel = None

    def follow(self, rng, between=None):
        if self.called():
            super().follow(rng, between)

    def check(self):
        in_time(self, super().check)


class EventsOnCall(OnCall, EventFollower):
    pass


class EntriesOnCall(OnCall, EntryFollower):
    pass


class HookFollower(FeedFollower):
    """Makes its state of what a hook brings, and of a list after each `reset`."""

    def __init__(self, world):
        super().__init__(world)
        self.receiver = None
        self.taken_back(0)

    def close(self):
        self.receiver.__exit__()

    def forget(self):
        """Which the mirror cannot know: it begins with a list."""
        self.state = None

    def taken_back(self, kept_ms):
        """What was told of the future that is no more goes where nobody listens."""
        if self.receiver:
            self.close()
        self.receiver = Hook()
        self.world.mirror.sections["hook model"] = {"url": self.receiver.url, "include_event": "yes"}
        self.world.mirror.write_config()
        self.forget()

    def follow(self, rng, between=None):
        told = drain(self.receiver.pings)
        if self.state is None:
            self.state = collections.defaultdict(dict, {place: self.listed(place) for place in self.places()})
        for ping in told:
            self.take(json.loads(ping["_body"]))

    def take(self, entry):
        if entry.get("account") not in self.world.accounts():
            return  # it came late; that an account leaves the configuration is not told
        super().take(entry)
        if entry["type"] == "reset" and "calendarId" in entry:
            place = entry["account"], entry["calendarId"]
            self.state[place] = self.listed(place)

    def judge(self, entry, old):
        """A list may have shown it more than the hook had told."""

    def check(self):
        for place in [p for p in self.state or () if p[0] not in self.world.accounts()]:
            del self.state[place]
        in_time(self, super().check)


def drain(pings):
    found = []
    with contextlib.suppress(queue.Empty):
        while True:
            found.append(pings.get_nowait())
    return found
