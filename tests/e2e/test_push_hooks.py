"""[hook NAME]: programs and URLs that are told of every change, at least once and in order."""
import hashlib
import hmac
import json
import os
import re
import subprocess
import time

import pytest

from emulator import USER, Hook, free_port
from failures import settle
from mirror import BUILD, Mirror, wait_for
from pair import token_account
from push import LOCAL


EVENTS = {"types": "created, updated, deleted"}  # without what the first listings tell


def lines_of(path):
    """The changes that a program has appended to a file, whole lines only."""
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def events(changes):
    return [c for c in changes if "eventId" in c]


def hooks(pair):
    return {h["name"]: h for h in pair.mirror.get("/v1/hooks").json["hooks"]}


def order(pair, hook, do, expect=200, **more):
    answer = pair.mirror.request("POST", "/v1/hooks", body=json.dumps({"hook": hook, "do": do, **more}).encode(),
                                 headers={"Content-Type": "application/json"})
    assert answer.status == expect, answer.body
    return answer.json


def secret(directory, name, text):
    path = os.path.join(str(directory), name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write(text + "\n")
    return path


def signatures(ping):
    fields = ping["calmirror-signature"].split(",")
    assert fields[0].startswith("t=") and all(re.fullmatch("v1=[0-9a-f]{64}", f) for f in fields[1:])
    return fields[0][2:], [f[3:] for f in fields[1:]]


def signed_by(ping, key):
    stamp, macs = signatures(ping)
    assert abs(int(stamp) - time.time()) < 60
    return hmac.new(key.encode(), stamp.encode() + b"." + ping["_body"], hashlib.sha256).hexdigest() in macs


def calmirror(pair, *arguments):
    return subprocess.run([os.path.join(BUILD, "calmirror"), *arguments, "--config", pair.mirror.config_path],
                          capture_output=True, text=True, check=True).stdout


@pytest.fixture
def told(tmp_path):
    return str(tmp_path / "told")


def test_a_program_is_told_of_each_change(start, told, tmp_path):
    """In order, with the words of the change feed; of nothing that was there before."""
    pair = start(**{"push": LOCAL, "hook file": {"shell": f"env > {tmp_path}/env; cat >> {told}", **EVENTS}})
    settle(pair)
    cursor = pair.mirror.get("/v1/changes").json["cursor"]
    event = pair.google.insert(summary="one", start={"dateTime": "2026-12-01T10:00:00Z"},
                               end={"dateTime": "2026-12-01T11:00:00Z"})["id"]
    wait_for("the first", lambda: len(lines_of(told)) == 1)
    pair.google.patch(USER, event, start={"dateTime": "2026-12-01T12:00:00Z"}, end={"dateTime": "2026-12-01T13:00:00Z"})
    wait_for("the second", lambda: len(lines_of(told)) == 2)
    pair.google.delete(USER, event)
    wait_for("the third", lambda: len(lines_of(told)) == 3)
    created, updated, deleted = lines_of(told)
    assert [c["type"] for c in (created, updated, deleted)] == ["created", "updated", "deleted"]
    assert all(c["calendarId"] == USER and c["eventId"] == event and c["account"] == "test" for c in lines_of(told))
    assert {"start", "end"} <= set(updated["changed"]) and updated["old"]["start"]["dateTime"].startswith("2026-12-01T11:00")
    feed = [c for c in pair.mirror.get("/v1/changes", cursor=cursor).json["items"]
            if c.get("eventId") == event]
    assert feed[-1]["type"] == "deleted" and feed[-1].keys() - deleted.keys() <= {"cursor", "id", "old", "event"}
    env = dict(line.split("=", 1) for line in open(tmp_path / "env", encoding="utf-8").read().splitlines())
    assert env["CALMIRROR_HOOK"] == "file" and env["CALMIRROR_TYPE"] == "deleted" and env["CALMIRROR_DELIVERY"]
    assert env.keys() <= {"PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_", "CALMIRROR_HOOK", "CALMIRROR_TYPE",
                          "CALMIRROR_ACCOUNT", "CALMIRROR_DELIVERY"}
    wait_for("the last to be noted", lambda: hooks(pair)["file"]["delivered"] == 3)
    assert hooks(pair)["file"]["kind"] == "command" and not hooks(pair)["file"]["failing"]


def test_a_change_while_a_program_is_told(start, told, tmp_path):
    """What changes while its creation is being told is told as updated, not as created once more."""
    pair = start(**{"push": LOCAL, "hook slow": {
        "shell": f"cat >> {told}; until [ -e {tmp_path}/go ]; do sleep 0.01; done", **EVENTS}})
    settle(pair)
    event = pair.google.insert(summary="one")["id"]
    wait_for("the first", lambda: len(lines_of(told)) == 1)
    pair.google.patch(USER, event, summary="two")
    pair.wait_equal(USER)
    (tmp_path / "go").touch()
    wait_for("the second", lambda: len(lines_of(told)) == 2)
    assert [(c["type"], c["eventId"]) for c in lines_of(told)] == [("created", event), ("updated", event)]


def test_filters_and_a_program_without_a_shell(start, tmp_path):
    made = str(tmp_path / "made")
    program = str(tmp_path / "program")
    with open(os.open(program, os.O_CREAT | os.O_WRONLY, 0o755), "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n[ \"$2\" = '$HOME' ] && cat >> $1\n")  # no shell touches its arguments
    pair = start(**{"push": LOCAL, "hook only": {
        "command": f"{program} {made} $HOME", "types": "created, deleted", "calendars": "me@*, x*", "accounts": "test",
        "include_event": "yes"}})
    settle(pair)
    other = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
    wait_for("the calendar", lambda: pair.mirror.get(f"/calendar/v3/calendars/{other}/events").status == 200)
    pair.google.insert(other, summary="elsewhere")
    event = pair.google.insert(summary="here")["id"]
    pair.google.patch(USER, event, summary="not told")
    pair.wait_equal(other)
    pair.wait_equal(USER)
    pair.google.delete(USER, event)
    wait_for("the deletion", lambda: [c["type"] for c in lines_of(made)][-1:] == ["deleted"])
    changes = lines_of(made)
    assert {c["calendarId"] for c in changes} == {USER} and {c["type"] for c in changes} <= {"created", "deleted"}
    assert changes[0]["event"]["id"] == event


def test_filters_that_a_reload_changes(start):
    """What they leave out is passed over: it is not tried again, nor told later, when they let its calendar in."""
    with Hook() as hook:
        hook.status = 500
        pair = start(**{"push": LOCAL, "hook web": {"url": hook.url, **EVENTS}})
        other = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
        wait_for("the calendar", lambda: pair.mirror.get(f"/calendar/v3/calendars/{other}/events").status == 200)
        settle(pair)

        def reload(calendars):
            pair.mirror.sections["hook web"]["calendars"] = calendars
            pair.mirror.write_config()
            pair.mirror.told = []
            pair.mirror.process.send_signal(1)
            wait_for("the reload", pair.mirror._ready)
        pair.google.insert(other, summary="behind a filter")
        wait_for("the failure", lambda: hooks(pair)["web"]["failing"])
        reload("me@*")
        wait_for("it to be passed over", lambda: not hooks(pair)["web"]["failing"])
        while not hook.pings.empty():
            hook.next()
        hook.status = 200
        pair.google.insert(other, summary="passed over")
        pair.wait_equal(other)
        here = pair.google.insert(summary="here")["id"]
        assert json.loads(hook.next()["_body"])["eventId"] == here
        reload("")
        later = pair.google.insert(other, summary="later")["id"]
        assert json.loads(hook.next()["_body"])["eventId"] == later
        assert hook.pings.empty()


def test_a_signed_post_and_a_rotation(start, tmp_path):
    first, second = secret(tmp_path, "first", "one secret"), secret(tmp_path, "second", "another")
    with Hook() as hook:
        pair = start(**{"push": LOCAL, "hook web": {"url": hook.url + "?key=1", "secret_file": first, **EVENTS}})
        settle(pair)
        pair.google.insert(summary="one")
        ping = hook.next()
        assert ping["_path"] == "/hook?key=1" and ping["content-type"] == "application/json"
        assert ping["calmirror-hook"] == "web" and ping["calmirror-delivery"]
        assert json.loads(ping["_body"])["type"] == "created"
        assert signed_by(ping, "one secret") and len(signatures(ping)[1]) == 1

        def reload(**options):
            pair.mirror.sections["hook web"].update(options)
            pair.mirror.write_config()
            pair.mirror.process.send_signal(1)
            pair.mirror.told = []
            wait_for("the reload", lambda: pair.mirror._ready())
        reload(next_secret_file=second)
        pair.google.insert(summary="two")
        ping = hook.next()
        assert signed_by(ping, "one secret") and signed_by(ping, "another")
        reload(secret_file=second, next_secret_file="")
        pair.google.insert(summary="three")
        ping = hook.next()
        assert signed_by(ping, "another") and not signed_by(ping, "one secret")
        os.chmod(second, 0o644)  # others can read it: the one that was read before stays in force
        reload()
        pair.google.insert(summary="four")
        assert signed_by(hook.next(), "another")
        assert "others have access" in pair.mirror.log_text()


def test_without_its_secret_nothing_is_posted(start, tmp_path):
    with Hook() as hook:
        pair = start(**{"push": LOCAL, "hook web": {"url": hook.url, "secret_file": str(tmp_path / "none"), **EVENTS}})
        settle(pair)
        pair.google.insert(summary="one")
        failing = wait_for("the failure", lambda: hooks(pair)["web"]["failing"])
        assert "no secret" in failing[0]["error"] and hook.pings.empty()
        secret(tmp_path, "none", "there now")
        pair.mirror.process.send_signal(1)
        assert signed_by(hook.next(), "there now")


def test_order_is_kept_while_a_receiver_fails(start):
    """What fails is tried again before what comes behind it; every answer but 2xx is a failure."""
    with Hook() as hook:
        pair = start(**{"push": LOCAL, "hook web": {"url": hook.url, **EVENTS}})
        settle(pair)
        hook.statuses = [500, 404, 302, 204]
        first = pair.google.insert(summary="one")["id"]
        pings = hook.take(4)
        assert {json.loads(p["_body"])["eventId"] for p in pings} == {first}
        assert len({p["calmirror-delivery"] for p in pings}) == 1
        second = pair.google.insert(summary="two")["id"]
        assert json.loads(hook.next()["_body"])["eventId"] == second
        wait_for("both", lambda: hooks(pair)["web"]["delivered"] == 2)
        assert hooks(pair)["web"]["attempts_failed"] == 3 and hook.pings.empty()


def test_an_attempt_is_known_though_more_has_changed(start):
    """What a change is delivered as does not depend on what came behind it between two attempts."""
    with Hook() as hook:
        pair = start(**{"push": {**LOCAL, "backoff_min": "300ms", "backoff_max": "300ms"},
                        "hook web": {"url": hook.url, **EVENTS}})
        settle(pair)
        hook.statuses = [500] * 1000
        first = pair.google.insert(summary="one")["id"]
        pings = [hook.next()]
        second = pair.google.insert(summary="two")["id"]
        wait_for("the other", lambda: pair.mirror.get(f"/calendar/v3/calendars/primary/events/{second}").status == 200)
        hook.statuses = []
        while json.loads(pings[-1]["_body"])["eventId"] == first:
            pings.append(hook.next())
        assert len({p["calmirror-delivery"] for p in pings[:-1]}) == 1 != len(pings) - 1
        assert pings[-1]["calmirror-delivery"] != pings[0]["calmirror-delivery"]


def test_a_slow_program_runs_alone_and_is_ended(start, told):
    """One at a time; one that takes too long is ended and tried again."""
    script = (f"exec 9> {told}.lock; flock -n 9 || echo overlap >> {told}.overlap; cat > {told}.body; "
              f"if [ ! -e {told}.hung ]; then touch {told}.hung; sleep 60 9>&-; fi; cat {told}.body >> {told}")
    pair = start(**{"push": LOCAL, "hook slow": {"shell": script, "timeout": "3s", **EVENTS}})
    settle(pair)
    made = [pair.google.insert(summary=f"edit {i}")["id"] for i in range(5)]
    wait_for("all of them", lambda: len(lines_of(told)) >= 5)
    assert [c["eventId"] for c in lines_of(told)] == made
    assert not os.path.exists(told + ".overlap")
    assert hooks(pair)["slow"]["attempts_failed"] >= 1


def test_a_program_that_fails_is_run_again(start, told):
    """Its exit status counts, also where whoever started the service had SIGCHLD ignored."""
    script = f"cat > {told}.body; [ -e {told}.failed ] || {{ touch {told}.failed; exit 3; }}; cat {told}.body >> {told}"
    pair = start(**{"push": LOCAL, "hook file": {"shell": script, **EVENTS}})
    settle(pair)
    pair.mirror.stop()
    pair.mirror.wrapper = ["env", "--ignore-signal=CHLD"]
    pair.mirror.start()
    event = pair.google.insert(summary="one")["id"]
    wait_for("the change", lambda: [c["eventId"] for c in lines_of(told)] == [event])
    wait_for("the counters", lambda: hooks(pair)["file"]["delivered"] == 1)
    assert hooks(pair)["file"]["attempts_failed"] == 1


def test_dead_letters(start, told):
    """What is not taken for so long is put aside, seen in the status, delivered again or dropped on demand."""
    with Hook() as hook:
        hook.status = 503
        pair = start(**{"push": LOCAL, "hook web": {"url": hook.url, "give_up": "1s", **EVENTS},
                        "hook file": {"shell": f"cat >> {told}", **EVENTS}})
        settle(pair)
        ids = [pair.google.insert(summary=f"edit {i}")["id"] for i in range(3)]
        wait_for("three letters", lambda: hooks(pair)["web"]["dead"] == 3)
        assert pair.mirror.log_text().count("given up") == 1  # one that is gone for good does not fill the log
        assert [c["eventId"] for c in lines_of(told)] == ids  # another hook is not held up
        letters = pair.mirror.status()["push"]["hooks"]
        letters = next(h for h in letters if h["name"] == "web")["dead_letters"]
        assert [d["change"]["eventId"] for d in letters] == ids and letters[0]["error"] == "HTTP 503"
        assert letters[0]["account"] == "test" and letters[0]["calendar"] == USER and letters[0]["attempts"] > 1
        assert "hook web:" in calmirror(pair, "status")
        table = calmirror(pair, "hooks")
        assert "HTTP 503" in table and ids[2] in table
        pair.mirror.stop()
        pair.mirror.start()
        assert hooks(pair)["web"]["dead"] == 3
        while not hook.pings.empty():
            hook.next()
        assert order(pair, "web", "drop", number=letters[1]["number"]) == {"letters": 1}
        hook.status, hook.statuses = 200, [503]
        assert order(pair, "web", "retry") == {"letters": 2}
        # The first one fails again and stays; it does not keep the other one from the hook.
        assert [json.loads(hook.next()["_body"])["eventId"] for _ in range(2)] == [ids[0], ids[2]]
        wait_for("one of them", lambda: hooks(pair)["web"]["dead"] == 1)
        assert hooks(pair)["web"]["dead_letters"][0]["attempts"] == letters[0]["attempts"] + 1
        order(pair, "web", "retry")
        assert json.loads(hook.next()["_body"])["eventId"] == ids[0]
        wait_for("none", lambda: hooks(pair)["web"]["dead"] == 0)
        assert calmirror(pair, "hooks", "retry", "web") == "0 are delivered again\n"
        order(pair, "nobody", "retry", expect=404)
        order(pair, "web", "retry", number=99, expect=404)
        order(pair, "web", "forget", expect=400)
        pair.google.insert(summary="later")
        assert json.loads(hook.next()["_body"])["type"] == "created"


def test_a_receiver_that_was_down_and_a_restart(start):
    """Each event is told, as it is then."""
    with free_port() as port:
        with Hook(port=port) as down:
            down.keep_alive = False
            pair = start(**{"push": LOCAL, "hook web": {"url": down.url, **EVENTS}})
            settle(pair)
        ids = {pair.google.insert(summary=f"missed {i}")["id"] for i in range(4)}
        wait_for("the failure", lambda: hooks(pair)["web"]["failing"])
        pair.mirror.kill()
        ids.add(pair.google.insert(summary="while both were down")["id"])
        with Hook(port=port) as hook:
            pair.mirror.start()
            seen = []
            while not ids <= set(seen):
                seen.append(json.loads(hook.next()["_body"])["eventId"])
            assert len(seen) == len(ids)


def test_a_calendar_that_left_fails_no_more(start):
    """What was not taken of it will never be: nothing goes on saying so."""
    with free_port() as nobody:
        pair = start(**{"push": LOCAL, "hook web": {"url": f"http://127.0.0.1:{nobody}/", **EVENTS}})
        settle(pair)
        made = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
        wait_for("its first listing", lambda: pair.mirror.get(f"/calendar/v3/calendars/{made}/events").status == 200)
        pair.google.insert(made, summary="missed")
        pair.google.insert(summary="missed")
        wait_for("the failures", lambda: len(hooks(pair)["web"]["failing"]) == 2)
        pair.google.call("DELETE", f"/calendars/{made}")
        kept = pair.collection(USER)["number"]
        wait_for("one of them", lambda: [f["collection"] for f in hooks(pair)["web"]["failing"]] == [kept])


def test_a_new_calendar_is_a_reset(start, told):
    """Of a calendar that comes, at first all of them, it is told that it is there, and to list it; then each change."""
    pair = start(generate=3, **{"push": LOCAL, "hook file": {"shell": f"cat >> {told}"}})
    settle(pair)
    wait_for("the first listings", lambda: {c["type"] for c in lines_of(told) if c["calendarId"] == USER} == {
        "calendar", "reset"})
    made = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]
    wait_for("the calendar", lambda: [c["change"] for c in lines_of(told) if c["type"] == "calendar" and c["calendarId"] == made] == ["added"])
    wait_for("its first listing", lambda: pair.mirror.get(f"/calendar/v3/calendars/{made}/events").status == 200)
    event = pair.google.insert(made, summary="in it")["id"]
    wait_for("the event", lambda: [c["eventId"] for c in events(lines_of(told))] == [event])


