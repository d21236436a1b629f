"""What is wrong outside of the program: configuration, key files, ports, a damaged state directory. Each is named so
that it can be mended, and as little as possible stops."""
import http.client
import json
import os
import random
import signal
import subprocess

import pytest

from emulator import TOKEN, USER, Emulator, ServiceAccount
from mirror import BUILD, LONG, PATIENCE, Mirror, listening_socket, wait_for
from pair import Pair, token_account

DAEMON, CLI = os.path.join(BUILD, "calmirrord"), os.path.join(BUILD, "calmirror")
AS_ROOT = os.geteuid() == 0


def run(*arguments, program=DAEMON):
    """To its end, which must come."""
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=LONG * PATIENCE,
                          stdin=subprocess.DEVNULL)


@pytest.fixture
def conf(tmp_path):
    """Writes a configuration; returns its path."""
    def write(text, name="calmirrord.conf"):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write


# -- the file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, place, says", [
    ("[sync]\npol_interval = 5m\n", "2:1", "[sync] pol_interval: unknown key; did you mean poll_interval?"),
    ("[api]\nlissen = 127.0.0.1:1\n", "2:1", "[api] lissen: unknown key; did you mean listen?"),
    ("[acount x]\n", "1:1", "[acount]: unknown section; did you mean [account]?"),
    ("[elephant]\nx = 1\n", "1:1", "[elephant]: unknown section"),
    ("[api]\nelephant = 1\n", "2:1", "[api] elephant: unknown key"),
    ("[sync]\npoll_interval = 5 minutes\n", "2:17", "[sync] poll_interval: not a duration, such as 30s, 15m, 6h or 7d"),
    ("[sync]\n\n# so\npoll_interval = 5m\npoll_interval = 6m\n", "5:1", "[sync] poll_interval: already set in line 4"),
    ("[api]\nlisten = 0.0.0.0:80\n", "2:1", "[api] listen: 0.0.0.0 is not a loopback address"),
    ("[api]\nlisten = 127.0.0.1\n", "2:10", "[api] listen: "), ("[api]\nlisten = 127.0.0.1:70000\n", "2:10", "[api] listen: "),
    ("[google]\napi_url = http://example.org/\n", "2:11", "[google] api_url: plain http:// is accepted for loopback hosts only"),
    ("[webhook]\npublic_url = http://example.org/x\n", "2:14", "[webhook] public_url: plain http:// "),
    ("[webhook]\ntls_key = k.pem\n", "2:1", "[webhook] tls_key: goes with tls_cert"),
    ("[webhook]\nsite_verification = ../x.html\n", "2:21", "[webhook] site_verification: neither the name of a file"),
    ("[mirror]\nworkers = many\n", "2:11", "[mirror] workers: "), ("[mirror]\nworkers = 0\n", "2:11", "[mirror] workers: "),
    ("[mirror]\nlog_level = loud\n", "2:13", "[mirror] log_level: "), ("[mirror]\nmap_size = 1 elephant\n", "2:12", "[mirror] map_size: "),
    ("[account x]\n", "1:1", "[account x]: "), ("[account x]\ntoken_file = a\nkey_file = b\n", "2:1", "[account x] token_file: key_file is set too"),
    ("[account]\ntoken_file = a\n", "1:1", "[account]: give it a name"),
    ("[account x]\ntoken_file = a\n[account x]\ntoken_file = a\n", "3:1", "[account x]: "),
    ("poll_interval = 5m\n", "1:1", ""), ("[sync\npoll_interval = 5m\n", "1:6", "expected ]"), ("[sync]\nnonsense\n", "2:1", "expected "),
])
def test_every_mistake_has_a_place_and_a_remedy(conf, text, place, says):
    path = conf(text)
    for arguments in ([], ["--check-config"], ["--resync"], ["--print-config"]):
        done = run("-c", path, *arguments)
        assert done.returncode == 78, done
        assert f"{path}:{place}: {says}" in done.stderr, done.stderr
        assert done.stdout == ""


def test_a_mistake_is_told_once(conf):
    """A wrong value is there, if wrong: that it is missing would be said to be another mistake."""
    for text in ("[hook h]\ncommand = true\n", "[hook h]\nurl = http://x.example\nsecret_file = /x\n"):
        done = run("-c", conf(text), "--check-config")
        assert done.returncode == 78 and len(done.stderr.splitlines()) == 1, done.stderr


