"""Clients that follow the mirror's lists by sync tokens, and its change feed by cursors, as the documentation tells them to: what each has
gathered must be what a list that begins anew shows."""
import collections
import datetime
from urllib.parse import quote

from expected import instant
from test_stream import Stream

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
TYPES = ["default", "focusTime", "outOfOffice", "birthday", "fromGmail", "workingLocation"]
MASKS = [None, None, "nextPageToken,nextSyncToken,items(id,status,recurringEventId,recurrence,start,end,originalStartTime)",
         "nextPageToken,nextSyncToken,items(id,status,recurringEventId,recurrence,summary,attendees/email,start,end)", "*"]


class Away(Exception):
    """It is not mirrored, or not yet."""


class Follower:
    """`first`: parameters of the first list only; `always`: of each request."""

    def __init__(self, world, path, always, first=None):
        self.world, self.path, self.always, self.first = world, path, always, first or {}
        self.state, self.token, self.page = {}, None, None

    def __repr__(self):
        return f"{self.path} {self.always} {self.first}"

    def size(self, rng):
        return {"maxResults": rng.choice([1, 2, 3, 7, 100, 250])} if rng else {"maxResults": 250}

    def walk(self, query, rng, between=None):
        """(all items, the last page); None if the token is dead."""
        items, query = [], {**self.always, **query}
        while True:
            answer = self.world.mirror.get(self.path, **query, **self.size(rng))
            if answer.status in (401, 403, 404, 503):
                raise Away(answer.body)
            if answer.status == 410 and "syncToken" in query:
                return None
            assert answer.status == 200, (self, query, answer.status, answer.body)
            items += answer.json.get("items", [])
            if "nextPageToken" not in answer.json:
                return items, answer.json
            assert "nextSyncToken" not in answer.json
            query["pageToken"] = answer.json["nextPageToken"]
            if between:
                between()

    def follow(self, rng, between=None):
        """One look at the list."""
        found = self.walk({"syncToken": self.token}, rng, between) if self.token else None
        if found is None:
            self.state = {}
            found = self.walk(self.first, rng, between)
        items, last = found
        for item in items:
            self.take(item)
        self.token = last["nextSyncToken"]

    def forget(self):
        self.state, self.token = {}, None

    def check(self):
        """It has followed to here: its state is what is listed."""
        fresh = {item["id"]: item for item in self.walk(self.first, None)[0]}
        self.compare({id: self.form(i) for id, i in fresh.items()}, {id: self.form(i) for id, i in self.state.items()}, fresh)

    def compare(self, fresh, state, fresh_items):
        assert fresh == state, f"{self}: {differing(fresh, state)}"


def differing(fresh, state):
    return {id: {"listed": fresh.get(id), "followed": state.get(id)} for id in {*fresh, *state} if fresh.get(id) != state.get(id)}


class EntryFollower(Follower):
    """Of the calendar list, which always tells of what is deleted or hidden; of access rules; of settings."""

    def take(self, item):
        gone = item.get("deleted") or item.get("role") == "none"
        hidden = item.get("hidden") and self.always.get("showHidden") != "true"
        if (gone and self.always.get("showDeleted") != "true") or hidden:
            self.state.pop(item["id"], None)
        else:
            self.state[item["id"]] = item

    def form(self, item):
        return {"id": item["id"], "deleted": True} if item.get("deleted") else item


