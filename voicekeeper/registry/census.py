"""How many voices stand where and what was paid, counted in slices of ids: short reads, however large the tables are.

One statement over a million voices would take a second or two, and more as they grow; a slice takes some 25 ms. A
voice stands in one slice only, so the slices of one pass count each voice once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, func, select

from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry.tables import attempts, voices
from voicekeeper.registry.types import total

#: Rows. Five times as many took longer for each row, on SQLite and MariaDB alike.
SLICE = 20_000


@dataclass(frozen=True, slots=True)
class Stand:
    """How many voices of one account, status and intent a slice holds, and their first deadline."""

    account: str
    status: Status
    intent: Intent
    count: int
    first_deadline: datetime | None


def stands(connection: Connection, after: int) -> tuple[list[Stand], int | None]:
    """Count the slice of voices behind an id; return the id it ends with too, None for the last slice."""
    columns = (voices.c.id, voices.c.account, voices.c.status, voices.c.intent, voices.c.deadline)
    part = select(*columns).where(voices.c.id > after).order_by(voices.c.id).limit(SLICE).subquery("part")
    kind = (part.c.account, part.c.status, part.c.intent)
    figures = (func.count().label("count"), func.min(part.c.deadline).label("first"), func.max(part.c.id).label("last"))
    rows = connection.execute(select(*kind, *figures).group_by(*kind)).all()
    found = [Stand(row.account, Status(row.status), Intent(row.intent), row[3], row.first) for row in rows]
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


def _attempts(after: int, until: int | None) -> Select[Any]:
    columns = (attempts.c.id, attempts.c.voice, attempts.c.cost, attempts.c.currency)
    query = select(*columns).where(attempts.c.id > after).order_by(attempts.c.id).limit(SLICE)
    return query if until is None else query.where(attempts.c.id <= until)
