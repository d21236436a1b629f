"""What happens between accounts, and between the mirror and its clients: further steps of the kind of steps.py, of a SharedWorld."""
import random
from urllib.parse import quote

from emulator import USER, all_day, timed
from shared import ACCOUNTS, OTHER, ROOM, ZONES
from world import BOSS

MOST_MADE = 4


def path_of(calendar):
    return f"/calendars/{quote(calendar, safe='')}"


def not_own(world, rng):
    """(account, calendar) of one that may leave the account's list."""
    account = rng.choice(list(ACCOUNTS))
    return account, rng.choice([c for c in world.zones if c != ACCOUNTS[account]])


def role(world, rng):
    """What one's account may see of the other's calendar becomes less, more, or nothing."""
    calendar = rng.choice([c for c in world.zones if c != USER])
    other = OTHER[world.owners[calendar]]
    new = rng.choice(["none", "reader", "writer", "freeBusyReader" if calendar == ROOM else "reader"])
    world.left |= {(account, calendar) for account in ACCOUNTS if ACCOUNTS[account] == other}
    world.lossy = True  # neither list nor calendar tells of another role
    if new == "none":
        world.google.call("DELETE", f"{path_of(calendar)}/acl/user:{other}")
    else:
        world.google.call("POST", f"{path_of(calendar)}/acl", body={"role": new, "scope": {"type": "user", "value": other}})


def regain(world, rng):
    """Access that was lost, or not, and an entry in the list with it."""
    calendar = rng.choice([c for c in world.zones if c != USER])
    other = OTHER[world.owners[calendar]]
    account = next(a for a in ACCOUNTS if ACCOUNTS[a] == other)
    world.left.add((account, calendar))
    world.lossy = True
    new = rng.choice(["reader", "writer", "freeBusyReader" if calendar == ROOM else "writer"])
    world.google.call("POST", f"{path_of(calendar)}/acl", body={"role": new, "scope": {"type": "user", "value": other}})
    world.google_of(account).call("POST", "/users/me/calendarList", body={"id": calendar})


def unsubscribe(world, rng):
    account, calendar = not_own(world, rng)
    world.left.add((account, calendar))
    world.google_of(account).call("DELETE", "/users/me/calendarList/" + quote(calendar, safe=""))


def subscribe(world, rng):
    account, calendar = not_own(world, rng)
    world.left.add((account, calendar))
    world.google_of(account).call("POST", "/users/me/calendarList", body={"id": calendar})


def leave_and_return(world, rng):
    """It is left and subscribed to anew before anybody may have noticed."""
    at = rng.getrandbits(32)
    unsubscribe(world, random.Random(at))
    subscribe(world, random.Random(at))


def show(world, rng):
    """What a user alone sees of a calendar."""
    account, calendar = not_own(world, rng)
    how = rng.choice([{"hidden": True}, {"hidden": False}, {"selected": rng.random() < 0.5}, {"colorId": str(rng.randint(1, 24))},
                      {"summaryOverride": f"edit {world.count}"}])
    world.google_of(account).call("PATCH", "/users/me/calendarList/" + quote(calendar, safe=""), body=how)


def create(world, rng):
    """A calendar of one's own, which the other may see."""
    if len(world.made) == MOST_MADE:
        return
    account, zone = rng.choice(list(ACCOUNTS)), rng.choice(list(ZONES.values()))
    world.count += 1
    body = {"summary": f"edit {world.count}", "timeZone": zone}
    calendar = world.google_of(account).call("POST", "/calendars", body=body)["id"]
    world.calendar_made(calendar, ACCOUNTS[account], zone)
    world.left |= {(a, calendar) for a in ACCOUNTS}
    if rng.random() < 0.6:
        rule = {"role": rng.choice(["reader", "writer"]), "scope": {"type": "user", "value": OTHER[ACCOUNTS[account]]}}
        world.google.call("POST", path_of(calendar) + "/acl", body=rule)
        other = next(a for a in ACCOUNTS if a != account)
        world.google_of(other).call("POST", "/users/me/calendarList", body={"id": calendar})


def remove(world, rng):
    """Such a calendar is deleted."""
    if world.made:
        calendar = rng.choice(world.made)
        world.google.call("DELETE", path_of(calendar))
        world.calendar_ended(calendar)
        world.lossy = True  # nobody tells who had not subscribed to it


def grant(world, rng):
    """Who else may see a calendar, and the settings of its owner."""
    calendar = rng.choice(list(world.zones))
    rule = {"role": rng.choice(["reader", "none", "writer"]), "scope": {"type": "user", "value": f"u{rng.randint(1, 3)}@example.org"}}
    world.google.call("POST", path_of(calendar) + "/acl", body=rule)
    world.emulator.set_settings(world.owners[calendar], weekStart=str(rng.randint(0, 6)))


def book(world, rng):
    """An event of the room, of the kinds that the emulator can show to who sees busy times alone."""
    found = [e for e in world.live(ROOM) if "recurringEventId" not in e]
    some = rng.choice(sorted(found, key=lambda e: e["id"])) if found else None
    day = rng.randint(1, 28)
    world.count += 1
    if some and rng.random() < 0.3:
        world.google.delete(ROOM, some["id"])
        world.touch(ROOM, some["id"])
    elif some and rng.random() < 0.5:
        world.google.patch(ROOM, some["id"], summary=f"edit {world.count}", transparency=rng.choice(["opaque", "transparent"]))
        world.touch(ROOM, some["id"])
    else:
        body = timed(f"2026-07-{day:02}T10:00:00Z", f"2026-07-{day:02}T11:30:00Z", "Europe/Berlin") if rng.random() < 0.7 else (
            all_day(f"2026-07-{day:02}", f"2026-07-{day + 1:02}"))
        if "date" not in body["start"] and rng.random() < 0.4:
            body["recurrence"] = [rng.choice(["RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;COUNT=4"])]
        world.touch(ROOM, world.google.insert(ROOM, body=body, summary=f"edit {world.count}")["id"])


def log_out(world, rng):
    """The login is withdrawn at Google."""
    account = rng.choice(list(ACCOUNTS))
    world.log_out(account)
    world.lossy = True


def log_in(world, rng):
    for account in ACCOUNTS:
        if not world.logged_in[account]:
            world.log_in(account)
            if rng.random() < 0.5:
                world.reload()


def account_out(world, rng):
    """The configuration has one account less."""
    world.left |= {("boss", c) for c in world.zones}
    world.set_account("boss", False)
    world.lossy = True


def account_in(world, rng):
    world.left |= {("boss", c) for c in world.zones}
    world.set_account("boss", True)


def view(world, rng):
    """The configuration lets a client see more, or less."""
    some = rng.sample([*ZONES, "primary", "*@group.calendar.google.com"], rng.randint(1, 4))
    options = {"calendars": ", ".join(some)} if rng.random() < 0.6 else {}
    if rng.random() < 0.5:
        options["freebusy_only"] = rng.choice(["*", "primary", "ny@example.com", f"{BOSS}, {ROOM}"])
    world.set_view(**options)


SHARING = {role: 4, regain: 5, unsubscribe: 3, subscribe: 5, leave_and_return: 2, show: 4, create: 3, remove: 1, grant: 4, book: 8, log_out: 1,
           log_in: 2, account_out: 1, account_in: 2, view: 2}
