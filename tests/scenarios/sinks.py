"""The far ends of alerts: a webhook and heartbeat that listens, and a service manager's socket."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.loopback import answering


class Webhook:
    """What has arrived at a local web server; `status` is what it answers from now on."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.pings: list[str] = []
        self.status, self.port = 200, 0

    @property
    def alert_url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def beat_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/beat"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


@contextmanager
def listening() -> Iterator[Webhook]:
    """Serve a webhook on a free port of loopback."""
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            webhook.messages.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self._answer()

        def do_GET(self) -> None:
            webhook.pings.append(self.path)
            self._answer()

        def log_message(self, *_words: object) -> None:
            pass

        def _answer(self) -> None:
            self.send_response(webhook.status)
            self.send_header("content-length", "0")
            self.end_headers()

    with answering(Handler) as webhook.port:
        yield webhook


class ServiceManager:
    """The other end of NOTIFY_SOCKET: every datagram with the time it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.received: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def close(self) -> None:
        self._socket.close()

    def wait_for(self, line: str, seconds: float = 15) -> None:
        """Read until a datagram holds this line."""
        last = time.monotonic() + seconds
        while line not in (told := self._next(last - time.monotonic())):
            assert told, f"{line} never came; there were {self.received}"

    def during(self, seconds: float) -> list[str]:
        """Return what arrives in that time."""
        last, told = time.monotonic() + seconds, []
        while more := self._next(last - time.monotonic()):
            told += more
        return told

    def drain(self) -> None:
        """Forget what has arrived already."""
        while self._next(0.001):
            pass

    def _next(self, seconds: float) -> list[str]:
        if seconds <= 0:
            return []
        self._socket.settimeout(seconds)
        try:
            told = self._socket.recv(4096).decode().splitlines()
        except TimeoutError:
            return []
        self.received += told
        return told
