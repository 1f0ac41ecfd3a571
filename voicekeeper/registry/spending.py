"""What keeps cost, and what the budgets still allow: sums over the evidence itself, so that no counter can go astray.

A process remembers the sum over what lies further back, so a claim costs the same at the end of a month.

A claim sets aside what its call may cost (`reserved`), a keep is booked (`cost`), and a call that failed gives back
what was set aside. The account's row is locked from the sum to the claim, so instances cannot spend the same money.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from voicekeeper.core.money import Budget, Price, Span
from voicekeeper.registry.conditions import WANTED
from voicekeeper.registry.doubts import IN_DOUBT, PRICED
from voicekeeper.registry.rows import AnyRow
from voicekeeper.registry.tables import attempts, voices
from voicekeeper.registry.types import total

_UTC = ZoneInfo("UTC")
#: So many attempts, the newest ones, are added up anew each time: a failover may forget them.
_NEWEST = 500
#: And all of so long: one with a low id may be written late, but no transaction is let last that long.
_LATELY = timedelta(minutes=10)
#: More than this in doubt are not remembered: something is wrong, and a statement takes only so many.
_MOST_UNSURE = 1_000
#: Why a claim grants nothing.
SPENT = "its budget is spent"
_MINE = attempts.join(voices, voices.c.id == attempts.c.voice)


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

    def renews(self, now: datetime) -> datetime | None:
        """Return when there is next money to spend anew, None where there is no limit."""
        return min((span.ends(now, self.zone) for span in self.budget.limits), default=None) if self.limited else None


@dataclass(frozen=True, slots=True)
class Spent:
    """What of one budget is spent: from `since` `until` then it is `limit`, and `committed` is paid or set aside.

    `doubted` are the voices whose fee stands in it already, because a call with them may have been billed.
    """

    limit: Decimal
    committed: Decimal
    since: datetime
    until: datetime
    doubted: Collection[int] = frozenset()

    @property
    def left(self) -> Decimal:
        """What may still be spent."""
        return max(self.limit - self.committed, Decimal())


@dataclass(frozen=True, slots=True)
class _Part:
    """Some attempts: how many there are, what the account's cost, and those of its own that may have been billed."""

    paid: Decimal = Decimal()
    count: int = 0
    doubts: Sequence[AnyRow] = ()


@dataclass(frozen=True, slots=True)
class _Booked:
    """An account's attempts up to one of them, added up once: what is answered never changes; `unsure` may yet."""

    until: int = 0
    paid: Decimal = Decimal()
    unsure: tuple[int, ...] = ()

    def newer(self, since: datetime) -> ColumnElement[bool]:
        """The attempts that are not booked yet."""
        return attempts.c.id > self.until if self.until else attempts.c.started_at >= since


_NO_PART, _NOTHING = _Part(), _Booked()


def affordable(connection: Connection, terms: Terms, now: datetime, ids: Sequence[int]) -> int:
    """Return how many of these voices, from the first on, the budgets still allow to be called."""
    if terms.price is None or not terms.limited:
        return len(ids)
    spent = standing(connection, terms, now)
    return min(_fitting(one, terms.price, ids) for one in spent.values())


def payable(connection: Connection, terms: Terms, now: datetime, ids: Sequence[int]) -> list[int]:
    """Return those of these voices that the budgets allow to be called, each by itself."""
    price, spent = terms.price, standing(connection, terms, now).values() if ids else ()
    return [row for row in ids if price is None or all(_fitting(one, price, [row]) for one in spent)]


def standing(connection: Connection, terms: Terms, now: datetime) -> Mapping[Span, Spent]:
    """Return how the account's budgets stand, those that it has."""
    found = {}
    for span, limit in terms.budget.limits.items():
        since = span.began(now, terms.zone)
        amount, doubted = committed(connection, terms, since, now)
        found[span] = Spent(limit, amount, since, span.ends(now, terms.zone), doubted)
    return found


def waits(spent: Mapping[Span, Spent], price: Price) -> datetime | None:
    """Return until when budgets stop an account's voices, None where they do not."""
    return max((one.until for one in spent.values() if one.left < price.keep), default=None)


