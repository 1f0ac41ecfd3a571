"""Entering rows of which the database may refuse some: one that it refuses stops no other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DataError, IntegrityError

from voicekeeper.registry.mends import said
from voicekeeper.registry.types import enter_all

#: What a database raises where it is well and the row is not.
UNFIT = (IntegrityError, DataError)

#: Why rows were refused, by their places among those that were to be entered.
Refused = dict[int, str]


def enter_fitting(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> Refused:
    """Insert those rows of the same columns that nobody has entered and the database takes; return why not the others.

    They go in together, and one by one only where that fails: a thousand rows cost one statement.
    """
    reason = _enter(connection, table, rows)
    return enter_singly(connection, table, rows) if reason else {}


def enter_singly(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> Refused:
    """Do the same one by one from the beginning."""
    reasons = ((place, _enter(connection, table, [row])) for place, row in enumerate(rows))
    return {place: reason for place, reason in reasons if reason}


def _enter(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> str | None:
    """Insert all of these rows or none; return why none."""
    try:
        with savepoint(connection):
            enter_all(connection, table, rows)
    except UNFIT as error:
        return f"the registry refuses it: {said(error)}"
    return None


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo what is done here where the database refuses a row: PostgreSQL would take nothing after it any more.

    Any other failure ends the whole transaction: SQLite has no savepoint left when its disk is full.
    """
    begun = connection.begin_nested()
    try:
        yield
    except UNFIT:
        begun.rollback()
        raise
    begun.commit()
