"""The other ends of alerts: a webhook and a mail server on loopback, each keeping what it gets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tests.loopback import talking


@dataclass
class Webhook:
    """An HTTP server that answers `status` to everything."""

    status: str = "200 OK"
    port: int = 0
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def webhook(status: str = "200 OK", *, endless: bool = False) -> AsyncIterator[Webhook]:
    """Serve a webhook on loopback; an `endless` one never stops answering."""
    sink = Webhook(status)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((one[15:] for one in head.lower().splitlines() if one.startswith("content-length:")), "0")
        body = await reader.readexactly(int(length))
        sink.paths.append(head.split(" ")[1])
        sink.bodies += [json.loads(body)] if body else []
        writer.write(f"HTTP/1.1 {sink.status}\r\nContent-Length: {10**15 if endless else 0}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            while endless:
                writer.write(b"0" * 65536)
                await writer.drain()
            await writer.drain()

    async with talking(take) as sink.port:
        yield sink


@contextlib.asynccontextmanager
async def mail_server(mails: list[str]) -> AsyncIterator[int]:
    """Take mail on loopback into the list; gives the port."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            word = line[:4].upper().strip()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                break

    async with talking(take) as port:
        yield port