def awaited(connection: Connection, spent: Spent, now: datetime) -> Decimal:
    """Return what is set aside for voices that still wait and come due within this budget: they pay no second fee."""
    wanted = (*WANTED, voices.c.deadline > now)
    most = select(func.max(attempts.c.reserved)).select_from(_MINE)
    each = most.where(*wanted, voices.c.due_at < spent.until, attempts.c.started_at >= spent.since, IN_DOUBT, ~PRICED)
    ids, found = sorted(spent.doubted), Decimal()
    for start in range(0, len(ids), _MOST_UNSURE):
        these = attempts.c.voice.in_(ids[start : start + _MOST_UNSURE])
        amounts = connection.execute(each.where(these).group_by(attempts.c.voice)).scalars()
        found += sum(filter(None, amounts), Decimal())
    return found


def committed(connection: Connection, terms: Terms, since: datetime, now: datetime) -> tuple[Decimal, Collection[int]]:
    """Return what is paid or set aside since then, each voice's fee once, and the voices in doubt among these."""
    remembered: dict[tuple[str, datetime], _Booked] = connection.get_execution_options().get("remembered", {})
    key = terms.account, since
    booked = remembered.get(key, _NOTHING)
    newer = _sum(connection, *key, booked.newer(since))
    if booked.until and newer.count < _NEWEST // 2:  # the registry is another copy than it was
        booked = remembered[key] = _NOTHING
        newer = _sum(connection, *key, booked.newer(since))
    unsure = _sum(connection, *key, attempts.c.id.in_(booked.unsure)) if booked.unsure else _NO_PART
    if newer.count > 2 * _NEWEST:
        remembered[key] = _booked(connection, key, booked, unsure, now)
    paid = booked.paid + unsure.paid + newer.paid
    if terms.price is None:
        return paid, frozenset()
    rows = [*unsure.doubts, *newer.doubts]
    doubts = [row for row in rows if not row.priced]
    speech = terms.price.speech * (len(rows) - len({row.voice for row in doubts}))
    return paid + _set_aside(doubts, terms.price) + speech, {row.voice for row in doubts}


def _booked(
    connection: Connection, key: tuple[str, datetime], before: _Booked, unsure: _Part, now: datetime
) -> _Booked:
    """Book all but the newest attempts, and what has become sure of what was not."""
    older = select(attempts.c.id).where(attempts.c.started_at < now - _LATELY).order_by(attempts.c.id.desc())
    until = connection.execute(older.offset(_NEWEST).limit(1)).scalar()
    if until is None or until < before.until + _NEWEST:
        return before
    behind = _sum(connection, *key, before.newer(key[1]), attempts.c.id <= until)
    doubts = tuple(row.id for row in (*unsure.doubts, *behind.doubts))
    if len(doubts) > _MOST_UNSURE:
        return before
    return _Booked(until, before.paid + unsure.paid + behind.paid, doubts)


def _sum(connection: Connection, account: str, since: datetime, *these: ColumnElement[bool]) -> _Part:
    """Add up the account's among some attempts: in one statement, as a call may end between two."""
    # In cases: led by an index, SQLite would read all of an account's voices, or all of a month.
    mine = and_(voices.c.account == account, attempts.c.started_at >= since)
    doubted = and_(mine, IN_DOUBT)
    kinds: Mapping[str, ColumnElement[Any]] = {
        "id": case((doubted, attempts.c.id)),
        "voice": case((doubted, attempts.c.voice)),
        "reserved": case((doubted, attempts.c.reserved)),
        "priced": case((and_(doubted, PRICED), 1), else_=0),
    }
    cost = case((mine, attempts.c.cost)).label("cost")
    each = select(*(kind.label(name) for name, kind in kinds.items()), cost).select_from(_MINE).where(*these)
    part = each.subquery("part")
    kind = [part.c[name] for name in kinds]
    rows = connection.execute(select(*kind, total(part.c.cost).label("paid"), func.count()).group_by(*kind)).all()
    doubts = [row for row in rows if row.id is not None]
    return _Part(sum((row.paid for row in rows), Decimal()), sum(row[-1] for row in rows), doubts)


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
