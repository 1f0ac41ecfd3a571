"""Steps of a migration that may be taken twice, where the server commits each by itself: MySQL and MariaDB.

A migration that ends midway leaves the tables between two versions there. The next one takes its steps again, and those
that were taken already are passed over.
"""

from typing import Any

from alembic.ddl.mysql import MySQLImpl
from sqlalchemy import Column, Index, Inspector, Table, inspect


class RepeatableSteps(MySQLImpl):
    """What Alembic does on MySQL and MariaDB, but only what has not been done; importing it is enough."""

    __dialect__ = "mysql"

    def create_table(self, table: Table, **kw: Any) -> None:  # noqa: ANN401 - Alembic's
        """Create a table with its indexes; one of the same name that has other columns is not ours, and refused."""
        if not self._has_table(table):
            super().create_table(table, **kw)
            return
        for index in table.indexes:
            self.create_index(index)

    def add_column(self, table_name: str, column: Column[Any], **kw: Any) -> None:  # noqa: ANN401 - likewise
        """Add a column."""
        if column.name not in self._columns(table_name):
            super().add_column(table_name, column, **kw)

    def create_index(self, index: Index, **kw: Any) -> None:  # noqa: ANN401 - likewise
        """Create an index."""
        there = self._found().get_indexes(index.table.name) if index.table is not None else []
        if index.name not in {one["name"] for one in there}:
            super().create_index(index, **kw)

    def _has_table(self, table: Table) -> bool:
        return self._found().has_table(table.name) and self._columns(table.name) == set(table.columns.keys())

    def _columns(self, table: str) -> set[str]:
        return {column["name"] for column in self._found().get_columns(table)}

    def _found(self) -> Inspector:
        """Look anew: an inspector remembers what it has seen."""
        if self.connection is None:
            raise RuntimeError("a migration works on a connection")
        return inspect(self.connection)
