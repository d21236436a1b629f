"""What the end-to-end tests share: an emulator and a mirror of it, ended whatever happens."""
import pytest

from emulator import Emulator
from mirror import Mirror
from pair import Pair, token_account


@pytest.fixture
def start(tmp_path):
    """start(world=None, generate=0, **config sections) -> Pair, with everything synced."""
    opened = []

    def begin(world=None, generate=0, ready=True, accounts=None, webhook=True, env=None, binary=None, **sections):
        emulator = Emulator(world=world, generate=generate)
        opened.append(emulator.stop)
        accounts = accounts or {"test": token_account(tmp_path)}
        mirror = Mirror(tmp_path / "mirror", emulator.url, accounts, webhook=webhook, env=env, binary=binary,
                        **sections)
        opened.append(mirror.close)
        pair = Pair(emulator, mirror)
        mirror.start()
        if ready:
            mirror.wait_ready()
        return pair

    yield begin
    for close in reversed(opened):
        close()
