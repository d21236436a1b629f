"""What may happen: each step is a name and a number that seeds its choices, so that taking one out of a schedule leaves the
others as they are."""
import datetime
import json
import random

import expected
from emulator import USER, ApiError, all_day
from edits import EDITS
from sharing import SHARING, book
from failures import DAY_MS, HOUR_MS, MINUTE_MS
from shared import SharedWorld
from world import BOSS, LISTED, RULES, ZONES, World

SERIES = ["FREQ=DAILY;COUNT=9", "FREQ=WEEKLY;BYDAY=MO,WE", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=DAILY;INTERVAL=3",
          "FREQ=WEEKLY;UNTIL=20260901"]
GETS = ["GET */events", "GET */events", "GET */calendarList", "GET *", "POST */watch", "POST */channels/stop"]
FAULTS = [{"status": 500}, {"status": 503, "html": True}, {"status": 403, "reason": "rateLimitExceeded"},
          {"status": 429, "headers": {"Retry-After": "1"}}, {"status": 401, "reason": "authError"}, {"drop": True},
          {"status": 404, "reason": "notFound"}, {"truncate_bytes": 50}, {"keep_bytes": 40}, {"delay_ms": 60},
          {"when": "after", "drop": True}, {"status": 410, "reason": "fullSyncRequired"}, {"hang": True},
          {"status": 200, "body": {}}, {"when": "after", "delay_ms": 400}, {"when": "after", "hold": True}]


def when(rng):
    day = datetime.date(2026, 7, 1) + datetime.timedelta(days=rng.randint(0, 60))
    if rng.random() < 0.3:
        return all_day(day.isoformat(), (day + datetime.timedelta(days=rng.randint(1, 4))).isoformat())
    start = datetime.datetime.combine(day, datetime.time(rng.randint(0, 23), 30))
    end = start + datetime.timedelta(minutes=rng.choice([30, 60, 60 * 40]))
    zone = rng.choice(list(ZONES.values()))
    return {"start": {"dateTime": start.isoformat(), "timeZone": zone}, "end": {"dateTime": end.isoformat(), "timeZone": zone}}


def rule(rng, body):
    text = rng.choice(SERIES)
    return ["RRULE:" + (text if "date" in body["start"] else text.replace("20260901", "20260901T000000Z"))]


def words(world):
    world.count += 1
    return {"summary": f"edit {world.count}"}


def some_calendar(world, rng):
    return rng.choice(world.editable())


def some_event(world, rng, wanted=lambda e: True):
    calendar = some_calendar(world, rng)
    found = [e for e in world.live(calendar) if wanted(e)]
    return calendar, rng.choice(sorted(found, key=lambda e: e["id"])) if found else None


def insert(world, rng):
    calendar, body = some_calendar(world, rng), when(rng)
    if rng.random() < 0.4:
        body["recurrence"] = rule(rng, body)
    world.touch(calendar, world.google.insert(calendar, body=body, **words(world))["id"])


def edit(world, rng):
    calendar, event = some_event(world, rng)
    if event:
        single = "recurrence" not in event and "recurringEventId" not in event and event["id"] not in world.were_series
        more = when(rng) if single and rng.random() < 0.5 else {}
        body = {**event, **more, **words(world)}
        world.google.update(calendar, event["id"], body)
        world.touch(calendar, event["id"])


def delete(world, rng):
    calendar, event = some_event(world, rng)
    if event:
        world.google.delete(calendar, event["id"])
        world.touch(calendar, event["id"])


def deviate(world, rng):
    """One instance is moved, renamed or cancelled; not of what a split left behind, whose names the emulator does not know."""
    calendar, series = some_event(world, rng, lambda e: "recurrence" in e and "_R" not in e["id"])
    if not series:
        return
    own, slots = expected.slots(series, world.zones[calendar], datetime.datetime(2026, 9, 1))
    if not slots:
        return
    one = expected.instance(series, rng.choice(slots), own, world.zones[calendar])
    if rng.random() < 0.4:
        world.google.delete(calendar, one["id"])
    else:
        new = {k: v for k, v in when(rng).items()}
        world.google.update(calendar, one["id"], {**one, **new, **words(world)})
    world.touch(calendar, series["id"])


def convert(world, rng):
    """A single event becomes a series, a series a single event."""
    calendar, event = some_event(world, rng, lambda e: "recurringEventId" not in e)
    if event:
        body = {k: v for k, v in event.items() if k != "recurrence"}
        if "recurrence" not in event:
            body["recurrence"] = rule(rng, body)
        else:
            world.were_series.add(event["id"])
        world.google.update(calendar, event["id"], body)
        world.touch(calendar, event["id"])


def move(world, rng):
    calendar, event = some_event(world, rng, lambda e: "recurringEventId" not in e)
    there = some_calendar(world, rng)
    if event and there != calendar:
        world.google.move(calendar, event["id"], there)
        world.touch(calendar, event["id"])
        world.touch(there, event["id"])


def burst(world, rng):
    for _ in range(rng.randint(3, 12)):
        rng.choice([insert, edit, edit, delete])(world, rng)


