"""The registry of a simulation: the real SQL on SQLite in memory, each transaction whole at one moment of virtual time.

One connection serves all simulations of a process, one after the other, so that SQLAlchemy compiles each statement
once. It is not durable and needs not be: a simulated crash ends an instance, not the database.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from voicekeeper.clock import Clock
from voicekeeper.registry import schema
from voicekeeper.registry.database import Database, Opening

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class Awaits(Protocol):
    """Where an instance may die, stand still, or find the registry gone."""

    def reach(self) -> None:
        """Raise what makes a transaction impossible."""
        ...

    async def before_transaction(self) -> None:
        """Wait as long as the way to the registry takes."""
        ...

    async def after_transaction(self) -> None:
        """Wait for the way back; raise what loses the answer of a transaction that was done."""
        ...


class _InPlace(Executor):
    """The registry's threads, without threads: what is submitted is done by the loop when it comes to it."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        assert not args
        assert not kwargs
        asyncio.get_running_loop().call_soon(work)
        return Future()


class Ledger(Database):
    """The registry as one instance reaches it: the real one, but for its threads and its connection."""

    def __init__(self, clock: Clock, awaits: Awaits) -> None:
        super().__init__("sqlite://", threads=_InPlace())
        self.engine, self._awaits = _engine().execution_options(clock=clock), awaits

    def call(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)`, unless the registry is down."""
        self._awaits.reach()
        return super().call(work, *args, **kwargs)

    def close(self) -> None:
        """Leave the connection to the next one."""

    async def together(self, work: Callable[[Connection, Sequence[S]], Sequence[T]], item: S) -> T:
        """Run work in a transaction, on the way to which and back everything may happen."""
        await self._awaits.before_transaction()
        result = await super().together(work, item)
        await self._awaits.after_transaction()
        return result

    async def study(self, work: Callable[Concatenate[Opening, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Look in several transactions, of which the way to the first and back from the last may be troubled."""

        @contextmanager
        def opened() -> Iterator[Connection]:
            self._awaits.reach()
            with self.transaction(reading=True) as connection:
                yield connection

        await self._awaits.before_transaction()
        result = work(opened, *args, **kwargs)
        await self._awaits.after_transaction()
        return result

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Look in a transaction, on the way to which and back everything may happen."""
        await self._awaits.before_transaction()
        result = self.call(work, *args, **kwargs)
        await self._awaits.after_transaction()
        return result


#: An alert that was told has `sent_at` set anew: each time is taken down, with true time. An event, as that a voice is
#: lost, is closed when it is told: that does not make it the word of its end.
_TAKE_DOWN = """
DROP TABLE IF EXISTS temp.told;
CREATE TEMP TABLE told (at REAL, key TEXT, resolved INTEGER);
DROP TRIGGER IF EXISTS temp.take_down;
CREATE TEMP TRIGGER take_down AFTER UPDATE OF sent_at ON main.alerts
WHEN NEW.sent_at IS NOT NULL AND NEW.sent_at IS NOT OLD.sent_at
BEGIN INSERT INTO told VALUES (true_time(), NEW.key, NEW.resolved_at IS NOT NULL AND NOT NEW.event); END;
"""


def emptied(true_time: Callable[[], float]) -> sqlite3.Connection:
    """Make the registry of this process new and empty; return its connection.

    What is told is taken down in its table `temp.told`.
    """
    raw = _raw()
    _template().backup(raw)
    raw.create_function("true_time", 0, true_time)
    raw.executescript(_TAKE_DOWN)
    return raw


#: The earliest moment at which a sweep could find anything, by what it would find: text, or null.
_NEXT = """
SELECT min(
  coalesce((SELECT min(CASE WHEN due_at IS NULL THEN '0' WHEN lease_until > :shared THEN max(lease_until, due_at)
                            WHEN state = 'paused' AND probe_at > :shared THEN max(probe_at, due_at) ELSE due_at END)
            FROM voices LEFT JOIN accounts ON name = account WHERE status = 'waiting' AND intent = 'keep'), '9'),
  coalesce((SELECT '0' FROM voices WHERE status = 'waiting' AND due_at IS NULL LIMIT 1), '9'),
  coalesce((SELECT min(warn_at) FROM voices LEFT JOIN accounts ON name = account
            WHERE status = 'waiting' AND coalesce(state, 'open') = 'open'), '9'),
  coalesce((SELECT min(deadline) FROM voices WHERE status = 'waiting' AND intent <> 'keep'), '9'),
  coalesce((SELECT min(next_at) FROM alerts WHERE closed_at IS NULL), '9'))
"""


def quiet_until(raw: sqlite3.Connection, shared: datetime) -> datetime | None:
    """Return before when no sweep can find anything to do; None for never again as things stand.

    Sweeps of which this proves that they would do nothing are left out: that is what makes weeks short.
    """
    found = raw.execute(_NEXT, {"shared": f"{shared:%Y-%m-%d %H:%M:%S.%f}"}).fetchone()[0]
    if found == "9":
        return None
    return shared if found == "0" else datetime.fromisoformat(found).replace(tzinfo=shared.tzinfo)


@cache
def _raw() -> sqlite3.Connection:
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.execute("PRAGMA foreign_keys = ON").close()
    return raw


@cache
def _engine() -> Engine:
    return _engine_on(_raw())


def _engine_on(raw: sqlite3.Connection) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool, pool_reset_on_return=None)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


@cache
def _template() -> sqlite3.Connection:
    """Return a migrated, empty registry."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    migrated = Database("sqlite://", create=True)
    migrated.engine.dispose()
    migrated.engine = _engine_on(raw).execution_options()
    schema.migrate(migrated)
    return raw
