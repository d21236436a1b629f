"""What the end-to-end tests share: an emulator and a mirror of it, ended whatever happens."""
import os
import re

import pytest

import logscan
from emulator import Emulator
from mirror import Mirror
from pair import Pair, token_account

CASES = pytest.StashKey()
LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "FAILURES.md")


@pytest.fixture
def start(tmp_path, request):
    """start(world=None, generate=0, prepare=None, **config sections) -> Pair, with everything synced.

    `prepare` is given the emulator before the mirror sees it."""
    opened = []

    def begin(world=None, generate=0, ready=True, accounts=None, webhook=True, env=None, binary=None, prepare=None,
              **sections):
        emulator = Emulator(world=world, generate=generate)
        opened.append(emulator.stop)
        if prepare:
            prepare(emulator)
        accounts = accounts or {"test": token_account(tmp_path)}
        mirror = Mirror(tmp_path / "mirror", emulator.url, accounts, webhook=webhook, env=env, binary=binary,
                        **sections)
        opened.append(mirror.close)
        pair = Pair(emulator, mirror)
        mirror.start()
        opened.append(lambda: note_case(request, pair))
        if ready:
            mirror.wait_ready()
        return pair

    yield begin
    for close in reversed(opened):
        close()


def equal_in(pair):
    """How long the test waited for equality; of one that did not ask, how long that takes now, if it comes at all."""
    if pair.equal_ms is None and pair.mirror.process and pair.mirror.process.poll() is None:
        try:
            for calendar in pair.calendars():
                pair.wait_equal(calendar, 2)
        except Exception:  # what the test injected may still hold: then there is nothing to tell
            return ""
    return "" if pair.equal_ms is None else f"{pair.equal_ms:.0f} ms"


def note_case(request, pair):
    """A line of the table of failure cases, for a test whose docstring says which it holds."""
    told = re.match(r"((?:T-[A-Z0-9-]+[, ]*)+): (.*?)\.?$", (request.function.__doc__ or "").split("\n\n")[0], re.S)
    if told and pair.emulator.process.poll() is None:
        calls = len(pair.upstream("*"))
        request.config.stash.setdefault(CASES, []).append((told[1], " ".join(told[2].split()), equal_in(pair), calls))


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures time or takes the machine; not beside other tests")


def pytest_sessionfinish(session):
    """A process that runs a share of the tests (pytest-xdist) hands its lines to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["cases"] = session.config.stash.get(CASES, [])
        session.config.workeroutput["logs"] = logscan.totals


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    cases = getattr(node, "workeroutput", {}).get("cases", [])
    node.config.stash.setdefault(CASES, []).extend(tuple(case) for case in cases)
    for name, count in getattr(node, "workeroutput", {}).get("logs", {}).items():
        logscan.totals[name] += count


def held_elsewhere(cases):
    """Lines for the cases of FAILURES.md that no line tells of: which tests hold them, or why there is none."""
    named = set(re.findall(r"T-[A-Z0-9-]+", " ".join(case[0] for case in cases)))
    for name, held in re.findall(r"^\| (T-[A-Z0-9-]+)(?: \+)? \| (.*) \|$", open(LIST, encoding="utf-8").read(), re.M):
        if name not in named:
            yield name, held, "", ""


def pytest_terminal_summary(terminalreporter, config):
    cases = config.stash.get(CASES, [])
    if logscan.totals["logs"]:
        terminalreporter.write_line("{logs} logs of {lines} lines searched for secrets".format(**logscan.totals))
    if not cases:
        return
    passed = {report.nodeid for report in terminalreporter.stats.get("passed", [])}
    if any("test_failure_list.py" in nodeid for nodeid in passed):  # all of them were asked for
        cases = [*cases, *held_elsewhere(cases)]
    terminalreporter.section("failure cases")
    form = "{:<26.26} {:<75.75} {:>8} {:>6}"
    terminalreporter.write_line(form.format("case", "what happened, or the test that holds it", "equal in", "calls"))
    for case in sorted(cases):
        terminalreporter.write_line(form.format(*case))
