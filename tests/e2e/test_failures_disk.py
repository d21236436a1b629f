"""Failure cases of the disk under the store: really full, really read-only.

The service runs in a mount namespace of its own, its state on a small file system that only it sees; the test reaches that
by /proc/PID/root."""
import os
import subprocess
import tempfile

import pytest

from emulator import USER
from failures import EAGER, pulls, settle, title, wait_title
from mirror import BUILD, wait_for

FAT = "x" * 6000  # of a description
TMPFS = 'mount -t tmpfs -o size=20m,mode=700 tmpfs "$STATE"'
EXT4 = ('[ -e "$IMAGE" ] || { truncate -s 64M "$IMAGE"; mkfs.ext4 -q -m 0 "$IMAGE"; }; '
        'e2fsck -fp "$IMAGE" >/dev/null 2>&1; mount -o loop,errors=remount-ro "$IMAGE" "$STATE"')


def why_not(setup):
    if os.geteuid() != 0:
        return "needs root, to mount a small file system"
    if "asan" in os.path.basename(BUILD) and setup == EXT4:
        return "the daemon's file system ends under it: leaks are not looked for then"
    with tempfile.TemporaryDirectory() as d:
        env = {**os.environ, "STATE": d + "/s", "IMAGE": d + "/i"}
        os.mkdir(env["STATE"])
        trial = subprocess.run(["unshare", "--mount", "sh", "-c", f"mount --make-rprivate / && {setup}"], env=env,
                               capture_output=True, text=True, check=False)
        if trial.returncode:
            return "this container may not mount: " + (trial.stderr.strip().splitlines() or ["?"])[-1]
    return None


@pytest.fixture
def small(start, tmp_path):
    """small(setup, **config sections) -> Pair whose mirror has its state directory on a file system of its own."""
    def begin(setup):
        reason = why_not(setup)
        if reason:
            print("skipped:", reason)
            pytest.skip(reason)
        state = tmp_path / "mirror" / "state"
        state.mkdir(parents=True)
        return start(env={"STATE": str(state), "IMAGE": str(tmp_path / "image")}, sync=EAGER,
                     mirror={"map_size": "256MiB"},
                     wrapper=["unshare", "--mount", "sh", "-c", f'mount --make-rprivate / && {setup} && exec "$@"', "sh"])
    return begin


def inside(pair, *names):
    return os.path.join(f"/proc/{pair.mirror.process.pid}/root{pair.mirror.state_dir}", *names)


def degraded(pair):
    return [r for r in pair.mirror.get("/readyz").json["health"]["reasons"] if "nothing can be written" in r]


def tokens_of(pair):
    return [r["query"] for r in pulls(pair, USER)[0]]


def stays_as_it_was(pair, kept):
    """While nothing can be written: reads go on, the token stays, and the state is told."""
    wait_for("the state to be told", lambda: degraded(pair))
    assert title(pair, kept) == "kept" and pair.mirror.get("/readyz").status == 200
    store = pair.mirror.status()["store"]
    assert store["trouble"] in degraded(pair)[0] and store["trouble_since_ms"] > 0
    version, calls = pair.collection(USER)["version"], len(tokens_of(pair))
    wait_for("two more attempts", lambda: len(tokens_of(pair)) > calls + 1)
    assert len(set(tokens_of(pair)[-2:])) == 1 and pair.collection(USER)["version"] == version
    return store["trouble"]


def test_disk_really_full(small):
    """T-DISK-FULL: the file system has no byte left: reads go on, the token stays, and space makes it go on by itself."""
    pair = small(TMPFS)
    kept = pair.google.insert(summary="kept")["id"]
    wait_title(pair, kept, "kept")
    settle(pair)
    with open(inside(pair, "fill"), "wb", buffering=0) as f:
        with pytest.raises(OSError):
            while True:
                f.write(bytes(65536))
    for _ in range(30):
        pair.google.insert(description=FAT)
    assert "space" in stays_as_it_was(pair, kept)
    os.remove(inside(pair, "fill"))
    pair.wait_equal(USER)
    wait_for("the state to be well", lambda: not degraded(pair))
    assert "trouble" not in pair.mirror.status()["store"]


def test_file_system_turns_read_only(small):
    """T-READ-ONLY: the file system gives up writing, as after an error of the disk: reads go on; mended, all is caught up."""
    pair = small(EXT4)
    kept = pair.google.insert(summary="kept")["id"]
    wait_title(pair, kept, "kept")
    settle(pair)
    with open(f"/proc/{pair.mirror.process.pid}/mounts", encoding="utf-8") as f:
        device = next(line.split()[0] for line in f if line.split()[1] == pair.mirror.state_dir)
    with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="ascii") as f:
        f.write("calmirror test")
    for _ in range(3):
        pair.google.insert(description=FAT)
    stays_as_it_was(pair, kept)
    pair.mirror.stop()
    pair.mirror.start()
    pair.wait_equal(USER)
    assert not degraded(pair) and title(pair, kept) == "kept"
