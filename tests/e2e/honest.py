"""A well-behaved client in a process of its own: asks at a steady pace, now and then over a new connection, until its
stdin ends, and then prints what it saw: {"n", "failures", "p50_ms", "p90_ms", "p99_ms", "max_ms"}.

usage: honest.py PORT METHOD PATH [HEADER: VALUE]..."""
import http.client
import json
import select
import sys
import time

PACE = 0.004  # seconds between two requests
NEW_EVERY = 5


def main():
    port, method, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    headers = dict(h.split(": ", 1) for h in sys.argv[4:])
    times, failures, connection = [], [], None
    n = 0
    while not select.select([sys.stdin], [], [], PACE)[0]:
        began = time.monotonic()
        try:
            if connection is None or n % NEW_EVERY == 0:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=45)
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                failures.append(response.status)
        except (OSError, http.client.HTTPException) as e:
            failures.append(repr(e))
            connection = None
        times.append(1000 * (time.monotonic() - began))
        n += 1
        if n % 50 == 0:
            print(n, flush=True)
    times.sort()
    print(json.dumps({"n": n, "failures": failures[:5], "p50_ms": times[n // 2], "p90_ms": times[int(n * 0.9)], "p99_ms": times[int(n * 0.99)],
                      "max_ms": times[-1]}), flush=True)


main()
