"""A sample of the random comparison; `differential.py --rules 100000` is the whole of it."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def test_random_series_expand_as_by_dateutil():
    command = [sys.executable, "-B", os.path.join(HERE, "differential.py"), "--rules", "3000",
               "--jobs", str(os.cpu_count()), "--seed", os.environ.get("CALMIRROR_SEED", "1")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