def test_nothing_to_mirror(conf):
    done = run("-c", conf(""), "--check-config")
    assert done.returncode == 0 and "nothing is mirrored; add an [account NAME]" in done.stdout


def test_all_mistakes_at_once(conf):
    path = conf("[sync]\npol_interval = 1m\nbackoff_max = never\n[api\n[google]\nuser_rate = -1\n")
    places = [line.removeprefix(f"{path}:").split(":")[0] for line in run("-c", path, "--check-config").stderr.splitlines()]
    assert places == ["2", "3", "4", "6"]


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"[sync]\npoll_interval = \xff\xfe\n", b"x" * 100_000, b"[" * 5000 + b"\n" * 5000,
                                     b"[sync]\npoll_interval = 1m\x00\n", b"[account " + b"a" * 3000 + b"]\n", b"=\n" * 3000])
def test_what_is_no_configuration(tmp_path, content):
    path = tmp_path / "conf"
    path.write_bytes(content)
    done = subprocess.run([DAEMON, "-c", path, "--check-config"], capture_output=True, timeout=LONG * PATIENCE)
    assert done.returncode == 78 and str(path).encode() in done.stderr
    assert b"Sanitizer" not in done.stderr and len(done.stderr) < 1_000_000


def test_good_ones(conf):
    for text in ("", "\n\n# nothing\n", "\ufeff[api]\n" * 0, "[api]\r\nlisten = 127.0.0.1:8080\r\n", "[account x]\ntoken_file = /nowhere\n"):
        done = run("-c", conf(text), "--check-config")
        assert done.returncode == 0 and "ok" in done.stdout, (text, done)
    example = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "config.example")
    assert run("-c", example, "--check-config").returncode == 0


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        done = run("-c", path, "--check-config")
        assert done.returncode == 66 and str(path) in done.stderr


def test_a_printed_configuration_reads_as_it_was(conf):
    text = "[sync]\npoll_interval = 90s\n[account a]\ntoken_file = /x/y\nexclude = *@holiday, b\n"
    printed = [run("-c", conf(text), "--print-config")]
    assert printed[0].returncode == 0 and "poll_interval = 90s" in printed[0].stdout and "/x/y" in printed[0].stdout
    for i in range(2):
        printed.append(run("-c", conf(printed[i].stdout, "printed.conf"), "--print-config"))
    values = [[line.split("#")[0].strip() for line in done.stdout.splitlines()] for done in printed]
    assert values[1] == values[2] and len(values[0]) == len(values[1]) and "poll_interval = 90s" in values[2]


# -- accounts ----------------------------------------------------------------------------------------


def accounts(mirror):
    return {a["name"]: a for a in mirror.status()["accounts"]}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o602])
def test_a_key_that_others_could_read_is_not_used(tmp_path, mode):
    with Emulator() as emulator:
        good, bad = token_account(tmp_path, name="good"), token_account(tmp_path, name="bad")
        os.chmod(bad["token_file"], mode)
        with Mirror(tmp_path / "m", emulator.url, {"good": good, "bad": bad}, webhook=False) as mirror:
            mirror.start()
            wait_for("the good account's calendar", lambda: any(
                c["account"] == "good" and c["kind"] == "events" and c["state"] == "ready" for c in mirror.status()["collections"]))
            told = accounts(mirror)
            if AS_ROOT and mode == 0o640:  # root's files may be read by a group: how systemd hands over credentials
                assert told["bad"]["state"] == "ok"
                return
            assert told["bad"]["state"] == "needs login" and told["good"]["state"] == "ok"
            assert f"{bad['token_file']}: others have access to it (mode {mode:04o}): run chmod 600 {bad['token_file']}" in told["bad"]["reason"]
            assert bad["token_file"] in mirror.log_text()
            # Mended, and told so, it goes on without a restart.
            os.chmod(bad["token_file"], 0o600)
            mirror.process.send_signal(signal.SIGHUP)
            wait_for("the account", lambda: accounts(mirror)["bad"]["state"] == "ok")


@pytest.mark.parametrize("content, says", [(None, "No such file"), ("", "empty"), ("not JSON", "not JSON"), ("{}", "neither the key of a service account"),
                                           ({"private_key": "x"}, "private_key"), ({"client_email": None}, "client_email"), ("dir", "not a regular file")])
