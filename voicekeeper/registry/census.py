"""How many voices stand where and what was paid, counted in slices of ids: short reads, however large the tables are.

One statement over a million voices would take a second or two, and more as they grow; a slice takes some 25 ms. A
voice stands in one slice only, so the slices of one pass count each voice once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, case, func, select

from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry.tables import attempts, voices
from voicekeeper.registry.types import HourOf, total

#: Rows. Five times as many took longer for each row, on SQLite and MariaDB alike.
SLICE = 20_000


@dataclass(frozen=True, slots=True)
class Stand:
    """How many voices of one account, status and intent a slice holds, and their first deadline.

    The waiting ones are counted by the hours in which they come due and end, the lost ones by the latter.
    """

    account: str
    status: Status
    intent: Intent
    due_hour: datetime | None
    deadline_hour: datetime | None
    count: int
    first_deadline: datetime | None


def stands(connection: Connection, after: int) -> tuple[list[Stand], int | None]:
    """Count the slice of voices behind an id; return the id it ends with too, None for the last slice."""
    columns = (voices.c.id, voices.c.account, voices.c.status, voices.c.intent, voices.c.deadline)
    hours = (_hour(Status.WAITING, of=voices.c.due_at), _hour(Status.WAITING, Status.LOST, of=voices.c.deadline))
    plain = select(*columns, hours[0].label("due"), hours[1].label("ends"))
    part = plain.where(voices.c.id > after).order_by(voices.c.id).limit(SLICE).subquery("part")
    kind = (part.c.account, part.c.status, part.c.intent, part.c.due, part.c.ends)
    figures = (func.count(), func.min(part.c.deadline).label("first"), func.max(part.c.id).label("last"))
    rows = connection.execute(select(*kind, *figures).group_by(*kind)).all()
    found = [Stand(row[0], Status(row[1]), Intent(row[2]), *row[3:7]) for row in rows]
    full = sum(stand.count for stand in found) == SLICE
    return found, max(row.last for row in rows) if full else None


def settled_until(connection: Connection, before: datetime) -> int:
    """Return the id of the last attempt that was begun before then, 0 for none."""
    begun = select(attempts.c.id).where(attempts.c.started_at < before)
    latest = begun.order_by(attempts.c.started_at.desc(), attempts.c.id.desc()).limit(1)
    return connection.execute(latest).scalar() or 0


def paid(connection: Connection, after: int, until: int | None) -> tuple[Mapping[tuple[str, str], Decimal], int | None]:
    """Add up the slice of attempts behind an id by account and currency; return the id it ends with, as `stands` does.

    Nothing behind `until` is read. A price without a currency has the currency "".
    """
    part = _attempts(after, until).subquery("part")
    kind = (voices.c.account, part.c.currency)
    figures = (total(part.c.cost).label("paid"), func.count().label("count"), func.max(part.c.id).label("last"))
    query = select(*kind, *figures).select_from(part.join(voices, voices.c.id == part.c.voice)).group_by(*kind)
    rows = connection.execute(query).all()
    sums = {(row.account, row.currency or ""): row.paid for row in rows if row.paid}
    full = sum(row[3] for row in rows) == SLICE
    return sums, max(row.last for row in rows) if full else None


def _hour(*statuses: Status, of: Column[datetime]) -> ColumnElement[datetime]:
    """Return the hour of a moment for voices that stand so: the others are too many to be told apart."""
    return case((voices.c.status.in_([status.value for status in statuses]), HourOf(of)))


def _attempts(after: int, until: int | None) -> Select[Any]:
    columns = (attempts.c.id, attempts.c.voice, attempts.c.cost, attempts.c.currency)
    query = select(*columns).where(attempts.c.id > after).order_by(attempts.c.id).limit(SLICE)
    return query if until is None else query.where(attempts.c.id <= until)
