"""The real ticks of a daemon, with APScheduler and all, on virtual time; ticks that would find nothing are left out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from datetime import datetime, timedelta, tzinfo
from math import ceil, inf
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.simulation.life import Died, Life
from tests.simulation.outside import Silence
from tests.simulation.plan import DAY
from tests.simulation.virtual import START
from voicekeeper.alarm import RegistryAlarm
from voicekeeper.clock import Clock
from voicekeeper.core.errors import RegistryError
from voicekeeper.ticking import Ticks
from voicekeeper.web.health import Health
from voicekeeper.wiring import App

if TYPE_CHECKING:
    from tests.simulation.instance import Instance
    from tests.simulation.stage import Stage

#: Seconds before and after a step of a machine's clock in which its daemon looks at it; in between it finds nothing.
_BEFORE, _LOOKS = 0.5, 3.0
_HOST: ContextVar[Clock | None] = ContextVar("host", default=None)


class _HostTime(datetime):
    """The machine's time as APScheduler asks for it: that of the host in whose context it runs."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # another host's is no subclass's own
        clock = _HOST.get()
        return clock.now().astimezone(tz) if clock else datetime.now(tz)


@contextmanager
def host_time() -> Iterator[None]:
    """Let APScheduler tell the time by the clocks of the simulated hosts."""
    with (
        patch("apscheduler.schedulers.base.datetime", _HostTime),
        patch("apscheduler.triggers.interval.datetime", _HostTime),
    ):
        yield


class _Noted(Ticks):
    """The real ticks, of whose rounds it is written down how long they took."""

    def __init__(self, rounds: list[tuple[float, float]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rounds = rounds

    async def _make_round(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            await super()._make_round()
        finally:
            self._rounds.append((begun, loop.time()))


class Ticking:
    """One life of a daemon's ticks on one host, from its beginning to `ended`, which raises what failed for good."""

    def __init__(self, stage: "Stage", host: "Instance", app: App, life: Life) -> None:
        self._stage, self._host = stage, host
        self.ended: asyncio.Future[None] = stage.loop.create_future()
        clock, log, every = host.clock(life), Silence(stage.history.mistakes), timedelta(seconds=host.plan.every)
        self._app, self._every, self._health = app, every, Health()
        self._alarm = RegistryAlarm(clock, log, host.folder / "alarm")
        stage.history.ticking[host.number].append(stage.loop.time())
        rounds = stage.history.rounds[host.number]
        self._ticks = _Noted(
            rounds, app, every, clock, self._health, log, swept=self._swept, away=self._away, failed=self._fail
        )
        self._scheduler: Any = self._ticks.scheduler
        self._start_timer, self._scheduler._start_timer = self._scheduler._start_timer, self._leave_out
        _HOST.set(clock)
        self._context = copy_context()
        self._ticks.start()
        self._watch = asyncio.create_task(self._watch_steps())

    def end(self) -> None:
        """Tick no more: the process is gone."""
        self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def stop(self) -> None:
        """Begin no round any more, as the daemon does when it is told to end or to read its configuration again."""
        self._watch.cancel()
        self._stopping = asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        await self._ticks.stop()
        if not self.ended.done():
            self.ended.set_result(None)

    def cut(self) -> None:
        """Cut the calls under way, as a second SIGTERM does."""
        self._ticks.cut()

    def look_again(self) -> None:
        """Look whether there is something to do at an earlier tick than it seemed."""
        if self._scheduler.running:
            self._context.run(self._leave_out, None)

    def _leave_out(self, _wait: float | None) -> None:
        """Set the scheduler's timer to the next tick of a voice, or to the last regular one before there is something.

        That one finds nothing, but sets the tick for what comes due after it. One that was left out is over.
        """
        now, every = self._stage.loop.time(), self._host.plan.every
        regular, due = (self._next(job, now) for job in ("every", "due"))
        quiet_until = self._host.quiet_until(now)
        if regular < inf and quiet_until < inf:
            left_out = max(ceil((now - 0.001 - regular) / every), (quiet_until - regular) // every, 0)
            regular += left_out * every
        until = min(due, regular if quiet_until < inf else inf, now + DAY)
        self._start_timer(max(until - now, 0.001))

    def _next(self, job: str, now: float) -> float:
        """Return when the scheduler would run a job next, in true time."""
        found = self._scheduler.get_job(job)
        return (found.next_run_time - START).total_seconds() - self._host.offset(now) if found else inf

    async def _swept(self) -> None:
        self._stage.history.sweeps += 1
        self._stage.changed()
        await self._alarm.works(self._app.notifier)

    async def _away(self, error: RegistryError) -> None:
        self._health.problem = str(error)
        repeat_every = self._app.settings.alerts.repeat_every
        await self._alarm.failed(self._app.notifier, str(error), self._every, repeat_every)

    def _fail(self, error: BaseException) -> None:
        if not isinstance(error, Died) and not self.ended.done():
            self.ended.set_exception(error)

    async def _watch_steps(self) -> None:
        """Watch the clock where it steps: it is looked at every second, and nothing is seen in all the others."""
        for edge in sorted(edge for step in self._host.steps for edge in (step.start, step.end)):
            if edge > self._stage.loop.time():
                await asyncio.sleep(max(edge - _BEFORE - self._stage.loop.time(), 0.0))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOKS):
                        await self._ticks.watch_clock()
