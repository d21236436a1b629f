"""Three programs that read Google calendars, behind one face: call("events.list", calendarId=..., ...)."""

import json
import os
import subprocess
import threading
from urllib.parse import quote, urlencode

import npm
import schema
from mirror import PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 60 * PATIENCE


class Refused(Exception):
    """An answer of 400 or above."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class Node:
    """Google's client for Node.js, in a process of its own. `discover`: built from the mirror's description."""

    def __init__(self, url, discover=False):
        modules = npm.install(HERE, "clients")
        self.discover = discover
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        env["NODE_PATH"] = modules
        self.process = subprocess.Popen(["node", os.path.join(HERE, "client.js"), url + "/"], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.watchdog = threading.Timer(5 * SECONDS, self.process.kill)
        self.watchdog.start()

    def call(self, method, body=None, **params):
        request = {"method": method, "params": params, "body": body, "discover": self.discover}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "{}")
        if "error" in answer:
            raise Refused(answer["status"], answer["error"])
        return answer["data"]

    def close(self):
        self.watchdog.cancel()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(SECONDS)


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

    def call(self, method, body=None, **params):
        try:
            return self.request(method, body, **params).execute()
        except self.errors.HttpError as e:
            raise Refused(int(e.resp.status), json.loads(e.content)) from None

    def close(self):
        pass


class Curl:
    """curl, with the URL that Google's reference gives for the method."""

    def __init__(self, url):
        self.url = url + "/calendar/v3/"
        self.methods = dict(schema.methods())

    def call(self, method, body=None, **params):
        known = self.methods[method]
        path = known["path"]
        for name in known.get("parameterOrder", []):
            path = path.replace("{" + name + "}", quote(str(params.pop(name)), safe=""))
        query = urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in params.items()}, doseq=True)
        command = ["curl", "-sS", "--noproxy", "*", "--compressed", "-m", str(SECONDS), "-w", "\n%{http_code}",
                   "-X", known["httpMethod"], self.url + path + ("?" + query if query else "")]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        text, _, status = out.rpartition("\n")
        if int(status) >= 400:
            raise Refused(int(status), json.loads(text))
        return json.loads(text) if text else ""

    def close(self):
        pass


CLIENTS = {
    "node": Node,
    "node-discovery": lambda url: Node(url, discover=True),
    "python": Python,
    "curl": Curl,
}
