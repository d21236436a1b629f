"""The state directory put back as it was some time ago: nobody may take what happened since for known."""
import json
import os
import shutil
import subprocess

from emulator import USER, Hook
from failures import MINUTE_MS, Clock, event_channels, settle, wait_title
from mirror import wait_for
from push import LOCAL, state_of, watch

LIST = "/calendar/v3/calendars/primary/events"


class Reader:
    """A program that follows a calendar in every way there is, and then holds on to where it stood."""

    def __init__(self, pair):
        self.pair = pair
        answer = pair.mirror.get(LIST)
        self.etag = answer.headers["ETag"]
        self.token = answer.json["nextSyncToken"]
        self.page = pair.mirror.get(LIST, maxResults=1).json["nextPageToken"]
        self.cursor = pair.mirror.get("/v1/changes").json["cursor"]

    def status_by_etag(self):
        return self.pair.mirror.request("GET", LIST, headers={"If-None-Match": self.etag}).status

    def by_token(self):
        return self.pair.mirror.get(LIST, syncToken=self.token)

    def status_by_page(self):
        return self.pair.mirror.get(LIST, maxResults=1, pageToken=self.page).status

    def told(self):
        """What its cursor brings."""
        return [c["type"] for c in self.pair.mirror.get("/v1/changes", cursor=self.cursor).json["items"]]


def keep(pair, to):
    """A backup: the state directory of a service that is stopped."""
    pair.mirror.stop()
    shutil.copytree(pair.mirror.state_dir, to, ignore=shutil.ignore_patterns("control"))
    pair.mirror.start()


def put_back(pair, kept, *files):
    """Restores it: whole, or these files of it."""
    pair.mirror.stop()
    if not files:
        shutil.rmtree(pair.mirror.state_dir)
        shutil.copytree(kept, pair.mirror.state_dir)
    for name in files:
        shutil.copy2(os.path.join(kept, name), pair.mirror.state_dir)


def test_readers_of_a_future_that_was_taken_back(start, tmp_path):
    """T-RESTORE: a backup is put back: what was given out since is refused, what is older holds on."""
    pair = start()
    known = [pair.google.insert(summary=f"known {n}")["id"] for n in range(3)]
    pair.wait_equal(USER)
    pair.wait_quiet(USER)
    before = Reader(pair)
    keep(pair, tmp_path / "kept")
    assert before.status_by_etag() == 304 and before.by_token().json["items"] == [] and before.told() == []

    passing = pair.google.insert(summary="seen by some, and gone when the backup is put back")["id"]
    pair.wait_equal(USER)
    pair.wait_quiet(USER)
    future = Reader(pair)
    put_back(pair, tmp_path / "kept")
    pair.google.delete(USER, passing)
    pair.mirror.start()
    pair.google.patch(USER, known[0], summary="edited")  # by now the numbers are those that were given out before
    pair.google.insert(summary="another")
    pair.wait_equal(USER)
    pair.wait_quiet(USER)

    for _ in range(2):  # and after another restart, too
        assert future.by_token().status == 410
        assert future.status_by_page() == 410
        assert future.status_by_etag() == 200
        assert future.told()[:1] == ["reset"]
        assert "reset" not in before.told() and len(before.told()) >= 2
        assert known[0] in {e["id"] for e in before.by_token().json["items"]}
        assert before.status_by_etag() == 200
        pair.mirror.stop()
        pair.mirror.start()
    now = Reader(pair)
    pair.mirror.stop()
    pair.mirror.start()
    assert now.status_by_etag() == 304 and now.by_token().json["items"] == [] and now.told() == []


