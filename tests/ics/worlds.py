"""The calendars whose feeds are read: the emulator's demonstration world, the zoo of recurrence, and a series in every zone."""

import datetime
import json
import os
import sys
from zoneinfo import ZoneInfo

from emulator import DEMO_WORLD
from mirror import TOP

sys.path.insert(0, os.path.join(TOP, "tests", "recurrence"))

import oracle  # noqa: E402
from zoo import zoo  # noqa: E402

ZOO = "zoo@group.calendar.google.com"
ZONES = "zones@group.calendar.google.com"
MOST = 30  # instances of a series that are compared
LINES = ("RRULE", "RDATE", "EXDATE", "EXRULE")
FROM, TO = datetime.datetime(1990, 1, 1), datetime.datetime(2030, 1, 1)  # of the zones' clocks


def moment(series, at):
    if series.kind == "date":
        return {"date": at.strftime("%Y-%m-%d")}
    seconds = oracle.seconds(at)
    if series.kind == "wall":
        seconds -= oracle.offset(ZoneInfo(series.zone), at)
    return {"dateTime": oracle.naive(seconds).isoformat() + "Z", "timeZone": series.zone}


def is_for_google(series):
    """What Google, and so the emulator, takes."""
    return series.end >= series.start and bool(series.lines) and all(
        line.startswith(tuple(f"{name}{mark}" for name in LINES for mark in ":;")) for line in series.lines)


def zoo_events():
    return [{"id": f"zoo{number:05d}", "summary": series.name, "start": moment(series, series.start),
             "end": moment(series, series.end), "recurrence": series.lines}
            for number, (series, _) in enumerate(zoo()) if is_for_google(series)]


def zone_names():
    """Those that people choose from, as tzdata lists them."""
    with open("/usr/share/zoneinfo/zone1970.tab", encoding="utf-8") as f:
        return sorted(line.split("\t")[2].strip() for line in f if not line.startswith("#"))


def zone_events():
    start = FROM.isoformat() + "Z"
    end = (FROM + datetime.timedelta(hours=1)).isoformat() + "Z"
    return [{"id": f"zone{number:05d}", "summary": name, "start": {"dateTime": start, "timeZone": name},
             "end": {"dateTime": end, "timeZone": name}, "recurrence": ["RRULE:FREQ=MONTHLY"]}
            for number, name in enumerate(zone_names())]


def changes(name):
    """[(wall time, seconds east of UTC)] some hours before and after each change of a zone's clock."""
    zone, found, step, hour = ZoneInfo(name), [], datetime.timedelta(days=12), datetime.timedelta(hours=1)

    def offset(utc):
        return utc.replace(tzinfo=datetime.timezone.utc).astimezone(zone).utcoffset()

    at = FROM
    while at < TO:
        before, after = offset(at), offset(at + step)
        if before != after:
            low, high = at, at + step
            while high - low > datetime.timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            margin = abs(after - before) + 3 * hour
            found += [((high - margin + before).replace(microsecond=0), before),
                      ((high + margin + after).replace(microsecond=0), after)]
        at += step
    found.append((TO, offset(TO)))
    return [(wall.isoformat(), int(east.total_seconds())) for wall, east in found]


def write(path):
    """The world of all three, as a file; the user is that of the demonstration."""
    with open(DEMO_WORLD, encoding="utf-8") as f:
        world = json.load(f)
    for calendar, events in ((ZOO, zoo_events()), (ZONES, zone_events())):
        anna = world["users"][0]
        anna["calendarList"].append(calendar)
        world["calendars"].append({"id": calendar, "summary": calendar, "timeZone": "Europe/Berlin", "events": events,
                                   "acl": [{"role": "owner", "scope": {"type": "user", "value": anna["email"]}}]})
    with open(path, "w", encoding="utf-8") as f:
        json.dump(world, f)
    return path
