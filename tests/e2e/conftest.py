"""What the end-to-end tests share: an emulator and a mirror of it, ended whatever happens."""
import re

import pytest

import logscan
from emulator import Emulator
from mirror import Mirror
from pair import Pair, token_account

CASES = pytest.StashKey()


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


def note_case(request, pair):
    """A line of the table of failure cases, for a test whose docstring says which it holds."""
    told = re.match(r"((?:T-[A-Z0-9-]+[, ]*)+): (.*?)\.?$", (request.function.__doc__ or "").split("\n\n")[0], re.S)
    if told and pair.emulator.process.poll() is None:
        took = "" if pair.equal_ms is None else f"{pair.equal_ms:.0f} ms"
        request.config.stash.setdefault(CASES, []).append(
            (told[1], " ".join(told[2].split()), took, len(pair.upstream())))


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


def pytest_terminal_summary(terminalreporter, config):
    cases = sorted(config.stash.get(CASES, []))
    if logscan.totals["logs"]:
        terminalreporter.write_line("{logs} logs of {lines} lines searched for secrets".format(**logscan.totals))
    if not cases:
        return
    terminalreporter.section("failure cases")
    form = "{:<24.24} {:<66.66} {:>10} {:>8}"
    terminalreporter.write_line(form.format("case", "what happened", "equal in", "calls"))
    for case in cases:
        terminalreporter.write_line(form.format(*case))
