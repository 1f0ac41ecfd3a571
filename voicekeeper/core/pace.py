"""How fast an account can go: a call a slot, and as many as its budgets pay for.

Moments are whole microseconds since 1970: a forecast of a million voices counts with millions of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from voicekeeper.core.money import Budget, Price, Span
from voicekeeper.core.rate import interval

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SPANS = {Span.DAY: 86_400_000_000, Span.MONTH: 31 * 86_400_000_000}
#: More calls than anybody makes.
_NO_LIMIT = 1 << 62


def instant(moment: datetime) -> int:
    """Return a moment as microseconds."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(instant: int) -> datetime:
    """Return microseconds as a moment."""
    return _EPOCH + instant * _MICROSECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What an account can do from `as_of` on: its first call at `start`, then one a `space`, while money lasts.

    `committed` is what is spent or set aside of the day and month that `as_of` lies in. `floor` is the space that calls
    under way at once allow, whatever the rate: what a call takes, by how many there may be.
    """

    as_of: datetime
    start: datetime
    space: timedelta
    floor: timedelta = timedelta()
    price: Price | None = None
    budget: Budget = field(default_factory=Budget)
    committed: Mapping[Span, Decimal] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """The microseconds from one call to the next, one at least."""
        return max(max(self.space, self.floor) // _MICROSECOND, 1)

    @property
    def steady(self) -> int:
        """The microseconds from one call to the next in the long run, with its budgets: a month at most for those."""
        steps = [self.step]
        for span, limit in self.budget.limits.items() if self.cost else ():
            steps.append(_SPANS[span] // max(int(limit // self.cost), 1))
        return max(steps)

    @property
    def cost(self) -> Decimal:
        """What one keep costs."""
        return self.price.keep if self.price else Decimal()

    def from_then(self, now: datetime) -> "Pace":
        """Return the pace of an account that has made no call until then."""
        return replace(self, start=max(self.start, now))

    def delayed(self, by: timedelta) -> "Pace":
        """Return the pace of an account that can do nothing for a while."""
        return replace(self, start=max(self.start, self.as_of + by))

    def at_rate(self, requests_per_minute: float) -> "Pace":
        """Return the pace under another rate limit."""
        return replace(self, space=interval(requests_per_minute))

    def with_budget(self, span: Span, limit: Decimal | None) -> "Pace":
        """Return the pace under another budget, None for none."""
        changes: dict[str, Any] = {f"per_{span.value}": limit}
        return replace(self, budget=replace(self.budget, **changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an account's pace is asked to be instead; None for as it is, and `outage` for a while of nothing."""

    rpm: float | None = None
    budget_per_day: Decimal | None = None
    budget_per_month: Decimal | None = None
    outage: timedelta = timedelta()

    def of(self, pace: Pace) -> Pace:
        """Return the pace as it is wished for."""
        pace = pace.delayed(self.outage)
        if self.rpm is not None:
            pace = pace.at_rate(self.rpm)
        for span, limit in ((Span.DAY, self.budget_per_day), (Span.MONTH, self.budget_per_month)):
            if limit is not None:
                pace = pace.with_budget(span, limit)
        return pace


class Purse:
    """The calls that budgets still pay for as time goes on; asked at moments that only grow."""

    def __init__(self, pace: Pace) -> None:
        limits = pace.budget.limits if pace.cost else {}
        self._zone = pace.budget.zone
        self._calls = {span: int(limit // pace.cost) for span, limit in limits.items()}
        left = {span: max(limit - pace.committed.get(span, Decimal()), Decimal()) for span, limit in limits.items()}
        self._left = {span: int(amount // pace.cost) for span, amount in left.items()}
        self._ends = {span: instant(span.ends(pace.as_of, self._zone)) for span in limits}

    def open(self, at: int, taken: int = 0) -> tuple[int, int]:
        """Return how many calls can be paid at a moment, and until when; `taken` were made since it was asked last."""
        for span in self._left:
            self._left[span] -= taken
            if at >= self._ends[span]:
                self._left[span] = self._calls[span]
                self._ends[span] = instant(span.ends(moment(at), self._zone))
        return min(self._left.values(), default=_NO_LIMIT), min(self._ends.values(), default=_NO_LIMIT)


class Capacity:
    """How many calls can be begun before a moment, if none is left out; asked at moments that only grow."""

    def __init__(self, pace: Pace) -> None:
        self._purse, self._step, self._at = Purse(pace), pace.step, instant(pace.start)
        self._paid, self._until = self._purse.open(self._at)
        self._made = self._taken = 0

    def before(self, end: int) -> int:
        """Return the number of calls."""
        while self._at < end:
            if self._at >= self._until:
                self._paid, self._until = self._purse.open(self._at, self._taken)
                self._taken = 0
            stop = min(end, self._until)
            self._take(min(self._paid, -((self._at - stop) // self._step)))
            if not self._paid:
                self._at = max(self._at, stop)
        return self._made

    def _take(self, calls: int) -> None:
        self._made += calls
        self._taken += calls
        self._paid -= calls
        self._at += calls * self._step
