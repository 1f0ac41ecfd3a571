"""The next days hour by hour: what comes due, what an account's pace can do, and what slack is left then.

A picture, not a promise: voices are told apart by the hour, and nobody fails or throttles in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicekeeper.core import queue
from voicekeeper.core.pace import Pace, instant, moment
from voicekeeper.core.queue import Load, Run

HOUR = timedelta(hours=1)
#: A week is as long as an unused voice lives.
WEEK = 7 * 24
_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Waiting voices that come due in one hour and end in one hour."""

    due: datetime
    deadline: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Hour:
    """What happens in one hour: voices that come due, calls that are made, voices that end without one.

    `slack` is what is left to the deadline, at least, when the calls are made; None where there are none.
    """

    start: datetime
    due: int = 0
    calls: int = 0
    missed: int = 0
    slack: timedelta | None = None


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of a moment's hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def play(batches: Iterable[Batch], pace: Pace, now: datetime, hours: int = WEEK) -> list[Hour]:
    """Play one account's queue forward, as a forecast does, and tell it by the hour.

    What is due already comes due in the first hour; voices past their deadline are left out.
    """
    first = hour_of(now)
    end = first + hours * HOUR
    coming = [(max(hour_of(one.due), first), one) for one in batches if one.deadline >= first]
    due, missed = Counter[datetime](), Counter[datetime]()
    calls, slack = Counter[datetime](), dict[datetime, timedelta]()
    for start, one in coming:
        due[start] += one.count
    for run in queue.play(_loads(coming), pace):
        if run.at is None:
            missed[moment(run.deadline)] += run.size
        for start, size in _by_hour(run, pace.step, instant(end)):
            left = moment(run.deadline) - HOUR - start
            calls[start] += size
            slack[start] = min(slack.get(start, left), left)
    starts = (first + number * HOUR for number in range(hours))
    return [Hour(start, due[start], calls[start], missed[start], slack.get(start)) for start in starts]


def together(plays: Sequence[Sequence[Hour]]) -> list[Hour]:
    """Return several accounts' hours as one line; they begin with the same hour."""
    return [_together(hours) for hours in zip(*plays, strict=True)]


def _together(hours: Sequence[Hour]) -> Hour:
    return Hour(
        start=hours[0].start,
        due=sum(hour.due for hour in hours),
        calls=sum(hour.calls for hour in hours),
        missed=sum(hour.missed for hour in hours),
        slack=min((hour.slack for hour in hours if hour.slack is not None), default=None),
    )


def _loads(coming: Iterable[tuple[datetime, Batch]]) -> list[Load]:
    """Return batches as loads that end with their hour."""
    return [
        Load(instant(start), instant(hour_of(one.deadline) + HOUR), 0, key, one.count)
        for key, (start, one) in enumerate(coming)
    ]


def _by_hour(run: Run, step: int, end: int) -> Iterator[tuple[datetime, int]]:
    """Yield the hours before `end` in which calls of a run are made, and how many."""
    at, left = run.at, run.size
    while at is not None and left and at < end:
        start = at // _HOUR * _HOUR
        size = min(left, -((at - start - _HOUR) // step))
        yield moment(start), size
        at += size * step
        left -= size