class EventFollower(Follower):
    def __init__(self, world, calendar, always, first=None):
        super().__init__(world, f"/calendar/v3/calendars/{quote(calendar)}/events", always, first)
        self.calendar = calendar
        self.single, self.deleted = always.get("singleEvents") == "true", always.get("showDeleted") == "true"

    def take(self, item):
        if item["status"] == "cancelled" and not self.deleted and (self.single or "recurringEventId" not in item):
            self.state.pop(item["id"], None)
        else:
            self.state[item["id"]] = item
        if not self.single and item["status"] == "cancelled":
            self.end_series(item["id"])

    def end_series(self, id):
        """A deleted series takes its exceptions with it."""
        for other in [o for o in self.state.values() if o.get("recurringEventId") == id]:
            if not self.deleted:
                del self.state[other["id"]]

    def form(self, item):
        """Clocks of whatever zone; of what is cancelled what Google guarantees."""
        def moment(at):
            return at["date"] if "date" in at else (instant(at, "UTC").astimezone(UTC).isoformat(), at.get("timeZone"))
        names = ("start", "end", "originalStartTime")
        if item["status"] == "cancelled":
            at = item.get("originalStartTime")
            return {"status": "cancelled", "recurringEventId": item.get("recurringEventId"), "at": at and (at.get("date") or moment(at)[0])}
        return {**item, **{name: moment(item[name]) for name in names if name in item}}

    def span(self, item):
        zone = self.world.zones[self.calendar]
        return instant(item["start"], zone), instant(item["end"], zone)

    def far(self, item):
        """Whether it is not in the window of the first list, which tokens do not remember; of dates near its edges that may be told
        otherwise once the calendar is in another zone."""
        low, high = self.first.get("timeMin"), self.first.get("timeMax")
        if "start" not in item:
            return "originalStartTime" not in item or bool(low or high)
        begin, end = self.span(item)
        slack = DAY if "date" in item["start"] else 0 * DAY
        return bool((low and end - slack <= datetime.datetime.fromisoformat(low))
                    or (high and begin + slack >= datetime.datetime.fromisoformat(high)))

    def compare(self, fresh, state, fresh_items):
        for id in [id for id in state if id not in fresh and state[id]["status"] != "cancelled"]:
            if self.first and self.far(self.state[id]):
                del state[id]
        for id in [id for id in fresh if id not in state and isinstance(fresh[id].get("start"), str)]:
            if self.first and self.far(fresh_items[id]):
                del fresh[id]
        for id in [id for id in state if id not in fresh and state[id]["status"] == "cancelled"]:
            series = self.state.get(state[id]["recurringEventId"])
            if self.first or self.single or not series or series["status"] == "cancelled":
                del state[id]  # of no series: deleted, or a hole in what is
        super().compare(fresh, state, fresh_items)


def event_choices(world, rng, calendar, single=0.5):
    """Of an EventFollower."""
    always = {}
    if rng.random() < single:
        always["singleEvents"] = "true"
    if rng.random() < 0.4:
        always["showDeleted"] = "true"
    if rng.random() < 0.3:
        always["eventTypes"] = rng.sample(TYPES, rng.randint(1, 3))
    if rng.random() < 0.3:
        always["maxAttendees"] = rng.randint(1, 3)
    if rng.random() < 0.3:
        always["timeZone"] = rng.choice(["Asia/Kathmandu", "America/New_York", "UTC"])
    mask = rng.choice(MASKS)
    if mask:
        always["fields"] = mask
    first = {}
    if "singleEvents" in always or rng.random() < 0.3:
        begin = datetime.datetime(2026, 6, 20, tzinfo=UTC) + datetime.timedelta(hours=rng.randint(0, 1200))
        first["timeMax"] = (begin + rng.choice([3, 30, 200]) * DAY).isoformat()
        if rng.random() < 0.7:
            first["timeMin"] = begin.isoformat()
    return world, calendar, always, first


def entry_followers(world, rng, calendars):
    listed = {"showDeleted": "true"} if rng.random() < 0.5 else {}
    listed.update({"showHidden": "true"} if rng.random() < 0.5 else {})
    me = "/calendar/v3/users/me"
    return [EntryFollower(world, me + "/calendarList", listed), EntryFollower(world, me + "/settings", {}),
            *(EntryFollower(world, f"/calendar/v3/calendars/{quote(c)}/acl", {}) for c in calendars)]


class Walker(Follower):
    """Reads a list page by page while it changes: what did not change itself is there."""

    def __init__(self, world, calendar, rng):
        self.query = {"singleEvents": rng.choice(["true", "false"]), "showDeleted": rng.choice(["true", "false"])}
        begin = datetime.datetime(2026, 6, 20, tzinfo=UTC) + datetime.timedelta(hours=rng.randint(0, 1200))
        if self.query["singleEvents"] == "true" or rng.random() < 0.5:
            self.query.update(timeMin=begin.isoformat(), timeMax=(begin + rng.choice([5, 40]) * DAY).isoformat())
        orders = ["updated", "updated", "startTime"] if self.query["singleEvents"] == "true" else ["updated"]
        some = {"orderBy": rng.choice(orders), "q": "edit", "updatedMin": "2026-01-01T00:00:00Z"}
        self.query.update({name: value for name, value in some.items() if rng.random() < 0.4})
        super().__init__(world, f"/calendar/v3/calendars/{quote(calendar)}/events", self.query)

    def follow(self, rng, between=None):
        if not rng:
            return
        before, walked = (self.walk({}, *how)[0] for how in ((None,), (rng, between)))
        after = {i["id"]: i for i in self.walk({}, None)[0]}
        same = [i["id"] for i in before if after.get(i["id"]) == i]
        ids = [i["id"] for i in walked]
        assert all(ids.count(id) == 1 for id in same), (self, [(id, ids.count(id)) for id in same])

    def check(self):
        pass


