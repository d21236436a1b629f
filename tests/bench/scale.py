#!/usr/bin/python3
"""Ten thousand calendars in one service: first sync, restart, changes at random moments and all at once, rest.

Prints what it took and whether that is what it must be. The emulated Google runs on the same machine, and what it
takes to answer is in the figures.

  tests/bench/scale.py [--calendars N] [--accounts N] [--minutes N]
"""
import argparse
import http.client
import os
import pathlib
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e")]

from load import Load, calendar_id, summary  # noqa: E402

SHARE_A_MINUTE = 0.01  # of the calendars change
P50_MS, P99_MS, CALLS, RSS_MIB = 50, 1000, 1.2, 128
PROJECT_RATE = 10000  # Google's default
TICKS = os.sysconf("SC_CLK_TCK")
FAILED = []


def say(name, text, ok=None):
    mark = "" if ok is None else "  ok" if ok else "  MISSED"
    if ok is False:
        FAILED.append(name)
    print(f"{name:28}{text}{mark}", flush=True)


def cpu_ms(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) // TICKS


class Reads(threading.Thread):
    """Small requests, one after another, while something else is asked for: how long did the longest take?"""

    def __init__(self, port):
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.longest, self.ended = 0.0, threading.Event()

    def run(self):
        while not self.ended.wait(0.001):
            began = time.monotonic()
            self.connection.request("GET", "/healthz")
            self.connection.getresponse().read()
            self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.join()
        self.connection.close()


class Bench:
    def __init__(self, load, minutes):
        self.load, self.minutes = load, minutes
        self.rss_kib = 0
        self.changed = max(1, round(load.calendars * SHARE_A_MINUTE))

    def watch_rss(self):
        self.rss_kib = max(self.rss_kib, self.load.mirror.rss_anon_kib())

    def first_sync(self):
        calls = self.load.calls()
        self.load.mirror.start()
        took = self.load.seconds_until("the first sync", self.load.everything_ready, 1800)
        self.watch_rss()
        calls = self.load.calls() - calls
        say("first sync", f"{took:8.1f} s, {self.load.calendars / took:.0f} calendars/s, "
            f"{calls / self.load.calendars:.2f} calls and {cpu_ms(self.load.mirror.process.pid) / self.load.calendars:.2f} "
            "ms of CPU a calendar")

    def restart(self):
        """What changed while it was down comes first, though everything is asked for, and as fast as the quota allows."""
        load = self.load
        load.mirror.kill()
        load.reader.close()
        changed = load.random.sample(range(load.calendars), self.changed)
        titles = {calendar_id(n): load.edit(calendar_id(n)) for n in changed}
        load.mirror.sections["google"]["project_rate"] = str(PROJECT_RATE)
        load.mirror.write_config()
        calls, began = load.calls(), time.monotonic()
        load.mirror.start()
        ready = time.monotonic() - began
        load.seconds_until("what changed while it was down", lambda: all(
            load.title(c) == title for c, title in titles.items()), 600)
        caught_up = time.monotonic() - began
        load.seconds_until("everything to be looked at", load.at_rest, 600)
        took = time.monotonic() - began
        say("restart", f"serves after {ready:.2f} s, {self.changed} changed calendars after {caught_up:.1f} s, all after "
            f"{took:.1f} s, {(load.calls() - calls) / load.calendars:.2f} calls a calendar")
        self.watch_rss()

    def changes(self):
        load = self.load
        seconds = 60 * self.minutes
        pid = load.mirror.process.pid
        cpu = cpu_ms(pid)
        bursts = load.run(load.plan(seconds, round(self.changed * self.minutes)), self.watch_rss)
        p50, p99, most, calls = summary(bursts)
        say("changes", f"{len(bursts)} bursts in {seconds:.0f} s, {(cpu_ms(pid) - cpu) / seconds:.1f} ms of CPU a second")
        say("  readable after, p50", f"{p50:8.0f} ms", p50 <= P50_MS)
        say("  readable after, p99", f"{p99:8.0f} ms (most {most:.0f})", p99 <= P99_MS)
        say("  upstream calls a burst", f"{calls:8.2f}", calls <= CALLS)
        bursts = load.run([(0, c, n) for _, c, n in load.plan(0, self.changed)], self.watch_rss)
        p50, p99, most, calls = summary(bursts)
        say("all at once", f"{len(bursts)} bursts: p50 {p50:.0f} ms, p99 {p99:.0f} ms, {calls:.2f} calls each", p99 <= P99_MS)
        say("RssAnon", f"{self.rss_kib / 1024:8.0f} MiB at most", self.rss_kib <= RSS_MIB * 1024)

    def pages(self):
        for path in ("/v1/status", "/", "/metrics", "/readyz", "/v1/verify", "/v1/odd"):
            with Reads(self.load.mirror.api_port) as reads:
                began = time.monotonic()
                _, body = self.load.get(path)
                took = time.monotonic() - began
            say(f"GET {path}", f"{1000 * took:8.0f} ms, {len(body) / 1e6:.1f} MB; other reads waited "
                f"{1000 * reads.longest:.1f} ms at most")
        say("RssAnon after that", f"{self.load.mirror.rss_anon_kib() / 1024:8.0f} MiB")

    def idle(self, seconds=20):
        pid = self.load.mirror.process.pid
        cpu = cpu_ms(pid)
        time.sleep(seconds)  # it is what is measured
        say("at rest", f"{(cpu_ms(pid) - cpu) / seconds:8.1f} ms of CPU a second")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calendars", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--poll-interval", default="15m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="calmirror-scale-") as directory, \
            Load(pathlib.Path(directory), [options.calendars // options.accounts] * options.accounts, options.workers,
                 sync={"poll_interval": options.poll_interval}) as load:
        bench = Bench(load, options.minutes)
        print(f"{options.calendars} calendars in {options.accounts} accounts, {options.workers} workers")
        bench.first_sync()
        bench.restart()
        bench.changes()
        bench.pages()
        bench.idle()
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
