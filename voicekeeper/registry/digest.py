"""What a digest reports: what was done, what it cost, what is coming, what is open."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, func, select

from voicekeeper.core.digest import Figures
from voicekeeper.core.voice import Status
from voicekeeper.registry import outbox
from voicekeeper.registry.tables import alerts, attempts, voices
from voicekeeper.registry.types import total

_NAMED = 10


def figures(connection: Connection, since: datetime, now: datetime, ahead: timedelta) -> Figures:
    """Count what a digest reports; once a day it may read the table of voices as a whole."""
    by_status = _since(connection, since)
    waits = voices.c.status == Status.WAITING.value
    soon = (waits, voices.c.deadline > now, voices.c.deadline <= now + ahead)
    coming = connection.execute(select(func.count(), func.min(voices.c.deadline)).where(*soon)).one()
    return Figures(
        since=since,
        ahead=ahead,
        kept=by_status.get(Status.KEPT.value, 0),
        lost=by_status.get(Status.LOST.value, 0),
        released=by_status.get(Status.RELEASED.value, 0),
        spent=_spent(connection, since),
        waiting=connection.execute(select(func.count()).where(waits)).scalar_one(),
        coming=coming[0],
        first=coming[1],
        lasting=connection.execute(select(func.count()).where(alerts.c.open_key.is_not(None))).scalar_one(),
        lasting_first=outbox.most_severe(connection, _NAMED),
    )


def _since(connection: Connection, since: datetime) -> dict[str, int]:
    """Count the voices that came to their end since then: kept by its own time, the others by their last change."""
    kept = select(func.count()).where(voices.c.status == Status.KEPT.value, voices.c.kept_at >= since)
    ended = [Status.LOST.value, Status.RELEASED.value]
    others = select(voices.c.status, func.count()).where(voices.c.status.in_(ended), voices.c.updated_at >= since)
    counts = {row[0]: row[1] for row in connection.execute(others.group_by(voices.c.status))}
    return counts | {Status.KEPT.value: connection.execute(kept).scalar_one()}


def _spent(connection: Connection, since: datetime) -> dict[str, Decimal]:
    paid = (attempts.c.started_at >= since, attempts.c.cost > 0)
    sums = select(attempts.c.currency, total(attempts.c.cost)).where(*paid).group_by(attempts.c.currency)
    return {row[0] or "": row[1] for row in connection.execute(sums)}
