"""The zoo, by our engine and by the oracle; what must be refused; what hostile series may cost."""

import dataclasses
import os
import resource
from datetime import datetime, timedelta

import pytest

import oracle
from zoo import zoo

PROGRAM = os.path.join(os.environ.get("CALMIRROR_BUILD", "build"), "recur-expand")
ZOO = zoo()


@pytest.fixture(scope="module")
def answers():
    all_series = [s for s, _ in ZOO]
    return dict(zip((s.name for s in all_series), oracle.ours(PROGRAM, all_series)))


def test_the_zoo_is_large_and_names_are_unique():
    assert len(ZOO) >= 200
    assert len({s.name for s, _ in ZOO}) == len(ZOO)


@pytest.mark.parametrize("series,options", ZOO, ids=[s.name for s, _ in ZOO])
def test_zoo(series, options, answers):
    mine = answers[series.name]
    theirs, _ = oracle.expected(dataclasses.replace(series, lines=options.get("as", series.lines)))
    assert mine == theirs, oracle.show(series, theirs, mine)


def one(lines, zone="Europe/Berlin", kind="wall", start=datetime(2026, 3, 2, 9), window=None, most=None):
    window = window or (oracle.seconds(start) - 86400, oracle.seconds(start) + 31 * 86400)
    series = oracle.Series(zone, kind, start, start + timedelta(hours=1), lines, window, most)
    return oracle.ours(PROGRAM, [series])[0]


@pytest.mark.parametrize("line,says", [
    ("RRULE:INTERVAL=2", "RRULE: FREQ is missing"),
    ("RRULE:", "RRULE: FREQ is missing"),
    ("RRULE:FREQ=FORTNIGHTLY", "FREQ: \"FORTNIGHTLY\" is no frequency"),
    ("RRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL: not a positive number"),
    ("RRULE:FREQ=DAILY;COUNT=-1", "COUNT: not a positive number"),
    ("RRULE:FREQ=DAILY;COUNT=", "COUNT has no value"),
    ("RRULE:FREQ=DAILY;FREQ=WEEKLY", "FREQ is given twice"),
    ("RRULE:FREQ=DAILY;BYHOUR=24", "BYHOUR: 24 is out of range"),
    ("RRULE:FREQ=DAILY;BYHOUR=1,,2", "BYHOUR: \"\" is no number"),
    ("RRULE:FREQ=DAILY;BYMONTH=-1", "BYMONTH: -1 is out of range"),
    ("RRULE:FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY: 0 is out of range"),
    ("RRULE:FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY: 32 is out of range"),
    ("RRULE:FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY: 367 is out of range"),
    ("RRULE:FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO: 54 is out of range"),
    ("RRULE:FREQ=WEEKLY;BYDAY=0MO", "BYDAY: 0 is out of range"),
    ("RRULE:FREQ=WEEKLY;BYDAY=MON", "BYDAY: \"MON\" is no day of the week"),
    ("RRULE:FREQ=WEEKLY;WKST=1", "WKST: \"1\" is no day of the week"),
    ("RRULE:FREQ=DAILY;UNTIL=20260230", "UNTIL: not a date or time"),
    ("RRULE:FREQ=DAILY;BYEASTER=1", "\"BYEASTER\" is no part of a rule"),
    ("RRULE:FREQ=YEARLY;RSCALE=CHINESE", "RSCALE: only GREGORIAN is supported"),
    ("RRULE:FREQ=DAILY;SKIP=FORWARD", "SKIP: only OMIT is supported"),
    ("RRULE", "a line of the recurrence has no value"),
    ("DTSTART:20260302T090000Z", "\"DTSTART\" is no line of a recurrence"),
    ("EXDATE:2026-03-02", "EXDATE: \"2026-03-02\": not a date or time"),
    ("EXDATE:20260302T240000Z", "not a date or time"),
    ("RDATE:20260230", "RDATE: \"20260230\": not a date or time"),
    ("RDATE;VALUE=PERIOD:20260302T090000Z/P999999999W", "a period is too long"),
    ("RDATE;VALUE=PERIOD:20260302T090000Z/20260302T080000Z", "a period ends before it starts"),
    ("RDATE;VALUE=PERIOD:20260302T090000Z/PT", "not a period"),
    ("RDATE;VALUE=PERIOD:20260302T090000Z/P1H", "not a period"),
])
def test_refused(line, says):
    answer = one([line])
    assert isinstance(answer, str) and answer.startswith("baddata: ") and says in answer


