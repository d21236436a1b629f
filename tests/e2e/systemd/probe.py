"""Runs inside the booted system, as root: exercises calmirrord.service and writes what it saw to /probe/seen.json.

It judges nothing; that is test_systemd.py's part, outside."""
import fcntl
import http.client
import json
import os
import pwd
import signal
import socket
import struct
import subprocess
import threading
import time
import traceback

CONFIG = "/etc/calmirrord/calmirrord.conf"
DROP_INS = "/etc/systemd/system/calmirrord.service.d/"
UNIT = "calmirrord.service"
EMULATOR_PORT, API_PORT = 9000, 8080
seen = {}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def must(*command):
    status, output = run(*command)
    if status != 0:
        raise RuntimeError(f"{command}: {status}: {output}")
    return output


def show(*names):
    output = must("systemctl", "show", UNIT, *[f"--property={name}" for name in names])
    return dict(line.split("=", 1) for line in output.splitlines())


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise RuntimeError(f"waited {seconds} s for {what}")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def get(path, connection=None):
    connection = connection or http.client.HTTPConnection("127.0.0.1", API_PORT, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def mirrored():
    try:
        status, body = get("/v1/status")
    except OSError:
        return None
    calendars = [c for c in json.loads(body)["collections"] if c["kind"] == "events"] if status == 200 else []
    return calendars if calendars and all(c["state"] == "ready" for c in calendars) else None


def write_config(api=f"127.0.0.1:{API_PORT}", level="info", extra=""):
    with open(CONFIG, "w", encoding="utf-8") as f:
        f.write(f"""[mirror]
map_size = 64MiB
log_level = {level}
[google]
api_url = http://127.0.0.1:{EMULATOR_PORT}/calendar/v3
token_url = http://127.0.0.1:{EMULATOR_PORT}/token
[api]
listen = {api}
[account me]
token_file = /etc/calmirrord/token
{extra}""")


def journal():
    return must("journalctl", "--unit", UNIT, "--output=cat", "--no-pager")


def restart_with_the_unit():
    """As it is now."""
    must("systemctl", "daemon-reload")
    must("systemctl", "reset-failed", UNIT)  # or these restarts would count as too many
    must("systemctl", "restart", UNIT)


def drop_in(name, line):
    """A line of the unit that is different from now on."""
    with open(f"{DROP_INS}{name}.conf", "w", encoding="ascii") as f:
        f.write(f"[Service]\n{line}\n")
    restart_with_the_unit()


def network_up():
    with socket.socket() as s:  # ifr_flags of lo: IFF_UP | IFF_RUNNING
        fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x41))