def test_a_key_file_that_is_none(tmp_path, content, says):
    with Emulator() as emulator:
        path = tmp_path / "key.json"
        if content == "dir":
            path.mkdir()
        elif content is not None:
            key = ServiceAccount().key_file(emulator.token_url) if isinstance(content, dict) else content
            path.write_text(json.dumps({**key, **content}) if isinstance(content, dict) else content)
            path.chmod(0o600)
        with Mirror(tmp_path / "m", emulator.url, {"robot": {"key_file": str(path)}}, webhook=False) as mirror:
            mirror.start()
            told = accounts(mirror)["robot"]
            assert told["state"] == "needs login" and str(path) in told["reason"] and says in told["reason"]
            assert mirror.get("/healthz").status == 200
            done = run("status", "-c", mirror.config_path, program=CLI)
            assert done.returncode == 0 and "needs login" in done.stdout


# -- places ------------------------------------------------------------------------------------------


def test_a_port_that_is_taken(tmp_path):
    taken = listening_socket()
    port = taken.getsockname()[1]
    path = tmp_path / "conf"
    for section in ("api", "webhook"):
        path.write_text(f"[mirror]\nstate_dir = {tmp_path}/{section}\n[{section}]\nlisten = 127.0.0.1:{port}\n"
                        + ("" if section == "api" else f"public_url = http://127.0.0.1:{port}/x\n[api]\nlisten = 127.0.0.1:0\n"))
        done = run("-c", path, "--log-format=text")
        assert done.returncode == 69, done
        assert f"127.0.0.1:{port}: in use by another program" in done.stderr
    taken.close()


def test_a_unix_socket(tmp_path):
    path, place = tmp_path / "conf", tmp_path / "api.sock"
    path.write_text(f"[mirror]\nstate_dir = {tmp_path}/state\n[api]\nlisten = {place}\n")
    place.write_text("something else")
    done = run("-c", path, "--log-format=text")
    assert done.returncode == 78 and str(place) in done.stderr and place.read_text() == "something else"


def test_a_state_directory_that_cannot_be(tmp_path):
    path = tmp_path / "conf"
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "/proc/nothing"):
        path.write_text(f"[mirror]\nstate_dir = {place}\n[api]\nlisten = 127.0.0.1:0\n")
        for arguments in ([], ["--resync"]):
            done = run("-c", path, "--log-format=text", *arguments)
            assert done.returncode in (71, 73), done
            assert str(place) in done.stderr


def test_a_reload_says_each_thing_in_a_line(tmp_path):
    with Emulator() as emulator, Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}, webhook=False) as mirror:
        mirror.start().wait_ready()
        for options, says in (({"elephant": "1", "workers": "0"}, ["[mirror] elephant: unknown key", "[mirror] workers: out of range"]),
                              ({"workers": "5"}, ["takes effect only after a restart: mirror.workers", "reloaded: nothing new"])):
            mirror.sections["mirror"] = {"state_dir": mirror.state_dir, "map_size": "1GiB", **options}
            mirror.write_config()
            mirror.process.send_signal(signal.SIGHUP)
            wait_for("the reload", lambda: says[-1] in mirror.log_text())
            lines = mirror.log_text().splitlines()
            assert all(any(text in line and "\\n" not in line for line in lines) for text in says), lines


def test_any_number_of_reloads(tmp_path):
    """A timer that reloads after each renewal of a certificate, or a program that writes the configuration, does so for
    years."""
    with Emulator() as emulator, Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}, webhook=False) as mirror:
        mirror.start().wait_ready()
        mirror.notify.settimeout(LONG * PATIENCE)
        for i in range(1100):
            mirror.sections["sync"]["poll_interval"] = f"{7 + i}m"
            mirror.write_config()
            mirror.process.send_signal(signal.SIGHUP)
            while "READY=1" not in mirror.notify.recv(4096).decode():
                pass
        assert mirror.log_text().count("reloaded: sync.poll_interval") == 1100


def test_what_is_written_is_for_its_owner_alone(tmp_path):
    with Emulator() as emulator, Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}, webhook=False) as mirror:
        mirror.start().wait_ready()
        for directory, _, files in os.walk(mirror.state_dir):
            assert os.stat(directory).st_mode & 0o077 == 0
            for name in files:
                assert os.stat(os.path.join(directory, name)).st_mode & 0o077 == 0, name


# -- damage ------------------------------------------------------------------------------------------


def truncate_to(n):
    def do(path):
        os.truncate(path, n(os.path.getsize(path)))
    return do


