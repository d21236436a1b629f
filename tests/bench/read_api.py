#!/usr/bin/python3
"""Measures the read API beside nginx, which serves the very same bytes from its cache.

One core runs the server, another the load. What is compared is the server's CPU time per request, since wall time
depends on the load generator and the machine's mood; targets take turns within each round, and medians count.

  tests/bench/read_api.py [--rounds N] [--seconds S] [--only WORD]
"""
import argparse
import contextlib
import datetime
import os
import statistics
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import peers  # noqa: E402
import world  # noqa: E402
from emulator import Emulator  # noqa: E402
from mirror import Mirror, wait_for  # noqa: E402
from pair import token_account  # noqa: E402

MIRROR = "mirror"
LIBRARY = "library"
OURS = (MIRROR, LIBRARY)
CONNECTIONS = (32, 128, 256, 512, 1024)
COLD_STARTS = 5
FAILED = []


def say(text=""):
    print(text, flush=True)


def verdict(ok, what):
    if not ok:
        FAILED.append(what)
    return "ok" if ok else "MISSED"


def events_path(calendar, **query):
    return f"/calendar/v3/calendars/{calendar}/events?" + urllib.parse.urlencode(query, safe=":@#%")


class Case:
    """One row of the table: a request, what it is compared with, and how much better it must be."""

    def __init__(self, name, path, mode="fixed", headers=(), compared=None, target=None):
        self.name, self.path, self.mode, self.headers = name, path, mode, tuple(headers)
        self.compared = compared  # the case whose nginx is the peer; None: has its own
        self.target = target
        self.library = None  # the library alone, with this case's answer
        self.loads = {}

    def best(self, target):
        """Median CPU µs of a target's rounds."""
        return statistics.median(load.cpu_us for load in self.loads[target])

    def peer(self):
        """nginx's better setting: (its name, its median)."""
        case = self.compared or self
        return min(((name, case.best(name)) for name in case.loads if name not in OURS), key=lambda x: x[1])

    def ratio(self):
        return self.peer()[1] / self.best(MIRROR)


class Bench:
    def __init__(self, mirror, emulator, nginx, server_core, load_core, stack, scratch):
        self.mirror, self.emulator, self.nginx = mirror, emulator, nginx
        self.stack, self.scratch = stack, scratch
        self.server_core, self.load_core = server_core, load_core
        self.calls = 0  # upstream, while reads went on

    def get(self, port, path, headers=()):
        names = iter(headers)
        return self.mirror.request("GET", path, headers=dict(zip(names, names)), port=port)

    def load(self, case, target, seconds, connections=32):
        if target == MIRROR:
            port, pids = self.mirror.api_port, [self.mirror.process.pid]
        elif target == LIBRARY:
            port, pids = case.library.port, [case.library.process.pid]
        else:
            port, pids = self.nginx.ports[target], self.nginx.pids()
        return peers.load(port, pids, case.mode, case.path, self.load_core, seconds, connections, case.headers)

    def prime(self, case):
        """Warms both; from then on nginx asks no more. Both must say the same."""
        for _ in range(4):
            ours = self.get(self.mirror.api_port, case.path, case.headers)
        for name, port in self.nginx.ports.items():
            for _ in range(2):
                theirs = self.get(port, case.path, case.headers)
            same = (ours.status, ours.body) == (theirs.status, theirs.body)
            if not same or ours.status not in (200, 304):
                raise SystemExit(f"{case.name}: the mirror says {ours.status}, {len(ours.body)} bytes; "
                                 f"nginx ({name}) {theirs.status}, {len(theirs.body)} bytes")
        case.library = peers.Bare(self.scratch, self.mirror.api_port, case.path, case.headers, self.server_core)
        self.stack.callback(case.library.stop)

    def rounds(self, cases, rounds, seconds):
        for number in range(rounds):
            for case in cases:
                targets = [MIRROR] if case.compared else [*OURS, *self.nginx.ports]
                for target in targets[number % len(targets):] + targets[:number % len(targets)]:
                    result = self.load(case, target, seconds)
                    if result.errors:
                        raise SystemExit(f"{case.name}, {target}: {result.errors} errors")
                    case.loads.setdefault(target, []).append(result)

    def upstream(self):
        """Requests that the mirror made so far."""
        return len(self.emulator.requests())

    def restart(self):
        """As a service is after its first day: at a start the store puts its file in order."""
        self.wait_quiet()
        self.mirror.stop()
        self.mirror.start()
        self.mirror.wait_ready(120)
        self.wait_quiet()

    def wait_quiet(self):
        """Until the mirror has nothing to do by itself."""
        def quiet():
            status = self.mirror.wait_ready()
            return not any(c["dirty"] or c["running"] for c in status["collections"])
        wait_for("the mirror to come to rest", quiet)


