"""Every feed is read by other programs, which must make of it what the mirror itself says."""

import datetime
import json
import signal
from zoneinfo import ZoneInfo

import icalendar
import pytest

import known
import peers
import worlds
from mirror import PATIENCE

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = (TODAY - 60 * DAY, TODAY + 60 * DAY)


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
    """The feeds of the demonstration world, and of what was changed."""
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


def mirror_instances(pair, calendar):
    """{(UID, start, end)} of the window, as in the mirror's list of single events."""
    first, last = WINDOW
    events = pair.mirror.events(calendar, singleEvents="true", timeMin=first.isoformat(), timeMax=last.isoformat(),
                                maxResults="2500")
    assert events
    return {(event["iCalUID"], *times) for event, times in zip(events, peers.by_mirror(events))}


def inside(instances):
    """Those that begin well inside the window, where it does not matter in which zone a day begins."""
    first, last = (at.date() for at in WINDOW)
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


def test_free_and_busy_feeds_say_what_the_free_busy_query_says(pair, demo):
    first, last = WINDOW
    query = {"timeMin": first.isoformat(), "timeMax": last.isoformat(), "items": [{"id": c} for c in demo]}
    asked = pair.mirror.request("POST", "/calendar/v3/freeBusy", json.dumps(query),
                                {"Content-Type": "application/json"}).json["calendars"]
    found, _ = peers.ical_js({c: peers.feed(pair.mirror, c, freeBusyOnly="true") for c in demo}, 400)
    for calendar, text in demo.items():
        zone = ZoneInfo(str(icalendar.Calendar.from_ical(text)["X-WR-TIMEZONE"]))

        def instant(moment, zone=zone):
            if isinstance(moment, str):
                moment = datetime.datetime.fromisoformat(moment).replace(tzinfo=zone).timestamp()
            return min(max(int(moment), int(first.timestamp())), int(last.timestamp()))
        blocks = []
        for start, end in sorted((instant(s), instant(e)) for i in found[calendar].values() for s, e in i):
            if blocks and start <= blocks[-1][1]:
                blocks[-1] = (blocks[-1][0], max(end, blocks[-1][1]))
            elif end > start:
                blocks.append((start, end))
        want = [(peers.seconds(b["start"]), peers.seconds(b["end"])) for b in asked[calendar]["busy"]]
        assert blocks == want, calendar
        for secret in (e.get("summary") for e in pair.mirror.events(calendar)):
            assert not secret or secret == "Busy" or secret not in peers.feed(pair.mirror, calendar, freeBusyOnly="true")


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
    first, last = WINDOW
    for number, calendar in enumerate(demo):
        folder = tmp_path / str(number)
        folder.mkdir()
        have = peers.khal(folder, peers.split(demo[calendar]), first, (last - first).days)
        want = {(uid, start, known.KHAL_LENGTH + start if start == end else end)
                for uid, start, end in mirror_instances(pair, calendar)}
        kept = {(e["iCalUID"], *peers.slot(e)) for e in pair.mirror.events(calendar) if known.khal_keeps_slot(e)}
        have = {i for i in have if i[:2] not in kept}
        assert inside(have) == inside(want), calendar
