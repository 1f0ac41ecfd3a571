"""A registry that cannot be worked with says in one line what was found and what would mend it, and no password."""

import asyncio
import os
import socket
import sqlite3
import stat
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import Connection, event, make_url, text

from tests.databases import Registries
from tests.registry.registry_steps import add, everyone, insert, open_account
from voicekeeper.core.errors import ConfigError, RegistryClosed, RegistryUnavailable
from voicekeeper.registry import accounts, schema
from voicekeeper.registry.database import Database
from voicekeeper.registry.engines import parse_url

NOBODY = 65534
PASSWORD = "hush-hush"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Lay root's powers down: they would write what nobody may."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def ask(url: str) -> None:
    """Open a registry and read it."""
    opened = Database(url)
    try:
        opened.call(accounts.everyone)
    finally:
        opened.close()


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_a_missing_file_is_not_made_by_looking(tmp_path: Path) -> None:
    """A mistyped path would become an empty registry, and all voices be lost in silence."""
    path = tmp_path / "mistyped.db"
    with pytest.raises(RegistryClosed, match="`voicekeeper migrate` creates it"):
        ask(f"sqlite:///{path}")
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """`migrate` would end in a traceback for a folder that is not there."""
    opened = Database(f"sqlite:///{tmp_path}/no/such/folder.db", create=True)
    with pytest.raises(RegistryUnavailable, match="the folder does not exist"):
        opened.call(accounts.everyone)
    opened.close()


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    """A traceback would be shown for a mistyped path, or somebody's file be overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("dear diary " * 100)
    with pytest.raises(RegistryClosed, match=r"correct registry\.url"):
        ask(f"sqlite:///{path}")
    assert path.read_text() == "dear diary " * 100


def test_a_file_that_cannot_be_written_is_named(sqlite_url: str) -> None:
    """A sweep would fail in a traceback after a restore under another user."""
    path = path_of(sqlite_url)
    path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    with as_nobody(), pytest.raises(RegistryUnavailable, match="cannot be written by this user"):
        ask(sqlite_url)


def test_a_file_that_cannot_be_read_is_named(sqlite_url: str) -> None:
    """Whoever runs a command as another user would look for what is wrong with the folder, which is right."""
    path_of(sqlite_url).chmod(stat.S_IRUSR | stat.S_IWUSR)
    with as_nobody(), pytest.raises(RegistryUnavailable, match="or the file is not for it"):
        ask(sqlite_url)


def test_a_folder_that_cannot_be_written_is_named(sqlite_url: str) -> None:
    """WAL needs to write beside the file: the reason would be a riddle."""
    source = path_of(sqlite_url)
    folder = source.parent / f"{source.stem}.folder"
    folder.mkdir()
    path = source.rename(folder / "registry.db")
    path.chmod(0o666)
    folder.chmod(0o555)
    with as_nobody(), pytest.raises(RegistryUnavailable, match="cannot be written by this user"):
        ask(f"sqlite:///{path}")


def test_a_locked_file_is_waited_for_and_then_named(sqlite_url: str) -> None:
    """A backup that holds the file would look like a broken registry."""
    opened = Database(sqlite_url)
    event.listen(opened.engine, "connect", _impatient)
    with closing(sqlite3.connect(path_of(sqlite_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryUnavailable, match="another program holds the file"):
            opened.call(accounts.everyone)
        other.execute("ROLLBACK")
    assert opened.call(accounts.everyone) == []
    opened.close()


def _impatient(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 50").close()


def test_a_new_file_into_which_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    """Of two instances that make the registry at the same moment, one would end: SQLite turns to WAL at once or not."""
    path = tmp_path / "new.db"
    opened = Database(f"sqlite:///{path}", create=True)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ending = Timer(0.5, other.execute, ["COMMIT"])
        ending.start()
        assert opened.call(lambda connection: connection.execute(text("PRAGMA journal_mode")).scalar_one()) == "wal"
        ending.join()
    opened.close()


def test_a_full_disk_loses_nothing_that_was_written(sqlite_url: str) -> None:
    """A full disk would end in a traceback, or cost what was registered before."""
    opened = Database(sqlite_url)
    add(opened, "before")
    with opened.transaction() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(RegistryUnavailable, match="the disk is full"):
        add(opened, *(f"{n}{'x' * 200}" for n in range(500)))
    assert [found.voice_id for found in everyone(opened)] == ["before"]
    opened.close()


def test_what_is_committed_is_on_the_disk(sqlite_database: Database) -> None:
    """A power cut would take the attempt back that was written down before its call, and the voice be paid twice."""
    with sqlite_database.transaction() as connection:
        asked = [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous")]
    assert asked == ["wal", 2], "2 is FULL: less leaves the last commits to the next checkpoint"


@pytest.mark.parametrize("server", ["postgresql", "mysql"])
@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("127.0.0.1:1", "is the server running, and are host and port right"),
        ("no-such-host.invalid", "is the host in registry.url right"),
    ],
    ids=["port", "host"],
)
def test_a_server_that_is_not_there_is_named(server: str, address: str, mend: str) -> None:
    """A mistyped host or a stopped server would be a riddle, or show the password."""
    url = f"{server}://user:{PASSWORD}@{address}/voices"
    with pytest.raises(RegistryUnavailable, match=mend) as failed:
        ask(url)
    assert PASSWORD not in str(failed.value)
    assert address.split(":", maxsplit=1)[0] in str(failed.value)


@pytest.mark.parametrize("server", ["postgresql", "mysql"])
def test_a_wrong_user_is_named_without_the_password(registries: Registries, server: str) -> None:
    """A wrong user would be answered with another mend, or the log hold the password."""
    wrong = make_url(registries.server(server)).set(username="nosuchuser", password=PASSWORD)
    with pytest.raises(RegistryClosed, match="correct user and password") as failed:
        ask(wrong.render_as_string(hide_password=False))
    assert PASSWORD not in str(failed.value)


def test_a_wrong_password_is_named_but_not_shown(registries: Registries) -> None:
    """The wrong password would stand in the log: it is often the right one of something else."""
    wrong = make_url(registries.server("mysql")).set(password=PASSWORD)
    with pytest.raises(RegistryUnavailable, match="correct user and password") as failed:
        ask(wrong.render_as_string(hide_password=False))
    assert PASSWORD not in str(failed.value)


@pytest.mark.parametrize("server", ["postgresql", "mysql"])
def test_a_wrong_database_is_named(registries: Registries, server: str) -> None:
    """A mistyped database would be a riddle."""
    wrong = make_url(registries.server(server)).set(database="voicekeeper_nosuch")
    with pytest.raises(RegistryClosed, match="create the database, then run `voicekeeper migrate`"):
        ask(wrong.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("server", "options", "said"),
    [
        ("postgresql", {"nonsense": "1"}, "nonsense"),
        ("postgresql", {"sslmode": "nonsense"}, "nonsense"),
        ("mysql", {"nonsense": "1"}, "nonsense"),
        ("mysql", {"ssl_ca": "/no/such/file"}, "No such file"),
        ("mysql", {"ssl_verify_cert": "true"}, "SSL"),
    ],
)
def test_a_mistyped_option_is_a_mistake_and_no_outage(
    registries: Registries, server: str, options: dict[str, str], said: str
) -> None:
    """A daemon would wait for ever for a server that is there, or end in a traceback."""
    wrong = make_url(registries.server(server)).set(query=options)
    with pytest.raises(RegistryClosed, match=r"options in registry\.url") as failed:
        ask(wrong.render_as_string(hide_password=False))
    assert said in str(failed.value)


def test_a_server_without_tls_where_it_is_demanded_is_a_mistake_too() -> None:
    """A daemon would wait for ever for a server that is there. PostgreSQL says "N" to who asks for TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:

        def refuse() -> None:
            with closing(server.accept()[0]) as line:
                line.recv(8)
                line.sendall(b"N")
                line.recv(1)

        threads.submit(refuse)
        with pytest.raises(RegistryClosed, match=r"(?s)SSL.*options in registry\.url"):
            ask(f"postgresql://someone@127.0.0.1:{server.getsockname()[1]}/voices?sslmode=verify-full")


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("postgresql://127.0.0.1:1/voices", "refused"),
        ("mysql://127.0.0.1:1/voices", "refused"),
        ("postgresql://no-such-host.invalid/voices", "registry.url right"),
        ("postgresql:///voices?host=/no/such/folder", "No such file"),
    ],
)
def test_a_server_that_is_down_is_an_outage(address: str, error: str) -> None:
    """A daemon that starts before its database server would end instead of waiting for it."""
    with pytest.raises(RegistryUnavailable, match=error) as failed:
        ask(address)
    assert failed.value.passes


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_which_not_every_text_can_be_written_is_refused(registries: Registries, encoding: str) -> None:
    """Names and answers in Chinese would be dropped in silence, or every command end in a traceback."""
    plain = f"ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    with ExitStack() as ends, closing(Database(registries.new("postgresql", ends, plain))) as opened:
        for work in (schema.migrate, schema.require_newest):
            with pytest.raises(RegistryClosed, match=f"encoding {encoding}.*createdb --encoding=UTF8"):
                work(opened)


