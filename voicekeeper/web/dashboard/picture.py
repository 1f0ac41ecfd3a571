"""The next seven days as a picture: shapes for an SVG that is stretched to its place, and the same as a table.

All lengths are in the units of the picture: an hour is one wide, and each panel is PANEL high.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicekeeper.core.week import HOUR, WEEK, Hour

PANEL = 100
_DAY = 24
#: Below this a keep is critical, below that a warning.
_TIGHT, _SHORT = timedelta(hours=12), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Bar:
    """One upright bar, from the ground up; `kind` chooses its colour."""

    x: int
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars, what the top of the panel stands for, and where a line lies across, None for none in sight."""

    bars: Sequence[Bar]
    top: float
    line: float | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """One day of UTC in words; `slack` is the least of its calls."""

    start: datetime
    due: int
    calls: int
    missed: int
    slack: timedelta | None


@dataclass(frozen=True, slots=True)
class Picture:
    """Both panels over the same hours, a mark for each 24 of them, and the days as a table."""

    load: Panel
    slack: Panel
    width: int
    axis: Sequence[datetime]
    days: Sequence[Day]
    due: int
    missed: int
    least: timedelta | None
    capacity: int


def picture(hours: Sequence[Hour], capacity: float) -> Picture:
    """Draw these hours; `capacity` is how many calls an hour are possible."""
    days = list(_days(hours))
    return Picture(
        load=_load(hours, capacity),
        slack=_slack(hours),
        width=WEEK,
        axis=[hours[0].start + number * HOUR for number in range(0, WEEK + 1, _DAY)],
        days=days,
        due=sum(day.due for day in days),
        missed=sum(day.missed for day in days),
        least=min((day.slack for day in days if day.slack is not None), default=None),
        capacity=int(capacity),
    )


def _load(hours: Sequence[Hour], capacity: float) -> Panel:
    """Draw what comes due behind what can be called; the line shows only where it matters."""
    top = max(max(hour.due, hour.calls) for hour in hours) or 1
    due = [_bar(number, hour.due / top, "due") for number, hour in enumerate(hours) if hour.due]
    calls = [_bar(number, hour.calls / top, "calls") for number, hour in enumerate(hours) if hour.calls]
    return Panel([*due, *calls], top, PANEL * (1 - capacity / top) if capacity <= top else None)


def _slack(hours: Sequence[Hour]) -> Panel:
    """Draw what is left to the tightest deadline of each hour's calls, in hours."""
    slacks = [(number, hour.slack / HOUR) for number, hour in enumerate(hours) if hour.slack is not None]
    top = max((slack for _, slack in slacks), default=0) or 1
    return Panel([_bar(number, max(slack / top, 0.02), _tightness(slack * HOUR)) for number, slack in slacks], top)


def _tightness(slack: timedelta) -> str:
    return "tight" if slack < _TIGHT else "short" if slack < _SHORT else "wide"


def _bar(number: int, share: float, kind: str) -> Bar:
    height = round(max(PANEL * share, 1.0), 2)
    return Bar(number, round(PANEL - height, 2), height, kind)


def _days(hours: Sequence[Hour]) -> Iterator[Day]:
    """Yield the days of UTC that these hours lie in; the first and the last may be short."""
    dates = sorted({hour.start.date() for hour in hours})
    for date in dates:
        mine = [hour for hour in hours if hour.start.date() == date]
        yield Day(
            start=mine[0].start,
            due=sum(hour.due for hour in mine),
            calls=sum(hour.calls for hour in mine),
            missed=sum(hour.missed for hour in mine),
            slack=min((hour.slack for hour in mine if hour.slack is not None), default=None),
        )
