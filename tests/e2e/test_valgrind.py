"""A whole life of the service, start, sync, serve, stop, without a leak or an invalid access under valgrind."""
import os
import re
import shutil

import pytest

from emulator import Emulator
from mirror import BUILD, LONG, Mirror, wait_for
from pair import Pair, token_account

CALENDAR = "me@example.com"


@pytest.mark.skipif("asan" in os.path.basename(BUILD), reason="the build has its own checker")
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not there")
def test_start_sync_serve_stop(tmp_path):
    report = tmp_path / "valgrind.txt"
    wrapper = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
               "--error-exitcode=99", f"--log-file={report}"]
    with Emulator(generate=300) as emulator:
        with Mirror(tmp_path, emulator.url, {"me": token_account(tmp_path)}, wrapper=wrapper) as mirror:
            mirror.start(wait=False)
            wait_for("READY=1", mirror._ready, 4 * LONG)
            pair = Pair(emulator, mirror)
            mirror.wait_ready(4 * LONG)
            pair.wait_live(CALENDAR, 4 * LONG)
            event = emulator.api.insert(CALENDAR, summary="new")
            emulator.api.patch(CALENDAR, event["id"], summary="changed")
            pair.wait_equal_all(4 * LONG)
            emulator.kill_tokens()
            emulator.api.delete(CALENDAR, event["id"])
            pair.wait_quiet(CALENDAR)
            for path in ("/v1/status", "/healthz", "/readyz", "/nowhere", "/calendar/v3/users/me/calendarList",
                         f"/calendar/v3/calendars/{CALENDAR}", f"/calendar/v3/calendars/{CALENDAR}/events/nothing"):
                mirror.get(path)
            status, _ = mirror.stop(4 * LONG)
            assert status == 0, report.read_text()
    text = report.read_text()
    assert re.search(r"ERROR SUMMARY: 0 errors", text), text
