"""A headless Chromium that does what a test says: DevTools over a pair of pipes, so neither a driver nor a websocket."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from mirror import LONG, PATIENCE, mortal, wait_for

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class CommandRefused(AssertionError):
    """By the browser: a script in a page that is just being left, say."""


class Browser:
    """One page. Use it as a context manager."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="cm-chromium-")
        read_end, self.to = os.pipe()
        self.come, write_end = os.pipe()

        def hand_over():  # in the child: commands come on 3, answers go to 4
            high = [os.dup2(read_end, 100), os.dup2(write_end, 101)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = mortal(subprocess.Popen(
            [BINARY, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-dev-shm-usage", "--proxy-server=direct://", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile}", "about:blank"],
            close_fds=False, preexec_fn=hand_over, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL))
        os.close(read_end)
        os.close(write_end)
        self.buffer, self.number, self.session = b"", 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def _message(self):
        while b"\0" not in self.buffer:
            part = os.read(self.come, 65536)
            if not part:
                raise AssertionError(f"the browser ended: {self.process.wait(10)}")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.to, json.dumps(command).encode() + b"\0")
        while (message := self._message()).get("id") != self.number:
            pass
        if "error" in message:
            raise CommandRefused(f"{method}: {message['error']}")
        return message["result"]

    def go(self, url):
        self.call("Page.navigate", url=url)

    def script(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait(self, expression, timeout=LONG):
        """Until the page says something true."""
        deadline = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(CommandRefused):
                if value := self.script(expression):
                    return value
            time.sleep(0.02)  # between two looks
        raise AssertionError(f"waited for {expression}; the page is {self.script('document.documentElement.outerHTML')}")

    def close(self):
        os.close(self.to)
        os.close(self.come)
        os.killpg(self.process.pid, signal.SIGKILL)  # it has children, which write to the profile
        self.process.wait()
        with contextlib.suppress(AssertionError):  # where nobody reaps orphans they stay, as zombies
            wait_for("the browser's processes to end", self._gone, 2)
        shutil.rmtree(self.profile, ignore_errors=True)

    def _gone(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