def test_hours_are_refused_for_all_day_series():
    answer = one(["RRULE:FREQ=HOURLY"], kind="date", start=datetime(2026, 3, 2))
    assert answer == "baddata: RRULE: an all-day series can not repeat within the day"


def test_too_many_rules_are_refused():
    assert one(["RRULE:FREQ=DAILY"] * 32 + ["RRULE:FREQ=DAILY"]).startswith("full: ")


FAR = (oracle.seconds(datetime(2031, 1, 1)), oracle.seconds(datetime(2031, 2, 1)))
ALWAYS = (None, None)
EXDATES = "EXDATE:" + ",".join((datetime(2026, 3, 2, 8) + timedelta(days=n)).strftime("%Y%m%dT%H%M%SZ")
                               for n in range(10000))


ALL_TIMES = ";".join(f"{part}=" + ",".join(map(str, range(n)))
                     for part, n in (("BYHOUR", 24), ("BYMINUTE", 60), ("BYSECOND", 60)))
ALL_DAYS = "BYDAY=" + ",".join(oracle.WEEKDAYS)
ALL_POSITIONS = "BYSETPOS=" + ",".join(map(str, [*range(1, 367), *range(-366, 0)]))


def children_cpu_s():
    """Of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# What comes out: a number of instances, or "full" for a clear error.
@pytest.mark.parametrize("lines,window,most,comes_out", [
    (["RRULE:FREQ=SECONDLY"], FAR, 10, 10),
    (["RRULE:FREQ=SECONDLY"], ALWAYS, None, "full"),
    (["RRULE:FREQ=SECONDLY;COUNT=1000000000"], FAR, 10, 10),
    (["RRULE:FREQ=SECONDLY;COUNT=1000000000;BYSECOND=1,2,3"], FAR, 10, 10),
    (["RRULE:FREQ=MINUTELY;INTERVAL=7;COUNT=1000000000;BYDAY=MO"], FAR, 10, 10),
    (["RRULE:FREQ=YEARLY;COUNT=1000000000"], ALWAYS, None, 9999 - 2026 + 1),
    (["RRULE:FREQ=DAILY", EXDATES], FAR, None, 0),
    (["RRULE:FREQ=DAILY", EXDATES], ALWAYS, 10, 10),
    (["RRULE:FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30"], ALWAYS, None, 1),
    (["RRULE:FREQ=MINUTELY;INTERVAL=90;BYMINUTE=17"], ALWAYS, None, "full"),
    (["RRULE:FREQ=MINUTELY;INTERVAL=90;BYMINUTE=17"], FAR, None, 0),
    (["RRULE:FREQ=SECONDLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=30"], FAR, None, 0),
    (["RRULE:FREQ=SECONDLY;INTERVAL=7;BYSETPOS=2"], ALWAYS, None, "full"),
    (["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"], ALWAYS, None, 1),
    (["RRULE:FREQ=DAILY;INTERVAL=999999999999999"], ALWAYS, None, 1),
    (["RRULE:FREQ=WEEKLY;INTERVAL=399999999999;COUNT=999999999999"], ALWAYS, None, 1),
    (["RRULE:FREQ=SECONDLY", "EXRULE:FREQ=SECONDLY"], FAR, None, "full"),
    ([f"RRULE:FREQ=YEARLY;{ALL_DAYS};{ALL_TIMES};{ALL_POSITIONS}"], FAR, 400, 365),
    ([f"RRULE:FREQ=MONTHLY;{ALL_DAYS};{ALL_TIMES};{ALL_POSITIONS};COUNT=1000000000"], ALWAYS, None, "full"),
    (["RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1000000000"], ALWAYS, None, "full"),
    (["RRULE:FREQ=DAILY;BYWEEKNO=53;BYMONTHDAY=13;BYDAY=FR"], ALWAYS, None, "full"),
    (["RRULE:FREQ=SECONDLY;COUNT=999999999"] * 16 + ["EXRULE:FREQ=SECONDLY;INTERVAL=7"] * 16, FAR, 10, 10),
])
def test_hostile_series_cost_bounded_time(lines, window, most, comes_out):
    start = children_cpu_s()
    answer = one(lines, window=window, most=most)
    spent = children_cpu_s() - start
    if comes_out == "full":
        assert isinstance(answer, str) and "full: the recurrence takes too many steps to follow" in answer
    elif isinstance(answer, str):
        assert answer.endswith(" ...") and answer.count(":") == 2 * comes_out
    else:
        assert len(answer) == comes_out
    assert spent < 3, "about 0.1 s; more is for slow machines and sanitizers"
