"""`make demo` on a terminal: it shows the main job, stays up to be tried, and leaves nothing behind when the terminal goes."""
import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time

from mirror import BUILD, LONG, PATIENCE, TOP


def of_session(leader):
    """{pid: name} of the processes of a session that have not ended."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            name, rest = f.read().rsplit(")", 1)
            state, _, _, session = rest.split()[:4]
            if int(session) == leader and state not in "ZX":
                found[int(pid)] = name.split("(", 1)[1]
    return found


def test_the_demo_leaves_nothing_behind(tmp_path):
    """Closing a terminal sends SIGHUP to all that runs in it; to the service that means to reload."""
    master, slave = pty.openpty()
    demo = subprocess.Popen([os.path.join(TOP, "tests/demo/run")], stdin=slave, stdout=slave, stderr=slave,
                            start_new_session=True, env={**os.environ, "B": BUILD, "TMPDIR": str(tmp_path)})
    os.close(slave)
    shown, deadline = b"", time.monotonic() + 300 * PATIENCE
    try:
        while b"Ctrl-C ends it." not in shown:
            assert select.select([master], [], [], deadline - time.monotonic())[0], shown
            shown += os.read(master, 65536)  # EIO when it ended before
        text = shown.decode()
        assert "upstream calls an edit" in text and " ms each, 0 upstream calls" in text
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/v1/status", text)[1])
        socket.create_connection(("127.0.0.1", port)).close()
        assert {"calmirrord", "gcal-emulator"} <= set(of_session(demo.pid).values())
        os.killpg(demo.pid, signal.SIGHUP)
        demo.wait(LONG * PATIENCE)
        assert of_session(demo.pid) == {}
        assert list(tmp_path.iterdir()) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(demo.pid, signal.SIGKILL)
        demo.wait(LONG * PATIENCE)
        os.close(master)
