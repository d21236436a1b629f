"""Programs that read feeds, each as a function from text to instances: [(start, end)], in seconds or as dates."""

import datetime
import json
import os
import subprocess
import urllib.parse

import icalendar
import recurring_ical_events

import npm
from mirror import PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))


def feed(mirror, calendar, **query):
    answer = mirror.get(f"/v1/calendars/{urllib.parse.quote(calendar, safe='')}.ics", **query)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return answer.body.decode()


def seconds(at):
    """Of a moment in Google's form, or of Python's."""
    if isinstance(at, str):
        if "T" not in at:
            return at
        at = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
    return int(at.timestamp()) if isinstance(at, datetime.datetime) else at.isoformat()


def by_mirror(events):
    """The mirror's own instances."""
    def when(moment):
        return seconds(moment.get("dateTime") or moment["date"])
    return [(when(e["start"]), when(e["end"])) for e in events]


def slot(exception):
    """Where it stood: (start,)."""
    moment = exception["originalStartTime"]
    return (seconds(moment.get("dateTime") or moment["date"]),)


def ical_js(feeds, most, clocks=None):
    """What ical.js finds in feeds: ({calendar: {uid: instances}}, {calendar: {zone: offsets}})."""
    env = dict(os.environ, NODE_PATH=npm.install(HERE, "ics"))
    done = subprocess.run(["node", os.path.join(HERE, "expand.js")], env=env, text=True, timeout=120 * PATIENCE,
                          input=json.dumps({"feeds": feeds, "most": most, "clocks": clocks or {}}),
                          capture_output=True, check=True)
    answer = json.loads(done.stdout)
    found = {calendar: {uid: [tuple(i) if isinstance(i, list) else i for i in instances]
                        for uid, instances in by_uid.items()}
             for calendar, by_uid in answer["instances"].items()}
    return found, answer["clocks"]


def split(text):
    """One calendar for each UID, with the zones: as synchronising programs keep them in files."""
    whole = icalendar.Calendar.from_ical(text)
    zones = [c for c in whole.subcomponents if c.name == "VTIMEZONE"]
    parts = {}
    for event in whole.walk("VEVENT"):
        part = parts.setdefault(str(event["UID"]), icalendar.Calendar(whole))
        if not part.subcomponents:
            part.subcomponents += zones
        part.add_component(event)
    return parts


def recurring(part, first, last):
    """What recurring_ical_events finds between two days."""
    found = recurring_ical_events.of(part).between(first, last)
    return sorted((seconds(e["DTSTART"].dt), seconds(e["DTEND"].dt if "DTEND" in e else e["DTSTART"].dt))
                  for e in found)


def khal(directory, parts, first, days):
    """What `khal list` shows of a calendar in `days` days from `first`: {(UID, start, end)}."""
    vdir = directory / "vdir"
    vdir.mkdir()
    for number, part in enumerate(parts.values()):
        (vdir / f"{number}.ics").write_bytes(part.to_ical())
    config = directory / "config"
    config.write_text(f"[calendars]\n[[feed]]\npath = {vdir}\nreadonly = True\n[sqlite]\npath = {directory}/khal.db\n"
                      "[locale]\nlocal_timezone = UTC\ndefault_timezone = UTC\ntimeformat = %H:%M\n"
                      "dateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%dT%H:%M\n"
                      "longdatetimeformat = %Y-%m-%dT%H:%M\n", encoding="utf-8")
    form = "{uid}\t{start-long-full}\t{end-long-full}\t{all-day}"
    done = subprocess.run(["khal", "-c", str(config), "list", "-df", "", "-f", form,
                           first.strftime("%Y-%m-%d"), f"{days}d"],
                          text=True, capture_output=True, timeout=120 * PATIENCE, check=False,
                          env=dict(os.environ, HOME=str(directory), LC_ALL="C.UTF-8", TZ="UTC"))
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    found = set()
    for line in filter(None, done.stdout.splitlines()):
        uid, start, end, all_day = line.split("\t")
        if all_day == "True":
            last = datetime.date.fromisoformat(end[:10])
            found.add((uid, start[:10], (last + datetime.timedelta(days=1)).isoformat()))
        else:
            found.add((uid, seconds(start + "Z"), seconds(end + "Z")))
    return found
