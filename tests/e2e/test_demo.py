"""`make demo` on a terminal: it shows the main job, stays up to be tried, and leaves nothing behind when the terminal goes."""
import contextlib
import os
import pty
import re
import signal
import socket
import subprocess

from mirror import BUILD, PATIENCE, TOP


def test_the_demo_leaves_nothing_behind(tmp_path):
    """Closing a terminal sends SIGHUP to all that runs in it; to the service that means to reload."""
    master, slave = pty.openpty()
    demo = subprocess.Popen([os.path.join(TOP, "tests/demo/run")], stdin=slave, stdout=slave, stderr=slave,
                            start_new_session=True, env={**os.environ, "B": BUILD, "TMPDIR": str(tmp_path)})
    os.close(slave)
    shown = b""
    try:
        while b"Ctrl-C ends it." not in shown:
            shown += os.read(master, 65536)  # EIO when it ended before
        text = shown.decode()
        assert "upstream calls an edit" in text and " ms each, 0 upstream calls" in text
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/v1/status", text)[1])
        socket.create_connection(("127.0.0.1", port)).close()
        os.killpg(demo.pid, signal.SIGHUP)
        demo.wait(20 * PATIENCE)
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", port)) != 0, "the service is still there"
        assert list(tmp_path.iterdir()) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(demo.pid, signal.SIGKILL)
        demo.wait(20 * PATIENCE)
        os.close(master)
