"""calmirror doctor: what it finds in a sound service, in sick ones, and without one; and that it tells no secret."""
import http.server
import json
import os
import re
import subprocess
import threading

import pytest

from authority import Authority
from emulator import TOKEN, USER, Hook, free_port
from failures import Clock, settle, wait_whole
from mirror import BUILD, PATIENCE, leave, wait_for
from pair import token_account
from push import LOCAL, watch

PROGRAM = os.path.join(BUILD, "calmirror")


def examine(config, *arguments, status, env=None):
    """{check: [(level, text, advice), ...]} of a run that ends with `status`."""
    done = subprocess.run([PROGRAM, "doctor", "-j", "-c", str(config), *arguments], capture_output=True, text=True,
                          timeout=60 * PATIENCE, check=False, env=dict(os.environ, **(env or {})))
    assert TOKEN not in done.stdout + done.stderr
    found = json.loads(done.stdout)
    # Where /tmp is in memory, as Debian 13 has it, that is warned of, and no matter of these tests.
    sound = [c for c in found["checks"] if not c["text"].endswith(" is on tmpfs")]
    status = max(status, len(sound) < len(found["checks"]))
    assert done.returncode == status, done.stdout + done.stderr
    assert found["worst"] == ("ok", "warn", "fail")[status]
    checks = {}
    for c in sound:
        checks.setdefault(c["check"], []).append((c["level"], c["text"], c["advice"]))
        assert c["level"] in ("ok", "skip") or c["advice"] or c["check"] in ("odd", "calendar", "account", "service")
    return checks


def levels(checks, name):
    return [level for level, _, _ in checks[name]]


def test_a_sound_service(start):
    """Everything is looked at, nothing is wrong, in both forms; nothing was changed or counted as forged."""
    pair = start()
    wait_whole(pair)
    checks = examine(pair.mirror.config_path, status=0)
    assert {"config", "credential", "dns", "google", "clock", "service", "account", "disk", "store", "calendar", "channel",
            "odd", "health", "webhook"} == set(checks)
    assert set(sum((levels(checks, name) for name in checks), [])) <= {"ok", "skip"}
    assert "leads to this service" in checks["webhook"][0][1]
    assert pair.mirror.status()["totals"]["pings_refused"] == 0
    text = subprocess.run([PROGRAM, "doctor", "-c", pair.mirror.config_path], capture_output=True, text=True, check=False,
                          timeout=60 * PATIENCE)
    assert text.returncode == (" is on tmpfs" in text.stdout)
    assert text.stdout.startswith("ok    config") and "\033" not in text.stdout


def test_before_the_first_listing(start):
    """What was never compared with Google has no age."""
    pair = start(ready=False, prepare=lambda emulator: emulator.fault("GET */events", hold=True, count=-1))
    pair.emulator.wait_held()
    checks = examine(pair.mirror.config_path, status=1)
    assert ("skip", "0 of 1 listed", None) in checks["calendar"]
    assert any("not listed yet" in text for _, text, _ in checks["calendar"])


def test_odd_events_and_refused_credentials(start):
    """An odd event is named by calendar and id; a revoked token fails with what to do."""
    pair = start(sync={"poll_interval": "1s", "poll_interval_unhealthy": "1s"})
    pair.emulator.put_raw_event(USER, {"id": "strange1", "start": {"dateTime": "never"}, "end": {}})
    wait_for("the odd event", lambda: pair.mirror.get("/v1/odd").json["count"])
    checks = examine(pair.mirror.config_path, status=1)
    assert any(USER in text for _, text, _ in checks["odd"])
    assert any("strange1" in text and "start" in text for _, text, _ in checks["odd"])
    pair.emulator.set_auth(revoke="tokens")
    wait_for("the refusal", lambda: pair.mirror.status()["accounts"][0]["state"] != "ok")
    checks = examine(pair.mirror.config_path, status=2)
    assert levels(checks, "account") == ["fail"] and checks["account"][0][2]


@pytest.mark.parametrize("world, chosen, says", [
    (None, {"calendars": f"{USER}, tpyo@example.com, primary"}, "no calendar in its list matches 'tpyo@example.com'"),
    (None, {"exclude": "*"}, "none of the 1 calendars in its list is chosen by the configuration"),
    ({"users": [{"email": USER, "tokens": [TOKEN], "calendarList": []}]}, {}, "its calendar list at Google is empty")])
def test_calendars_that_are_not_mirrored(start, tmp_path, world, chosen, says):
    """An id that was mistyped, or a service account whose list is empty, is no mystery."""
    pair = start(world=world, accounts={"test": token_account(tmp_path, **chosen)}, webhook=False, ready=False)
    wait_for("the lists", lambda: all(c["state"] == "ready" for c in pair.mirror.status()["collections"]
                                      if c["kind"] in ("calendarList", "events")))
    found = examine(pair.mirror.config_path, status=1)["calendar"]
    assert [text for level, text, _ in found if level == "warn"] == [f"test: {says}"]


