"""What the daemon lends its HTTP face: what is served now, how it is, and how to wake it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta

from voicekeeper.clock import Clock
from voicekeeper.web.census import Census
from voicekeeper.web.health import Health
from voicekeeper.web.metrics import Metrics
from voicekeeper.wiring import App


class Face:
    """One daemon as its HTTP face sees it.

    `longest` says how long ago the last sweep may be; `wake` makes a sweep soon. `app` is None while the daemon
    reads its configuration or waits for its registry, and at its end; `public_url` is the last one that was configured.
    """

    def __init__(self, clock: Clock, longest: Callable[[], timedelta], wake: Callable[[], None]) -> None:
        self.clock, self.longest = clock, longest
        self.health, self.census = Health(), Census(clock)
        self.metrics = Metrics(self.census, self.health)
        self.app: App | None = None
        self.public_url: str | None = None
        self._wake = wake
        self._requests, self._idle = 0, asyncio.Event()

    @property
    def absence(self) -> str:
        """Why there is nothing to show."""
        return self.health.problem or "voicekeeper is reading its configuration, or ending"

    @asynccontextmanager
    async def showing(self, app: App) -> AsyncIterator[None]:
        """Show this while the context lasts; requests under way are answered before it ends."""
        self.metrics.expect(app.settings.accounts)
        self.metrics.watch(app.keeper.foresight)
        counting = asyncio.create_task(self.census.count_on(app.database))
        self.app, self.public_url = app, app.settings.serve.public_url
        self.census.ask()
        try:
            yield
        finally:
            self.app = None
            counting.cancel()
            with suppress(asyncio.CancelledError):
                await counting
            if self._requests:
                self._idle.clear()
                await self._idle.wait()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count a request as under way."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    def changed(self) -> None:
        """Have the keeper and the census look at what a request has written."""
        self._wake()
        self.census.ask()