def pings(world, rng):
    mode = rng.choice([{"drop": True}, {"drop": True, "count": 2}, {"delay_ms": 40}, {"duplicate": 2}, {"reorder": 3},
                       {"reset": True}, {"reset": True}])
    world.emulator.set_pings(**mode)
    world.lossy |= "drop" in mode


def ping(world, rng):
    world.emulator.ping(calendar=some_calendar(world, rng), count=rng.randint(1, 3))


def fault(world, rng):
    world.emulator.fault(rng.choice(GETS), count=rng.randint(1, 3), skip=rng.randint(0, 2), user="*", **rng.choice(FAULTS))
    world.lossy = True


def heal(world, rng):
    world.emulator.clear_faults()


def dead_tokens(world, rng):
    world.emulator.kill_tokens(rng.choice([410, 400, "updatedMin"]), calendar=some_calendar(world, rng))
    world.lossy = True  # listings are rationed


def pages(world, rng):
    world.emulator.set_pages(max_page=rng.randint(1, 6), empty_every=rng.choice([0, 2, 3]),
                             duplicate_items=rng.choice([0, 1]),
                             tombstones=rng.choice(["minimal", "delta", "rich"]))


def watch(world, rng):
    world.emulator.set_watch(sync=rng.choice(["after", "before", "never"]), max_ttl_s=rng.choice([600, 86400, 30 * 86400]))
    world.lossy = True


def sleep(world, rng):
    world.sleep(rng.choice([10_000, MINUTE_MS, 16 * MINUTE_MS, 2 * HOUR_MS, DAY_MS, 8 * DAY_MS]))


def stop(world, rng):
    if world.mirror.process:
        status, _ = world.mirror.stop()
        assert status == 0, status


def kill(world, rng):
    if world.mirror.process:
        world.mirror.kill()


def start(world, rng):
    world.start()


def restart(world, rng):
    rng.choice([stop, kill])(world, rng)
    world.start()


def keep(world, rng):
    world.keep(rng.choice([stop, kill]), rng)


def put_back(world, rng):
    world.put_back(rng.choice([stop, kill]), rng)


def resync(world, rng):
    if world.mirror.process:
        calendar = some_calendar(world, rng)
        answer = world.mirror.request("POST", "/v1/resync", f'{{"calendar": "{calendar}"}}')
        assert answer.status < 300 or world.full or world.was_away(calendar), answer.body


def drift(world, rng):
    """Google changes an event and tells nobody, not by any token either."""
    calendar, event = some_event(world, rng, lambda e: "recurringEventId" not in e)
    if not event:
        return
    single = "recurrence" not in event
    how = rng.choice(["edit", "insert"] + (["cancel", "drop"] if single else []))
    if how == "drop":
        world.emulator.drop_event(calendar, event["id"])
    else:
        changed = {"edit": words(world), "cancel": {"status": "cancelled"},
                   "insert": {**words(world), "id": f"silent{world.count}", "iCalUID": f"silent{world.count}@google.com"}}[how]
        world.emulator.put_raw_event(calendar, {**event, **changed}, silent=True)
        world.silent.add((calendar, changed.get("id", event["id"]).split("_")[0]))
    world.silent.add((calendar, event["id"].split("_")[0]))
    world.drifted.add(calendar)


def verify(world, rng):
    if world.mirror.process:
        calendar = some_calendar(world, rng)
        answer = world.mirror.request("POST", "/v1/verify", json.dumps({"calendar": calendar}))
        assert answer.status < 300 or world.full or world.was_away(calendar), answer.body


def revive(world, rng):
    """An event that was deleted comes back."""
    calendar = some_calendar(world, rng)
    gone = [e["id"] for e in world.emulator.dump(calendar) if e["status"] == "cancelled" and "recurringEventId" not in e]
    if gone:
        event = rng.choice(sorted(gone))
        world.google.patch(calendar, event, status="confirmed", **words(world))
        world.touch(calendar, event)


def unlist(world, rng):
    """A calendar leaves the list, or may not be read any more."""
    calendar = rng.choice(LISTED)
    world.left.add(calendar)
    if calendar == BOSS and rng.random() < 0.5:
        world.veiled = True
        world.boss.call("DELETE", f"{RULES}/user:{USER}")
    else:
        world.google.call("DELETE", f"/users/me/calendarList/{calendar}")


def relist(world, rng):
    calendar = rng.choice(LISTED)
    if calendar == BOSS:
        role = rng.choice(["reader", "writer"])
        world.veiled |= role != "writer"
        world.boss.call("POST", RULES, body={"role": role, "scope": {"type": "user", "value": USER}})
        world.lossy = True  # neither list nor calendar tells of another role
    world.google.call("POST", "/users/me/calendarList", body={"id": calendar})


def blink(world, rng):
    """It leaves and is back before anybody may have noticed."""
    at = rng.getrandbits(32)
    unlist(world, random.Random(at))
    relist(world, random.Random(at))


