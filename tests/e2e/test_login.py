"""Signing in as a person, from the address on the terminal to calendars that are mirrored, and out again."""
import contextlib
import json
import os
import random
import re
import socket
import subprocess
import tempfile
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

import browser
from emulator import USER
from failures import delivers, idle, rest, settle, wait_title
from mirror import LONG, PATIENCE, wait_for
from people import (ACLS, BINARY, CLIENT_SECRET, READONLY, Terminal, consent, google_section, oauth_account, private_file,
                    sign_in, world)

FAST = {"backoff_min": "10ms", "backoff_max": "200ms"}


@pytest.fixture
def begin(start, tmp_path):
    """begin(**sections) -> a Pair whose account "work" nobody has signed in to yet."""
    def go(accounts=None, options=None, emulated=None, **sections):
        accounts = accounts if accounts is not None else {"work": oauth_account(tmp_path, **(options or {}))}
        google = sections.pop("google", {})
        pair = start(emulated or world(), accounts=accounts, ready=False, sync={**FAST, **sections.pop("sync", {})},
                     prepare=lambda emulator: google.update(google_section(emulator)), google=google, **sections)
        return pair
    return go


def account(pair, name="work"):
    return next(a for a in pair.mirror.status()["accounts"] if a["name"] == name)


def wait_state(pair, state, name="work"):
    return wait_for(f"{name} to be {state}", lambda: account(pair, name)["state"] == state and account(pair, name))


def run(pair, *arguments, **options):
    return subprocess.run([BINARY, *arguments, "-c", pair.mirror.config_path], capture_output=True, text=True,
                          timeout=60 * PATIENCE, **options)


def secrets_of(pair):
    return os.path.join(pair.mirror.state_dir, "secrets")


def test_sign_in_and_out(begin):
    """From "nobody has signed in yet" to calendars, over a restart, to a login that is withdrawn at Google."""
    pair = begin()
    told = wait_state(pair, "needs login")
    assert told["reason"] == "nobody has signed in yet; run `calmirror login --account work`"
    for command in (["calendars"], ["agenda"], ["events", "primary"]):
        done = run(pair, *command)
        assert done.returncode == 75 and f"account work: needs login: {told['reason']}" in done.stderr, command
    assert told["reason"] in run(pair, "status").stdout
    page = pair.mirror.get("/").body.decode()
    assert told["reason"] in page and "No calendar is here yet" in page
    assert "No calendar is mirrored yet" in run(pair, "verify").stderr
    answer = sign_in(pair.mirror, "work")
    assert answer["calendar"] == USER and answer["scope"] == READONLY and not answer["trouble"]
    pair.mirror.wait_ready()
    assert account(pair)["state"] == "ok" and not account(pair)["reason"]
    event = pair.google.insert(summary="mirrored")["id"]
    wait_title(pair, event, "mirrored")

    sealed = os.path.join(secrets_of(pair), "work.login.sealed")
    assert os.stat(sealed).st_mode & 0o777 == 0o600 and os.stat(secrets_of(pair)).st_mode & 0o777 == 0o700
    refresh = re.findall(r"1//\w+", subprocess.run(["grep", "-ra", "1//", pair.mirror.state_dir], text=True, check=False,
                                                   capture_output=True).stdout)
    assert not refresh  # nowhere in the state directory
    pair.mirror.stop()
    pair.mirror.start()
    pair.google.patch(USER, event, summary="after a restart")
    wait_title(pair, event, "after a restart")

    done = run(pair, "logout", "--account", "work", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"account": "work", "revoked": True, "note": ""}
    assert not os.path.exists(sealed)
    wait_state(pair, "needs login")
    wait_title(pair, event, "after a restart")  # what is there is served
    again = run(pair, "logout", "--account", "work")
    assert again.returncode == 67 and "nobody is signed in" in again.stderr
    sign_in(pair.mirror, "work")
    pair.google.patch(USER, event, summary="once more")
    wait_title(pair, event, "once more")


