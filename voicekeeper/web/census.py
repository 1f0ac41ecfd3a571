"""The figures that metrics and dashboard show: counted beside the keeper, so that looking at them costs nothing.

A pass counts slice after slice on a reader's thread. After the first pass each slice is followed by a pause of many
times its own length: at a thousand voices the figures are a second old at most, at a million about a minute or two, and
the load is the same.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from voicekeeper import logs
from voicekeeper.clock import Clock
from voicekeeper.core.account import Account
from voicekeeper.core.errors import RegistryError
from voicekeeper.core.voice import Intent, Status
from voicekeeper.core.week import HOUR, hour_of
from voicekeeper.registry import accounts, census
from voicekeeper.registry.database import Database

T = TypeVar("T")
Money = dict[tuple[str, str], Decimal]

#: Seconds between two passes at least, and the pause after a slice in lengths of it: 5 % of one thread.
_SELDOM, _PAUSE = 1.0, 19
#: A voice that was lost longer ago is nobody's task any more, and one that ends later is not looked at by the hour.
_LATELY, _AHEAD = timedelta(days=7), timedelta(days=14)
#: An attempt that was begun so long ago is closed: its lease ended within the hour. What is paid for it is added once.
_CLOSED = timedelta(days=1)


class Kind(NamedTuple):
    """What waiting voices have in common; the hours in which they come due and end are None before they are planned."""

    account: str
    intent: Intent
    due: datetime | None
    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """How many voices stand where, what was paid by account and currency, and who is paused.

    `next_deadline` is by account, of the waiting voices that are not released; `waiting` has the same voices by what
    they have in common. `lost` counts those whose deadline was in the last days.
    """

    counted_at: datetime
    voices: Mapping[tuple[str, Status], int]
    next_deadline: Mapping[str, datetime]
    paid: Mapping[tuple[str, str], Decimal]
    accounts: list[Account]
    waiting: Mapping[Kind, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Pass:
    start: datetime
    voices: Counter[tuple[str, Status]] = field(default_factory=Counter)
    waiting: Counter[Kind] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    next_deadline: dict[str, datetime] = field(default_factory=dict)

    def add(self, stand: census.Stand) -> None:
        self.voices[stand.account, stand.status] += stand.count
        if stand.status is Status.WAITING and stand.intent is not Intent.RELEASE:
            self._add_waiting(stand)
        if stand.status is Status.LOST and stand.deadline_hour and stand.deadline_hour > self.start - _LATELY:
            self.lost[stand.account] += stand.count

    def _add_waiting(self, stand: census.Stand) -> None:
        if stand.first_deadline:
            known = self.next_deadline.get(stand.account, stand.first_deadline)
            self.next_deadline[stand.account] = min(known, stand.first_deadline)
        hours = self._bounded(stand.due_hour), self._bounded(stand.deadline_hour)
        self.waiting[Kind(stand.account, stand.intent, *hours)] += stand.count

    def _bounded(self, hour: datetime | None) -> datetime | None:
        """Bring an hour so near that there are only so many."""
        now = hour_of(self.start)
        return hour and min(max(hour, now - HOUR), now + _AHEAD)


class Census:
    """Counts when asked to, and remembers what it counted last; `figures` is None until the first pass is done."""

    def __init__(self, clock: Clock) -> None:
        self.figures: Figures | None = None
        self._clock, self._asked, self._log = clock, asyncio.Event(), logs.logger()

    def ask(self) -> None:
        """Have everything counted again, as soon as it is its turn."""
        self._asked.set()

    async def count_on(self, database: Database) -> None:
        """Count this registry whenever asked to, for ever; one that fails is counted when asked the next time."""
        count = _Count(database, self._clock)
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                self.figures = await count.everything()
            except RegistryError as error:
                self._log.debug("census.skipped", error=str(error))
            except Exception:  # noqa: BLE001 - stale figures are seen in the log, and stop no keeping
                self._log.exception("census.failed")
            await self._clock.sleep(_SELDOM)


class _Count:
    """Passes over one registry. What was paid by attempts that are surely closed is remembered from pass to pass."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._paid: Money = {}
        self._closed = 0
        self._pause = 0

    async def everything(self) -> Figures:
        """Make one pass; the first one makes no pauses."""
        start = self._clock.now()
        found = _Pass(start)
        async for stands in self._slices(census.stands, 0):
            for stand in stands:
                found.add(stand)
        paid = await self._all_paid(start)
        everyone = await self._database.read(accounts.everyone)
        self._pause = _PAUSE
        return Figures(start, found.voices, found.next_deadline, paid, everyone, found.waiting, found.lost)

    async def _all_paid(self, now: datetime) -> Mapping[tuple[str, str], Decimal]:
        """Add up all payments."""
        closed = await self._database.read(census.settled_until, now - _CLOSED)
        if closed > self._closed:
            await self._add_up(self._paid, self._closed, closed)
            self._closed = closed
        whole = dict(self._paid)
        await self._add_up(whole, closed, None)
        return whole

    async def _add_up(self, sums: Money, after: int, until: int | None) -> None:
        async for part in self._slices(census.paid, after, until):
            for name, amount in part.items():
                sums[name] = sums.get(name, Decimal()) + amount

    async def _slices(self, count: Callable[..., tuple[T, int | None]], first: int, *more: Any) -> AsyncIterator[T]:  # noqa: ANN401 - what `count` wants
        """Yield slice after slice, each from a short transaction of its own."""
        after: int | None = first
        while after is not None:
            start = self._clock.monotonic()
            found, after = await self._database.read(count, after, *more)
            yield found
            await self._clock.sleep(self._pause * (self._clock.monotonic() - start))