def test_a_hook_that_is_added_and_taken_away(start, told):
    pair = start(push=LOCAL)
    settle(pair)
    pair.google.insert(summary="before it")
    pair.wait_equal(USER)

    def reload():
        pair.mirror.write_config()
        pair.mirror.told = []
        pair.mirror.process.send_signal(1)
        wait_for("the reload", pair.mirror._ready)
    pair.mirror.sections["hook file"] = {"shell": f"cat >> {told}", **EVENTS}
    reload()
    wait_for("it to be there", lambda: "file" in hooks(pair))
    event = pair.google.insert(summary="after it")["id"]
    wait_for("the change", lambda: [c["eventId"] for c in events(lines_of(told))] == [event])
    pair.mirror.stop()
    section = pair.mirror.sections.pop("hook file")
    pair.mirror.write_config()
    pair.mirror.start()
    assert not hooks(pair)
    pair.google.insert(summary="while it was away")
    pair.wait_equal(USER)
    pair.mirror.sections["hook file"] = section
    reload()
    wait_for("it to be back", lambda: hooks(pair))
    last = pair.google.insert(summary="last")["id"]
    wait_for("the change", lambda: len(events(lines_of(told))) > 1)
    assert [c["eventId"] for c in events(lines_of(told))] == [event, last]
    del pair.mirror.sections["hook file"]
    reload()
    wait_for("it to be gone", lambda: not hooks(pair))


