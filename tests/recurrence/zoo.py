"""Named series: what is known to break engines of recurrence, one kind after the other.

A series is (name, zone, start, lines, and options). The start tells the kind: "20260329" a date, "20260329T0230" wall
time, "20260329T0130Z" an instant. Options: length (minutes, for dates days), window as two dates in UTC or nothing for
two years, most (instances to compare), expect (starts, where dateutil is not to be asked: with the reason)."""

from datetime import datetime, timedelta

from zoneinfo import ZoneInfo

from oracle import Series, naive, offset, seconds, written

NY, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"
CASABLANCA, SEOUL, LONDON = "Africa/Casablanca", "Asia/Seoul", "Europe/London"

# (zone, a gap: day and wall time within it, a fold: day, wall time, its two instants)
CHANGES = [
    ("new-york", NY, "20260308", "0230", "20261101", "0130", "20261101T0530Z", "20261101T0630Z"),
    ("berlin", BERLIN, "20260329", "0230", "20261025", "0230", "20261025T0030Z", "20261025T0130Z"),
    ("lord-howe", LORD_HOWE, "20261004", "0215", "20260405", "0145", "20260404T1445Z", "20260404T1515Z"),
    ("casablanca", CASABLANCA, "20260322", "0230", "20260215", "0230", "20260215T0130Z", "20260215T0230Z"),
    ("seoul", SEOUL, "19880508", "0230", "19881009", "0230", "19881008T1630Z", "19881008T1730Z"),
]


def day(text, days):
    return (datetime.strptime(text, "%Y%m%d") + timedelta(days)).strftime("%Y%m%d")


def at_changes():
    for name, zone, gap, gap_time, fold, fold_time, first, second in CHANGES:
        for what, date, time in (("gap", gap, gap_time), ("fold", fold, fold_time)):
            near = {"window": (day(date, -3), day(date, 4))}
            yield (f"{name}-weekly-nine-over-the-{what}", zone, day(date, -14) + "T0900",
                   ["RRULE:FREQ=WEEKLY"], {"window": (day(date, -20), day(date, 30))})
            yield (f"{name}-daily-in-the-{what}", zone, f"{day(date, -10)}T{time}", ["RRULE:FREQ=DAILY"], near)
            yield (f"{name}-start-in-the-{what}", zone, f"{date}T{time}", ["RRULE:FREQ=WEEKLY"], {})
            yield (f"{name}-start-in-the-{what}-daily-count", zone, f"{date}T{time}",
                   ["RRULE:FREQ=DAILY;COUNT=5"], {})
            yield (f"{name}-hourly-over-the-{what}", zone, day(date, -1) + "T0015", ["RRULE:FREQ=HOURLY"], near)
            yield (f"{name}-quarter-hours-over-the-{what}", zone, day(date, -1) + "T1200",
                   ["RRULE:FREQ=MINUTELY;INTERVAL=15"], near)
            yield (f"{name}-seven-minutes-from-the-{what}", zone, f"{date}T{time}",
                   ["RRULE:FREQ=MINUTELY;INTERVAL=7;COUNT=40"], {})
            yield (f"{name}-long-night-over-the-{what}", zone, day(date, -9) + "T2300",
                   ["RRULE:FREQ=DAILY"], {**near, "length": 480})
            yield (f"{name}-all-day-over-the-{what}", zone, day(date, -9), ["RRULE:FREQ=DAILY"], near)
            wall = when(f"{date}T{time}")
            until = written(naive(seconds(wall) - offset(ZoneInfo(zone), wall)), "%Y%m%dT%H%M%SZ")
            yield (f"{name}-until-instant-in-the-{what}", zone, f"{day(date, -3)}T{time}",
                   ["RRULE:FREQ=HOURLY;UNTIL=" + until], {})
            yield (f"{name}-exdate-in-the-{what}", zone, f"{day(date, -10)}T{time}",
                   ["RRULE:FREQ=DAILY", f"EXDATE;TZID={zone}:{date}T{time}00"], near)
            yield (f"{name}-yearly-in-the-{what}", zone, f"{date}T{time}", ["RRULE:FREQ=YEARLY;COUNT=6"],
                   {"window": None})
        yield f"{name}-start-in-the-first-pass", zone, first, ["RRULE:FREQ=HOURLY;COUNT=8"], {}
        yield f"{name}-start-in-the-second-pass", zone, second, ["RRULE:FREQ=HOURLY;COUNT=8"], {}
        yield (f"{name}-second-pass-by-minutes", zone, second,
               ["RRULE:FREQ=MINUTELY;INTERVAL=5;COUNT=30", f"EXDATE:{second[:-1]}00Z"], {})
        yield (f"{name}-second-pass-exdate-as-wall-time", zone, second,
               ["RRULE:FREQ=DAILY;COUNT=4", f"EXDATE;TZID={zone}:{fold}T{fold_time}00"], {})
        yield f"{name}-second-pass-weekly", zone, second, ["RRULE:FREQ=WEEKLY;COUNT=5"], {}


