"""Many calendars: what a change, a restart and a kill cost when there are hundreds; tests/bench/scale.py has thousands.

Times are printed, and judged by `make bench`, since other work on the machine decides them; calls are counted."""
import os
import subprocess
import time

import pytest

from load import Load, calendar_id, summary
from mirror import BUILD, LONG, PATIENCE, wait_for

SYNC_S = 4 * LONG
UNASKED = {"poll_interval_unhealthy": "1h"}  # so long does nobody ask without being told to, however slow the machine is


@pytest.fixture
def load(tmp_path):
    opened = []

    def begin(*args, **kwargs):
        load = Load(tmp_path, *args, **kwargs)
        opened.append(load)
        return load

    yield begin
    for load in opened:
        load.close()


def calendar_calls(load, match):
    return len(load.emulator.requests(match=match))


def status_shows_what_matters(load):
    """`calmirror status` of very many calendars: those that fail, unless asked for all."""
    def told(*options):
        return subprocess.run([os.path.join(BUILD, "calmirror"), "status", "-c", load.mirror.config_path, *options],
                              capture_output=True, text=True, check=True).stdout

    sick = calendar_id(7)
    load.emulator.fault(f"GET */{sick}/events", status=503, count=-1)
    load.edit(sick)
    wait_for("its failure", lambda: sick in told())
    assert "ready. Only what is out of order is shown; see --all.\n" in told()
    assert "@group" not in told().replace(sick, "")
    assert told("--all").count("@group") == 300 and told("-a", "a1").count("@group") == 100
    load.emulator.clear_faults()


def test_changes_among_hundreds(load):
    """Bursts of edits at random moments on three hundred calendars: soon readable, hardly more than a call each."""
    load = load([100, 100, 100], sync=UNASKED)
    load.mirror.start()
    took = load.seconds_until("the first sync", load.everything_ready, SYNC_S)
    # A watch and a list each, and three lists of each account.
    assert calendar_calls(load, "POST */events/watch") == 300
    assert calendar_calls(load, "GET */events") == 300
    bursts = load.run(load.plan(5, 60))
    p50, p99, most, calls = summary(bursts)
    print(f"\n300 calendars listed in {took:.1f} s; {len(bursts)} bursts readable after p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
          f"most {most:.0f} ms; {calls:.2f} calls each; RssAnon {load.mirror.rss_anon_kib() / 1024:.0f} MiB")
    assert all(burst.calls <= burst.edits for burst in bursts)
    status_shows_what_matters(load)
    assert load.mirror.rss_anon_kib() < 64 * 1024 * PATIENCE


def test_killed_in_the_first_sync(load):
    """kill -9 amid the first listings: what was listed is not listed again, what was opened is not opened again."""
    load = load([200, 200], sync=UNASKED)
    load.emulator.fault("GET */events", skip=200, hold=True, count=-1)
    load.mirror.start()
    wait_for("the workers to be held", lambda: load.emulator.held() >= 8, SYNC_S)
    load.mirror.kill()
    load.reader.close()
    load.emulator.clear_faults()
    load.emulator.release()
    watched = len({r["path"] for r in load.emulator.requests(match="POST */events/watch")})
    load.emulator.clear_requests()
    load.mirror.start()
    load.seconds_until("the rest", load.everything_listed, SYNC_S)
    again = load.emulator.requests(match="GET */events")
    full = [r for r in again if not r["sync_token"]]
    watches = calendar_calls(load, "POST */events/watch")
    print(f"\nkilled after 200 listings and {watched} watches; then {len(full)} listings, {len(again) - len(full)} pulls, "
          f"{watches} watches")
    assert len(full) <= 200 + 8  # those that never came to a commit
    assert len(again) == 400  # of the others, what may have happened meanwhile
    assert 400 - watched <= watches <= 400 - watched + 8  # nor was the channel of these written down


def test_changed_ones_come_first_after_a_restart(load):
    """Everything is asked for after a restart, within the quota; what changed meanwhile does not wait for that."""
    load = load([300])
    load.mirror.start()
    load.seconds_until("the first sync", load.everything_ready, SYNC_S)
    load.mirror.kill()
    load.reader.close()
    load.mirror.sections["google"]["project_rate"] = "200"  # a hundred at once, then 1.7 a second
    load.mirror.write_config()
    changed = {calendar_id(n): load.edit(calendar_id(n)) for n in range(290, 300)}
    load.emulator.clear_requests()
    load.mirror.start()
    load.seconds_until("what changed", lambda: all(load.title(c) == title for c, title in changed.items()), LONG)
    assert calendar_calls(load, "GET */events") < 250 * PATIENCE  # of 300
    assert load.status()["totals"]["due"] > 0


def test_a_crowd_leaves_room(load):
    """An account with hundreds of calendars to list and no quota left, and one with three: the few do not wait."""
    load = load([400, 3], workers=2, google={"project_rate": "0", "user_rate": "60"})
    few = [calendar_id(n) for n in (400, 401, 402)]
    load.mirror.start()
    load.seconds_until("the few", lambda: all(load.title(c) == "0" for c in few), LONG)
    waits = []
    for n in range(12):
        began = time.monotonic()
        edited = load.edit(few[n % 3])
        wait_for("the edit", lambda: load.title(few[n % 3]) == edited)
        waits.append(1000 * (time.monotonic() - began))
    crowd = sum(c["kind"] == "events" and c["state"] == "ready" for c in load.status()["collections"]) - 3
    print(f"\n{crowd} of 400 calendars of the crowd listed; changes of the few readable after {max(waits):.0f} ms at most")
    assert crowd < 300
