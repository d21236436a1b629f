"""events.list of random calendars under random queries, compared with what lists.py makes of Google's words."""
import datetime
import random

import pytest

from emulator import TOKEN, USER
from lists import UTC, Calendar

SEEDS = [1, 2]
CALENDARS = 20
QUERIES = 25
NO_TOKEN = {"orderBy", "q", "iCalUID", "updatedMin", "privateExtendedProperty"}


def sent(query, rng):
    """As a client writes it: times with any offset, with or without parts of a second."""
    def text(value):
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, datetime.datetime):
            shift = datetime.timezone(datetime.timedelta(minutes=rng.choice([0, -570, 60, 845])))
            return value.astimezone(shift).isoformat(timespec=rng.choice(["seconds", "milliseconds"]))
        return value
    return {key: text(value) for key, value in query.items()}


def walk(pair, path, query, size):
    """(all items, the last page)"""
    items = []
    query = {**query, **({"maxResults": size} if size else {})}
    while True:
        answer = pair.mirror.get(path, **query)
        assert answer.status == 200, (query, answer.body[:300])
        page = answer.json
        items += page["items"]
        assert len(page["items"]) <= (size or 250)
        if "nextPageToken" not in page:
            return items, page
        query = {"pageToken": page["nextPageToken"], **({"maxResults": size} if size else {})}


def compare(calendar, query, items, last):
    must, may = calendar.lists(query)
    have = {item["id"]: item for item in items}
    assert len(have) == len(items), "listed twice"
    assert must.keys() - have.keys() == set(), "not listed"
    assert have.keys() - must.keys() - may == set(), "listed"
    for id, members in must.items():
        assert {key: have[id].get(key) for key in members} == members, id
        assert ("recurrence" in have[id]) == ("recurrence" in members), id
    assert ("nextSyncToken" in last) == (not query.keys() & NO_TOKEN)
    if query.get("orderBy") == "updated":
        stamps = [int(item["etag"].strip('"')) for item in items]
        assert stamps == sorted(stamps)
    elif query.get("orderBy") == "startTime":
        by_id = {event.id: event for event in calendar.events}
        begins = [begin_of(calendar, item, by_id) for item in items if "start" in item]
        assert begins == sorted(begins)


def begin_of(calendar, item, by_id):
    if "dateTime" in item["start"]:
        return datetime.datetime.fromisoformat(item["start"]["dateTime"].replace("Z", "+00:00")).astimezone(UTC)
    event = by_id.get(item["id"]) or by_id[item["recurringEventId"]]
    return event.span(calendar.zone, datetime.datetime.fromisoformat(item["start"]["date"]))[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_lists_are_what_google_says_of_them(start, seed):
    rng = random.Random(seed)
    calendars = {f"c{i}@group.calendar.google.com": Calendar(rng) for i in range(CALENDARS)}
    world = {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER, *calendars]}],
             "calendars": [{"id": USER}, *({"id": id, "owner": USER, "timeZone": c.zone} for id, c in calendars.items())]}

    def fill(emulator):
        for id, calendar in calendars.items():
            for event in calendar.events:
                emulator.put_raw_event(id, event.resource(calendar.zone), event.id)

    pair = start(world=world, prepare=fill, google={"user_rate": "6000"})
    for number, (id, calendar) in enumerate(calendars.items()):
        for _ in range(QUERIES):
            query = calendar.query(rng)
            asked, size = sent(query, rng), rng.choice([None, None, 1, 3, 7])
            print(f"seed {seed}, calendar {number} in {calendar.zone}, {size} a page: {asked}")
            compare(calendar, query, *walk(pair, f"/calendar/v3/calendars/{id}/events", asked, size))
