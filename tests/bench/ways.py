#!/usr/bin/python3
"""Measures the ways to stay in step with a calendar side by side: what each costs, and how late it is.

One calendar, one edit after another. The delay is from before the edit at (an emulated) Google until the program knows
of it; notification and pull are in it, the same for all. The cost is the service's CPU time: for a look that finds
nothing, and for telling one program of one change. Prints the table of the README.

  tests/bench/ways.py [--rounds N]
"""
import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import push  # noqa: E402
from emulator import USER, Emulator, Hook  # noqa: E402
from mirror import Mirror, wait_for  # noqa: E402
from pair import Pair, token_account  # noqa: E402
from peers import cpu_ns  # noqa: E402
from streams import Readers, edit  # noqa: E402

EVENTS = "/calendar/v3/calendars/primary/events?maxResults=50&prettyPrint=false"
POLL_S = 1.0
MANY = 500  # programs that are told of a change, so that telling one can be measured
LOOKS = 3000


class Ways:
    def __init__(self, pair, event, rounds):
        self.pair, self.event, self.rounds = pair, event, rounds
        self.pid = pair.mirror.process.pid
        self.count = 0

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.pair.mirror.api_port, timeout=70)

    def edit(self):
        self.count += 1
        began = time.monotonic()
        self.pair.google.patch(USER, self.event, summary=f"title {self.count}")
        return began

    def delays(self, know):
        """Median ms of `know()`, which returns when the edit that it is given the start of is known."""
        told = []
        for _ in range(self.rounds):
            self.pair.wait_quiet(USER)
            told.append(1000 * (know() - self.last))
        return statistics.median(told)

    def begin(self, wait):
        """Waits in a thread while the edit is made; when that knew."""
        result = []
        thread = threading.Thread(target=lambda: result.append((wait(), time.monotonic())[1]))
        thread.start()
        time.sleep(0.05)  # it waits by now
        self.last = self.edit()
        thread.join()
        return result[0]

    # -- polling ---------------------------------------------------------------------------------

    def etag_poll(self):
        """(µs of a 304, bytes of it, ms of delay when it is asked every POLL_S)"""
        c = self.connection()

        def ask(etag=None):
            c.request("GET", EVENTS, headers={"If-None-Match": etag} if etag else {})
            answer = c.getresponse()
            answer.read()
            return answer
        etag = ask().headers["ETag"]
        before = cpu_ns([self.pid], "api")
        for _ in range(LOOKS):
            assert ask(etag).status == 304
        cost = (cpu_ns([self.pid], "api") - before) / LOOKS / 1000
        told = []
        for i in range(self.rounds):
            self.pair.wait_quiet(USER)
            etag = ask().headers["ETag"]
            next_look = time.monotonic() + POLL_S * (i + 1) / (self.rounds + 1)  # edits fall anywhere between looks
            began = self.edit()
            while True:
                time.sleep(max(0, next_look - time.monotonic()))
                if ask(etag).status != 304:
                    break
                next_look += POLL_S
            told.append(1000 * (time.monotonic() - began))
        return cost, statistics.median(told)

    # -- long poll -------------------------------------------------------------------------------

    def long_poll(self):
        c = self.connection()
        cursor = self.pair.mirror.get("/v1/changes").json["cursor"]

        def wait():
            nonlocal cursor
            c.request("GET", f"/v1/changes?wait=30&cursor={cursor}")
            answer = json.loads(c.getresponse().read())
            assert answer["items"]
            cursor = answer["cursor"]
        delay = self.delays(lambda: self.begin(wait))
        cost = self.telling(self.waiters, lambda threads: [t.join() for t in threads])
        return cost, delay

    def waiters(self):
        def wait():
            c = self.connection()
            c.request("GET", "/v1/changes?wait=30")
            assert json.loads(c.getresponse().read())["items"]
        threads = [threading.Thread(target=wait) for _ in range(MANY)]
        for t in threads:
            t.start()
        wait_for("them to wait", lambda: self.pair.mirror.status()["totals"]["long_polls"] == MANY)
        return threads

    def telling(self, prepare, finish):
        """µs of the API's thread for each of MANY programs, beyond what the change costs by itself."""
        costs = []
        for _ in range(3):
            self.pair.wait_quiet(USER)
            held = prepare()
            before = cpu_ns([self.pid], "api")
            self.edit()
            finish(held)
            costs.append((cpu_ns([self.pid], "api") - before) / MANY / 1000)
        return statistics.median(costs)

    # -- stream ----------------------------------------------------------------------------------

    def stream(self):
        one = Readers(self.pair.mirror.api_port, 1)
        told = []
        for i in range(self.rounds):
            self.pair.wait_quiet(USER)
            told.append(edit(self.pair, one, self.event, f"stream {i}")[0] / 1e6)
        one.close()
        readers = Readers(self.pair.mirror.api_port, MANY)

        def prepare():
            readers.expect()
        cost = self.telling(prepare, lambda _: readers.times())
        readers.close()
        return cost, statistics.median(told)

    # -- push ------------------------------------------------------------------------------------

    def webhook(self):
        with Hook() as hook:
            channel = push.watch(self.pair, hook.url)
            hook.next()

            def wait():
                hook.next()
            before = cpu_ns([self.pid], "channels")
            delay = self.delays(lambda: self.begin(wait))
            cost = (cpu_ns([self.pid], "channels") - before) / self.rounds / 1000
            push.stop(self.pair, channel)
        return cost, delay


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ways-") as directory, Emulator() as emulator:
        mirror = Mirror(os.path.join(directory, "mirror"), emulator.url, {"test": token_account(directory)},
                        push=push.LOCAL)
        pair = Pair(emulator, mirror)
        mirror.start()
        try:
            mirror.wait_ready()
            pair.wait_live(USER)
            event = pair.google.insert(summary="x")["id"]
            pair.wait_equal(USER)
            calls = len(pair.upstream())
            ways = Ways(pair, event, args.rounds)
            look, poll = ways.etag_poll()
            held, long_poll = ways.long_poll()
            line, stream = ways.stream()
            post, hook = ways.webhook()
            edits = ways.count + args.rounds
            calls = len(pair.upstream()) - calls
        finally:
            mirror.close()
    print(f"| poll with `If-None-Match`, every {POLL_S:.0f} s | {poll:.0f} ms | a look: {look:.0f} µs, changed or not |")
    print(f"| `GET /v1/changes?wait=30` | {long_poll:.0f} ms | a change: {held:.0f} µs; nothing while it waits |")
    print(f"| `GET /v1/stream` | {stream:.0f} ms | a change: {line:.0f} µs; nothing in between |")
    print(f"| `events.watch`, a POST to you | {hook:.0f} ms | a change: {post:.0f} µs and a look of yours |")
    print(f"{calls} calls to Google for some {edits} edits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
