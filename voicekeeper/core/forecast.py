"""What will happen with an account's waiting voices, what it will cost, what cannot be saved, and what would save it.

The queue is played forward as it stands; nothing is known of calls that will fail, or of voices that are not there yet.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from voicekeeper.core.choice import choose
from voicekeeper.core.pace import Pace, instant, moment
from voicekeeper.core.queue import Load, Run, play
from voicekeeper.core.remedy import Remedy, remedies, standstill

#: Days are told one from the other in steps that no change of clocks is smaller than.
_QUARTER = 900_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The calls of one day of the account's clock, and what they cost."""

    date: date
    calls: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How it will go: `runs` are in the order of time.

    `lost` voices cannot be saved, `first_loss` is the first deadline among them: the last moment at which anything
    still helps that voice. `least_slack` is the shortest time between a call and its deadline, `standstill` how long
    nothing at all might be done from now on without a loss; None without a voice that waits. `yielding` says how many
    voices of which load let others go first, so that the most valuable are saved.
    """

    pace: Pace
    waiting: int
    runs: Sequence[Run]
    calls: int
    done_at: datetime | None
    days: Sequence[Day]
    lost: int
    first_loss: datetime | None
    least_slack: timedelta | None
    standstill: timedelta | None
    remedies: Sequence[Remedy]
    yielding: Mapping[int, int]

    @property
    def cost(self) -> Decimal:
        """What all calls cost."""
        return self.calls * self.pace.cost


def forecast(loads: Sequence[Load], pace: Pace, until: datetime | None = None) -> Forecast:
    """Play an account forward; of calls, days and costs only those before `until` are told."""
    runs = list(play(loads, pace))
    excess, yielding = _lost(runs), dict[int, int]()
    if excess:
        chosen = choose(loads, pace)
        better = list(play(loads, pace, chosen))
        if _lost(better) <= excess:
            runs, excess, yielding = better, _lost(better), chosen
    lost = [run for run in runs if run.at is None]
    end = None if until is None else instant(until)
    called = [run for run in runs if run.at is not None and (end is None or run.at < end)]
    days = _days(called, pace, end)
    last = max((_last(run, pace) for run in called), default=None)
    return Forecast(
        pace=pace,
        waiting=sum(load.size for load in loads),
        runs=runs,
        calls=sum(days.values()),
        done_at=None if last is None else moment(last),
        days=[Day(date=day, calls=calls, cost=calls * pace.cost) for day, calls in sorted(days.items())],
        lost=excess,
        first_loss=moment(min(run.deadline for run in lost)) if lost else None,
        least_slack=_least_slack(runs, pace),
        standstill=standstill(loads, pace) if loads and not lost else None,
        remedies=remedies(loads, pace, excess) if lost else (),
        yielding=yielding,
    )


def _lost(runs: Sequence[Run]) -> int:
    return sum(run.size for run in runs if run.at is None)


def _last(run: Run, pace: Pace) -> int:
    return (run.at or 0) + (run.size - 1) * pace.step


def _least_slack(runs: Sequence[Run], pace: Pace) -> timedelta | None:
    slacks = (run.deadline - _last(run, pace) for run in runs if run.at is not None)
    least = min(slacks, default=None)
    return None if least is None else timedelta(microseconds=least)


def _days(called: Sequence[Run], pace: Pace, end: int | None) -> Mapping[date, int]:
    """Count the calls of each day; they are counted by quarters of an hour first, of which each lies in one day."""
    quarters: Counter[int] = Counter()
    for run in called:
        at, left = run.at or 0, run.size
        while left and (end is None or at < end):
            stop = min((at // _QUARTER + 1) * _QUARTER, end or 1 << 62)
            calls = min(left, -((at - stop) // pace.step))
            quarters[at // _QUARTER] += calls
            left -= calls
            at += calls * pace.step
    days: Counter[date] = Counter()
    for quarter, calls in quarters.items():
        days[moment(quarter * _QUARTER).astimezone(pace.budget.zone).date()] += calls
    return days
