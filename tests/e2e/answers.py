"""What the other reads must say of the random calendars of lists.py: one event, the instances of a series, when calendars are busy,
and what a `fields` parameter leaves of an answer. Google's words and python-dateutil again, shared with nobody."""
import datetime
import re

from lists import DAY, UTC, instant, written

HOUR = datetime.timedelta(hours=1)
SECOND = datetime.timedelta(seconds=1)


def exceptions(calendar, series):
    return {event.slot: event for event in calendar.events if event.series is series}


def told(calendar, event, shown):
    """Of one that is not an instance without a record of its own."""
    origin = event.origin(shown) if event.series else {}
    if event.cancelled:
        return {"status": "cancelled", **origin}
    return {"status": "confirmed", "summary": event.summary, **event.times(calendar.zone, shown), **origin,
            "recurrence": event.recurrence() if event.rule else None}


def told_instance(calendar, series, slot, shown):
    return {"status": "confirmed", "summary": series.summary, **series.times(calendar.zone, shown, slot), "recurrence": None,
            "recurringEventId": series.id, "originalStartTime": series.moment(slot, slot, shown)}


def instances(calendar, series, query):
    """(what must be there, by id; ids of what may be) of events.instances. What ends at timeMin belongs to it."""
    must, may, shown = {}, set(), query.get("timeZone", calendar.zone)
    low, high, at = query.get("timeMin"), query.get("timeMax"), query.get("originalStart")
    own = exceptions(calendar, series)

    def within(begin, end):
        return (not high or begin < high) and (not low or end >= low)

    if not series.rule or series.cancelled:
        return must, may
    for slot in sorted({*calendar.slots[series.id], *own}):
        event = own.get(slot)
        if at is not None and slot != at:
            continue
        id = series.slot_id(slot)
        begin, end = event.span(calendar.zone) if event and not event.cancelled else series.span(calendar.zone, slot)
        if event and event.cancelled:
            if not query.get("showDeleted"):
                continue
            if within(begin, begin):
                must[id] = told(calendar, event, shown)
            elif within(begin, end):
                may.add(id)
        elif within(begin, end):
            must[id] = told(calendar, event, shown) if event else told_instance(calendar, series, slot, shown)
    return must, may


def by_id(calendar, id, shown):
    """What events.get shows; None: there is no such event."""
    for event in calendar.events:
        if event.id == id:
            return told(calendar, event, shown)
    for series in calendar.events:
        if series.rule and not series.cancelled:
            for slot in calendar.slots[series.id]:
                if id == series.slot_id(slot):
                    return told_instance(calendar, series, slot, shown)
    return None


def some_id(calendar, rng):
    """Of an event, an instance, or what nearly is one."""
    event = rng.choice(calendar.events)
    if not event.rule or rng.random() < 0.1:
        return event.id
    slots = sorted({*calendar.slots[event.id], *exceptions(calendar, event)})
    if not slots:
        return event.slot_id(event.start if event.all_day else instant(event.start, event.zone))
    slot = rng.choice(slots)
    if rng.random() < 0.4:
        slot += rng.choice([DAY, -DAY, 7 * DAY] if event.all_day else [HOUR, -HOUR, SECOND, -SECOND, DAY, HOUR / 2])
    id = event.slot_id(slot)
    return id if rng.random() < 0.9 else rng.choice([
        id[:-1] if not event.all_day else id + "T000000Z", id + "x", event.id + slot.strftime("_%Y%m%dT%H%M%SZ"),
        event.id + slot.strftime("_%Y%m%d"), id.replace("_", "__"), event.id + "_R" + slot.strftime("%Y%m%dT%H%M%S")])


def busy(calendar, low, high):
    """Merged blocks, as instants."""
    spans = []
    for event in calendar.events:
        if event.cancelled or event.transparent or event.answer == "declined":
            continue
        if event.rule:
            own = exceptions(calendar, event)
            spans += [event.span(calendar.zone, slot) for slot in calendar.slots[event.id] if slot not in own]
        else:
            spans.append(event.span(calendar.zone))
    return merged(sorted((max(b, low), min(e, high)) for b, e in spans if b < high and e > low and b < e))


def merged(spans):
    blocks = []
    for begin, end in spans:
        if blocks and begin <= blocks[-1][1]:
            blocks[-1][1] = max(blocks[-1][1], end)
        else:
            blocks.append([begin, end])
    return blocks


def busy_text(blocks, zone):
    return [{"start": written(a, zone), "end": written(b, zone)} for a, b in blocks]


# -- fields ---------------------------------------------------------------------------------------


def compiled(mask):
    """A mask as a tree: {name: tree}, None where everything below is wanted."""
    tokens = re.findall(r"[^,/()]+|[,/()]", mask)

    def selection(tree):
        while True:
            path(tree)
            if not tokens or tokens[0] != ",":
                return
            tokens.pop(0)

    def path(tree):
        names = [tokens.pop(0)]
        while tokens and tokens[0] == "/":
            tokens.pop(0)
            names.append(tokens.pop(0))
        below = None
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            below = {}
            selection(below)
            assert tokens.pop(0) == ")"
        for name in reversed(names[1:]):
            below = {name: below}
        tree[names[0]] = union(tree[names[0]], below) if names[0] in tree else below

    tree = {}
    selection(tree)
    assert not tokens
    return tree


def union(a, b):
    if a is None or b is None:
        return None
    return {name: union(a[name], b[name]) if name in a and name in b else a.get(name, b.get(name)) for name in {**a, **b}}


def is_whole(tree):
    return tree is None or tree.get("*", tree) is None


def chosen(tree, value):
    """What is left of a value; of an array all its elements."""
    if is_whole(tree):
        return value
    if isinstance(value, list):
        return [chosen(tree, one) for one in value if isinstance(one, (dict, list))]
    left = {}
    for key, member in value.items():
        below = [tree[name] for name in (key, "*") if name in tree]
        if not below:
            continue
        wanted = below[0] if len(below) == 1 else union(*below)
        if is_whole(wanted) or isinstance(member, (dict, list)):
            left[key] = chosen(wanted, member)
    return left


def some_mask(value, rng, depth=0):
    """Of names that are there, and some that are not."""
    while isinstance(value, list):
        value = rng.choice(value) if value else {}
    value = value if isinstance(value, dict) else {}
    names = list(value)
    names = rng.sample(names, min(len(names), rng.randint(1, 4))) + (["*"] if rng.random() < 0.15 else [])
    if depth and (not names or rng.random() < 0.1):
        names.append(rng.choice(["nothing", "id", "items", "start"]))
    parts = []
    for name in names or ["kind"]:
        member = rng.choice(list(value.values())) if name == "*" and value else value.get(name)
        if isinstance(member, (dict, list)) and depth < 5 and rng.random() < 0.7:
            below = some_mask(member, rng, depth + 1)
            parts.append(f"{name}({below})" if "," in below or rng.random() < 0.5 else f"{name}/{below}")
        else:
            parts.append(name)
    if parts and rng.random() < 0.2:
        parts.append(rng.choice(parts))
    rng.shuffle(parts)
    return ",".join(parts)
