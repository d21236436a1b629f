"""The world that is measured: a calendar of 100,000 single events, and a team's calendar with series.

Everything is fixed by one random seed, and nothing depends on today.
"""
import datetime
import random

UTC = datetime.timezone.utc
LARGE = "large"  # 100,000 events over ten years
TEAM = "team"  # 10,000 events over five years, 200 of them series that began five years before WEEK
LARGE_FROM = datetime.datetime(2020, 1, 1, tzinfo=UTC)
LARGE_DAYS = 3652
LARGE_EVENTS = 100_000
TEAM_FROM = datetime.datetime(2021, 3, 1, tzinfo=UTC)
TEAM_DAYS = 5 * 365 + 60
TEAM_EVENTS = 10_000
TEAM_SERIES = 200
WEEK = datetime.datetime(2026, 3, 2, tzinfo=UTC)  # five years after TEAM_FROM
ZONE = "Europe/Berlin"

TITLES = ("Weekly sync", "Design review", "Sprint planning", "1:1 Anna / Bernd", "Zahnarzt", "Déjeuner d'équipe",
          "Customer call", "会議：四半期", "Budget – Q3", "Interview", "Deep work", "Product demo")
PLACES = ("Room 4.12", "Berlin, Alexanderplatz 1", "Café Einstein", "東京都千代田区")
FILLER = ("Agenda: status of open points, decisions needed, next steps. Please read the notes beforehand and add "
          "your topics to the shared document until the evening before. Minutes are taken in turns; if the dial-in "
          "fails, call the front desk. ") * 4
# How long events take, in minutes, and how often; 0 stands for whole days.
LENGTHS = (30,) * 35 + (60,) * 35 + (90,) * 10 + (180,) * 8 + (480,) * 3 + (0,) * 9


def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def texts(r, number):
    """What Google's events have besides their times: about 1.2 kB in all, once the server has added its own."""
    event = {"summary": f"{r.choice(TITLES)} #{number}", "description": FILLER[:r.randrange(300, 820)]}
    if r.random() < 0.5:
        event["location"] = r.choice(PLACES)
    if r.random() < 0.33:
        event["attendees"] = [{"email": f"guest{r.randrange(200)}@example.com", "responseStatus": "accepted"}
                              for _ in range(r.randrange(1, 5))]
    return event


def single(r, number, day):
    event = texts(r, number)
    minutes = r.choice(LENGTHS)
    if minutes == 0:
        days = 1 if r.random() < 0.8 else r.randrange(2, 8)
        event["start"] = {"date": day.strftime("%Y-%m-%d")}
        event["end"] = {"date": (day + datetime.timedelta(days=days)).strftime("%Y-%m-%d")}
        return event
    start = day + datetime.timedelta(minutes=6 * 60 + 15 * r.randrange(48))
    event["start"] = {"dateTime": stamp(start), "timeZone": ZONE}
    event["end"] = {"dateTime": stamp(start + datetime.timedelta(minutes=minutes)), "timeZone": ZONE}
    return event


def rule(number):
    """Weekly and monthly ones in turn."""
    if number % 2:
        return "RRULE:FREQ=MONTHLY;BYDAY=2TU" if number % 4 == 1 else "RRULE:FREQ=MONTHLY"
    return "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR" if number % 20 == 2 else "RRULE:FREQ=WEEKLY"


def series(r, number):
    """A series of the team's, and for each tenth an instance that was moved."""
    first = TEAM_FROM + datetime.timedelta(days=number % 5, minutes=6 * 60 + 15 * r.randrange(48))
    event = texts(r, number) | {
        "id": f"series{number:05d}",
        "start": {"dateTime": stamp(first), "timeZone": ZONE},
        "end": {"dateTime": stamp(first + datetime.timedelta(hours=1)), "timeZone": ZONE},
        "recurrence": [rule(number)]}
    if number % 10:
        return [event]
    slot = first + datetime.timedelta(weeks=2)
    moved = {"recurringEventId": event["id"], "originalStartTime": {"dateTime": stamp(slot), "timeZone": ZONE},
             "start": {"dateTime": stamp(slot + datetime.timedelta(hours=2)), "timeZone": ZONE},
             "end": {"dateTime": stamp(slot + datetime.timedelta(hours=3)), "timeZone": ZONE}}
    return [event, moved]


def spread(r, count, first, days):
    return [single(r, i, first + datetime.timedelta(days=r.randrange(days))) for i in range(count)]


def world(large_events=LARGE_EVENTS):
    r = random.Random(1)
    team = [event for i in range(TEAM_SERIES) for event in series(r, i)]
    team += spread(r, TEAM_EVENTS - len(team), TEAM_FROM, TEAM_DAYS)
    return {
        "users": [{"email": "me@example.com", "tokens": ["test-token"], "calendarList": [LARGE, TEAM],
                   "settings": {"timezone": ZONE}}],
        "calendars": [
            {"id": LARGE, "owner": "me@example.com", "timeZone": ZONE,
             "events": spread(r, large_events, LARGE_FROM, LARGE_DAYS)},
            {"id": TEAM, "owner": "me@example.com", "timeZone": ZONE, "events": team}]}
