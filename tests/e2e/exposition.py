"""A strict reader of the two formats of metrics: every line must fit the grammar, and families what is asked of their type."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?|\+Inf|-Inf|NaN)")
HEAD = re.compile(rf"# (HELP|TYPE|UNIT) ({NAME}) ([^\n]+)")
TYPES = {False: {"counter", "gauge", "histogram", "summary", "untyped"},
         True: {"counter", "gauge", "histogram", "summary", "info", "stateset", "gaugehistogram", "unknown"}}


class Family:
    def __init__(self, name):
        self.name, self.type, self.help, self.unit = name, None, None, None
        self.samples = {}  # (name, sorted labels) -> value


def suffixes(family, is_open):
    """What may stand behind the family's name in its samples."""
    if family.type == "histogram":
        return {"_bucket", "_sum", "_count"}
    if is_open:
        return {"counter": {"_total"}, "info": {"_info"}}.get(family.type, {""})
    return {""}


def read(text, is_open):
    """{family name: Family}; AssertionError with the line that is wrong."""
    assert text.endswith("\n")
    lines = text.split("\n")[:-1]
    assert not is_open or lines.pop() == "# EOF"
    families, family = {}, None
    for line in lines:
        head = HEAD.fullmatch(line)
        if head:
            what, name, value = head.groups()
            if not family or family.name != name:
                assert name not in families, f"{line}: the family is in two pieces"
                family = families[name] = Family(name)
            assert not family.samples, f"{line}: behind samples"
            assert getattr(family, what.lower()) is None, f"{line}: twice"
            setattr(family, what.lower(), value)
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, f"{line!r}: neither a comment nor a sample"
        name, labels = sample[1], dict(m[:2] for m in re.findall(LABEL, sample[2] or ""))
        assert family and family.type in TYPES[is_open], line
        assert name.startswith(family.name) and name[len(family.name):] in suffixes(family, is_open), line
        key = name, tuple(sorted(labels.items()))
        assert key not in family.samples, f"{line}: twice"
        family.samples[key] = float(sample[sample.lastindex])
    for family in families.values():
        check(family, is_open)
    return families


def check(family, is_open):
    name = family.name
    assert family.help and family.samples, name
    if not is_open:
        assert family.unit is None and (family.type == "counter") == name.endswith("_total"), name
    if is_open:
        assert not name.endswith("_total"), name
        unit = next((u for u in ("seconds", "bytes", "ratio") if name.endswith("_" + u)), None)
        assert family.unit == unit, f"{name}: unit {family.unit}"
    if family.type in ("counter", "histogram"):
        assert all(value >= 0 for value in family.samples.values()), name
    if family.type == "histogram":
        check_histogram(family)


def check_histogram(family):
    series = {}
    for (name, labels), value in family.samples.items():
        rest = tuple(l for l in labels if l[0] != "le")
        part = series.setdefault(rest, {"buckets": []})
        if name.endswith("_bucket"):
            part["buckets"].append((float(dict(labels)["le"]), value))
        else:
            part[name[len(family.name):]] = value
    for rest, part in series.items():
        bounds, counts = zip(*part["buckets"])
        assert list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), (family.name, rest)
        assert list(counts) == sorted(counts), (family.name, rest)
        assert part["_count"] == counts[-1] and "_sum" in part, (family.name, rest)
