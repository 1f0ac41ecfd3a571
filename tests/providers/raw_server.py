"""A server that says byte for byte what a test wants, where no honest HTTP server would."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.loopback import talking

Says = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Heard:
    """The server's address, and every request that it heard."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return an HTTP answer; `length` says another length than the body has."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def saying(said: bytes) -> Says:
    """Say these bytes to every request."""

    async def says(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    return says


def reset_after(said: bytes) -> Says:
    """Say these bytes to every request, then cut the connection with a reset rather than a farewell."""

    async def says(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        line = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return says


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((line for line in head.lower().splitlines() if line.startswith(b"content-length:")), b":0")
    return head + await reader.readexactly(int(length.partition(b":")[2]))


@contextlib.asynccontextmanager
async def raw_server(
    says: Says, *, reads: bool = True, once: bool = True, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Heard]:
    """Serve on loopback; with `once` each connection is closed after one answer."""
    heard = Heard()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heard.requests.append(await _request(reader) if reads else b"")
            await says(writer)
            if once:
                break

    async with talking(talk, tls) as port:
        heard.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        yield heard
