"""What keeps cost, and what the budgets still allow: sums over the evidence itself, so that no counter can go astray.

A claim sets aside what its call may cost (`reserved`), a keep is booked (`cost`), and a call that failed gives back
what was set aside. The account's row is locked from the sum to the claim, so instances cannot spend the same money.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, case, exists, or_, select

from voicekeeper.core.money import Budget, Price, Span
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry.rows import AnyRow
from voicekeeper.registry.tables import attempts, voices
from voicekeeper.registry.types import total

_UTC = ZoneInfo("UTC")
#: Why a claim grants nothing.
SPENT = "its budget is spent"
_MINE = attempts.join(voices, voices.c.id == attempts.c.voice)
#: A call that is under way, or whose answer was lost, may be billed.
_IN_DOUBT = or_(attempts.c.finished_at.is_(None), attempts.c.outcome == Outcome.AMBIGUOUS.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an account's configuration says about claiming and paying; `space` lies between two calls.

    Without a price nothing is counted.
    """

    account: str
    model: str
    space: timedelta
    lease: timedelta
    price: Price | None = None
    currency: str | None = None
    budget_per_day: Decimal | None = None
    budget_per_month: Decimal | None = None
    zone: ZoneInfo = _UTC

    @property
    def budget(self) -> Budget:
        """What may be spent."""
        return Budget(per_day=self.budget_per_day, per_month=self.budget_per_month, zone=self.zone)

    @property
    def limited(self) -> bool:
        """Whether keeping costs something, and there is a limit to it."""
        return self.price is not None and self.price.keep > 0 and bool(self.budget.limits)


@dataclass(frozen=True, slots=True)
class Spent:
    """What of one budget is spent: `until` then it is `limit`, and `committed` of it is paid or set aside.

    `doubted` are the voices whose fee stands in it already, because a call with them may have been billed.
    """

    limit: Decimal
    committed: Decimal
    until: datetime
    doubted: Collection[int] = frozenset()

    @property
    def left(self) -> Decimal:
        """What may still be spent."""
        return max(self.limit - self.committed, Decimal())


def affordable(connection: Connection, terms: Terms, now: datetime, ids: Sequence[int]) -> int:
    """Return how many of these voices, from the first on, the budgets still allow to be called."""
    if terms.price is None or not terms.limited:
        return len(ids)
    spent = standing(connection, terms, now)
    return min(_fitting(one, terms.price, ids) for one in spent.values())


def standing(connection: Connection, terms: Terms, now: datetime) -> Mapping[Span, Spent]:
    """Return how the account's budgets stand, those that it has."""
    found = {}
    for span, limit in terms.budget.limits.items():
        since = span.began(now, terms.zone)
        committed, doubted = _committed(connection, terms, since)
        found[span] = Spent(limit, committed, span.ends(now, terms.zone), doubted)
    return found


def committed(connection: Connection, terms: Terms, since: datetime) -> Decimal:
    """Return what the account's calls since then have cost, or may have: the fee of each voice is counted once."""
    return _committed(connection, terms, since)[0]


def waits(spent: Mapping[Span, Spent], price: Price) -> datetime | None:
    """Return until when budgets stop an account's voices, None where they do not."""
    return max((one.until for one in spent.values() if one.left < price.keep), default=None)


def _committed(connection: Connection, terms: Terms, since: datetime) -> tuple[Decimal, Collection[int]]:
    """Return what is paid or set aside since then, and the voices in doubt among these."""
    mine = (voices.c.account == terms.account, attempts.c.started_at >= since)
    paid = connection.execute(select(total(attempts.c.cost)).select_from(_MINE).where(*mine)).scalar_one()
    if terms.price is None:
        return paid, frozenset()
    billed = attempts.alias("billed")
    priced = exists().where(billed.c.voice == attempts.c.voice, billed.c.cost.is_not(None))
    is_priced: ColumnElement[int] = case((priced, 1), else_=0)
    columns = (attempts.c.voice, attempts.c.reserved, is_priced.label("priced"))
    rows = connection.execute(select(*columns).select_from(_MINE).where(*mine, _IN_DOUBT)).all()
    doubts = [row for row in rows if not row.priced]
    speech = terms.price.speech * (len(rows) - len({row.voice for row in doubts}))
    return paid + _set_aside(doubts, terms.price) + speech, {row.voice for row in doubts}


def _set_aside(doubts: Sequence[AnyRow], price: Price) -> Decimal:
    """Add up the most that was set aside for each voice: calls with one voice pay its fee once."""
    most: dict[int, Decimal] = {}
    for row in doubts:
        amount = price.keep if row.reserved is None else row.reserved
        most[row.voice] = max(most.get(row.voice, amount), amount)
    return sum(most.values(), Decimal())


def _fitting(spent: Spent, price: Price, ids: Sequence[int]) -> int:
    left = spent.limit - spent.committed
    for number, row in enumerate(ids):
        left -= price.speech if row in spent.doubted else price.keep
        if left < 0:
            return number
    return len(ids)
