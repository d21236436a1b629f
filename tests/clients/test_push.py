"""Programs written for Google's push notifications: opened by each client, received on Node's own http."""
import json
import os
import queue
import subprocess
import threading
import time
import uuid

import pytest

from clients import HERE, Refused
from mirror import LONG, PATIENCE, wait_for

ANNA = "anna@example.com"


class Receiver:
    """receiver.js; what it is sent comes in order."""

    def __init__(self):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "receiver.js")], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{json.loads(self.process.stdout.readline())['port']}/hook?x=1"
        self.requests = queue.Queue()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.requests.put(json.loads(line))

    def next(self):
        request = self.requests.get(timeout=LONG * PATIENCE)
        assert (request["method"], request["url"], request["bytes"]) == ("POST", "/hook?x=1", 0)
        return {k: v for k, v in request["headers"].items() if k.startswith("x-goog-")}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait(LONG * PATIENCE)
        self.thread.join()
        self.process.stdout.close()


@pytest.fixture
def receivers():
    with Receiver() as receiver, Receiver() as marker:
        yield receiver, marker


def watch(client, receiver, method="events.watch", **params):
    body = {"id": str(uuid.uuid4()), "type": "web_hook", "address": receiver.url, "token": "mine=1"}
    channel = client.call(method, body=body, **params)
    assert channel["kind"] == "api#channel" and channel["id"] == body["id"] and channel["token"] == "mine=1"
    assert int(channel["expiration"]) > 1000 * time.time() + 6 * 86400 * 1000
    return channel


def settled(pair):
    """Until all that was changed is here."""
    pair.wait_equal(ANNA)
    pair.wait_quiet(ANNA)


def test_sync_then_a_ping_for_each_burst_then_silence(client, pair, receivers):
    receiver, marker = receivers
    settled(pair)
    channel = watch(client, receiver, calendarId=ANNA)
    sync = receiver.next()
    assert sync["x-goog-resource-state"] == "sync" and sync["x-goog-message-number"] == "1"
    assert sync["x-goog-channel-id"] == channel["id"] and sync["x-goog-channel-token"] == "mine=1"
    assert sync["x-goog-resource-id"] == channel["resourceId"] and sync["x-goog-resource-uri"] == channel["resourceUri"]
    assert sync["x-goog-channel-expiration"].endswith(" GMT")
    numbers = [1]
    for burst in range(2):
        token = client.call("events.list", calendarId=ANNA, maxResults=2500)["nextSyncToken"]
        pair.emulator.set_pings(paused=True)  # however long the edits take, the mirror is told of all of them
        made = {pair.google.insert(ANNA, summary=f"burst {burst}")["id"] for _ in range(5)}
        pair.emulator.set_pings(paused=False)
        ping = receiver.next()
        assert ping["x-goog-resource-state"] == "exists"
        numbers.append(int(ping["x-goog-message-number"]))
        changes = client.call("events.list", calendarId=ANNA, syncToken=token)["items"]
        assert {e["id"] for e in changes} == made
        assert receiver.requests.empty()
    assert numbers == sorted(set(numbers))
    other = watch(client, marker, calendarId=ANNA)
    marker.next()
    client.call("channels.stop", body={"id": channel["id"], "resourceId": channel["resourceId"]})
    pair.google.insert(ANNA, summary="after the stop")
    assert marker.next()["x-goog-resource-state"] == "exists"
    assert receiver.requests.empty()
    with pytest.raises(Refused) as refused:
        client.call("channels.stop", body={"id": channel["id"], "resourceId": channel["resourceId"]})
    assert refused.value.status == 404
    client.call("channels.stop", body={"id": other["id"], "resourceId": other["resourceId"]})


@pytest.mark.parametrize("method, params, resource", [
    ("calendarList.watch", {}, "/users/me/calendarList"), ("settings.watch", {}, "/users/me/settings"),
    ("acl.watch", {"calendarId": ANNA}, "/acl"),
])
def test_the_other_resources(client, receivers, method, params, resource):
    channel = watch(client, receivers[0], method, **params)
    assert resource + "?alt=json" in channel["resourceUri"]
    assert receivers[0].next()["x-goog-resource-state"] == "sync"
    client.call("channels.stop", body={"id": channel["id"], "resourceId": channel["resourceId"]})


def test_errors_of_watch(client, pair):
    def refused(**body):
        with pytest.raises(Refused) as e:
            client.call("events.watch", calendarId=ANNA, body={"id": "x", "type": "web_hook", **body})
        return e.value.status, e.value.body["error"]["errors"][0]["reason"]
    assert refused(address="https://169.254.169.254/") == (400, "push.webhookUrlUnauthorized")
    assert refused(address="https://example.com/", expiration="1000") == (400, "pushInvalidTtl")
    wait_for("no channel to be left", lambda: pair.mirror.status()["push"]["channels"]["open"] == 0)
