"""A world of two accounts that share calendars, and of clients that may see more or less of them: what must hold for each."""
import copy
import datetime
import fnmatch
import hashlib
import json
import os
import re
from urllib.parse import quote, unquote

from world import BOSS, BOSS_TOKEN, World  # first: what others import has a module of that name, too
import logscan
from called import EntriesOnCall, EventsOnCall, HookFollower
from emulator import TOKEN, USER, Client
from followers import EntryFollower, EventFollower, FeedFollower, StreamFollower, entry_followers, event_choices
from mirror import Mirror, wait_for
from pair import told
from people import CLIENT_ID, CLIENT_SECRET, private_file

ROOM = "room@example.com"  # whose series even who sees busy times alone is shown, by the emulator
ZONES = {USER: "Europe/Berlin", "ny@example.com": "America/New_York", BOSS: "Asia/Kolkata", "board@example.com": "Australia/Lord_Howe",
         ROOM: "Europe/Berlin"}
OWNERS = {USER: USER, "ny@example.com": USER, BOSS: BOSS, "board@example.com": BOSS, ROOM: BOSS}
OTHER = {USER: BOSS, BOSS: USER}
ACCOUNTS = {"test": USER, "boss": BOSS}
ME = "/calendar/v3/users/me"


class AsClient(Mirror):
    """The same mirror, as who has this token sees it."""

    def __init__(self, mirror, token):  # nothing of its own but that
        self.mirror, self.token = mirror, token

    def __getattr__(self, name):
        return getattr(self.mirror, name)

    def request(self, method, path, body=None, headers=None, port=None):
        return Mirror.request(self, method, path, body, {"Authorization": "Bearer " + self.token, **(headers or {})}, port)


class Guarded(Mirror):
    """One that wants a token of everybody."""
    request = AsClient.request


class Owners(Client):
    """Google's API, as the owner of the calendar that a request is about sees it."""

    def __init__(self, world):
        super().__init__(world.emulator.url)
        self.world = world

    def raw(self, method, path, *args, **kwargs):
        found = re.match("/calendars/([^/]+)", path)
        owner = self.world.owners.get(unquote(found[1])) if found else None
        token = BOSS_TOKEN if owner == BOSS else TOKEN
        return super().raw(method, path, *args, **kwargs, headers={"Authorization": "Bearer " + token})


class Seen:
    """The world as a client of the mirror sees it: what followers ask of a world."""

    def __init__(self, world, name, account=None):
        token = f"cm_model_{name}"
        logscan.secret(token)
        self.world, self.name, self.account = world, name, account
        self.options = {"token_sha256": hashlib.sha256(token.encode()).hexdigest()}
        if account:
            self.options["accounts"] = account
        self.mirror = AsClient(world.mirror, token)

    def __getattr__(self, name):
        return getattr(self.world, name)

    def lister(self, place):
        """Of two accounts one can be seen through a client that has no other, in the same form."""
        veiled = self.name == "view" and self.world.view_shows(place[1]) and self.world.view_names("freebusy_only", place[1])
        return (self.mirror if self.account and not veiled else self.world.seen[place[0]].mirror), veiled

    def accounts(self):
        return [account for account in self.world.configured() if self.account in (None, account)]


