"""A mirror of all calendars, their feeds, and what the mirror itself says of them."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import pytest  # noqa: E402

import worlds  # noqa: E402
from emulator import Emulator  # noqa: E402
from mirror import Mirror  # noqa: E402
from pair import Pair, token_account  # noqa: E402

TOKEN = "demo-token"


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ics")
    with Emulator(world=worlds.write(str(directory / "world.json"))) as emulator:
        with Mirror(directory / "mirror", emulator.url, {"anna": token_account(directory, TOKEN)}, webhook=False) as mirror:
            mirror.start().wait_ready()
            yield Pair(emulator, mirror, TOKEN)


@pytest.fixture(scope="session")
def feeds(pair):
    """{calendar: text}"""
    return {calendar: peers.feed(pair.mirror, calendar) for calendar in pair.calendars()}


import peers  # noqa: E402