def test_what_this_machine_speaks_is_not_what_is_written(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libpq is told another encoding, answers in Chinese would be dropped in silence."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with closing(Database(postgresql_url)) as opened:
        add(opened, "mine", label="余额不足")
        assert [found.label for found in everyone(opened)] == ["余额不足"]


def test_a_registry_without_its_tables_says_so(bare_url: str) -> None:
    """A registry that was emptied would be a riddle."""
    opened = Database(bare_url, create=True)
    with pytest.raises(RegistryUnavailable, match="voicekeeper migrate"):
        opened.call(accounts.everyone)
    opened.close()


def test_an_error_shows_no_statement_and_no_values(bare_url: str) -> None:
    """The log would hold the values of rows."""
    opened = Database(bare_url, create=True)
    with pytest.raises(RegistryUnavailable) as failed, opened.transaction() as connection:
        insert(connection, label="a private name")
    assert "private" not in str(failed.value)
    assert "INSERT" not in str(failed.value)
    opened.close()


@pytest.mark.parametrize(
    "url", [f"postgresql://user:{PASSWORD}@host/db", f"postgresql://host/db?user=me&password={PASSWORD}"]
)
def test_the_name_of_a_registry_hides_its_password(url: str) -> None:
    """Every message about the registry would show the password."""
    opened = Database(url)
    assert PASSWORD not in opened.name
    assert opened.name.startswith("postgresql")
    opened.close()


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("sqlite:///voices.db", "sqlite+pysqlite"),
        ("postgresql://host/db", "postgresql+psycopg"),
        ("postgres://host/db", "postgresql+psycopg"),
        ("postgresql+psycopg://host/db", "postgresql+psycopg"),
        ("mysql://host/db", "mysql+pymysql"),
        ("mariadb://host/db", "mysql+pymysql"),
        ("mariadb+pymysql://host/db", "mysql+pymysql"),
    ],
)
def test_every_usual_url_finds_its_driver(written: str, driver: str) -> None:
    """A URL as the database's own pages write it would be refused."""
    assert parse_url(written).drivername == driver
    Database(written).close()


