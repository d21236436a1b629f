"""A mirror of the demonstration world, and one client after the other that reads it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import pytest  # noqa: E402

import front  # noqa: E402
from clients import CLIENTS  # noqa: E402
from emulator import DEMO_WORLD, Emulator  # noqa: E402
from mirror import Mirror  # noqa: E402
from pair import Pair, token_account  # noqa: E402

TOKEN = "demo-token"


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    directory = tmp_path_factory.mktemp("clients")
    with Emulator(world=DEMO_WORLD) as emulator:
        with Mirror(directory / "mirror", emulator.url, {"anna": token_account(directory, TOKEN)},
                    api={"hosts": ", ".join(front.HOSTS)}, push={"networks": "127.0.0.0/8", "request_timeout": "60s"}) as mirror:
            mirror.start().wait_ready()
            yield Pair(emulator, mirror, TOKEN)


@pytest.fixture(scope="session", params=list(CLIENTS))
def client(request, pair):
    # The clients' own libraries would ask a proxy for 127.0.0.1.
    saved = {k: os.environ.pop(k) for k in list(os.environ) if k.lower().endswith("_proxy")}
    made = CLIENTS[request.param](pair.mirror.url)
    yield made
    made.close()
    os.environ.update(saved)
