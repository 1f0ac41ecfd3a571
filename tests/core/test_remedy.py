"""What would save all is the smallest change that does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from voicekeeper.core.money import Budget, Price, Span
from voicekeeper.core.pace import Pace, Wish, instant
from voicekeeper.core.queue import Load
from voicekeeper.core.remedy import Remedy, remedies, standstill, unsavable

NOW = datetime(2026, 3, 30, 20, tzinfo=UTC)
START = instant(NOW)
HOUR = 3_600_000_000
PRICE = Price(fee=Decimal(10))
PACE = Pace(as_of=NOW, start=NOW, space=timedelta(hours=1), price=PRICE)


def budgeted(per_day: int | None, per_month: int | None, spent: int, rpm: float = 10) -> Pace:
    amounts = [None if amount is None else Decimal(amount) for amount in (per_day, per_month)]
    budget = Budget(per_day=amounts[0], per_month=amounts[1])
    return replace(PACE, budget=budget, committed=dict.fromkeys(Span, Decimal(spent))).at_rate(rpm)


PACES = st.builds(
    budgeted,
    st.none() | st.integers(0, 50),
    st.none() | st.integers(0, 90),
    st.integers(0, 40),
    st.sampled_from([0.02, 0.05, 1]),
)
LINES = st.lists(
    st.builds(lambda hours, size: Load(START, START + hours * HOUR, 0, hours, size), *[st.integers(1, 60)] * 2)
)


def changed(pace: Pace, remedy: Remedy) -> Pace:
    wish = Wish(
        rpm=remedy.requests_per_minute,
        budget_per_day=remedy.budget_per_day,
        budget_per_month=remedy.budget_per_month,
    )
    return wish.of(pace)


@given(LINES, PACES)
def test_each_saves_all_and_a_little_less_does_not(loads: list[Load], pace: Pace) -> None:
    """People would change what does not help, or pay for more than they need."""
    excess = unsavable(loads, pace)
    if not excess:
        return
    for remedy in remedies(loads, pace, excess):
        if remedy.release is not None:
            assert remedy.release == excess
            continue
        assert not unsavable(loads, changed(pace, remedy)), remedy
        for less in _a_little_less(remedy):
            assert unsavable(loads, changed(pace, less)), (remedy, less)


def _a_little_less(remedy: Remedy) -> list[Remedy]:
    cent = Decimal("0.01")
    found = []
    if remedy.requests_per_minute is not None and remedy.requests_per_minute > 1:
        found.append(replace(remedy, requests_per_minute=remedy.requests_per_minute - 1))
    if remedy.budget_per_day is not None:
        found.append(replace(remedy, budget_per_day=remedy.budget_per_day - cent))
    if remedy.budget_per_month is not None:
        found.append(replace(remedy, budget_per_month=remedy.budget_per_month - cent))
    return found


@given(LINES, PACES)
def test_a_standstill_loses_nothing_and_a_minute_more_does(loads: list[Load], pace: Pace) -> None:
    """A provider would be waited for until it is too late."""
    if not loads or unsavable(loads, pace):
        return
    stands = standstill(loads, pace)
    assert not unsavable(loads, pace.delayed(stands))
    assert unsavable(loads, pace.delayed(stands + timedelta(minutes=1)))


def test_where_both_are_too_small_both_are_named() -> None:
    """Raising the one would not help, and nobody would know of the other."""
    loads = [Load(START, START + HOUR, 0, 1, 6)]
    (both, release) = remedies(loads, budgeted(20, None, 0, rpm=0.02), 5)
    assert both == Remedy(requests_per_minute=1, budget_per_day=Decimal(60))
    assert release == Remedy(release=5)
    (day_and_month, _) = remedies(loads, budgeted(20, 30, 0), 5)
    assert day_and_month == Remedy(budget_per_day=Decimal(60), budget_per_month=Decimal(60))


def test_a_rate_that_calls_at_once_do_not_allow_is_no_remedy() -> None:
    """People would raise a limit that is not what holds them up."""
    loads = [Load(START, START + HOUR, 0, 1, 6)]
    slow = replace(PACE, floor=timedelta(minutes=20))
    assert remedies(loads, slow, 5) == [Remedy(release=5)]


def test_tomorrows_money_counts_for_what_tomorrow_is_in_time_for() -> None:
    """A budget would be raised by what today has cost already."""
    loads = [Load(START, START + 48 * HOUR, 0, 1)]
    (remedy, _) = remedies(loads, budgeted(5, None, 10), 1)
    assert remedy == Remedy(budget_per_day=Decimal(10))
