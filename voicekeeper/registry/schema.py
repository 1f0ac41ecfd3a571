"""The registry's schema version: refuse to work on another one, and bring it to the newest."""

import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from voicekeeper.clock import WallClock
from voicekeeper.core.errors import RegistryHeld, SchemaMismatch
from voicekeeper.registry.database import Database

#: The newest migration. Compared as a constant, because importing Alembic costs a third of a second; a test holds it.
HEAD = "0007"

_CHECKOUT = Path(__file__).resolve().parents[2] / "migrations"
_INSTALLED = Path(__file__).resolve().parents[1] / "_migrations"


def migrations() -> Path:
    """Return the folder of migrations: the checkout's own, or the one that the wheel brought."""
    return _CHECKOUT if (_CHECKOUT / "env.py").is_file() else _INSTALLED


def current(connection: Connection) -> str | None:
    """Return the registry's schema version, None when it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def require_newest(database: Database) -> None:
    """Raise SchemaMismatch, with the command that mends it, unless the schema is the newest."""
    found = database.call(_version)
    if found == HEAD:
        return
    if found is None:
        raise SchemaMismatch(f"registry {database.name} has no tables yet: run `voicekeeper migrate`")
    if found > HEAD:
        raise SchemaMismatch(
            f"registry {database.name} has schema {found}, newer than the {HEAD} that this voicekeeper knows: "
            "upgrade voicekeeper"
        )
    raise SchemaMismatch(
        f"registry {database.name} has schema {found}, this voicekeeper needs {HEAD}: run `voicekeeper migrate`"
    )


def _version(connection: Connection) -> str | None:
    """Ask for the version directly: looking for the table first would cost a query on every start."""
    try:
        with connection.begin_nested():
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        if "alembic_version" in str(error.orig):
            return None
        raise


def migrate(database: Database, waiting: Callable[[RegistryHeld], object] = lambda _: None) -> tuple[str | None, str]:
    """Bring the registry to the newest schema; return the versions before and after.

    Whoever holds its tables, or migrates it, is waited for: a little at a time, because everybody else waits behind a
    change of a table. `waiting` is told each time.
    """
    found = database.call(current)
    if found == HEAD:
        return found, found
    clock = WallClock()
    end = clock.monotonic() + _LONGEST
    while True:
        try:
            return _upgraded(database), HEAD
        except RegistryHeld as held:
            if clock.monotonic() > end:
                raise
            waiting(held)
        time.sleep(_PAUSE)


def _upgraded(database: Database) -> str | None:
    """Do what is to be done, in one transaction where the database can; return the version before."""
    from alembic import command  # noqa: PLC0415 - a third of a second that only this command pays
    from alembic.config import Config  # noqa: PLC0415 - likewise

    with database.patiently() as connection:
        _alone(connection)
        before = current(connection)
        if before is not None and before > HEAD:
            raise SchemaMismatch(f"schema {before} is newer than the {HEAD} of this voicekeeper: upgrade it")
        config = Config()
        config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before


#: Seconds to wait for others in all, which is less than systemd waits for us, and to let them through in between.
_LONGEST = 600.0
_PAUSE = 3.0
#: PostgreSQL's is an arbitrary number that only voicekeeper takes; it waits as for a table. MySQL's name belongs to the
#: whole server and has 64 characters at most; it gives 0 when the wait is over, and NULL when it failed.
_LOCKS = {
    "postgresql": f"SELECT pg_advisory_xact_lock({0x766F6963})",
    "mysql": "SELECT GET_LOCK(CONCAT('voicekeeper.migrate.', SHA1(DATABASE())), @@lock_wait_timeout)",
}


def _alone(connection: Connection) -> None:
    """Let one starter migrate at a time; SQLite's own transaction does it there.

    The connection that changes the tables holds the lock itself: where its process is killed, the server goes on with
    the statement under way, and the next starter has to wait for that.
    """
    take = _LOCKS.get(connection.dialect.name)
    if take and connection.execute(text(take)).scalar() in {0, None}:
        raise RegistryHeld("another voicekeeper is migrating this registry; try again when it is done")
