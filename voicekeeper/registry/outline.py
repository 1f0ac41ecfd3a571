"""The waiting voices slice by slice, in the order of their deadlines: short reads, however many there are.

The database counts them by the minute: of a million voices it gives some thousand rows.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, func, select

from voicekeeper.core.pace import instant
from voicekeeper.core.queue import Load
from voicekeeper.registry.conditions import WANTED
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import minute

#: Voices in one read, at least, as those of one deadline are read together: no reader holds others up for long. Every
#: look ahead reads one slice or more, and of very many voices none is in a cache.
SLICE = 1_000

_MINUTE, _NEXT = timedelta(minutes=1), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice begins: the first deadline; `now` is when the first slice was read."""

    now: datetime
    deadline: datetime


def begin(now: datetime) -> Place:
    """Return the place from which on all deadlines are ahead."""
    return Place(now, now + _NEXT)


def read(connection: Connection, place: Place) -> tuple[list[tuple[str, Load]], Place | None]:
    """Return the voices from a place on with their accounts, and the place of the next slice, None after the last one.

    Their due times are those of the minute's end, their deadlines of its beginning; what is due already is due at 0.
    """
    ahead = (*WANTED, voices.c.deadline >= place.deadline)
    ends = select(voices.c.deadline).where(*ahead).order_by(voices.c.deadline).offset(SLICE - 1).limit(1)
    last = connection.execute(ends).scalar()
    after = None if last is None else replace(place, deadline=last + _NEXT)
    within = ahead if after is None else (*ahead, voices.c.deadline < after.deadline)
    later = case((voices.c.due_at > place.now, minute(voices.c.due_at)))
    kind = (voices.c.account, later, minute(voices.c.deadline), voices.c.priority)
    rows = connection.execute(select(*kind, func.min(voices.c.id), func.count()).where(*within).group_by(*kind))
    return [(account, _load(*row)) for account, *row in rows], after


def _load(due: datetime | None, deadline: datetime, priority: int, row: int, size: int) -> Load:
    return Load(0 if due is None else instant(due + _MINUTE), instant(deadline), priority, row, size)
