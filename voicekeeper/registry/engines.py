"""The engine of each kind of database: how it is addressed, how long it may be silent, what its driver gets wrong."""

import sqlite3
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError

from voicekeeper.clock import WallClock
from voicekeeper.core.errors import ConfigError, RegistryClosed
from voicekeeper.registry.faults import hang_up, watch_file

_FAMILIES = {"postgres": "postgresql", "mariadb": "mysql"}
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
_EXTRAS = {"postgresql+psycopg": "postgres", "mysql+pymysql": "mysql"}
#: Seconds. A statement that takes longer means a registry that does not answer; a lease outlives its call by more.
_CONNECT_TIMEOUT = 5
_STATEMENT_TIMEOUT = 15
#: Seconds after which a server ends a transaction whose process stands still: its locks stop all other instances, which
#: would wait for as long as a statement may take.
_IDLE_TIMEOUT = 10
#: Seconds that a change of the tables waits for whoever holds one. Everybody else waits behind it, so it is less than a
#: statement of theirs may take.
_LOCK_TIMEOUT = 10
#: Seconds that SQLite waits for another program, and between two attempts at what it does not wait for.
_SQLITE_BUSY = 5.0
_SQLITE_AGAIN = 0.02
_UNREADABLE = (
    'registry.url is not a database URL: write it like "sqlite:///voicekeeper.db" or '
    '"postgresql://user:password@host:5432/name", with %40 for a "@" in the password, %3A for ":" and %2F for "/"'
)


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


def engine_of(url: URL, *, patient: bool = False) -> Engine:
    """Make the engine of a parsed registry URL; raise ConfigError where its driver or its options do not fit.

    A `patient` one lets a statement take as long as it needs: what changes the tables cannot be given up midway.
    """
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise ConfigError(f'registry.url: "{backend}" is not one of sqlite, postgresql, mysql, mariadb')
    try:
        return _OPEN[backend](url, patient=patient)
    except (ImportError, NoSuchModuleError) as error:
        extra = _EXTRAS.get(url.drivername)
        mend = f": pip install 'voicekeeper[{extra}]'" if extra else ""
        raise ConfigError(f"registry.url: the driver of {url.drivername} is not installed{mend}") from error
    except ValueError as error:
        raise ConfigError(f"registry.url: {error}: correct its options") from error


def _sqlite(url: URL, **_patient: bool) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _SQLITE_BUSY, "isolation_level": None})
    event.listen(engine, "connect", _sqlite_pragmas)
    watch_file(engine, url.database)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
    # A program that wrote another encoding must not stop all other voices: what is no UTF-8 is read as "\ufffd".
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    _turn_to_wal(connection)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _turn_to_wal(connection: sqlite3.Connection) -> None:
    """Have a new file written ahead; while another process writes into it, SQLite refuses that without waiting."""
    clock = WallClock()
    end = clock.monotonic() + _SQLITE_BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or clock.monotonic() > end:
                raise
            time.sleep(_SQLITE_AGAIN)
        else:
            return


def _sqlite_begin(connection: Connection) -> None:
    """Take the write lock at once: pysqlite's own late one lets two processes claim the same voice."""
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")


def _postgresql(url: URL, *, patient: bool) -> Engine:
    wait, lock, idle = (0, _LOCK_TIMEOUT, 0) if patient else (_STATEMENT_TIMEOUT, _STATEMENT_TIMEOUT, _IDLE_TIMEOUT)
    limits = {"statement_timeout": wait, "lock_timeout": lock, "idle_in_transaction_session_timeout": idle}
    # Every statement is a short range of an index: compiling or sharing it costs more than running it.
    short = "-c jit=off -c max_parallel_workers_per_gather=0"
    options = " ".join([*(f"-c {name}={seconds}s" for name, seconds in limits.items()), "-c timezone=UTC", short])
    # Otherwise the encoding of the database would be spoken, in which not everything can be said.
    arguments = {"connect_timeout": _CONNECT_TIMEOUT, "options": options, "client_encoding": "utf8"}
    engine = create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args=arguments)
    event.listen(engine, "connect", partial(_require_unicode, shown(url)))
    if not patient:
        hang_up(engine, _STATEMENT_TIMEOUT)
    return engine


def _require_unicode(name: str, connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
    """Refuse a PostgreSQL database that cannot store every text; it says at the greeting what its encoding is."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding in {"UTF8", None}:  # None: a pooler that does not pass it on
        return
    connection.close()
    raise RegistryClosed(
        f"registry {name}: the database has the encoding {encoding}, in which not every text can be written: make one "
        "with `createdb --encoding=UTF8 --locale=C --template=template0 NAME`, move what is in this one there with "
        "pg_dump, and name it in registry.url"
    )


def _mysql_limits(*, patient: bool) -> str:
    """Say how long to wait for whoever holds a table, or for a transaction that stands still."""
    if patient:
        return f", lock_wait_timeout = {_LOCK_TIMEOUT}, innodb_lock_wait_timeout = {_LOCK_TIMEOUT}"
    # MySQL knows no such limit for transactions alone; a pooled connection that it ends is opened anew. Each of the two
    # servers skips the comment that is meant for the other.
    return f"/*M! , idle_transaction_timeout = {_IDLE_TIMEOUT} */ /*!80000 , wait_timeout = {_IDLE_TIMEOUT} */"


def _mysql(url: URL, *, patient: bool) -> Engine:
    silent = None if patient else _STATEMENT_TIMEOUT
    arguments = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": silent,
        "write_timeout": silent,
        "charset": "utf8mb4",
        "init_command": f"SET time_zone = '+00:00', sql_mode = 'TRADITIONAL'{_mysql_limits(patient=patient)}",
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
_OPEN: dict[str, Callable[..., Engine]] = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}
