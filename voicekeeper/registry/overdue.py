"""Voices that should have been worked by now: one alert an account, which ends by itself."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from voicekeeper.core import alert as alerts
from voicekeeper.registry import outbox
from voicekeeper.registry.conditions import WANTED
from voicekeeper.registry.leased import free
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import shared_now

#: More than this are not looked at: their number would say no more.
_MOST = 20_000


def look(
    connection: Connection,
    configured: Collection[str],
    excused: Collection[str],
    grace: timedelta,
    now: datetime,
) -> list[str]:
    """Raise the alarm for accounts with voices that are long due, free and untried, and end it for the others.

    `excused` accounts are paused, or wait for their slots or their budget: whether these come in time is foretold.
    Returns the accounts concerned.
    """
    working = [name for name in configured if name not in excused]
    untried = _untried(connection, working, grace, now)
    for name, deadlines in untried.items():
        told = alerts.overdue(name, len(deadlines), min(deadlines), grace, now)
        outbox.raise_alert(connection, told, now)
    over = {alerts.overdue_key(name) for name in configured if name not in untried}
    outbox.resolve_all(connection, sorted(outbox.standing(connection, over)), now)
    return sorted(untried)


def _untried(
    connection: Connection, names: Sequence[str], grace: timedelta, now: datetime
) -> dict[str, list[datetime]]:
    """Return the deadlines of untried voices by account; one that was registered just now may be due for long."""
    due = (
        *WANTED,
        voices.c.due_at <= now - grace,
        voices.c.account.in_(names),
        voices.c.attempts == 0,
        voices.c.last_outcome.is_(None),
        free(shared_now(connection)),
    )
    query = select(voices.c.account, voices.c.deadline, voices.c.created_at).where(*due)
    found = defaultdict(list)
    for row in connection.execute(query.order_by(voices.c.due_at).limit(_MOST)):
        if row.created_at <= now - grace:
            found[row.account].append(row.deadline)
    return found
