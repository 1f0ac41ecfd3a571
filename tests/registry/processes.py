"""Four real processes that do the same work on one registry at the same moment, and what each of them does."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import pytest

from tests.databases import HandClock
from tests.registry.registry_steps import ACCOUNT, POLICY, answer, due, settle, terms
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import accounts, claims, engines, outbox, planning, schema, voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.voices import NewVoice

P = ParamSpec("P")
T = TypeVar("T")

PROCESSES = 4
_LONGEST = 30.0
_gate: list[Barrier] = []


class Crew:
    """Runs a function in all four processes at once and returns what each returned."""

    def __init__(self) -> None:
        spawn = get_context("spawn")
        self._barrier = spawn.Barrier(PROCESSES)
        self._pool = ProcessPoolExecutor(PROCESSES, mp_context=spawn, initializer=_wait_at, initargs=(self._barrier,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()

    def together(
        self, work: Callable[Concatenate[Database, int, P], T], url: str, *args: P.args, **kwargs: P.kwargs
    ) -> list[T]:
        """Call `work(database, number, …)` in each process, on a Database of its own."""
        begin = partial(_one, work, url)
        self._barrier.reset()  # one that failed before it broke this for all tests that follow
        started = [self._pool.submit(begin, number, *args, **kwargs) for number in range(PROCESSES)]
        wait(started, timeout=2 * _LONGEST)
        return [done.result(timeout=0) for done in started]


def _wait_at(barrier: Barrier) -> None:
    _gate.append(barrier)


def _one(work: Callable[..., T], url: str, number: int, *args: Any, **kwargs: Any) -> T:
    database = Database(url, create=True)
    try:
        database.engine.connect().close()
        _gate[0].wait(_LONGEST)
        return work(database, number, *args, **kwargs)
    finally:
        database.close()


def keep_all(database: Database, number: int, now: datetime) -> list[int]:
    """Claim a few voices at a time and keep them, until nothing is left; return the ids kept."""
    kept: list[int] = []
    while ids := due(database, now):
        for claimed in database.call(claims.claim, terms(), ids, 5, now, f"process {number}").work:
            settle(database, claimed, answer(Outcome.KEPT), now)
            kept.append(claimed.voice.id)
    return kept


def claim_once(database: Database, number: int, now: datetime, most: int, price: float, budget: float) -> int:
    """Claim voices of one's own once; return how many the budget allowed."""
    mine = due(database, now)[number * most : (number + 1) * most]
    money = terms(price=price, budget_per_day=budget)
    return len(database.call(claims.claim, money, mine, most, now, f"process {number}").work)


def claim_slots(database: Database, number: int, now: datetime, space: timedelta) -> list[timedelta]:
    """Claim all slots that there are while the shared time stands still; return when each is."""
    slots: list[timedelta] = []
    url = database.url.render_as_string(hide_password=False)
    with closing(Database(url, clock=HandClock(now))) as standing:
        while ids := due(standing, now):
            claim = standing.call(claims.claim, terms(space=space), ids, 2, now, f"process {number}")
            slots += [claimed.wait for claimed in claim.work]
            if claim.wait:
                break
    return slots


def take_alerts(database: Database, _number: int, now: datetime) -> list[int]:
    """Take what has to be told until nothing is left."""
    taken: list[int] = []
    while some := database.call(outbox.take, now):
        taken.extend(alert.id for alert in some)
    return taken


def look_after(database: Database, _number: int, now: datetime) -> None:
    """Do what a sweep does beside its calls."""
    while database.call(planning.plan_some, {}, POLICY):
        pass
    database.call(planning.set_aside_some, [ACCOUNT], now)
    while database.call(planning.expire_some, now):
        pass
    while database.call(planning.warn_some, {}, POLICY, now):
        pass


def raise_one(database: Database, _number: int, now: datetime) -> None:
    """Pause one account and raise the same alert as everybody else."""
    for _ in range(5):
        database.call(accounts.settle, ACCOUNT, answer(Outcome.BLOCKED), now)


def adopt(database: Database, _number: int, now: datetime) -> None:
    """Register what the provider's list shows, a part at a time."""
    listed = [NewVoice(account=ACCOUNT, voice_id=f"v{n:03}", cloned_at=now) for n in range(300)]
    for start in range(0, len(listed), 100):
        database.call(voices.adopt, listed[start : start + 100], now)


def start_up(database: Database, _number: int) -> None:
    """Enter the configured accounts as every start does."""
    accounts.sync(database, {f"account-{number}": accounts.Mark("mark") for number in range(20)})


def migrate(database: Database, _number: int) -> str:
    """Bring the registry to the newest schema."""
    return schema.migrate(database)[1]


def version(database: Database, _number: int = 0) -> str | None:
    """Return the registry's schema version."""
    return database.call(schema.current)


def migrate_impatiently(database: Database, _number: int) -> str:
    """Bring the registry to the newest schema, where nothing is waited for as long as usual."""
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        with closing(Database(database.url.render_as_string(hide_password=False))) as own:
            return schema.migrate(own)[1]


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Have statements, transactions that stand still and held tables waited for no more than two seconds."""
    patch.setattr(engines, "_STATEMENT_TIMEOUT", 2)
    patch.setattr(engines, "_IDLE_TIMEOUT", 1)
    patch.setattr(engines, "_LOCK_TIMEOUT", 1)
    patch.setattr(schema, "_PAUSE", 0.2)