class SharedWorld(World):
    def __init__(self, directory, seed):
        self.owners, self.made, self.calendar_count = dict(OWNERS), [], 0
        self.keys, self.logged_in, self.grants = {}, dict.fromkeys(ACCOUNTS, True), 0
        self.directory = directory
        super().__init__(directory, seed)

    def seed(self):
        self.zones = dict(ZONES)
        roles = {"ny@example.com": "reader", BOSS: "writer", "board@example.com": "writer", ROOM: "freeBusyReader"}
        calendars = [{"id": c, "owner": OWNERS[c], "timeZone": z, "acl": [{"scope": {"type": "user", "value": OTHER[OWNERS[c]]},
                                                                           "role": roles[c]}] if c in roles else []}
                     for c, z in ZONES.items()]
        listed = {USER: list(ZONES), BOSS: [c for c in ZONES if c != USER]}
        tokens = {USER: TOKEN, BOSS: BOSS_TOKEN}
        return {"clients": [{"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}], "calendars": calendars,
                "users": [{"email": u, "tokens": [tokens[u]], "calendarList": listed[u]} for u in listed]}

    def make_mirror(self, directory, **options):
        for account in ACCOUNTS:
            self.log_in(account)
        mirror = Guarded(f"{directory}/mirror", self.emulator.url, {name: self.account_options(name) for name in ACCOUNTS}, **options)
        self.mirror = mirror
        self.seen = {name: Seen(self, name, name) for name in ACCOUNTS}
        self.seen["view"] = Seen(self, "view", "test")
        self.seen["all"] = Seen(self, "all")
        self.seen["all"].options["admin"] = "yes"
        mirror.token = self.seen["all"].mirror.token
        for name, seen in self.seen.items():
            mirror.sections[f"client {name}"] = dict(seen.options)
        mirror.write_config()
        return mirror

    def make_followers(self, rng):
        self.google = Owners(self)
        me, boss, view, everything = (self.seen[name] for name in ("test", "boss", "view", "all"))
        shared = [c for c in ZONES if c != USER]

        def events(seen, calendars):  # lists of busy times are of instances, and need an end
            return [EventFollower(*event_choices(seen, rng, c, 1 if seen is view else 0.5)) for c in calendars]
        self.called = [EventsOnCall(*event_choices(me, rng, BOSS)), EventsOnCall(*event_choices(boss, rng, "ny@example.com")),
                       EventsOnCall(*event_choices(everything, rng, "board@example.com")),
                       EntriesOnCall(me, ME + "/calendarList", {"showHidden": "true"}), EntriesOnCall(boss, ME + "/calendarList", {}),
                       HookFollower(everything)]
        self.followers = [*self.called, *events(me, ZONES), *events(boss, shared), *events(everything, ZONES), *events(view, ZONES),
                          *entry_followers(me, rng, [USER, "ny@example.com"]), *entry_followers(boss, rng, [BOSS, "board@example.com"]),
                          EntryFollower(view, ME + "/calendarList", {"showDeleted": "true"}),
                          *(kind(seen) for kind in (FeedFollower, StreamFollower) for seen in self.seen.values())]
        self.at_first = len(self.followers)

    def was_away(self, calendar):
        there = {e["id"] for account in self.configured() for e in self.entries(account)}
        return calendar in {c for _, c in self.left} or calendar not in there

    def editable(self):
        return [c for c in self.zones if c != ROOM]

    # -- what steps do -------------------------------------------------------------------------

    def account_options(self, name):
        return {"key_file": self.keys[name], "acl": "yes"}

    def log_in(self, name):
        """As another program would: the file with the login is another one."""
        self.grants += 1
        secret = f"1//model-{self.grants}"
        self.emulator.seed({"users": [{"email": ACCOUNTS[name], "refresh_tokens": [secret]}]})
        body = {"type": "authorized_user", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": secret}
        path = os.path.join(self.directory, name + ".json")
        self.keys[name] = private_file(path + ".new", body).removesuffix(".new")
        os.rename(path + ".new", path)
        self.logged_in[name] = True

    def log_out(self, name):
        self.logged_in[name] = False
        user = ACCOUNTS[name]
        self.emulator.set_auth(revoke="grants", user=user)
        self.emulator.seed({"users": [{"email": user, "tokens": [TOKEN if user == USER else BOSS_TOKEN]}]})  # of the tests

    def set_account(self, name, there):
        """In the configuration, with the client that has it alone."""
        sections = self.mirror.sections
        if there:
            sections[f"account {name}"] = self.account_options(name)
            sections[f"client {name}"] = dict(self.seen[name].options)
        else:
            sections.pop(f"account {name}", None)
            sections.pop(f"client {name}", None)
        self.reload()

    def set_view(self, **options):
        self.mirror.sections["client view"] = {**self.seen["view"].options, **options}
        self.mirror.told.clear()
        self.reload()
        if self.mirror.process:
            wait_for("the reload", lambda: self.mirror.read_notifications() or "READY=1" in self.mirror.told)

    def calendar_made(self, calendar, owner, zone):
        self.zones[calendar], self.owners[calendar] = zone, owner
        self.made.append(calendar)

    def calendar_ended(self, calendar):
        del self.zones[calendar], self.owners[calendar]
        self.made.remove(calendar)

    # -- what must hold ------------------------------------------------------------------------

    def configured(self):
        return [name for name in ACCOUNTS if f"account {name}" in self.mirror.sections]

    def google_of(self, account):
        return self.boss if ACCOUNTS[account] == BOSS else self.emulator.api

    def entries(self, account):
        """Of its calendar list, as Google has it."""
        return self.google_of(account).calendar_list(showHidden=True, maxResults=250)["items"]

    def difference_of(self, account, calendar):
        """As Pair.difference(); of what shows busy times alone what lives."""
        theirs = {e["id"]: e for e in self.emulator.dump(calendar, ACCOUNTS[account])}
        answer = self.seen[account].mirror.get(f"/calendar/v3/calendars/{quote(calendar, safe='')}/events", showDeleted="true", maxResults=2500)
        if answer.status != 200:
            return {"": answer.status}
        ours = {e["id"]: e for e in answer.json["items"]}
        role = next((e["accessRole"] for e in self.entries(account) if e["id"] == calendar), None)
        if answer.json["accessRole"] != role:
            return {"accessRole": (role, answer.json["accessRole"])}
        busy = role == "freeBusyReader"

        def says_nothing(theirs, mine):
            series = ours.get((mine or {}).get("recurringEventId"))
            lives = series and series["status"] != "cancelled" and "recurrence" in series
            dead = all(e is None or e["status"] == "cancelled" for e in (theirs, mine))
            return dead and (busy or theirs is None and not lives)
        found = {id: (theirs.get(id), ours.get(id)) for id in theirs.keys() | ours.keys() if told(theirs.get(id)) != told(ours.get(id))}
        return {id: both for id, both in found.items() if not says_nothing(*both)}

    def is_equal(self):
        return not any(self.difference_of(a, e["id"]) for a in self.configured() for e in self.entries(a))

    def lists_differ(self):
        for account in self.configured():
            mirror, google = self.seen[account].mirror, self.google_of(account)
            entries = self.entries(account)
            listed = {e["id"]: e for e in entries}
            for calendar in self.zones:
                status = mirror.get(f"/calendar/v3/calendars/{quote(calendar, safe='')}/events").status
                if (status == 200) != (calendar in listed):
                    return f"{account}, {calendar}: {status}"
            owned = [c for c, e in listed.items() if e["accessRole"] == "owner"]
            for path in ["/users/me/calendarList", "/users/me/settings", *(f"/calendars/{quote(c, safe='')}/acl" for c in owned)]:
                theirs = google.call("GET", path, {"showHidden": "true"})["items"]
                answer = mirror.get("/calendar/v3" + path, **({"showHidden": "true"} if "calendarList" in path else {}))
                ours = answer.json.get("items", answer.status)
                if answer.status != 200 or sorted(theirs, key=lambda i: i["id"]) != sorted(ours, key=lambda i: i["id"]):
                    return f"{account}, {path}: {theirs} is {ours}"
        return None

    def rest(self, rng):
        self.heal()
        for account in ACCOUNTS:
            if not self.logged_in[account]:
                self.log_in(account)
        self.reload()
        try:
            self.in_the_end("the lists", lambda: not self.lists_differ())
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.lists_differ()}") from None
        for account in self.configured():
            for entry in self.entries(account):
                self.wait_equal_of(account, entry["id"])
                if entry["accessRole"] != "freeBusyReader":
                    self.judge_of(rng, account, entry["id"])
        self.in_the_end("the lists", lambda: not self.lists_differ())
        self.judge_view()
        for follower in self.followers:
            self.follow(follower)
        del self.followers[self.at_first:]  # of calendars that were made: another time others are followed
        for calendar in self.made:
            account = next(a for a in ACCOUNTS if ACCOUNTS[a] == self.owners[calendar])
            self.followers += [EventFollower(*event_choices(self.seen[name], rng, calendar)) for name in (account, "all")]
        wait_for("status without trouble", lambda: not any(
            c["last_error"] for c in self.mirror.status()["collections"] if c["kind"] == "events"), 15)
        self.lossy = False
        self.left.clear()

    def wait_equal_of(self, account, calendar):
        try:
            self.in_the_end(f"{calendar} to equal Google", lambda: not self.difference_of(account, calendar))
        except AssertionError as e:
            raise AssertionError(f"{account}: {e}: {self.difference_of(account, calendar)}") from None

    def judge_of(self, rng, account, calendar):
        judge = copy.copy(self)  # of the same world, but seen by that account
        judge.mirror = self.seen[account].mirror
        judge.shown_to = ACCOUNTS[account]
        World.judge(judge, rng, calendar)

    shown_to = None

    def dump(self, calendar):
        return self.emulator.dump(calendar, self.shown_to)

    def view_names(self, option, calendar):
        words = [w.strip() for w in self.mirror.sections["client view"].get(option, "").split(",")]
        return any(fnmatch.fnmatchcase(calendar, w) or (w == "primary" and calendar == USER) for w in words)

    def view_shows(self, calendar):
        return "calendars" not in self.mirror.sections["client view"] or self.view_names("calendars", calendar)

    def judge_view(self):
        """Who sees less sees that, and of what shows busy times alone nothing else."""
        mirror, options = self.seen["view"].mirror, self.mirror.sections["client view"]
        listed = [e["id"] for e in self.entries("test")]

        shown = {c for c in listed if self.view_shows(c)}
        items = mirror.get(ME + "/calendarList", showHidden="true").json["items"]
        assert {i["id"] for i in items} == shown, (options, shown, items)
        window = {"timeMin": "2026-06-20T00:00:00Z", "timeMax": "2026-09-20T00:00:00Z"}
        for calendar in listed:
            path = f"/calendar/v3/calendars/{quote(calendar, safe='')}/events"
            answer = mirror.get(path, maxResults=2500)
            assert answer.status == (200 if calendar in shown else 404), (options, calendar, answer.status)
            body = json.dumps({**window, "items": [{"id": calendar}]})
            busy = [m.request("POST", "/calendar/v3/freeBusy", body).json["calendars"][calendar]
                    for m in (mirror, self.seen["test"].mirror)]
            assert (busy[0] == busy[1]) if calendar in shown else "errors" in busy[0], (options, calendar, busy)
            if calendar in shown and self.view_names("freebusy_only", calendar):
                assert not any("summary" in e or "recurrence" in e for e in answer.json["items"]), (options, answer.body)

    def probe(self, calendar):
        """Whoever's role has been what it is, and whose entry has been there."""
        for account in self.configured():
            if (account, calendar) not in self.left:
                judge = copy.copy(self)
                judge.mirror, judge.shown_to = self.seen[account].mirror, ACCOUNTS[account]
                judge.left = {calendar}
                World.probe(judge, calendar)