def test_a_hook_that_is_taken_away_while_it_runs(start, told, tmp_path):
    """Its program ends in peace; when it comes back it is told of nothing that happened meanwhile."""
    busy, over = tmp_path / "busy", tmp_path / "over"
    section = {"shell": f"cat >> {told}; while [ -e {busy} ]; do sleep 0.02; done; touch {over}", **EVENTS}
    pair = start(**{"push": LOCAL, "hook file": section})
    settle(pair)

    def reload():
        pair.mirror.write_config()
        pair.mirror.told = []
        pair.mirror.process.send_signal(1)
        wait_for("the reload", pair.mirror._ready)
    busy.touch()
    first = pair.google.insert(summary="first")["id"]
    wait_for("the program", lambda: events(lines_of(told)))
    del pair.mirror.sections["hook file"]
    reload()
    wait_for("it to be gone", lambda: not hooks(pair))
    busy.unlink()
    wait_for("its end", over.exists)
    pair.google.insert(summary="while it was away")
    pair.wait_equal(USER)
    pair.mirror.sections["hook file"] = section
    reload()
    wait_for("it to be there", lambda: hooks(pair))
    last = pair.google.insert(summary="last")["id"]
    wait_for("the change", lambda: len(events(lines_of(told))) > 1)
    assert [c["eventId"] for c in events(lines_of(told))] == [first, last]


@pytest.mark.parametrize("options, says", [
    ({}, "set one of command, shell and url"),
    ({"command": "/bin/true", "url": "https://example.com/"}, "set one of command, shell and url, not more"),
    ({"command": "true"}, "not the absolute path of a program"),
    ({"command": "/bin/sh -c 'a b'"}, "no quotes or pipes"),
    ({"command": "/bin/echo" + " word" * 64}, "more than 64 words"),
    ({"url": "http://example.com/"}, "loopback"),
    ({"shell": "true", "secret_file": "/x"}, "a secret goes with url only"),
    ({"shell": "true", "types": "freshness"}, "not one of created"),
    ({"shell": "true", "accounts": "nobody"}, "there is no [account nobody]"),
    ({"shell": "true", "give_up": "10ms"}, "out of range"),
])
def test_mistakes_in_the_config(tmp_path, options, says):
    mirror = Mirror(tmp_path, "http://127.0.0.1:1", {"test": token_account(tmp_path)}, **{"hook x": options})
    try:
        done = subprocess.run([mirror.binary, "-c", mirror.config_path, "--check-config"], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 78 and says in done.stderr, done.stderr
    finally:
        mirror.close()
