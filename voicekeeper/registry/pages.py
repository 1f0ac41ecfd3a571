"""Voices and attempts page by page, in the order of their ids.

Ids do not change, so a voice that is there during the whole walk is shown once, whatever is inserted meanwhile. A page
with a filter looks at so many rows at most: what is rare costs more pages, never one that reads the whole table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, func, or_, select

from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.registry.rows import AnyRow, select_voices, to_voice
from voicekeeper.registry.tables import attempts, voices

T = TypeVar("T")

#: Rows that one page looks at.
WINDOW = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFilter:
    """Which voices; None means all. `at_risk_before` takes waiting voices with a deadline before then, or none yet.

    `begins` is what the voice_id or the label begins with.
    """

    status: Status | None = None
    account: str | None = None
    intent: Intent | None = None
    label: str | None = None
    at_risk_before: datetime | None = None
    begins: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilter:
    """Which attempts; None means all."""

    account: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call with a voice, as the registry knows it; its fields are the table's columns, and the voice's name.

    `cost` is a number as JSON has it, for the eye: what is counted is counted in the registry.
    """

    id: int
    voice: int
    account: str
    voice_id: str
    instance: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    provider_code: str | None
    http_status: int | None
    message: str | None
    trace_id: str | None
    task_id: str | None
    model: str | None
    characters: int | None
    cost: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the id after which the next page begins; None when there is none."""

    rows: list[T]
    last: int | None


def voices_after(connection: Connection, wanted: VoiceFilter, after: int, limit: int) -> Page[Voice]:
    """Return the voices behind an id, the lowest id first."""
    conditions = _voices(wanted)
    beyond = voices.c.id > after
    end = _end(connection, voices.c.id, voices.c.id, beyond) if conditions else None
    window = (beyond,) if end is None else (beyond, voices.c.id <= end)
    query = select_voices().where(*window, *conditions).order_by(voices.c.id).limit(limit + 1)
    return _page([to_voice(row) for row in connection.execute(query)], limit, end)


def attempts_before(connection: Connection, wanted: AttemptFilter, before: int | None, limit: int) -> Page[Attempt]:
    """Return the attempts in front of an id, None for all, the highest id first."""
    conditions = _attempts(wanted)
    beyond = () if before is None else (attempts.c.id < before,)
    end = _end(connection, attempts.c.id, attempts.c.id.desc(), *beyond) if conditions else None
    window = beyond if end is None else (*beyond, attempts.c.id >= end)
    query = select_attempts().where(*window, *conditions).order_by(attempts.c.id.desc()).limit(limit + 1)
    return _page([_attempt(row) for row in connection.execute(query)], limit, end)


def latest_attempts(connection: Connection, voice: Voice, limit: int, before: int | None = None) -> list[Attempt]:
    """Return the attempts with a voice, the newest first; those in front of an id, where there is one."""
    mine = (attempts.c.voice == voice.id,) if before is None else (attempts.c.voice == voice.id, attempts.c.id < before)
    query = select_attempts().where(*mine).order_by(attempts.c.id.desc()).limit(limit)
    return [_attempt(row) for row in connection.execute(query)]


def select_attempts() -> Select[Any]:
    """Begin a query for whole attempts."""
    named = (voices.c.account, voices.c.voice_id)
    own = [attempts.c[field.name] for field in fields(Attempt) if field.name in attempts.c]
    return select(*own, *named).join_from(attempts, voices, voices.c.id == attempts.c.voice)


def _attempt(row: AnyRow) -> Attempt:
    return Attempt(**row._asdict() | {"cost": None if row.cost is None else float(row.cost)})


def _end(connection: Connection, column: Column[int], order: Any, *beyond: ColumnElement[bool]) -> int | None:  # noqa: ANN401 - SQLAlchemy's expressions have no shorter type
    """Return the id at which the window ends, None where the table ends before it."""
    query = select(column).where(*beyond).order_by(order).offset(WINDOW - 1).limit(1)
    return connection.execute(query).scalar()


def _page(rows: list[Any], limit: int, end: int | None) -> Page[Any]:
    return Page(rows[:limit], rows[limit - 1].id) if len(rows) > limit else Page(rows, end)


def _voices(wanted: VoiceFilter) -> Sequence[ColumnElement[bool]]:
    conditions = [
        _plain(column) == value
        for column, value in (
            (voices.c.status, wanted.status),
            (voices.c.account, wanted.account),
            (voices.c.intent, wanted.intent),
        )
        if value is not None
    ]
    if wanted.label is not None:
        conditions.append(_begins(voices.c.label, wanted.label))
    if wanted.begins is not None:
        conditions.append(or_(_begins(voices.c.voice_id, wanted.begins), _begins(voices.c.label, wanted.begins)))
    if wanted.at_risk_before is not None:
        at_risk = or_(voices.c.deadline.is_(None), _plain(voices.c.deadline) <= wanted.at_risk_before)
        conditions.append(and_(_plain(voices.c.status) == Status.WAITING.value, at_risk))
    return conditions


def _attempts(wanted: AttemptFilter) -> Sequence[ColumnElement[bool]]:
    conditions = []
    if wanted.account is not None:
        conditions.append(_plain(voices.c.account) == wanted.account)
    if wanted.outcome is not None:
        conditions.append(_plain(attempts.c.outcome) == wanted.outcome.value)
    if wanted.since is not None:
        conditions.append(_plain(attempts.c.started_at) >= wanted.since)
    return conditions


def _begins(column: Column[str], text: str) -> ColumnElement[bool]:
    """Compare with what a text begins with; not LIKE, which takes "A" for "a" on SQLite."""
    return func.substr(column, 1, len(text)) == text


def _plain(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column so that no index is chosen for it: the window of ids is what bounds the work."""
    return func.coalesce(column, column)
