"""The listening socket under clients that misbehave: the keeper shares its files and its loop."""

import asyncio
import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

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


LONG = Starlette(routes=[Route("/", lambda _: Response("x" * 20_000_000))])


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Tells that the server has cut a connection."""
    happened, lost = asyncio.Event(), server._Impatient.connection_lost

    def noticed(self: server._Impatient, error: Exception | None) -> None:
        lost(self, error)
        happened.set()

    monkeypatch.setattr(server._Impatient, "connection_lost", noticed)
    return happened


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("head", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
async def test_a_client_that_does_not_read_its_answers_is_cut(head: bytes, cut: asyncio.Event) -> None:
    """Two hundred of them would shut out the monitor that asks whether voices are kept."""
    async with server.listening(LONG, "127.0.0.1:0") as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
        await asyncio.wait_for(cut.wait(), 30)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(20_000_000)
        writer.close()


async def test_a_client_that_reads_slowly_gets_its_answer_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report over a thin line would break off in its middle."""
    monkeypatch.setattr(server, "PATIENCE", 0.5)
    async with server.listening(LONG, "127.0.0.1:0") as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(1.5)
        assert len(await reader.readexactly(20_000_000)) == 20_000_000
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