def make_cases(bench):
    # The ends of a window may move within a quarter of an hour without finding other events.
    def window(minute, second, **query):
        at = f"{minute}:{second}Z"
        return events_path(world.LARGE, timeMin=f"2026-03-04T07:{at}", timeMax=f"2026-03-04T11:{at}", **query)

    compact = {"prettyPrint": "false"}
    singles = {"singleEvents": "true", "orderBy": "startTime"}
    plain = window("01", "01", **compact)
    etag = bench.get(bench.mirror.api_port, plain).headers["ETag"]
    gzip = ("Accept-Encoding", "gzip")
    hit = Case("cached", plain, target=1.15)
    pretty = Case("cached, prettyPrint", window("01", "01"))
    return [
        hit,
        Case("cached, gzip", plain, headers=gzip, target=1.5),
        Case("cached, 304", plain, headers=("If-None-Match", etag), target=1.35),
        pretty,
        Case("uncached, hot window", window("#", "@", **compact), "seconds", compared=hit, target=0.9),
        Case("uncached, hot, singleEvents", window("#", "@", **compact, **singles), "seconds", compared=hit),
        Case("uncached, hot, prettyPrint", window("#", "@"), "seconds", compared=pretty),
        Case("uncached, random windows", events_path(world.LARGE, timeMin="%s", timeMax="%s", **compact), "windows",
             compared=hit, target=0.5),
        Case("uncached, random, singleEvents", events_path(world.LARGE, timeMin="%s", timeMax="%s", **compact,
                                                           **singles), "windows", compared=hit),
    ]


def show_cases(cases):
    say(f"{'':32}{'bytes':>8}{'mirror µs':>11}{'nginx µs':>10}{'ratio':>8}{'target':>8}  {'library alone':>14}"
        f"  {'req/s, best rounds':>18}")
    for case in cases:
        setting, theirs = case.peer()
        ratio = case.ratio()
        best = [max(load.rps for load in loads[name]) for loads, name in
                ((case.loads, MIRROR), ((case.compared or case).loads, setting))]
        mark = "" if case.target is None else verdict(ratio >= case.target, case.name)
        target = "" if case.target is None else f"{case.target:.2f}"
        library = "" if case.compared else f"{theirs / case.best(LIBRARY):.2f}"
        say(f"{case.name:32}{case.loads[MIRROR][0].bytes:8.0f}{case.best(MIRROR):11.2f}{theirs:10.2f}{ratio:8.2f}"
            f"{target:>8}  {library:>14}  {best[0]:8.0f} :{best[1]:8.0f}  {mark}")


def show_connections(bench, cases):
    """Many connections at once: nobody may wait for a second, nor all of them go three times slower."""
    say(f"\n{'connections':>32}{'':11}{'mirror µs':>11}{'req/s':>10}{'p99 ms':>9}{'errors':>8}")
    for case in cases:
        base = None
        for count in CONNECTIONS:
            r = bench.load(case, MIRROR, 2, count)
            base = base or r.rps
            mark = verdict(r.errors == 0 and r.rps > base / 3, f"{case.name} at {count} connections")
            say(f"{count:32}{case.name:>22}{r.cpu_us:11.2f}{r.rps:10.0f}{r.p99_us / 1000:9.1f}{r.errors:8}  {mark}")