def exclude(world, rng):
    """The config names other calendars."""
    wanted = {c for c in LISTED if rng.random() < 0.3}
    world.left |= wanted | world.excluded()
    world.exclude(wanted)


def describe(world, rng):
    """A calendar's name or zone, of which no token tells, or what the user alone sees of it."""
    calendar = rng.choice([c for c in ZONES if c != BOSS])
    how = rng.choice(["summary", "timeZone", "colorId", "hidden"])
    if how == "summary":
        world.google.call("PATCH", f"/calendars/{calendar}", body={"summary": words(world)["summary"]})
    elif how == "timeZone":
        zone = rng.choice(list(ZONES.values()))
        world.google.call("PATCH", f"/calendars/{calendar}", body={"timeZone": zone})
        world.zones[calendar] = zone
        world.silent |= {(calendar, e["id"].split("_")[0]) for e in world.emulator.dump(calendar)}
    else:
        value = str(rng.randint(1, 24)) if how == "colorId" else rng.random() < 0.5
        world.google.call("PATCH", f"/users/me/calendarList/{calendar}", body={how: value})
    world.lossy = True


def rules(world, rng):
    """Who may see a calendar, and the user's settings."""
    calendar = rng.choice([c for c in ZONES if c != BOSS])
    rule = {"role": rng.choice(["reader", "none", "writer"]),
            "scope": {"type": "user", "value": f"u{rng.randint(1, 3)}@example.org"}}
    world.google.call("POST", f"/calendars/{calendar}/acl", body=rule)
    world.emulator.set_settings(USER, weekStart=str(rng.randint(0, 6)))


def clear(world, rng):
    for event in world.live(USER):
        world.touch(USER, event["id"])
    world.google.call("POST", "/calendars/primary/clear")


def release(world, rng):
    world.emulator.release(count=rng.randint(1, 3))


def skew(world, rng):
    world.skew(rng.choice([0, 0, -DAY_MS, -HOUR_MS, HOUR_MS, DAY_MS]))


def fill(world, rng):
    world.fill(rng.random() < 0.5)


def follow(world, rng):
    """A client looks what is new, and things change between its pages."""
    def between():
        if rng.random() < 0.4:
            changes = BETWEEN[type(world)]
            take(world, (rng.choices(list(changes), list(changes.values()))[0].__name__, rng.getrandbits(32)))
            if rng.random() < 0.5:
                world.settle()

    world.follow(rng.choice(world.followers), rng, between)


def probe(world, rng):
    world.probe(some_calendar(world, rng))


def rest(world, rng):
    world.rest(rng)


CHANGES = {insert: 14, edit: 12, delete: 6, deviate: 12, convert: 3, move: 4, revive: 4, describe: 2, rules: 2, **EDITS}
CALM = {**CHANGES, burst: 2, follow: 40, drift: 1, verify: 1, resync: 1, restart: 1, dead_tokens: 1, pages: 2, unlist: 1,
        relist: 1, clear: 1}
WEIGHTS = {insert: 14, edit: 18, delete: 6, deviate: 10, convert: 3, move: 4, burst: 3, pings: 6, ping: 3, fault: 8, heal: 3,
           dead_tokens: 3, pages: 4, watch: 2, sleep: 4, stop: 1, kill: 2, start: 3, restart: 3, resync: 2,
           drift: 3, verify: 4, probe: 12, revive: 4, unlist: 3, relist: 4, blink: 2, exclude: 2, describe: 4, rules: 2,
           clear: 1, release: 3, skew: 1, fill: 2, keep: 2, put_back: 1, follow: 10, **dict.fromkeys(EDITS, 1)}
TOGETHER = {insert: 8, edit: 8, delete: 4, deviate: 6, convert: 2, move: 3, revive: 2, **dict.fromkeys(EDITS, 1), burst: 1, follow: 30,
            pings: 1, ping: 2, fault: 2, heal: 2, dead_tokens: 1, pages: 2, sleep: 1, kill: 1, start: 3, restart: 2, probe: 6, resync: 1,
            **SHARING}
KINDS = {"failures": (World, WEIGHTS), "edits": (World, CALM), "sharing": (SharedWorld, TOGETHER)}
BETWEEN = {World: CHANGES, SharedWorld: {insert: 14, edit: 12, delete: 6, deviate: 12, convert: 3, move: 4, revive: 4, **EDITS, book: 9}}
STEPS = {step.__name__: step for _, weights in KINDS.values() for step in [*weights, rest]}
SEGMENT = 30  # steps between two rests


def schedule(seed, length, kind="failures"):
    rng, weights = random.Random(seed), KINDS[kind][1]
    names = [s.__name__ for s in weights]
    plan = []
    while len(plan) < length:
        plan += [(name, rng.getrandbits(32)) for name in rng.choices(names, list(weights.values()), k=SEGMENT)]
        plan.append(("rest", rng.getrandbits(32)))
    return plan


def take(world, step):
    name, number = step
    try:
        STEPS[name](world, random.Random(number))
    except ApiError as e:
        if e.status >= 500 or name in ("rest", "probe"):
            raise  # what Google refuses is no step: the event may have gone in a shorter schedule
