"""The connection to the registry: one engine, short transactions on a small thread pool, failures in plain words."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from voicekeeper.clock import Clock
from voicekeeper.core.errors import RegistryClosed, RegistryError, RegistryReplaced, RegistryUnavailable
from voicekeeper.registry.engines import engine_of, parse_url, shown
from voicekeeper.registry.mends import explained

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
#: Opens a transaction in which nothing is written.
Opening = Callable[[], AbstractContextManager[Connection]]

#: SQLite makes one transaction of so many at most.
_TOGETHER = 64
#: Threads for those who only look: this process itself, and its visitors.
_READERS = 2


@dataclass(frozen=True, slots=True)
class _Asked:
    """Work that waits for a registry thread, and where its result goes."""

    work: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    item: Any = None
    answer: Future[Any] = field(default_factory=Future)


class Database:
    """The registry's engine; `run`, `read` and `show` are its asynchronous faces, `transaction` its synchronous one.

    SQLite has one writer, so it gets one thread; the others get a few. A driver call cannot be cancelled, so
    `run` shields it: what was begun is committed, whatever becomes of the caller. A `clock` and `threads` are given
    only where time is simulated: then they stand in for the database's own clock and for this one's threads.
    """

    def __init__(
        self, url: str, *, create: bool = False, clock: Clock | None = None, threads: Executor | None = None
    ) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._create = create
        self._replaced: RegistryReplaced | None = None
        self.engine = engine_of(self.url).execution_options(clock=clock, remembered={})
        self._asked: deque[_Asked] = deque()
        self._threads = threads or ThreadPoolExecutor(1 if self.is_sqlite else 4, thread_name_prefix="registry")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="registry-reader")
        self._visitors = ThreadPoolExecutor(_READERS, thread_name_prefix="registry-visitor")

    @property
    def name(self) -> str:
        """The registry's address without its password."""
        return shown(self.url)

    @contextmanager
    def transaction(self, *, reading: bool = False) -> Iterator[Connection]:
        """Open a transaction that commits at its end; raise RegistryUnavailable when the registry does not work."""
        with self._begun(self.engine.execution_options(reading=True) if reading else self.engine) as connection:
            yield connection

    @contextmanager
    def patiently(self) -> Iterator[Connection]:
        """Open a transaction whose statements may take as long as they need, on a connection that ends with it."""
        with ExitStack() as ends:
            engine: Engine = self.engine
            if not self.is_sqlite:
                engine = engine_of(self.url, patient=True)
                ends.callback(engine.dispose)
            yield ends.enter_context(self._begun(engine))

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        self._require_file()
        try:
            with engine.begin() as connection:
                yield connection
        except (IntegrityError, DataError):
            raise
        except DBAPIError as error:
            raise explained(self.name, error) from error
        except SQLAlchemyError as error:
            raise RegistryUnavailable(f"registry {self.name}: {error}") from error

    def enter(self) -> None:
        """Take what is there as at a start, whatever was there before."""
        self._replaced = None

    def call(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)` in a transaction of its own."""
        with self.transaction() as connection:
            return work(connection, *args, **kwargs)

    async def run(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)` on a registry thread, in a transaction that it may share with others that wait."""
        return cast("T", await self.together(lambda connection, _: [work(connection, *args, **kwargs)], None))

    async def together(self, work: Callable[[Connection, Sequence[S]], Sequence[T]], item: S) -> T:
        """Run `work(connection, items)` with this item and those that wait for the same work; return its own result."""
        asked = _Asked(work, item)
        self._asked.append(asked)
        self._start(asked)
        result: T = await asyncio.shield(asyncio.wrap_future(asked.answer))
        return result

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)`, which must not write, beside what is written."""
        return await self._look(self._readers, lambda connection: work(connection, *args, **kwargs))

    async def show(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)`, which must not write, for a visitor: on threads that nobody else waits for."""
        return await self._look(self._visitors, lambda connection: work(connection, *args, **kwargs))

    async def study(self, work: Callable[Concatenate[Opening, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(opened, …)`, which must not write; it may take long outside of the transactions that it opens."""
        return await self._on(self._readers, lambda: work(partial(self.transaction, reading=True), *args, **kwargs))

    async def _look(self, threads: Executor, work: Callable[[Connection], T]) -> T:
        """Look in a transaction, on one of these threads."""

        def look() -> T:
            try:
                with self.transaction(reading=True) as connection:
                    return work(connection)
            except RegistryReplaced as error:
                self._replaced = error
                raise

        return await self._on(threads, look)

    async def _on(self, threads: Executor, work: Callable[[], T]) -> T:
        """Work on one of these threads; where the machine gives none, the registry does not work."""
        try:
            looking = asyncio.get_running_loop().run_in_executor(threads, work)
        except RuntimeError as error:
            raise self._without_threads(error) from error
        return await looking

    def _start(self, asked: _Asked) -> None:
        """Have a thread do it; where the machine gives none, it is not done."""
        try:
            self._threads.submit(self._work)
        except RuntimeError as error:
            with suppress(ValueError):  # a thread that was there already has taken it
                self._asked.remove(asked)
                raise self._without_threads(error) from error

    def _without_threads(self, error: RuntimeError) -> RegistryUnavailable:
        return RegistryUnavailable(f"registry {self.name}: {error} (this machine has none left)")

    def _work(self) -> None:
        """Do what is asked for: on SQLite all of it with one commit, because a commit costs more than the work."""
        most = _TOGETHER if self.is_sqlite else 1
        asked = [self._asked.popleft() for _ in range(min(len(self._asked), most))]
        if asked and (found := self._replaced):  # who has met it only looked, and enters nothing anew
            self._replaced = None
            _refuse(asked, found)
        elif not (len(asked) > 1 and self._try(asked)):
            for one in asked:
                self._insist(one)

    def _try(self, asked: Sequence[_Asked]) -> bool:
        """Do all of it in one transaction; False when one failed and nothing is done."""
        try:
            results = self.call(_do, asked)
        except RegistryReplaced as error:
            _refuse(asked, error)
            return True
        except Exception:  # noqa: BLE001 - each is done again by itself, and the one that fails says why
            return False
        for one, result in zip(asked, results, strict=True):
            one.answer.set_result(result)
        return True

    def _insist(self, asked: _Asked) -> None:
        """Do one thing by itself; whoever asked for it gets what it raises."""
        try:
            asked.answer.set_result(self.call(_do, [asked])[0])
        except BaseException as error:  # noqa: BLE001 - likewise
            asked.answer.set_exception(error)

    def close(self) -> None:
        """Close all connections, after the work under way."""
        self._threads.shutdown(wait=True)
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._visitors.shutdown(wait=True, cancel_futures=True)
        self.engine.dispose()

    def _require_file(self) -> None:
        path = self.url.database
        if not self.is_sqlite or not path or path == ":memory:" or self._is_there(path):
            return
        if self._create:
            _make_private(path)
        else:
            raise RegistryClosed(
                f"there is no registry at {path}: `voicekeeper migrate` creates it, or correct registry.url"
            )

    def _is_there(self, path: str) -> bool:
        try:
            return Path(path).is_file()
        except PermissionError as error:
            raise RegistryClosed(
                f"registry {self.name}: its folder is closed to this user: run voicekeeper as its owner, or as root"
            ) from error


def _make_private(path: str) -> None:
    """Make a file that its owner alone can read; SQLite makes those beside it alike, and says why it cannot."""
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _refuse(asked: Sequence[_Asked], error: RegistryError) -> None:
    for one in asked:
        one.answer.set_exception(error)


def _do(connection: Connection, asked: Sequence[_Asked]) -> list[Any]:
    """Do what was asked for in its order; what wants the same work in a row gets it done at once."""
    rows = (list(same) for _, same in groupby(asked, key=attrgetter("work")))
    return [result for same in rows for result in same[0].work(connection, [one.item for one in same])]
