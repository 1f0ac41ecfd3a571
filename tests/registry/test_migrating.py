"""`migrate` comes to its end, whatever ends it midway and whoever else holds the registry's tables."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import Connection, inspect, text

from tests.registry import processes
from tests.registry.interrupted import KILLED, started
from tests.registry.processes import PROCESSES, Crew
from tests.registry.shapes import alembic, shape
from tests.scenarios.commands import until
from voicekeeper.core.errors import RegistryClosed, RegistryHeld
from voicekeeper.registry import schema
from voicekeeper.registry.database import Database

_LONGEST = 60.0
BEFORE = "0006"
servers = pytest.mark.parametrize("kind", ["postgresql", "mysql"])


@pytest.fixture
def older(bare_url: str) -> Iterator[Database]:
    """A registry that lacks the last step."""
    with closing(Database(bare_url, create=True)) as opened:
        alembic(opened, "upgrade", BEFORE)
        yield opened


@contextmanager
def held(database: Database) -> Iterator[Callable[[float], None]]:
    """Hold the table of accounts as a backup does; what is yielded gives it back after some seconds, else the end does.

    Patiently, because the server ends what voicekeeper itself lets stand still.
    """
    with closing(Database(database.url.render_as_string(hide_password=False))) as other, ExitStack() as ends:
        connection = ends.enter_context(other.patiently())
        connection.execute(text("SELECT * FROM accounts")).all()
        with ExitStack() as timers:

            def give_back(seconds: float) -> None:
                timer = Timer(seconds, ends.close)
                timers.callback(timer.join)
                timer.start()

            yield give_back


def test_one_that_is_killed_after_any_change_of_a_table_is_completed_by_the_next(
    bare_url: str, database: Database, tmp_path: Path
) -> None:
    """Where each statement is committed by itself, no later `migrate` would ever get past the tables that are there."""
    known = tmp_path / "known"
    known.touch()
    codes: list[int | None] = []
    while not codes or codes[-1] == KILLED:
        process = started(bare_url, known)
        process.join(_LONGEST)
        codes.append(process.exitcode)
    assert codes == [KILLED] * len(known.read_text().splitlines()) + [0]
    assert len(codes) > 20
    with closing(Database(bare_url)) as completed:
        assert shape(completed) == shape(database)
        schema.require_newest(completed)


@pytest.mark.parametrize("kind", ["mysql"])
def test_what_the_server_still_does_after_a_kill_is_waited_for(older: Database) -> None:
    """The next `migrate` would take the same step beside it, and fail: so the lock ends with the step under way."""
    with held(older) as give_back:
        process = started(older.url.render_as_string(hide_password=False))
        until(lambda: older.call(_altered_under_the_lock), _LONGEST)
        process.kill()
        process.join(_LONGEST)
        give_back(1)
        assert schema.migrate(older)[1] == schema.HEAD
    assert "failing_since" in str(shape(older)["accounts"]["columns"])


def _altered_under_the_lock(connection: Connection) -> bool:
    """Say whether a connection that holds the lock is changing a table, or about to."""
    holder = "IS_USED_LOCK(CONCAT('voicekeeper.migrate.', SHA1(DATABASE())))"
    found = f"SELECT 1 FROM information_schema.processlist WHERE id = {holder} AND info LIKE 'ALTER TABLE%'"  # noqa: S608 - our own
    return connection.execute(text(found)).first() is not None


@servers
def test_whoever_holds_a_table_is_waited_for_by_all(older: Database, crew: Crew) -> None:
    """A backup, or a step that takes its time, would make each of them fail, though one has migrated."""
    url = older.url.render_as_string(hide_password=False)
    assert crew.together(processes.version, url) == [BEFORE] * PROCESSES
    with held(older) as give_back:
        give_back(4)
        assert crew.together(processes.migrate_impatiently, url) == [schema.HEAD] * PROCESSES
    assert processes.version(older) == schema.HEAD


@servers
def test_a_table_that_is_never_given_back_is_said(older: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """`migrate` would wait for ever, or name no reason, or leave others behind it."""
    processes.hurry(monkeypatch)
    monkeypatch.setattr(schema, "_LONGEST", 1.5)
    told: list[str] = []
    with held(older), pytest.raises(RegistryHeld, match="somebody else holds what is needed"):
        schema.migrate(older, lambda error: told.append(str(error)))
    assert len(told) == 1
    assert processes.version(older) == BEFORE
    assert schema.migrate(older) == (BEFORE, schema.HEAD)


@servers
def test_a_step_may_take_longer_than_a_statement(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large registry could never be upgraded: each try would be given up after seconds."""
    processes.hurry(monkeypatch)
    sleep = "pg_sleep(3)" if bare_url.startswith("postgresql") else "SLEEP(3)"
    with closing(Database(bare_url)) as database, database.patiently() as connection:
        connection.execute(text(f"SELECT {sleep}"))
        time.sleep(1.5)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_tables_of_another_program_are_left_alone(bare_url: str) -> None:
    """Columns would be added to an application's own table that happens to have the same name."""
    with closing(Database(bare_url, create=True)) as database:
        database.call(lambda connection: connection.execute(text("CREATE TABLE accounts (name VARCHAR(64))")))
        with pytest.raises(RegistryClosed, match="give voicekeeper a database of its own"):
            schema.migrate(database)
        with database.transaction() as connection:
            assert [column["name"] for column in inspect(connection).get_columns("accounts")] == ["name"]


@servers
def test_there_is_no_wait_where_nothing_is_to_be_done(database: Database) -> None:
    """Every start would wait for a backup to end, or need the right to change tables."""
    with held(database):
        assert schema.migrate(database) == (schema.HEAD, schema.HEAD)
