"""Clients: made by `calmirror client add`, let in, taken away; the operator's own way in; where the API may listen."""
import json
import os
import signal
import socket
import stat
import subprocess
import time

import pytest

from emulator import Emulator, timed
from failures import HOUR_MS, Clock
from mirror import BUILD, PATIENCE, Mirror, wait_for
from pair import token_account

CLI = os.path.join(BUILD, "calmirror")
DAEMON = os.path.join(BUILD, "calmirrord")
EVENTS = "/calendar/v3/calendars/primary/events"


def run(*args, env=None, **kwargs):
    base = {k: v for k, v in os.environ.items() if k not in ("CALMIRROR_TOKEN", "XDG_CONFIG_HOME", "HOME")}
    return subprocess.run([CLI, *args], capture_output=True, text=True, timeout=60 * PATIENCE, env={**base, **(env or {})}, **kwargs)


def new_client(*args):
    done = run("client", "add", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bearer(token):
    return {"Authorization": "Bearer " + token}


@pytest.fixture
def pair(tmp_path):
    with Emulator() as emulator:
        emulator.api.insert(summary="secret", body=timed())
        with Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}) as mirror:
            mirror.start().wait_ready()
            yield emulator, mirror


def reload(mirror):
    mirror.read_notifications()
    mirror.told.clear()
    mirror.process.send_signal(signal.SIGHUP)

    def ready():
        mirror.read_notifications()
        return "READY=1" in mirror.told
    wait_for("the reload", ready)


def test_from_open_to_locked_and_back(pair):
    """A client is added while the service runs: from the reload on everybody needs a token, the operator has one."""
    _, mirror = pair
    with open(mirror.config_path, encoding="utf-8") as f:
        before = f.read()
    kept = mirror.config_path + ".kept"  # under version control elsewhere, and linked to
    os.rename(mirror.config_path, kept)
    os.symlink(kept, mirror.config_path)
    os.chmod(kept, 0o640)
    with open(kept + ".new", "w", encoding="utf-8") as f:
        f.write("of one that died")
    assert mirror.get(EVENTS).status == 200
    done = run("client", "add", "board", "--append", mirror.config_path, "--account", "me")
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    assert token.startswith("cm_") and len(token) == 46
    with open(mirror.config_path, encoding="utf-8") as f:
        after = f.read()
    assert os.path.islink(mirror.config_path)
    assert after.startswith(before) and token not in after and "[client board]" in after
    assert stat.S_IMODE(os.stat(mirror.config_path).st_mode) == 0o640
    assert mirror.get(EVENTS).status == 200  # not yet
    reload(mirror)
    assert mirror.get(EVENTS).status == 401
    assert mirror.request("GET", EVENTS, headers=bearer(token)).status == 200
    assert mirror.get("/healthz").status == mirror.get("/readyz").status == 200

    again = run("client", "add", "board", "--append", mirror.config_path)
    assert again.returncode == 65 and "already opened" in again.stderr and not again.stdout

    # Who can read the state directory is the operator.
    place = os.path.join(mirror.state_dir, "operator.token")
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o600
    status = run("status", "--json", "-c", mirror.config_path)
    assert status.returncode == 0 and "totals" in json.loads(status.stdout)
    listed = json.loads(run("client", "list", "--json", "-c", mirror.config_path).stdout)["clients"]
    assert [(c["name"], c["accounts"], c["requests"] > 0) for c in listed] == [("board", ["me"], True)]
    assert "board" in run("client", "list", "-c", mirror.config_path).stdout
    assert subprocess.run([DAEMON, "-c", mirror.config_path, "--resync"], capture_output=True, timeout=60 * PATIENCE).returncode == 0

    # Others use a client's token, by their environment or a file that only they can read.
    address = f"127.0.0.1:{mirror.api_port}"
    locked = run("calendars", "--api", address)
    assert locked.returncode == 77 and "CALMIRROR_TOKEN" in locked.stderr
    assert run("calendars", "--api", address, env={"CALMIRROR_TOKEN": token}).returncode == 0
    home = os.path.join(mirror.directory, "home")
    os.makedirs(os.path.join(home, ".config", "calmirror"))
    kept = os.path.join(home, ".config", "calmirror", "token")
    with open(kept, "w", encoding="ascii") as f:
        f.write(token + "\n")
    os.chmod(kept, 0o600)
    assert run("calendars", "--api", address, env={"HOME": home}).returncode == 0
    assert run("resync", "--api", address, env={"HOME": home}).returncode == 77  # it is no admin
    os.chmod(kept, 0o644)
    open_file = run("calendars", "--api", address, env={"HOME": home})
    assert open_file.returncode == 77 and kept in open_file.stderr

    with open(mirror.config_path, "w", encoding="utf-8") as f:
        f.write(before)
    reload(mirror)
    assert mirror.get(EVENTS).status == 200
    assert token not in mirror.log_text()


