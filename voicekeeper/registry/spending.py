"""What keeps cost, and what a budget still allows; days and months are UTC's."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, case, distinct, exists, func, or_, select

from voicekeeper.core.outcome import Outcome
from voicekeeper.registry.tables import attempts, voices


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an account's configuration says about claiming and paying; `space` lies between two calls."""

    account: str
    model: str
    space: timedelta
    lease: timedelta
    price: float | None = None
    currency: str | None = None
    budget_per_day: float | None = None
    budget_per_month: float | None = None


def affordable(connection: Connection, terms: Terms, now: datetime, wanted: int) -> int:
    """Return how many of the wanted keeps the budgets still allow; calls under way count as paid."""
    if not terms.price:
        return wanted
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for budget, since in ((terms.budget_per_day, day), (terms.budget_per_month, day.replace(day=1))):
        if budget is not None:
            left = budget - committed(connection, terms, since)
            wanted = min(wanted, math.floor((left + 1e-6) / terms.price))
    return max(wanted, 0)


def committed(connection: Connection, terms: Terms, since: datetime) -> float:
    """Return what the account's calls since then have cost, or may have: the fee of each voice is counted once.

    A call that is under way, or whose answer was lost, may be billed: it counts until its voice has a price.
    """
    mine = attempts.join(voices, voices.c.id == attempts.c.voice)
    billed = attempts.alias("billed")
    priced = exists().where(billed.c.voice == attempts.c.voice, billed.c.cost.is_not(None))
    open_ended = or_(attempts.c.finished_at.is_(None), attempts.c.outcome == Outcome.AMBIGUOUS.value)
    doubted = case((and_(open_ended, ~priced), attempts.c.voice))
    query = select(func.coalesce(func.sum(attempts.c.cost), 0.0), func.count(distinct(doubted))).select_from(mine)
    paid, unknown = connection.execute(
        query.where(voices.c.account == terms.account, attempts.c.started_at >= since)
    ).one()
    return float(paid) + int(unknown) * (terms.price or 0.0)
