"""The clonings table: the trace of each clone call, written before it and closed with the voice's registration."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, select, update

from voicekeeper.core import cloning as core
from voicekeeper.core.cloning import Begun
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.registry import outbox
from voicekeeper.registry.rows import AnyRow, fitted
from voicekeeper.registry.tables import CLONED, clonings, voices
from voicekeeper.registry.types import enter, shared_now

_BATCH = 100
_UNFINISHED = "voicekeeper ended before it could record the answer"


def begin(connection: Connection, begun: Begun, instance: str, lease: timedelta, now: datetime) -> int:
    """Write down that a clone call is about to be made; return the trace's id.

    The trace is left to its instance for the length of the lease.
    """
    until: datetime = connection.execute(select(shared_now(connection))).scalar_one() + lease
    row = {**_shared(begun), "instance": instance, "started_at": now, "lease_until": until}
    key = connection.execute(clonings.insert().values(**row)).inserted_primary_key
    return int(key[0]) if key else 0


def succeed(connection: Connection, trace: int, made: Begun, trace_id: str | None, now: datetime) -> None:
    """Register a voice that the provider has made, and close its trace."""
    _close(connection, trace, CLONED, now, voice_id=made.voice_id, trace_id=fitted(trace_id, 128))
    _register(connection, made)


def fail(connection: Connection, trace: int, begun: Begun, answer: Answer, now: datetime) -> None:
    """Close the trace of a call that made no voice; one that may have made it leaves it registered, or an alert."""
    message, trace_id = fitted(answer.message, 1000), fitted(answer.trace_id, 128)
    _close(connection, trace, answer.outcome.value, now, message=message, trace_id=trace_id)
    if answer.outcome is not Outcome.AMBIGUOUS:
        return
    if begun.voice_id is not None:
        _register(connection, begun)
    else:
        outbox.raise_alert(connection, core.doubted(trace, begun, f"its answer is not known: {answer.message}"), now)


def left_open(connection: Connection) -> Select[Any]:
    """Begin a query for the traces whose instance is gone without having closed them."""
    return select(clonings).where(clonings.c.finished_at.is_(None), clonings.c.lease_until <= shared_now(connection))


def pick_up(connection: Connection, now: datetime) -> list[Begun]:
    """Close traces that a dead instance left open: register what is known by name, and tell people of all of them."""
    query = left_open(connection).order_by(clonings.c.id).limit(_BATCH).with_for_update(skip_locked=True)
    found = [(row.id, _begun(row)) for row in connection.execute(query)]
    for trace, begun in found:
        _close(connection, trace, Outcome.AMBIGUOUS.value, now, message=_UNFINISHED)
        _register(connection, begun)
        outbox.raise_alert(connection, core.doubted(trace, begun, _UNFINISHED), now)
    return [begun for _, begun in found]


def _register(connection: Connection, begun: Begun) -> None:
    """Enter the voice, where its name is known and nobody has entered it meanwhile."""
    if begun.voice_id is not None:
        enter(connection, voices, **_shared(begun))


def _close(connection: Connection, trace: int, outcome: str, now: datetime, **values: str | None) -> None:
    this = update(clonings).where(clonings.c.id == trace)
    connection.execute(this.values(finished_at=now, outcome=outcome, **values))


def _shared(begun: Begun) -> dict[str, Any]:
    """Return the columns that a trace and its voice have in common."""
    return {
        "account": begun.account,
        "voice_id": begun.voice_id,
        "cloned_at": begun.cloned_at,
        "label": begun.label,
        "intent": begun.intent.value,
        "origin": begun.origin.value,
    }


def _begun(row: AnyRow) -> Begun:
    return Begun(
        account=row.account,
        voice_id=row.voice_id,
        cloned_at=row.cloned_at,
        label=row.label,
        intent=Intent(row.intent),
        origin=Origin(row.origin),
    )
