"""What people do to events beside making, renaming and deleting them: further steps of the kind of steps.py."""
import datetime

import expected
from emulator import USER

UTC = datetime.timezone.utc
FAR = datetime.datetime(2026, 9, 1)
RULES = ["FREQ=DAILY;COUNT=5", "FREQ=DAILY;INTERVAL=2;COUNT=12", "FREQ=WEEKLY;BYDAY=TU,FR", "FREQ=WEEKLY", "FREQ=MONTHLY;COUNT=3"]


def some(world, rng, wanted=lambda e: e["status"] != "cancelled"):
    calendar = rng.choice(world.editable())
    found = [e for e in world.emulator.dump(calendar) if wanted(e)]
    return calendar, rng.choice(sorted(found, key=lambda e: e["id"])) if found else None


def live_series(event):
    return event["status"] != "cancelled" and "recurrence" in event


def change(world, rng, members, wanted=lambda e: e["status"] != "cancelled"):
    calendar, event = some(world, rng, wanted)
    if event:
        world.google.update(calendar, event["id"], {k: v for k, v in {**event, **members(event)}.items() if v is not None})
        world.touch(calendar, event["id"])


def invite(world, rng):
    """Guests come and go, and answer."""
    def attendees(event):
        people = [{"email": f"g{i}@example.org", "responseStatus": rng.choice(["accepted", "declined", "needsAction"])}
                  for i in range(rng.randint(0, 5))]
        me = [{"email": USER, "responseStatus": rng.choice(["accepted", "declined", "tentative"])}] if rng.random() < 0.7 else []
        return {"attendees": people + me or None}
    change(world, rng, attendees)


def dress(world, rng):
    """What does not move it."""
    change(world, rng, lambda event: {
        "visibility": rng.choice([None, "public", "private"]), "transparency": rng.choice([None, "transparent"]),
        "colorId": rng.choice([None, "3"]), "location": rng.choice([None, "Room 1"]),
        "extendedProperties": rng.choice([None, {"private": {"a": "1"}}, {"shared": {"b": "2"}, "private": {"a": "2"}}])})


def wear_type(world, rng):
    """A new event of one of the kinds that have a type."""
    calendar = rng.choice(world.editable())
    world.count += 1
    day = datetime.datetime(2026, 7, 1, 9) + datetime.timedelta(days=rng.randint(0, 60))
    zone = rng.choice(list(world.zones.values()))
    id, kind = f"typed{world.count}", rng.choice(["focusTime", "outOfOffice", "birthday", "fromGmail"])
    body = {"kind": "calendar#event", "id": id, "status": "confirmed", "eventType": kind, "iCalUID": id + "@google.com",
            "etag": f'"{world.count}"', "summary": f"edit {world.count}", "updated": "2026-01-01T00:00:00.000Z",
            "start": {"dateTime": expected.written(day.replace(tzinfo=UTC), world.zones[calendar]), "timeZone": zone},
            "end": {"dateTime": expected.written(day.replace(tzinfo=UTC, hour=11), world.zones[calendar]), "timeZone": zone}}
    if rng.random() < 0.4:
        body["recurrence"] = ["RRULE:" + rng.choice(RULES)]
    world.emulator.put_raw_event(calendar, body, id)
    world.touch(calendar, id)


def rezone(world, rng):
    """The same wall time somewhere else."""
    def moved(event):
        zone = rng.choice(list(world.zones.values()))
        if "dateTime" not in event["start"]:
            return {}
        own = event["start"].get("timeZone", "UTC")
        walls = [expected.instant(event[k], own).astimezone(expected.ZoneInfo(own)).replace(tzinfo=None) for k in ("start", "end")]
        return {k: {"dateTime": wall.isoformat(), "timeZone": zone} for k, wall in zip(("start", "end"), walls)}
    change(world, rng, moved, lambda e: e["status"] != "cancelled" and "recurringEventId" not in e)


def rule(world, rng):
    change(world, rng, lambda event: {"recurrence": ["RRULE:" + rng.choice(RULES)]}, live_series)


def restore(world, rng):
    """An instance that was taken out comes back."""
    calendar, event = some(world, rng, lambda e: e["status"] == "cancelled" and "recurringEventId" in e)
    if event:
        world.google.patch(calendar, event["id"], status="confirmed")
        world.touch(calendar, event["id"])


def split(world, rng):
    """This and all that follow, as a client does it: the series ends there, and another begins, under a name of its own, so that
    no later edit makes two series out of which instances of one name come."""
    calendar, series = some(world, rng, lambda e: live_series(e) and len(e["id"]) < 50)
    if not series:
        return
    zone = world.zones[calendar]
    own, slots = expected.slots(series, zone, FAR)
    if len(slots) < 2:
        return
    first = expected.instance(series, rng.choice(slots[1:]), own, zone)
    days = "date" in first["start"]
    at = expected.instant(first["start"], zone).astimezone(UTC)
    last = at - datetime.timedelta(seconds=1)
    head = [line.split(";UNTIL")[0].split(";COUNT")[0] for line in series["recurrence"] if line.startswith("RRULE")]
    until = (datetime.date.fromisoformat(first["start"]["date"]) - datetime.timedelta(days=1)).strftime("%Y%m%d") if days else (
        last.strftime("%Y%m%dT%H%M%SZ"))
    others = [e for e in world.emulator.dump(calendar) if e.get("recurringEventId") == series["id"]
              and expected.instant(e["originalStartTime"], zone) >= at and e["status"] != "cancelled"]
    new = series["id"] + (first["start"]["date"].replace("-", "") if days else at.strftime("%Y%m%dt%H%M%S"))
    body = {**{k: v for k, v in series.items() if k not in ("sequence", "created")}, "id": new, "iCalUID": new + "@google.com",
            "start": first["start"], "end": first["end"], "summary": f"split {world.count}", "recurrence": head}
    world.google.update(calendar, series["id"], {**series, "recurrence": [line + ";UNTIL=" + until for line in head]})
    world.emulator.put_raw_event(calendar, body, new)
    for other in others:
        world.emulator.put_raw_event(calendar, {**other, "recurringEventId": new}, other["id"])
    for id in (series["id"], new):
        world.touch(calendar, id)


def promote(world, rng):
    """An instance becomes an event of its own, or all-day, or longer."""
    def other(event):
        day = expected.instant(event["start"], "UTC").date()
        return {"start": {"date": day.isoformat()}, "end": {"date": (day + datetime.timedelta(days=rng.randint(1, 3))).isoformat()}}
    change(world, rng, other, lambda e: e["status"] != "cancelled" and "recurrence" not in e and e["id"] not in world.were_series)


EDITS = {invite: 8, dress: 8, wear_type: 6, rezone: 4, rule: 4, restore: 4, split: 3, promote: 3}
