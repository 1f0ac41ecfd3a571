"""The listening socket under clients that misbehave: the keeper shares its files and its loop."""

import asyncio
import socket

import pytest

from tests.web.stage import Stage, until
from voicekeeper.web import server


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.2)


async def connect(stage: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = stage.client.base_url
    return await asyncio.open_connection(url.host, url.port)


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait until the server has cut the connection."""
    try:
        async with asyncio.timeout(10):
            return await reader.read() == b""
    except ConnectionResetError:
        return True


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: local"])
async def test_a_client_that_does_not_go_on_is_cut(stage: Stage, begun: bytes) -> None:
    """Connections that say nothing would gather until no file is left for the registry."""
    reader, writer = await connect(stage)
    writer.write(begun)
    assert await ended(reader)
    writer.close()


@pytest.mark.usefixtures("hasty")
async def test_a_second_request_may_not_stall_either(stage: Stage) -> None:
    """A client would only have to ask one thing first."""
    reader, writer = await connect(stage)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readuntil(b"}")).endswith(b'{"status":"ok"}')
    writer.write(b"GET /healthz HTTP/1.1\r\nHost")
    assert await ended(reader)
    writer.close()


async def test_connections_are_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One script could take every file that this process may open."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 5)
    others = [await connect(stage) for _ in range(20)]

    def cut() -> int:
        return sum(reader.at_eof() or reader.exception() is not None for reader, _ in others)

    await until(lambda: cut() >= 15)
    for _, writer in others:
        writer.close()
    await until(lambda: cut() == 20)
    assert (await stage.get("/healthz")).status_code == 200


def test_answers_are_sent_at_once() -> None:
    """Each answer on a kept connection would wait 40 ms for the client's kernel, and a scrape with it."""
    with server.bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        accepted.close()
