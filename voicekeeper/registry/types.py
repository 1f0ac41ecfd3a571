"""Column types and expressions that mean the same on SQLite, PostgreSQL, MariaDB and MySQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Double,
    Integer,
    Numeric,
    String,
    Table,
    TypeDecorator,
    literal,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from voicekeeper.core.money import shortest

#: SQLite only counts an INTEGER PRIMARY KEY up by itself.
Id = BigInteger().with_variant(Integer, "sqlite")


# Each database's own words are imported where it is used: all of them together take a twentieth of a second, which
# every run would pay.
def _moment_on(dialect: str) -> TypeEngine[Any]:
    if dialect == "sqlite":
        return String(40)
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - as said above

        return postgresql.TIMESTAMP(timezone=True)
    if dialect == "mysql":
        from sqlalchemy.dialects import mysql  # noqa: PLC0415 - as said above

        return mysql.DATETIME(fsp=6)
    return DateTime()


def _insert_on(dialect: str) -> Any:  # noqa: ANN401 - each database has an Insert of its own
    return import_module(f"sqlalchemy.dialects.{dialect}").insert


class Utc(TypeDecorator[datetime]):
    """A moment: aware in, aware out, always UTC, to the microsecond.

    SQLAlchemy's own DateTime drops offsets on SQLite and MariaDB, and MariaDB cuts microseconds. On SQLite it is
    text of one width, so that it sorts as time; any ISO form that another program wrote is read.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the database's own type."""
        return dialect.type_descriptor(_moment_on(dialect.name))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Write an aware moment; a naive one is a mistake of ours."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without its time zone: {value}")
        moment = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - the base's
        """Read a moment."""
        if value is None:
            return None
        # SQLite's own checks of a text end at a null character.
        moment: datetime = datetime.fromisoformat(value.partition("\0")[0]) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Name(TypeDecorator[str]):
    """An account's name, read as the database itself compares it.

    MariaDB and MySQL take "main " for "main": such a row is claimed with the account's others, so it must be planned,
    warned of and told by its terms too. The others keep the two apart, and so do we.
    """

    impl = String
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401 - the base's
        """Read a name, without the spaces at its end that do not count."""
        name: str | None = value
        return name.rstrip(" ") if name and dialect.name in ("mysql", "mariadb") else name


class Amount(TypeDecorator[Decimal]):
    """Money: a Decimal in and out, to the millionth.

    SQLite has no decimals: a double gives back every amount below a thousand million as it was written, and sums are
    made of whole millionths (`total`).
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the database's own type."""
        return dialect.type_descriptor(Double() if dialect.name == "sqlite" else Numeric(18, 6))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | float | None:
        """Write an amount."""
        return float(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ANN401, ARG002 - the base's
        """Read an amount, without the zeros that its column adds."""
        return None if value is None else shortest(Decimal(str(value)))


class Total(TypeDecorator[Decimal]):
    """A sum of amounts; none at all is 0."""

    impl = Numeric
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal:  # noqa: ANN401 - the base's
        """Read a sum; SQLite's is in millionths."""
        amount = Decimal(str(value or 0))
        return shortest(amount.scaleb(-6) if dialect.name == "sqlite" else amount)


class total(FunctionElement[Decimal]):  # noqa: N801 - written like the function that it is
    """The exact sum of a column of amounts."""

    type = Total()
    inherit_cache = True


@compiles(total, "sqlite")
def _sqlite_total(element: total, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"sum(CAST(round({compiler.process(element.clauses, **options)} * 1000000) AS INTEGER))"


@compiles(total)
def _total(element: total, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"sum({compiler.process(element.clauses, **options)})"


class DatabaseNow(FunctionElement[datetime]):
    """The database's own clock, so that leases and rate limits do not depend on any host's."""

    type = Utc()
    inherit_cache = True


@compiles(DatabaseNow, "sqlite")
def _sqlite_now(element: DatabaseNow, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401, ARG001 - SQLAlchemy's
    return "strftime('%Y-%m-%d %H:%M:%f', 'now')"


@compiles(DatabaseNow, "postgresql")
def _postgres_now(element: DatabaseNow, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401, ARG001 - SQLAlchemy's
    return "clock_timestamp()"


@compiles(DatabaseNow, "mysql", "mariadb")
def _mysql_now(element: DatabaseNow, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401, ARG001 - SQLAlchemy's
    return "UTC_TIMESTAMP(6)"


class minute(FunctionElement[datetime]):  # noqa: N801 - written like the function that it is
    """A moment without its seconds."""

    type = Utc()
    inherit_cache = True


@compiles(minute, "sqlite")
def _sqlite_minute(element: minute, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"substr({compiler.process(element.clauses, **options)}, 1, 16)"


@compiles(minute, "postgresql")
def _postgres_minute(element: minute, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"date_trunc('minute', {compiler.process(element.clauses, **options)})"


@compiles(minute, "mysql", "mariadb")
def _mysql_minute(element: minute, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    written = compiler.process(element.clauses, **options)
    return f"timestamp(date({written}), maketime(hour({written}), minute({written}), 0))"


class DefaultNow(FunctionElement[datetime]):
    """The default of a column that says when its row was written."""

    type = Utc()
    inherit_cache = True


@compiles(DefaultNow, "sqlite", "postgresql")
def _default_now(element: DefaultNow, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401, ARG001 - SQLAlchemy's
    return "CURRENT_TIMESTAMP"


@compiles(DefaultNow, "mysql", "mariadb")
def _mysql_default_now(element: DefaultNow, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401, ARG001 - SQLAlchemy's
    return "(UTC_TIMESTAMP(6))"


class HourOf(FunctionElement[datetime]):
    """The hour that a moment lies in: its beginning."""

    type = Utc()
    inherit_cache = True


@compiles(HourOf, "sqlite")
def _sqlite_hour(element: HourOf, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"substr({compiler.process(element.clauses, **options)}, 1, 13)"


@compiles(HourOf, "postgresql")
def _postgres_hour(element: HourOf, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"date_trunc('hour', {compiler.process(element.clauses, **options)})"


@compiles(HourOf, "mysql", "mariadb")
def _mysql_hour(element: HourOf, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"date_format({compiler.process(element.clauses, **options)}, '%%Y-%%m-%%d %%H')"


def shared_now(connection: Connection) -> ColumnElement[datetime]:
    """Return the time that all instances share: the database's, or the simulated clock's of the engine."""
    clock = connection.get_execution_options().get("clock")
    return literal(clock.now(), Utc) if clock else DatabaseNow()


def enter(connection: Connection, table: Table, **values: Any) -> None:  # noqa: ANN401 - a row's values
    """Insert a row unless another instance has entered it."""
    enter_all(connection, table, [values])


def enter_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of the same columns, but none that another instance has entered.

    MySQL's plain INSERT would deadlock with a third one.
    """
    if connection.dialect.name in ("mysql", "mariadb"):
        first = next(iter(rows[0]))
        connection.execute(_insert_on("mysql")(table).on_duplicate_key_update({first: table.c[first]}), rows)
    else:
        connection.execute(_insert_on(connection.dialect.name)(table).on_conflict_do_nothing(), rows)
