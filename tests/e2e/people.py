"""People who sign in: the OAuth client of the config, the consent page, `calmirror login` as a process."""
import json
import os
import queue
import subprocess
import threading

import requests

from emulator import USER
from mirror import BUILD, LONG, PATIENCE, mortal

BINARY = os.path.join(BUILD, "calmirror")
CLIENT_ID, CLIENT_SECRET = "12345-app.apps.googleusercontent.com", "GOCSPX-a-client-secret"
READONLY = "https://www.googleapis.com/auth/calendar.readonly"
ACLS = "https://www.googleapis.com/auth/calendar.acls.readonly"


def world(*users):
    """A world of users with a calendar each, and the OAuth client that they can sign in to."""
    users = users or (USER,)
    return {"clients": [{"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}],
            "users": [{"email": u, "tokens": ["test-token" if u == USER else u], "calendarList": [u]} for u in users],
            "calendars": [{"id": u} for u in users]}


def private_file(path, content):
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def oauth_account(directory, **options):
    """As Google's console hands the client out."""
    client = {"installed": {
        "client_id": CLIENT_ID, "project_id": "project", "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token", "client_secret": CLIENT_SECRET,
        "redirect_uris": ["http://localhost"]}}
    return {"oauth": private_file(os.path.join(str(directory), "client.json"), client), **options}


def google_section(emulator):
    return {"auth_url": emulator.url + "/o/oauth2/v2/auth", "revoke_url": emulator.url + "/revoke"}


class Terminal:
    """A subcommand of calmirror under way; lines of its output as they come."""

    def __init__(self, mirror, *arguments, env=None, **options):
        self.process = mortal(subprocess.Popen(
            [BINARY, *arguments, "-c", mirror.config_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], **(env or {})}, **options))
        self.lines, self.seen = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, matches):
        """The next line for which it is true."""
        while True:
            line = self.lines.get(timeout=LONG * PATIENCE)
            if line is None:
                raise AssertionError(f"ended: {self.seen} {self.end()}")
            self.seen.append(line)
            if matches(line):
                return line

    def json(self):
        return json.loads(self.line(lambda line: line.startswith("{")))

    def end(self, timeout=LONG):
        """(exit status, the rest of the output, stderr)"""
        _, errors = None, self.process.stderr.read()
        status = self.process.wait(timeout * PATIENCE)
        rest = []
        while (line := self.lines.get(timeout=LONG * PATIENCE)) is not None:
            rest.append(line)
        self.lines.put(None)
        return status, "\n".join(rest), errors

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()


def consent(url, **query):
    """What the browser is sent back to, by a user who agrees."""
    answer = requests.get(url, params=query, allow_redirects=False, timeout=LONG * PATIENCE)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def sign_in(mirror, account, **query):
    """A whole login; what `calmirror login --json` says in the end."""
    with Terminal(mirror, "login", "--account", account, "--json") as terminal:
        page = requests.get(consent(terminal.json()["url"], **query), timeout=LONG * PATIENCE)
        assert page.status_code == 200, page.text
        told = terminal.json()
        assert terminal.end()[0] == 0
        return told
