"""Every feed is read by other programs, which must make of it what the mirror itself says."""

import datetime
import signal

import icalendar
import pytest

import known
import peers
import worlds
from mirror import PATIENCE

DEMO_DAYS = 60  # before and after today
UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="session")
def clocks():
    return {name: worlds.changes(name) for name in worlds.zone_names()}


@pytest.fixture(scope="session")
def by_ical_js(feeds, clocks):
    asked = {name: [wall for wall, _ in walls] for name, walls in clocks.items()}
    return peers.ical_js({name: feeds[name] for name in (worlds.ZOO, worlds.ZONES)}, worlds.MOST,
                         {worlds.ZONES: asked})


@pytest.fixture(scope="session")
def demo(feeds):
    """The feeds of the demonstration world."""
    return {calendar: text for calendar, text in feeds.items() if calendar not in (worlds.ZOO, worlds.ZONES)}


@pytest.fixture(scope="session")
def zoo_instances(pair):
    """{name: (UID, the mirror's instances)} of the zoo, but for series that are too much work for it."""
    found = {}
    calendar = worlds.ZOO.replace("@", "%40")
    for event in worlds.zoo_events():
        answer = pair.mirror.get(f"/calendar/v3/calendars/{calendar}/events/{event['id']}/instances",
                                 maxResults=worlds.MOST, timeZone="UTC")
        if answer.status == 200:
            found[event["summary"]] = (event["id"] + "@google.com", peers.by_mirror(answer.json["items"]))
    assert len(found) > 380
    return found


def day_of(moment):
    if isinstance(moment, str):
        return datetime.date.fromisoformat(moment)
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=moment)).date()


def window():
    today = datetime.datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - datetime.timedelta(days=DEMO_DAYS), today + datetime.timedelta(days=DEMO_DAYS)


def mirror_instances(pair, calendar):
    """{(UID, start, end)} of the window, as in the mirror's list of single events."""
    first, last = window()
    events = pair.mirror.events(calendar, singleEvents="true", timeMin=first.isoformat(), timeMax=last.isoformat(),
                                maxResults="2500")
    assert events
    return {(event["iCalUID"], *times) for event, times in zip(events, peers.by_mirror(events))}


def inside(instances):
    """Those that begin well inside the window, where it does not matter in which zone a day begins."""
    first, last = (at.date() for at in window())
    return {(uid, start, end) for uid, start, end in instances
            if first + DAY < day_of(start) < last - DAY}


def differences(found, wanted, faults):
    """What is different and should not be, and what is not and was said to be."""
    wrong = []
    for name, (uid, want) in wanted.items():
        have, why = found(uid, want), known.reason(faults, name)
        if (have != want) and not why:
            wrong.append(f"{name}: mirror {want[:3]}..., peer {have[:3]}..., of {len(want)} and {len(have)}")
    return wrong


def unused(found, wanted, faults):
    """The known faults that nothing shows any more."""
    shown = {known.reason(faults, name) for name, (uid, want) in wanted.items() if found(uid, want) != want}
    return [why for _, why in faults if why not in shown]


def test_python_icalendar_reads_every_feed(feeds):
    for calendar, text in feeds.items():
        whole = icalendar.Calendar.from_ical(text)
        named = {str(value.params["TZID"]) for event in whole.walk("VEVENT") for _, value in event.property_items()
                 if hasattr(value, "params") and "TZID" in value.params}
        zones = [str(zone["TZID"]) for zone in whole.walk("VTIMEZONE")]
        assert sorted(zones) == sorted(named), calendar
        for event in whole.walk("VEVENT"):
            assert not event.errors or known.reason(known.ICALENDAR, event["SUMMARY"]), (calendar, event.errors)
            assert all(event.get(name) for name in ("UID", "DTSTAMP", "DTSTART")), calendar


def test_ical_js_has_the_instances_of_the_demonstration(pair, demo):
    found, _ = peers.ical_js(demo, 400)
    for calendar in demo:
        have = {(uid, *times) for uid, instances in found[calendar].items() for times in instances}
        assert inside(have) == inside(mirror_instances(pair, calendar)), calendar


def test_ical_js_has_the_instances_of_the_zoo(by_ical_js, zoo_instances):
    def found(uid, _):
        return by_ical_js[0][worlds.ZOO][uid]
    assert not differences(found, zoo_instances, known.ICAL_JS)
    assert not unused(found, zoo_instances, known.ICAL_JS)


def test_ical_js_has_the_clocks_of_all_zones(by_ical_js, clocks):
    """The feed's VTIMEZONEs against the system's zone files, around every change of forty years."""
    have = by_ical_js[1][worlds.ZONES]
    wrong = [(name, wall, offset, seen) for name, walls in clocks.items()
             for (wall, offset), seen in zip(walls, have[name], strict=True) if offset != seen]
    assert len(clocks) > 300
    assert not wrong


def test_recurring_ical_events_has_the_instances_of_the_zoo(feeds, zoo_instances):
    parts = peers.split(feeds[worlds.ZOO])

    def give_up(*_):
        raise TimeoutError

    def found(uid, want):
        signal.setitimer(signal.ITIMER_REAL, 20 * PATIENCE)
        try:
            first, last = (day_of(want[at][0]) for at in (0, -1)) if want else (datetime.date(2026, 1, 1),) * 2
            have = peers.recurring(parts[uid], first - DAY, last + 2 * DAY)
        except (TimeoutError, ValueError, OverflowError, AttributeError) as e:
            return [repr(e)]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return sorted({i for i in have if want and want[0][0] <= i[0] <= want[-1][0]})

    previous = signal.signal(signal.SIGALRM, give_up)
    try:
        answers = {uid: found(uid, want) for uid, want in zoo_instances.values()}
    finally:
        signal.signal(signal.SIGALRM, previous)

    def answer(uid, _):
        return answers[uid]
    assert not differences(answer, zoo_instances, known.RECURRING)
    assert not unused(answer, zoo_instances, known.RECURRING)


def test_khal_lists_the_instances_of_the_demonstration(pair, demo, tmp_path):
    first, last = window()
    for number, calendar in enumerate(demo):
        folder = tmp_path / str(number)
        folder.mkdir()
        have = peers.khal(folder, peers.split(demo[calendar]), first, (last - first).days)
        assert inside(have) == inside(mirror_instances(pair, calendar)), calendar
