"""What must hold: a world of a mirror and an emulator that is disturbed step by step, and judged."""
import contextlib
import datetime
import json
import os
import random
import resource
import shutil
import signal
import time
from urllib.parse import quote

import expected
from called import EntriesOnCall, EventsOnCall, HookFollower
from emulator import TOKEN, USER, Emulator
from failures import DAY_MS, Clock
from followers import Away, EventFollower, FeedFollower, StreamFollower, Walker, entry_followers, event_choices
from mirror import LONG, Mirror, wait_for
from pair import Pair, told, token_account
from push import LOCAL

ACCOUNT = "account test"

UTC = datetime.timezone.utc
BOSS, BOSS_TOKEN = "boss@example.com", "boss-token"
ZONES = {USER: "Europe/Berlin", "ny@example.com": "America/New_York", "lh@example.com": "Australia/Lord_Howe",
         BOSS: "Asia/Kolkata"}
LISTED = [c for c in ZONES if c != USER]  # these may leave the calendar list
RULES = f"/calendars/{quote(BOSS)}/acl"
QUIET = {"max_page": 2500, "empty_every": 0, "duplicate_items": 0, "duplicate_older": False, "tombstones": "minimal"}


class World:
    def __init__(self, directory, seed):
        self.zones = dict(ZONES)  # as they are now
        self.emulator = Emulator(self.seed())
        self.boss = self.emulator.client(BOSS_TOKEN)
        self.emulator.set_pings(retry_base_ms=100)
        self.clock = Clock(directory)
        self.slept_ms = 0
        self.mirror = self.make_mirror(directory, env=self.clock.env,
                                       google={"user_rate": 0, "project_rate": 0, "request_timeout": "2s"},
                                       sync={"backoff_min": "50ms", "backoff_max": "1s"}, push=LOCAL)
        self.left = set()  # calendars that were not to be mirrored at some time since the last rest
        self.veiled = False  # not all of BOSS's calendar was shown at some time since the last rest
        self.skew_ms = 0  # of the mirror's wall clock
        self.full = False  # its files cannot grow
        self.pair = Pair(self.emulator, self.mirror)
        self.google = self.emulator.api
        self.silent = set()  # (calendar, event or its series) changed so that no token tells of it
        self.drifted = set()  # calendars that have such, and were not verified since
        self.backup = f"{directory}/kept"
        self.drift = dict.fromkeys(ZONES, 0)  # how much the mirror had found at the last rest
        self.kept_drift, self.kept_ms = dict(self.drift), 0
        self.found_since = set()  # what of `silent` is known to a mirror that was verified, not to its backup
        self.were_series = set()  # ids of what may have holes again: at times of day, or on days, as it was then
        self.edited = {}  # (calendar, event or its series) -> when, in ms since 1970 as the mirror's clock has it
        self.lossy = False  # something happened that no notification will make up for
        self.deaf = False  # a backup knows channels that were closed since: until a check finds that out
        self.count = 0
        self.called, self.followers = [], []
        self.make_followers(random.Random(seed))
        self.start()
        self.mirror.wait_ready()

    def seed(self):
        calendars = [{"id": i, "owner": USER, "timeZone": z} for i, z in ZONES.items() if i != BOSS]
        shared = {"id": BOSS, "timeZone": ZONES[BOSS], "acl": [{"scope": {"type": "user", "value": USER}, "role": "writer"}]}
        return {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": list(ZONES)}, {"email": BOSS, "tokens": [BOSS_TOKEN]}],
                "calendars": [*calendars, shared]}

    def make_mirror(self, directory, **options):
        return Mirror(f"{directory}/mirror", self.emulator.url, {"test": token_account(directory)}, **options)

    def make_followers(self, rng):
        self.called = [*(EventsOnCall(*event_choices(self, rng, calendar)) for calendar in (USER, BOSS)),
                       EntriesOnCall(self, "/calendar/v3/users/me/calendarList", {"showHidden": "true"}),
                       HookFollower(self)]
        self.followers = [*self.called, *(EventFollower(*event_choices(self, rng, calendar)) for calendar in ZONES for _ in range(3)),
                          *(Walker(self, calendar, rng) for calendar in ZONES),
                          *entry_followers(self, rng, [USER, "lh@example.com"]),
                          FeedFollower(self), StreamFollower(self)]

    def close(self):
        self.mirror.close()
        for follower in self.called:
            follower.close()
        self.emulator.stop()

    # -- what steps do -------------------------------------------------------------------------

    def start(self):
        if not self.mirror.process:
            self.full = False
            self.mirror.start()

    def exclude(self, calendars):
        """By the mirror's config."""
        account = self.mirror.sections[ACCOUNT]
        account.pop("exclude", None)
        if calendars:
            account["exclude"] = ", ".join(sorted(calendars))
        self.reload()

    def reload(self):
        self.mirror.write_config()
        if self.mirror.process:
            self.mirror.process.send_signal(signal.SIGHUP)
            self.mirror.read_notifications()  # or nobody does, and it waits for room to tell more

    def accounts(self):
        """All that the change feed may tell of."""
        return ["test"]

    def lister(self, place):
        """The mirror as one sees it who has that account alone; whether the feed tells ids and times alone of it."""
        return self.mirror, False

    def was_away(self, calendar):
        """From some account, since the last rest."""
        return calendar in self.left

    def dump(self, calendar):
        """Its events as Google shows them."""
        return self.emulator.dump(calendar)

    def editable(self):
        """Calendars in which events may be of any kind."""
        return list(self.zones)

    def excluded(self):
        return set(self.mirror.sections[ACCOUNT].get("exclude", "").split(", ")) - {""}

    def keep(self, end, rng):
        """A backup of what it left when it ended: not of a time to come."""
        if self.skew_ms:
            return
        end(self, rng)
        shutil.rmtree(self.backup, ignore_errors=True)
        shutil.copytree(self.mirror.state_dir, self.backup, ignore=shutil.ignore_patterns("control"))
        self.kept_drift, self.kept_ms, self.found_since = dict(self.drift), self.now_ms(), set()
        self.start()

    def put_back(self, end, rng):
        """The backup takes the place of what is there; without one all is lost."""
        end(self, rng)
        shutil.rmtree(self.mirror.state_dir)
        if os.path.exists(self.backup):
            shutil.copytree(self.backup, self.mirror.state_dir)
        self.drift = dict(self.kept_drift)
        self.silent |= self.found_since
        self.drifted |= {calendar for calendar, _ in self.found_since}
        self.left |= set(ZONES)  # they may not have been there then
        self.lossy = self.deaf = True
        for follower in self.called:
            follower.taken_back(self.kept_ms)
        self.start()

    def skew(self, ms):
        self.clock.turn(ms - self.skew_ms)
        self.skew_ms = ms

    def fill(self, full):
        """Nothing can be written to its files but what fits where they begin."""
        if full != self.full and self.mirror.process:
            pid = self.mirror.process.pid
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (8192 if full else hard, hard))
            self.full = full

    def now_ms(self):
        return int(time.time() * 1000) + self.slept_ms

    def sleep(self, ms):
        self.slept_ms += ms
        self.clock.sleep(self.pair, ms)

    def touch(self, calendar, event):
        self.edited[calendar, event.split("_")[0]] = self.now_ms()

    def live(self, calendar):
        return [e for e in self.emulator.dump(calendar) if e["status"] != "cancelled"]

    def settle(self):
        """Lets the mirror see what was changed, if it will."""
        if self.lossy or not self.mirror.process:
            return
        with contextlib.suppress(AssertionError, OSError):
            wait_for("equality", self.is_equal, 1)

    def is_equal(self):
        return not any(self.pair.difference(c) for c in ZONES)

    def follow(self, follower, rng=None, between=None):
        if not self.mirror.process:
            return
        try:
            follower.follow(rng, between)
            if rng is None:
                follower.check()
        except (Away, OSError):  # gone, or stopped between two pages
            follower.forget()

    # -- what must hold ------------------------------------------------------------------------

    def probe(self, calendar):
        """No answer is older than its Age says: what was last edited before that time is in it."""
        if not self.mirror.process or self.skew_ms or (calendar == BOSS and self.veiled):
            return
        asked_ms = self.now_ms()
        answer = self.mirror.get(f"/calendar/v3/calendars/{quote(calendar)}/events", showDeleted="true", maxResults=2500)
        if calendar in self.left and answer.status in (404, 503):
            return
        assert answer.status == 200, (answer.status, answer.body)
        claimed_ms = asked_ms - 1000 * (int(answer.headers["Age"]) + 1)
        ours = {e["id"]: e for e in answer.json["items"]}
        for event in self.dump(calendar):
            names = {(calendar, id.split("_")[0]) for id in (event["id"], event.get("recurringEventId", event["id"]))}
            edited_ms = max(self.edited.get(name, 0) for name in names)
            if names & self.silent:
                continue
            if edited_ms < claimed_ms and told(event) != told(ours.get(event["id"])):
                raise AssertionError(f"{calendar}: an answer of Age {answer.headers['Age']} lacks what {event['id']} has "
                                     f"been for {asked_ms - edited_ms} ms: {event} is {ours.get(event['id'])}")

    def heal(self):
        """Google is well again, notifications arrive, the mirror runs."""
        self.emulator.clear_faults()
        self.emulator.release()
        self.emulator.set_pings(reset=True, paused=False)
        self.emulator.set_pages(**QUIET)
        self.emulator.set_watch(sync="after", refuse=None, max_ttl_s=30 * 86400)
        self.emulator.kill_tokens(persistent=False, calendar="nobody@example.com")
        self.fill(False)
        self.skew(0)
        self.start()

    def rest(self, rng):
        """All is well again: soon the mirror equals Google in every respect."""
        was_skewed = self.skew_ms != 0
        self.heal()
        self.in_the_end("the lists", lambda: not self.lists_differ())
        self.come_back()
        for calendar in ZONES:
            wait_for(f"{calendar} to be listed", lambda: self.mirror.get(
                f"/calendar/v3/calendars/{quote(calendar)}/events").status == 200)
            self.verify_drifted(calendar)
            self.wait_equal(calendar)
            self.judge(rng, calendar)
        self.in_the_end("the lists", lambda: not self.lists_differ())
        for follower in self.followers:
            self.follow(follower)
        wait_for("status without trouble", lambda: not any(
            c["last_error"] for c in self.mirror.status()["collections"] if c["kind"] == "events"))
        if was_skewed:  # what is from then claims to be of a time to come
            answer = self.mirror.request("POST", "/v1/resync", "{}")
            assert answer.status < 300, answer.body
            wait_for("the listings", lambda: not any(c["resync"] for c in self.mirror.status()["collections"]))
        self.lossy = self.deaf
        self.veiled = False

    def come_back(self):
        """Every calendar is to be mirrored, as at the beginning."""
        self.exclude([])
        rule = {"role": "writer", "scope": {"type": "user", "value": USER}}
        self.boss.call("POST", RULES, body=rule)
        there = self.pair.calendars()
        for calendar in LISTED:
            if calendar not in there:
                self.google.call("POST", "/users/me/calendarList", body={"id": calendar})

    def lists_differ(self):
        """How the small collections are not as Google's; what is not wanted is not there."""
        listed, excluded = self.pair.calendars(), self.excluded()
        answers = {c: self.mirror.get(f"/calendar/v3/calendars/{quote(c)}/events").status for c in ZONES}
        for calendar, status in answers.items():
            if (status == 200) != (calendar in listed and calendar not in excluded):
                return f"{calendar}: {status}"
        owned = [c for c in ZONES if c != BOSS and answers[c] == 200]
        for path in ["/users/me/calendarList", "/users/me/settings", *(f"/calendars/{quote(c)}/acl" for c in owned)]:
            theirs = [i for i in self.google.call("GET", path, {"showHidden": "true"})["items"] if i["id"] not in excluded]
            answer = self.mirror.get("/calendar/v3" + path, **({"showHidden": "true"} if "calendarList" in path else {}))
            ours = answer.json.get("items", answer.status)
            if sorted(theirs, key=lambda i: i["id"]) != ours and theirs != ours:
                return f"{path}: {theirs} is {ours}"
        return None

    def verify(self, calendar):
        answer = self.mirror.request("POST", "/v1/verify", json.dumps({"calendar": calendar}))
        assert answer.status < 300, answer.body

    def verify_drifted(self, calendar):
        """What no token tells of is found by a verification; where there was no such, none has found anything."""
        if calendar in self.drifted:
            self.verify(calendar)
            self.in_the_end("the verification", lambda: not self.pair.collection(calendar)["verify"])
            self.drift[calendar] = self.pair.collection(calendar)["drift"]
        found = self.pair.collection(calendar)["drift"]
        if calendar in self.left and found == 0:
            self.drift[calendar] = 0  # it is another one
        assert found == self.drift[calendar], f"{calendar}: drift that is none: {self.mirror.get('/v1/verify').body}"
        self.drifted.discard(calendar)
        self.left.discard(calendar)
        self.found_since |= {s for s in self.silent if s[0] == calendar}
        self.silent -= self.found_since

    def in_the_end(self, what, condition):
        """When not all that happened was announced, days go by until it is found. One may not do: a request that was under
        way as the first began still told of trouble, which then is waited out."""
        for _ in range(5):
            if self.lossy:
                self.sleep(DAY_MS + 3600 * 1000)  # the longest that listings after dead tokens may have to wait
            try:
                wait_for(what, condition, 10 if self.lossy else LONG)
                return
            except AssertionError as e:
                last = e
        raise last

    def wait_equal(self, calendar):
        try:
            self.in_the_end(f"{calendar} to equal Google", lambda: not self.difference(calendar))
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.difference(calendar)}") from None

    def difference(self, calendar):
        """Instances that were cancelled, of what is a series no longer, Google forgets sooner or later: that says nothing."""
        found = self.pair.difference(calendar)
        ours = self.mirror.all_events(calendar)

        def says_nothing(theirs, mine):
            series = ours.get((mine or {}).get("recurringEventId"))
            lives = series and series["status"] != "cancelled" and "recurrence" in series
            return theirs is None and mine["status"] == "cancelled" and not lives
        return {k: v for k, v in found.items() if not says_nothing(*v)}

    def judge(self, rng, calendar):
        dump, zone = self.dump(calendar), self.zones[calendar]
        path = f"/calendar/v3/calendars/{quote(calendar)}/events"
        for event in rng.sample(dump, min(3, len(dump))):
            answer = self.mirror.get(f"{path}/{event['id']}")
            assert answer.status == 200 and told(answer.json) == told(event), (event, answer.body)
        for _ in range(3):
            begin = datetime.datetime(2026, 6, 20, tzinfo=UTC) + datetime.timedelta(hours=rng.randint(0, 2400))
            end = begin + datetime.timedelta(hours=rng.choice([1, 24, 24 * 7, 24 * 60]))
            window = {"timeMin": begin.isoformat(), "timeMax": end.isoformat()}
            theirs = [self.brief(e, zone) for e in expected.expanded(dump, zone, begin, end)]
            ours = [self.brief(e, zone) for e in self.mirror.events(calendar, singleEvents="true", **window)]
            assert sorted(ours) == sorted(theirs), (calendar, window, set(ours) ^ set(theirs))
            body = json.dumps({**window, "items": [{"id": calendar}]})
            blocks = self.mirror.request("POST", "/calendar/v3/freeBusy", body).json["calendars"][calendar]
            assert blocks == {"busy": expected.busy(dump, zone, begin, end)}, (calendar, window, blocks)

    @staticmethod
    def brief(event, zone):
        return (event["id"], expected.instant(event["start"], zone), expected.instant(event["end"], zone),
                event.get("summary", ""))
