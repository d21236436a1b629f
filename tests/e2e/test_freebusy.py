"""freeBusy: the blocks that python-dateutil works out from what the emulator holds, and what is wrong in a query."""
import datetime
import json
import os
import random
import sys

import pytest

import schema
from emulator import TOKEN, USER, Emulator, all_day
from failures import rest
from mirror import TOP, Mirror, wait_for
from pair import Pair, token_account

sys.path.insert(0, os.path.join(TOP, "tests", "clients"))
import expected  # noqa: E402  the oracle; it shares nothing with the engine under test

UTC = datetime.timezone.utc
PATH = "/calendar/v3/freeBusy"
ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Seoul", "UTC"]
RULES = ["FREQ=DAILY", "FREQ=DAILY;INTERVAL=3;COUNT=40", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;INTERVAL=2",
         "FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
         "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=HOURLY;INTERVAL=7;COUNT=300", "FREQ=WEEKLY;UNTIL=20261101T000000Z"]


def query(pair, ids, begin, end, **more):
    body = {"timeMin": text(begin), "timeMax": text(end), "items": [{"id": i} for i in ids], **more}
    return pair.mirror.request("POST", PATH, json.dumps(body), {"Content-Type": "application/json"})


def busy(pair, ids, begin, end, **more):
    answer = query(pair, ids, begin, end, **more)
    assert answer.status == 200, answer.body
    schema.validate("freebusy.query", answer.json)
    assert "groups" not in answer.json
    return answer.json["calendars"]


def text(when):
    return when if isinstance(when, str) else when.isoformat()


def refused(answer, status, reason, location=None):
    assert answer.status == status, answer.body
    schema.validate_error(answer.json, status)
    error = answer.json["error"]["errors"][0]
    assert (error["reason"], error.get("location")) == (reason, location), error


def zone_of(pair, calendar):
    return pair.mirror.get(f"/calendar/v3/calendars/{calendar}").json["timeZone"]


def moment(rng, day, zone=None):
    at = {"dateTime": f"{day.isoformat()}T{rng.randint(0, 23):02}:{rng.choice([0, 15, 30, 45]):02}:00"}
    return {**at, "timeZone": zone or rng.choice(ZONES)}


def stretch(rng, day, zone=None):
    """start and end, now and then all-day or of no length."""
    if rng.random() < 0.2:
        return all_day(day.isoformat(), (day + datetime.timedelta(days=rng.randint(1, 3))).isoformat())
    start = moment(rng, day, zone)
    began = datetime.datetime.fromisoformat(start["dateTime"])
    length = datetime.timedelta(minutes=rng.choice([0, 15, 60, 90, 60 * 30]))
    return {"start": start, "end": {**start, "dateTime": (began + length).isoformat()}}


def traits(rng):
    """What makes an event count or not."""
    attendees = [{"email": USER, "responseStatus": rng.choice(["declined", "tentative", "accepted", "needsAction"])},
                 {"email": "other@example.com", "responseStatus": "declined"}]
    return {**({"transparency": "transparent"} if rng.random() < 0.15 else {}),
            **({"status": "tentative"} if rng.random() < 0.2 else {}),
            **({"attendees": attendees} if rng.random() < 0.4 else {})}


def fill(pair, rng):
    """Singles, series, and exceptions of all kinds around the two changes of clocks of 2026."""
    days = [datetime.date(2026, 3, 1) + datetime.timedelta(days=rng.randint(0, 270)) for _ in range(60)]
    for day in days[:25]:
        pair.google.insert(USER, body={**stretch(rng, day), **traits(rng)})
    for day in days[25:40]:
        body = stretch(rng, day)
        rule = rng.choice(RULES[:8] if "date" in body["start"] else RULES)
        rule = rule.replace("T000000Z", "") if "date" in body["start"] else rule
        series = pair.google.insert(USER, body={**body, **traits(rng), "recurrence": ["RRULE:" + rule]})
        deviate(pair, rng, series)


