"""The unit under a real systemd: readiness, reload, watchdog, restart under load, stop, and the sandbox.

systemd is booted over a copy-on-write view of this machine, in namespaces of its own; one boot serves all the tests here."""
import json
import os
import shutil
import subprocess

import pytest

from mirror import BUILD, PATIENCE, TOP

HERE = os.path.join(TOP, "tests", "e2e", "systemd")
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup", "--kill-child"]
PROBE_TARGET = """[Unit]
Requires=probe.service
After=probe.service
"""
PROBE_SERVICE = """[Unit]
DefaultDependencies=no
Requires=systemd-journald.service
After=systemd-journald.service
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -B /probe/probe.py
ExecStopPost=/usr/bin/systemctl exit 0
StandardOutput=append:/probe/output
StandardError=append:/probe/output
"""
DROP_IN = """[Service]
RestartSec=100ms
"""


def why_not():
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/lib/systemd/systemd"):
        return "systemd is not installed"
    if "asan" in os.path.basename(BUILD):
        return "sanitizers do not run inside the sandbox"
    # Containers often have neither the right to mount nor a cgroup of their own.
    trial = UNSHARE + ["sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mkdir /mnt/c /mnt/u /mnt/w "
                       "/mnt/r && mount -t cgroup2 cgroup2 /mnt/c && "
                       "mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r"]
    if subprocess.run(trial, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return "this container may not make namespaces with mounts and cgroups"
    return None


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    work, stage = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("stage")
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKE")}
    subprocess.run(["make", "-s", "-o", "all", "install", f"B={os.path.relpath(BUILD, TOP)}", f"DESTDIR={stage}",
                    "PREFIX=/usr"], cwd=TOP, env=env, check=True, stdout=subprocess.DEVNULL)
    units = stage / "etc/systemd/system"
    write(units / "probe.target", PROBE_TARGET)
    write(units / "probe.service", PROBE_SERVICE)
    write(units / "calmirrord.service.d/test.conf", DROP_IN)
    (stage / "probe").mkdir()
    shutil.copy(os.path.join(HERE, "probe.py"), stage / "probe")
    shutil.copy(os.path.join(BUILD, "gcal-emulator"), stage / "probe")
    with open(stage / "probe/console", "wb") as console:
        subprocess.run(UNSHARE + [os.path.join(HERE, "boot"), str(work), str(stage)], stdin=subprocess.DEVNULL,
                       stdout=console, stderr=console, timeout=300 * PATIENCE, check=False)
    result = stage / "probe/seen.json"
    if not result.exists():
        output = [path.read_text(errors="replace") for path in (stage / "probe").glob("[co]*")]
        raise AssertionError("the probe left nothing:\n" + "\n".join(output))
    facts = json.loads(result.read_text())
    if "error" in facts:
        raise AssertionError(f"{facts['error']}\nseen: {facts}\n{facts['journal']}")
    return facts


def test_start_waits_for_readiness(seen):
    assert seen["start"] == [0, ""]
    assert seen["started"] == {"ActiveState": "active", "SubState": "running", "NRestarts": "0"}
    assert "collections" in seen["status_text"]


def test_sandbox(seen):
    process = seen["process"]
    assert process["CapEff"] == process["CapBnd"] == "0" * 16
    assert process["NoNewPrivs"] == "1" and process["Seccomp"] == "2"
    assert set(process["Uid"].split()) == {str(seen["uid"])}
    assert seen["state_dir"] == [seen["uid"], 0o700]


def test_reload_takes_up_the_good_and_refuses_the_bad(seen):
    assert seen["reload"] == [0, ""]
    assert seen["after_bad_reload"] == {"ActiveState": "active", "NRestarts": "0"}


def test_watchdog_restarts_what_makes_no_progress(seen):
    assert seen["watchdog"] == {"timeout": True, "ActiveState": "active"}


def test_hooks_run_in_the_sandbox_once_they_are_named(seen):
    """A program with its interpreter, and a shell's line: as the README has it. They write to the state directory alone."""
    assert seen["hook_refused"] == "/usr/local/bin/redraw: Permission denied: is it executable, and in ExecPaths= of the unit?"
    wrote = seen["hook_wrote"]
    assert [json.loads(line)["type"] for line in wrote[0::4]] == ["created", "created"]
    assert wrote[1::4] == ["sealed"] * 2 and wrote[2::4] == [str(seen["uid"])] * 2 and wrote[3::4] == ["--quiet"] * 2
    assert seen["hook_failing"] == [[], []]


def test_restarts_refuse_nobody_with_the_socket_unit(seen):
    assert seen["load"]["failed"] == []
    assert seen["load"]["ok"] > 0
    assert seen["socket"] == "active"


def test_stop_is_clean_and_quick(seen):
    assert seen["stop"].pop("seconds") < 20  # longer, and it would have been killed
    assert seen["stop"] == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}


def test_unix_socket_is_for_the_group(seen):
    assert seen["unix"] == [200, 0o660, True]


def test_bad_config_is_named_and_not_retried(seen):
    assert seen["bad_config"] == {"start": 1, "ActiveState": "failed", "ExecMainStatus": "78", "Result": "exit-code",
                                  "restarts": 0, "named": True}
