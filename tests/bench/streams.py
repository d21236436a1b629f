#!/usr/bin/python3
"""Measures open streams: what an idle one costs, and how long a change takes to all of them.

The broadcast is compared with a bare loop of send() to as many sockets, which takes turns with it: what counts is the
time from the first reader that has the line to the last. The readers are one process of their own.

  tests/bench/streams.py [--streams N] [--rounds N]
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

from emulator import USER, Emulator  # noqa: E402
from mirror import BUILD, Mirror  # noqa: E402
from pair import Pair, token_account  # noqa: E402

PROGRAM = os.path.join(BUILD, "bench", "streams")
IDLE_BYTES = 6 * 1024   # of a stream, at most
BROADCAST_RATIO = 1.5   # of the bare loop's time, at most
P50_MS, P99_MS = 50, 250  # from the edit to the line, for a thousand streams


class Readers:
    """Many streams in a process; times() is when each of them had the next event, as ns of the monotonic clock."""

    def __init__(self, port, n, path="/v1/stream"):
        self.process = subprocess.Popen([PROGRAM, "listen", str(port), str(n), path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def expect(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def times(self):
        """first, p50, p99, last"""
        return [int(word) for word in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


class Bare:
    """The bare loop, with its readers."""

    def __init__(self, n, size):
        self.process = subprocess.Popen([PROGRAM, "bare", str(n), str(size)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.readers = Readers(int(self.process.stdout.readline()), n)

    def broadcast(self):
        self.readers.expect()
        began = time.monotonic_ns()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [t - began for t in self.readers.times()]

    def close(self):
        self.readers.close()
        self.process.stdin.close()
        self.process.wait(30)


def anon_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def edit(pair, readers, event, title):
    """One edit; ns from before it until the readers have it: first, p50, p99, last."""
    readers.expect()
    began = time.monotonic_ns()
    pair.google.patch(USER, event, summary=title)
    return [t - began for t in readers.times()]


def ms(ns):
    return f"{ns / 1e6:7.1f}"


def medians(rounds):
    return [statistics.median(column) for column in zip(*rounds)]


def measure(pair, n, rounds, out=print):
    """Returns (bytes of an idle stream, medians of the edits, ratio of the broadcast to the bare loop)."""
    pid = pair.mirror.process.pid
    event = pair.google.insert(summary="x")["id"]
    pair.wait_equal(USER)
    pair.wait_quiet(USER)
    warm = Readers(pair.mirror.api_port, min(n, 64))  # so that what is set up once is not counted
    warm.close()
    before = anon_kib(pid)
    readers = Readers(pair.mirror.api_port, n)
    idle = (anon_kib(pid) - before) * 1024 / n
    out(f"{n} streams: {idle:.0f} bytes each in the service")
    size = len(pair.mirror.get("/v1/changes", cursor="0", prettyPrint="false").body) // 2 + 60
    bare = Bare(n, size)
    edits, plain, spread = [], [], []
    for i in range(rounds):
        edits.append(edit(pair, readers, event, f"title {i}"))
        plain.append(bare.broadcast())
        pair.wait_quiet(USER)
        ours, theirs = (r[-1][3] - r[-1][0] for r in (edits, plain))
        spread.append((ours, theirs))
    first, p50, p99, last = medians(edits)
    out(f"edit at Google -> line:  first {ms(first)} ms, p50 {ms(p50)}, p99 {ms(p99)}, last {ms(last)}")
    ours, theirs = medians(spread)
    out(f"first to last reader:    {ms(ours)} ms; a bare send loop {ms(theirs)} ms: {ours / theirs:.2f} times")
    readers.close()
    bare.close()
    return idle, (p50 / 1e6, p99 / 1e6), ours / theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=9500)  # twice that many files, and 20,000 is a usual limit
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    missed = []
    for n in (1000, args.streams):
        with tempfile.TemporaryDirectory(prefix="streams-") as directory, Emulator() as emulator:
            mirror = Mirror(os.path.join(directory, "mirror"), emulator.url, {"test": token_account(directory)})
            pair = Pair(emulator, mirror)
            mirror.start()
            try:
                mirror.wait_ready()
                pair.wait_live(USER)
                idle, (p50, p99), ratio = measure(pair, n, args.rounds)
            finally:
                mirror.close()
        if idle > IDLE_BYTES:
            missed.append(f"an idle stream costs {idle:.0f} bytes")
        if n == 1000 and (p50 > P50_MS or p99 > P99_MS):
            missed.append(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms")
        if n > 1000 and ratio > BROADCAST_RATIO:
            missed.append(f"the broadcast takes {ratio:.2f} times the bare loop")
    for what in missed:
        print("MISSED:", what)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
