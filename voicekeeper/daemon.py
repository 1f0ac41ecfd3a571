"""The long-running service: sweeps at the start, every `sweep_every`, and when the next voice comes due.

APScheduler gives the ticks; voices are never its jobs. SIGTERM lets the calls under way end, a second one does not
wait for them; SIGHUP reads the configuration again. The watchdog is fed by completed sweeps and by nothing else.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
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

from voicekeeper import logs, systemd
from voicekeeper.alarm import RegistryAlarm
from voicekeeper.clock import Clock, WallClock
from voicekeeper.config import Settings
from voicekeeper.core.errors import RegistryError, UsageError, VoicekeeperError
from voicekeeper.web.application import application
from voicekeeper.web.face import Face
from voicekeeper.web.server import listening
from voicekeeper.wiring import ROUND, App, open_app, spool_file

#: Seconds between two looks at the clock, and the step that counts as one.
_LOOK = 1.0
_STEP = 2.0
#: What is registered over HTTP is worked so much later, so that a thousand of them do not make a thousand sweeps.
_SOON = timedelta(seconds=1)
#: A registry that failed is looked for again after so long, or with the next regular sweep.
_AGAIN = timedelta(seconds=30)
_JOB = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1, "replace_existing": True}


class Daemon:
    """Serves one registry until it is told to stop; `read` reads the configuration."""

    def __init__(self, read: Callable[[], Settings], folder: Path, clock: Clock | None = None) -> None:
        self._read, self._folder, self._clock = read, folder, clock or WallClock()
        self._log: Any = logs.logger()
        self._face = Face(self._clock, self._longest, self._sweep_soon)
        self._health = self._face.health
        self._asked = self._served = False
        self._terminated = asyncio.Event()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._round: asyncio.Task[None] | None = None
        self._app: App | None = None
        self._every = timedelta(minutes=5)

    async def serve(self) -> None:
        """Serve until SIGTERM; raise what made it impossible to go on."""
        settings = self._read()
        self._alarm = RegistryAlarm(self._clock, self._log, Path(f"{spool_file(settings, self._folder)}.alarm"))
        self._take_signals()
        watch = self._begin(self._watch_clock())
        async with listening(application(self._face, settings.serve.listen), settings.serve.listen) as url:
            self._log.info("serve.listening", url=url)
            try:
                await self._serve_all(settings)
            finally:
                self._notify("STOPPING=1")
                watch.cancel()
        if self._failure is not None:
            raise self._failure

    async def _serve_all(self, settings: Settings) -> None:
        """Serve with one configuration after the other; one that cannot be served gives way to the last that could."""
        working = settings
        while not self._terminated.is_set():
            try:
                settings, working = await self._serve_until_changed(settings, new=settings is not working), settings
            except VoicekeeperError as error:
                if settings is working:
                    raise
                self._log.error("config.refused", problems=str(error).splitlines())
                settings = working

    async def _serve_until_changed(self, settings: Settings, *, new: bool) -> Settings:
        """Serve with one configuration; return the next one."""
        self._changed.clear()
        logs.set_up(settings.log.format, settings.log.level)
        self._every = _often(settings)
        async with open_app(settings, self._folder, observer=self._face.metrics, unseen=True) as opened:
            if await self._found_registry(opened, new=new):
                await self._keep_until_changed(opened)
        return settings if self._terminated.is_set() else self._reread(settings)

    async def _found_registry(self, opened: App, *, new: bool) -> bool:
        """Wait for a registry that is away; False when something else is asked for meanwhile.

        Waiting does not help a daemon that starts with a mistake, nor a `new` configuration that is worse than the old.
        """
        while True:
            try:
                await opened.look_again()
            except RegistryError as error:
                worse = new and self._health.problem is None
                if worse or not (error.passes or (self._served and not new)):
                    raise
                self._notify("READY=1")
                await self._away(opened, error)
            else:
                return True
            if await _first_of(self._terminated, self._changed, within=min(_AGAIN, self._every)):
                return False

    async def _keep_until_changed(self, opened: App) -> None:
        """Make rounds until something else is asked for."""
        scheduler = AsyncIOScheduler(timezone="UTC", executors={"default": AsyncIOExecutor()})
        scheduler.add_listener(self._scheduled, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        async with self._face.showing(opened):
            self._app, self._scheduler = opened, scheduler
            self._sweep_now()
            scheduler.start()
            self._served = True
            self._notify("READY=1")
            self._log.info("serve.ready", accounts=sorted(opened.settings.accounts), sweep_every=str(self._every))
            await _first_of(self._terminated, self._changed)
            scheduler.shutdown(wait=False)
            await self._drain()
            self._app = None

    async def _tick(self) -> None:
        """Begin a round, unless one is under way: it will look for what is due by itself.

        The tick does not wait for it: the scheduler would drop the next tick, which is due when this round ends.
        """
        if self._round is None or self._round.done():
            self._round = self._begin(self._make_round())

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Begin work that the daemon cannot do without: where it fails, the daemon ends."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("serve.failed", exc_info=error)
            self._fail(error)

    async def _make_round(self) -> None:
        """Make one round and set the next wake-up."""
        opened = self._app
        if opened is None:
            return
        self._asked = False
        try:
            if self._health.problem is not None:
                await opened.look_again()
            report = await opened.round(ROUND)
            due = self._clock.now() if report.unfinished else await opened.keeper.next_due()
            self._swept(opened, due)
            await self._alarm.works(opened.notifier)
        except RegistryError as error:
            await self._away(opened, error)

    def _swept(self, opened: App, due: datetime | None) -> None:
        self._health.swept_at, self._health.problem = self._clock.now(), None
        self._face.census.ask()
        due = self._clock.now() + _SOON if self._asked else due
        self._notify("WATCHDOG=1", systemd.status("keeping voices"))
        if due is not None and not self._terminated.is_set() and self._app is opened:
            self._wake_at(due)

    async def _away(self, opened: App, error: RegistryError) -> None:
        """Say that the registry does not work; the next round comes soon and is not announced as a success."""
        self._health.problem = str(error)
        self._notify(systemd.status(str(error)))
        self._log.error("registry.unavailable", error=str(error))
        if not self._terminated.is_set():
            await self._alarm.failed(opened.notifier, str(error), self._every, opened.settings.alerts.repeat_every)
        if not self._terminated.is_set() and self._app is opened:
            self._wake_at(self._clock.now() + _AGAIN)

    def _fail(self, error: BaseException) -> None:
        """End the daemon with the reason, so that the service manager starts another one."""
        self._failure = self._failure or error
        self._terminated.set()

    def _scheduled(self, event: JobEvent) -> None:
        """Say what the scheduler would otherwise keep to itself; a tick that fails ends the daemon."""
        if isinstance(event, JobExecutionEvent) and event.exception is not None:
            self._log.error("serve.failed", job=event.job_id, error=repr(event.exception))
            self._fail(event.exception)
        else:
            self._log.debug("tick.skipped", job=event.job_id)

    def _notify(self, *lines: str) -> None:
        """Tell the service manager; one that cannot be reached is no reason to stop keeping."""
        try:
            systemd.notify(*lines)
        except OSError as error:
            self._log.warning("systemd.unreachable", state=lines[0], error=str(error))

    def _sweep_now(self) -> None:
        """Sweep at once, and regularly from then on."""
        regularly = IntervalTrigger(seconds=self._every.total_seconds())
        self._scheduler.add_job(self._tick, regularly, id="every", next_run_time=_soon(), **_JOB)

    def _sweep_soon(self) -> None:
        """Sweep for what was registered or decided over HTTP; what comes in a row gets one sweep."""
        if not self._asked:
            self._asked = True
            self._wake_at(self._clock.now() + _SOON)

    def _wake_at(self, due: datetime) -> None:
        """Sweep once more when the next voice comes due, where that is before the regular sweep."""
        if due < self._clock.now() + self._every:
            self._scheduler.add_job(self._tick, DateTrigger(max(due, _soon())), id="due", **_JOB)

    async def _drain(self) -> None:
        """Let the calls under way end; a second SIGTERM cuts them, which they write down as ambiguous."""
        if self._app is None or self._round is None:
            return
        self._app.keeper.stopping = True
        await asyncio.wait({self._round})

    async def _watch_clock(self) -> None:
        """Sweep at once when the machine's clock was set or the machine slept: the scheduler would not notice."""
        before = self._clock.now().timestamp() - self._clock.monotonic()
        while True:
            await asyncio.sleep(_LOOK)
            now = self._clock.now().timestamp() - self._clock.monotonic()
            if abs(now - before) > _STEP and self._app is not None:
                self._log.warning("clock.stepped", seconds=round(now - before, 1))
                self._sweep_now()
            before = now

    def _reread(self, old: Settings) -> Settings:
        """Read the configuration again; a broken one is reported, and the old one stays in force."""
        self._notify(*systemd.reloading())
        try:
            new = self._read()
        except UsageError as error:
            self._log.error("config.refused", problems=error.problems)
            return old
        if new.serve.listen != old.serve.listen:
            self._log.warning("config.needs_restart", setting="serve.listen")
        self._log.info("config.reread")
        return new

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._changed.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)

    def _stop(self) -> None:
        """Stop after the calls under way; when told a second time, at once."""
        if self._terminated.is_set() and self._round is not None:
            self._round.cancel()
        self._log.info("serve.stopping", at_once=self._terminated.is_set())
        self._terminated.set()

    def _longest(self) -> timedelta:
        """Return how long ago the last sweep may be before the daemon counts as not ready."""
        return 2 * self._every + ROUND


def _often(settings: Settings) -> timedelta:
    """Sweep as often as configured, and often enough for the watchdog."""
    wanted = systemd.watchdog()
    return min(settings.serve.sweep_every, wanted / 3) if wanted else settings.serve.sweep_every


def _soon() -> datetime:
    """Return now, by the clock that the scheduler reads."""
    return WallClock().now()


async def _first_of(*events: asyncio.Event, within: timedelta | None = None) -> bool:
    """Wait for one of them; False when none came in time."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    seconds = within.total_seconds() if within else None
    try:
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return bool(done)
