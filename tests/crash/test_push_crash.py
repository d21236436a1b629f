"""Dies around the commit of a channel's or a hook's cursor: they are told again rather than not at all."""
import json

import pytest

from emulator import USER, Emulator, Hook
from mirror import Mirror, wait_for
from pair import Pair, token_account
from push import LOCAL, number_of, state_of, watch

SIGKILL = -9


@pytest.fixture
def pair(tmp_path):
    with Emulator() as emulator:
        with Mirror(tmp_path / "mirror", emulator.url, {"test": token_account(tmp_path)}, push=LOCAL,
                    sync={"poll_interval_unhealthy": "1s"}) as mirror:
            mirror.timeout = 5
            yield Pair(emulator, mirror)


@pytest.mark.parametrize("point", ["push.channel.told", "push.channel.noted"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_dying_around_the_cursor(pair, point, nth):
    """The messages are a sync and two of changes; it dies at the nth of them, one message a commit. The first is taken only
    once the opening is answered: it would die with that answer under way."""
    pair.mirror.env = {"CALMIRROR_CRASH": f"{point}:{nth}"}
    pair.mirror.start()
    pair.mirror.wait_ready()
    edits = []
    with Hook() as hook:
        hook.gate.clear()
        watch(pair, hook.url)
        hook.gate.set()
        told = [hook.next()]
        while pair.mirror.process.poll() is None:
            if len(told) == nth:
                wait_for("its end", lambda: pair.mirror.process.poll() is not None)
                break
            edits.append(pair.google.insert(summary=f"edit {nth}")["id"])
            told.append(hook.next())
        assert pair.mirror.wait_end() == SIGKILL
        assert [state_of(p) for p in told] == ["sync", "exists", "exists"][:nth]
        pair.mirror.env = {}
        pair.mirror.start()
        if point == "push.channel.told":
            again = hook.next()
            assert (state_of(again), number_of(again)) == (state_of(told[-1]), number_of(told[-1]))
        pair.google.insert(summary="after it")
        last = hook.next()
        assert state_of(last) == "exists" and number_of(last) > number_of(told[-1])
        assert set(edits) <= pair.mirror.all_events(USER).keys()


@pytest.mark.parametrize("point", ["storage.commit.before", "storage.commit.after"])
@pytest.mark.parametrize("nth", (14, 22, 30))
def test_dying_at_some_commit(pair, point, nth):
    """Whatever was answered holds: a channel that was opened is told of the last edit after all."""
    pair.mirror.env = {"CALMIRROR_CRASH": f"{point}:{nth}"}
    pair.mirror.start(wait=False)
    opened = None
    with Hook() as hook:
        def step():
            nonlocal opened
            if pair.mirror.process.poll() is not None:
                return True
            try:
                if opened is None and pair.mirror._all_ready():
                    opened = watch(pair, hook.url)
                if opened:
                    pair.google.insert(summary="edit")
            except (OSError, ValueError, AssertionError):
                pass
            return pair.mirror.process.poll() is not None
        wait_for("its end", step, 60)
        assert pair.mirror.wait_end() == SIGKILL
        pair.mirror.env = {}
        pair.mirror.start()
        pair.mirror.wait_ready()
        if opened is None:
            opened = watch(pair, hook.url)
        while not hook.pings.empty():
            hook.next()
        pair.google.insert(summary="the last")
        while hook.next()["x-goog-channel-id"] != opened["id"]:
            pass  # one that was opened, too, but died before it could answer so


@pytest.mark.parametrize("point", ["push.hook.told", "push.hook.noted"])
@pytest.mark.parametrize("nth", [1, 2, 5])
def test_dying_around_a_hooks_mark(pair, point, nth):
    """Every edit is told, in order, with at most a repetition of the one under way."""
    with Hook() as hook:
        pair.mirror.sections["hook web"] = {"url": hook.url, "types": "created"}
        pair.mirror.write_config()
        pair.mirror.start()
        pair.mirror.wait_ready()  # the first listings are behind it
        pair.mirror.stop()
        pair.mirror.env = {"CALMIRROR_CRASH": f"{point}:{nth}"}
        pair.mirror.start()
        made = []
        while pair.mirror.process.poll() is None:
            made.append(pair.google.insert(summary="edit")["id"])
        assert pair.mirror.wait_end() == SIGKILL
        pair.mirror.env = {}
        pair.mirror.start()
        made.append(pair.google.insert(summary="the last")["id"])
        told, deliveries = [], {}
        while made[-1] not in told:
            ping = hook.next(20)
            told.append(json.loads(ping["_body"])["eventId"])
            deliveries[ping["calmirror-delivery"]] = told[-1]
        once = list(dict.fromkeys(told))
        assert once == made
        assert len(told) - len(once) <= 1 and len(deliveries) == len(once)
