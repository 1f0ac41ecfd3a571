"""What an instance reaches: the simulated registry, providers and channel, and a disk of its own."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulation.ledger import Ledger
from tests.simulation.life import Life
from tests.simulation.tasks import TaskProvider
from tests.simulation.upstream import SimulatedProvider, account_number
from voicekeeper.alerts.channels import Channels, Sent
from voicekeeper.alerts.message import Message
from voicekeeper.clock import Clock
from voicekeeper.config import AccountSettings, Settings
from voicekeeper.registry.database import Database
from voicekeeper.registry.settling import Settlement
from voicekeeper.spool import Spool
from voicekeeper.wiring import Outside

if TYPE_CHECKING:
    from tests.simulation.stage import Stage


class Simulated(Outside):
    """The outside of one life of an instance."""

    def __init__(self, stage: "Stage", life: Life) -> None:
        self._stage, self._life = stage, life

    def database(self, settings: Settings, folder: Path, clock: Clock | None) -> Database:  # noqa: ARG002 - there is one
        """Return the one registry; where it is a server of its own, its clock is right."""
        own = clock if len(self._stage.plan.hosts) == 1 else None
        return Ledger(own or self._stage.clock, self._life)

    def provider(self, account: AccountSettings) -> SimulatedProvider:
        """Return the way to one account."""
        number = account_number(account.api_key.reveal())
        kind = TaskProvider if self._stage.plan.accounts[number].tasks else SimulatedProvider
        return kind(self._stage.upstream, self._life, number, self._stage.recorded_kept)

    def channels(self, settings: Settings) -> Channels:  # noqa: ARG002 - there is one
        """Return the one channel."""
        return Recording(self._stage, self._life)

    def spool(self, settings: Settings, folder: Path, log: Any) -> Spool:
        """Return the file in the host's own folder."""
        return MortalSpool(folder / settings.keep.spool, log, self._life)


class Recording(Channels):
    """A channel that writes down when a message got through."""

    def __init__(self, stage: "Stage", life: Life) -> None:
        super().__init__(["simulated://"])
        self._stage, self._life = stage, life

    def open(self) -> None:
        """Open nothing."""

    def room(self, channel: str) -> int:  # noqa: ARG002 - there is one
        """Return how many characters it takes."""
        return 10_000

    async def deliver(self, channel: str, message: Message) -> Sent:
        """Take a message, unless the channel is down."""
        await self._life.step()
        await asyncio.sleep(0.1)
        time, history = self._life.time(), self._stage.history
        down = any(fault.covers(time) for fault in self._stage.plan.of("channel down"))
        if down:
            history.count("channel down")
        else:
            history.messages.append(time)
            history.note(time, "message", self._life.host, message.title)
        await self._life.step()
        return Sent(channel, not down)


class MortalSpool(Spool):
    """A host's own file of answers that the registry would not take: it outlives a crash, its writer does not."""

    def __init__(self, path: Path, log: Any, life: Life) -> None:
        super().__init__(path, log)
        self._life = life

    def put(self, settlement: Settlement) -> None:
        """Hold an answer, unless the process is gone."""
        if not self._life.dead:
            super().put(settlement)

    def done(self, settlement: Settlement) -> None:
        """Let go of an answer, unless the process is gone."""
        if not self._life.dead:
            super().done(settlement)


class Silence:
    """A log that keeps nothing but what voicekeeper itself takes for a mistake of its own."""

    def __init__(self, mistakes: list[str]) -> None:
        self._mistakes = mistakes

    def exception(self, event: str, **facts: object) -> None:
        """Write a mistake down."""
        self._mistakes.append(f"{event} {facts}")

    def log(self, *_: object, **__: object) -> None:
        """Say nothing."""

    debug = info = warning = error = log
