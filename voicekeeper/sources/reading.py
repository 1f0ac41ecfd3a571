"""When and how the sources are read, and what is said of it.

Each is read on a thread that nobody has to wait for: a database that froze holds up neither a sweep nor the end of
the program.
"""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from voicekeeper.aside import aside
from voicekeeper.clock import Clock
from voicekeeper.config import Settings
from voicekeeper.core import alert
from voicekeeper.core.errors import SourceError, VoicekeeperError
from voicekeeper.registry import sourced
from voicekeeper.registry.database import Database
from voicekeeper.registry.foreign import GivenUp
from voicekeeper.sources.intake import Ask, Intake, Tally

#: Seconds that a sweep waits for its sources; what is not taken in by then is with the next one.
_LONGEST = 60
#: Seconds that a reading which was given up has to end, before the next one begins.
_GRACE = 5
#: Seconds between two looks whether a reading is done.
_LOOK = 0.05
_SILENT = "its database does not answer: is it overloaded, or frozen?"
_FIGURES = ("rows", "registered", "followed", "refused")


class Sources:
    """Reads the configured sources into the registry."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        folder: Path,
        clock: Clock,
        log: Any,  # noqa: ANN401 - structlog's loggers take their methods from the configuration
    ) -> None:
        self._database, self._settings, self._folder = database, settings, folder
        self._clock, self._log = clock, log
        self._read_at: float | None = None
        self._forgotten = False
        self._under_way: dict[str, asyncio.Future[Exception | None]] = {}

    async def read(self, stopping: GivenUp = lambda: False) -> None:
        """Read all sources side by side, for a minute at most; raise RegistryError when the registry does not work.

        Rounds may follow each other at once: within half of `sweep_every` nothing is read again.
        """
        if not self._time_to_read():
            return
        if not self._forgotten:  # a source that is configured no more will not end its alerts by itself
            await self._database.run(sourced.forget, list(self._settings.sources), self._clock.now())
            self._forgotten = True
        readings = [self._one(name, stopping) for name in self._settings.sources]
        for failure in await asyncio.gather(*readings, return_exceptions=True):
            if failure is not None:
                raise failure

    async def look(self, name: str) -> Tally:
        """Check the first page of a source, and do nothing with it; raise SourceError when it cannot be read."""
        intake = self._intake(name)
        if not await self._in_time(name, intake.look):
            raise SourceError(_SILENT)
        return intake.tally

    def _time_to_read(self) -> bool:
        now, often = self._clock.monotonic(), self._settings.serve.sweep_every.total_seconds()
        if self._read_at is not None and now < self._read_at + often / 2:
            return False
        self._read_at = now
        return True

    def _intake(self, name: str) -> Intake:
        return Intake(self._settings.sources[name], self._settings, self._folder, self._clock)

    async def _one(self, name: str, stopping: GivenUp) -> None:
        """Read one source and say what came of it, in the log and by alerts."""
        intake = self._intake(name)
        try:
            whole = await self._in_time(name, partial(intake.take, self._asking()), stopping)
        except SourceError as error:
            await self._broken(name, str(error), intake.tally)
        else:
            if whole or intake.tally.rows or stopping():
                await self._taken_in(name, intake.tally, whole=whole)
            else:
                await self._broken(name, _SILENT, intake.tally)

    async def _broken(self, name: str, problem: str, tally: Tally) -> None:
        self._log.error("source.failed", name=name, error=problem, **_figures(tally))
        broken = alert.broken_source(name, problem)
        await self._database.run(sourced.tell, name, self._clock.now(), broken, whole=False)

    async def _taken_in(self, name: str, tally: Tally, *, whole: bool) -> None:
        self._log.info("source.read", name=name, **_figures(tally), whole=whole)
        refused = alert.refused_rows(name, tally.refused, tally.problems) if tally.refused else None
        await self._database.run(sourced.tell, name, self._clock.now(), refused, whole=whole)

    async def _in_time(self, name: str, work: Callable[[GivenUp], None], stopping: GivenUp = lambda: False) -> bool:
        """Do the work on a thread; False when time is over or the program stops before the work is done."""
        if before := self._under_way.get(name):
            await asyncio.wait([before], timeout=_GRACE)
            if not before.done():
                raise SourceError(_SILENT)
        over, until = threading.Event(), self._clock.monotonic() + _LONGEST * self._clock.scale
        try:
            reading = self._under_way[name] = aside("source", partial(self._failure_of, work, over.is_set))
        except RuntimeError as error:
            raise SourceError(f"{error} (this machine has none left)") from error
        try:
            while not reading.done() and not stopping() and self._clock.monotonic() < until:
                await asyncio.wait([reading], timeout=_LOOK)
        finally:
            over.set()
        if not reading.done():
            return False
        if failure := reading.result():
            raise failure
        return True

    def _failure_of(self, work: Callable[[GivenUp], None], over: GivenUp) -> Exception | None:
        """Return what goes wrong, because nobody may be left to catch it; a mistake of ours stops nothing else."""
        try:
            work(over)
        except VoicekeeperError as error:
            return error
        except Exception as error:  # noqa: BLE001 - it is logged as it is, and told
            if not over():
                self._log.exception("source.crashed")
            return SourceError(f"voicekeeper itself failed: {type(error).__name__}")
        return None

    def _asking(self) -> Ask:
        """Return how a source's thread asks the registry: in its turn, like everybody else."""
        loop = asyncio.get_running_loop()

        def ask(work: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401 - whatever the work takes and gives
            return asyncio.run_coroutine_threadsafe(self._database.run(work, *args), loop).result()

        return ask


def _figures(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in _FIGURES}