class FeedFollower:
    """Reads the change feed: its state is made of `created`, `updated` and `deleted` alone, and of a list after each `reset`."""

    def __init__(self, world):
        self.world = world
        self.cursor, self.void = "0", False
        self.state = collections.defaultdict(dict)  # by (account, calendar)
        self.form = EventFollower(world, "", {}).form

    def __repr__(self):
        return type(self).__name__

    def forget(self):
        self.__init__(self.world)

    def follow(self, rng, between=None):
        while True:
            query = {"cursor": self.cursor, "include": "event", "maxResults": rng.choice([1, 2, 5, 100]) if rng else 100}
            answer = self.world.mirror.get("/v1/changes", **query)
            if answer.status != 200:
                raise Away(answer.body)
            for entry in answer.json["items"]:
                self.take(entry)
            self.cursor = answer.json["cursor"]
            if self.void:
                self.forget()
            elif not answer.json["more"]:
                return
            if between:
                between()

    def take(self, entry):
        kind, place = entry["type"], (entry.get("account"), entry.get("calendarId"))
        if kind == "reset" and place[1]:
            self.state[place] = {}  # told anew, as to all that began with cursor 0
        elif kind == "reset":
            self.void = "account" not in entry  # another database, or one of before: it begins anew
        elif kind in ("created", "updated"):
            self.judge(entry, self.state[place].get(entry["eventId"]))
            self.state[place][entry["eventId"]] = entry["event"]
        elif kind == "deleted":
            self.state[place].pop(entry["eventId"], None)
        elif kind == "calendar" and entry["change"] == "removed":
            self.state[place] = {}

    def judge(self, entry, old):
        """What is said to have changed is at least what did."""
        new = entry.get("event")
        if not old or not new or "changed" not in entry or new["status"] == "cancelled":
            return
        old, new = self.form(old), self.form(new)
        differ = {name for name in {*old, *new} if old.get(name) != new.get(name)} - {"etag", "updated"}
        assert entry.get("changedPartial") or differ <= set(entry["changed"]), (entry, old)

    def check(self):
        self.follow(None)
        for place in {*self.places(), *self.state}:
            form = (lambda i: {"id": i["id"]}) if self.world.lister(place)[1] else self.form
            fresh = {id: form(i) for id, i in self.listed(place).items()}
            state = {id: form(i) for id, i in self.state[place].items()}
            assert fresh == state, f"{self}, {place}: {differing(fresh, state)}"

    def places(self):
        return [(account, calendar) for account in self.world.accounts() for calendar in self.world.zones]

    def listed(self, place):
        """What lives there; nothing where nothing is to be seen, or not yet."""
        mirror, _ = self.world.lister(place)
        answer = mirror.get(f"/calendar/v3/calendars/{quote(place[1], safe='')}/events", maxResults=2500)
        assert answer.status in (200, 401, 404, 503), answer.body
        return {i["id"]: i for i in answer.json["items"] if i["status"] != "cancelled"} if answer.status == 200 else {}


class StreamFollower(FeedFollower):
    """The same by streams, each of which is cut after some entries."""

    def follow(self, rng, between=None):
        token = self.world.mirror.token
        stream = Stream(self.world.mirror, "?include=event", last_id=self.cursor,
                        headers=f"Authorization: Bearer {token}\r\n" if token else "")
        try:
            stream.until(lambda s: s.head, "answer")
            if " 200 " not in stream.head.splitlines()[0]:
                raise Away(stream.head)
            stream.until_event("hello")
            if rng is None:
                stream.until(lambda s: not self.behind(s.last_id or self.cursor), "end of what the change feed has")
        finally:
            stream.close()
        for kind, id, entry in stream.events:
            if kind not in ("hello", "end", "freshness", None):
                self.take(entry)
            self.cursor = id or self.cursor
        if self.void:
            self.forget()
            self.follow(rng)
        if between:
            between()

    def behind(self, cursor):
        """Whether there is something to be told after it."""
        more = True
        while more:
            answer = self.world.mirror.get("/v1/changes", cursor=cursor)
            if answer.status != 200:
                raise Away(answer.body)
            if answer.json["items"]:
                return True
            cursor, more = answer.json["cursor"], answer.json["more"]
        return False