def test_expiry_and_rotation(pair, tmp_path):
    """A token ends at its time without a reload; two may be valid at once."""
    _, mirror = pair
    clock = Clock(tmp_path)
    mirror.env = clock.env
    mirror.stop()
    mirror.start()
    soon = time.time() + 3600
    made = [new_client("a"), new_client("b")]
    hashes = [m["section"].split("token_sha256 = ")[1].split()[0] for m in made]
    with open(mirror.config_path, "a", encoding="utf-8") as f:
        f.write(f"[client both]\ntoken_sha256 = {hashes[0]}, {hashes[1]}\n"
                f"expires = {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(soon))}\n")
    reload(mirror)
    for m in made:
        assert mirror.request("GET", EVENTS, headers=bearer(m["token"])).status == 200
    for turn, status in ((HOUR_MS * 3 // 4, 200), (HOUR_MS // 4, 401)):
        clock.turn(turn)
        for m in made:
            assert mirror.request("GET", EVENTS, headers=bearer(m["token"])).status == status


def test_grants_of_google_s_libraries(pair, tmp_path):
    """google-auth, pointed here, gets the client's token by a refresh token and by the key of a service account."""
    google = pytest.importorskip("google.oauth2.credentials")
    service_account = pytest.importorskip("google.oauth2.service_account")
    transport = pytest.importorskip("google.auth.transport.requests")
    _, mirror = pair
    made = new_client("app")
    with open(mirror.config_path, "a", encoding="utf-8") as f:
        f.write(made["section"])
    reload(mirror)
    request = transport.Request()
    user = google.Credentials(None, refresh_token=made["token"], client_id="i", client_secret="s", token_uri=mirror.url + "/token")
    user.refresh(request)
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout.decode()
    robot = service_account.Credentials.from_service_account_info(
        {"type": "service_account", "client_email": "robot@example.com", "private_key_id": made["token"], "private_key": key,
         "token_uri": mirror.url + "/token"}, scopes=["https://www.googleapis.com/auth/calendar.readonly"])
    robot.refresh(request)
    for credentials in (user, robot):
        assert credentials.token == made["token"] and credentials.valid
        assert mirror.request("GET", EVENTS, headers=bearer(credentials.token)).status == 200
    wrong = google.Credentials(None, refresh_token="1//google", client_id="i", client_secret="s", token_uri=mirror.url + "/token")
    with pytest.raises(pytest.importorskip("google.auth.exceptions").RefreshError):
        wrong.refresh(request)
    assert made["token"] not in mirror.log_text() and "1//google" not in mirror.log_text()


def config(tmp_path, listen, more=""):
    path = tmp_path / "calmirrord.conf"
    path.write_text(f"[mirror]\nstate_dir = {tmp_path}/state\nmap_size = 64MiB\n[google]\napi_url = http://127.0.0.1:1\n"
                    f"[api]\nlisten = {listen}\n{more}\n[account me]\ntoken_file = {tmp_path}/token\n")
    token_account(tmp_path)
    return str(path)


def begin(path, **kwargs):
    return subprocess.Popen([DAEMON, "-c", path, "--log-format=text"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **kwargs)


def has_ipv6():
    """A kernel may be without, as in many containers."""
    try:
        with socket.create_server(("::", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("listen", ["0.0.0.0:0", pytest.param("[::]:0", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"))])
def test_open_to_others_needs_clients(tmp_path, listen):
    path = config(tmp_path, listen)
    done = subprocess.run([DAEMON, "-c", path], capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode == 78 and "calmirror client add NAME" in done.stdout + done.stderr
    path = config(tmp_path, listen, new_client("lan")["section"])
    process = begin(path)
    try:
        for line in process.stdout:
            assert "not started" not in line, line
            if "serves on" in line:
                break
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=30 * PATIENCE)
    assert process.returncode == 0


def test_a_socket_handed_over_is_looked_at_too(pair, tmp_path):
    """What the manager bound counts, not what the configuration says."""
    emulator, _ = pair
    with Mirror(tmp_path / "second", emulator.url, {"me": token_account(tmp_path)}) as mirror:
        mirror.api.close()
        mirror.api = socket.socket()
        mirror.api.bind(("0.0.0.0", 0))
        mirror.api.listen()
        mirror.start(wait=False)
        assert mirror.wait_end() == 78
        assert "calmirror client add NAME" in mirror.log_text()


@pytest.mark.parametrize("options, mode", [("", 0o660), ("socket_mode = 0600", 0o600),
                                           (f"socket_mode = 0666\nsocket_owner = {os.getuid()}:{os.getgid()}", 0o666)])
def test_a_unix_socket(tmp_path, options, mode):
    place = tmp_path / "api.sock"
    process = begin(config(tmp_path, place, options))
    try:
        for line in process.stdout:
            if "serves on" in line:
                break
        info = os.stat(place)
        assert stat.S_IMODE(info.st_mode) == mode and (info.st_uid, info.st_gid) == (os.getuid(), os.getgid())
        assert run("status", "--api", str(place)).returncode == 0
    finally:
        process.terminate()
        process.communicate(timeout=30 * PATIENCE)


@pytest.mark.parametrize("owner, none", [("nobody-of-that-name", "user nobody-of-that-name"), ("4294967296", "user 4294967296"),
                                         ("0:4294967296", "group 4294967296"), (":4294967295", "group 4294967295")])
def test_an_owner_that_is_nobody(tmp_path, owner, none):
    """Nor is it somebody else, by a number that is cut, or nobody in particular."""
    done = subprocess.run(["timeout", str(20 * PATIENCE), DAEMON, "-c",
                           config(tmp_path, tmp_path / "api.sock", f"socket_owner = {owner}")],
                          capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode == 78 and f"there is no {none}" in done.stdout + done.stderr


@pytest.mark.parametrize("args, says", [(["bad name"], "give it a name"), (["x", "--expires", "soon"], "not a date"),
                                        (["x", "--origin", "*"], "not an origin"), (["x", "--account", "a b"], "not the name of an account")])
def test_what_cannot_be_added(tmp_path, args, says):
    done = run("client", "add", *args, "-c", str(tmp_path / "none"))
    assert done.returncode == 65 and says in done.stderr and not done.stdout
    assert run("client", "remove", "x").returncode == run("client", "add").returncode == 64
