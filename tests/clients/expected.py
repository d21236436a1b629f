"""What a calendar's instances and busy times must be, worked out from what the emulator holds, with
python3-dateutil and zoneinfo, sharing nothing with the engine under test."""

import datetime
import re
from zoneinfo import ZoneInfo

from dateutil import rrule

UTC = datetime.timezone.utc


def instant(when, zone):
    """start, end or originalStartTime as an aware time; a date begins in the calendar's zone."""
    if "date" in when:
        return datetime.datetime.fromisoformat(when["date"]).replace(tzinfo=ZoneInfo(zone))
    return datetime.datetime.fromisoformat(when["dateTime"].replace("Z", "+00:00"))


def written(time, zone):
    """As the API writes a time in a zone."""
    text = time.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def stamp(text, zone):
    """20260701, 20260701T100000 or ...Z as naive wall time of the zone."""
    if text.endswith("Z"):
        time = datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return time.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return datetime.datetime.strptime(text, "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d")


def slots(master, zone, until):
    """Naive wall times, in the series' own zone, at which its instances start, up to `until`."""
    own = master["start"].get("timeZone", zone)
    first = instant(master["start"], zone)
    first = first.replace(tzinfo=None) if "date" in master["start"] else first.astimezone(ZoneInfo(own)).replace(tzinfo=None)
    rules = rrule.rruleset()
    rules.rdate(first)
    for line in master["recurrence"]:
        name, _, value = line.partition(":")
        name, *options = name.split(";")
        tzid = next((o[5:] for o in options if o.startswith("TZID=")), own)
        if name == "RRULE":
            value = re.sub(r"UNTIL=([0-9TZ]+)", lambda m: "UNTIL=" + stamp(m[1], own).strftime("%Y%m%dT%H%M%S"), value)
            rules.rrule(rrule.rrulestr(value, dtstart=first))
            continue
        for text in value.split(","):
            time = stamp(text, tzid).replace(tzinfo=ZoneInfo(tzid)).astimezone(ZoneInfo(own)).replace(tzinfo=None)
            {"RDATE": rules.rdate, "EXDATE": rules.exdate}[name](time)
    return own, rules.between(datetime.datetime.min, until, inc=True)


def instance(master, slot, own, zone):
    """The resource of one slot that nothing overrides."""
    body = {k: v for k, v in master.items() if k != "recurrence"}
    if "date" in master["start"]:
        days = datetime.date.fromisoformat(master["end"]["date"]) - datetime.date.fromisoformat(master["start"]["date"])
        begin, end = {"date": slot.date().isoformat()}, {"date": (slot.date() + days).isoformat()}
        suffix = slot.strftime("%Y%m%d")
    else:
        start = slot.replace(tzinfo=ZoneInfo(own)).astimezone(UTC)
        length = instant(master["end"], zone) - instant(master["start"], zone)
        begin = {**master["start"], "dateTime": written(start, zone)}
        end = {**master["end"], "dateTime": written(start + length, zone)}
        suffix = start.strftime("%Y%m%dT%H%M%SZ")
    base = re.sub(r"_R\d{8}(T\d{6})?$", "", master["id"])  # of a series that was split
    return {**body, "id": f"{base}_{suffix}", "start": begin, "end": end,
            "originalStartTime": begin, "recurringEventId": master["id"]}


def expanded(dump, zone, begin=None, end=None, series=None):
    """Instances and single events that overlap the window, ascending by start; tombstones left out."""
    live = [e for e in dump if e["status"] != "cancelled"]
    taken = {(e["recurringEventId"], instant(e["originalStartTime"], zone)) for e in dump if "recurringEventId" in e}
    found = []
    for event in live:
        if "recurrence" not in event:
            found.append(event)
            continue
        far = (end or datetime.datetime.max.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
        own, times = slots(event, zone, far + datetime.timedelta(days=2))
        for slot in times:
            one = instance(event, slot, own, zone)
            if (event["id"], instant(one["originalStartTime"], zone)) not in taken:
                found.append(one)
    if series:
        found = [e for e in found if e.get("recurringEventId") == series]
    overlapping = [e for e in found if (begin is None or instant(e["end"], zone) > begin)
                   and (end is None or instant(e["start"], zone) < end)]
    return sorted(overlapping, key=lambda e: (instant(e["start"], zone), e["id"]))


def busy(dump, zone, begin, end):
    """Merged blocks as freeBusy gives them, in UTC."""
    blocks = []
    for event in expanded(dump, zone, begin, end):
        declined = any(a.get("self") and a.get("responseStatus") == "declined" for a in event.get("attendees", []))
        if declined or event.get("transparency") == "transparent":
            continue
        start, stop = max(instant(event["start"], zone), begin), min(instant(event["end"], zone), end)
        if blocks and start <= blocks[-1][1]:
            blocks[-1][1] = max(blocks[-1][1], stop)
        elif stop > start:
            blocks.append([start, stop])
    return [{"start": written(a, "UTC"), "end": written(b, "UTC")} for a, b in blocks]