@pytest.mark.parametrize(
    "url", ["", "voicekeeper.db", "oracle://host/db", "sqlite+nosuch:///x.db", "mysql://host/db?read_timeout=soon"]
)
def test_a_url_that_is_none_is_a_mistake_of_the_configuration(url: str) -> None:
    """A mistyped URL would be a traceback, or be reported as an outage."""
    with pytest.raises(ConfigError, match=r"registry\.url"):
        Database(url)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("postgresql://host/db", "psycopg", "postgres"), ("mysql://host/db", "pymysql", "mysql")],
)
def test_a_missing_driver_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    """The owner of a PostgreSQL registry would see an import error."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"pip install 'voicekeeper\[{extra}\]'"):
        Database(url)


async def test_what_was_begun_is_written_although_its_caller_is_cancelled(registry_url: str) -> None:
    """A cancelled sweep would take for not written what is."""
    database = Database(registry_url)
    open_account(database)
    add(database, "mine")
    started, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(connection: Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
        insert(connection, voice_id="written")

    caller = asyncio.create_task(database.run(work))
    await started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await asyncio.to_thread(database.close)
    again = Database(registry_url)
    assert {found.voice_id for found in everyone(again)} == {"mine", "written"}
    again.close()


def _written(connection: Connection, name: str) -> None:
    insert(connection, voice_id=name)


async def test_many_at_once_all_get_their_turn(database: Database) -> None:
    """Calls side by side would lock each other out."""
    open_account(database)
    await asyncio.gather(*(database.run(_written, f"v{n}") for n in range(40)))
    assert len(everyone(database)) == 40


@pytest.mark.parametrize("server", [f"p@s:{PASSWORD}@host", f"p@{PASSWORD}@host", f"s@host:{PASSWORD}"])
def test_a_password_that_is_not_encoded_is_said_and_not_shown(server: str) -> None:
    """A traceback, or the host's name in each message, would show the half of it."""
    with pytest.raises(ConfigError, match="%40") as failed:
        parse_url(f"postgresql://someone:{server}/voices")
    assert PASSWORD not in "".join(traceback.format_exception(failed.value))
