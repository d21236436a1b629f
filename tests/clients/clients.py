"""Programs that read Google calendars, behind one face: call("events.list", calendarId=..., ...); with etag=, only if it
changed. Those that follow pages themselves also have walk(), those that know batches have batch()."""

import json
import os
import shutil
import subprocess
import threading
from datetime import datetime
from urllib.parse import quote, urlencode

import pytest

import npm
import schema
from mirror import PATIENCE, TOP

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 60 * PATIENCE


class Refused(Exception):
    """An answer of 300 or above."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class Filter:
    """A client in a process of its own: a call on each line of its input, the outcome on each line of its output."""

    def __init__(self, command, **environment):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.process = subprocess.Popen(command, env={**env, **environment}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.watchdog = threading.Timer(15 * SECONDS, self.process.kill)
        self.watchdog.start()

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "{}")
        if "error" in answer:
            raise Refused(answer["status"], answer["error"])
        if answer.get("data") and "held" in answer:
            assert_held(answer["held"], answer["data"])
        return answer

    def call(self, method, body=None, etag=None, **params):
        return self.ask(method=method, params=params, body=body, etag=etag).get("data", "")

    def close(self):
        self.watchdog.cancel()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(SECONDS)


def assert_held(held, came):
    """What a client with types of its own holds is what came; it may lack what it does not know, or what says nothing."""
    if isinstance(held, dict):
        for key in held:
            assert_held(held[key], came[key])
    elif isinstance(held, list):
        assert len(held) == len(came)
        for pair in zip(held, came):
            assert_held(*pair)
    elif held != came:  # a time, written otherwise
        assert datetime.fromisoformat(held) == datetime.fromisoformat(came.replace("Z", "+00:00"))


class Node(Filter):
    """Google's client for Node.js. `discover`: built from the mirror's description."""

    def __init__(self, url, discover=False):
        self.discover = discover
        super().__init__(["node", os.path.join(HERE, "client.js"), url + "/"], NODE_PATH=npm.install(HERE, "clients"))

    def ask(self, **request):
        return super().ask(discover=self.discover, **request)


class Go(Filter):
    """Google's client for Go, which decodes into structures and takes no type for another."""

    def __init__(self, url):
        needs("go")
        target = os.path.join(TOP, "build", "clients-go")
        settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOPROXY": "off", "GOFLAGS": "",
                    "GOCACHE": os.path.join(target, "cache")}
        program = os.path.join(target, "client")
        subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "client.go")],
                       env={**os.environ, **settings}, check=True, timeout=15 * SECONDS)
        super().__init__([program, url + "/"])

    def walk(self, method, **params):
        return self.ask(method=method, params=params, walk=True)["held"]


class Ruby(Filter):
    """Google's client for Ruby."""

    def __init__(self, url):
        needs("ruby")
        super().__init__(["ruby", os.path.join(HERE, "client.rb"), url + "/"])

    def walk(self, method, **params):
        return self.ask(method=method, params=params, walk=True)["held"]

    def batch(self, calls):
        """[(status, body)] of [(method, params)]."""
        answers = self.ask(batch=[{"method": m, "params": p} for m, p in calls])["data"]
        return [(a["status"], a.get("data", a.get("error"))) for a in answers]


def needs(command):
    """Skips the test without it, except where CI is set."""
    if not shutil.which(command) and not os.environ.get("CI"):
        pytest.skip(f"{command} is not installed")


class Python:
    """Google's client for Python, which builds itself from the mirror's description of what it serves."""

    def __init__(self, url):
        from google.oauth2.credentials import Credentials
        from googleapiclient import discovery, errors
        self.errors = errors
        self.service = discovery.build(
            "calendar", "v3", cache_discovery=False,
            credentials=Credentials(token=None, refresh_token="a-refresh-token", token_uri=url + "/token",
                                    client_id="an-id", client_secret="a-secret"),
            discoveryServiceUrl=url + "/discovery/v1/apis/{api}/{apiVersion}/rest")

    def request(self, method, body=None, **params):
        resource, verb = method.split(".")
        if body is not None:
            params["body"] = body
        return getattr(getattr(self.service, resource)(), verb)(**params)

    def call(self, method, body=None, etag=None, **params):
        request = self.request(method, body, **params)
        if etag:
            request.headers["If-None-Match"] = etag
        try:
            return request.execute()
        except self.errors.HttpError as e:
            raise Refused(int(e.resp.status), json.loads(e.content or "{}")) from None

    def walk(self, method, **params):
        resource, verb = method.split(".")
        items, request = [], self.request(method, **params)
        while request:
            page = request.execute()
            items += page["items"]
            request = getattr(getattr(self.service, resource)(), verb + "_next")(request, page)
        return items

    def batch(self, calls):
        """[(status, body)] of [(method, params)]."""
        answers = []
        batch = self.service.new_batch_http_request(
            callback=lambda _, body, e: answers.append((200, body) if not e else (int(e.resp.status), json.loads(e.content))))
        for method, params in calls:
            batch.add(self.request(method, **params))
        batch.execute()
        return answers

    def close(self):
        pass


class Curl:
    """curl, with the URL that Google's reference gives for the method."""

    def __init__(self, url):
        self.url = url + "/calendar/v3/"
        self.methods = dict(schema.methods())

    def call(self, method, body=None, etag=None, **params):
        known = self.methods[method]
        path = known["path"]
        for name in known.get("parameterOrder", []):
            path = path.replace("{" + name + "}", quote(str(params.pop(name)), safe=""))
        query = urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in params.items()}, doseq=True)
        command = ["curl", "-sS", "--noproxy", "*", "--compressed", "-m", str(SECONDS), "-w", "\n%{http_code}",
                   "-X", known["httpMethod"], self.url + path + ("?" + query if query else "")]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        if etag:
            command += ["-H", "If-None-Match: " + etag]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        text, _, status = out.rpartition("\n")
        if int(status) >= 300:
            raise Refused(int(status), json.loads(text or "{}"))
        return json.loads(text) if text else ""

    def close(self):
        pass


CLIENTS = {
    "node": Node,
    "node-discovery": lambda url: Node(url, discover=True),
    "python": Python,
    "go": Go,
    "ruby": Ruby,
    "curl": Curl,
}
