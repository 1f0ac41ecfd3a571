"""The daemon as a process, watched by its log."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.scenarios.commands import VOICEKEEPER, Home, events, until


class Serving:
    """A running `voicekeeper serve`, whose standard error goes to a file; `command` stands in for `voicekeeper`."""

    def __init__(self, home: Home, *command: str) -> None:
        self.log = home.folder / "serve.log"
        words = [*(command or (VOICEKEEPER,)), "serve"]
        with self.log.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(words, cwd=home.folder, env=home.environment(), stdout=file, stderr=file)

    def events(self, name: str) -> list[dict[str, Any]]:
        text = self.log.read_text(encoding="utf-8")
        return [line for line in events(text.rpartition("\n")[0]) if line["event"] == name]

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
        daemon.process.kill()
        daemon.process.wait()
