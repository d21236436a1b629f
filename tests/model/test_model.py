"""Six hundred random steps, from a new seed each time; see README.md."""
import os
import random

from run import report, run
from steps import schedule


def test_the_mirror_equals_google_at_each_rest():
    seed = int(os.environ.get("CALMIRROR_SEED", random.randrange(1 << 32)))
    print(f"CALMIRROR_SEED={seed}")
    plan = schedule(seed, 600)
    failed = run(plan, keep_log=True)
    assert not failed, report(seed, plan, failed)