def prepare():
    network_up()
    must("systemd-sysusers")
    user = pwd.getpwnam("calmirrord")
    with open(os.open("/etc/calmirrord/token", os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
        f.write("test-token\n")
    os.chown("/etc/calmirrord/token", user.pw_uid, user.pw_gid)
    write_config()
    must("systemd-run", "--unit=emulator", "/probe/gcal-emulator", "--listen", f"127.0.0.1:{EMULATOR_PORT}")


def start():
    seen["start"] = run("systemctl", "start", UNIT)
    seen["started"] = show("ActiveState", "SubState", "NRestarts")
    wait_for("a whole view", mirrored)
    seen["status_text"] = wait_for("STATUS=", lambda: show("StatusText")["StatusText"])


def sandbox():
    pid = int(show("MainPID")["MainPID"])
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in f)
    seen["process"] = {name: fields[name] for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Uid")}
    seen["uid"] = pwd.getpwnam("calmirrord").pw_uid
    state = os.stat("/var/lib/calmirrord")
    seen["state_dir"] = [state.st_uid, state.st_mode & 0o777]


def reload():
    write_config(level="debug")
    seen["reload"] = run("systemctl", "reload", UNIT)
    wait_for("the reload in the journal", lambda: "mirror.log_level" in journal())
    write_config(level="loud")
    run("systemctl", "reload", UNIT)
    wait_for("the refusal in the journal", lambda: "not one of err" in journal())
    seen["after_bad_reload"] = show("ActiveState", "NRestarts")
    write_config()


def watchdog():
    """WatchdogSec is 2 s here alone, by a drop-in: elsewhere it might be the machine that makes no progress for so long. A stopped
    process makes none."""
    drop_in("watchdog", "WatchdogSec=2s")
    os.kill(int(show("MainPID")["MainPID"]), signal.SIGSTOP)
    wait_for("the restart", lambda: show("NRestarts")["NRestarts"] != "0")
    wait_for("a whole view", mirrored)
    seen["watchdog"] = {"timeout": "Watchdog timeout" in journal(), **show("ActiveState")}
    os.unlink(DROP_INS + "watchdog.conf")
    restart_with_the_unit()


def restart_under_load():
    must("systemctl", "stop", UNIT)
    must("systemctl", "start", "calmirrord-api.socket", UNIT)
    counts = {"ok": 0, "failed": []}
    stop = threading.Event()

    def load():
        while not stop.is_set():
            try:
                status, _ = get("/healthz")
                if status != 200:
                    counts["failed"].append(status)
                counts["ok"] += status == 200
            except (OSError, http.client.HTTPException) as e:
                counts["failed"].append(repr(e))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        must("systemctl", "restart", UNIT)
    stop.set()
    for thread in threads:
        thread.join()
    seen["load"] = counts
    seen["socket"] = must("systemctl", "is-active", "calmirrord-api.socket").strip()
    must("systemctl", "stop", "calmirrord-api.socket")


HOOK = "/usr/local/bin/redraw"
SHELL_FILE = "/var/lib/calmirrord/seen"
HOOKS = f"""[hook board]
command = {HOOK} --quiet
[hook lines]
shell = cat >> {SHELL_FILE}
[push]
backoff_min = 100ms
backoff_max = 200ms
"""


def told(hook):
    status, body = get("/v1/hooks")
    return next(h for h in json.loads(body)["hooks"] if h["name"] == hook)


def edit(title):
    """An event at Google, whose calendar is polled for at once."""
    connection = http.client.HTTPConnection("127.0.0.1", EMULATOR_PORT, timeout=5)
    connection.request("POST", "/calendar/v3/calendars/primary/events", json.dumps({
        "summary": title, "start": {"date": "2026-07-01"}, "end": {"date": "2026-07-02"}}),
        {"Authorization": "Bearer test-token", "Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", API_PORT, timeout=5)
    connection.request("POST", "/v1/resync", "{}", {"Content-Type": "application/json"})
    assert connection.getresponse().status == 202
    connection.close()


def hooks():
    """As the README says: refused by the sandbox, with a word of what to do, until a drop-in names the programs."""
    os.makedirs(os.path.dirname(HOOK), exist_ok=True)
    with open(os.open(HOOK, os.O_CREAT | os.O_WRONLY, 0o755), "w", encoding="ascii") as f:
        f.write("""#!/bin/sh
/usr/bin/cat >>/var/lib/calmirrord/board || exit
{ echo x >/etc/x || echo sealed; /usr/bin/id -u; echo "$1"; } >>/var/lib/calmirrord/board 2>/dev/null
""")
    write_config(extra=HOOKS)
    must("systemctl", "reload", UNIT)
    wait_for("the hooks", lambda: len(json.loads(get("/v1/hooks")[1])["hooks"]) == 2)
    edit("before")
    seen["hook_refused"] = wait_for("the refusal", lambda: told("board")["failing"])[0]["error"]
    drop_in("hooks", f"ExecPaths={HOOK} /bin/sh /usr/bin/cat /usr/bin/id")
    edit("after")

    def lines(path):
        try:
            with open(path, encoding="utf-8") as f:
                return f.read()
        except OSError:
            return ""
    wait_for("both to be told of both", lambda: lines("/var/lib/calmirrord/board").count("--quiet") >= 2
             and lines(SHELL_FILE).count('"type":"created"') >= 2)
    seen["hook_wrote"] = lines("/var/lib/calmirrord/board").splitlines()
    seen["hook_failing"] = [told(h)["failing"] for h in ("board", "lines")]
    write_config()
    must("systemctl", "reload", UNIT)


def stop():
    began = time.monotonic()
    must("systemctl", "stop", UNIT)
    seen["stop"] = {"seconds": time.monotonic() - began, **show("ActiveState", "Result", "ExecMainStatus")}


def unix_socket():
    path = "/run/calmirrord/api.sock"
    write_config(api=path)
    must("systemctl", "start", UNIT)
    info = os.stat(path)
    seen["unix"] = [get("/healthz", UnixConnection(path))[0], info.st_mode & 0o777, info.st_gid == info.st_uid]
    must("systemctl", "stop", UNIT)


def bad_config():
    write_config(extra="[sync]\npoll_intervall = 1m\n")
    before = int(show("NRestarts")["NRestarts"])
    status, _ = run("systemctl", "start", UNIT)
    seen["bad_config"] = {"start": status, **show("ActiveState", "ExecMainStatus", "Result"),
                          "restarts": int(show("NRestarts")["NRestarts"]) - before,
                          "named": "did you mean poll_interval?" in journal()}


try:
    for step in (prepare, start, sandbox, reload, watchdog, hooks, restart_under_load, stop, unix_socket, bad_config):
        seen["step"] = step.__name__
        step()
    seen["step"] = "done"
except Exception:  # whatever it was, it is reported outside
    seen["error"] = traceback.format_exc()
seen["journal"] = must("journalctl", "--no-pager", "--output=short", "--lines=200")
with open("/probe/seen.json", "w", encoding="utf-8") as out:
    json.dump(seen, out)
