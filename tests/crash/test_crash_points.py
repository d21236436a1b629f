"""Dies at every durable step and at random moments; after a restart the mirror equals Google.

A token that ran ahead of its data would show here: the events in between would never be asked for again,
and the mirror would differ from Google for good.
"""
import os
import random
import re
import subprocess
import threading

import pytest

from emulator import USER, Emulator
from mirror import LONG, TOP, Mirror, wait_for
from pair import Pair, token_account

SIGKILL = -9
PROMPT_S = 1  # a request in which the service may die: then its socket, which is the test's, answers nobody


def crash_points():
    """Every name in the source but those of tests of their own; those of storage are passed often, so that a later pass
    is tried too."""
    text = subprocess.run(["grep", "-rhoE", r'CRASHPOINT\("[a-z.]+"\)', os.path.join(TOP, "core"),
                           os.path.join(TOP, "storage"), "--include=*.c"],
                          capture_output=True, text=True, check=True).stdout
    names = sorted(n for n in set(re.findall(r'"([a-z.]+)"', text))
                   if not n.startswith(("push.", "vault.", "private.", "compact.", "pack.")))
    assert len(names) > 10
    return [passes for name in names
            for passes in ([name, name + ":2", name + ":7"] if name.startswith("storage.commit") else [name])]


class Died(Exception):
    pass


class Life:
    """A scenario in which every durable step happens; each step ends when it is done or the service has died."""

    def __init__(self, pair):
        self.pair = pair
        self.google = pair.google

    def until(self, what, condition):
        def look():
            if self.pair.mirror.process.poll() is not None:
                raise Died
            try:
                return condition()
            except OSError:  # it died between the two lines above
                return None
        try:
            wait_for(what, look)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.pair.mirror.log_text()[-3000:]}") from None

    def equal(self, calendar):
        self.until(f"{calendar} to be equal", lambda: not self.pair.difference(calendar))

    def run(self):
        self.until("every calendar", self.pair.mirror._all_ready)
        self.until("a live channel", lambda: self.pair.channel_state(USER) == "live")
        event = self.google.insert(summary="announced")["id"]
        self.equal(USER)
        self.google.patch(USER, event, summary="edited")
        self.equal(USER)

        self.pair.emulator.kill_tokens(410)
        self.google.delete(USER, event)
        self.google.insert(summary="after the token died")
        self.equal(USER)

        made = self.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
        self.google.insert(made, summary="in a new calendar")
        self.until("the new calendar", lambda: made in self.listed())
        self.equal(made)
        self.until("its channel", lambda: self.pair.channel_state(made) == "live")
        self.google.call("DELETE", f"/users/me/calendarList/{made}")
        self.until("its end", lambda: made not in self.listed())
        self.until("its channel's end", lambda: not any(c["of"] == made for c in self.pair.emulator.channels()))
        self.until("its data's end", lambda: made not in {c["calendar"] for c in self.pair.mirror.status()["collections"]})

        self.pair.emulator.set_watch(max_ttl_s=2)  # channels opened from now on are renewed at once
        made = self.google.call("POST", "/calendars", body={"summary": "Short"})["id"]
        self.until("replaced channels to be stopped", lambda: 3 <= sum(
            c["of"] == made and c["stopped"] for c in self.pair.emulator.state(all=1)["channels"]))
        self.pair.emulator.set_watch(max_ttl_s=604800)

    def listed(self):
        return {c["id"] for c in self.pair.mirror.get("/calendar/v3/users/me/calendarList").json["items"]}


@pytest.fixture
def pair(tmp_path):
    with Emulator() as emulator:
        for i in range(25):
            emulator.api.insert(summary=f"event {i}")
        emulator.set_pages(max_page=10)
        with Mirror(tmp_path / "mirror", emulator.url, {"test": token_account(tmp_path)},
                    sync={"roster_interval": "1s", "poll_interval_unhealthy": "2s"}) as mirror:
            mirror.timeout = PROMPT_S
            yield Pair(emulator, mirror)


def recover(pair):
    """Without crash points from now on: whatever state is left must lead to equality."""
    pair.mirror.env = {}
    pair.mirror.timeout = LONG
    pair.google.insert(summary="made while it was down")
    pair.mirror.start()
    pair.mirror.wait_ready()
    pair.wait_equal_all()


@pytest.mark.parametrize("point", crash_points())
def test_dying_at_a_durable_step_loses_nothing(pair, point):
    pair.mirror.env = {"CALMIRROR_CRASH": point}
    if point.startswith("storage.aside"):  # happens only to a damaged file
        os.makedirs(pair.mirror.state_dir, mode=0o700)
        with open(os.path.join(pair.mirror.state_dir, "mirror.mdb"), "wb") as f:
            f.write(b"\xff" * 65536)
    pair.mirror.start(wait=False)
    with pytest.raises(Died):
        life = Life(pair)
        life.until("it to serve", pair.mirror._ready)
        life.run()
        pytest.fail(f"{point} was never passed")
    assert pair.mirror.wait_end() == SIGKILL
    recover(pair)


