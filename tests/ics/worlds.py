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
CHANGED = "changed@group.calendar.google.com"  # series of which instances were changed
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


def timed(at, end, zone):
    return {"start": {"dateTime": at, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}}


def changed_events():
    """Instances that were moved, lengthened, made all-day or cancelled, in a calendar of another zone than theirs."""
    berlin, utc = "Europe/Berlin", "Etc/UTC"

    def slot(series, at, zone, **change):
        when = {"date": at} if zone is None else {"dateTime": at, "timeZone": zone}
        return {"recurringEventId": series, "originalStartTime": when, **change}
    return [
        {"id": "lateseries", "summary": "Late; at, night\\", **timed("mon-6w 23:30", "tue-6w 00:45", berlin),
         "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,TH"]},
        slot("lateseries", "mon-1w 23:30", berlin, summary="Moved\nto Wednesday 漢字 😀" * 4,
             **timed("wed-1w 10:00", "wed-1w 11:00", utc)),
        slot("lateseries", "thu-1w 23:30", berlin, status="cancelled"),
        slot("lateseries", "mon 23:30", berlin, **timed("mon+5w 09:00", "mon+5w 09:30", berlin)),
        slot("lateseries", "mon+1w 23:30", berlin, start={"date": "tue+1w"}, end={"date": "thu+1w"}),
        slot("lateseries", "mon+2w 23:30", berlin, transparency="transparent",
             **timed("mon+2w 23:30", "tue+2w 00:45", berlin)),
        {"id": "dayseries", "summary": "Days", "start": {"date": "sat-6w"}, "end": {"date": "mon-5w"},
         "recurrence": ["RRULE:FREQ=WEEKLY"]},
        slot("dayseries", "sat+1w", None, start={"date": "sun+1w"}, end={"date": "wed+2w"}),
        slot("dayseries", "sat+2w", None, status="cancelled"),
        slot("dayseries", "sat+3w", None, **timed("sat+3w 12:00", "sat+3w 13:00", berlin)),
        {"id": "utcseries", "summary": "UTC", **timed("tue-6w 12:00", "tue-6w 12:00", utc),
         "recurrence": ["RRULE:FREQ=DAILY;INTERVAL=3;COUNT=20"]},
        slot("utcseries", "tue-6w 12:00", utc, **timed("tue-6w 15:00", "tue-6w 16:00", utc)),
    ]


def write(path):
    """The world of all of them, as a file; the user is that of the demonstration."""
    with open(DEMO_WORLD, encoding="utf-8") as f:
        world = json.load(f)
    for calendar, events, zone in ((ZOO, zoo_events(), "Europe/Berlin"), (ZONES, zone_events(), "Europe/Berlin"),
                                   (CHANGED, changed_events(), "America/New_York")):
        anna = world["users"][0]
        anna["calendarList"].append(calendar)
        world["calendars"].append({"id": calendar, "summary": calendar, "timeZone": zone, "events": events,
                                   "acl": [{"role": "owner", "scope": {"type": "user", "value": anna["email"]}}]})
    with open(path, "w", encoding="utf-8") as f:
        json.dump(world, f)
    return path