def test_what_a_person_reads(begin):
    pair = begin()
    with Terminal(pair.mirror, "login", "--account", "work", env={"TZ": "UTC"}) as terminal:
        url = terminal.line(lambda line: line.startswith("  http")).strip()
        query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        assert query["scope"] == READONLY and query["code_challenge_method"] == "S256" and len(query["state"]) >= 43
        assert "ssh -L" in terminal.line(lambda line: "ssh" in line)
        back = consent(url)
        assert requests.get(back.split("?")[0] + "/favicon.ico", timeout=LONG * PATIENCE).status_code == 404
        # Somebody else's redirect neither signs in nor ends the wait.
        forged = requests.get(back.split("?")[0], params={"code": "theirs", "state": "x" * 43}, timeout=LONG * PATIENCE)
        assert forged.status_code == 400 and not pair.upstream("POST /token")
        page = requests.get(back, timeout=LONG * PATIENCE)
        assert page.status_code == 200 and f"Account work as {USER} is signed in." in page.text
        assert page.headers["Referrer-Policy"] == "no-referrer" and "code=" not in page.text
        status, output, errors = terminal.end()
        assert (status, errors) == (0, "") and f"Account work as {USER} is signed in." in output


@pytest.mark.skipif(os.getuid() != 0, reason="only root is called by sudo")
@pytest.mark.parametrize("uid, opened", [("65534", True), ("64321", True), ("0", False), ("4294967296", False),
                                         ("4294967295", False), ("-1", False)])
