"""The one place where everything is put together, for the command line and the daemon alike."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voicekeeper import logs
from voicekeeper.alerts.channels import Channels
from voicekeeper.alerts.heartbeat import Heartbeat
from voicekeeper.clock import Clock, WallClock
from voicekeeper.config import AccountSettings, Settings, state_folder
from voicekeeper.configured import LEASE_MARGIN, access, account_of, alert_channels, line, marks
from voicekeeper.core import overdue
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.journal import Observer
from voicekeeper.keeper import Keeper
from voicekeeper.notify import Notifier
from voicekeeper.providers import Provider
from voicekeeper.providers.gateways import Connection
from voicekeeper.registry import accounts, schema
from voicekeeper.registry.database import Database
from voicekeeper.registry.engines import parse_url
from voicekeeper.registry.settling import Settlement
from voicekeeper.report import Report
from voicekeeper.sources import Sources
from voicekeeper.spool import Spool

if TYPE_CHECKING:
    from voicekeeper.cloning import Cloning

#: A long sweep is cut into rounds of this length, so that alerts and the watchdog do not wait for its end.
ROUND = timedelta(minutes=1)
#: asyncio resolves names on as many threads as the machine has cores and four. A name that nobody answers for holds one
#: for half a minute, longer than its call lasts: a few of them would leave none for all other accounts.
_LOOKUPS = 128


def widen() -> None:
    """Let the running loop resolve so many names at once that those that hang leave room for the others."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup"))


@dataclass(frozen=True, slots=True)
class App:
    """Everything that a sweep needs."""

    settings: Settings
    database: Database
    sources: Sources
    keeper: Keeper
    notifier: Notifier
    heartbeat: Heartbeat
    channels: Channels
    spool: Spool

    async def look_again(self) -> None:
        """Look at a registry that went away as at a start: it may be another one by now, restored or failed over to."""
        try:
            await asyncio.to_thread(_enter, self.database, self.settings)
        except RuntimeError as error:
            raise RegistryUnavailable(f"registry {self.database.name}: {error}") from error

    async def rounds(self) -> Report:
        """Make rounds until nothing is due any more, or nothing moves; who has little time left is waited for."""
        report = await self.round(ROUND)
        while (report.unfinished and report.moved) or await self.keeper.hurried(report):
            if self.keeper.stopping:
                break
            report = await self.round(ROUND, report)
        return report

    async def round(self, longest: timedelta | None = None, report: Report | None = None) -> Report:
        """Make one sweep, with its heartbeat, and tell people what came of it; with a `report` it goes on there."""
        await self.heartbeat.started()
        try:
            await self.sources.read(lambda: self.keeper.stopping)
            report = await self.keeper.sweep(longest, report)
        except Exception:
            await self.heartbeat.finished(ok=False)
            raise
        await self.notifier.tell()
        await self.heartbeat.finished(ok=not (report.lost or report.paused))
        return report


def open_database(settings: Settings, folder: Path, *, create: bool = False, clock: Clock | None = None) -> Database:
    """Return the configured registry; a relative SQLite path starts at the configuration's folder."""
    url = parse_url(settings.registry.url.reveal())
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(folder / url.database))
    return Database(url.render_as_string(hide_password=False), create=create, clock=clock)


def spool_file(settings: Settings, folder: Path) -> Path:
    """Return where answers wait; what else this process leaves behind lies beside it."""
    return state_folder(folder) / settings.keep.spool


def connection(account: AccountSettings) -> Provider:
    """Return the connection to one account's provider."""
    return Connection(account.gateway, access(account))


class Outside:
    """How a sweep reaches what lies outside of its process; where that is simulated, another one is given."""

    def database(self, settings: Settings, folder: Path, clock: Clock | None) -> Database:
        """Return the registry."""
        return open_database(settings, folder, clock=clock)

    def provider(self, account: AccountSettings) -> Provider:
        """Return the connection to one account."""
        return connection(account)

    def channels(self, settings: Settings) -> Channels:
        """Return the ways to reach people; raise ConfigError for addresses that cannot work."""
        channels = Channels(alert_channels(settings))
        if channels:
            channels.open()
        return channels

    def spool(self, settings: Settings, folder: Path, log: Any) -> Spool:  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        """Return where answers wait that the registry would not take."""
        return Spool(spool_file(settings, folder), log)


