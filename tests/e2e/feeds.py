"""A reader of iCalendar feeds: RFC 5545 as far as the mirror's feeds use it, expanded by python-dateutil."""
import datetime
import re
from zoneinfo import ZoneInfo

from dateutil import rrule

from lists import UTC, instant

FAR = datetime.datetime(2032, 1, 1)


class Moment:
    """Of a value with its parameters: a date, an instant, or wall time of a zone."""

    def __init__(self, value, params):
        self.zone, self.day = params.get("TZID"), "T" not in value
        self.wall = datetime.datetime.strptime(value.rstrip("Z"), "%Y%m%d" if self.day else "%Y%m%dT%H%M%S")
        assert value.endswith("Z") == (not self.day and not self.zone), value
        self.slot = self.at(self.wall)

    def at(self, wall):
        """What names an instance there: a day, or an instant."""
        return wall.date().isoformat() if self.day else instant(wall, self.zone or "UTC")


def lines(text):
    assert text.endswith("\r\n") and all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def components(text):
    """[{name: [(value, parameters)]}] of the events."""
    found, open_ones = [], []
    for line in lines(text):
        head = re.match(r'(?:[^":]|"[^"]*")*', line)[0]
        value, (name, *params) = line[len(head) + 1:], re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', head)
        if name == "BEGIN":
            open_ones.append(value)
            if value == "VEVENT":
                found.append({})
        elif name == "END":
            assert open_ones.pop() == value
        elif open_ones[-1] == "VEVENT":
            found[-1].setdefault(name, []).append((value, dict(p.split("=", 1) for p in params)))
    return found


def moments(event, name):
    return [Moment(one, params) for value, params in event.get(name, []) for one in value.split(",")]


def slots(event):
    """{slot: wall} of a series."""
    [start] = moments(event, "DTSTART")
    walls = {start.wall}
    for value, _ in event.get("RRULE", []):
        until = re.search(r";?UNTIL=([0-9TZ]+)", value)
        rule = rrule.rrulestr(value.replace(until[0], "") if until else value, dtstart=start.wall)
        last = until and Moment(until[1], {} if until[1].endswith("Z") or "T" not in until[1] else {"TZID": start.zone}).slot
        for wall in rule:
            if wall > FAR or (last and start.at(wall) > last):
                break
            walls.add(wall)
    found = {start.at(wall): wall for wall in sorted(walls, reverse=True)}
    for more in moments(event, "RDATE"):
        found[more.slot] = more.wall if more.zone == start.zone else None
    for less in moments(event, "EXDATE"):
        found.pop(less.slot, None)
    return found


def instances(text, zone):
    """[(UID, start, end)]: days as in the feed, instants otherwise; each with when it begins and ends as instants."""
    events, found = components(text), []
    replaced = {(e["UID"][0][0], moments(e, "RECURRENCE-ID")[0].slot) for e in events if "RECURRENCE-ID" in e}

    def put(event, start, slot):
        end = moments(event, "DTEND")[0] if "DTEND" in event else start
        if start.day:
            begin = datetime.datetime.fromisoformat(slot)
            length = end.wall - start.wall
            found.append((event["UID"][0][0], slot, (begin + length).date().isoformat(), instant(begin, zone), instant(begin + length, zone)))
        else:
            finish = slot + (end.slot - start.slot)
            found.append((event["UID"][0][0], slot.astimezone(UTC), finish.astimezone(UTC), slot, finish))

    for event in events:
        [start] = moments(event, "DTSTART")
        if "RECURRENCE-ID" in event or not {"RRULE", "RDATE"} & event.keys():
            if not ("EXDATE" in event and start.slot in [m.slot for m in moments(event, "EXDATE")]):
                put(event, start, start.slot)
            continue
        for slot in slots(event):
            if (event["UID"][0][0], slot) not in replaced:
                put(event, start, slot)
    return found
