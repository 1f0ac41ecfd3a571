"""The voices that wait to be kept, as the loads that a forecast plays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from voicekeeper.core.outcome import Outcome
from voicekeeper.core.pace import instant, moment
from voicekeeper.core.queue import Load
from voicekeeper.core.schedule import Policy, plan
from voicekeeper.core.voice import Intent
from voicekeeper.registry.conditions import WAITING, WANTED
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import minute

#: With more voices than this, those of one minute are played as one: it says the same to the minute, and much sooner.
_SINGLY = 5_000
_MINUTE = timedelta(minutes=1)
#: A throttle is no fault of the voice, and one in doubt may be kept or paid already.
_FAILURES = (Outcome.TRANSIENT, Outcome.REFUSED, Outcome.NOT_FOUND, Outcome.BLOCKED)
#: Since its owner had it tried again, if ever.
_FAILED = case((and_(voices.c.streak > 0, voices.c.last_outcome.in_([one.value for one in _FAILURES])), 1), else_=0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account's queue; those on hold and those past their deadline are no part of it.

    Each load's key is the id of a voice; `singly` tells that each voice is a load of its own.
    """

    loads: list[Load]
    on_hold: int
    past: int
    singly: bool


def waiting(connection: Connection, account: str, policy: Policy, now: datetime) -> Waiting:
    """Return an account's queue at this moment, with voices that no sweep has planned yet."""
    mine = voices.c.account == account
    ahead = (*WANTED, mine, voices.c.deadline > now, voices.c.due_at.is_not(None))
    few = select(voices.c.id).where(*ahead).limit(_SINGLY + 1)
    singly = len(connection.execute(few).all()) <= _SINGLY
    planned = _each(connection, *ahead) if singly else _by_minute(connection, now, *ahead)
    return Waiting(
        planned + _unplanned(connection, mine, policy, now),
        on_hold=_count(connection, WAITING, voices.c.intent == Intent.HOLD.value, mine, voices.c.deadline > now),
        past=_count(connection, *WANTED, mine, voices.c.deadline <= now),
        singly=singly,
    )


def members(connection: Connection, account: str, sizes: Mapping[Load, int], now: datetime) -> Iterator[int]:
    """Yield the ids of so many voices of each of these loads: of a minute's those with the latest deadlines."""
    left = {_kind(load): size for load, size in sizes.items() if load.size > 1}
    yield from (load.key for load in sizes if load.size == 1)
    if not left:
        return
    ends = [moment(deadline) for _, deadline, *_ in left]
    within = (voices.c.deadline >= min(ends), voices.c.deadline < max(ends) + _MINUTE, voices.c.due_at.is_not(None))
    kind = (minute(voices.c.due_at), minute(voices.c.deadline), voices.c.priority, _FAILED)
    query = select(*kind, voices.c.id).where(*WANTED, voices.c.account == account, *within)
    latest_first = query.order_by(voices.c.deadline.desc(), voices.c.id.desc())
    for due, deadline, priority, failed, row in connection.execute(latest_first):
        kind_of = _kind(Load(_minutes(due, now), instant(deadline), priority, row, failed=bool(failed)))
        if left.get(kind_of):
            left[kind_of] -= 1
            yield row


def _kind(load: Load) -> tuple[int, int, int, bool]:
    """Return what the voices of a load have in common."""
    return load.due, load.deadline, load.priority, load.failed


def names(connection: Connection, ids: list[int]) -> Mapping[int, str]:
    """Return the whole names of voices, by id."""
    query = select(voices.c.id, voices.c.account, voices.c.voice_id).where(voices.c.id.in_(ids))
    return {row.id: f"{row.account}/{row.voice_id}" for row in connection.execute(query)}


def _each(connection: Connection, *conditions: ColumnElement[bool]) -> list[Load]:
    columns = (voices.c.due_at, voices.c.deadline, voices.c.priority, _FAILED, voices.c.id)
    rows = connection.execute(select(*columns).where(*conditions))
    return [
        Load(instant(due), instant(deadline), priority, row, failed=bool(failed))
        for due, deadline, priority, failed, row in rows
    ]


def _by_minute(connection: Connection, now: datetime, *conditions: ColumnElement[bool]) -> list[Load]:
    """Return the voices by the minute: due when it ends, and with a deadline when it begins."""
    kind = (minute(voices.c.due_at), minute(voices.c.deadline), voices.c.priority, _FAILED.label("failed"))
    columns: list[ColumnElement[Any]] = [*kind, func.min(voices.c.id), func.count()]
    rows = connection.execute(select(*columns).where(*conditions).group_by(*kind))
    return [
        Load(_minutes(due, now), instant(deadline), priority, row, size, bool(failed))
        for due, deadline, priority, failed, row, size in rows
    ]


def _minutes(due: datetime, now: datetime) -> int:
    """Return when all that come due within a minute are due."""
    return instant(due if due <= now else due + _MINUTE)


def _unplanned(connection: Connection, mine: ColumnElement[bool], policy: Policy, now: datetime) -> list[Load]:
    named = (voices.c.id, voices.c.account, voices.c.voice_id)
    columns = (*named, voices.c.cloned_at, voices.c.deadline, voices.c.priority)
    found = []
    for row in connection.execute(select(*columns).where(*WANTED, mine, voices.c.due_at.is_(None))):
        times = plan(row.cloned_at, row.deadline, policy, f"{row.account}/{row.voice_id}")
        if times.deadline > now:
            found.append(Load(instant(times.due_at), instant(times.deadline), row.priority, row.id))
    return found


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(voices).where(*conditions)).scalar_one()
