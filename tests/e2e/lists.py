"""What events.list must show: random calendars, and their lists as Google's words about the method have them, by python-dateutil
and zoneinfo. Shares nothing with the service, nor with the other oracles."""
import dataclasses
import datetime
import re
from zoneinfo import ZoneInfo

from dateutil import rrule

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
FAR = datetime.datetime(2033, 1, 1)  # no window reaches it: exceptions stand before 2031
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca", "UTC",
         "America/Sao_Paulo", "Asia/Gaza", "Pacific/Chatham", "America/St_Johns", "Europe/London", "Antarctica/Troll"]
WORDS = ["Café", "STRASSE", "strasse", "weekly", "Ω-meeting", "naïve", "x@y", "日本語", "ǅungla"]


def instant(wall, zone):
    """In a gap the offset before it, in a fold the first pass: what zoneinfo does with fold=0."""
    return wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def written(time, zone):
    text = time.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


@dataclasses.dataclass
class Event:
    id: str
    zone: str  # its own, or the calendar's when it is all-day
    all_day: bool
    start: datetime.datetime  # wall time
    length: datetime.timedelta  # of an all-day one whole days, by the calendar
    summary: str
    uid: str
    updated: datetime.datetime
    rule: dict = None  # arguments of rrule(); `until` is an instant, or a midnight when all-day
    rdates: list = dataclasses.field(default_factory=list)  # wall times, like exdates
    exdates: list = dataclasses.field(default_factory=list)
    series: "Event" = None  # of an exception
    slot: datetime.datetime = None  # likewise: in the form of slots()
    cancelled: bool = False
    type: str = "default"
    private: dict = dataclasses.field(default_factory=dict)
    transparent: bool = False
    answer: str = None  # of the calendar's own attendee

    def span(self, calendar_zone, slot=None):
        """When it, or its instance in a slot, begins and ends."""
        if not self.all_day:
            begin = slot or instant(self.start, self.zone)
            return begin, begin + self.length
        first = slot or self.start
        return instant(first, calendar_zone), instant(first + self.length, calendar_zone)

    def times(self, calendar_zone, shown, slot=None):
        begin, end = self.span(calendar_zone, slot)
        return {"start": self.moment(begin, slot or self.start, shown),
                "end": self.moment(end, (slot or self.start) + self.length, shown)}

    def moment(self, time, wall, shown):
        return {"date": wall.date().isoformat()} if self.all_day else {"dateTime": written(time, shown), "timeZone": self.zone}

    def slots(self):
        """Instants; of an all-day series its midnights on the wall."""
        def place(wall):
            return wall if self.all_day else instant(wall, self.zone)

        rule = dict(self.rule)
        until, count = rule.pop("until", None), rule.pop("count", None)
        found = {place(self.start)}
        n = 1  # COUNT counts the start, on its own rule or not
        for wall in rrule.rrule(dtstart=self.start, **rule):
            if wall == self.start:
                continue
            if wall > FAR or (count and n >= count) or (until and place(wall) > until):
                break
            n += 1
            found.add(place(wall))
        return sorted((found | {place(wall) for wall in self.rdates}) - {place(wall) for wall in self.exdates})

    def slot_id(self, slot):
        base = re.sub(r"_R\d{8}T\d{6}$", "", self.id)
        return base + slot.strftime("_%Y%m%d" if self.all_day else "_%Y%m%dT%H%M%SZ")

    def origin(self, shown):
        """What an exception says of its series."""
        return {"recurringEventId": self.series.id,
                "originalStartTime": self.series.moment(self.slot, self.slot, shown)}

    def recurrence(self):
        def line(name, walls):
            form = ";VALUE=DATE:%Y%m%d" if self.all_day else f";TZID={self.zone}:%Y%m%dT%H%M%S"
            return [name + wall.strftime(form) for wall in walls]

        parts = ["FREQ=" + rrule.FREQNAMES[self.rule["freq"]]]
        parts += [f"{key.upper()}={self.rule[key]}" for key in ("interval", "count") if key in self.rule]
        if "until" in self.rule:
            parts.append("UNTIL=" + self.rule["until"].strftime("%Y%m%d" if self.all_day else "%Y%m%dT%H%M%SZ"))
        if "byweekday" in self.rule:
            parts.append("BYDAY=" + ",".join(f"{w.n or ''}{'MO TU WE TH FR SA SU'.split()[w.weekday]}" for w in self.rule["byweekday"]))
        if "bymonthday" in self.rule:
            parts.append("BYMONTHDAY=" + ",".join(map(str, self.rule["bymonthday"])))
        return ["RRULE:" + ";".join(parts), *line("RDATE", self.rdates), *line("EXDATE", self.exdates)]

    def resource(self, calendar_zone):
        """As Google gives it; of what is cancelled as little as it guarantees to."""
        stamp = int(self.updated.timestamp()) * 1000000 * 2
        bare = {"kind": "calendar#event", "id": self.id, "etag": f'"{stamp}"', **(self.origin(calendar_zone) if self.series else {})}
        if self.cancelled:
            return {**bare, "status": "cancelled"}
        return {**bare, "status": "confirmed", "summary": self.summary, "iCalUID": self.uid, "eventType": self.type,
                "updated": self.updated.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "extendedProperties": {"private": self.private},
                **({"transparency": "transparent"} if self.transparent else {}), **({"attendees": self.attendees()} if self.answer else {}),
                **self.times(calendar_zone, calendar_zone), **({"recurrence": self.recurrence()} if self.rule else {})}

    def attendees(self):
        return [{"email": "other@example.com", "responseStatus": "declined"},
                {"email": "me@example.com", "self": True, "responseStatus": self.answer}]


