"""The next days hour by hour: what the picture shows is what a line of voices would do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voicekeeper.core.money import Budget, Price
from voicekeeper.core.pace import Pace
from voicekeeper.core.week import HOUR, WEEK, Batch, Hour, play, together

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def batch(due: int, ends: int, count: int = 1) -> Batch:
    """Return voices that come due and end so many hours from now."""
    return Batch(NOW + due * HOUR, NOW + ends * HOUR, count)


def at_pace(step: timedelta, **more: Any) -> Pace:
    """Return the pace of an account that is open and makes one call a `step`."""
    return Pace(as_of=NOW, start=NOW, space=step, **more)


def played(found: list[Batch], step: timedelta, hours: int = WEEK) -> list[Hour]:
    """Play batches at a steady pace."""
    return play(found, at_pace(step), NOW, hours)


batches = st.lists(st.builds(batch, st.integers(-50, 60), st.integers(-5, 80), st.integers(1, 200)), max_size=12)


def test_what_is_due_already_comes_first() -> None:
    """An overdue voice would not be in the picture at all."""
    hours = played([batch(-100, 5, 3)], MINUTE, hours=4)
    assert [hour.due for hour in hours] == [3, 0, 0, 0]
    assert [hour.calls for hour in hours] == [3, 0, 0, 0]
    assert hours[0].slack == 5 * HOUR
    assert hours[0].start == NOW.replace(minute=0)


def test_the_pace_spreads_an_import() -> None:
    """The picture would promise what the rate cannot do, or the rest of this hour would count as a whole one."""
    hours = played([batch(0, 100, 50)], 3 * MINUTE, hours=5)
    assert [hour.calls for hour in hours] == [10, 20, 20, 0, 0]


def test_the_earliest_deadline_goes_first() -> None:
    """The least slack would be told of the wrong voices."""
    hours = played([batch(0, 50, 10), batch(1, 2, 20)], 6 * MINUTE, hours=4)
    assert [(hour.calls, hour.missed) for hour in hours] == [(5, 0), (10, 0), (10, 0), (5, 0)]
    assert [hour.slack for hour in hours] == [50 * HOUR, HOUR, 0 * HOUR, 47 * HOUR]


def test_what_cannot_be_reached_is_counted_when_it_ends() -> None:
    """Voices that will be lost would vanish from the picture."""
    hours = played([batch(0, 1, 40)], 6 * MINUTE, hours=4)
    assert [(hour.calls, hour.missed) for hour in hours] == [(5, 0), (10, 0), (0, 25), (0, 0)]


def test_a_paused_account_calls_later() -> None:
    """The picture would show calls of an account that can make none."""
    paused = replace(at_pace(MINUTE), start=NOW + 2 * HOUR)
    assert [hour.calls for hour in play([batch(0, 9, 5)], paused, NOW, hours=4)] == [0, 0, 5, 0]


def test_a_budget_of_nothing() -> None:
    """Calls would be shown that nobody pays for."""
    poor = at_pace(MINUTE, price=Price(fee=Decimal(9)), budget=Budget(per_day=Decimal(5)))
    hours = play([batch(0, 2, 3)], poor, NOW, hours=4)
    assert [(hour.calls, hour.missed) for hour in hours] == [(0, 0), (0, 0), (0, 0), (0, 3)]


def test_a_budget_spreads_over_its_days() -> None:
    """An account with a budget of four a day would seem to call them all at once."""
    four = at_pace(MINUTE, price=Price(fee=Decimal(1)), budget=Budget(per_day=Decimal(4)))
    calls = {hour.start.isoformat()[5:13]: hour.calls for hour in play([batch(0, 100, 9)], four, NOW, hours=49)}
    assert {start: count for start, count in calls.items() if count} == {"03-01T12": 4, "03-02T00": 4, "03-03T00": 1}


@given(batches, st.integers(1, 600))
def test_every_voice_is_called_missed_or_still_in_line(found: list[Batch], minutes: int) -> None:
    """Voices would be lost from the picture, or counted twice."""
    hours = played(found, minutes * MINUTE, hours=200)
    coming = sum(one.count for one in found if one.deadline >= NOW.replace(minute=0))
    left = coming - sum(hour.calls + hour.missed for hour in hours)
    assert sum(hour.due for hour in hours) == coming
    assert left == 0, "after 200 hours each has been called, or its deadline has passed"
    assert all(hour.calls <= HOUR / (minutes * MINUTE) + 1 for hour in hours)
    assert all((hour.slack is None) is (hour.calls == 0) for hour in hours)


@given(batches, batches)
def test_accounts_lie_over_each_other(first: list[Batch], second: list[Batch]) -> None:
    """The picture of all accounts would show another sum than those of each."""
    plays = [played(first, MINUTE, hours=24), played(second, 7 * MINUTE, hours=24)]
    for one, other, both in zip(*plays, together(plays), strict=True):
        assert both.calls == one.calls + other.calls
        assert both.due == one.due + other.due
        assert both.missed == one.missed + other.missed
        known = [hour.slack for hour in (one, other) if hour.slack is not None]
        assert both.slack == (min(known) if known else None)
