"""Dies at every durable step of keeping a secret and of changing the key: each login opens afterwards, without a person."""
import os
import subprocess

import pytest

from emulator import USER, Emulator
from mirror import Mirror, wait_for
from pair import Pair
from people import BINARY, google_section, oauth_account, sign_in, world

SIGKILL = -9
# A rotation replaces four files: key.old, key, and the two records. The first file at every start is the token of the
# local API.
ROTATION = ([f"private.{step}:{n}" for step in ("written", "renamed") for n in (2, 3, 4, 5)] +
            ["vault.rotate.kept", "vault.rotate.made", "vault.reseal.one:1", "vault.reseal.one:2", "vault.rotate.done"])


@pytest.fixture
def pair(tmp_path):
    with Emulator(world()) as emulator:
        account = oauth_account(tmp_path)
        with Mirror(tmp_path / "mirror", emulator.url, {"work": account, "home": account}, webhook=False,
                    google=google_section(emulator), sync={"backoff_min": "10ms"}) as mirror:
            yield Pair(emulator, mirror)


def states(pair):
    return {a["name"]: a["state"] for a in pair.mirror.status()["accounts"]}


def run(pair, *arguments):
    return subprocess.run([BINARY, *arguments, "-c", pair.mirror.config_path], capture_output=True, timeout=60,
                          check=False).returncode


def expect_logins(pair):
    """Both are good: a service that has just begun has no token but by them."""
    pair.mirror.env = {}
    pair.mirror.start()
    wait_for("both accounts", lambda: set(states(pair).values()) == {"ok"})
    pair.mirror.wait_ready()  # an account is good before its calendars were listed
    event = pair.google.insert(summary="made while it was down")["id"]
    pair.mirror.request("POST", "/v1/resync", b"{}")
    wait_for("the event", lambda: event in pair.mirror.all_events(USER))
    secrets = sorted(os.listdir(os.path.join(pair.mirror.state_dir, "secrets")))
    assert [name for name in secrets if not name.endswith(".new")] == ["home.login.sealed", "key", "work.login.sealed"]


@pytest.mark.parametrize("point", ROTATION)
def test_dying_while_the_key_changes(pair, point):
    pair.mirror.start()
    for name in ("work", "home"):
        sign_in(pair.mirror, name)
    pair.mirror.stop()
    pair.mirror.env = {"CALMIRROR_CRASH": point}
    pair.mirror.start()
    assert run(pair, "key", "rotate") != 0
    assert pair.mirror.wait_end() == SIGKILL
    expect_logins(pair)
    assert run(pair, "key", "rotate") == 0


@pytest.mark.parametrize("point", ["private.written:2", "private.renamed:2"])
def test_dying_while_a_login_is_kept(pair, point):
    """It is there or it is not, and nobody is locked out."""
    pair.mirror.start()  # makes the key
    pair.mirror.stop()
    pair.mirror.env = {"CALMIRROR_CRASH": point}
    pair.mirror.start()
    with pytest.raises(AssertionError):
        sign_in(pair.mirror, "work")
    assert pair.mirror.wait_end() == SIGKILL
    pair.mirror.env = {}
    pair.mirror.start()
    kept = point == "private.renamed:2"
    wait_for("its state", lambda: states(pair)["work"] == ("ok" if kept else "needs login"))
    for name in ("work", "home"):
        sign_in(pair.mirror, name)
    pair.mirror.stop()
    expect_logins(pair)


def test_dying_while_the_first_key_is_made(pair):
    pair.mirror.env = {"CALMIRROR_CRASH": "private.written"}
    pair.mirror.start(wait=False)
    assert pair.mirror.wait_end() == SIGKILL
    pair.mirror.env = {}
    pair.mirror.start()
    for name in ("work", "home"):
        sign_in(pair.mirror, name)
    pair.mirror.stop()
    expect_logins(pair)