ROBOTS = {
    "User-agent: APIs-Google\nDisallow: /hooks\n\nUser-agent: *\nDisallow:\n": True,
    "User-agent: *\nDisallow: /\n": True,
    "user-agent: other\nuser-agent: apis-google # us\ndisallow: /hooks/google\n": True,
    "User-agent: APIs-Google\nDisallow: /elsewhere\n\nUser-agent: *\nDisallow: /\n": False,
    "User-agent: other\nDisallow: /\n": False,
    "Disallow: /\n": False,
    "": False,
}


def test_hooks(start, tmp_path):
    """One that takes what it is told, and one that does not."""
    only = {"types": "created, updated, deleted"}
    pair = start(**{"hook good": {"shell": f"cat >> {tmp_path}/told", **only},
                    "hook bad": {"shell": "exit 1", "give_up": "1s", **only}})
    pair.wait_live(USER)
    pair.google.insert(USER, summary="told")

    def dead():
        return sum(h["dead"] for h in pair.mirror.get("/v1/hooks").json["hooks"])
    wait_for("a change to be given up", dead)
    checks = examine(pair.mirror.config_path, status=1)
    told = {text.split(":")[0]: level for level, text, _ in checks["hook"]}
    assert told == {"good": "ok", "bad": "warn"}


def test_a_scope_that_was_not_granted(start):
    """Access rules want a scope of their own: that they are not mirrored is told, and is no trouble."""
    scope = "https://www.googleapis.com/auth/calendar.readonly"
    world = {"users": [{"email": USER, "tokens": [{"token": TOKEN, "scope": scope}], "calendarList": [USER]}],
             "calendars": [{"id": USER}]}
    pair = start(world=world)
    wait_for("the refusal", lambda: any("scope" in c["last_error"] for c in pair.mirror.status()["collections"]))
    wait_whole(pair)
    checks = examine(pair.mirror.config_path, status=0)
    assert levels(checks, "account") == ["ok", "skip"]
    assert "access rules are not mirrored" in checks["account"][1][1]


def test_a_public_address_that_leads_elsewhere(start):
    """Someone else answers 200 there: only the probe tells. A robots.txt that shuts Google out, and nobody there, too."""

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        robots = ""

        def answer(self, body=b""):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.answer()

        def do_GET(self):
            self.answer(self.robots.encode())

        def log_message(self, *args):
            pass

    pair = start(ready=False)
    server = http.server.HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = pair.mirror.config_path + ".elsewhere"
    with open(pair.mirror.config_path, encoding="utf-8") as f:
        text = f.read()
    with open(config, "w", encoding="utf-8") as f:
        f.write(text.replace(pair.mirror.hook_url, f"http://127.0.0.1:{server.server_port}/hooks/google"))
    for Elsewhere.robots, shut in ROBOTS.items():
        checks = examine(config, status=2)
        assert checks["webhook"][0][0] == "fail" and "something else answers" in checks["webhook"][0][1]
        assert any(level == "warn" and "robots.txt" in text for level, text, _ in checks["webhook"]) == shut, Elsewhere.robots
    server.shutdown()
    with leave(server.socket):
        checks = examine(config, status=2)
    assert "cannot be reached" in checks["webhook"][0][1]


def test_a_service_that_does_not_let_us_in(start):
    """With a token of nobody's: that it runs is seen, the rest is looked at from outside."""
    pair = start(ready=False, **{"client other": {"token_sha256": "0" * 64, "accounts": "test"}})
    checks = examine(pair.mirror.config_path, status=0, env={"CALMIRROR_TOKEN": "cm_nobody"})
    assert levels(checks, "service") == ["skip"] and "does not let this user in" in checks["service"][0][1]
    assert "account" not in checks and "ok" in levels(checks, "disk") and "calendar" not in checks

    def settled():  # asked by the operator's token, which is in the state directory
        told = subprocess.run([PROGRAM, "status", "-j", "-c", pair.mirror.config_path], capture_output=True, check=True)
        status = json.loads(told.stdout)
        mine = [c for c in status["collections"] if c["kind"] in ("events", "calendarList")]
        return (len(mine) > 1 and all((c["channel"] or {}).get("state") == "live" for c in mine)
                and status["health"]["state"] == "ok")

    wait_for("every channel to deliver", settled)
    checks = examine(pair.mirror.config_path, status=0)
    assert levels(checks, "service") == ["ok"] and "leads to this service" in checks["webhook"][0][1]


def test_certificates(start, tmp_path):
    """The public address's own, as Google would see it, and the one in the file: sound, near its end, not trusted."""
    authority = Authority(tmp_path / "authority")
    cert, key = authority.issue("here", days=2)
    pair = start(prepare=lambda emulator: emulator.set_pings(tls_ca=authority.file),
                 webhook={"tls_cert": cert, "tls_key": key})
    checks = examine(pair.mirror.config_path, status=1, env={"SSL_CERT_FILE": authority.file})
    assert "leads to this service" in checks["webhook"][0][1]
    assert levels(checks, "webhook")[1] == "warn" and "ends in 1 days" in checks["webhook"][1][1]
    assert levels(checks, "tls") == ["ok"]  # two thirds of a short life are left
    checks = examine(pair.mirror.config_path, status=2)
    assert "certificate" in checks["webhook"][0][1] and levels(checks, "webhook")[0] == "fail"


