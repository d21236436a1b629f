"""calmirror, the command-line program, against a running service."""
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from emulator import Emulator, free_port
from mirror import BUILD, LONG, PATIENCE, Mirror, listening_socket, mortal, wait_for
from pair import Pair, token_account

BINARY = os.path.join(BUILD, "calmirror")
DAEMON = os.path.join(BUILD, "calmirrord")
CALENDAR = "me@example.com"


def run(*arguments, program=BINARY, env=None, **options):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60 * PATIENCE,
                          env={**os.environ, "TZ": "Europe/Zurich", **(env or {})}, **options)


def on_terminal(*arguments, env=None):
    """(exit status, output) with both outputs on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([BINARY, *arguments], stdin=slave, stdout=slave, stderr=slave,
                               env={"PATH": os.environ["PATH"], "TERM": "xterm", **(env or {})})
    os.close(slave)
    output = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # EIO: the program has ended
            break
        if not part:
            break
        output += part
    os.close(master)
    return process.wait(60 * PATIENCE), output.decode()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cli")
    with Emulator() as emulator:
        emulator.api.insert(summary="Breakfast\u2066 \x1b[31m\u202e", start={"dateTime": "2026-07-01T08:00:00+02:00"},
                            end={"dateTime": "2026-07-01T09:00:00+02:00"})
        emulator.api.insert(summary="Fair", start={"date": "2026-07-03"}, end={"date": "2026-07-05"})
        emulator.api.insert(summary="Weekly", recurrence=["RRULE:FREQ=WEEKLY"],
                            start={"dateTime": "2030-03-26T08:00:00", "timeZone": "Europe/Zurich"},
                            end={"dateTime": "2030-03-26T09:00:00", "timeZone": "Europe/Zurich"})
        with Mirror(directory, emulator.url, {"me": token_account(directory)},
                    sync={"backoff_min": "10ms", "backoff_max": "100ms"}) as mirror:
            mirror.start().wait_ready()
            pair = Pair(emulator, mirror)
            pair.wait_live(CALENDAR)
            yield pair


@pytest.fixture
def cli(pair):
    return lambda *arguments, **options: run(*arguments, "-c", pair.mirror.config_path, **options)


def test_status_as_a_table(cli):
    done = cli("status")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["ACCOUNT", "CALENDAR", "STATE", "FRESH", "CHANNEL", "EVENTS", "PINGS", "PULLS", "CALLS",
                                "LAST", "ERROR"]
    calendar = next(line for line in lines if CALENDAR in line).split()
    assert calendar[:3] == ["me", CALENDAR, "ready"] and "live," in calendar
    assert any("calendarList" in line for line in lines)
    assert "\x1b" not in done.stdout


def test_status_fits_a_narrow_terminal(pair):
    status, output = on_terminal("status", "-c", pair.mirror.config_path, env={"COLUMNS": "80", "NO_COLOR": "1"})
    lines = output.splitlines()
    assert status == 0 and lines[0].split() == ["ACCOUNT", "CALENDAR", "STATE", "FRESH", "CHANNEL", "EVENTS"]
    assert all(len(line) <= 80 for line in lines)
    _, output = on_terminal("status", "-c", pair.mirror.config_path, env={"COLUMNS": "60", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"})
    assert "ready" in output and CALENDAR not in output and CALENDAR[:7] + "…" in output
    _, output = on_terminal("status", "-c", pair.mirror.config_path, env={"COLUMNS": "150", "NO_COLOR": "1"})
    assert "LAST ERROR" in output and CALENDAR in output


def test_status_as_json_is_the_service_s_own(cli, pair):
    told = json.loads(cli("status", "--json").stdout)
    assert told.keys() == pair.mirror.status().keys()
    assert [c["number"] for c in told["collections"]] == [c["number"] for c in pair.mirror.status()["collections"]]


def test_calendars(cli):
    done = cli("calendars")
    assert done.stdout.split()[:4] == ["NAME", "ACCESS", "ZONE", "ID"]
    assert next(line for line in done.stdout.splitlines() if CALENDAR in line).endswith(f"  {CALENDAR}")
    assert [c["id"] for c in json.loads(cli("calendars", "-j").stdout)] == [CALENDAR]


def test_events(cli, pair):
    done = cli("events", "primary")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    lines = [line for line in lines if " cancelled " not in line]  # which another test makes one
    assert len(lines) == 3
    assert lines[0].startswith("2026-07-01 08:00  2026-07-01 09:00 ")
    # What an invitation is called must not steer the terminal.
    assert lines[0].endswith("Breakfast ?[31m")
    assert "Breakfast ?[31m    " in cli("agenda", "--from", "2026-07-01", "--to", "2026-07-02").stdout
    assert lines[1].startswith("2026-07-03        2026-07-05 ") and lines[1].endswith("Fair")
    assert lines[2].startswith("2030-03-26 08:00  2030-03-26 09:00  series  ")
    listed = json.loads(cli("events", CALENDAR, "--json").stdout)
    assert {e["id"]: e for e in listed} == pair.mirror.all_events(CALENDAR)


def test_calendars_by_the_account_s_names(tmp_path):
    world = {"users": [{"email": CALENDAR, "tokens": ["test-token"],
                        "calendarList": [CALENDAR, {"id": "team@x.example.com", "summaryOverride": "Ours"}]}],
             "calendars": [{"id": CALENDAR}, {"id": "team@x.example.com", "owner": CALENDAR, "summary": "Team"}]}
    with Emulator(world) as emulator, Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}) as mirror:
        mirror.start().wait_ready()
        lines = run("calendars", "-c", mirror.config_path).stdout.splitlines()
        assert [line.split()[0] for line in lines[1:] if "team@" in line] == ["Ours"]


def test_a_cancelled_instance_has_its_place(cli, pair):
    series = next(e["id"] for e in json.loads(cli("events", "primary", "-j").stdout) if "recurrence" in e)
    gone = series + "_20300416T060000Z"
    pair.emulator.api.delete("primary", gone)
    wait_for("the deletion", lambda: gone in cli("events", "primary").stdout)
    line = next(line for line in cli("events", "primary").stdout.splitlines() if gone in line)
    assert line.split() == ["2030-04-16", "08:00", "cancelled", gone]


def test_events_of_a_window(cli):
    assert "Fair" not in cli("events", "primary", "--to", "2026-07-02").stdout
    assert "Breakfast" not in cli("events", "primary", "--from=2026-07-01T09:00:00").stdout
    assert "Breakfast" in cli("events", "primary", "--from=2026-07-01T08:59:59").stdout
    assert json.loads(cli("events", "primary", "--to=-20000d", "--json").stdout) == []


def test_instances_of_a_series_when_the_window_ends(cli):
    lines = cli("events", "primary", "--from=2030-03-27", "--to=2030-04-10").stdout.splitlines()
    assert [line[:16] for line in lines] == ["2030-04-02 08:00", "2030-04-09 08:00"]
    assert all("series" not in line and line.endswith("Weekly") for line in lines)


def test_events_walk_all_pages(tmp_path):
    with Emulator(generate=6000) as emulator:
        with Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}, webhook=False) as mirror:
            mirror.start().wait_ready(60)
            calendar = max((c for c in mirror.status()["collections"]), key=lambda c: c["live_items"])
            assert calendar["live_items"] > 2 * 2500
            done = run("events", calendar["calendar"], "--json", "-c", mirror.config_path)
            listed = [e["id"] for e in json.loads(done.stdout)]
            assert len(listed) == len(set(listed)) == calendar["live_items"]


def test_resync_waits_for_the_listing(cli, pair):
    before = pair.collection(CALENDAR)
    done = cli("resync", CALENDAR, "--wait")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"me  {CALENDAR}  3 items\n" and done.stderr == ""
    after = pair.collection(CALENDAR)
    assert after["listings"] == before["listings"] + 1 and after["full_ms"] > before["full_ms"]


def test_resync_of_everything(cli, pair):
    before = pair.collection(CALENDAR)["listings"]
    done = cli("resync", "--wait", "--account", "me")
    assert done.returncode == 0, done.stderr
    assert f"me  {CALENDAR}  3 items\n" in done.stdout and "(list of calendars)" in done.stdout
    assert pair.collection(CALENDAR)["listings"] == before + 1


def test_resync_without_waiting(cli, pair):
    before = pair.collection(CALENDAR)["listings"]
    asked = json.loads(cli("resync", "primary", "--json").stdout)
    assert [c["calendar"] for c in asked["collections"]] == [CALENDAR]
    wait_for("the listing", lambda: pair.collection(CALENDAR)["listings"] == before + 1)


def test_resync_of_what_is_not_there(cli):
    for arguments in (["nobody@example.com"], ["--account", "nobody"]):
        done = cli("resync", *arguments)
        assert done.returncode == 67
        assert done.stderr.startswith("calmirror: the service refused: ")


def test_resync_says_why_it_failed(cli, pair):
    pair.emulator.fault("GET */events", status=503, count=-1)
    try:
        done = cli("resync", CALENDAR, "--wait")
    finally:
        pair.emulator.clear_faults()
    assert done.returncode == 69
    assert done.stderr.startswith(f"me  {CALENDAR}  ") and "503" in done.stderr
    pair.wait_quiet(CALENDAR)


def test_terminal_gets_colours_and_a_bar_unless_told_not_to(pair):
    place = f"127.0.0.1:{pair.mirror.api_port}"
    status, output = on_terminal("status", "--api", place)
    assert status == 0 and "\x1b[32mready\x1b[0m" in output
    status, output = on_terminal("status", "--api", place, env={"NO_COLOR": "1"})
    assert status == 0 and "\x1b" not in output
    status, output = on_terminal("resync", "--wait", "--api", place)
    assert status == 0 and "resync [....." in output and f"{CALENDAR}  3 items\r\n" in output


def test_every_way_to_name_the_place(pair):
    port = pair.mirror.api_port
    for place in (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}/", f"localhost:{port}"):
        done = run("status", "--api", place)
        assert done.returncode == 0, (place, done.stderr)
    for place in ("nonsense", "http://example.org", "example.org:80", "127.0.0.1:0"):
        done = run("status", "--api", place)
        assert done.returncode == 64 and "--api" in done.stderr, (place, done.stderr)


def test_unix_socket(pair, tmp_path):
    path = str(tmp_path / "api.sock")
    with Mirror(tmp_path, pair.emulator.url, {"me": token_account(tmp_path)}, webhook=False,
                api={"listen": path}) as mirror:
        mirror.api.close()
        mirror.api = listening_socket()  # handed over under a name that means nothing, so that it binds itself
        config = tmp_path / "calmirrord.conf"
        process = subprocess.Popen([os.path.join(BUILD, "calmirrord"), "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            wait_for("the service to answer", lambda: run("status", "-c", str(config)).returncode == 0)
            assert run("status", "--api", path).returncode == 0
        finally:
            process.terminate()
            process.wait(LONG * PATIENCE)


def test_nobody_there():
    with free_port() as port:
        done = run("status", "--api", f"127.0.0.1:{port}")
    assert done.returncode == 69
    assert f"127.0.0.1:{port}" in done.stderr and "systemctl start calmirrord" in done.stderr


def test_who_may_not_connect(tmp_path):
    if os.getuid() != 0:
        pytest.skip("cannot become somebody else")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as s, tempfile.TemporaryDirectory() as open_to_all:
        s.bind(str(closed / "api.sock"))
        os.chmod(open_to_all, 0o755)  # the source may be below root's home, where nobody else can go
        program = shutil.copy(BINARY, open_to_all)
        os.chmod(program, 0o755)
        done = run("status", "--api", str(closed / "api.sock"), program=program, user="nobody", env={"HOME": "/"})
    assert done.returncode == 77 and "api.socket_mode" in done.stderr, done.stderr


@pytest.mark.parametrize("arguments, says", [
    (["status", "--jsn"], "--jsn: no such option; did you mean --json?"), (["-z"], "-z: no such option"),
    (["status", "--json=1"], "--json: it takes no argument"), (["resync", "-a"], "-a: its argument is missing"),
    (["events", "x", "--from"], "--from: its argument is missing"), (["stats"], "stats: no such command; did you mean status?"),
    (["client"], "it is `client add NAME` or `client list`"), (["client", "ad"], "it is `client add NAME`"),
    (["hooks", "retry"], "hooks retry: NAME [NUMBER] is missing"), (["client", "list", "x"], "one argument too many"),
    (["client", "list", "-a", "x"], "client list: --account does not go with it"), (["login"], "Give --account"),
    (["login", "-a", "x", "--wait"], "login: --wait does not go with it"), ([], "no command given")])
def test_what_a_wrong_line_is_told(arguments, says):
    done = run(*arguments)
    assert done.returncode == 64 and done.stdout == ""
    assert done.stderr.startswith("calmirror: ") and says in done.stderr


def test_help_fits_a_terminal():
    """No line of any help is wider than 80 columns; what cannot be read is told, not taken for something else."""
    commands = re.findall(r"^  ([a-z]+)", run("help").stdout, re.M)
    assert len(set(commands)) > 10
    texts = [run("help"), *(run("help", command) for command in set(commands)),
             *(subprocess.run([os.path.join(BUILD, name), "--help"], capture_output=True, text=True, timeout=60 * PATIENCE)
               for name in ("calmirrord", "gcal-emulator"))]
    for text in texts:
        assert text.returncode == 0 and [line for line in text.stdout.splitlines() if len(line) > 80] == []
    for arguments in (["--generate", "many"], ["--generate", "6000000"], ["more"]):
        done = subprocess.run([os.path.join(BUILD, "gcal-emulator"), *arguments], capture_output=True, text=True,
                              timeout=60 * PATIENCE)
        assert done.returncode == 64 and "Try 'gcal-emulator --help'" in done.stderr and "usage:" not in done.stderr


def test_a_calendar_that_is_not_there(cli):
    for arguments in (["events", "nobody@example.com"], ["resync", "nobody@example.com"], ["watch", "--calendar=nobody@x"]):
        done = cli(*arguments)
        assert done.returncode == 67 and "`calmirror calendars`" in done.stderr


def test_something_else_there():
    """A server that speaks as Google does is known by what it lacks, another by its refusal, whatever is asked for."""
    with Emulator() as emulator:
        for arguments in (["status"], ["hooks"], ["events", "primary"]):
            if arguments != ["status"]:
                emulator.fault("*", status=404, html=True, count=1)
            done = run(*arguments, "--api", emulator.url)
            assert done.returncode == 76 and "what answers there is not calmirrord" in done.stderr


def test_config_that_cannot_be_used(tmp_path):
    assert run("status", "-c", str(tmp_path / "none")).returncode == 66
    bad = tmp_path / "bad.conf"
    bad.write_text("[api]\nlisten = 0.0.0.0:1\n")
    done = run("status", "-c", str(bad))
    assert done.returncode == 78 and f"{bad}:2:1: [api] listen: 0.0.0.0 is not a loopback address" in done.stderr


@pytest.mark.parametrize("gone", ["> /dev/full", ">&-", ">&- <&-"])
def test_output_that_cannot_be_written(pair, tmp_path, gone):
    """A full disk, no stdout: every command says so, and none writes into what it opened itself; nor does the daemon."""
    config = tmp_path / "copy.conf"
    config.write_text(open(pair.mirror.config_path, encoding="utf-8").read())
    commands = [[*c, *j] for j in ([], ["--json"]) for c in (
        ["status"], ["calendars"], ["events", CALENDAR], ["agenda", "-t", "2031-01-01"], ["client", "list"], ["hooks"],
        ["client", "add", "x"], ["client", "add", "x", "--append", str(config)], ["resync", "-w"], ["verify"],
        ["doctor"], ["key", "rotate"], ["version"], ["--version"])]
    programs = [[BINARY, *c, "-c", str(config)] for c in [*commands, ["help"], ["help", "verify"], ["--help"]]]
    programs += [[DAEMON, option, "-c", str(config)] for option in ("--version", "--help", "--check-config", "--print-config")]
    before = config.read_text()
    for program in programs:
        done = subprocess.run(["/bin/sh", "-c", f'exec "$@" {gone}', "sh", *program], capture_output=True, text=True,
                              timeout=60 * PATIENCE)
        assert done.returncode == 74, (program, done)
        assert done.stderr.endswith(": cannot write the output\n") and not done.stdout, (program, done)
    assert config.read_text() == before  # nobody was told the token of that client


def test_a_service_without_standard_descriptors(tmp_path):
    """The log must not go into what was opened in their place, such as the database."""
    config, socket_path = tmp_path / "bare.conf", tmp_path / "api.sock"
    config.write_text(f"[mirror]\nstate_dir = {tmp_path}/state\nmap_size = 64MiB\n[api]\nlisten = {socket_path}\n")
    process = mortal(subprocess.Popen(["/bin/sh", "-c", 'exec "$@" >&- 2>&- <&-', "sh", DAEMON, "-c", str(config)]))
    wait_for("its socket", lambda: socket_path.exists() or process.poll() is not None)
    assert {os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    process.terminate()
    assert process.wait(LONG * PATIENCE) == 0


def test_words_that_cannot_be_meant(cli):
    """`calmirror resync "$CALENDAR"` with the variable empty is not for all calendars; nor is anything else."""
    for word, says in (("", "is empty"), (b"\xff\xfe", "is not UTF-8 text"), ("a\nb", "has a control character in it"),
                       ("x" * 100000, "is too long")):
        for arguments in (["events", word], ["resync", word], ["verify", word], ["hooks", "drop", word],
                          ["status", "--account", word], ["agenda", "--calendar", word], ["client", "add", word],
                          *(["client", "add", "x", option, word] for option in (
                              "--account", "--calendar", "--expires", "--origin"))):
            done = cli(*arguments, errors="replace")
            assert done.returncode == 64 and not done.stdout, (arguments, done)
            assert len(done.stderr) < 2000 and (says in done.stderr or len(word) == 100000), (arguments, done)
    for word in ("", b"\xff"):
        done = subprocess.run([DAEMON, b"--resync=" + os.fsencode(word)], capture_output=True, timeout=60 * PATIENCE)
        assert done.returncode == 64 and b"is no calendar's id" in done.stderr


def test_columns_that_no_screen_has(cli):
    for columns in ("99999999999", "1215752191", "-3", "x"):
        assert cli("agenda", "-t", "2026-07-05", "-f", "2026-06-30", env={"COLUMNS": columns}).stdout == \
            cli("agenda", "-t", "2026-07-05", "-f", "2026-06-30").stdout
