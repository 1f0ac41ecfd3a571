"""Should it have been done by now? Voices that are long due and untried, and whether their queue is fast enough."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

_DAY, _MONTH = timedelta(hours=24), timedelta(days=31)
#: Voices are overdue after so many sweeps, and this at least.
_SWEEPS = 3
_LEAST = timedelta(hours=1)


def grace(sweep_every: timedelta) -> timedelta:
    """Return how long a voice may be due and untried before somebody is told."""
    return max(_LEAST, _SWEEPS * sweep_every)


def pace(space: timedelta, price: Decimal | None, per_day: Decimal | None, per_month: Decimal | None) -> timedelta:
    """Return the time from one voice to the next that rate limit and budgets allow in the long run."""
    steps = [space]
    for budget, span in ((per_day, _DAY), (per_month, _MONTH)):
        if price and budget is not None:
            keeps = int(budget / price)
            steps.append(span / keeps if keeps else timedelta.max)
    return max(steps)


def in_time(deadlines: Sequence[datetime], now: datetime, step: timedelta) -> bool:
    """Tell whether a queue of voices, one a `step`, reaches each before its deadline; those past it come last."""
    ahead = sorted(deadline for deadline in deadlines if deadline > now)
    return all(step <= (deadline - now) / place for place, deadline in enumerate(ahead, start=1))