def show_cold_week(bench):
    """A week with its instances: the first request of a fresh process, then other weeks."""
    def week(start):
        return events_path(world.TEAM, singleEvents="true", orderBy="startTime", maxResults="2500",
                           prettyPrint="false", timeMin=world.stamp(start),
                           timeMax=world.stamp(start + datetime.timedelta(days=7)))

    def ask(start):
        before = peers.cpu_ns([bench.mirror.process.pid], "api")
        answer = bench.get(bench.mirror.api_port, week(start))
        took = (peers.cpu_ns([bench.mirror.process.pid], "api") - before) / 1e6
        if answer.status != 200:
            raise SystemExit(f"a week: {answer.status} {answer.body[:200]}")
        return took, len(answer.json["items"])

    first, later = [], []
    for _ in range(COLD_STARTS):
        bench.mirror.stop()
        bench.mirror.start()
        bench.wait_quiet()
        upstream = bench.upstream()
        first.append(ask(world.WEEK))
        later += [ask(world.WEEK + datetime.timedelta(days=day)) for day in range(1, 15)]
        bench.calls += bench.upstream() - upstream
    say(f"\na week of {world.TEAM_EVENTS} events, {world.TEAM_SERIES} of them series five years old: "
        f"{first[0][1]} events and instances")
    for name, times in (("first request of a process", first), ("other weeks, never asked before", later)):
        ms = statistics.median(took for took, _ in times)
        say(f"  {name:32}{ms:8.2f} ms of CPU, at most 1  {verdict(ms <= 1, 'cold week, ' + name)}")


def run(bench, args):
    cases = make_cases(bench)
    for case in cases:
        if not case.compared:
            bench.prime(case)
    hit = cases[0]
    wanted = [c for c in cases if args.only in c.name]
    chosen = [c for c in cases if c in wanted or c in [w.compared for w in wanted]]
    bench.wait_quiet()
    upstream = bench.upstream()
    bench.rounds(chosen, args.rounds, args.seconds)
    show_cases(chosen)
    if not args.only:
        show_connections(bench, [hit, next(c for c in cases if c.mode == "seconds")])
    bench.calls += bench.upstream() - upstream
    if not args.only:
        show_cold_week(bench)
    say(f"\ncalls to Google during all of these reads: {bench.calls}  {verdict(bench.calls == 0, 'calls to Google')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--only", default="", help="cases with this in their name")
    args = parser.parse_args()
    network = peers.own_network()  # before any socket is made
    server_core, load_core = peers.cores()
    os.sched_setaffinity(0, {load_core})
    say(f"server on core {server_core}, load on core {load_core}; congestion control: {network}")
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="calmirror-bench-"))
        began = time.monotonic()
        emulator = stack.enter_context(Emulator(world.world()))
        mirror = stack.enter_context(Mirror(
            scratch, emulator.url, {"me": token_account(scratch)}, webhook=False, wrapper=("taskset", "-c",
                                                                                         str(server_core)),
            sync={"poll_interval": "1h", "poll_interval_unhealthy": "1h"}))
        mirror.start()
        mirror.wait_ready(120)
        say(f"{world.LARGE_EVENTS + world.TEAM_EVENTS} events made and mirrored in {time.monotonic() - began:.0f} s")
        nginx = peers.Nginx(scratch, mirror.api_port, server_core)
        stack.callback(nginx.stop)
        bench = Bench(mirror, emulator, nginx, server_core, load_core, stack, scratch)
        bench.restart()
        run(bench, args)
    if FAILED:
        raise SystemExit("missed: " + ", ".join(FAILED))


if __name__ == "__main__":
    main()
