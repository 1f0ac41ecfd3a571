"""A forecast as programs read it: plain numbers, named as in `voicekeeper forecast --json` and `/api/forecast`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from voicekeeper.core.forecast import Forecast
from voicekeeper.core.remedy import Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDay:
    """The calls of one day of the account's clock, and what they cost."""

    date: date
    calls: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRemedy:
    """A change after which all are saved; what is null stays as it is."""

    requests_per_minute: int | None
    budget_per_day: float | None
    budget_per_month: float | None
    release: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldForecast:
    """One account's forecast; spans are in seconds.

    `unsavable` voices cannot be saved, the first at `first_loss`. `least_slack_s` is the least time left at a call,
    `standstill_s` how long nothing at all might be done from now on without a loss.
    """

    account: str
    waiting: int
    calls: int
    done_at: datetime | None
    cost: float
    currency: str | None
    days: list[ToldDay]
    unsavable: int
    first_loss: datetime | None
    least_slack_s: float | None
    standstill_s: float | None
    remedies: list[ToldRemedy]


def told(account: str, currency: str | None, found: Forecast) -> ToldForecast:
    """Return a forecast in plain numbers."""
    return ToldForecast(
        account=account,
        waiting=found.waiting,
        calls=found.calls,
        done_at=found.done_at,
        cost=float(found.cost),
        currency=currency,
        days=[ToldDay(date=day.date, calls=day.calls, cost=float(day.cost)) for day in found.days],
        unsavable=found.lost,
        first_loss=found.first_loss,
        least_slack_s=_seconds(found.least_slack),
        standstill_s=_seconds(found.standstill),
        remedies=[_remedy(remedy) for remedy in found.remedies],
    )


def _remedy(remedy: Remedy) -> ToldRemedy:
    return ToldRemedy(
        requests_per_minute=remedy.requests_per_minute,
        budget_per_day=_number(remedy.budget_per_day),
        budget_per_month=_number(remedy.budget_per_month),
        release=remedy.release,
    )


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
