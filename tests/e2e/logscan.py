"""T-LOGS for the whole suite: what any service of any test logs at its default level is searched for tokens, keys,
e-mail addresses and the words of events. Mirror hands in each log when its process has ended."""
import functools
import os
import re
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVICE = os.path.join(TOP, os.environ.get("CALMIRROR_BUILD", "build"), "calmirrord")

# Nothing that looks like this belongs in a log, whoever it is of.
SHAPES = {
    "an e-mail address": re.compile(rb"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"),
    "an access token": re.compile(rb"ya29\.[\w-]+|Bearer \S+", re.I),
    "a refresh token": re.compile(rb"1//\w+|1%2F%2F\w+"),
    "a client's token": re.compile(rb"\bcm_[\w-]{20,}"),
    "a private key": re.compile(rb"-----BEGIN|GOCSPX-"),
    "a signed statement": re.compile(rb"\beyJ[\w-]{10,}"),
    "a credential in an address": re.compile(rb"(?:access_token|[?&]code|code_verifier|client_secret)=[^ &]+"),
}
# What people wrote counts when it is two words at least: a single one may be anybody's, or an id.
LEAST = 8

needles = set()  # bytes that tests gave to services or to Google, and that are to stay there
totals = {"logs": 0, "lines": 0}
_lock = threading.Lock()


def secret(*texts):
    """Tokens and keys that a test uses; whatever their length, they are random or made up for it."""
    needles.update(t.encode() for t in texts if isinstance(t, str) and len(t) >= 6)


def words(resource):
    """Notes what people wrote in an event or a calendar."""
    for name in ("summary", "description", "location"):
        text = resource.get(name)
        if isinstance(text, str) and len(text) >= LEAST and " " in text.strip():
            needles.add(text.encode())


def members(resource, name):
    """The objects of a list in a seed; tests write junk there too."""
    listed = resource.get(name) if isinstance(resource, dict) else None
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def seed(world):
    """Notes everything private in a seed of the emulator."""
    for user in members(world, "users"):
        for name in ("tokens", "refresh_tokens"):
            secret(*(user[name] if isinstance(user.get(name), list) else []))
        secret(*(token.get("token") for token in members(user, "tokens")))
    for client in members(world, "clients"):
        secret(client.get("client_secret"))
    for calendar in members(world, "calendars"):
        words(calendar)
        for event in members(calendar, "events"):
            words(event)


@functools.lru_cache(maxsize=None)
def is_its_own(needle):
    """Whether they are words that the service itself has: some test before this one happened to call an event so."""
    with open(SERVICE, "rb") as f:
        return b" " in needle and needle in f.read()


def findings(log):
    """[(what, the line)]"""
    found = []
    for line in log.split(b"\n"):
        for what, shape in SHAPES.items():
            if shape.search(line):
                found.append((what, line))
        for needle in needles:
            if needle in line and not is_its_own(needle):
                found.append((f"{needle.decode(errors='replace')!r}", line))
    return found


def check(path, offset=0):
    """Searches a log from this offset on; returns its end. The service must have ended."""
    with open(path, "rb") as f:
        f.seek(offset)
        log = f.read()
    with _lock:
        totals["logs"] += 1
        totals["lines"] += log.count(b"\n")
    found = findings(log)
    if found:
        told = "\n".join(f"{what}: {line.decode(errors='replace')}" for what, line in found[:10])
        raise AssertionError(f"{path} holds what no log may:\n{told}")
    return offset + len(log)