def test_one_file_put_back_beside_the_other(start, tmp_path):
    """push.mdb knows of more than the mirror that stands beside it: channels are told once, hooks of what follows."""
    with Hook() as board, Hook() as client:
        pair = start(**{"push": LOCAL, "hook board": {"url": board.url, "types": "created, updated, deleted"}})
        keep(pair, tmp_path / "kept")
        watch(pair, client.url)
        assert state_of(client.next()) == "sync"
        for n in range(6):
            pair.google.insert(summary=f"told {n}")
        board.take(6)
        wait_for("all of it to be noted", lambda: pair.mirror.get("/v1/hooks").json["hooks"][0]["delivered"] == 6)
        pair.wait_quiet(USER)
        put_back(pair, tmp_path / "kept", "mirror.mdb")
        while not client.pings.empty():
            client.next()
        pair.emulator.fault("GET */events", status=503, count=-1)  # nothing new comes before that is told
        pair.mirror.start()
        assert state_of(client.next()) == "exists"
        assert "mirror.mdb is older than push.mdb" in pair.mirror.log_text()
        pair.emulator.clear_faults()
        another = pair.google.insert(summary="another")["id"]
        wait_for("the hook to be told", lambda: json.loads(board.next()["_body"]).get("eventId") == another)
        assert state_of(client.next()) == "exists"


def test_a_resync_between_the_backup_and_the_start(start, tmp_path):
    """What `calmirrord --resync` gives out while no service runs must not pass for what hooks were told before."""
    with Hook() as board, Hook() as client:
        pair = start(**{"push": LOCAL, "hook board": {"url": board.url, "types": "created, updated, deleted"}})
        pair.wait_quiet(USER)
        keep(pair, tmp_path / "kept")
        watch(pair, client.url)
        assert state_of(client.next()) == "sync"
        for n in range(3):
            pair.google.insert(summary=f"told {n}")
        board.take(3)
        wait_for("all of it to be noted", lambda: pair.mirror.get("/v1/hooks").json["hooks"][0]["delivered"] == 3)
        pair.wait_quiet(USER)
        put_back(pair, tmp_path / "kept", "mirror.mdb")
        for n in range(9):
            pair.google.insert(summary=f"while nobody looked {n}")
        done = subprocess.run([pair.mirror.binary, "-c", pair.mirror.config_path, "--resync"], capture_output=True, text=True)
        assert done.returncode == 0 and "mirror.mdb is older than push.mdb" in done.stderr, done.stderr
        while not client.pings.empty():
            client.next()
        pair.emulator.fault("GET */events", status=503, count=-1)  # nothing new comes before that is told
        pair.mirror.start()
        assert state_of(client.next()) == "exists"
        pair.emulator.clear_faults()
        another = pair.google.insert(summary="another")["id"]
        assert json.loads(board.next()["_body"])["eventId"] == another  # and nothing by halves


def test_channels_that_the_backup_does_not_know(start, tmp_path):
    """T-RESTORE: the channel on record was replaced since the backup: a notification of its successor proves by its token what it
    is of, so that calendar is looked at, and gets a channel that is on record; nothing waits for a poll."""
    clock = Clock(tmp_path)
    pair = start(env=clock.env)
    settle(pair)
    keep(pair, tmp_path / "kept")
    settle(pair)
    old, = event_channels(pair)
    pair.emulator.set_pings(drop=True, state="exists")
    pair.google.insert(summary="not announced")
    clock.sleep(pair, 20 * MINUTE_MS)  # a check finds that, and blames the channel
    wait_for("another channel", lambda: [c["id"] for c in event_channels(pair)] not in ([], [old["id"]]) and len(event_channels(pair)) == 1)
    pair.emulator.set_pings(reset=True)
    since, = event_channels(pair)
    put_back(pair, tmp_path / "kept")
    pair.mirror.start()
    pair.wait_equal(USER)
    pair.wait_quiet(USER)
    event = pair.google.insert(summary="first")["id"]
    wait_title(pair, event, "first")
    wait_for("a channel on record", lambda: [c["id"] for c in event_channels(pair)] not in ([], [since["id"]])
             and len(event_channels(pair)) == 1)
    settle(pair)
    pair.google.patch(USER, event, summary="second")
    wait_title(pair, event, "second")
