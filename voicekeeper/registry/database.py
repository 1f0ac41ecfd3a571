"""The connection to the registry: one engine, short transactions on a small thread pool, failures in plain words."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import URL, Connection, Dialect, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from voicekeeper.clock import Clock
from voicekeeper.core.errors import ConfigError, RegistryClosed, RegistryUnavailable
from voicekeeper.registry.faults import hang_up, watch_file
from voicekeeper.registry.mends import explained

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

_FAMILIES = {"postgres": "postgresql", "mariadb": "mysql"}
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
_EXTRAS = {"postgresql+psycopg": "postgres", "mysql+pymysql": "mysql"}
#: Seconds. A statement that takes longer means a registry that does not answer; a lease outlives its call by more.
_CONNECT_TIMEOUT = 5
_STATEMENT_TIMEOUT = 15
#: Seconds after which a server ends a transaction whose process stands still: its locks stop all other instances, which
#: would wait for as long as a statement may take.
_IDLE_TIMEOUT = 10
_SQLITE_BUSY = 5.0
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


_UNREADABLE = (
    'registry.url is not a database URL: write it like "sqlite:///voicekeeper.db" or '
    '"postgresql://user:password@host:5432/name", with %40 for a "@" in the password, %3A for ":" and %2F for "/"'
)


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
        self.engine = _engine(self.url).execution_options(clock=clock, remembered={})
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
        self._require_file()
        try:
            engine = self.engine.execution_options(reading=True) if reading else self.engine
            with engine.begin() as connection:
                yield connection
        except (IntegrityError, DataError):
            raise
        except DBAPIError as error:
            raise explained(self.name, error) from error
        except SQLAlchemyError as error:
            raise RegistryUnavailable(f"registry {self.name}: {error}") from error

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

    async def _look(self, threads: Executor, work: Callable[[Connection], T]) -> T:
        """Look on one of these threads; where the machine gives none, the registry does not work."""

        def look() -> T:
            with self.transaction(reading=True) as connection:
                return work(connection)

        try:
            looking = asyncio.get_running_loop().run_in_executor(threads, look)
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
        if len(asked) > 1 and self._try(asked):
            return
        for one in asked:
            self._insist(one)

    def _try(self, asked: Sequence[_Asked]) -> bool:
        """Do all of it in one transaction; False when one failed and nothing is done."""
        try:
            results = self.call(_do, asked)
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


def _do(connection: Connection, asked: Sequence[_Asked]) -> list[Any]:
    """Do what was asked for in its order; what wants the same work in a row gets it done at once."""
    rows = (list(same) for _, same in groupby(asked, key=attrgetter("work")))
    return [result for same in rows for result in same[0].work(connection, [one.item for one in same])]


def shown(url: URL) -> str:
    """Write a database's address without its password."""
    query = {key: "***" if "pass" in key.lower() else value for key, value in url.query.items()}
    return url.set(drivername=url.get_backend_name(), query=query).render_as_string(hide_password=True)


def parse_url(text: str) -> URL:
    """Read a registry URL and choose its driver unless it names one; raise ConfigError with what would mend it."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # a port that is no number, which may be the rest of a password: not shown
        raise ConfigError(_UNREADABLE) from None
    if "@" in (url.host or ""):
        raise ConfigError(_UNREADABLE)
    said, _, driver = url.drivername.partition("+")
    family = _FAMILIES.get(said, said)
    return url.set(drivername=f"{family}+{driver}" if driver else _DRIVERS.get(family, family))


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise ConfigError(f'registry.url: "{backend}" is not one of sqlite, postgresql, mysql, mariadb')
    try:
        return _OPEN[backend](url)
    except (ImportError, NoSuchModuleError) as error:
        extra = _EXTRAS.get(url.drivername)
        mend = f": pip install 'voicekeeper[{extra}]'" if extra else ""
        raise ConfigError(f"registry.url: the driver of {url.drivername} is not installed{mend}") from error
    except ValueError as error:
        raise ConfigError(f"registry.url: {error}: correct its options") from error


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _SQLITE_BUSY, "isolation_level": None})
    event.listen(engine, "connect", _sqlite_pragmas)
    watch_file(engine, url.database)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
    for pragma in ("busy_timeout = 5000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _sqlite_begin(connection: Connection) -> None:
    """Take the write lock at once: pysqlite's own late one lets two processes claim the same voice."""
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    wait = _STATEMENT_TIMEOUT * 1000
    # Every statement is a short range of an index: compiling or sharing it costs more than running it.
    short = "-c jit=off -c max_parallel_workers_per_gather=0"
    idle = f"-c idle_in_transaction_session_timeout={_IDLE_TIMEOUT * 1000}"
    options = f"-c statement_timeout={wait} -c lock_timeout={wait} {idle} -c timezone=UTC {short}"
    arguments = {"connect_timeout": _CONNECT_TIMEOUT, "options": options}
    engine = create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args=arguments)
    hang_up(engine, _STATEMENT_TIMEOUT)
    return engine


#: MySQL knows no such limit for transactions alone; a pooled connection that it ends is opened anew. Each of the two
#: servers skips the comment that is meant for the other.
_MYSQL_IDLE = f"/*M! , idle_transaction_timeout = {_IDLE_TIMEOUT} */ /*!80000 , wait_timeout = {_IDLE_TIMEOUT} */"


def _mysql(url: URL) -> Engine:
    arguments = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": _STATEMENT_TIMEOUT,
        "write_timeout": _STATEMENT_TIMEOUT,
        "charset": "utf8mb4",
        "init_command": f"SET time_zone = '+00:00', sql_mode = 'TRADITIONAL'{_MYSQL_IDLE}",
    }
    engine = create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args=arguments)
    event.listen(engine, "handle_error", _mysql_refusal)
    event.listen(engine, "do_connect", _mysql_connect)
    return engine


def _mysql_connect(dialect: Dialect, _record: object, given: list[Any], named: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's
    """Connect; options that PyMySQL cannot work with would end in a traceback."""
    try:
        return dialect.connect(*given, **named)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise RegistryClosed(f"registry: {error} (correct the options in registry.url)") from error


def _mysql_refusal(context: ExceptionContext) -> None:
    """Raise IntegrityError for a broken CHECK: PyMySQL takes it for a failure of the server."""
    error = context.original_exception
    if error.args and error.args[0] in _CHECK_BROKEN:
        raise IntegrityError(context.statement, context.parameters, error) from error


#: MariaDB's and MySQL's numbers for it.
_CHECK_BROKEN = (4025, 3819)
_OPEN: dict[str, Callable[[URL], Engine]] = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}
