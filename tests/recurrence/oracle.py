"""What a series expands to, by python3-dateutil and zoneinfo: the engine ours is compared with.

dateutil only expands single rules, in naive wall time. Everything else is done here in the plainest way that
can be read at a glance: sets of keys, no jumps, no windows."""

import datetime as datetime_module
import itertools
import re
import subprocess
import types
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dateutil.rrule
from dateutil.rrule import rrulestr

EPOCH = datetime(1970, 1, 1)
DAY = timedelta(days=1)
# dateutil looks for the next slot up to this year. It is ours to set, so that a rule that matches seldom or never
# costs no walk to the year 9999 when the window ends long before.
LIMIT = types.SimpleNamespace(**vars(datetime_module))
dateutil.rrule.datetime = LIMIT
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


class Info(dateutil.rrule._iterinfo):
    """dateutil takes some years for a week longer than they are when it looks at the January after them, and does
    not know that late December can be in week -52 or -53 of the next year: its mask of weeks is made here."""

    def rebuild(self, year, month):
        rule, weeks, same = self.rrule, self.rrule._byweekno, year == self.lastyear
        rule._byweekno = None
        super().rebuild(year, month)
        rule._byweekno = weeks
        if weeks and not same:
            first = datetime(2000 + year % 400, 1, 1)  # the calendar is the same every 400 years
            self.wnomask = [week_is_in(first + n * DAY, weeks, rule._wkst) for n in range(self.yearlen + 7)]


def week_is_in(day, weeks, wkst):
    """The year that most of a week's days are in counts it."""
    middle = day + (3 - (day.weekday() - wkst) % 7) * DAY
    number = (middle - datetime(middle.year, 1, 1)).days // 7 + 1
    last = datetime(middle.year, 12, 28)
    last += (3 - (last.weekday() - wkst) % 7) * DAY
    count = (last - datetime(middle.year, 1, 1)).days // 7 + 1
    return number in weeks or number - count - 1 in weeks


dateutil.rrule._iterinfo = Info


@dataclass
class Series:
    zone: str
    kind: str  # "date", "wall", or "utc": start and end are instants
    start: datetime  # naive
    end: datetime
    lines: list = field(default_factory=list)
    window: tuple = (None, None)  # seconds since 1970 UTC
    most: int = None
    name: str = ""

    def request(self):
        """The line recur-expand reads."""
        numbers = [seconds(self.start), seconds(self.end), *self.window, self.most]
        return "\t".join([self.zone, self.kind, *("-" if n is None else str(n) for n in numbers),
                          " ".join(self.lines)])


def seconds(naive):
    delta = naive - EPOCH
    return delta.days * 86400 + delta.seconds


def written(wall, form):
    """strftime, with years before 1000 in four digits."""
    return wall.strftime(form.replace("%Y", f"{wall.year:04d}"))


def naive(number):
    return EPOCH + timedelta(seconds=number)


def offset(zone, wall, fold=0):
    return int(wall.replace(tzinfo=zone, fold=fold).utcoffset().total_seconds())


class Placer:
    """Wall time to key: an instant in seconds, for all-day series the date's midnight as if UTC."""

    def __init__(self, series):
        self.zone = ZoneInfo(series.zone)
        self.all_day = series.kind == "date"
        self.second_pass = None  # (wall time the start's second pass lasts from, to)
        self.start = series.start
        if series.kind == "utc":
            local = datetime.fromtimestamp(seconds(series.start), self.zone)
            self.start = local.replace(tzinfo=None, fold=0)
            if local.fold:
                self.second_pass = (self.start, self.start + DAY)

    def key(self, wall):
        if self.all_day:
            return seconds(wall)
        fold = 0
        if self.second_pass and self.second_pass[0] <= wall < self.second_pass[1]:
            # PEP 495: in a fold, and only there, the offset gets smaller with fold=1; in a gap it gets greater.
            fold = offset(self.zone, wall, 1) < offset(self.zone, wall)
        return seconds(wall) - offset(self.zone, wall, fold)

    def settled(self, wall):
        """An instant that no slot from this wall time on lies before."""
        around = {offset(self.zone, wall + n * DAY) for n in (-1, 0, 1)}
        return seconds(wall) - max(around) - (DAY.days * 86400 if len(around) > 1 or self.second_pass else 0)

    def local_date(self, key):
        return datetime.fromtimestamp(key, self.zone).date()

    def midnight(self, wall):
        return seconds(wall) - offset(self.zone, wall)


