"""What a digest reports: what was done, what it cost, what is coming, what is open."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, func, select

from voicekeeper.core.digest import Figures
from voicekeeper.core.voice import Status
from voicekeeper.registry import outbox
from voicekeeper.registry.conditions import WAITING
from voicekeeper.registry.tables import alerts, attempts, voices
from voicekeeper.registry.types import total

_NAMED = 10
#: No call lasts so long, so that the index on when they began still bounds what is read.
_LONGEST = timedelta(days=1)


def figures(connection: Connection, since: datetime, now: datetime, ahead: timedelta) -> Figures:
    """Count what a digest reports, until now, where the next one begins; once a day it may read all voices."""
    by_status = _since(connection, since, now)
    soon = (WAITING, voices.c.deadline > now, voices.c.deadline <= now + ahead)
    coming = connection.execute(select(func.count(), func.min(voices.c.deadline)).where(*soon)).one()
    return Figures(
        since=since,
        ahead=ahead,
        kept=by_status.get(Status.KEPT.value, 0),
        lost=by_status.get(Status.LOST.value, 0),
        released=by_status.get(Status.RELEASED.value, 0),
        spent=_spent(connection, since, now),
        waiting=connection.execute(select(func.count()).where(WAITING)).scalar_one(),
        coming=coming[0],
        first=coming[1],
        lasting=connection.execute(select(func.count()).where(alerts.c.open_key.is_not(None))).scalar_one(),
        lasting_first=outbox.most_severe(connection, _NAMED),
    )


def _since(connection: Connection, since: datetime, now: datetime) -> dict[str, int]:
    """Count the voices that came to their end since then: kept by its own time, the others by their last change."""
    lately = (voices.c.kept_at >= since, voices.c.kept_at < now)
    kept = select(func.count()).where(voices.c.status == Status.KEPT.value, *lately)
    ended = (voices.c.status.in_([Status.LOST.value, Status.RELEASED.value]), voices.c.updated_at < now)
    others = select(voices.c.status, func.count()).where(*ended, voices.c.updated_at >= since)
    counts = {row[0]: row[1] for row in connection.execute(others.group_by(voices.c.status))}
    return counts | {Status.KEPT.value: connection.execute(kept).scalar_one()}


def _spent(connection: Connection, since: datetime, now: datetime) -> dict[str, Decimal]:
    """Add up what was paid by calls that ended since then; one that was under way then had no cost yet."""
    ended = (attempts.c.finished_at >= since, attempts.c.finished_at < now)
    paid = (attempts.c.started_at >= since - _LONGEST, *ended, attempts.c.cost > 0)
    sums = select(attempts.c.currency, total(attempts.c.cost)).where(*paid).group_by(attempts.c.currency)
    return {row[0] or "": row[1] for row in connection.execute(sums)}
