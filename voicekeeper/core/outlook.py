"""The next days hour by hour: what comes due, what an account's pace can do, and what slack is left then.

A picture, not a promise: voices are told apart by the hour, and nobody fails or throttles in it.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
#: A week is as long as an unused voice lives.
WEEK = 7 * 24


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


def play(batches: Iterable[Batch], now: datetime, step: timedelta, hours: int = WEEK) -> list[Hour]:
    """Play one account's line forward, the earliest deadline first, one call a `step`.

    What is due already comes due in the first hour; voices past their deadline are left out.
    """
    first = hour_of(now)
    coming = defaultdict[datetime, list[Batch]](list)
    for batch in batches:
        if batch.deadline >= first:
            coming[max(hour_of(batch.due), first)].append(batch)
    line, room, played = list[tuple[datetime, int]](), 0.0, list[Hour]()
    for start in (first + number * HOUR for number in range(hours)):
        new = coming.get(start, [])
        for batch in new:
            heapq.heappush(line, (hour_of(batch.deadline), batch.count))
        missed = _end(line, start)
        room += (start + HOUR - max(start, now)) / step
        calls, slack = _call(line, start, math.floor(room))
        room = room - calls if line else min(room - calls, 1.0)
        played.append(Hour(start, sum(batch.count for batch in new), calls, missed, slack))
    return played


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


def _end(line: list[tuple[datetime, int]], start: datetime) -> int:
    """Take the voices out whose deadline has passed; return how many there were."""
    missed = 0
    while line and line[0][0] < start:
        missed += heapq.heappop(line)[1]
    return missed


def _call(line: list[tuple[datetime, int]], start: datetime, most: int) -> tuple[int, timedelta | None]:
    """Call so many voices of the line at most; return how many were, and the least slack."""
    left = most
    first = line[0][0] - start if line and most else None
    while line and left:
        deadline, count = heapq.heappop(line)
        done = min(count, left)
        left -= done
        if done < count:
            heapq.heappush(line, (deadline, count - done))
    return most - left, first
