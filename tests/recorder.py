"""A proxy between voicekeeper and the emulator: it writes down each request, and can hold requests and answers back."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx

from tests.loopback import answering


@dataclass
class Recorded:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Gate:
    """Holds the answers at a path until it opens; `reached` tells how many have come to it."""

    def __init__(self, path: str) -> None:
        self.path, self.reached = path, 0
        self._one, self._opened = threading.Lock(), threading.Event()

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> None:
        """Wait until it is open."""
        with self._one:
            self.reached += 1
        self._opened.wait()


@dataclass
class Recorder:
    """The proxy's address and what it heard; the path `held` is heard, and not answered after the first `answered`."""

    url: str = ""
    heard: list[Recorded] = field(default_factory=list)
    held: str = ""
    answered: int = 0
    gates: list[Gate] = field(default_factory=list)

    def gate(self, path: str) -> Gate:
        """Let every answer at this path, which the provider has given by then, wait at a gate."""
        self.gates.append(Gate(path))
        return self.gates[-1]

    def of(self, path: str) -> list[Recorded]:
        """Return what was asked for at this path, whatever its query."""
        return [one for one in self.heard if one.path.partition("?")[0] == path]


@contextmanager
def recording(target: str) -> Iterator[Recorder]:
    """Serve on loopback until the end."""
    recorder, over = Recorder(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            recorder.heard.append(Recorded(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            bare = self.path.partition("?")[0]
            if bare == recorder.held and len(recorder.of(bare)) > recorder.answered:
                over.wait()
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            answer = httpx.request(
                self.command, target + self.path, content=body, headers=headers, trust_env=False, timeout=30
            )
            for gate in [one for one in recorder.gates if one.path == bare]:
                gate.pass_through()
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in {"content-length", "transfer-encoding", "connection", "date"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST  # noqa: N815 - the base's own name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with answering(Handler) as port:
        recorder.url = f"http://127.0.0.1:{port}"
        try:
            yield recorder
        finally:
            over.set()
            for gate in recorder.gates:
                gate.open()
