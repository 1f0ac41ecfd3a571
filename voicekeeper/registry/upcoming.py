"""What there is to do now, and when there is next something."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent
from voicekeeper.registry import accounts, clonings, conditions, deliveries, outbox
from voicekeeper.registry.conditions import NEAR, WAITING, WANTED
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import shared_now


def held_elsewhere(connection: Connection, account: str, now: datetime) -> bool:
    """Tell whether other instances work on due voices of this account."""
    leased = voices.c.lease_until > shared_now(connection)
    query = select(voices.c.id).where(*conditions.due(now), voices.c.account == account, leased)
    # In the order of the index: for one row in any order PostgreSQL would read the table from its beginning.
    return connection.execute(query.order_by(voices.c.due_at).limit(1)).first() is not None


def anything_to_do(connection: Connection, now: datetime) -> bool:
    """Tell whether a sweep would keep, let go, warn or tell; only planned voices count."""
    waiting = select(voices.c.id)
    idle = [Intent.HOLD.value, Intent.RELEASE.value]
    questions = (
        waiting.where(*conditions.due(now)),
        waiting.where(WAITING, voices.c.intent.in_(idle), voices.c.deadline <= now),
        waiting.where(WAITING, voices.c.warn_at <= now),
        clonings.left_open(connection),
        outbox.waiting(now),
        deliveries.digest_due(now),
    )
    return any(connection.execute(question.limit(1)).first() is not None for question in questions)


def next_hurried(connection: Connection, accounts: Sequence[str], now: datetime, until: datetime) -> datetime | None:
    """Return when a voice of these accounts comes due by then that was throttled and has little time; None for none."""
    soon = (voices.c.due_at > now, voices.c.due_at <= until, voices.c.account.in_(accounts))
    little = (voices.c.deadline > voices.c.due_at, voices.c.deadline <= now + NEAR)
    throttled = voices.c.last_outcome == Outcome.THROTTLED.value
    first = select(func.min(voices.c.due_at)).where(*WANTED, throttled, *soon, *little)
    found: datetime | None = connection.execute(first).scalar()
    return found


def next_due(connection: Connection, now: datetime, since: datetime | None = None) -> datetime | None:
    """Return when there is next something to do after now: a voice, a warning, a probe, a word; None for nothing.

    A voice counts that has come due `since` a sweep began, which may have looked before that, and one that is due
    when whoever holds it must be done, or its account has its next slot.
    """
    nexts = (
        select(func.min(voices.c.due_at)).where(*WANTED, voices.c.due_at > min(since or now, now)),
        select(func.min(voices.c.warn_at)).where(WAITING, voices.c.warn_at > now),
        accounts.next_probe(now),
        outbox.next_at(connection, now),
        deliveries.next_digest(now),
    )
    moments = [connection.execute(query).scalar() for query in nexts]
    shared = connection.execute(select(shared_now(connection))).scalar_one()
    for freed in (_lease_end(now, shared), accounts.next_slot(now, shared)):
        at = connection.execute(freed).scalar()
        moments.append(now + (at - shared) if at else None)
    return min((moment for moment in moments if moment is not None), default=None)


def _lease_end(now: datetime, shared: datetime) -> Select[datetime]:
    """Return the query for when the first lease of a due voice ends: its instance may be dead."""
    return select(func.min(voices.c.lease_until)).where(*conditions.due(now), voices.c.lease_until > shared)
