"""An emulated Google, a mirror of it, and what tests ask of the two together."""
import os
import time

from emulator import TOKEN
from mirror import LONG, NotYet, wait_for


def token_account(directory, token=TOKEN, name="token", **options):
    """Options of an account whose bearer token, which may do everything, is in a file."""
    path = os.path.join(str(directory), name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write(token + "\n")
    return {"token_file": path, "acl": "yes", **options}


def told(event):
    """What Google guarantees to tell of an event: of a cancelled one no more than its names and its slot (a delta
    has these alone, a full listing may have the rest)."""
    if event and event["status"] == "cancelled":
        slot = dict(event.get("originalStartTime", {}))
        slot.pop("timeZone", None)
        return {"status": "cancelled", "recurringEventId": event.get("recurringEventId"), "originalStartTime": slot}
    return event


class Pair:
    """An emulated Google and a mirror of it."""

    def __init__(self, emulator, mirror, token=TOKEN):
        self.emulator = emulator
        self.google = emulator.client(token)
        self.mirror = mirror
        self.equal_ms = None  # the longest that a test waited for a change to be there

    def calendars(self):
        """Ids of the user's calendars, as Google lists them."""
        listed = self.google.calendar_list(showHidden=True, maxResults=250)
        return [entry["id"] for entry in listed["items"]]

    def difference(self, calendar):
        """What the mirror holds and Google does not, and the other way round; {} when they are equal."""
        theirs = {e["id"]: e for e in self.emulator.dump(calendar)}
        try:
            ours = self.mirror.all_events(calendar)
        except NotYet:
            return {"": "not listed yet"}
        return {id: (theirs.get(id), ours.get(id)) for id in theirs.keys() | ours.keys()
                if told(theirs.get(id)) != told(ours.get(id))}

    def wait_equal(self, calendar, timeout=LONG):
        began = time.monotonic()
        try:
            wait_for("the mirror to equal Google", lambda: not self.difference(calendar), timeout)
            self.waited(began)
        except AssertionError:
            raise AssertionError(f"{calendar}: {self.difference(calendar)}\n{self.mirror.log_text()[-3000:]}") from None

    def waited(self, began):
        """What was waited for is equal now."""
        self.equal_ms = max(self.equal_ms or 0, 1000 * (time.monotonic() - began))

    def wait_equal_all(self, timeout=LONG):
        for calendar in self.calendars():
            self.wait_equal(calendar, timeout)

    def upstream(self, match="*/calendar/v3/*"):
        """Requests of the mirror; the tests' own go by another User-Agent and are left out."""
        return [r for r in self.emulator.requests(match=match) if "calmirror" in r.get("user_agent", "")]

    def collection(self, calendar):
        """The mirror's status of a calendar's events."""
        return next(c for c in self.mirror.status()["collections"]
                    if c["kind"] == "events" and c["calendar"] == calendar)

    def channel_state(self, calendar):
        return (self.collection(calendar).get("channel") or {}).get("state")

    def wait_live(self, calendar, timeout=LONG):
        """Until notifications are known to arrive."""
        wait_for(f"a live channel of {calendar}", lambda: self.channel_state(calendar) == "live", timeout)

    def wait_quiet(self, calendar):
        """Until nothing is owed to the calendar and nothing runs."""
        def quiet():
            c = self.collection(calendar)
            return not c["dirty"] and not c["running"]
        wait_for(f"{calendar} to come to rest", quiet)
