"""The only place that reads the wall clock: everything else is handed a `Clock`."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to wait for it to pass.

    `scale` says how many of this clock's seconds pass in a real one.
    """

    scale: float

    def now(self) -> datetime:
        """Return the time in UTC; it may step when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow, for measuring how long something took."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that many of this clock's seconds."""
        ...


class WallClock:
    """The machine's own clock."""

    scale = 1.0

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """A clock on which time passes `scale` times as fast, for the emulator and the demo."""

    def __init__(self, scale: float, start: datetime | None = None) -> None:
        self.scale = scale
        self._real_start = time.monotonic()
        self._start = start or datetime.now(UTC)

    def now(self) -> datetime:
        """Return the scaled time in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the scaled seconds since this clock was made."""
        return (time.monotonic() - self._real_start) * self.scale

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds` of scaled time."""
        await asyncio.sleep(max(0.0, seconds) / self.scale)