def parts_of(text):
    return dict(part.upper().split("=", 1) for part in text.split(";") if part)


def for_dateutil(parts, start, all_day):
    """Parts and start for dateutil, around what it does otherwise than RFC 5545. None: it can never match."""
    parts = {k: v for k, v in parts.items() if k not in ("COUNT", "UNTIL")}
    if all_day:  # BYHOUR, BYMINUTE, BYSECOND are to be ignored
        parts = {k: v for k, v in parts.items() if k not in ("BYHOUR", "BYMINUTE", "BYSECOND")}
    freq = parts["FREQ"]
    days = parts.get("BYDAY", "").split(",") if "BYDAY" in parts else []
    numbered = [d for d in days if len(d) > 2]
    plain = [d for d in days if len(d) == 2]
    in_month = freq == "MONTHLY" or (freq == "YEARLY" and "BYMONTH" in parts)
    if freq in ("MONTHLY", "YEARLY") and numbered:
        if in_month:  # a number that no month has raises IndexError
            numbered = [d for d in numbered if abs(int(d[:-2])) <= 5]
        if plain:  # "MO,2TU" is taken as an intersection: number the plain ones
            numbered += [f"{n}{d}" for d in plain for n in range(1, 6 if in_month else 54)]
        if not numbered:
            return None, start
        parts["BYDAY"] = ",".join(numbered)
    if freq == "WEEKLY" and "BYSETPOS" in parts:
        # The first week is cut at the start before positions are counted: begin at the week's first day. What it
        # would have taken from the start has to be said then.
        if not any(p in parts for p in ("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO")):
            parts["BYDAY"] = WEEKDAYS[start.weekday()]
        start -= (start.weekday() - WEEKDAYS.index(parts.get("WKST", "MO"))) % 7 * DAY
    return parts, start


def slots(parts, start, all_day):
    """Wall times of one rule at or after `start`, without COUNT and UNTIL."""
    parts, first = for_dateutil(parts, start, all_day)
    if parts is None:
        return
    text = ";".join(f"{k}={v}" for k, v in parts.items())
    try:
        for slot in rrulestr(text, dtstart=first):
            if slot >= start:
                yield slot
    except ValueError as e:  # what can never match is refused, some of it only while walking
        if "empty rule" not in str(e) and "Invalid" not in str(e):
            raise


def limited(parts, placer, starts_counting):
    """With COUNT and UNTIL. The start is the first of COUNT, whether the rule names it or not."""
    walk = slots(parts, placer.start, placer.all_day)
    until = parts.get("UNTIL")
    if "COUNT" in parts:
        count = int(parts["COUNT"])
        first = next(walk, None)
        if starts_counting and first != placer.start:
            count -= 1
        walk = itertools.islice(itertools.chain([first] if first else [], walk), count)
    for slot in walk:
        if until and placer.all_day:
            if slot.date() > stamp(until[:8])[0].date():
                return
        elif until and until.endswith("Z"):
            if slot > stamp(until)[0] + 2 * DAY:
                return
            if placer.key(slot) > seconds(stamp(until)[0]):
                continue
        elif until and slot > stamp(until)[0] + (DAY - timedelta(seconds=1)) * (len(until) == 8):
            return
        yield slot


def stamp(text):
    """(naive, "date" | "wall" | "utc")"""
    if len(text) == 8:
        return datetime.strptime(text, "%Y%m%d"), "date"
    kind = "utc" if text.endswith("Z") else "wall"
    return datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S"), kind


def date_key(text, zone, placer):
    when, kind = stamp(text)
    if placer.all_day:
        return seconds(datetime.combine(when.date(), datetime.min.time()))
    if kind == "utc":
        return seconds(when)
    if kind == "date":
        return placer.key(datetime.combine(when.date(), placer.start.time()))
    if zone:
        return seconds(when) - offset(ZoneInfo(zone), when)
    return placer.key(when)


