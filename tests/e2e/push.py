"""What the tests of the mirror's own notifications share."""
import json
import uuid

from emulator import USER

# Receivers of the tests are on this machine; retries come soon, but not because one was slow to answer.
LOCAL = {"networks": "127.0.0.0/8, ::1", "backoff_min": "50ms", "backoff_max": "200ms", "settle": "50ms",
         "request_timeout": "60s"}
EVENTS = "/calendar/v3/calendars/{}/events/watch"


def watch(pair, address, path=EVENTS.format(USER), expect=200, headers=None, **body):
    """Opens a channel at the mirror; the answer's body."""
    body = {"id": str(uuid.uuid4()), "type": "web_hook", "address": address, **body}
    answer = pair.mirror.request("POST", path, body=encode({k: v for k, v in body.items() if v is not None}),
                                 headers={"Content-Type": "application/json", **(headers or {})})
    assert answer.status == expect, answer.body
    return answer.json


def stop(pair, channel, expect=204, headers=None, **changes):
    body = {"id": channel["id"], "resourceId": channel["resourceId"], **changes}
    answer = pair.mirror.request("POST", "/calendar/v3/channels/stop", body=encode(body),
                                 headers={"Content-Type": "application/json", **(headers or {})})
    assert answer.status == expect, answer.body
    return answer


def encode(body):
    return json.dumps(body).encode()


def state_of(ping):
    return ping["x-goog-resource-state"]


def number_of(ping):
    return int(ping["x-goog-message-number"])
