"""What the tests of the emulator share: fixtures, to be imported by name, and small helpers."""

import http.client
import threading

import pytest

from emulator import USER, ApiError, Emulator, Hook, timed
from mirror import LONG, PATIENCE

EVENTS = f"/calendars/{USER}/events"


@pytest.fixture
def emu():
    with Emulator() as emulator:
        yield emulator
        assert emulator.stop() == 0, "it died, or a sanitizer complains"


@pytest.fixture
def hook():
    with Hook() as receiver:
        yield receiver


def error_of(call, *args, **kwargs):
    with pytest.raises(ApiError) as caught:
        call(*args, **kwargs)
    return caught.value


def ids(items):
    return sorted(item["id"] for item in items)


def fetch(emulator, accept="identity", agent="test (gzip)"):
    """The bytes of a listing as they were on the wire."""
    connection = http.client.HTTPConnection(emulator.address, timeout=LONG * PATIENCE)
    try:
        connection.request("GET", "/calendar/v3" + EVENTS, headers={
            "Authorization": "Bearer test-token", "Accept-Encoding": accept, "User-Agent": agent})
        return connection.getresponse().read()
    finally:
        connection.close()


def in_background(function):
    """Runs it in a thread; the result is in .value after .join()."""
    class Run(threading.Thread):
        value = None

        def run(self):
            self.value = function()

    thread = Run(daemon=True)
    thread.start()
    return thread


TWO_USERS = {"users": [{"email": "a@example.com", "tokens": ["a"], "calendarList": ["a@example.com", "s@example.com"]},
                       {"email": "b@example.com", "tokens": ["b"], "calendarList": ["b@example.com"]}],
             "calendars": [{"id": "a@example.com", "timeZone": "Europe/Berlin"}, {"id": "b@example.com"},
                           {"id": "s@example.com", "owner": "a@example.com", "summary": "Shared",
                            "events": [{"id": "secret0", "summary": "hush", "visibility": "private", **timed()},
                                       {"id": "public0", "summary": "open", **timed()}]}]}


@pytest.fixture
def two():
    with Emulator(TWO_USERS) as emulator:
        yield emulator, emulator.client("a"), emulator.client("b")
        assert emulator.stop() == 0
