"""The long-running service: it makes rounds as `voicekeeper.ticking` has it, and serves HTTP.

SIGTERM lets the calls under way end, a second one does not wait for them; SIGHUP reads the configuration again. The
watchdog is fed by completed sweeps and by nothing else.
"""

import asyncio
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from voicekeeper import logs, systemd
from voicekeeper.alarm import RegistryAlarm
from voicekeeper.clock import Clock, WallClock
from voicekeeper.config import Settings
from voicekeeper.core.errors import RegistryError, UsageError, VoicekeeperError
from voicekeeper.registry.settling import Settlement
from voicekeeper.ticking import AGAIN, Ticks
from voicekeeper.web.application import application
from voicekeeper.web.face import Face
from voicekeeper.web.server import listening
from voicekeeper.wiring import ROUND, App, open_app, spool_file


class Daemon:
    """Serves one registry until it is told to stop; `read` reads the configuration."""

    def __init__(self, read: Callable[[], Settings], folder: Path, clock: Clock | None = None) -> None:
        self._read, self._folder, self._clock = read, folder, clock or WallClock()
        self._log: Any = logs.logger()
        self._face = Face(self._clock, self._longest, self._soon)
        self._health = self._face.health
        self._served = False
        self._terminated = asyncio.Event()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._ticks: Ticks | None = None
        self._every = timedelta(minutes=5)
        self._held: list[Settlement] = []

    async def serve(self) -> None:
        """Serve until SIGTERM; raise what made it impossible to go on."""
        settings = self._read()
        self._alarm = RegistryAlarm(self._clock, self._log, Path(f"{spool_file(settings, self._folder)}.alarm"))
        self._take_signals()
        async with listening(application(self._face, settings.serve.listen), settings.serve.listen) as url:
            self._log.info("serve.listening", url=url)
            try:
                await self._serve_all(settings)
            finally:
                self._notify("STOPPING=1")
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
        opening = open_app(settings, self._folder, observer=self._face.metrics, unseen=True, held=self._held)
        async with opening as opened:
            try:
                if await self._found_registry(opened, new=new):
                    await self._keep_until_changed(opened)
            finally:
                self._held = opened.spool.in_memory_alone
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
            if await _first_of(self._terminated, self._changed, within=min(AGAIN, self._every)):
                return False

    async def _keep_until_changed(self, opened: App) -> None:
        """Make rounds until something else is asked for."""
        ticks = Ticks(
            opened,
            self._every,
            self._clock,
            self._health,
            self._log,
            swept=partial(self._swept, opened),
            away=partial(self._away, opened),
            failed=self._fail,
        )
        async with self._face.showing(opened):
            self._ticks = ticks
            ticks.start()
            watch = ticks.begin(ticks.watch_clock())
            self._served = True
            self._notify("READY=1")
            self._log.info("serve.ready", accounts=sorted(opened.settings.accounts), sweep_every=str(self._every))
            await _first_of(self._terminated, self._changed)
            watch.cancel()
            await ticks.stop()
            self._ticks = None

    async def _swept(self, opened: App) -> None:
        """Take in a completed round."""
        self._face.census.ask()
        self._notify("WATCHDOG=1", systemd.status("keeping voices"))
        await self._alarm.works(opened.notifier)

    async def _away(self, opened: App, error: RegistryError) -> None:
        """Say that the registry does not work, and nothing of a success."""
        self._health.problem = str(error)
        self._notify(systemd.status(str(error)))
        self._log.error("registry.unavailable", error=str(error))
        if not self._terminated.is_set():
            await self._alarm.failed(opened.notifier, str(error), self._every, opened.settings.alerts.repeat_every)

    def _soon(self) -> None:
        if self._ticks is not None:
            self._ticks.soon()

    def _fail(self, error: BaseException) -> None:
        """End the daemon with the reason, so that the service manager starts another one."""
        self._failure = self._failure or error
        self._terminated.set()

    def _notify(self, *lines: str) -> None:
        """Tell the service manager; one that cannot be reached is no reason to stop keeping."""
        try:
            systemd.notify(*lines)
        except OSError as error:
            self._log.warning("systemd.unreachable", state=lines[0], error=str(error))

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
        if self._terminated.is_set() and self._ticks is not None:
            self._ticks.cut()
        self._log.info("serve.stopping", at_once=self._terminated.is_set())
        self._terminated.set()

    def _longest(self) -> timedelta:
        """Return how long ago the last sweep may be before the daemon counts as not ready."""
        return 2 * self._every + ROUND


def _often(settings: Settings) -> timedelta:
    """Sweep as often as configured, and often enough for the watchdog."""
    wanted = systemd.watchdog()
    return min(settings.serve.sweep_every, wanted / 3) if wanted else settings.serve.sweep_every


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
