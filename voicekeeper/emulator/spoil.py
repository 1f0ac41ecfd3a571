"""The answers that go wrong, each an ASGI response of its own."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from voicekeeper.emulator import codes
from voicekeeper.emulator.aggregator import PAGE, wrapped
from voicekeeper.emulator.faults import Fault, Kind
from voicekeeper.emulator.operation import Arrival, Failure, Family, Operation

PIECES = 20
LINGER_NOT = struct.pack("ii", 1, 0)  # closing then sends RST, not FIN


async def client_gone(receive: Receive) -> None:
    """Wait until the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Hang(Response):
    """Never answers; ends when the client goes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's own signature
        """Wait for the client to give up."""
        await client_gone(receive)


class Reset(Response):
    """Breaks the connection with a TCP reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's own signature
        """Break it; the transport is put into the scope by server.py."""
        transport: asyncio.Transport = scope["state"]["transport"]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        transport.abort()
        await client_gone(receive)


class Late(Response):
    """Another answer, `seconds` of real time late."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__()
        self.answer, self.seconds = answer, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then send it, unless the client has gone meanwhile."""
        try:
            await asyncio.wait_for(client_gone(receive), self.seconds)
        except TimeoutError:
            await self.answer(scope, receive, send)


async def _pieces(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    size = max(1, -(-len(body) // PIECES))
    for start in range(0, len(body), size):
        yield body[start : start + size]
        await asyncio.sleep(seconds)


async def _without_end() -> AsyncIterator[bytes]:
    yield b'{"data":{"audio":"'
    while True:
        yield b"0" * 65_536
        await asyncio.sleep(0.001)


@dataclass(frozen=True)
class Spoiled:
    """One call that a fault strikes before the work: whose it is, and what it was for."""

    fault: Fault
    family: Family
    operation: Operation
    arrival: Arrival

    def hollow(self, sound: str | None) -> Response:
        """Return the family's success without data or sound."""
        return self.family.success(self.family.hollow(self.operation, sound, self.arrival), self.arrival)


def _code(call: Spoiled) -> Response:
    code = call.fault.code
    words = call.fault.message or codes.WORDS.get(code, f"emulated {code}")
    return call.family.failure(Failure(code, words, http_status=call.fault.http_status), call.arrival)


def _wrapped(call: Spoiled) -> Response:
    message = f"{call.fault.message or 'upstream error'} code={call.fault.code}"
    return wrapped(message, "upstream_error", str(call.fault.code), call.fault.http_status or 400)


BEFORE_WORK: Mapping[Kind, Callable[[Spoiled], Response]] = {
    Kind.CODE: _code,
    Kind.HTTP: lambda call: Response(call.fault.body, call.fault.http_status or 503, media_type="text/plain"),
    Kind.WRAPPED: _wrapped,
    Kind.HTML: lambda call: HTMLResponse(call.fault.body or PAGE),
    Kind.NULL_DATA: lambda call: call.hollow(None),
    Kind.EMPTY_AUDIO: lambda call: call.hollow(""),
    Kind.HANG: lambda _: Hang(),
    Kind.ENDLESS: lambda _: StreamingResponse(_without_end(), media_type="application/json"),
    Kind.RESET: lambda _: Reset(),
    Kind.REDIRECT: lambda call: Response("", call.fault.http_status or 307, {"location": call.fault.location}),
}


def _truncated(_: Fault, honest: Response, _sound: bytes) -> Response:
    return Response(bytes(honest.body)[: len(honest.body) // 2], honest.status_code, media_type=honest.media_type)


def _dripping(fault: Fault, honest: Response, _sound: bytes) -> Response:
    body = _pieces(bytes(honest.body), fault.seconds)
    return StreamingResponse(body, honest.status_code, media_type=honest.media_type)


AFTER_WORK: Mapping[Kind, Callable[[Fault, Response, bytes], Response]] = {
    Kind.TRUNCATED: _truncated,
    Kind.RAW_AUDIO: lambda _, honest, sound: Response(sound, media_type="audio/mpeg") if sound else honest,
    Kind.SLOW: lambda fault, honest, _: Late(honest, fault.seconds),
    Kind.DRIP: _dripping,
    Kind.LOST: lambda *_: Reset(),
}


def instead_of_work(call: Spoiled) -> Response:
    """Return the fault's answer; nothing was done."""
    return _with_headers(call.fault, BEFORE_WORK[Kind(call.fault.kind)](call))


def after_work(fault: Fault, honest: Response, sound: bytes) -> Response:
    """Return what is left of the honest answer."""
    return _with_headers(fault, AFTER_WORK[Kind(fault.kind)](fault, honest, sound))


def innermost(response: Response) -> Response:
    """Return the answer whose headers the client will see."""
    return response.answer if isinstance(response, Late) else response


def _with_headers(fault: Fault, response: Response) -> Response:
    innermost(response).headers.update(fault.headers)
    return response
