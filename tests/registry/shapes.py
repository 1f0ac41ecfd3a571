"""What a registry's tables are, and Alembic's own commands on it."""

from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from voicekeeper.registry import schema
from voicekeeper.registry.database import Database


def alembic(database: Database, order: str, *words: str) -> None:
    """Run one of Alembic's commands on a registry."""
    config = Config()
    config.set_main_option("script_location", str(schema.migrations()))
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        getattr(command, order)(config, *words)


def shape(database: Database) -> dict[str, Any]:
    """Return everything that the tables hold besides their rows."""
    with database.transaction() as connection:
        found = inspect(connection)
        return {
            table: {
                "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(table)],
                "checks": sorted((c["name"], c["sqltext"]) for c in found.get_check_constraints(table)),
                "indexes": sorted((i["name"], tuple(i["column_names"])) for i in found.get_indexes(table)),
                "unique": sorted((u["name"], tuple(u["column_names"])) for u in found.get_unique_constraints(table)),
                "foreign": sorted((f["name"], f["referred_table"]) for f in found.get_foreign_keys(table)),
            }
            for table in sorted(set(found.get_table_names()) - {"alembic_version"})
        }