def deviate(pair, rng, series):
    own, slots = expected.slots(series, zone_of(pair, USER), datetime.datetime(2026, 12, 1))
    for slot in rng.sample(slots, min(len(slots), 4)):
        one = expected.instance(series, slot, own, zone_of(pair, USER))
        if rng.random() < 0.4:
            pair.google.delete(USER, one["id"])
        else:
            new = stretch(rng, slot.date() + datetime.timedelta(days=rng.randint(-20, 20)))
            pair.google.call("PUT", pair.google.events_path(USER, one["id"]), body={**one, **new, **traits(rng)})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_blocks_are_those_of_dateutil(start, seed):
    rng = random.Random(seed)
    print("seed", seed)
    zone = rng.choice(ZONES[:4])
    pair = start(world={"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER]}],
                        "calendars": [{"id": USER, "timeZone": zone}]})
    fill(pair, rng)
    pair.wait_equal(USER)
    dump = pair.emulator.dump(USER)
    assert sum("recurrence" in e for e in dump) == 15 and any("recurringEventId" in e for e in dump)
    for _ in range(40):
        begin = datetime.datetime(2026, 2, 20, tzinfo=UTC) + datetime.timedelta(minutes=15 * rng.randint(0, 28000))
        end = begin + datetime.timedelta(minutes=rng.choice([15, 90, 60 * 24, 60 * 24 * 7, 60 * 24 * 45]))
        theirs = expected.busy(dump, zone, begin, end)
        assert busy(pair, [USER], begin, end)[USER] == {"busy": theirs}, (begin, end)
    shown = rng.choice(ZONES)
    begin, end = datetime.datetime(2026, 3, 20, tzinfo=UTC), datetime.datetime(2026, 11, 10, tzinfo=UTC)
    theirs = [{k: expected.written(datetime.datetime.fromisoformat(v.replace("Z", "+00:00")), shown)
               for k, v in block.items()} for block in expected.busy(dump, zone, begin, end)]
    assert busy(pair, [USER], begin, end, timeZone=shown)[USER]["busy"] == theirs and theirs


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    directory = tmp_path_factory.mktemp("freebusy")
    calendars = [{"id": USER, "timeZone": "America/New_York"},
                 *({"id": f"c{i}@group.calendar.google.com", "owner": USER, "timeZone": "Asia/Seoul"} for i in range(56))]
    world = {"users": [{"email": USER, "tokens": [TOKEN], "calendarList": [c["id"] for c in calendars]}],
             "calendars": calendars}
    with Emulator(world) as emulator:
        emulator.api.insert(USER, body=all_day("2026-07-01", "2026-07-02"))
        emulator.api.insert(USER, body=all_day("2026-07-03", "2026-07-04"), transparency="transparent")
        with Mirror(directory, emulator.url, {"me": token_account(directory)}, google={"user_rate": "6000"}) as mirror:
            mirror.start().wait_ready()
            yield Pair(emulator, mirror)


MONTH = ("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z")


def test_all_day_is_in_the_calendar_s_zone_and_the_answer_in_the_asker_s(pair):
    day = [{"start": "2026-07-01T04:00:00Z", "end": "2026-07-02T04:00:00Z"}]
    assert busy(pair, ["primary"], *MONTH) == {"primary": {"busy": day}}  # under the name that was asked for
    there = busy(pair, [USER], *MONTH, timeZone="Asia/Seoul")[USER]["busy"]
    assert there == [{"start": "2026-07-01T13:00:00+09:00", "end": "2026-07-02T13:00:00+09:00"}]


def test_bounds_are_echoed_in_utc_and_cut_blocks(pair):
    answer = query(pair, [USER], "2026-07-01T08:00:00.999+02:00", "2026-07-01T12:00:00+02:00").json
    assert (answer["timeMin"], answer["timeMax"]) == ("2026-07-01T06:00:00.000Z", "2026-07-01T10:00:00.000Z")
    assert answer["calendars"][USER]["busy"] == [{"start": "2026-07-01T06:00:00Z", "end": "2026-07-01T10:00:00Z"}]
    assert list(answer) == ["kind", "timeMin", "timeMax", "calendars"]


def test_trouble_of_one_calendar_is_said_beside_the_others(pair):
    found = busy(pair, ["nobody@example.com", USER, "", "x" * 1000, USER], *MONTH)
    missing = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    assert found.pop(USER)["busy"]
    assert found == {"nobody@example.com": missing, "": missing, "x" * 1000: missing}


def test_a_calendar_is_answered_once_however_it_is_spelt(pair):
    body = """{"timeMin": "%s", "timeMax": "%s", "items": [{"id": "a/b"}, {"id": "primary"}, {"id": "\\u0070rimary"}, {"id": "a\\/b"}]}"""
    answer = pair.mirror.request("POST", PATH, body % MONTH)
    names = [name for name, _ in dict(json.loads(answer.body, object_pairs_hook=list))["calendars"]]
    assert names == ["a/b", "primary"]


def test_fifty_calendars_at_most(pair):
    ids = [f"c{i}@group.calendar.google.com" for i in range(4, 56)]  # those before are of other tests
    found = busy(pair, ids, *MONTH)
    assert list(found) == ids
    refusal = {"errors": [{"domain": "global", "reason": "tooManyCalendarsRequested"}], "busy": []}
    assert [found[i] for i in ids[:50]] == [{"busy": []}] * 50
    assert [found[i] for i in ids[50:]] == [refusal] * 2
    assert [("errors" in v) for v in busy(pair, ids[:3], *MONTH, calendarExpansionMax=2).values()] == [False, False, True]