# One rule each, from 1997-09-02 09:00 (a Tuesday) in New York: what RFC 5545 §3.8.5.3 has as examples, and neighbours.
RULES = """
daily-count                DAILY;COUNT=10
daily-until-instant        DAILY;UNTIL=19971224T000000Z
daily-until-date           DAILY;UNTIL=19970910
daily-until-floating       DAILY;UNTIL=19970910T090000
daily-until-just-before    DAILY;UNTIL=19970910T125959Z
daily-until-just-on-it     DAILY;UNTIL=19970910T130000Z
every-other-day            DAILY;INTERVAL=2
every-ten-days             DAILY;INTERVAL=10;COUNT=5
every-january-day-yearly   YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA
every-january-day-daily    DAILY;UNTIL=20000131T140000Z;BYMONTH=1
weekly-count               WEEKLY;COUNT=10
weekly-until               WEEKLY;UNTIL=19971224T000000Z
other-week-wkst-su         WEEKLY;INTERVAL=2;WKST=SU
tuesday-thursday-until     WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH
tuesday-thursday-count     WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH
other-week-three-days      WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR
other-week-eight           WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH
first-friday-ten           MONTHLY;COUNT=10;BYDAY=1FR
first-friday-until         MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR
first-and-last-sunday      MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU
second-last-monday         MONTHLY;COUNT=6;BYDAY=-2MO
third-last-day             MONTHLY;BYMONTHDAY=-3
second-and-fifteenth       MONTHLY;COUNT=10;BYMONTHDAY=2,15
first-and-last-day         MONTHLY;COUNT=10;BYMONTHDAY=1,-1
eighteen-months            MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15
every-tuesday-other-month  MONTHLY;INTERVAL=2;BYDAY=TU
june-and-july              YEARLY;COUNT=10;BYMONTH=6,7
other-year-three-months    YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3
third-year-by-days         YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200
twentieth-monday           YEARLY;BYDAY=20MO
monday-of-week-twenty      YEARLY;BYWEEKNO=20;BYDAY=MO
thursdays-in-march         YEARLY;BYMONTH=3;BYDAY=TH
thursdays-in-summer        YEARLY;BYDAY=TH;BYMONTH=6,7,8
friday-the-thirteenth      MONTHLY;BYDAY=FR;BYMONTHDAY=13
saturday-after-sunday      MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13
election-day               YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8
third-of-three-weekdays    MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3
last-but-one-weekday       MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2
last-weekday               MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1
every-three-hours          HOURLY;INTERVAL=3;UNTIL=19970902T170000Z
every-quarter-hour         MINUTELY;INTERVAL=15;COUNT=6
every-ninety-minutes       MINUTELY;INTERVAL=90;COUNT=4
twenty-minutes-by-day      DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40
twenty-minutes-by-minute   MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16
week-start-monday          WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO
week-start-sunday          WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU
week-start-wednesday       WEEKLY;INTERVAL=3;COUNT=12;BYDAY=TU,SU,WE;WKST=WE
no-such-day-left-out       MONTHLY;BYMONTHDAY=15,30;COUNT=5
start-off-weekday          WEEKLY;BYDAY=MO;COUNT=3
start-off-month            YEARLY;BYMONTH=3;COUNT=3
start-off-monthday         MONTHLY;BYMONTHDAY=31;COUNT=4
start-off-hour             DAILY;BYHOUR=10;COUNT=3
start-off-and-count-one    WEEKLY;BYDAY=MO;COUNT=1
start-off-until-before     WEEKLY;BYDAY=MO;UNTIL=19970903T000000Z
until-before-the-start     DAILY;UNTIL=19970801T000000Z
count-one                  MONTHLY;COUNT=1
week-one                   YEARLY;BYWEEKNO=1;BYDAY=MO
week-one-sunday-start      YEARLY;BYWEEKNO=1;BYDAY=MO;WKST=SU
week-one-whole             YEARLY;BYWEEKNO=1
week-fifty-two             YEARLY;BYWEEKNO=52;BYDAY=SU
week-fifty-three           YEARLY;BYWEEKNO=53;BYDAY=MO
last-week                  YEARLY;BYWEEKNO=-1;BYDAY=FR
last-week-whole            YEARLY;BYWEEKNO=-1
last-week-for-daily        DAILY;BYWEEKNO=-1
weeks-both-ends            YEARLY;BYWEEKNO=1,-1;BYDAY=TH
week-with-monthday         YEARLY;BYWEEKNO=1;BYMONTHDAY=31
week-every-other-year      YEARLY;INTERVAL=2;BYWEEKNO=1,53
hundredth-day              YEARLY;BYYEARDAY=100
last-day-of-the-year       YEARLY;BYYEARDAY=-1
day-three-six-six          YEARLY;BYYEARDAY=366
day-sixty-both-ways        YEARLY;BYYEARDAY=60,-306
first-day-of-leap-years    YEARLY;BYYEARDAY=-366
yearday-in-month           YEARLY;BYYEARDAY=1,32,60;BYMONTH=2
yearday-for-monthly        MONTHLY;BYYEARDAY=1,60,-1
leap-day                   YEARLY;BYMONTH=2;BYMONTHDAY=29
end-of-february            YEARLY;BYMONTH=2;BYMONTHDAY=-1
monthday-without-month     YEARLY;BYMONTHDAY=13
day-31-of-every-month      MONTHLY;BYMONTHDAY=31
day-30-every-other-month   MONTHLY;INTERVAL=2;BYMONTHDAY=30
minus-31                   MONTHLY;BYMONTHDAY=-31
minus-29-and-30            MONTHLY;BYMONTHDAY=-29,-30
monthday-for-daily         DAILY;BYMONTHDAY=-1,1
monthday-for-weekly        WEEKLY;BYMONTHDAY=13
month-for-weekly           WEEKLY;BYMONTH=12,1
fifth-wednesday            MONTHLY;BYDAY=5WE
minus-fifth-friday         MONTHLY;BYDAY=-5FR
numbered-with-plain        MONTHLY;BYDAY=MO,2TU
numbered-with-plain-year   YEARLY;BYDAY=1MO,-1FR,WE;BYMONTH=2,10
numbered-in-the-year       YEARLY;BYDAY=53TH,-1TU,1SA
numbered-with-monthday     MONTHLY;BYDAY=2TU,3TU;BYMONTHDAY=14,15
numbers-for-weekly         WEEKLY;BYDAY=2MO,-1FR
setpos-first-of-week       WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1
setpos-last-of-week        WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1
setpos-week-from-sunday    WEEKLY;BYDAY=SU,TU,SA;WKST=SU;BYSETPOS=2
setpos-first-week-cut      WEEKLY;BYDAY=MO,TU,TH;BYSETPOS=1;COUNT=4
setpos-over-hours          DAILY;BYHOUR=8,12,18;BYSETPOS=2
setpos-days-times-hours    MONTHLY;BYDAY=MO;BYHOUR=9,17;BYSETPOS=-1,3
setpos-in-the-year         YEARLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,100,-1
setpos-in-the-hour         HOURLY;INTERVAL=5;BYMINUTE=10,20,40;BYSETPOS=-1
setpos-in-the-minute       MINUTELY;INTERVAL=50;BYSECOND=5,15,45;BYSETPOS=2
setpos-out-of-reach        MONTHLY;BYDAY=1MO;BYSETPOS=2
setpos-year-and-count      YEARLY;BYMONTH=1,6;BYMONTHDAY=1,-1;BYSETPOS=2,3;COUNT=7
seconds-of-the-minute      DAILY;BYSECOND=0,30;BYMINUTE=5
hours-by-minutes           DAILY;BYHOUR=0,23;BYMINUTE=0,59
hourly-on-weekdays         HOURLY;INTERVAL=4;BYDAY=SA,SU
hourly-five                HOURLY;INTERVAL=5
hourly-in-months           HOURLY;INTERVAL=36;BYMONTH=2
minutely-thirty-seven      MINUTELY;INTERVAL=37;BYHOUR=9,10
minutely-every-third-day   MINUTELY;INTERVAL=4320
secondly-weekly            SECONDLY;INTERVAL=604800
secondly-eleven            SECONDLY;INTERVAL=11;COUNT=30
secondly-in-minutes        SECONDLY;INTERVAL=13;BYMINUTE=0;BYHOUR=9;COUNT=12
huge-interval-years        YEARLY;INTERVAL=99999999
huge-interval-days         DAILY;INTERVAL=1000000000000000000000
never-30-february          YEARLY;BYMONTH=2;BYMONTHDAY=30
never-out-of-phase         MINUTELY;INTERVAL=60;BYMINUTE=30
never-week-in-july         YEARLY;BYWEEKNO=1;BYMONTH=7
""".split("\n")


