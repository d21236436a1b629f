"""Failure cases of the store and of what is read from it: full, damaged; validators, freshness, logs."""
import os
import random
import resource
import threading
import time

import pytest

import logscan
from emulator import TOKEN, USER
from failures import EAGER, pulls, rest, settle, title, wait_title
from mirror import wait_for

FAT = "x" * 6000  # of a description


def tokens_of(pair):
    return [r["query"] for r in pulls(pair, USER)[0]]


def test_map_full(start):
    """T-MAP-FULL: more events than the map holds: reads go on, the token stays, room makes it go on."""
    pair = start(mirror={"map_size": "2MiB"}, sync=EAGER)
    kept = pair.google.insert(summary="kept")["id"]
    wait_title(pair, kept, "kept")
    settle(pair)
    for n in range(400):
        pair.google.insert(description=FAT)
    wait_for("the store to be full", lambda: pair.collection(USER)["failures"] and "full" in pair.mirror.log_text())
    pair.google.patch(USER, kept, summary="edited")
    assert title(pair, kept) == "kept"
    assert pair.mirror.get("/v1/status").status == 200
    version = pair.collection(USER)["version"]
    calls = len(tokens_of(pair))
    wait_for("two more attempts", lambda: len(tokens_of(pair)) > calls + 1)
    assert len(set(tokens_of(pair)[-2:])) == 1 and pair.collection(USER)["version"] == version
    pair.mirror.stop()
    pair.mirror.sections["mirror"]["map_size"] = "64MiB"
    pair.mirror.write_config()
    pair.mirror.start()
    pair.wait_equal(USER)


