"""Commands as processes, the daemon above all, watched by their logs."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.scenarios.commands import VOICEKEEPER, Home, events, until


class Running:
    """A command at work, all of whose output goes to a file."""

    name = "command.log"

    def __init__(self, home: Home, *command: str) -> None:
        self.log = home.folder / self.name
        with self.log.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(command, cwd=home.folder, env=home.environment(), stdout=file, stderr=file)

    def events(self, name: str) -> list[dict[str, Any]]:
        text = self.log.read_text(encoding="utf-8")
        return [line for line in events(text.rpartition("\n")[0]) if line["event"] == name]

    def said(self, name: str) -> None:
        """Wait until it has logged an event, be it with its last words."""
        until(lambda: self.process.poll() is not None or self.events(name))
        assert self.events(name), self.log.read_text(encoding="utf-8")

    def ended(self, code: int = 0) -> None:
        """Wait for its end, and see which one it is."""
        assert self.process.wait(60) == code, self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Serving(Running):
    """A running `voicekeeper serve`; `command` stands in for `voicekeeper`."""

    name = "serve.log"

    def __init__(self, home: Home, *command: str) -> None:
        super().__init__(home, *(command or (VOICEKEEPER,)), "serve")

    def wait_for(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until an event has been logged that often, and return the last one."""

        def logged() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            found = self.events(name)
            return found[count - 1] if len(found) >= count else None

        found = until(logged)
        assert found is not None
        return found

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.wait_for("serve.listening")["url"] + path, trust_env=False, timeout=5)

    def end(self, *, code: int = 0) -> None:
        """End it in peace, and see that it does."""
        self.process.terminate()
        assert self.process.wait(20) == code, self.log.read_text(encoding="utf-8")


@contextmanager
def serving(home: Home, *command: str) -> Iterator[Serving]:
    """Start the daemon; one that has not ended by itself is killed."""
    daemon = Serving(home, *command)
    try:
        yield daemon
    finally:
        daemon.kill()


@contextmanager
def running(home: Home, *words: str) -> Iterator[Running]:
    """Start a command; one that has not ended by itself is killed."""
    command = Running(home, VOICEKEEPER, *words)
    try:
        yield command
    finally:
        command.kill()
