"""When a daemon makes its rounds: at the start, every `every`, when the next voice comes due, and when it is asked to.

APScheduler gives the ticks; voices are never its jobs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobEvent,
    JobExecutionEvent,
)
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from voicekeeper.clock import Clock
from voicekeeper.core.errors import RegistryError
from voicekeeper.web.health import Health
from voicekeeper.wiring import ROUND, App

#: Seconds between two looks at the clock, and the step that counts as one.
_LOOK = 1.0
_STEP = 2.0
#: What is registered over HTTP is worked so much later, so that a thousand of them do not make a thousand sweeps.
_SOON = timedelta(seconds=1)
#: A registry that failed is looked for again after so long, or with the next regular sweep.
AGAIN = timedelta(seconds=30)
_JOB = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1, "replace_existing": True}


class Ticks:
    """Makes the rounds of one app, one at a time, from `start` to `stop`.

    `swept` is told of each round that was completed, `away` of a registry that does not work, and `failed` of what the
    daemon cannot do without.
    """

    def __init__(
        self,
        app: App,
        every: timedelta,
        clock: Clock,
        health: Health,
        log: Any,  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        *,
        swept: Callable[[], Awaitable[None]],
        away: Callable[[RegistryError], Awaitable[None]],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._app, self._every, self._clock = app, every, clock
        self._health, self._log = health, log
        self._swept, self._away, self._failed = swept, away, failed
        self._asked = False
        self._round: asyncio.Task[None] | None = None
        self.scheduler = AsyncIOScheduler(timezone="UTC", executors={"default": AsyncIOExecutor()})
        self.scheduler.add_listener(self._scheduled, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)

    def start(self) -> None:
        """Sweep at once, and regularly from then on."""
        self._sweep_now()
        self.scheduler.start()

    async def stop(self) -> None:
        """Begin no round any more, and let the calls under way end."""
        self.scheduler.shutdown(wait=False)
        self._app.keeper.stopping = True
        if self._round is not None:
            await asyncio.wait({self._round})

    def cut(self) -> None:
        """Cut the calls under way, which they write down as ambiguous."""
        if self._round is not None:
            self._round.cancel()

    def soon(self) -> None:
        """Sweep for what was registered or decided over HTTP; what comes in a row gets one sweep."""
        if not self._asked:
            self._asked = True
            self._wake_at(self._clock.now() + _SOON)

    async def watch_clock(self) -> None:
        """Sweep at once when the machine's clock was set or the machine slept: the scheduler would not notice."""
        before = self._clock.now().timestamp() - self._clock.monotonic()
        while True:
            await asyncio.sleep(_LOOK)
            now = self._clock.now().timestamp() - self._clock.monotonic()
            if abs(now - before) > _STEP:
                self._log.warning("clock.stepped", seconds=round(now - before, 1))
                self._sweep_now()
            before = now

    def begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Begin work that the daemon cannot do without: where it fails, the daemon ends."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        return task

    async def _tick(self) -> None:
        """Begin a round, unless one is under way: it will look for what is due by itself.

        The tick does not wait for it: the scheduler would drop the next tick, which is due when this round ends.
        """
        if self._round is None or self._round.done():
            self._round = self.begin(self._make_round())

    async def _make_round(self) -> None:
        """Make one round and set the next wake-up."""
        self._asked = False
        try:
            if self._health.problem is not None:
                await self._app.look_again()
            report = await self._app.round(ROUND)
            due = self._clock.now() if report.unfinished else await self._app.keeper.next_due()
            self._health.swept_at, self._health.problem = self._clock.now(), None
            await self._swept()
            self._wake_again(due)
        except RegistryError as error:
            await self._away(error)
            self._wake_at(self._clock.now() + AGAIN)

    def _wake_again(self, due: datetime | None) -> None:
        """Set the next wake-up, as the last thing in a round: one that comes while it is under way comes to nothing."""
        due = self._clock.now() + _SOON if self._asked else due
        if due is not None:
            self._wake_at(due)

    def _sweep_now(self) -> None:
        regularly = IntervalTrigger(seconds=self._every.total_seconds())
        self.scheduler.add_job(self._tick, regularly, id="every", next_run_time=self._clock.now(), **_JOB)

    def _wake_at(self, due: datetime) -> None:
        """Sweep once more when the next voice comes due, where that is before the regular sweep."""
        now = self._clock.now()
        if due < now + self._every and not self._app.keeper.stopping:
            self.scheduler.add_job(self._tick, DateTrigger(max(due, now)), id="due", **_JOB)

    def _scheduled(self, event: JobEvent) -> None:
        """Say what the scheduler would otherwise keep to itself; a tick that fails ends the daemon."""
        if isinstance(event, JobExecutionEvent) and event.exception is not None:
            self._log.error("serve.failed", job=event.job_id, error=repr(event.exception))
            self._failed(event.exception)
        else:
            self._log.debug("tick.skipped", job=event.job_id)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("serve.failed", exc_info=error)
            self._failed(error)