def test_disk_full(start):
    """T-DISK-FULL: nothing can be written: reads go on, the token stays, room makes it go on."""
    pair = start(sync=EAGER)
    kept = pair.google.insert(summary="kept")["id"]
    wait_title(pair, kept, "kept")
    settle(pair)
    hard = resource.prlimit(pair.mirror.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pair.mirror.process.pid, resource.RLIMIT_FSIZE, (8192, hard))
    pair.google.insert(description=FAT)
    wait_for("the failure", lambda: pair.collection(USER)["failures"])
    assert title(pair, kept) == "kept"
    resource.prlimit(pair.mirror.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    pair.wait_equal(USER)
    wait_for("the failure to be over", lambda: not pair.collection(USER)["last_error"])


@pytest.mark.parametrize("seed", range(6))
def test_damaged_file(start, seed):
    """T-POISON-ROW: pages of the file overwritten while it was down: what is broken is fetched again."""
    pair = start()
    for n in range(60):
        pair.google.insert(summary=f"event {n}", description="y" * 300)
    pair.wait_equal(USER)
    pair.wait_live(USER)
    pair.mirror.stop()
    path = os.path.join(pair.mirror.state_dir, "mirror.mdb")
    rnd = random.Random(seed)
    with open(path, "r+b") as f:
        size = os.fstat(f.fileno()).st_size
        for _ in range(1 + seed):
            f.seek(rnd.randrange(8192, size - 64))
            f.write(rnd.randbytes(rnd.choice((1, 8, 64))))
    pair.mirror.start()
    pair.google.insert(summary="after the damage")
    pair.wait_equal(USER)


def test_validators_tell_the_truth(start):
    """T-ETAG-TRUTH: edits under readers that ask "if none match": 304 only if the body would be the same."""
    pair = start()
    ids = [pair.google.insert(summary=f"event {n}")["id"] for n in range(5)]
    pair.wait_equal(USER)
    settle(pair)
    paths = ["/calendar/v3/calendars/primary/events", f"/calendar/v3/calendars/primary/events/{ids[0]}",
             "/calendar/v3/calendars/primary/events?maxResults=2&singleEvents=true&orderBy=startTime"]
    bodies, wrong, counts, last = {}, [], [0, 0], b""
    done = threading.Event()

    def read(path):
        nonlocal last
        etag = None
        while not done.is_set():
            answer = pair.mirror.request("GET", path, headers={"If-None-Match": etag} if etag else {})
            counts[answer.status == 304] += 1
            if answer.status == 200:
                last = answer.body if path == paths[0] else last
                etag = answer.headers["ETag"]
                if bodies.setdefault((path, etag), answer.body) != answer.body:
                    wrong.append(path)

    readers = [threading.Thread(target=read, args=(p,)) for p in paths]
    for r in readers:
        r.start()
    for n in range(25):
        pair.google.patch(USER, ids[n % 3], summary=f"edit {n}")
        wait_title(pair, ids[n % 3], f"edit {n}")
        wait_for("the first reader to see it", lambda: f"edit {n}".encode() in last)
    wait_for("what was not modified", lambda: counts[1])
    done.set()
    for r in readers:
        r.join()
    assert not wrong and counts[0] > 25
    for path in paths:  # what is current now is what the last validator says
        answer = pair.mirror.request("GET", path)
        assert bodies.get((path, answer.headers["ETag"]), answer.body) == answer.body


def test_age_is_honest(start):
    """T-FRESH-HONEST: Google is gone and edits wait: each answer's age covers the time since the first of them."""
    pair = start(sync=EAGER)
    event = pair.google.insert(summary="0")["id"]
    wait_title(pair, event, "0")
    rest(pair)
    pair.emulator.fault("GET */calendar/v3/*", status=503, count=-1)
    pair.emulator.set_pings(drop=True)
    pair.emulator.put_raw_event(USER, {**pair.emulator.dump(USER)[0], "summary": "1"}, event)
    edited = time.monotonic()
    paths = ("/calendar/v3/calendars/primary/events", f"/calendar/v3/calendars/primary/events/{event}")
    while time.monotonic() < edited + 2.5:  # that it says so all the time is the point
        for path in paths:
            behind = time.monotonic() - edited
            answer = pair.mirror.get(path)
            assert int(answer.headers["Age"]) >= int(behind)
    pair.emulator.clear_faults()
    wait_title(pair, event, "1")


@pytest.mark.parametrize("line", [
    "cal 3: ann@example.org is not known", "Authorization: Bearer x", "token ya29.abc", "form: refresh_token=1%2F%2Fabc",
    "GET /token?code=4/0Abc", "-----BEGIN PRIVATE KEY-----", "cal 3: Dinner with Zoe: no start"])
def test_search_finds(tmp_path, line):
    """T-LOGS: what every log of this suite is searched with (logscan.py) does find what it is made for."""
    logscan.words({"summary": "Dinner with Zoe"})
    path = tmp_path / "log"
    path.write_text(f"all is well\n{line}\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="holds what no log may"):
        logscan.check(path)
    path.write_text("account work is parked: needs login: nobody has signed in yet\n", encoding="utf-8")
    logscan.check(path)


def test_logs_keep_secrets(start):
    """T-LOGS: nothing secret or private is logged, whatever went wrong."""
    pair = start(sync=EAGER)
    event = pair.google.insert(summary="Dinner with Zoe", description="at half past seven")["id"]
    wait_title(pair, event, "Dinner with Zoe")
    settle(pair)
    secrets = {c["token"] for c in pair.emulator.channels()}
    for fault in ({"status": 404, "reason": "notFound", "message": f"{USER} is not known"}, {"status": 500},
                  {"html": True, "status": 502}, {"status": 200, "body": {"items": [{"id": "x"}]}},
                  {"status": 403, "reason": "forbidden", "message": "Dinner with Zoe"}):
        pair.emulator.fault("GET */events", count=1, **fault)
        pair.google.patch(USER, event, description=str(fault))
        pair.wait_equal(USER)
    pair.emulator.kill_tokens()
    pair.google.patch(USER, event, description="the end")
    pair.wait_equal(USER)
    pair.mirror.stop()
    log = pair.mirror.log_text()
    for secret in {TOKEN, "Zoe", "half past", "Bearer", USER} | secrets:
        assert secret not in log