class Calendar:
    def __init__(self, rng):
        self.rng = rng
        self.zone = rng.choice(ZONES)
        self.month = datetime.datetime(2026, rng.choice([1, 3, 6, 10]), 1)
        self.events = []
        for i in range(rng.randint(3, 12)):
            self.events.append(self.event(f"single{i}", cancelled=rng.random() < 0.1))
        for i in range(rng.randint(1, 5)):
            self.add_series(f"series{i}" + rng.choice(["", "", "", "_R20260101T000000"]))
        self.slots = {event.id: event.slots() for event in self.events if event.rule}

    def event(self, id, day=None, all_day=None, **more):
        rng = self.rng
        all_day = rng.random() < 0.3 if all_day is None else all_day
        start = day or self.month + rng.randint(-40, 80) * DAY
        if not all_day:
            start += datetime.timedelta(minutes=rng.choice([0, 30, 60, 120, 150, 540, 1410]))
        return Event(id=id, zone=self.zone if all_day or rng.random() < 0.7 else rng.choice(ZONES), all_day=all_day, start=start,
                     length=rng.choice([1, 1, 2, 40]) * DAY if all_day
                     else datetime.timedelta(minutes=rng.choice([0, 15, 60, 60, 1440, 60 * 30, 1440 * 20])),
                     summary=f"{rng.choice(WORDS)} {rng.choice(WORDS)}", type=rng.choice(["default", "default", "focusTime"]),
                     private={rng.choice("ab"): rng.choice(["1", "ä"])} if rng.random() < 0.4 else {},
                     transparent=rng.random() < 0.15, answer=rng.choice([None, None, None, "accepted", "tentative", "declined"]),
                     updated=datetime.datetime(2026, 1, 1, tzinfo=UTC) + datetime.timedelta(minutes=rng.randint(0, 2000)),
                     **{"uid": rng.choice([id, id, "shared"]) + "@x", **more})

    def add_series(self, id):
        rng = self.rng
        series = self.event(id, uid=id + "@x", rule={"freq": rng.choice([rrule.DAILY, rrule.WEEKLY, rrule.WEEKLY, rrule.MONTHLY])})
        if not series.all_day:  # a wall time in a gap is not told: the instant is, and it has another wall time
            series.start = instant(series.start, series.zone).astimezone(ZoneInfo(series.zone)).replace(tzinfo=None)
        if not series.all_day and rng.random() < 0.2:
            series.rule = {"freq": rrule.HOURLY, "interval": rng.choice([5, 7, 12, 36]), "count": rng.randint(1, 60)}
        self.complete(series)
        if rng.random() < 0.3:
            day = datetime.timedelta(days=rng.randint(-40, 80))
            series.rdates.append(series.start + day if series.all_day or rng.random() < 0.5 else series.start + day + DAY / 3)
        slots = series.slots()
        for slot in rng.sample(slots, min(len(slots), rng.choice([0, 0, 2]))):
            series.exdates.append(slot if series.all_day else slot.astimezone(ZoneInfo(series.zone)).replace(tzinfo=None))
        self.events.append(series)
        slots = [slot for slot in series.slots() if slot.year < 2031][:60]
        for slot in rng.sample(slots, min(len(slots), rng.randint(0, 4))):
            day = slot.replace(hour=0, minute=0, second=0, tzinfo=None) + rng.choice([0, 0, 1, -7, 60]) * DAY
            self.events.append(self.event(series.slot_id(slot), day=day, uid=series.uid, series=series, slot=slot,
                                          cancelled=rng.random() < 0.3, all_day=series.all_day ^ (rng.random() < 0.2)))

    def complete(self, series):
        rng, rule = self.rng, series.rule
        if "count" in rule:
            return
        if rng.random() < 0.4:
            rule["interval"] = rng.randint(2, 4)
        days = [rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU]
        if rule["freq"] == rrule.WEEKLY and rng.random() < 0.6:
            rule["byweekday"] = rng.sample(days, rng.randint(1, 4))
        elif rule["freq"] == rrule.MONTHLY and rng.random() < 0.7:
            rule.update(rng.choice([{"byweekday": [rng.choice(days)(rng.choice([1, 2, -1]))]}, {"bymonthday": [15, 31]},
                                    {"bymonthday": [-1]}]))
        end = rng.random()
        if end < 0.35:
            rule["count"] = rng.choice([1, 2, 3, 10, 30])
        elif end < 0.7:
            last = series.start + rng.choice([0, 1, 7, 28, 90]) * DAY
            edge = datetime.timedelta(seconds=rng.choice([0, 0, -1, 1]))
            rule["until"] = last if series.all_day else instant(last, series.zone) + edge

    def edges(self):
        return [time for e in self.events if not e.cancelled for time in e.span(self.zone)]

    def matches(self, event, query):
        text = event.summary.casefold()
        return (all(word.casefold() in text for word in query.get("q", "").split())
                and query.get("iCalUID", event.uid) == event.uid
                and event.type in query.get("eventTypes", [event.type])
                and query.get("updatedMin", event.updated) <= event.updated
                and all(event.private.get(p.split("=")[0]) == p.split("=")[1] for p in query.get("privateExtendedProperty", [])))

    def lists(self, query):
        """(what must be there, by id; ids of what may be), the first without what is no matter of the list."""
        must, may = {}, set()
        shown = query.get("timeZone", self.zone)

        def put(id, event, slot=None, **more):
            must[id] = {"status": "confirmed", **event.times(self.zone, shown, slot), **more}

        def in_window(begin, end):
            low, high = query.get("timeMin"), query.get("timeMax")
            return (not high or begin < high) and (not low or end > low or begin == end == low)

        for event in self.events:
            if event.cancelled:
                self.list_cancelled(event, query, shown, in_window, must, may)
            elif not self.matches(event, query):
                continue
            elif not event.rule:
                if in_window(*event.span(self.zone)):
                    put(event.id, event, **(event.origin(shown) if event.series else {}))
            elif query.get("singleEvents"):
                gone = {e.slot for e in self.events if e.series is event}
                for slot in self.slots[event.id]:
                    if slot not in gone and in_window(*event.span(self.zone, slot)):
                        put(event.slot_id(slot), event, slot, recurringEventId=event.id,
                            originalStartTime=event.moment(slot, slot, shown))
            elif not query.keys() & {"timeMin", "timeMax"} or any(
                    in_window(*event.span(self.zone, slot)) for slot in self.slots[event.id]):
                put(event.id, event, recurrence=event.recurrence())
        return must, may

    def list_cancelled(self, event, query, shown, in_window, must, may):
        """A hole is listed where its slot begins, unless the list is of instances and nobody asked for what is deleted."""
        told = query.get("showDeleted") or "updatedMin" in query
        if not event.series:  # of which not even the time is known
            if told and not query.keys() & {"timeMin", "timeMax", "q", "iCalUID", "privateExtendedProperty"} and (
                    "updatedMin" in query or not query.get("singleEvents")):
                if query.get("updatedMin", event.updated) <= event.updated:
                    must[event.id] = {"status": "cancelled"}
            else:
                may.add(event.id)
            return
        begin, end = event.series.span(self.zone, event.slot)
        as_series = dataclasses.replace(event.series, updated=event.updated)
        if (told or not query.get("singleEvents")) and self.matches(as_series, query):
            if in_window(begin, begin):
                must[event.id] = {"status": "cancelled", **event.origin(shown)}
            elif in_window(begin, end):
                may.add(event.id)

    def query(self, rng):
        query, edges = {}, self.edges()

        def point():
            if edges and rng.random() < 0.5:
                return rng.choice(edges) + datetime.timedelta(seconds=rng.choice([0, 0, 0, 1, -1]))
            return datetime.datetime(2026, 1, 15, tzinfo=UTC) + datetime.timedelta(minutes=15 * rng.randint(0, 28000))

        if rng.random() < 0.6:
            query["singleEvents"] = True
        if rng.random() < 0.3:
            query["showDeleted"] = True
        if query.get("singleEvents") or rng.random() < 0.8:
            begin = point()
            query["timeMax"] = max(begin + datetime.timedelta(seconds=1), rng.choice(
                [point(), begin + datetime.timedelta(minutes=rng.choice([15, 1440, 1440 * 7, 1440 * 300]))]))
            if rng.random() < 0.85:
                query["timeMin"] = begin
        some = {"q": rng.choice([*WORDS, "café naïve", "ΩMEGA", "ungla Ω-M"]), "timeZone": rng.choice(ZONES),
                "iCalUID": rng.choice(self.events).uid, "eventTypes": ["focusTime"],
                "privateExtendedProperty": rng.choice([["a=1"], ["a=1", "b=ä"]]),
                "updatedMin": datetime.datetime(2026, 1, 1, tzinfo=UTC) + datetime.timedelta(minutes=rng.randint(0, 2000)),
                "orderBy": rng.choice(["updated", "startTime"] if query.get("singleEvents") else ["updated"])}
        query.update({key: value for key, value in some.items() if rng.random() < 0.15})
        return query
