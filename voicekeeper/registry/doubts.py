"""Calls of which nobody knows how they ended: they may have been billed, until an answer or a list tells."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, exists, func, or_, select, update

from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Voice
from voicekeeper.registry.tables import attempts

#: What is said of a call that nobody can speak for, and of a voice that a list shows.
UNRECORDED = "the instance that made this call ended before it could record the answer"
LISTED = "The provider's list shows it."
_BILLED = attempts.alias("billed")
#: A call that is under way, or whose answer was lost.
IN_DOUBT = or_(attempts.c.finished_at.is_(None), attempts.c.outcome == Outcome.AMBIGUOUS.value)
#: A call with a voice that has a price: its doubts are over.
PRICED = exists().where(_BILLED.c.voice == attempts.c.voice, _BILLED.c.cost.is_not(None))


def close(connection: Connection, ids: Sequence[int], now: datetime) -> bool:
    """Close what dead instances left open for these voices; tell whether there was anything."""
    left = (attempts.c.voice.in_(ids), attempts.c.finished_at.is_(None))
    ended = {"finished_at": now, "outcome": Outcome.AMBIGUOUS.value, "message": UNRECORDED}
    return connection.execute(update(attempts).where(*left).values(**ended)).rowcount > 0


def book(connection: Connection, ids: Sequence[int], currency: str | None, now: datetime) -> None:
    """Book what was set aside for voices that a list shows: one of the calls in doubt has kept them, and was billed."""
    close(connection, ids, now)
    said = func.max(attempts.c.model).label("model"), func.max(attempts.c.reserved).label("cost")
    doubts = select(attempts.c.voice, *said).where(attempts.c.voice.in_(ids), IN_DOUBT, ~PRICED)
    kept = {"instance": "list", "started_at": now, "finished_at": now, "outcome": Outcome.KEPT.value, "message": LISTED}
    found = connection.execute(doubts.group_by(attempts.c.voice))
    rows = [row._asdict() | kept | {"currency": currency if row.cost is not None else None} for row in found]
    if rows:
        connection.execute(attempts.insert(), rows)


def doubted(connection: Connection, voice: Voice, now: datetime) -> Voice:
    """Close what a dead instance left open: its call may have been made, so the voice counts as ambiguous."""
    if voice.lease_owner is None or not close(connection, [voice.id], now):
        return voice
    outcome = Outcome.AMBIGUOUS.value
    return replace(voice, last_outcome=outcome, last_error=UNRECORDED, streak=1, streak_since=now)
