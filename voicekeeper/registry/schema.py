"""The registry's schema version: refuse to work on another one, and bring it to the newest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from voicekeeper.core.errors import RegistryUnavailable, SchemaMismatch
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


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the registry to the newest schema; return the versions before and after.

    Several starters at once wait for each other: the upgrade runs under the database's own lock.
    """
    from alembic import command  # noqa: PLC0415 - a third of a second that only this command pays
    from alembic.config import Config  # noqa: PLC0415 - likewise

    with _alone(database), database.transaction() as connection:
        before = current(connection)
        if before is not None and before > HEAD:
            raise SchemaMismatch(f"schema {before} is newer than the {HEAD} of this voicekeeper: upgrade it")
        config = Config()
        config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, HEAD


_LOCK = 0x766F6963  # "voic": an arbitrary number that only voicekeeper takes
_LOCKS = {
    "postgresql": (f"SELECT pg_advisory_xact_lock({_LOCK})", None),
    "mysql": ("SELECT GET_LOCK('voicekeeper.migrate', 25)", "SELECT RELEASE_LOCK('voicekeeper.migrate')"),
}


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Let one starter migrate at a time; SQLite's own transaction does it there.

    The lock has a connection of its own, so that it outlives the migration's commit.
    """
    take, give = _LOCKS.get(database.engine.dialect.name, (None, None))
    if take is None:
        yield
        return
    with database.transaction() as guard:
        if guard.execute(text(take)).scalar() == 0:
            raise RegistryUnavailable("another voicekeeper is migrating this registry: try again when it is done")
        try:
            yield
        finally:
            if give:
                guard.execute(text(give))
