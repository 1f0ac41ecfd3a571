"""What would save all: the smallest change of rate or budget that does, or how many voices to release."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

from voicekeeper.core.money import Span
from voicekeeper.core.pace import Pace, instant
from voicekeeper.core.queue import Load, play

#: Calls a minute: more than any provider allows.
_FASTEST = 100_000
_MINUTE = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A change after which all are saved: what is None stays as it is.

    `release` voices let go, the least valuable, save all others.
    """

    requests_per_minute: int | None = None
    budget_per_day: Decimal | None = None
    budget_per_month: Decimal | None = None
    release: int | None = None


def unsavable(loads: Sequence[Load], pace: Pace) -> int:
    """Return how many voices cannot be saved at this pace, whoever they are."""
    return sum(run.size for run in play(loads, pace) if run.at is None)


def remedies(loads: Sequence[Load], pace: Pace, excess: int) -> list[Remedy]:
    """Return the smallest changes that save all: each by itself, or together where none does so by itself."""
    alone = [*_rates(loads, pace), *_budgets(loads, pace)]
    return [*(alone or _together(loads, pace)), Remedy(release=excess)]


def standstill(loads: Sequence[Load], pace: Pace) -> timedelta:
    """Return for how long nothing at all might be done from now on without a loss, to the minute."""
    last = max((load.deadline for load in loads), default=0)
    minutes = max(last - instant(pace.as_of), 0) // _MINUTE
    most = _largest(minutes, lambda count: not unsavable(loads, pace.delayed(timedelta(minutes=count))))
    return timedelta(minutes=most)


def _rates(loads: Sequence[Load], pace: Pace) -> Iterator[Remedy]:
    rate = _smallest(_FASTEST, lambda rpm: not unsavable(loads, pace.at_rate(rpm)))
    if rate is not None:
        yield Remedy(requests_per_minute=rate)


def _budgets(loads: Sequence[Load], pace: Pace) -> Iterator[Remedy]:
    limits = pace.budget.limits
    for span in limits:
        if (limit := _limit(loads, pace, span)) is not None:
            yield _remedy(span, limit)
    if len(limits) > 1:
        day = _limit(loads, pace.with_budget(Span.MONTH, None), Span.DAY)
        month = day and _limit(loads, pace.with_budget(Span.DAY, day), Span.MONTH)
        if day and month and day > limits[Span.DAY] and month > limits[Span.MONTH]:
            yield Remedy(budget_per_day=day, budget_per_month=month)


def _together(loads: Sequence[Load], pace: Pace) -> Iterator[Remedy]:
    """Find the rate that would do without any budget, then the budgets that do at that rate."""
    free = pace
    for span in pace.budget.limits:
        free = free.with_budget(span, None)
    for rate in _rates(loads, free):
        faster = pace.at_rate(rate.requests_per_minute or 1)
        for budget in _budgets(loads, faster):
            yield Remedy(
                requests_per_minute=rate.requests_per_minute,
                budget_per_day=budget.budget_per_day,
                budget_per_month=budget.budget_per_month,
            )


def _limit(loads: Sequence[Load], pace: Pace, span: Span) -> Decimal | None:
    """Return the smallest limit for a span that saves all, None where none does.

    It is a number of keeps for a span that begins anew, or so many more than what is spent of the present one.
    """
    already, most = pace.committed.get(span, Decimal()), sum(load.size for load in loads)
    found = []
    for spent in {Decimal(), already} if pace.cost else ():
        keeps = _smallest(most + int(already / pace.cost) + 1, partial(_enough, loads, pace, span, spent))
        if keeps is not None:
            found.append(spent + keeps * pace.cost)
    return min(found, default=None)


def _enough(loads: Sequence[Load], pace: Pace, span: Span, spent: Decimal, keeps: int) -> bool:
    return not unsavable(loads, pace.with_budget(span, spent + keeps * pace.cost))


def _remedy(span: Span, limit: Decimal) -> Remedy:
    return Remedy(budget_per_day=limit) if span is Span.DAY else Remedy(budget_per_month=limit)


def _smallest(most: int, enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number from 1 to `most` that is enough, where more is never less."""
    if most < 1 or not enough(most):
        return None
    return _largest(most, lambda number: number == 0 or not enough(number)) + 1


def _largest(most: int, holds: Callable[[int], bool]) -> int:
    """Return the largest number from 0 to `most` for which it holds, 0 where it holds for none."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
