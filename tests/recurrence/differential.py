#!/usr/bin/python3
"""Random series, expanded by our engine and by dateutil: differential.py --rules N --seed S.

Every difference is printed in full. Exit status 1 when there was one. A rule that dateutil needs more than one
second for is left out and counted."""

import argparse
import bisect
import functools
import os
import random
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import oracle
from oracle import Series, naive, seconds, written

HERE = os.path.dirname(os.path.abspath(__file__))
ZONES = """America/New_York Europe/Berlin Australia/Lord_Howe Africa/Casablanca Asia/Seoul Europe/London
    Europe/Dublin Asia/Kolkata Asia/Kathmandu Pacific/Apia Pacific/Chatham Pacific/Kiritimati America/St_Johns
    America/Sao_Paulo America/Havana Asia/Beirut Asia/Tehran Africa/Cairo America/Santiago Asia/Gaza
    Antarctica/Troll Europe/Istanbul Pacific/Kwajalein America/Anchorage Australia/Sydney UTC Etc/GMT+12
    Asia/Manila America/Asuncion Africa/El_Aaiun""".split()
FREQS = ["SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
STEP = dict(zip(FREQS, (1, 60, 3600, 86400, 604800, 2629746, 31556952)))
DATES_END = seconds(datetime(9999, 12, 31))  # whether Python gets to a day's end depends on the zone and the rule
SLOTS = 800  # dateutil walks as far as this, or to the window's end


@functools.cache
def changes(name):
    """Instants between 1985 and 2060 at which the zone's offset changes."""
    zone, found = ZoneInfo(name), []

    def at(t):
        return datetime.fromtimestamp(t, zone).utcoffset()
    step = 86400 * 4
    t = seconds(datetime(1985, 1, 1))
    while t < seconds(datetime(2060, 1, 1)):
        if at(t) != at(t + step):
            lo, hi = t, t + step
            while hi - lo > 1:
                mid = (lo + hi) // 2
                lo, hi = (mid, hi) if at(mid) == at(lo) else (lo, mid)
            found.append(hi)
        t += step
    return found


class Maker:
    def __init__(self, rng):
        self.rng = rng

    def chance(self, p):
        return self.rng.random() < p

    def some(self, values, most):
        """A few of the values, comma separated, in any order."""
        values = list(values)
        return ",".join(str(v) for v in self.rng.sample(values, min(len(values),
                                                                    self.rng.randint(1, most))))

    def signed(self, most, common=None):
        top = common if common and self.chance(0.7) else most
        return [n for n in range(-top, top + 1) if n]

    def interval(self, freq):
        if self.chance(0.5):
            return 1
        if freq in FREQS[:3] and self.chance(0.5):
            return self.rng.choice([2, 3, 5, 7, 10, 12, 15, 20, 24, 25, 30, 45, 48, 60, 90, 120, 1440])
        return self.rng.choice([2, 2, 3, 4, 5, 6, 7, 13, 52, 100])

    def rule(self, start, all_day):
        freq = self.rng.choices(FREQS[3:] if all_day else FREQS,
                                (4, 6, 6, 5) if all_day else (1, 2, 3, 5, 7, 7, 6))[0]
        p = {"FREQ": freq}
        interval = self.interval(freq)
        if interval > 1 or self.chance(0.1):
            p["INTERVAL"] = str(interval)
        if self.chance(0.2):
            p["BYMONTH"] = self.some(range(1, 13), 4)
        if freq == "YEARLY" and self.chance(0.15):
            p["BYWEEKNO"] = self.some([1, 2, 51, 52, 53, -1, -2, -52, -53] if self.chance(0.6) else
                                      self.signed(53), 4)
        if self.chance(0.12 if freq in ("YEARLY", "MONTHLY") else 0.04):
            p["BYYEARDAY"] = self.some(self.signed(366), 6)
        if self.chance({"YEARLY": 0.25, "MONTHLY": 0.35}.get(freq, 0.08)):
            p["BYMONTHDAY"] = self.some(self.signed(31), 5)
        if self.chance({"WEEKLY": 0.7, "MONTHLY": 0.4, "YEARLY": 0.3}.get(freq, 0.15)):
            p["BYDAY"] = self.byday(freq, p)
        if self.chance(0.12 if freq != "HOURLY" else 0.25):
            p["BYHOUR"] = self.some(range(24), 4)
        if self.chance(0.1 if freq not in FREQS[:3] else 0.25):
            p["BYMINUTE"] = self.some(range(60), 4)
        if self.chance(0.06 if freq not in FREQS[:3] else 0.2):
            p["BYSECOND"] = self.some(range(60), 4)
        if len(p) > 2 and self.chance(0.2):
            p["BYSETPOS"] = self.some(self.signed(366, 6), 3)
        if self.chance(0.3):
            p["WKST"] = self.rng.choice(oracle.WEEKDAYS)
        reach = STEP[freq] * interval * self.rng.randint(1, 60)
        if self.chance(0.3):
            p["COUNT"] = str(self.rng.choice([1, 2, 3, 5, 10, 30, 100, 400]))
        elif self.chance(0.3):
            p["UNTIL"] = self.until(min(seconds(start) + reach, seconds(datetime(9998, 1, 1))))
        items = list(p.items())
        self.rng.shuffle(items)
        text = ";".join(f"{k}={v}" for k, v in items)
        return (text.lower() if self.chance(0.05) else text), STEP[freq] * interval

    def byday(self, freq, parts):
        days = self.some(oracle.WEEKDAYS, 5).split(",")
        if freq in ("MONTHLY", "YEARLY") and self.chance(0.6):
            top = 5 if freq == "MONTHLY" or "BYMONTH" in parts else 53
            days = [(f"{self.rng.choice(self.signed(top, 5))}" if self.chance(0.8) else "") + d
                    for d in days]
        return ",".join(days)

    def until(self, t):
        t += self.rng.choice([0, 0, 1, -1, 3600, 43200])
        return written(naive(t), self.rng.choice(["%Y%m%d", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ"]))

    def start(self, zone, kind):
        """Often within hours of a change of the zone, at times in its gap or fold."""
        found = changes(zone)
        if found and self.chance(0.5):
            t = self.rng.choice(found)
            if kind != "utc":
                t += oracle.offset(ZoneInfo(zone), naive(t) - timedelta(days=2))
            t += self.rng.choice([0, -60, 60, 1800, 900, 3600, -3600, 5400, 1, -1, 0, 600, 1200, 2400,
                                  -7 * 86400, 7 * 86400, -86400 * 28])
        elif self.chance(0.03):
            t = seconds(self.rng.choice([datetime(1, 1, 9), datetime(9990, 5, 1), datetime(1600, 2, 29)]))
        else:
            t = seconds(datetime(1990, 1, 1)) + self.rng.randrange(0, 60 * 365 * 86400)
            if self.chance(0.6):
                t -= t % 900
        if self.chance(0.15):
            day = self.rng.choice([(2024, 2, 29), (2023, 12, 31), (2021, 1, 1), (2020, 12, 28), (2025, 1, 31)])
            t = seconds(datetime(*day)) + t % 86400
        return naive(t)

    def dates(self, series, all_day):
        """An RDATE or EXDATE line near the start, often on it."""
        start = series.start
        exclude = self.chance(0.6)
        unit = self.rng.choice([86400, 86400, 604800, 3600, 60])
        if all_day:
            unit = 86400
        times = [start + timedelta(seconds=unit * self.rng.randint(0, 30))
                 for _ in range(self.rng.randint(1, 8))]
        if all_day or self.chance(0.1):
            values = [written(t, "%Y%m%d") for t in times]
            head = ";VALUE=DATE"
        elif self.chance(0.3):
            values = [written(t, "%Y%m%dT%H%M%SZ") for t in times]
            head = ""
        else:
            values = [written(t, "%Y%m%dT%H%M%S") for t in times]
            head = f";TZID={self.rng.choice([series.zone, self.rng.choice(ZONES)])}"
        if not exclude and not all_day and len(values[0]) > 8 and self.chance(0.2):
            values = [v + self.rng.choice(["/PT1H", "/P1D", "/PT15M", "/P1W"]) for v in values]
            head = ";VALUE=PERIOD" + head
        return ("EXDATE" if exclude else "RDATE") + head + ":" + ",".join(values)

    def series(self):
        zone = self.rng.choice(ZONES[:5]) if self.chance(0.5) else self.rng.choice(ZONES)
        all_day = self.chance(0.2)
        kind = "date" if all_day else self.rng.choice(["wall", "utc"])
        start = self.start(zone, kind)
        if all_day:
            start = datetime(start.year, start.month, start.day)
            length = timedelta(days=self.rng.choice([0, 1, 1, 1, 2, 5, 10]))
        else:
            length = timedelta(seconds=self.rng.choice([0, 60, 1800, 3600, 3600, 7200, 86400, 200000]))
        s = Series(zone, kind, start, start + length)
        text, step = self.rule(start, all_day)
        s.lines.append("RRULE:" + text)
        if self.chance(0.12):
            text, other = self.rule(start, all_day)
            s.lines.append(self.rng.choice(["RRULE:", "EXRULE:"]) + text)
            step = min(step, other)
        while self.chance(0.25):
            s.lines.append(self.dates(s, all_day))
        self.rng.shuffle(s.lines)
        s.window = self.window(s, step)
        return s

    def window(self, s, step):
        """Somewhere within what dateutil can walk to; half of the time around a change of the zone."""
        first = seconds(s.start)
        reach = min(step * self.rng.choice([10, 100, SLOTS]), seconds(datetime(9999, 12, 31)) - first)
        low = first + self.rng.randrange(-86400, max(reach, 1))
        found = changes(s.zone)
        i = bisect.bisect(found, first - 86400)
        j = bisect.bisect(found, first + reach)
        if i < j and self.chance(0.6):
            low = found[self.rng.randrange(i, j)] + self.rng.choice(
                [0, 0, 1800, 900, 3600, -1800, -3600, -7200, -86400])
        elif self.chance(0.1):  # the turn of a year
            year = min(naive(low).year + 1, 9998)
            low = max(seconds(datetime(year, 1, 1)) - 12 * 86400, first - 86400)
        length = self.rng.choice([1, 900, 1800, 3600, 7200, 86400, 7 * 86400, 31 * 86400, 366 * 86400, 5 * 366 * 86400])
        length = min(length, step * SLOTS)
        if self.chance(0.05):
            return (None, low + length)
        return (low, low + length)


class TooSlow(Exception):
    pass


def give_up(_signal, _frame):
    raise TooSlow


def run(program, seed, count):
    """(compared, instances, slow, differences) of `count` series."""
    maker = Maker(random.Random(seed))
    made = [maker.series() for _ in range(count)]
    signal.signal(signal.SIGALRM, give_up)
    instances, slow, differences = 0, 0, []
    for s, mine, bounds in zip(made, oracle.ours(program, made), oracle_bounds(program, made)):
        signal.setitimer(signal.ITIMER_REAL, 1)
        try:
            theirs, end = oracle.expected(s, SLOTS)
        except (TooSlow, OverflowError):  # Python's dates end where ours do: a week of year 1 begins before it
            slow += 1
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if isinstance(mine, str) and " full: " in mine:  # a window too long for the budget: what came before has to be right
            mine = oracle.parse_answer(mine.partition(" full: ")[0])
            if len(mine) < len(theirs) and mine == theirs[:len(mine)]:
                slow += 1
                continue
        if not isinstance(mine, str):
            end = min(end, DATES_END)
            mine, theirs = ([i for i in found if i[0] < end] for found in (mine, theirs))
        instances += len(theirs)
        if mine != theirs:
            differences.append(oracle.show(s, theirs, mine))
        elif theirs and not (bounds[0] <= theirs[0][0] and (bounds[1] is None or
                                                            bounds[1] >= max(t[1] for t in theirs))):
            differences.append(oracle.show(s, theirs, f"bounds {bounds}"))
    return count - slow, instances, slow, differences


def oracle_bounds(program, made):
    for answer in oracle.ours(program, made, "-b"):
        words = answer.split(" ") if isinstance(answer, str) else None
        if words and words[0] == "ok":
            yield int(words[1]), None if words[2] == "-" else int(words[2])
        else:
            yield (-10 ** 15, None)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--rules", type=int, default=2000)
    args.add_argument("--seed", type=int, default=None)
    args.add_argument("--jobs", type=int, default=1)
    args.add_argument("--program", default=os.path.join(
        os.environ.get("CALMIRROR_BUILD", "build"), "recur-expand"))
    args = args.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 9)
    print(f"seed {seed}", flush=True)

    begin, chunk = time.monotonic(), 500
    tasks = [(args.program, f"{seed}/{i}", min(chunk, args.rules - i))
             for i in range(0, args.rules, chunk)]
    total, instances, slow, wrong = 0, 0, 0, 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for n, found, late, differences in pool.map(run, *zip(*tasks)):
            total, instances, slow = total + n, instances + found, slow + late
            wrong += len(differences)
            for text in differences[:20]:
                print(text, flush=True)
    print(f"{total} series compared, {instances} instances, {wrong} differences, {slow} left out as too much "
          f"for one of the two, {time.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
