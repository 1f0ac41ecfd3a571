"""The picture of the next seven days: its shapes say what its table says."""

from datetime import UTC, datetime, timedelta

import pytest

from voicekeeper.core.week import HOUR, WEEK, Hour
from voicekeeper.web.dashboard.picture import PANEL, Picture, picture

START = datetime(2026, 11, 20, 15, tzinfo=UTC)


def week(changed: dict[int, Hour], capacity: float = 10) -> Picture:
    """Return the picture of a week in which nothing happens but in these hours."""
    return picture([changed.get(number, Hour(START + number * HOUR)) for number in range(WEEK)], capacity)


def hour(number: int, **facts: int) -> Hour:
    slack = facts.pop("slack", None)
    return Hour(START + number * HOUR, **facts, slack=timedelta(hours=slack) if slack is not None else None)


def test_nothing_comes() -> None:
    """An empty week would be divided by."""
    empty = week({})
    assert (empty.load.bars, empty.slack.bars, empty.least) == ([], [], None)
    assert [day.due for day in empty.days] == [0] * 8


def test_bars_stand_on_the_ground_in_their_hour() -> None:
    """A picture would show an import at another time, or hang in the air."""
    shown = week({5: hour(5, due=40, calls=10, slack=100), 6: hour(6, calls=20, slack=50)})
    assert [(bar.x, bar.height, bar.kind) for bar in shown.load.bars] == [
        (5, 100, "due"),
        (5, 25, "calls"),
        (6, 50, "calls"),
    ]
    assert all(bar.y + bar.height == PANEL for bar in (*shown.load.bars, *shown.slack.bars))
    assert [(bar.x, bar.height) for bar in shown.slack.bars] == [(5, 100), (6, 50)]


@pytest.mark.parametrize(("capacity", "line"), [(40.0, 0.0), (10.0, 75.0), (41.0, None)])
def test_the_limit_is_drawn_where_it_matters(capacity: float, line: float | None) -> None:
    """A limit far above would press the bars to the ground, and one within would not be seen."""
    assert week({0: hour(0, due=40)}, capacity).load.line == line


@pytest.mark.parametrize(("slack", "kind"), [(0, "tight"), (11, "tight"), (12, "short"), (23, "short"), (24, "wide")])
def test_how_tight_it_is(slack: int, kind: str) -> None:
    """What is nearly lost would have the colour of what has time."""
    (bar,) = week({0: hour(0, calls=1, slack=slack)}).slack.bars
    assert bar.kind == kind
    assert bar.height >= 1, "and be too low to be seen"


def test_the_days_of_the_table() -> None:
    """The table would tell other days than UTC's, or lose what lies at midnight."""
    shown = week({8: hour(8, due=1, calls=1, slack=3), 9: hour(9, due=2, missed=4), 10: hour(10, calls=2, slack=2)})
    assert [(f"{day.start:%m-%d}", day.due, day.calls, day.missed) for day in shown.days[:3]] == [
        ("11-20", 1, 1, 0),
        ("11-21", 2, 2, 4),
        ("11-22", 0, 0, 0),
    ]
    assert (shown.due, shown.missed, shown.least) == (3, 4, 2 * HOUR)
    assert [f"{mark:%m-%d}" for mark in (shown.axis[0], shown.axis[-1])] == ["11-20", "11-27"]
