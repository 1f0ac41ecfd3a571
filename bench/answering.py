"""A server that answers at once, as MiniMax does when all is well: what it costs to talk to it is httpx's cost alone.

`python -m bench.answering` serves on a free port of loopback, prints the port, and serves until it is ended. Every
T2A call succeeds; get_voice lists the voices that were spoken with.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: A second of mp3 at 32 kbit/s, as hex.
_AUDIO = "fffb9064" * 1000
_SPEECH = json.dumps(
    {
        "data": {"audio": _AUDIO, "status": 2},
        "extra_info": {"audio_length": 1000, "audio_size": 4000, "usage_characters": 3, "word_count": 1},
        "trace_id": "01b8bf9bb7433cc75c18eee6cfa8fe21",
        "base_resp": {"status_code": 0, "status_msg": "success"},
    }
).encode()
_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_NAME = b'"voice_id":"'


def _whole(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_SPOKEN = _whole(_SPEECH)


class _Line(asyncio.Protocol):
    """One connection; reads no more of HTTP than httpx writes."""

    def __init__(self, spoken: set[bytes]) -> None:
        self._spoken, self._read = spoken, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._back = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._read += data
        while (end := self._read.find(_END)) >= 0:
            head = self._read[:end].lower()
            size = int(head[head.index(_LENGTH) + len(_LENGTH) :].split(b"\r", 1)[0])
            begin = end + len(_END)
            if len(self._read) < begin + size:
                return
            body, self._read = self._read[begin : begin + size], self._read[begin + size :]
            self._back.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if b"/v1/get_voice " in head:
            return _whole(self._listed())
        self._spoken.add(body.split(_NAME, 1)[1].split(b'"', 1)[0])
        return _SPOKEN

    def _listed(self) -> bytes:
        cloned = [{"voice_id": name.decode(), "description": [], "created_time": "2026-01-01"} for name in self._spoken]
        ok = {"status_code": 0, "status_msg": "success"}
        return json.dumps({"voice_cloning": cloned, "voice_generation": [], "base_resp": ok}).encode()


@contextmanager
def answering() -> Iterator[str]:
    """Run such a server, in a process of its own; yield its address."""
    with subprocess.Popen([sys.executable, "-m", "bench.answering"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


async def _serve() -> None:
    spoken: set[bytes] = set()
    server = await asyncio.get_running_loop().create_server(lambda: _Line(spoken), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