def overwrite(at, data):
    def do(path):
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(data)
    return do


DAMAGES = {"garbage": lambda path: open(path, "wb").write(random.Random(1).randbytes(1 << 20)), "empty": truncate_to(lambda n: 0),
           "a byte": truncate_to(lambda n: 1), "half a page": truncate_to(lambda n: 2048), "a text": lambda p: open(p, "w").write("hello\n" * 999),
           "no meta pages": overwrite(0, b"\0" * 8192), "other magic": overwrite(16, b"\xff" * 64), "the first pages": truncate_to(lambda n: 16 * 4096)}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_set_aside_and_built_anew(tmp_path, name):
    with Emulator(generate=300) as emulator, Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}) as mirror:
        pair = Pair(emulator, mirror)
        mirror.start().wait_ready()
        pair.wait_equal_all()
        mirror.stop()
        path = os.path.join(mirror.state_dir, "mirror.mdb")
        DAMAGES[name](path)
        emulator.clear_requests()
        mirror.start().wait_ready()
        pair.wait_equal_all()
        if name == "empty":  # as good as none: a crash before the first write leaves such a file
            return
        assert "moved aside, everything is fetched anew from Google" in mirror.log_text()
        assert [f for f in os.listdir(mirror.state_dir) if f.startswith("mirror.mdb.damaged-")]
        assert any(not r["sync_token"] for r in pair.upstream("GET */events"))
        # The channels of the life before are not known any more; pings of theirs do no harm.
        pair.google.insert(USER, summary="after it")
        pair.wait_equal(USER)


@pytest.mark.parametrize("seed", [1, 2, 11, 21])
def test_flipped_bits_are_found_and_mended(tmp_path, seed):
    """Whatever is hit, records or the structure of the file: in the end the mirror is equal to Google again, without
    anybody's help but a service manager's."""
    rng = random.Random(seed)
    print("seed", seed)
    with Emulator(generate=2000) as emulator, Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)},
                                                    sync={"poll_interval_unhealthy": "1s"}, webhook=False) as mirror:
        pair = Pair(emulator, mirror)
        mirror.start().wait_ready()
        pair.wait_equal_all()
        pages = mirror.status()["store"]["used_bytes"] // 4096
        mirror.stop()
        with open(os.path.join(mirror.state_dir, "mirror.mdb"), "r+b") as f:
            for page in rng.sample(range(2, pages), 6):
                f.seek(page * 4096 + rng.randint(1500, 4000))
                byte = f.read(1)
                f.seek(-1, os.SEEK_CUR)
                f.write(bytes([byte[0] ^ 1 << rng.randint(0, 7)]))
        restarts = []
        mirror.may_end = True
        mirror.start(wait=False)
        for calendar in pair.calendars():
            wait_for(f"{calendar} to be equal", lambda c=calendar: same(pair, c, restarts), 60)
        assert len(restarts) <= 2, restarts
        if restarts:
            assert any(name.startswith("mirror.mdb.damaged-") for name in os.listdir(mirror.state_dir))


def same(pair, calendar, restarts):
    """As `not pair.difference()`, where the service may end or build its lists anew meanwhile."""
    if pair.mirror.process.poll() is not None:
        restarts.append(pair.mirror.wait_end())
        pair.mirror.start(wait=False)
    try:
        return not pair.difference(calendar)
    except (AssertionError, OSError, http.client.HTTPException):
        return False


def test_a_database_of_another_calmirror_is_not_followed(tmp_path):
    """A state directory copied from elsewhere is served; its clients' tokens are those of the copy."""
    with Emulator() as emulator, Mirror(tmp_path / "a", emulator.url, {"me": token_account(tmp_path)}, webhook=False) as one:
        one.start().wait_ready()
        token = one.get("/calendar/v3/calendars/primary/events").json["nextSyncToken"]
        one.stop()
        with Mirror(tmp_path / "b", emulator.url, {"me": token_account(tmp_path)}, webhook=False) as other:
            other.start().wait_ready()
            answer = other.get("/calendar/v3/calendars/primary/events", syncToken=token)
            assert answer.status == 410 and TOKEN not in other.log_text()
            other.stop()
            os.replace(os.path.join(one.state_dir, "mirror.mdb"), os.path.join(other.state_dir, "mirror.mdb"))
            other.start()
            assert other.get("/calendar/v3/calendars/primary/events", syncToken=token).status == 200
