"""What keeps cost, and what a budget still allows; days and months are UTC's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from sqlalchemy import ColumnElement, Connection, and_, case, distinct, exists, func, or_, select

from voicekeeper.core.outcome import Outcome
from voicekeeper.registry.tables import attempts, voices

#: A call that is under way, or whose answer was lost, may be billed.
_OPEN_ENDED = or_(attempts.c.finished_at.is_(None), attempts.c.outcome == Outcome.AMBIGUOUS.value)


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


def affordable(connection: Connection, terms: Terms, now: datetime, ids: Sequence[int]) -> int:
    """Return how many of these voices, from the first on, the budgets still allow to be called.

    Calls under way count as paid. A voice in doubt has its fee counted already: to call it again costs no second one.
    """
    if not terms.price:
        return len(ids)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    granted = len(ids)
    for budget, since in ((terms.budget_per_day, day), (terms.budget_per_month, day.replace(day=1))):
        if budget is not None:
            left = math.floor((budget - committed(connection, terms, since) + 1e-6) / terms.price)
            doubted = set(connection.execute(select(attempts.c.voice).where(*_doubted(ids, since))).scalars())
            costs = accumulate(row not in doubted for row in ids)
            granted = min(granted, sum(cost <= left for cost in costs))
    return granted


def _doubted(ids: Sequence[int], since: datetime) -> tuple[ColumnElement[bool], ...]:
    """Choose the attempts with these voices that may have been billed, where none of the voice's is known to be."""
    billed = attempts.alias("billed")
    priced = exists().where(billed.c.voice == attempts.c.voice, billed.c.cost.is_not(None))
    return attempts.c.voice.in_(ids), attempts.c.started_at >= since, _OPEN_ENDED, ~priced


def committed(connection: Connection, terms: Terms, since: datetime) -> float:
    """Return what the account's calls since then have cost, or may have: the fee of each voice is counted once.

    A call that is under way, or whose answer was lost, may be billed: it counts until its voice has a price.
    """
    mine = attempts.join(voices, voices.c.id == attempts.c.voice)
    billed = attempts.alias("billed")
    priced = exists().where(billed.c.voice == attempts.c.voice, billed.c.cost.is_not(None))
    doubted = case((and_(_OPEN_ENDED, ~priced), attempts.c.voice))
    query = select(func.coalesce(func.sum(attempts.c.cost), 0.0), func.count(distinct(doubted))).select_from(mine)
    paid, unknown = connection.execute(
        query.where(voices.c.account == terms.account, attempts.c.started_at >= since)
    ).one()
    return float(paid) + int(unknown) * (terms.price or 0.0)