def test_the_browser_of_whoever_called_sudo(begin, uid, opened):
    """It runs as that user, who gets nothing of what root is; never as root."""
    pair = begin()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # where that user can look
        os.chmod(folder, 0o777)
        program, found = os.path.join(folder, "xdg-open"), os.path.join(folder, "found")
        with open(program, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\nid -u >{found}.new\nid -G >>{found}.new\nmv {found}.new {found}\n")
        os.chmod(program, 0o755)
        env = {"PATH": f"{folder}:{os.environ['PATH']}", "BROWSER": "any", "SUDO_UID": uid, "SUDO_GID": "65534"}
        with Terminal(pair.mirror, "login", "-a", "work", env=env, extra_groups=[0, 4242]) as terminal:
            url = terminal.line(lambda line: line.startswith("  http")).strip()
            if opened:
                wait_for("the browser", lambda: os.path.exists(found))
                with open(found, encoding="ascii") as f:
                    assert f.read().split() == [uid, "65534"]
            requests.get(consent(url), timeout=LONG * PATIENCE)
            assert terminal.end()[0] == 0
        assert os.path.exists(found) == opened


def test_pasting_the_address(begin):
    pair = begin()
    with Terminal(pair.mirror, "login", "-a", "work", "--no-browser") as terminal:
        url = terminal.line(lambda line: line.startswith("  http")).strip()
        terminal.line(lambda line: "paste" in line)
        terminal.say("")
        terminal.say("http://127.0.0.1/?code=x&state=y")
        assert terminal.process.stderr.readline().startswith("That is not the address of this sign-in.")
        terminal.say(consent(url))
        assert terminal.end()[0] == 0
    pair.mirror.wait_ready()


def test_nothing_can_be_pasted(begin):
    """The standard input ends: it says what it goes on waiting for, and the port still takes the answer."""
    pair = begin()
    with Terminal(pair.mirror, "login", "-a", "work", "--no-browser") as terminal:
        url = terminal.line(lambda line: line.startswith("  http")).strip()
        terminal.process.stdin.close()
        said = terminal.process.stderr.readline()
        assert said.startswith("Nothing more can be pasted. Waiting for the browser at http://127.0.0.1:")
        assert requests.get(consent(url), timeout=LONG * PATIENCE).status_code == 200
        assert terminal.process.wait(LONG * PATIENCE) == 0


def test_doctor_says_what_is_wrong_once(begin):
    """An account that waits for its login: a failure with the command to run; nobody is told to wait for its calendars."""
    pair = begin()
    wait_state(pair, "needs login")
    done = run(pair, "doctor", "--json")
    checks = json.loads(done.stdout)["checks"]
    assert done.returncode == 2
    assert any(c["level"] == "fail" and "calmirror login" in (c["advice"] or "") for c in checks), checks
    assert not [c for c in checks if c["check"] in ("calendar", "channel") and c["level"] == "warn"]


def outside_of_what_is_given():
    """A socket that listens, and its port: one that the kernel gives to nobody who asks for any."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        first, last = map(int, f.read().split())
    for port in random.sample([p for p in range(1024, 65536) if not first <= p <= last] or range(first, last), 100):
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port)), port
    raise AssertionError("all of a hundred ports are taken")


def test_a_port_of_ones_own(begin):
    pair = begin()
    taken, port = outside_of_what_is_given()
    with taken:
        done = run(pair, "login", "-a", "work", "--port", str(port))
        assert done.returncode == 69 and "in use" in done.stderr
    with Terminal(pair.mirror, "login", "-a", "work", "--port", str(port), "--json") as terminal:
        told = terminal.json()
        assert told["redirect_uri"] == f"http://127.0.0.1:{port}"
        assert requests.get(consent(told["url"]), timeout=LONG * PATIENCE).status_code == 200
        assert terminal.end()[0] == 0


def test_the_person_says_no(begin):
    pair = begin()
    with Terminal(pair.mirror, "login", "-a", "work", "--json") as terminal:
        back = consent(terminal.json()["url"], decision="deny")
        page = requests.get(back, timeout=LONG * PATIENCE)
        assert page.status_code == 403 and "access was not granted" in page.text
        status, _, errors = terminal.end()
        assert status == 65 and "access was not granted" in errors
    assert account(pair)["state"] == "needs login" and not os.path.exists(secrets_of(pair) + "/work.login.sealed")


def test_a_box_that_stays_empty(begin):
    """Access rules are asked for only when told so; what was asked for and not granted is no login."""
    pair = begin(options={"acl": "yes"})
    pair.emulator.control("POST", "auth", {"withhold": ACLS})
    with Terminal(pair.mirror, "login", "-a", "work", "--json") as terminal:
        assert requests.get(consent(terminal.json()["url"]), timeout=LONG * PATIENCE).status_code == 403
        status, _, errors = terminal.end()
        assert status == 65 and "tick every box" in errors
    pair.emulator.control("POST", "auth", {"withhold": ""})
    assert sign_in(pair.mirror, "work")["scope"] == f"{READONLY} {ACLS}"
    pair.mirror.wait_ready()
    wait_for("access rules", lambda: any(c["kind"] == "acl" and c["state"] == "ready"
                                         for c in pair.mirror.status()["collections"]))


def test_the_api_is_disabled(begin):
    """Told to the person who is there to read it, and in the status; the login is good once it is enabled."""
    pair = begin()
    pair.emulator.fault("GET */calendar/v3/*", status=403, reason="accessNotConfigured", domain="usageLimits", count=-1)
    assert "not enabled" in sign_in(pair.mirror, "work")["trouble"]
    told = wait_state(pair, "API disabled")
    assert "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com" in told["reason"]


@pytest.mark.parametrize("arguments, says, status", [
    (["login"], "which account?", 64), (["login", "-a", "nobody"], "there is no [account nobody]", 67),
    (["login", "-a", "robot"], "another credential", 65), (["login", "-a", "work", "--port", "0"], "is no port", 64),
    (["logout", "-a", "robot"], "another credential", 65), (["key", "lock"], "rotate", 64)])
def test_what_cannot_be_asked_for(begin, tmp_path, arguments, says, status):
    pair = begin(accounts={"work": oauth_account(tmp_path), "robot": {
        "token_file": private_file(tmp_path / "token", "test-token")}})
    done = run(pair, *arguments)
    assert done.returncode == status and says in done.stderr


def test_the_service_does_not_run(begin):
    pair = begin()
    pair.mirror.stop()
    done = run(pair, "login", "-a", "work")
    assert done.returncode == 69 and "is the service running?" in done.stderr


def test_google_cannot_be_asked_to_withdraw(begin):
    pair = begin()
    sign_in(pair.mirror, "work")
    pair.mirror.wait_ready()
    pair.emulator.fault("POST /revoke", status=503, count=-1)
    done = run(pair, "logout", "-a", "work")
    assert done.returncode == 75 and "--force" in done.stderr and account(pair)["state"] != "needs login"
    forced = run(pair, "logout", "-a", "work", "--force", "--json")
    assert forced.returncode == 0 and json.loads(forced.stdout)["revoked"] is False
    assert "myaccount.google.com" in json.loads(forced.stdout)["note"]
    wait_state(pair, "needs login")


def test_a_new_key(begin):
    pair = begin()
    sign_in(pair.mirror, "work")
    pair.mirror.wait_ready()
    with open(secrets_of(pair) + "/key", "rb") as f:
        before = f.read()
    done = run(pair, "key", "rotate")
    assert done.returncode == 0 and "sealed with it: 1" in done.stdout
    with open(secrets_of(pair) + "/key", "rb") as f:
        assert f.read() != before
    assert not os.path.exists(secrets_of(pair) + "/key.old")
    pair.mirror.stop()
    pair.mirror.start()
    event = pair.google.insert(summary="with the new key")["id"]
    wait_title(pair, event, "with the new key")


def test_a_key_that_others_can_read(begin):
    """Refused with the command that mends it; mended, it is used without a restart."""
    pair = begin()
    sign_in(pair.mirror, "work")
    pair.mirror.wait_ready()
    pair.mirror.stop()
    key = secrets_of(pair) + "/key"
    os.chmod(key, 0o644)
    pair.mirror.start()
    told = wait_state(pair, "needs login")
    assert f"run chmod 600 {key}" in told["reason"] and f"run chmod 600 {key}" in pair.mirror.log_text()
    os.chmod(key, 0o600)
    pair.mirror.request("POST", "/v1/resync", b"{}")
    pair.mirror.process.send_signal(1)
    wait_state(pair, "ok")


def test_a_key_of_the_service_manager(begin, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    private_file(credentials / "token-key", "ab" * 32 + "\n")
    pair = begin(env={"CREDENTIALS_DIRECTORY": str(credentials)})
    sign_in(pair.mirror, "work")
    assert os.listdir(secrets_of(pair)) == ["work.login.sealed"]
    done = run(pair, "key", "rotate")
    assert done.returncode == 65 and "token-key-old" in done.stderr
    os.rename(credentials / "token-key", credentials / "token-key-old")
    private_file(credentials / "token-key", "cd" * 32)
    pair.mirror.stop()
    pair.mirror.start()
    os.unlink(credentials / "token-key-old")
    wait_state(pair, "ok")
    assert "1 stored logins sealed anew" in pair.mirror.log_text()


def test_a_login_that_another_program_stored(start, tmp_path):
    """authorized_user, as gcloud writes it, with the project whose quota is used."""
    emulated = world()
    emulated["users"][0]["refresh_tokens"] = ["1//of-gcloud"]
    key = private_file(tmp_path / "adc.json", {
        "account": "", "client_id": "32555940559.apps.googleusercontent.com", "client_secret": CLIENT_SECRET,
        "quota_project_id": "project", "refresh_token": "1//of-gcloud", "type": "authorized_user"})
    emulated["clients"].append({"client_id": "32555940559.apps.googleusercontent.com", "client_secret": CLIENT_SECRET})
    pair = start(emulated, accounts={"work": {"key_file": key}}, sync=FAST)
    settle(pair)
    event = pair.google.insert(summary="by gcloud's login")["id"]
    wait_title(pair, event, "by gcloud's login")
    pair.emulator.set_auth(revoke="grants", user=USER)
    pair.emulator.ping(calendar=USER)
    told = wait_state(pair, "needs login")
    assert told["reason"].endswith(f"make {key} anew with the program that wrote it")


@pytest.mark.skipif(not browser.BINARY, reason="no Chromium here: signing in was tried with plain requests alone")
def test_with_a_real_browser(begin):
    """The consent page in headless Chromium: first refused by the person, then granted, and the last page says so."""
    pair = begin()
    pair.emulator.control("POST", "auth", {"ask": True})
    with browser.Browser() as chromium:
        for link, title in (("deny", "Not signed in"), ("allow", "Signed in")):
            with Terminal(pair.mirror, "login", "-a", "work", "--json") as terminal:
                chromium.go(terminal.json()["url"])
                chromium.wait(f"document.getElementById('{link}')?.href")
                chromium.script(f"document.getElementById('{link}').click()")
                assert chromium.wait("document.querySelector('h1')?.textContent") == title
                told = chromium.script("document.body.innerText")
                assert terminal.end()[0] == (0 if link == "allow" else 65)
        assert f"Account work as {USER} is signed in." in told
    pair.mirror.wait_ready()
    event = pair.google.insert(summary="seen after the browser")["id"]
    wait_title(pair, event, "seen after the browser")


@pytest.mark.parametrize("end", ["logout", "revoked"])
def test_two_people_and_one_calendar(begin, tmp_path, end):
    """The login of one of two who share a calendar ends, here or at Google: the other's is as quick as ever, theirs is
    served, marked stale."""
    ann, bob = "ann@example.com", "bob@example.com"
    shared = "team@group.calendar.google.com"
    emulated = world(ann, bob)
    emulated["calendars"].append({"id": shared, "owner": ann, "summary": "Team",
                                  "acl": [{"scope": {"type": "user", "value": bob}, "role": "reader"}]})
    for user in emulated["users"]:
        user["calendarList"].append(shared)
    client = oauth_account(tmp_path)
    pair = begin(accounts={"ann": client, "bob": client}, emulated=emulated, sync={"poll_interval_unhealthy": "1s"})
    for name, user in (("ann", ann), ("bob", bob)):
        assert sign_in(pair.mirror, name, login_hint=user)["calendar"] == user
    pair.mirror.wait_ready()
    google = pair.emulator.client(ann)

    def views():
        """What each account has of the shared calendar, by its own collection."""
        return {c["account"]: c for c in pair.mirror.status()["collections"]
                if c["kind"] == "events" and c["calendar"] == shared}

    event = google.insert(shared, summary="for both of them")["id"]
    wait_for("both to have it", lambda: len(views()) == 2 and all(c["live_items"] == 1 for c in views().values()))
    wait_for("their channels", lambda: all(
        delivers(c) for c in pair.mirror.status()["collections"] if c["state"] == "ready"))
    rest(pair)
    if end == "logout":
        assert run(pair, "logout", "-a", "bob").returncode == 0
    else:
        assert pair.emulator.set_auth(revoke="grants", user=bob) > 0
        pair.emulator.ping(calendar=bob)
    wait_state(pair, "needs login", "bob")
    idle(pair)
    before = views()
    refused = sum(r["status"] == 401 for r in pair.upstream())
    google.patch(shared, event, summary="for one of them")
    google.insert(shared, summary="another for one of them")
    wait_for("the other to have it", lambda: views()["ann"]["live_items"] == 2)
    assert account(pair, "ann")["state"] == "ok" and views()["ann"]["fails"] == 0
    now = views()
    assert now["bob"]["live_items"] == 1 and now["bob"]["version"] == before["bob"]["version"]
    assert now["bob"]["fresh_ms"] == before["bob"]["fresh_ms"] and now["ann"]["fresh_ms"] > before["ann"]["fresh_ms"]
    assert sum(r["status"] == 401 for r in pair.upstream()) == refused, "the one who left does not go on asking"
    assert end == "revoked" or refused == 0
    for user, name in ((ann, "ann"), (bob, "bob")):
        assert name in {c["account"] for c in pair.mirror.status()["collections"] if c["calendar"] == user}
    assert sign_in(pair.mirror, "bob", login_hint=bob)["calendar"] == bob
    wait_for("bob to catch up", lambda: views()["bob"]["live_items"] == 2 and account(pair, "bob")["state"] == "ok")