@asynccontextmanager
async def open_app(
    settings: Settings,
    folder: Path,
    *,
    clock: Clock | None = None,
    log: Any = None,  # noqa: ANN401 - structlog's loggers take their methods from the configuration
    progress: Callable[[Report], None] = lambda _: None,
    observer: Observer | None = None,
    outside: Outside | None = None,
    unseen: bool = False,
    held: Sequence[Settlement] = (),
) -> AsyncIterator[App]:
    """Put everything together and take it apart at the end; raise at once for anything that cannot work.

    A `clock` and an `outside` are given only where these are simulated. An `unseen` registry is left to `look_again`.
    `held` are answers that an earlier App of this process could write down nowhere.
    """
    outside = outside or Outside()
    database = outside.database(settings, folder, clock)
    providers: dict[str, Provider] = {}
    try:
        channels = outside.channels(settings)
        if not unseen:
            _enter(database, settings)
        providers.update({name: outside.provider(account) for name, account in settings.accounts.items()})
        log = log or logs.logger()
        spool = outside.spool(settings, folder, log)
        for one in held:
            spool.put(one)
        yield _app(
            settings, folder, database, providers, channels, clock or WallClock(), log, progress, observer, spool
        )
    finally:
        for provider in providers.values():
            await provider.close()
        database.close()


def _app(
    settings: Settings,
    folder: Path,
    database: Database,
    providers: Mapping[str, Provider],
    channels: Channels,
    clock: Clock,
    log: Any,  # noqa: ANN401 - likewise
    progress: Callable[[Report], None],
    observer: Observer | None,
    spool: Spool,
) -> App:
    keeper = Keeper(
        database,
        {name: line(settings, name, providers[name], clock.scale) for name in settings.accounts},
        settings.policies,
        settings.default_policy,
        clock=clock,
        instance=_instance(),
        log=log,
        progress=progress,
        observer=observer,
        spool=spool,
        grace=overdue.grace(settings.serve.sweep_every),
    )
    public_url = settings.serve.public_url
    notifier = Notifier(database, channels, clock, settings.alerts.repeat_every, log, public_url)
    beat = settings.alerts.heartbeat_url
    heartbeat = Heartbeat(beat.reveal() if beat else None)
    sources = Sources(database, settings, folder, clock, log)
    return App(settings, database, sources, keeper, notifier, heartbeat, channels, spool)


@asynccontextmanager
async def open_cloning(settings: Settings, folder: Path, name: str) -> AsyncIterator["Cloning"]:
    """Put together what makes voices through one account; raise at once for anything that cannot work."""
    from voicekeeper.cloning import Cloning  # noqa: PLC0415 - httpx and tinytag, which a sweep with nothing due spares
    from voicekeeper.providers.cloning import PATIENCE, open_cloner  # noqa: PLC0415 - likewise
    from voicekeeper.providers.fetch import fetch  # noqa: PLC0415 - likewise
    from voicekeeper.recordings import LARGEST  # noqa: PLC0415 - likewise

    account = account_of(settings, name)
    longest = PATIENCE * account.timeout
    database = open_database(settings, folder)
    try:
        schema.require_newest(database)
        cloner = open_cloner(account.gateway, access(account))
        try:
            yield Cloning(
                name,
                account.gateway,
                cloner,
                database,
                clock=WallClock(),
                instance=_instance(),
                fetch=partial(fetch, seconds=longest.total_seconds(), most=LARGEST, ca_file=account.ca_file),
                lease=2 * longest + LEASE_MARGIN,
                log=logs.logger(),
            )
        finally:
            await cloner.close()
    finally:
        database.close()


def _enter(database: Database, settings: Settings) -> None:
    """Refuse a schema that is not the newest, and note new and changed accounts."""
    database.enter()
    schema.require_newest(database)
    accounts.sync(database, marks(settings))


def _instance() -> str:
    """Return a name that no other process has had."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