def from_rules():
    for line in RULES:
        if line:
            name, rule = line.split()
            days = 40 if "LY" in rule.split(";")[0] and rule[0] in "HS" or rule.startswith("MIN") else 2200
            yield name, NY, "19970902T0900", ["RRULE:FREQ=" + rule], {"window": (
                "19970801", day("19970902", days))}


def at_ends():
    for text in ("20240131", "20240229", "20241231", "20250101", "20250630"):
        for freq in ("MONTHLY", "MONTHLY;INTERVAL=5", "YEARLY", "MONTHLY;BYMONTHDAY=-1", "WEEKLY;INTERVAL=3"):
            name = freq.lower().replace(";", "-").replace("=", "-")
            yield f"from-{text}-{name}", BERLIN, text + "T2345", ["RRULE:FREQ=" + freq], {
                "window": ("20240101", "20330101")}
            yield f"from-{text}-{name}-all-day", BERLIN, text, ["RRULE:FREQ=" + freq], {
                "window": ("20240101", "20330101")}


def all_day():
    for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut",
                 "Africa/Cairo", "America/Havana"):
        name = zone.split("/")[1].lower()
        yield f"all-day-{name}", zone, "20260301", ["RRULE:FREQ=WEEKLY;BYDAY=SA,SU"], {}
        yield f"all-day-{name}-two-days-and-exdate", zone, "20111220", [
            "RRULE:FREQ=DAILY;COUNT=20", "EXDATE;VALUE=DATE:20111225,20111228"], {"length": 2, "window": None}
    yield "all-day-midnight-in-the-gap", "America/Sao_Paulo", "20181101", ["RRULE:FREQ=DAILY;COUNT=9"], {}
    yield "all-day-date-that-never-was", "Pacific/Apia", "20111228", ["RRULE:FREQ=DAILY;COUNT=5"], {}
    yield "all-day-window-cuts-into-it", NY, "20260101", ["RRULE:FREQ=MONTHLY"], {
        "length": 40, "window": ("20260615", "20260616")}
    yield "all-day-until-with-a-time", NY, "20110601", ["RRULE:FREQ=DAILY;UNTIL=20110617T065959Z"], {}
    yield "all-day-hours-ignored", NY, "20110601", ["RRULE:FREQ=DAILY;BYHOUR=4,5;COUNT=3"], {}
    yield "all-day-birthday-on-leap-day", LONDON, "20240229", [
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1"], {"window": ("20240101", "20350101")}
    yield "all-day-rdate", BERLIN, "20260105", ["RDATE;VALUE=DATE:20260203,20260104,20260105"], {"window": None}
    yield "all-day-zero-days", BERLIN, "20260105", ["RRULE:FREQ=DAILY;COUNT=3"], {"length": 0}


def sets():
    start = "20260302T0900"  # a Monday
    yield "rdate-alone", BERLIN, start, ["RDATE;TZID=Europe/Berlin:20260401T100000,20260330T023000"], {}
    yield "rdate-before-the-start", BERLIN, start, ["RDATE:20260101T080000Z"], {"window": None}
    yield "rdate-in-another-zone", BERLIN, start, [
        "RDATE;TZID=America/New_York:20260310T090000,20260308T023000", "RRULE:FREQ=WEEKLY;COUNT=3"], {}
    yield "rdate-twice-the-same", BERLIN, start, ["RDATE:20260309T080000Z", "RDATE:20260309T080000Z,20260309T080000Z",
                                                 "RRULE:FREQ=WEEKLY;COUNT=3"], {}
    yield "rdate-is-the-start", BERLIN, start, ["RDATE:20260302T080000Z"], {}
    yield "rdate-as-a-date", BERLIN, start, ["RDATE;VALUE=DATE:20260405,20260301"], {"window": None}
    yield "rdate-periods", BERLIN, start, [
        "RDATE;VALUE=PERIOD:20260303T080000Z/PT3H,20260304T080000Z/20260305T080000Z,20260309T080000Z/P1D",
        "RRULE:FREQ=WEEKLY"], {}
    yield "rdate-long-period-into-the-window", BERLIN, start, [
        "RDATE;VALUE=PERIOD:20260303T080000Z/P100D"], {"window": ("20260601", "20260602")}
    yield "exdate-takes-the-start", BERLIN, start, ["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20260302T080000Z"], {}
    yield "exdate-before-the-rule", BERLIN, start, ["EXDATE;TZID=Europe/Berlin:20260309T090000",
                                                   "RRULE:FREQ=WEEKLY;COUNT=4"], {}
    yield "exdate-in-another-zone", BERLIN, start, ["RRULE:FREQ=WEEKLY", "EXDATE;TZID=Asia/Seoul:20260316T170000"], {}
    yield "exdate-that-hits-nothing", BERLIN, start, ["RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE:20260309T080001Z"], {}
    yield "exdate-as-a-date", BERLIN, start, ["RRULE:FREQ=HOURLY;INTERVAL=6", "EXDATE;VALUE=DATE:20260303,20260305"], {
        "window": ("20260301", "20260310")}
    yield "exdate-takes-an-rdate", BERLIN, start, ["RDATE:20260309T100000Z", "EXDATE:20260309T100000Z"], {}
    yield "exdate-takes-all", BERLIN, start, ["RRULE:FREQ=DAILY;COUNT=2",
                                             "EXDATE:20260302T080000Z,20260303T080000Z"], {}
    yield "exdate-only-lines", BERLIN, start, ["EXDATE:20260309T080000Z"], {}
    yield "exrule-every-other", BERLIN, start, ["RRULE:FREQ=DAILY", "EXRULE:FREQ=DAILY;INTERVAL=2"], {}
    yield "exrule-weekends", BERLIN, start, ["RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY;BYDAY=SA,SU"], {}
    yield "exrule-with-count", BERLIN, start, ["EXRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=3",
                                              "RRULE:FREQ=WEEKLY;BYDAY=MO,TU"], {}
    yield "exrule-far-finer", BERLIN, start, ["RRULE:FREQ=DAILY;INTERVAL=3",
                                             "EXRULE:FREQ=MINUTELY;INTERVAL=7"], {"window": ("20260301", "20260320")}
    yield "exrule-takes-all", BERLIN, start, ["RRULE:FREQ=DAILY", "EXRULE:FREQ=DAILY"], {}
    yield "exrule-in-the-gap", BERLIN, "20260327T0230", ["RRULE:FREQ=HOURLY", "EXRULE:FREQ=DAILY"], {
        "window": ("20260328", "20260331")}
    yield "from-gap-to-gap", BERLIN, "20250330T0230", ["RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;COUNT=6"], {
        "window": ("20250101", "20320101")}
    yield "from-gap-to-a-fuller-gap", BERLIN, "20270328T0230", [  # 19: in years with five Sundays in March
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU;BYHOUR=2,3;BYMINUTE=0,30;BYSETPOS=-3,19"], {
            "window": ("20270101", "20330101")}
    yield "two-rules", BERLIN, start, ["RRULE:FREQ=WEEKLY;BYDAY=MO", "RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15"], {}
    yield "two-rules-that-meet", BERLIN, start, ["RRULE:FREQ=WEEKLY", "RRULE:FREQ=DAILY;COUNT=20"], {}
    yield "two-counts", BERLIN, start, ["RRULE:FREQ=WEEKLY;COUNT=3", "RRULE:FREQ=DAILY;BYHOUR=20;COUNT=3"], {}
    yield "rule-exrule-rdate-exdate", BERLIN, start, [
        "EXDATE;TZID=Europe/Berlin:20260304T090000", "EXRULE:FREQ=WEEKLY;BYDAY=FR", "RDATE:20260307T120000Z",
        "RRULE:FREQ=DAILY;UNTIL=20260401"], {}
    yield "no-lines", BERLIN, start, [], {}
    yield "split-old-half", NY, "20110601T1000", ["RRULE:FREQ=DAILY;UNTIL=20110617T035959Z"], {}
    yield "split-new-half", NY, "20110617T1000", ["RRULE:FREQ=DAILY"], {"window": ("20110610", "20110701")}
    yield "zero-length", BERLIN, start, ["RRULE:FREQ=DAILY"], {"length": 0}
    yield "zero-length-on-the-edge", BERLIN, "20260302T0100", ["RRULE:FREQ=DAILY"], {
        "length": 0, "window": ("20260305", "20260308")}
    yield "end-before-start", BERLIN, start, ["RRULE:FREQ=DAILY"], {"length": -60}
    yield "longer-than-its-interval", BERLIN, start, ["RRULE:FREQ=DAILY"], {
        "length": 5000, "window": ("20260601", "20260602")}
    yield "lower-case", BERLIN, start, ["rrule:freq=weekly;byday=mo,fr;until=20260401t000000z"], {"as": [
        "RRULE:FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20260401T000000Z"]}
    yield "odd-but-legal", BERLIN, start, [
        "RRULE;X-A=\"b;c:d\":;X-FOO=1;WKST=MO;FREQ=WEEKLY;", "X-WHATEVER:1",
        "EXDATE;X-B=1;TZID=\"Europe/Berlin\";VALUE=DATE-TIME:20260309T090000"], {"as": [
            "RRULE:FREQ=WEEKLY;WKST=MO", "EXDATE;TZID=Europe/Berlin:20260309T090000"]}
    yield "unknown-zone-of-an-exdate", BERLIN, start, ["RRULE:FREQ=WEEKLY", "EXDATE;TZID=Nowhere:20260309T090000"], {
        "as": ["RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Berlin:20260309T090000"]}


def far():
    decade = ("20390601", "20390701")
    for zone in (NY, BERLIN, LORD_HOWE, CASABLANCA, SEOUL):
        name = zone.split("/")[1].lower()
        yield f"{name}-weekly-after-2037", zone, "20260302T0900", ["RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR"], {"window": decade}
        yield f"{name}-monthly-after-2100", zone, "20260302T0230", ["RRULE:FREQ=MONTHLY;BYDAY=-1SU"], {
            "window": ("21500101", "21520101")}
        yield f"{name}-yearly-in-the-ninetieth-century", zone, "20260329T0230", ["RRULE:FREQ=YEARLY"], {
            "window": ("89000101", "89100101")}
    yield "year-one", "UTC", "00010102T0900", ["RRULE:FREQ=DAILY;COUNT=3"], {"window": None}
    yield "year-one-local-mean-time", NY, "00010301T0900", ["RRULE:FREQ=YEARLY"], {"window": ("00010101", "00050101")}
    yield "year-9999", "UTC", "99981231T0900", ["RRULE:FREQ=MONTHLY"], {"window": ("99980101", "99991225")}
    yield "year-9999-and-no-further", "UTC", "99990101T0900", ["RRULE:FREQ=MONTHLY;BYMONTHDAY=1"], {"window": None}
    yield "hundred-years-on", BERLIN, "19260101T1200", ["RRULE:FREQ=YEARLY;BYMONTH=1,7;BYDAY=1MO"], {
        "window": ("20250101", "20270101")}
    yield "week-minus-fifty-two-in-december", "UTC", "20241201T0900", [
        "RRULE:FREQ=YEARLY;BYWEEKNO=-52;BYDAY=MO,WE"], {"window": ("20241201", "20260101")}
    yield "week-fifty-two-in-january", "UTC", "20381201T0900", [
        "RRULE:FREQ=YEARLY;BYWEEKNO=52"], {"window": ("20381201", "20390201")}
    yield "excluded-hours-over-the-changes", BERLIN, "20201229T1000", [
        "RRULE:FREQ=HOURLY;INTERVAL=24", "EXRULE:FREQ=HOURLY"], {"window": ("20210101", "20220101")}
    # Counted without walking through what went before: not when days or minutes are left out.
    for name, rule, window in (
            ("daily", "DAILY;BYYEARDAY=100;COUNT=40", ("20310101", "20330101")),
            ("every-third-day", "DAILY;INTERVAL=3;BYYEARDAY=100,101,102;COUNT=14", ("20310101", "20380101")),
            ("weekly", "WEEKLY;BYYEARDAY=100,101,102;COUNT=6", ("20310101", "20460101")),
            ("seconds", "SECONDLY;INTERVAL=7;BYMINUTE=3,10;COUNT=3000", ("20200306", "20200312"))):
        yield f"counted-{name}-with-gaps", BERLIN, "20200302T0900", [f"RRULE:FREQ={rule}"], {"window": window}
    yield "week-one-of-year-one", "UTC", "00010101T0900", ["RRULE:FREQ=YEARLY;BYWEEKNO=1,53"], {
        "window": ("00010103", "00030101")}


def when(text):
    form = {8: "%Y%m%d", 13: "%Y%m%dT%H%M", 14: "%Y%m%dT%H%MZ"}[len(text)]
    return datetime.strptime(text, form)


def build(name, zone, start, lines, options):
    kind = "date" if len(start) == 8 else "utc" if start.endswith("Z") else "wall"
    first = when(start)
    length = options.get("length", 1 if kind == "date" else 60)
    last = first + (timedelta(days=length) if kind == "date" else timedelta(minutes=length))
    default = (first - timedelta(days=366), first + timedelta(days=366)) if 2 < first.year < 9998 else None
    window = options.get("window", default)
    if window is not None:
        window = tuple(seconds(when(w) if isinstance(w, str) else w) for w in window)
    series = Series(zone, kind, first, last, lines, window or (None, None), name=name)
    return series, options


def zoo():
    """[(Series, options)]"""
    return [build(*s) for part in (at_changes, from_rules, at_ends, all_day, sets, far) for s in part()]