@pytest.mark.parametrize("point", ["compact.copied", "compact.renamed"])
def test_dying_while_the_store_is_made_smaller(pair, point):
    large = pair.google.call("POST", "/calendars", body={"summary": "Large"})["id"]
    for i in range(600):
        pair.google.insert(large, summary=f"event {i}", description="x" * 8000)
    pair.emulator.set_pages(max_page=2500)
    pair.mirror.start()
    pair.mirror.wait_ready()
    pair.google.call("DELETE", f"/users/me/calendarList/{large}")
    wait_for("its data's end", lambda: large not in {c["calendar"] for c in pair.mirror.status()["collections"]})
    before = pair.mirror.status()["store"]
    pair.mirror.stop()
    pair.mirror.env = {"CALMIRROR_CRASH": point}
    pair.mirror.start(wait=False)
    assert pair.mirror.wait_end() == SIGKILL
    recover(pair)
    if point == "compact.copied":  # a start does not try again what killed the one before
        assert pair.mirror.status()["store"]["file_bytes"] >= before["file_bytes"]
        assert pair.mirror.stop()[0] == 0
        recover(pair)
    assert pair.mirror.status()["store"]["file_bytes"] < before["file_bytes"] / 2
    assert not os.path.exists(os.path.join(pair.mirror.state_dir, "mirror.mdb.compact"))


def test_dying_while_events_are_put_closer_together(pair):
    """It is taken up again by the next start, though nothing changed at Google."""
    large = pair.google.call("POST", "/calendars", body={"summary": "Large"})["id"]
    for i in range(600):
        pair.google.insert(large, summary=f"event {i}", description="x" * 8000)
    pair.emulator.set_pages(max_page=2500)
    pair.mirror.env = {"CALMIRROR_CRASH": "pack.stretch:2"}
    pair.mirror.start(wait=False)
    assert pair.mirror.wait_end() == SIGKILL
    assert "closer together" not in pair.mirror.log_text()
    pair.mirror.env = {}
    pair.mirror.start()
    wait_for("the rest of it", lambda: "its events were put closer together" in pair.mirror.log_text())
    pair.wait_equal_all()


def test_dying_at_random_moments_under_edits(pair):
    seed = int(os.environ.get("CALMIRROR_SEED", 1))
    print(f"CALMIRROR_SEED={seed}")
    rnd = random.Random(seed)
    for life in range(10):
        if life in (4, 8):  # not more often: listings after dead tokens are rationed
            pair.emulator.kill_tokens(410)
        pair.mirror.start(wait=False)
        stop = threading.Event()

        def edit():
            ids = []
            while not stop.is_set() and len(ids) < 40:
                if ids and rnd.random() < 0.3:
                    pair.google.patch(USER, rnd.choice(ids), summary=f"edited {rnd.random()}")
                else:
                    ids.append(pair.google.insert(summary="under fire")["id"])

        editor = threading.Thread(target=edit)
        editor.start()
        stop.wait(rnd.random() * 0.4)  # the random moment is the point of the test
        pair.mirror.kill()
        stop.set()
        editor.join()
    recover(pair)


@pytest.mark.parametrize("deaths", [1, 2])
@pytest.mark.parametrize("point", ["channel.record.after", "channel.watch.after"])
def test_dying_over_a_channel(pair, point, deaths):
    """Another one is opened at the next start, not minutes later; who dies there again does not ask each time."""
    def unwatched():
        watched = [c for c in pair.mirror.status()["collections"] if c["kind"] != "colors"]
        return [c["kind"] for c in watched if (c["channel"] or {}).get("state") != "live"]

    pair.mirror.sections["mirror"]["workers"] = 1  # so that it is the same one each time
    pair.mirror.write_config()
    pair.emulator.set_watch(sync="never")  # or a channel over which it died is known to be good as soon as that came in
    pair.mirror.env = {"CALMIRROR_CRASH": point}
    for _ in range(deaths):
        pair.mirror.start(wait=False)
        assert pair.mirror.wait_end() == SIGKILL
    pair.emulator.set_watch(sync="after")
    recover(pair)
    pair.wait_live(USER)
    wait_for("the channels", lambda: len(unwatched()) == deaths - 1)
    asked = len(pair.upstream("POST *watch"))
    lost = deaths if point == "channel.watch.after" else 0
    assert asked == lost + len(pair.mirror.status()["collections"]) - 1 - (deaths - 1)
