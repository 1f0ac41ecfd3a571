"""One emulator on loopback, its clock standing still until a test moves it, and clients that speak to it."""

import ssl
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import START, VOICE, Speak, speech
from voicekeeper.emulator import Emulator, Key

#: Every client here speaks plain HTTP on loopback; loading the machine's certificates would be half of each test.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class StillClock:
    """A clock that only the emulator's own offset moves."""

    scale = 1.0

    def now(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing here sleeps on the clock: {seconds}")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    keys = {"sk-test": Key(balance=100.0, rpm=600), "sk-other": Key(balance=100.0, rpm=600)}
    async with Emulator(clock=StillClock(), keys=keys) as running:
        running.world.clone("sk-test", VOICE)
        yield running


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer sk-test"}
    async with httpx.AsyncClient(
        base_url=emulator.url, headers=headers, timeout=5, trust_env=False, verify=NO_TLS
    ) as http:
        yield http


@pytest.fixture
def t2a(client: httpx.AsyncClient) -> Speak:
    """Return a function that speaks and gives the answer's JSON."""

    async def call(voice_id: str = VOICE, *, key: str = "sk-test", **changes: Any) -> dict[str, Any]:
        body = speech(voice_id, **changes)
        answer = await client.post("/v1/t2a_v2", json=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
        parsed: dict[str, Any] = answer.json()
        return parsed

    return call
