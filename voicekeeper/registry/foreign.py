"""An owner's own database: one query, read in pages, in a transaction that cannot write and is never committed."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, CursorResult, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from voicekeeper.core.errors import ConfigError, SourceError
from voicekeeper.registry.engines import parse_url, shown
from voicekeeper.registry.faults import hang_up
from voicekeeper.registry.mends import said

#: Rows in memory at once, and rows in all.
PAGE = 1000
LARGEST = 2_000_000
#: Seconds for a query, its last row included.
LONGEST = 30
_CONNECT_TIMEOUT = 5
#: Seconds after which a server that has not even said that the query takes too long is taken for gone.
_LATER = 5
#: SQLite asks after so many of its steps whether it is still wanted: a few milliseconds.
_STEPS = 100_000

GivenUp = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gives: the names of its columns, and its rows, a page at a time."""

    columns: Sequence[str]
    pages: Iterator[Sequence[Sequence[Any]]]


@contextmanager
def reading(address: str, query: str, folder: Path, given_up: GivenUp = lambda: False) -> Iterator[Rows]:
    """Run one query; raise SourceError, without any password, when it cannot be run or read to its end.

    A relative SQLite path starts at `folder`. When `given_up` becomes true, SQLite stops at once, the others after
    the page under way. Leaving rolls back; left early, MySQL sends the rest of the rows first.
    """
    url = _parsed(address, folder)
    with ExitStack() as ends:
        with _explained(url):
            engine = _ENGINES[url.get_backend_name()](url, given_up)
            connection = engine.connect()
            ends.callback(_leave, connection)
            result = _run(connection, query)
            ends.callback(_leave, result)
        yield Rows(list(result.keys()), _pages(url, result, given_up))


def _parsed(address: str, folder: Path) -> URL:
    try:
        url = parse_url(address)
    except ConfigError:
        raise SourceError("url is not a database's: write it like postgresql://user:password@host/name") from None
    if url.get_backend_name() not in _ENGINES:
        raise SourceError("url is not one of sqlite, postgresql, mysql, mariadb")
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(folder / (url.database or "")))
        _require_file(url)
    return url


def _require_file(url: URL) -> None:
    try:
        there = Path(url.database or "").is_file()
    except PermissionError:
        raise SourceError(f"{shown(url)}: its folder is closed to this user") from None
    if not there:
        raise SourceError(f"{shown(url)}: there is no such file")


def _run(connection: Connection, query: str) -> CursorResult[Any]:
    """Run the query as it stands, "%" and ":" too, with a cursor at the server where there are such."""
    for statement in _FIRST["mariadb" if _on_mariadb(connection) else connection.dialect.name]:
        connection.exec_driver_sql(statement)
    plain = {"no_parameters": True, "stream_results": True, "max_row_buffer": PAGE}
    result = connection.execution_options(**plain).exec_driver_sql(query)
    if not result.returns_rows:
        raise SourceError("the query gives no rows: write it as a SELECT")
    return result


def _leave(opened: Connection | CursorResult[Any]) -> None:
    """Close, which rolls back; where the server is gone there is nothing left to roll back."""
    with suppress(SQLAlchemyError):
        opened.close()


def _on_mariadb(connection: Connection) -> bool:
    return getattr(connection.dialect, "is_mariadb", False)


def _pages(url: URL, result: CursorResult[Any], given_up: GivenUp) -> Iterator[Sequence[Sequence[Any]]]:
    read = 0
    while True:
        if given_up():
            raise SourceError(f"{shown(url)}: the query takes too long ({_SHORTER})")
        with _explained(url):
            page = result.fetchmany(PAGE)
        if not page:
            return
        read += len(page)
        if read > LARGEST:
            raise SourceError(f"the query gives more than {LARGEST} rows: let it give recent voices only")
        yield page


def _sqlite(url: URL, given_up: GivenUp) -> Engine:
    def connect() -> sqlite3.Connection:
        path = f"file:{quote(url.database or '')}?mode=ro"
        connection = sqlite3.connect(path, uri=True, timeout=_CONNECT_TIMEOUT, isolation_level=None)
        connection.text_factory = lambda text: text.decode(errors="replace")
        connection.set_progress_handler(given_up, _STEPS)
        connection.execute("PRAGMA query_only = ON").close()
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _postgresql(url: URL, _given_up: GivenUp) -> Engine:
    # Prepared statements do not pass every pooler.
    arguments = {"connect_timeout": _CONNECT_TIMEOUT, "prepare_threshold": None, "client_encoding": "utf8"}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    hang_up(engine, LONGEST + _LATER)
    event.listen(engine, "connect", _postgresql_moments)
    return engine


