"""Six hundred random steps among failures, and some among clients that follow, always the same; see README.md."""
import os

import pytest

from run import report, run
from steps import schedule


@pytest.mark.parametrize("kind, steps", [("failures", 600), ("edits", 120)])
def test_the_mirror_equals_google_at_each_rest(kind, steps):
    seed = int(os.environ.get("CALMIRROR_SEED", 1))
    print(f"CALMIRROR_SEED={seed}")
    plan = schedule(seed, steps, kind)
    failed = run(seed, plan, kind, keep_log=True)
    assert not failed, report(seed, plan, kind, failed)
