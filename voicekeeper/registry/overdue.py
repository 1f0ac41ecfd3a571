"""Voices that should have been worked by now: one alert an account, which ends by itself."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from voicekeeper.core import alert as alerts
from voicekeeper.core.overdue import in_time, pace
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import outbox
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import shared_now

#: More than this are not looked at: their number would say no more.
_MOST = 20_000


def look(
    connection: Connection,
    all_terms: Sequence[Terms],
    paused: Collection[str],
    queued: Mapping[str, str],
    grace: timedelta,
    now: datetime,
) -> list[str]:
    """Raise the alarm for open accounts with voices that are long due, free and untried, and end it for the others.

    Those of accounts in `queued` wait for a slot, for the reason that stands there: only a queue too slow is told.
    Returns the accounts concerned.
    """
    working = [terms for terms in all_terms if terms.account not in paused]
    untried = _untried(connection, [terms.account for terms in working], grace, now)
    late = []
    for terms in working:
        deadlines, why = untried.get(terms.account), queued.get(terms.account)
        if deadlines and (why is None or not in_time(deadlines, now, _pace(terms))):
            late.append(terms.account)
            told = alerts.overdue(terms.account, len(deadlines), min(deadlines), grace, now, why)
            outbox.raise_alert(connection, told, now)
    over = {alerts.overdue_key(terms.account) for terms in all_terms if terms.account not in late}
    outbox.resolve_all(connection, sorted(outbox.standing(connection, over)), now)
    return late


def _untried(
    connection: Connection, names: Sequence[str], grace: timedelta, now: datetime
) -> dict[str, list[datetime]]:
    """Return the deadlines of untried voices by account; one that was registered just now may be due for long."""
    due = (
        voices.c.status == Status.WAITING.value,
        voices.c.intent == Intent.KEEP.value,
        voices.c.due_at <= now - grace,
        voices.c.account.in_(names),
        voices.c.attempts == 0,
        voices.c.last_outcome.is_(None),
        or_(voices.c.lease_until.is_(None), voices.c.lease_until <= shared_now(connection)),
    )
    query = select(voices.c.account, voices.c.deadline, voices.c.created_at).where(*due)
    found = defaultdict(list)
    for row in connection.execute(query.order_by(voices.c.due_at).limit(_MOST)):
        if row.created_at <= now - grace:
            found[row.account].append(row.deadline)
    return found


def _pace(terms: Terms) -> timedelta:
    price = terms.price.keep if terms.price else None
    return pace(terms.space, price, terms.budget_per_day, terms.budget_per_month)