@pytest.mark.parametrize("change, reason, location", [
    ({"timeMin": None}, "required", "timeMin"), ({"timeMax": None}, "required", "timeMax"),
    ({"timeMin": "2026-07-01T00:00:00"}, "badRequest", "timeMin"), ({"timeMax": "tomorrow"}, "badRequest", "timeMax"),
    ({"timeMax": 7}, "badRequest", "timeMax"), ({"timeMax": "2026-07-01T00:00:00Z"}, "timeRangeEmpty", "timeMax"),
    ({"timeMax": "2026-06-01T00:00:00Z"}, "timeRangeEmpty", "timeMax"),
    ({"timeZone": "Mars/Olympus"}, "invalid", "timeZone"), ({"items": "x"}, "invalid", "items"),
    ({"items": [{"id": 7}]}, "invalid", "items"), ({"items": [{}]}, "required", "items"), ({"items": ["x"]}, "required", "items"),
    ({"items": [{"id": str(i)} for i in range(2000)]}, "invalid", "items"),
    ({"calendarExpansionMax": 51}, "invalid", "calendarExpansionMax"),
    ({"calendarExpansionMax": 0}, "invalid", "calendarExpansionMax"),
    ({"groupExpansionMax": 101}, "invalid", "groupExpansionMax"), ({"groupExpansionMax": "x"}, "invalid", "groupExpansionMax"),
])
def test_what_is_wrong_in_a_query(pair, change, reason, location):
    body = {"timeMin": MONTH[0], "timeMax": MONTH[1], "items": [{"id": USER}], **change}
    refused(pair.mirror.request("POST", PATH, json.dumps(body)), 400, reason, location)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"timeMin":', "\xff", "{}{}", '{"a":"\\ud8"}'])
def test_what_is_no_query(pair, body):
    refused(pair.mirror.request("POST", PATH, body.encode("latin-1")), 400, "parseError")


def test_methods(pair):
    assert pair.mirror.get(PATH).status == 405 and pair.mirror.get(PATH).headers["Allow"] == "OPTIONS, POST"
    assert pair.mirror.request("OPTIONS", PATH).status == 204
    nothing = pair.mirror.request("POST", PATH, json.dumps({"timeMin": MONTH[0], "timeMax": MONTH[1]}))
    assert nothing.json["calendars"] == {}


def test_no_upstream_call_and_an_age(pair):
    rest(pair)
    calls = len(pair.upstream("*"))
    answer = query(pair, [USER, "c1@group.calendar.google.com"], *MONTH)
    assert len(pair.upstream("*")) == calls
    assert int(answer.headers["Age"]) >= 0 and answer.headers["Cache-Control"] == "private, no-cache"


def test_a_hostile_rule_costs_bounded_work_and_only_its_calendar(pair):
    hostile = "c2@group.calendar.google.com"
    pair.google.insert(hostile, body={"start": {"dateTime": "2020-01-01T00:00:00Z", "timeZone": "UTC"},
                                      "end": {"dateTime": "2020-01-01T00:00:00Z", "timeZone": "UTC"},
                                      "recurrence": ["RRULE:FREQ=SECONDLY"]})
    pair.wait_equal(hostile)
    found = busy(pair, [hostile, USER], *MONTH)
    assert found[hostile] == {"errors": [{"domain": "calendar", "reason": "timeRangeTooLong"}], "busy": []}
    assert found[USER]["busy"]
    refused(query(pair, [hostile], *MONTH), 400, "timeRangeTooLong", "timeMax")
    assert busy(pair, [hostile], MONTH[0], "2026-07-01T00:01:00Z")[hostile] == {"busy": []}  # points take no time
    pair.google.patch(hostile, pair.emulator.dump(hostile)[0]["id"], end={"dateTime": "2020-01-01T00:00:01Z"})
    pair.wait_equal(hostile)
    minute = busy(pair, [hostile], MONTH[0], "2026-07-01T00:01:00Z")[hostile]["busy"]
    assert minute == [{"start": "2026-07-01T00:00:00Z", "end": "2026-07-01T00:01:00Z"}]


def test_a_century_of_a_daily_event(pair):
    calendar = "c3@group.calendar.google.com"
    pair.google.insert(calendar, body={"start": {"dateTime": "2026-01-01T09:00:00", "timeZone": "Europe/Berlin"},
                                       "end": {"dateTime": "2026-01-01T10:00:00", "timeZone": "Europe/Berlin"},
                                       "recurrence": ["RRULE:FREQ=DAILY"]})
    pair.wait_equal(calendar)
    blocks = busy(pair, [calendar], "2026-01-01T00:00:00Z", "2126-01-01T00:00:00Z")[calendar]["busy"]
    assert len(blocks) == 36524
    assert blocks[-1] == {"start": "2125-12-31T08:00:00Z", "end": "2125-12-31T09:00:00Z"}


def test_a_calendar_not_listed_yet_is_an_error_not_free(tmp_path):
    with Emulator() as emulator:
        emulator.fault("GET */events", hold=True, count=-1)
        with Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}, webhook=False) as mirror:
            mirror.start()
            emulator.wait_held()
            answer = busy(Pair(emulator, mirror), ["primary"], *MONTH)
            assert answer == {"primary": {"errors": [{"domain": "global", "reason": "internalError"}], "busy": []}}
            emulator.clear_faults()
            emulator.release()
            wait_for("the calendar", lambda: busy(Pair(emulator, mirror), ["primary"], *MONTH)["primary"] == {"busy": []})