def _postgresql_moments(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
    """Take times as text: infinity, which is none, would make the whole page unreadable."""
    from psycopg.types.string import TextLoader  # noqa: PLC0415 - only where PostgreSQL is used

    for kind in ("timestamptz", "timestamp", "date"):
        connection.adapters.register_loader(kind, TextLoader)


def _mysql(url: URL, _given_up: GivenUp) -> Engine:
    arguments = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": LONGEST,
        "write_timeout": LONGEST,
        "charset": "utf8mb4",
        "client_flag": 0,  # one statement at a time, whatever the address says
        # For the session: a procedure that commits begins a transaction that cannot write either.
        "init_command": "SET SESSION TRANSACTION READ ONLY",
    }
    return create_engine(url, poolclass=NullPool, connect_args=arguments)


_ENGINES: dict[str, Callable[[URL, GivenUp], Engine]] = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}
_EXTRAS = {
    "postgresql+psycopg": ": pip install 'voicekeeper[postgres]'",
    "mysql+pymysql": ": pip install 'voicekeeper[mysql]'",
}

#: What a transaction begins with. For the transaction alone where that can be: poolers hand connections on.
_MYSQL_FIRST = ("SET time_zone = '+00:00'", "START TRANSACTION READ ONLY")
_FIRST = {
    "sqlite": (),
    "postgresql": (
        "SET TRANSACTION READ ONLY",
        f"SET LOCAL statement_timeout = {LONGEST * 1000}",
        "SET LOCAL timezone = 'UTC'",
        "SET LOCAL datestyle = 'ISO'",
    ),
    # Here a statement lasts until its last row is read; for PostgreSQL, reading a page is one.
    "mysql": (f"SET SESSION max_execution_time = {LONGEST * 1000}", *_MYSQL_FIRST),
    "mariadb": (f"SET SESSION max_statement_time = {LONGEST}", *_MYSQL_FIRST),
}

_SHORTER = f"{LONGEST} seconds at most: let it give recent voices only, or give it an index"
#: What a driver says, and what would mend it.
_MENDS = {
    "read-only": "a source is only read: write the query as a SELECT",
    "read only": "a source is only read: write the query as a SELECT",
    "readonly": "a source is only read: write the query as a SELECT",
    "data-modifying": "a source is only read: write the query as a SELECT",
    "one statement": "write one SELECT",
    "multiple commands": "write one SELECT",
    "syntax": "correct the query",
    "no such": "correct the query",
    "unknown column": "correct the query",
    'column "': "correct the query",
    'relation "': "correct the query",
    "doesn't exist": "correct the query",
    "interrupted": _SHORTER,
    "execution time": _SHORTER,
    "nothing came": "is the server running, and are host and port right?",
    "timeout": _SHORTER,
    "timed out": "is the server running, and are host and port right?",
    "connection refused": "is the server running, and are host and port right?",
    "password authentication failed": "correct user and password in url",
    "access denied": "correct user and password in url",
    "permission denied": "let this user read what the query reads",
    "denied to user": "let this user read what the query reads",
    "unable to open": "let this user read the file, and write its folder where it is in WAL mode",
    "locked": "another program holds the file",
}


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    """Raise SourceError for whatever a driver says, in one line, with what would mend it."""
    try:
        yield
    except DBAPIError as error:
        words = said(error)
    except (sqlite3.Warning, TypeError, ValueError) as error:  # settings and values that a driver does not take
        words = str(error)
    except (ImportError, NoSuchModuleError):
        mend = _EXTRAS.get(url.drivername, "")
        raise SourceError(f"the driver of {url.drivername} is not installed{mend}") from None
    else:
        return
    mend = next((f" ({mend})" for sign, mend in _MENDS.items() if sign in words.lower()), "")
    raise SourceError(f"{shown(url)}: {_without_password(url, words)}{mend}") from None


def _without_password(url: URL, words: str) -> str:
    secrets = [url.password, *(value for key, value in url.query.items() if "pass" in key.lower())]
    for secret in secrets:
        words = words.replace(str(secret), "***") if secret else words
    return words
