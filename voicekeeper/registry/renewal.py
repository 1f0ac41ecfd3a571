"""An account that is new or changed has its waiting voices planned anew, some at a time.

One statement over a million voices would take longer than a registry may, and hold them all meanwhile.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, bindparam, func, or_, select, update
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import LAST_ROOM
from voicekeeper.core.voice import Status
from voicekeeper.registry.conditions import UNKNOWN
from voicekeeper.registry.rows import AnyRow
from voicekeeper.registry.tables import voices

#: Ids that one transaction looks through.
BATCH = 3_000
#: Said of what is over, not of what waits: a database could take an index of all that wait instead of the ids.
_OVER = [status.value for status in Status if status is not Status.WAITING]
_ASKED = [
    voices.c[name]
    for name in ("id", "account", "status", "attempts", "last_outcome", "last_error", "due_at", "lease_owner")
]
_TIMES = ("deadline", "warn_at", "due_at")


@dataclass(frozen=True, slots=True)
class Change:
    """What is new for the voices of an account: their lifetime, and those that their deadlines may follow from yet."""

    lifetime: timedelta
    until_now: frozenset[timedelta]

    @property
    def old(self) -> frozenset[timedelta]:
        """The lifetimes that no deadline is to follow from any more."""
        return self.until_now - {self.lifetime}


def renew_some(connection: Connection, changes: Mapping[str, Change], after: int) -> int | None:
    """Have those of the next voices that wait under these accounts planned anew; return the last id, None at the end.

    In the order of their ids, so that nothing is found twice, whatever other instances plan meanwhile.
    """
    part = select(*_ASKED).where(voices.c.id > after).order_by(voices.c.id).limit(BATCH).subquery("part")
    count, last = connection.execute(select(func.count(), func.max(part.c.id)).select_from(part)).one()
    _plan_anew(connection, _ids(connection, part, changes, *_held_up(part.c)))
    moving = [name for name, change in changes.items() if change.old]
    if moving:
        _live_for(connection, changes, _ids(connection, part, moving, part.c.status.not_in(_OVER)))
    return last if count == BATCH else None


def _ids(connection: Connection, part: Subquery, names: Collection[str], *meant: ColumnElement[bool]) -> list[int]:
    return list(connection.execute(select(part.c.id).where(part.c.account.in_(names), *meant)).scalars())


def _held_up(of: ReadOnlyColumnCollection[str, Any]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a voice was not tried yet, or was blocked or set aside."""
    held_up = or_(of.attempts == 0, of.last_outcome == Outcome.BLOCKED.value, of.last_error == UNKNOWN)
    planned = or_(of.due_at.is_not(None), of.last_error.is_not(None))
    return of.status.not_in(_OVER), held_up, planned, of.lease_owner.is_(None)


def _plan_anew(connection: Connection, ids: Sequence[int]) -> None:
    """Let those of these be planned again that nobody has taken meanwhile: their account's terms or key changed."""
    if ids:
        untried = update(voices).where(voices.c.id.in_(ids), *_held_up(voices.c))
        connection.execute(untried.values(due_at=None, last_error=None))


def _live_for(connection: Connection, changes: Mapping[str, Change], ids: Sequence[int]) -> None:
    """Move the deadlines among these that follow from another lifetime than their account's by now; given ones stand.

    The next sweep looks at their warnings anew, and plans those anew that would be tried too late.
    """
    columns = (voices.c.id, voices.c.account, voices.c.cloned_at, voices.c.deadline, voices.c.due_at)
    mine = select(*columns).where(voices.c.id.in_(ids), voices.c.deadline.is_not(None), voices.c.status.not_in(_OVER))
    rows = connection.execute(mine.order_by(voices.c.id).with_for_update()).all() if ids else ()
    followed = [row for row in rows if row.deadline - row.cloned_at in changes[row.account].old]
    if followed:
        moved = [_moved(row, row.cloned_at + changes[row.account].lifetime) for row in followed]
        times = {name: bindparam(name, type_=voices.c[name].type) for name in _TIMES}
        connection.execute(update(voices).where(voices.c.id == bindparam("row")).values(**times), moved)


def _moved(row: AnyRow, deadline: datetime) -> dict[str, Any]:
    """Return a voice's times with another deadline; one that is due too late for it is planned anew."""
    in_time = row.due_at is not None and row.due_at < deadline - LAST_ROOM
    return {"row": row.id, "deadline": deadline, "warn_at": row.cloned_at, "due_at": row.due_at if in_time else None}
