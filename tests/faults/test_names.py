"""Names that nobody answers for: looking them up cannot be interrupted, and takes longer than a call may."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from voicekeeper.core.outcome import Answer
from voicekeeper.providers.gateways import GATEWAYS, Access, Connection
from voicekeeper.wiring import widen


async def speak(host: str) -> Answer:
    """Make one call to a host at which nobody listens."""

    async def note(_task: str) -> None:
        """Nothing is begun."""

    access = Access(api_key="sk-test", base_url=f"http://{host}:9", prefix="", model="m", timeout=4, connections=1)
    return await Connection(GATEWAYS["minimax-cn"], access).speak("voice-one-1", "Hi.", note)


async def test_names_that_hang_leave_room_for_other_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some accounts whose gateway's name server is away would keep all others from being called."""
    monkeypatch.setenv("NO_PROXY", "*")
    real, over = socket.getaddrinfo, threading.Event()

    def resolve(host: Any, *more: Any, **options: Any) -> Any:
        if "dead" in str(host):
            over.wait(30)
        return real("127.0.0.1", *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    widen()
    hanging = [asyncio.create_task(speak("dead.example")) for _ in range(50)]
    try:
        await asyncio.sleep(0.5)
        assert "refused" in (await speak("alive.example")).message
    finally:
        over.set()
        await asyncio.gather(*hanging)
