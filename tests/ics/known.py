"""Series of the zoo of which a program is known to make something else than the mirror, which tests/recurrence holds to
python-dateutil's and RFC 5545's idea of them. A test fails when one of these agrees after all: then it is to be taken off."""

import re

import icalendar

ICALENDAR = [
    (r"twentieth-monday|numbered-in-the-year", "a weekday's number has one digit"),
]

ICAL_JS = [
    (r".*-(daily-in|start-in|yearly-in|seven-minutes-from)-the-fold(-daily-count)?|.*-start-in-the-first-pass"
     r"|.*-hourly-over-the-fold|.*-monthly-after-2100",
     "an hour that comes twice is its second pass; RFC 5545 section 3.3.5: the first"),
    (r".*-(daily|exdate)-in-the-gap|.*-hourly-over-the-gap",
     "a time that the clock leaves out is read with the offset behind the gap; section 3.3.5: that before it"),
    (r".*-long-night-over-the-(gap|fold)|longer-than-its-interval",
     "an instance is as long on the wall clock as the first; section 3.8.5.3: exactly as long"),
    (r".*-second-pass-exdate-as-wall-time", "the second pass is excluded by the wall time of the first"),
    (r"(last-)?week-.*|last-week|weeks-both-ends|monday-of-week-twenty|twentieth-monday|numbered-in-the-year",
     "BYWEEKNO, and BYDAY with a number of weeks in a year, do not work"),
    (r"setpos-.*|from-gap-to-a-fuller-gap", "BYSETPOS works only for months, over days"),
    (r"leap-day|from-20240229-yearly(-all-day)?", "29 February is 1 March in other years; section 3.3.10: skipped"),
    (r"monthday-for-(daily|weekly)|monthday-without-month|yearday-.*|counted-(daily|every-third-day|weekly)-with-gaps",
     "refuses it, or takes a part of it only"),
    (r"two-(counts|rules-that-meet)", "stops at the end of the first of two rules"),
    (r"all-day-zero-days", "iCalendar knows no event of no days, and Google has none"),
    (r"year-.*", "years are written with two digits, or beyond its arithmetic"),
]

RECURRING = [
    (r".*-in-the-fold(-daily-count)?|.*-start-in-the-(first|second)-pass|.*-second-pass-.*|.*-over-the-(fold|gap)"
     r"|.*-seven-minutes-from-the-gap|.*-until-instant-in-the-gap|exrule-in-the-gap",
     "pytz reads an hour that comes twice as its second pass; and see the next"),
    (r"every-(ninety-minutes|quarter-hour|three-hours)|hour.*|.*-?minute.*|second.*|start-off-hour|exdate-as-a-date"
     r"|rule-exrule-rdate-exdate|setpos-(in-the-hour|in-the-minute|over-hours)|two-counts",
     "keeps one instance of a series on each day"),
    (r"numbered-.*|twentieth-monday|setpos-(first-of-week|week-from-sunday)|week-one-of-year-one",
     "python-dateutil's own faults, see tests/recurrence/oracle.py"),
    (r".*-after-2100|.*-ninetieth-century|election-day|from-.*", "pytz has no changes after 2037, and the fold again"),
    (r"year-.*", "years at the ends of Python's"),
    (r"all-day-zero-days", "the feed gives it the day that it lasts; Google has none"),
]
# What only Debian 12's version of it makes otherwise, and what only Debian 13's; the one has python-icalendar 4, the other 6.
if int(icalendar.__version__.split(".")[0]) < 6:
    RECURRING += [
        (r"two-rules(-that-meet)?", "refuses two rules"),
        (r"counted-(daily|every-third-day|weekly|seconds)-with-gaps", "stops short of the count, years later"),
    ]
else:
    RECURRING.append((r".*-daily-in-the-gap|longer-than-its-interval",
                      "ends an instance in a gap, or beyond one, elsewhere"))

# khal gives an event without an end this length; RFC 5545 section 3.6.1: it ends when it starts.
KHAL_LENGTH = 3600


def khal_keeps_slot(event):
    """Of an instance that was made all-day, or timed, khal shows the original too."""
    return "originalStartTime" in event and "start" in event and (
        ("date" in event["originalStartTime"]) != ("date" in event["start"]))


def reason(known, name):
    """Why it may differ; None: it may not."""
    return next((why for pattern, why in known if re.fullmatch(pattern, name)), None)
