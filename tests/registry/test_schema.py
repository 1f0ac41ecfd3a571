"""The schema: tables and migrations say the same, and nothing works on any other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tests.registry.registry_steps import add, claim_one, insert, open_account, voice
from tests.registry.shapes import alembic, shape
from voicekeeper.core.errors import SchemaMismatch
from voicekeeper.core.voice import Status
from voicekeeper.registry import schema
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import metadata


@pytest.fixture
def bare(bare_url: str) -> Iterator[Database]:
    """A database without tables."""
    opened = Database(bare_url, create=True)
    yield opened
    opened.close()


def test_the_constant_is_the_newest_migration() -> None:
    """Every start would refuse a registry that is right, or work on one that is not."""
    config = Config()
    config.set_main_option("script_location", str(schema.migrations()))
    heads = ScriptDirectory.from_config(config).get_heads()
    assert heads == [schema.HEAD]
    newest = max(path.name for path in Path(schema.migrations(), "versions").glob("[0-9]*.py"))
    assert newest.startswith(f"{schema.HEAD}_")


def test_migrations_and_tables_agree(database: Database) -> None:
    """`alembic check` would find a column or index that no migration brings."""
    alembic(database, "check")


def test_migrations_and_tables_agree_on_every_check_and_default(bare: Database) -> None:
    """A check that Alembic does not compare would be in the tables and not in any registry."""
    schema.migrate(bare)
    migrated = shape(bare)
    alembic(bare, "downgrade", "base")
    assert shape(bare) == {}
    with bare.transaction() as connection:
        metadata.create_all(connection)
    assert shape(bare) == migrated
    assert set(migrated) == set(metadata.tables)


def test_down_and_up_again_gives_a_working_registry(bare: Database) -> None:
    """A downgrade would leave something behind on which the next upgrade fails."""
    for _ in range(2):
        schema.migrate(bare)
        alembic(bare, "downgrade", "base")
    assert schema.migrate(bare) == (None, schema.HEAD)
    open_account(bare)
    add(bare, "mine")
    assert claim_one(bare, voice(bare, "mine").cloned_at).voice.status is Status.WAITING


def test_migrating_again_changes_nothing(database: Database) -> None:
    """A second `voicekeeper migrate` would harm what is there."""
    with database.transaction() as connection:
        insert(connection)
    assert schema.migrate(database) == (schema.HEAD, schema.HEAD)
    assert voice(database, "theirs").voice_id == "theirs"


def test_the_newest_schema_is_accepted(database: Database) -> None:
    """No registry would be good enough to start on."""
    schema.require_newest(database)


def test_a_registry_without_tables_is_refused_with_the_mend(bare: Database) -> None:
    """A first start would end in a traceback instead of the command that helps."""
    with pytest.raises(SchemaMismatch, match="has no tables yet: run `voicekeeper migrate`"):
        schema.require_newest(bare)
    schema.migrate(bare)
    alembic(bare, "downgrade", "base")
    with pytest.raises(SchemaMismatch, match="run `voicekeeper migrate`"):
        schema.require_newest(bare)


@pytest.mark.parametrize(
    ("version", "mend"),
    [("0000", "run `voicekeeper migrate`"), ("9999", "upgrade voicekeeper")],
    ids=["stale", "newer"],
)
def test_another_schema_is_refused_with_the_mend(bare: Database, version: str, mend: str) -> None:
    """An older voicekeeper would write into a schema it does not know."""
    schema.migrate(bare)
    with bare.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(SchemaMismatch, match=mend) as refused:
        schema.require_newest(bare)
    assert version in str(refused.value)


def test_a_newer_schema_is_not_migrated(bare: Database) -> None:
    """An older voicekeeper's `migrate` would damage a newer registry."""
    schema.migrate(bare)
    with bare.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="upgrade it"):
        schema.migrate(bare)


def test_the_migrations_are_found_in_a_checkout() -> None:
    """Neither the checkout nor the wheel could migrate."""
    assert (schema.migrations() / "versions").is_dir()
