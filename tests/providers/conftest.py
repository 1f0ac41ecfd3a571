"""The emulator with one voice, and accounts that speak to it or to any other address."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.providers.accounts import KEY, VOICE, Account
from voicekeeper.emulator import Emulator, Key
from voicekeeper.providers.gateways import GATEWAYS, Access, Connection


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep loopback calls off whatever proxy this machine uses."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(keys={KEY: Key(), "sk-of-someone-else": Key()}) as running:
        running.world.clone(KEY, VOICE)
        yield running


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    """Return a function that opens an account at an address."""
    opened: list[Connection] = []

    def connect(
        url: str,
        *,
        key: str = KEY,
        timeout: float = 5,
        gateway: str = "minimax-cn",
        prefix: str = "",
        **more: Any,
    ) -> Connection:
        usual: dict[str, Any] = {"model": "speech-2.8-turbo", "timeout": timeout, "connections": 2}
        access = Access(api_key=key, base_url=url, prefix=prefix, **usual | more)
        opened.append(Connection(GATEWAYS[gateway], access))
        return opened[-1]

    yield connect
    for one in opened:
        await one.close()


@pytest.fixture
def keeper(emulator: Emulator, account: Account) -> Connection:
    """Return the account that owns the emulator's voice."""
    return account(emulator.url)
