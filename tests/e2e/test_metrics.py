"""GET /metrics: both formats to the letter, every series from the start, values that follow what happens."""
import os
import re
import shutil
import subprocess

import pytest

import exposition
from emulator import USER
from mirror import TOP, wait_for

OPEN = "application/openmetrics-text; version=1.0.0, text/plain; version=0.0.4; q=0.5"
ALERTS = os.path.join(TOP, "cmd", "calmirrord", "alerts.yml")


def scrape(mirror, is_open=False):
    answer = mirror.request("GET", "/metrics", headers={"Accept": OPEN if is_open else "*/*"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == ("application/openmetrics-text; version=1.0.0; charset=utf-8" if is_open
                                              else "text/plain; version=0.0.4; charset=utf-8")
    return exposition.read(answer.body.decode(), is_open)


def value(families, name, **labels):
    """Of a series in the older format."""
    family = families.get(name) or families[re.sub("_(sum|count|bucket)$", "", name)]
    return family.samples[name, tuple(sorted(labels.items()))]


def test_both_formats_say_the_same(start):
    pair = start()
    old, new = scrape(pair.mirror), scrape(pair.mirror, is_open=True)
    assert {name.removesuffix("_total").removesuffix("_info") for name in old} == set(new)
    for name, family in new.items():
        before = old.get(name) or old.get(name + "_total") or old[name + "_info"]
        assert set(before.samples) == set(family.samples)
    text = pair.mirror.get("/metrics").body.decode()
    assert "@" not in text and USER not in text and pair.mirror.url not in text
    names = set(re.findall(r"(?:calmirror|process)_[a-z_]+", text))
    assert names >= {"process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds", "calmirror_build_info"}
    build = re.search(r"^calmirror_build_info\{(.*)\} 1$", text, re.M).group(1)
    known = dict(re.findall(r'(\w+)="([^"]+)"', build))
    assert set(known) == {"version", "commit", "store", "curl", "microhttpd", "openssl", "zlib"}
    assert all(re.search(r"\d", value) for name, value in known.items() if name != "commit"), known


def test_every_series_is_there_before_anything_happened(start):
    """So that a rise from 0 to 1 is seen as a rise; the series do not change when things happen."""
    pair = start(ready=False)
    before = {key for family in scrape(pair.mirror).values() for key in family.samples}
    pair.mirror.wait_ready()
    pair.wait_live(USER)
    pair.mirror.get("/nope")
    pair.mirror.request("POST", "/hooks/google", port=pair.mirror.hook_port)
    pair.mirror.get("/calendar/v3/calendars/primary/events", maxResults="x")
    assert {key for family in scrape(pair.mirror).values() for key in family.samples} == before


def test_values_follow_what_happens(start):
    pair = start()
    pair.wait_live(USER)
    pair.wait_quiet(USER)
    was = scrape(pair.mirror)

    def rise(name, **labels):
        return value(scrape(pair.mirror), name, **labels) - value(was, name, **labels)

    pair.google.insert(USER, summary="counted")
    pair.wait_equal(USER)
    wait_for("the run to be counted", lambda: rise("calmirror_sync_runs_total", kind="pull", result="ok"))
    assert rise("calmirror_pings_total", result="accepted") >= 1
    assert rise("calmirror_freshness_seconds_count") >= 1
    assert rise("calmirror_google_requests_total", method="GET", code="200") >= 1
    assert rise("calmirror_google_request_duration_seconds_count") >= 1
    assert rise("calmirror_lmdb_commit_duration_seconds_count") >= 2  # the mark and the change
    assert rise("calmirror_http_requests_total", route="events.list", code="2xx") >= 1
    for _ in range(2):  # the second answer comes from the cache
        pair.mirror.get("/calendar/v3/users/me/calendarList")
    pair.mirror.request("POST", "/calendar/v3/calendars/primary/events", body="{}")
    pair.mirror.get("/no/such/place")
    pair.mirror.request("POST", "/hooks/google", port=pair.mirror.hook_port)
    assert rise("calmirror_http_requests_total", route="calendarList.list", code="2xx") == 2
    assert rise("calmirror_http_request_duration_seconds_count", route="calendarList.list") == 2
    assert rise("calmirror_http_requests_total", route="unsupported", code="5xx") == 1
    assert rise("calmirror_http_requests_total", route="none", code="4xx") == 1
    assert rise("calmirror_pings_total", result="bad_token") == 1
    # The list, its events, settings and access rules.
    wait_for("four channels", lambda: value(scrape(pair.mirror), "calmirror_channels", state="live") == 4)
    now = scrape(pair.mirror)
    assert value(now, "calmirror_calendars", state="ok") == 1 and value(now, "calmirror_accounts", state="ok") == 1
    assert value(now, "calmirror_channel_next_expiry_timestamp_seconds") > value(now, "process_start_time_seconds")
    assert 0 < value(now, "calmirror_lmdb_used_bytes") < value(now, "calmirror_lmdb_map_bytes")
    assert 0 < value(now, "process_open_fds") < value(now, "process_max_fds")
    pair.emulator.fault("GET */calendar/v3/*", status=500, reason="backendError", count=1)
    pair.google.insert(USER, summary="after a failure")
    pair.wait_equal(USER)
    assert rise("calmirror_google_requests_total", method="GET", code="500") == 1
    assert rise("calmirror_sync_runs_total", kind="pull", result="failed") + rise(
        "calmirror_sync_runs_total", kind="other", result="failed") == 1


def test_alerts_name_what_there_is(start):
    pair = start(ready=False)
    families = scrape(pair.mirror)
    with open(ALERTS, encoding="utf-8") as f:
        text = f.read()
    used = set(re.findall(r"calmirror_[a-z_]+", text))
    assert len(used) >= 10
    for name in used:
        assert name in families or re.sub("_(sum|count|bucket)$", "", name) in families, name
    for label, labelled in re.findall(r'\{(\w+)[=!~]+"([^"]+)"\}', text):
        assert label == "job" or any((label, v) in labels for v in labelled.split("|") for family in families.values()
                                     for _, labels in family.samples), (label, labelled)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian's prometheus) is not installed")
def test_promtool_agrees(start):
    pair = start()
    text = pair.mirror.get("/metrics").body
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    subprocess.run(["promtool", "check", "rules", ALERTS], check=True, capture_output=True)


def test_the_reader_is_strict():
    """What the tests above rely on: text that is wrong in one place is refused."""
    good = '# HELP a_total A.\n# TYPE a_total counter\na_total{b="c"} 1\n'
    assert exposition.read(good, False)["a_total"].type == "counter"
    for bad in (good[:-1], good.replace("} 1", "}1"), good.replace('"c"', '"c'), good + 'a_total{b="c"} 2\n',
                good.replace("counter", "thing"), good.replace("a_total", "a"), good + good, good + "# EOF\n",
                good.replace("# HELP a_total A.\n", "")):
        with pytest.raises(AssertionError):
            exposition.read(bad, False)
    with pytest.raises(AssertionError):
        exposition.read(good, True)