def duration_of(text):
    m = re.fullmatch(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    return sum(int(n or 0) * u for n, u in zip(m.groups(), (604800, 86400, 3600, 60, 1)))


def expected(series, most=None):
    """[(start, end, slot)] in seconds, ascending, for the series' window, and the end of the window: an earlier one
    when a rule had more than `most` slots up to there."""
    try:
        return walked(series, most)
    finally:
        LIMIT.MAXYEAR = datetime_module.MAXYEAR  # others in this process use dateutil too


def walked(series, most):
    placer = Placer(series)
    low = series.window[0] if series.window[0] is not None else -(10 ** 12)
    high = series.window[1] if series.window[1] is not None else 10 ** 12
    stop = naive(min(high, seconds(datetime(9999, 12, 29))) + 2 * 86400)
    LIMIT.MAXYEAR = stop.year
    own = None if series.kind == "wall" else seconds(series.end) - seconds(series.start)
    start_key = seconds(series.start) if series.kind == "utc" else placer.key(series.start)
    if own is None:
        own = seconds(series.end) - offset(placer.zone, series.end) - start_key
    own = max(own, 0)
    keys = {start_key: own}
    gone, gone_days = set(), set()

    for line in series.lines:
        head, value = line.split(":", 1)
        name, *params = head.split(";")
        zone = next((p[5:].strip('"') for p in params if p.startswith("TZID=")), None)
        if name in ("RRULE", "EXRULE"):
            walk = limited(parts_of(value), placer, name == "RRULE")
            found = [*itertools.islice(itertools.takewhile(lambda s: s < stop, walk), most)]
            if most and len(found) == most:
                high = min(high, placer.settled(found[-1]))
            found = {placer.key(s) for s in found}
            if name == "EXRULE":
                gone |= found
            else:
                for key in found:
                    keys.setdefault(key, own)
        elif name == "RDATE":
            for item in value.split(","):
                first, _, rest = item.partition("/")
                key = date_key(first, zone, placer)
                if rest and not placer.all_day:
                    length = duration_of(rest) if rest[0] == "P" else date_key(rest, zone, placer) - key
                    periods = keys.setdefault("periods", {})
                    periods[key] = max(periods.get(key, 0), length)
                keys.setdefault(key, own)
        else:
            for item in value.split(","):
                if len(item) == 8 and not placer.all_day:
                    gone_days.add(stamp(item)[0].date())
                else:
                    gone.add(date_key(item, zone, placer))
    keys.update(keys.pop("periods", {}))

    result = []
    for key in sorted(keys.keys() - gone):
        if gone_days and placer.local_date(key) in gone_days:
            continue
        if placer.all_day:
            days = timedelta(seconds=keys[key] // 86400 * 86400)
            first, last = placer.midnight(naive(key)), placer.midnight(naive(key) + days)
        else:
            first, last = key, key + keys[key]
        if last > low and first < high:
            result.append((first, last, key))
    return result, high


def ours(program, all_series, *options):
    """What our engine says: a list of instances, or the text of an error, for each."""
    text = "".join(s.request() + "\n" for s in all_series)
    done = subprocess.run([program, *options], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{program}: exit status {done.returncode}: {done.stderr[-4000:]}")
    answers = done.stdout.splitlines()
    if len(answers) != len(all_series):
        raise RuntimeError(f"{program}: {len(answers)} answers to {len(all_series)} series")
    return [parse_answer(a) for a in answers]


def parse_answer(text):
    words = text.split(" ")
    if words[0] != "ok":
        return text
    try:
        return [tuple(int(n) for n in w.split(":")) for w in words[1:]]
    except ValueError:
        return text


def show(series, theirs, mine):
    """A difference, in full, for a person."""
    out = [f"{series.name or 'series'}: {series.kind} {series.start} .. {series.end} {series.zone}"]
    out += [f"    {line}" for line in series.lines]
    out.append(f"    window {series.window[0]} .. {series.window[1]}")
    if isinstance(mine, str):
        out.append(f"    ours: {mine[:200]}")
        return "\n".join(out)
    for label, only in (("dateutil only", [i for i in theirs if i not in mine]),
                        ("ours only", [i for i in mine if i not in theirs])):
        for first, last, key in only[:5]:
            out.append(f"    {label}: {naive(first)}Z .. {naive(last)}Z slot {naive(key)}")
    if sorted(mine) == sorted(theirs):
        out.append("    same instances in another order")
    out.append("    " + series.request())
    return "\n".join(out)
