"""gcalcli, a program for people that knows Google's address only: it reads the mirror through a proxy that speaks TLS in
Google's name. The mirror has to be told that it is asked by that name ([api] hosts)."""

import datetime
import json
import os
import subprocess
from zoneinfo import ZoneInfo

import pytest

import expected
from authority import Authority
from clients import SECONDS, needs
from front import Front

ZONE = "Europe/Berlin"
BEGIN = datetime.datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
END = BEGIN + datetime.timedelta(days=14)
RANGE = (BEGIN.strftime("%Y-%m-%d"), END.strftime("%Y-%m-%d"))
# What oauth2client writes after somebody has signed in; the access token is over.
LOGIN = {"access_token": "an-access-token", "client_id": "an-id", "client_secret": "a-secret", "refresh_token": "a-refresh-token",
         "token_expiry": "2020-01-01T00:00:00Z", "token_uri": "https://oauth2.googleapis.com/token", "user_agent": "gcalcli",
         "revoke_uri": None, "id_token": None, "id_token_jwt": None, "token_response": None, "scopes": [], "token_info_uri": None,
         "invalid": False, "_class": "OAuth2Credentials", "_module": "oauth2client.client"}


@pytest.fixture(scope="module")
def gcalcli(pair, tmp_path_factory):
    needs("gcalcli")
    home = tmp_path_factory.mktemp("gcalcli")
    for place in (home, home / ".local/share/gcalcli"):  # of gcalcli 4.3 and 4.5
        place.mkdir(parents=True, exist_ok=True)
        (place / "oauth").write_text(json.dumps(LOGIN))
    authority = Authority(home / "authority")

    def run(*arguments):
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "TZ": ZONE, "LANG": "C.UTF-8", "HTTPS_PROXY": front.url,
               "https_proxy": front.url, "HTTPLIB2_CA_CERTS": authority.file}
        done = subprocess.run(["gcalcli", "--config-folder", str(home), "--nocache", "--nocolor", *arguments], env=env,
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        return done.returncode, done.stdout + done.stderr
    with Front(authority, pair.mirror.api_port) as front:
        yield run


def local(when):
    """Date and time as gcalcli prints them."""
    moment = expected.instant(when, ZONE).astimezone(ZoneInfo(ZONE))
    return [moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M")]


def rows(text):
    """Begin, end and title as gcalcli 4.3 prints them; 4.5 puts a heading above, and no times beside days."""
    found = [line.split("\t")[:5] for line in text.splitlines() if not line.startswith("start_date\t")]
    return [[begin, at or "00:00", end, until or "00:00", title] for begin, at, end, until, title in found]


def test_calendars(gcalcli, pair):
    status, text = gcalcli("list")
    entries = pair.google.calendar_list()["items"]
    assert status == 0 and len(entries) == 5
    for entry in entries:
        assert any(line.split(None, 1) == [entry["accessRole"], entry["summary"]] for line in text.splitlines()), text


def test_agenda(gcalcli, pair):
    status, text = gcalcli("agenda", "--tsv", *RANGE)
    assert status == 0
    wanted = []
    for entry in pair.google.calendar_list()["items"]:
        events = expected.expanded(pair.emulator.dump(entry["id"], "anna@example.com"), entry["timeZone"], BEGIN, END)
        wanted += [[*local(e["start"]), *local(e["end"]), e["summary"]] for e in events]
    assert sorted(rows(text)) == sorted(wanted) and len(wanted) > 20


def test_search(gcalcli):
    status, text = gcalcli("--calendar", "anna@example.com", "search", "--tsv", "offline", *RANGE)
    assert status == 0 and [row[4] for row in rows(text)] == ["Design review: offline mode"]
