"""Random calendars under random queries of every kind, compared with what answers.py makes of Google's words."""
import datetime
import json
import os
import random
from urllib.parse import quote

import pytest

import answers
import feeds
from emulator import TOKEN, USER, Emulator
from failures import rest
from lists import FAR, UTC, ZONES, Calendar, written
from mirror import Mirror
from pair import Pair, token_account
from test_lists_random import begin_of, sent, walk

CALENDARS = 12
ROUNDS = int(os.environ.get("CALMIRROR_ROUNDS", 1))  # so many times as much
SEED = int(os.environ.get("CALMIRROR_SEED", 1))
EVENTS = "/calendar/v3/calendars/{}/events"


class World:
    """A mirror of random calendars."""

    def __init__(self, directory, seed):
        self.rng = rng = random.Random(seed)
        self.calendars = {f"c{i}@group.calendar.google.com": Calendar(rng) for i in range(CALENDARS)}
        world = {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER, *self.calendars]}],
                 "calendars": [{"id": USER}, *({"id": id, "owner": USER, "timeZone": c.zone} for id, c in self.calendars.items())]}
        self.emulator = Emulator(world)
        for id, calendar in self.calendars.items():
            for event in calendar.events:
                self.emulator.put_raw_event(id, event.resource(calendar.zone), event.id)
        self.mirror = Mirror(directory, self.emulator.url, {"test": token_account(directory)}, google={"user_rate": "6000"})
        self.pair = Pair(self.emulator, self.mirror)
        self.mirror.start().wait_ready()
        rest(self.pair)  # settings and access rules are listed too

    def close(self):
        self.mirror.close()
        self.emulator.stop()

    def some(self):
        """(path of its events, calendar)"""
        id = self.rng.choice(list(self.calendars))
        return EVENTS.format(quote(id, safe="")), self.calendars[id]

    def window(self, calendar):
        query = calendar.query(self.rng)
        return {key: query[key] for key in ("timeMin", "timeMax") if key in query}


def of_members(have, must):
    return {key: have.get(key) for key in must}


def ask_instances(world):
    rng, (path, calendar) = world.rng, world.some()
    series = rng.choice([e for e in calendar.events if not e.series and not e.cancelled])
    query = {"timeMax": FAR.replace(year=2031, tzinfo=UTC), **(world.window(calendar) if rng.random() < 0.7 else {})}
    if rng.random() < 0.4:
        query["showDeleted"] = True
    if rng.random() < 0.3:
        query["timeZone"] = rng.choice(ZONES)
    slots = sorted({*calendar.slots.get(series.id, []), *answers.exceptions(calendar, series)})
    asked = sent(query, rng)
    if slots and rng.random() < 0.3:
        beside = [answers.DAY] if series.all_day else [answers.DAY, answers.HOUR]
        query["originalStart"] = slot = rng.choice(slots) + (rng.choice(beside) if rng.random() < 0.2 else 0 * answers.DAY)
        asked["originalStart"] = slot.date().isoformat() if series.all_day else written(slot, rng.choice(ZONES))
    must, may = answers.instances(calendar, series, query)
    size = rng.choice([None, 1, 3, 50]) if len(must) < 100 else 250
    print(path, series.id, asked, size)
    have, _ = walk(world.pair, f"{path}/{series.id}/instances", asked, size)
    ids = {item["id"]: item for item in have}
    assert len(ids) == len(have), "listed twice"
    assert must.keys() - ids.keys() == set(), "not listed"
    assert ids.keys() - must.keys() - may == set(), "listed"
    for id, members in must.items():
        assert of_members(ids[id], members) == members, id
    known = {event.id: event for event in calendar.events}
    begins = [begin_of(calendar, item, known) for item in have if "start" in item]
    assert begins == sorted(begins)


def ask_event(world):
    rng, (path, calendar) = world.rng, world.some()
    id = answers.some_id(calendar, rng)
    shown = rng.choice([None, *ZONES])
    must = answers.by_id(calendar, id, shown or calendar.zone)
    print(path, id, shown)
    answer = world.mirror.get(f"{path}/{quote(id)}", **({"timeZone": shown} if shown else {}))
    if must is None:
        assert answer.status == 404, answer.body
    else:
        assert answer.status == 200, answer.body
        assert of_members(answer.json, must) == must


def escaped(rng, text):
    """As a JSON string, some of it escaped that need not be."""
    return '"' + "".join(f"\\u{ord(c):04x}" if rng.random() < 0.2 else "\\/" if c == "/" else c for c in text) + '"'


def ask_busy(world):
    rng, (_, calendar) = world.rng, world.some()
    low = world.window(calendar).get("timeMin", datetime.datetime(2026, 3, 1, tzinfo=UTC))
    high = low + datetime.timedelta(minutes=rng.choice([1, 15, 60, 1440, 1440 * 7, 1440 * 60, 1440 * 400]))
    ids = rng.choices([*world.calendars, "nobody@example.com", "group@example.com", ""], k=rng.randint(1, 8))
    zone = rng.choice([None, *ZONES])
    times = sent({"timeMin": low, "timeMax": high}, rng)
    low, high = low.replace(microsecond=0), high.replace(microsecond=0)
    body = json.dumps({**times, **({"timeZone": zone} if zone else {})})[:-1]
    body += ', "items": [' + ",".join(f'{{"id": {escaped(rng, id)}}}' for id in ids) + "]}"
    print(body)
    answer = world.mirror.request("POST", "/calendar/v3/freeBusy", body)
    assert answer.status == 200, answer.body
    pairs = json.loads(answer.body, object_pairs_hook=list)
    found = dict(pairs)["calendars"]
    assert len(dict(found)) == len(found), "a name comes twice"
    assert [name for name, _ in found] == list(dict.fromkeys(ids))
    for name, entry in answer.json["calendars"].items():
        if name in world.calendars:
            wanted = answers.busy_text(answers.busy(world.calendars[name], low, high), zone or "UTC")
            assert entry == {"busy": wanted}, name
        else:
            assert entry == {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}, name