def test_a_clock_that_is_wrong(start, tmp_path):
    pair, clock = start(), Clock(tmp_path)
    clock.turn(600_000)
    checks = examine(pair.mirror.config_path, status=2, env=clock.env)
    said = re.match(r"(\d+) seconds ahead of Google's", checks["clock"][0][1])
    assert levels(checks, "clock") == ["fail"] and 600 <= int(said[1]) < 660  # the way to it and back counts too


def test_without_a_service(start, tmp_path):
    """Files, names, Google, the credentials themselves and the database are looked at all the same."""
    pair = start()
    pair.mirror.stop()
    pair.mirror.api = leave(pair.mirror.api)
    checks = examine(pair.mirror.config_path, status=2)
    assert levels(checks, "service") == ["fail"] and levels(checks, "account") == ["ok"]
    texts = [text for _, text, _ in checks["store"]]
    assert texts[-2:] == ["mirror.mdb: all records read, 0 damaged", "push.mdb: all records read, 0 damaged"]
    assert levels(checks, "webhook") == ["skip"]
    os.chmod(pair.mirror.sections["account test"]["token_file"], 0o644)
    os.chmod(pair.mirror.state_dir, 0o755)
    os.chmod(pair.mirror.config_path, 0o666)
    checks = examine(pair.mirror.config_path, status=2)
    assert levels(checks, "credential") == ["fail"] and "chmod 600" in checks["credential"][0][1]
    assert levels(checks, "config") == ["ok", "fail"] and "fail" in levels(checks, "store")


def test_a_credential_that_is_no_good(start, tmp_path):
    """Told once, with what to do, whether the service runs or not; one that the service finds bad otherwise is told there."""
    key = tmp_path / "key.json"
    key.write_text("no JSON")
    key.chmod(0o600)
    pair = start(accounts={"test": {"key_file": str(key)}, "well": token_account(tmp_path)}, ready=False)

    def account():
        checks = examine(pair.mirror.config_path, status=2)
        told = [text for name in checks for _, text, advice in checks[name] if "not JSON" in text + (advice or "")]
        assert told == [f"account test: {key}: not JSON: is this the file that Google gave out?"]
        return checks["account"][0]
    wait_for("the account to be parked", lambda: pair.mirror.status()["accounts"][0]["state"] == "needs login")
    assert account() == ("skip", "test: cannot be used with that credential", None)
    pair.mirror.stop()
    pair.mirror.api = leave(pair.mirror.api)
    assert account() == ("skip", "test: cannot be used with that credential", None)


def test_damage_of_what_clients_left(start):
    """A bad record, and a file that is broken in its structure: of push.mdb as of the mirror."""
    pair = start(push=LOCAL)
    settle(pair)
    with Hook() as hook:
        watch(pair, hook.url)
        hook.next()
        url = hook.url.encode()
    pair.mirror.stop()
    pair.mirror.api = leave(pair.mirror.api)
    for old, new, level, says in [(url, url.replace(b"http", b"ftp:"), "warn", "push.mdb: all records read, 1 damaged"),
                                  (b"push_channel", b"push-channel", "fail", "no table 'push_channel'")]:
        with open(os.path.join(pair.mirror.state_dir, "push.mdb"), "r+b") as f:
            content = f.read().replace(old, new)
            f.seek(0)
            f.write(content)
        found, text, advice = examine(pair.mirror.config_path, status=2)["store"][-1]
        assert found == level and says in text and "channels" in advice


@pytest.mark.parametrize("text, check, says", [
    ("[sync]\npol = 1\n[api]\nlissen = x\n", "config", "unknown key"),
    ("[google]\napi_url = https://nowhere.invalid/calendar/v3\n", "dns", "nowhere.invalid cannot be resolved"),
    ("[google]\napi_url = http://127.0.0.1:1/calendar/v3\ntoken_url = http://127.0.0.1:1/token\n", "google", "cannot be reached"),
])
def test_what_is_wrong_before_the_first_start(tmp_path, text, check, says):
    config = tmp_path / "calmirrord.conf"
    with free_port() as port:
        config.write_text(text + (f"[api]\nlisten = 127.0.0.1:{port}\n" if "[api]" not in text else "")
                          + f"[mirror]\nstate_dir = {tmp_path}/none\n")
        # Where no name server answers that is not waited for long.
        checks = examine(config, status=2, env={"RES_OPTIONS": "timeout:1 attempts:1"})
    assert "fail" in levels(checks, check) and any(says in t for _, t, _ in checks[check])
    assert len([c for c in checks["config"] if c[0] == "fail"]) == (2 if check == "config" else 0)
