"""Runs schedules, shortens those that fail; `make soak` calls it, test_model.py uses it.

    run.py --seconds N [--seed S] [--steps N] [--kind edits|failures]"""
import argparse
import os
import random
import sys
import tempfile
import time
import traceback

import conftest  # noqa: F401  the paths
from steps import KINDS, schedule, take

SHRINK_S = float(os.environ.get("CALMIRROR_SHRINK", 90))


def run(seed, plan, kind, keep_log=None):
    """None, or (how many steps it took, what went wrong)."""
    with tempfile.TemporaryDirectory(prefix="calmirror-model-") as directory:
        world = KINDS[kind][0](directory, seed)
        try:
            for n, step in enumerate(plan):
                try:
                    take(world, step)
                except Exception:  # whatever it is, it is the finding
                    return n + 1, traceback.format_exc() + (world.mirror.log_text()[-4000:] if keep_log else "")
            return None
        finally:
            world.close()


def shrink(seed, plan, kind):
    """Takes out what can go, in ever smaller pieces, while it still fails at its end."""
    until = time.monotonic() + SHRINK_S
    size = len(plan) // 2
    while size and time.monotonic() < until:
        at = 0
        while at + size < len(plan) and time.monotonic() < until:
            shorter = plan[:at] + plan[at + size:]
            failed = run(seed, shorter, kind)
            if failed:
                plan = shorter[:failed[0]]
            else:
                at += size
        size //= 2
    return plan


def report(seed, plan, kind, failed):
    steps, why = failed
    short = shrink(seed, plan[:steps], kind) if SHRINK_S else plan[:steps]
    return (f"CALMIRROR_SEED={seed} --kind {kind} failed at step {steps} of {len(plan)}:\n{why}\n"
            f"what is left of it after shortening ({len(short)} steps):\n" + "\n".join(f"    {s!r}," for s in short))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kind", choices=KINDS, help="of schedule; otherwise they take turns")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CALMIRROR_SEED", random.randrange(1 << 32))))
    args = parser.parse_args()
    until, seed, rounds = time.monotonic() + args.seconds, args.seed, 0
    while rounds == 0 or time.monotonic() < until:
        kind = args.kind or list(KINDS)[rounds % len(KINDS)]
        plan = schedule(seed, args.steps, kind)
        print(f"CALMIRROR_SEED={seed}: {len(plan)} steps with {kind}", flush=True)
        failed = run(seed, plan, kind, keep_log=True)
        if failed:
            print(report(seed, plan, kind, failed))
            return 1
        seed, rounds = seed + 1, rounds + 1
    print(f"{rounds} schedules, equal at each rest")
    return 0


if __name__ == "__main__":
    sys.exit(main())
