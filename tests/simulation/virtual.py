"""Virtual time: an event loop on which weeks pass as quickly as there is something to do."""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

#: Every simulation begins here: two days before a month ends, so that days and months turn on the way.
START = datetime(2026, 3, 30, tzinfo=UTC)


class _Jump(selectors.SelectSelector):
    """A selector that waits for nothing: it hands the time until the next timer to the loop."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the simulation waits for something that no timer brings")
        self.loop.pass_by(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer as soon as nothing else is ready."""

    def __init__(self) -> None:
        selector = _Jump()
        selector.loop = self
        self._virtual = 0.0
        super().__init__(selector)
        self.set_exception_handler(_ignore)

    def time(self) -> float:
        """Return the seconds since the simulation began."""
        return self._virtual

    def run_in_executor(self, _executor: Any, work: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override] # as narrow as it is used
        """Do what a thread would do at once: no other thing happens meanwhile."""
        done = self.create_future()
        try:
            done.set_result(work(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits for it is told
            done.set_exception(error)
        return done

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self._virtual += seconds


def _ignore(_loop: asyncio.AbstractEventLoop, _context: Mapping[str, Any]) -> None:
    """Say nothing of what a dead instance left unread: whoever waits for a task sees what it raised."""


class SteppedClock:
    """A machine's clock under virtual time; `offset` says how wrong it is at a moment, in seconds.

    `waits` is how the machine waits: it may die or be asleep meanwhile.
    """

    scale = 1.0

    def __init__(
        self,
        loop: VirtualLoop,
        offset: Callable[[float], float] = lambda _: 0.0,
        waits: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._loop, self._offset, self._waits = loop, offset, waits

    def now(self) -> datetime:
        """Return what this machine takes for the time."""
        time = self._loop.time()
        return START + timedelta(seconds=time + self._offset(time))

    def monotonic(self) -> float:
        """Return virtual seconds, which no step changes."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await self._waits(max(seconds, 0.0))