def ask_pages(world):
    """All pages together are the one large page, and orders are kept."""
    rng, (path, calendar) = world.rng, world.some()
    query = calendar.query(rng)
    asked = sent(query, rng)
    small = rng.choice([1, 2, 3, 7, 40])
    print(path, asked, small)
    whole, last = walk(world.pair, path, asked, 2500)
    if len(whole) < 60 * small:
        parts, end = walk(world.pair, path, asked, small)
        assert parts == whole
        assert end.get("nextSyncToken") == last.get("nextSyncToken")


def ask_fields(world):
    rng, (path, calendar) = world.rng, world.some()
    kind = rng.choice(["list", "list", "get", "calendarList", "calendar", "colors", "settings", "acl", "busy"])
    if kind == "list":
        asked = {**sent(calendar.query(rng), rng), "maxResults": rng.choice([1, 3, 20])}
    else:
        asked = {"timeZone": "UTC"} if kind == "get" else {}
    path = {"list": path, "get": f"{path}/{rng.choice(calendar.events).id}", "calendarList": "/calendar/v3/users/me/calendarList",
            "calendar": f"/calendar/v3/calendars/{USER}", "colors": "/calendar/v3/colors", "settings": "/calendar/v3/users/me/settings",
            "acl": f"/calendar/v3/calendars/{USER}/acl", "busy": "/calendar/v3/freeBusy"}[kind]
    if kind == "busy":
        body = json.dumps({"timeMin": "2026-01-01T00:00:00Z", "timeMax": "2026-06-01T00:00:00Z",
                           "items": [{"id": id} for id in rng.sample(list(world.calendars), 3)] + [{"id": "nobody"}]})

        def get(**query):
            return world.mirror.request("POST", path + "?" + "&".join(f"{k}={quote(v)}" for k, v in query.items()), body)
    else:
        def get(**query):
            return world.mirror.get(path, **query)
    whole = get(**asked)
    assert whole.status == 200, whole.body
    mask = answers.some_mask(whole.json, rng)
    print(path, asked, mask)
    part = get(**asked, fields=mask)
    assert part.status == 200, part.body
    wanted = answers.chosen(answers.compiled(mask), whole.json)
    if "etag" in wanted and kind != "get":
        wanted["etag"] = part.json["etag"]  # what is made here has one for each form
    assert part.json == wanted
    assert list(part.json) == list(wanted)


def ask_feed(world):
    """What a calendar program makes of a feed is what the list of instances shows."""
    rng, (path, calendar) = world.rng, world.some()
    low = datetime.datetime(2025, 11, 1, tzinfo=UTC) + datetime.timedelta(minutes=15 * rng.randint(0, 40000))
    high = low + datetime.timedelta(minutes=rng.choice([15, 1440, 1440 * 30, 1440 * 400]))
    if calendar.edges() and rng.random() < 0.5:
        low = rng.choice(calendar.edges()) + datetime.timedelta(seconds=rng.choice([0, 0, 1, -1]))
        high = max(high, low + datetime.timedelta(minutes=15))
    window = {"timeMin": low.isoformat(), "timeMax": high.isoformat()}
    busy, narrow = rng.random() < 0.3, rng.random() < 0.5
    print(path, calendar.zone, window, busy, narrow)
    answer = world.mirror.get(path.replace("/calendar/v3", "/v1").replace("/events", ".ics"), **(window if narrow else {}),
                              **({"freeBusyOnly": "true"} if busy else {}))
    assert answer.status == 200, answer.body
    found = [i for i in feeds.instances(answer.body.decode(), calendar.zone)
             if i[3] < high and (i[4] > low or i[3] == i[4] == low)]
    if busy:
        spans = sorted((max(i[3], low), min(i[4], high)) for i in found if i[3] < i[4])
        assert answers.merged(spans) == answers.busy(calendar, low, high)
        return
    items, _ = walk(world.pair, path, {"singleEvents": "true", **window}, 2500)
    wanted = [(e["iCalUID"], *(feed_moment(e[k]) for k in ("start", "end"))) for e in items]
    assert sorted(map(str, wanted)) == sorted(str(i[:3]) for i in found)


def feed_moment(at):
    return at["date"] if "date" in at else datetime.datetime.fromisoformat(at["dateTime"].replace("Z", "+00:00")).astimezone(UTC)


@pytest.mark.parametrize("ask, count", [(ask_instances, 120), (ask_event, 250), (ask_busy, 120), (ask_pages, 60), (ask_fields, 150),
                                        (ask_feed, 80)])
def test_answers_are_what_google_says_of_them(tmp_path_factory, ask, count):
    for number in range(ROUNDS):
        print(f"CALMIRROR_SEED={SEED + number}")
        world = World(tmp_path_factory.mktemp("answers"), SEED + number)
        try:
            for _ in range(count):
                ask(world)
        finally:
            world.close()
