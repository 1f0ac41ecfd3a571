"""The rate limit: evenly spaced slots, whoever asks for them and when."""

from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.core_cases import HOUR, MINUTE, SECOND, START
from voicekeeper.core.rate import HORIZON, interval, ramped, reserve

LIMITS = st.sampled_from([0.5, 1, 2, 3, 10, 20, 21, 60, 600]) | st.floats(0.2, 1200)
#: Each step: how long until somebody asks again, and for how many.
STEPS = st.lists(st.tuples(st.timedeltas(0 * SECOND, 70 * SECOND), st.integers(0, 40)), max_size=40)
BRISK = st.lists(st.tuples(st.timedeltas(0 * SECOND, 3 * SECOND), st.integers(1, 40)), min_size=20, max_size=60)


def granted(steps: list[tuple[timedelta, int]], space: timedelta) -> list[datetime]:
    """Return when the calls are made that these steps of asking bring."""
    now, state, calls = START, None, []
    for passed, wanted in steps:
        now += passed
        slots = reserve(state, now, space, wanted)
        calls += [now + wait for wait in slots.waits]
        state = slots.next_at
    return calls


@given(LIMITS, STEPS | BRISK)
def test_no_minute_holds_more_calls_than_the_limit(limit: float, steps: list[tuple[timedelta, int]]) -> None:
    """If one did, the provider would throttle or punish the account."""
    calls = granted(steps, interval(limit))
    most = ceil(limit)
    assert all(calls[i + most] - calls[i] > MINUTE for i in range(len(calls) - most))


@given(LIMITS, STEPS | BRISK)
def test_calls_are_evenly_spaced(limit: float, steps: list[tuple[timedelta, int]]) -> None:
    """If calls came in bursts, a growth limit (code 2045) would strike though the minute's count is right."""
    space = interval(limit)
    assert all(later - earlier >= space for earlier, later in pairwise(granted(steps, space)))


@given(LIMITS, STEPS | BRISK)
def test_the_state_only_moves_forward(limit: float, steps: list[tuple[timedelta, int]]) -> None:
    """If it moved back, a slot would be given out twice."""
    now, state = START, START
    for passed, wanted in steps:
        now += passed
        slots = reserve(state, now, interval(limit), wanted)
        assert slots.next_at >= max(state, now)
        assert len(slots.waits) <= wanted
        assert all(timedelta() <= wait <= HORIZON for wait in slots.waits)
        state = slots.next_at


@given(LIMITS, st.integers(1, 30), st.integers(0, 30))
def test_fewer_than_granted_may_be_used(limit: float, wanted: int, used: int) -> None:
    """If asking for fewer moved the slots, voices that another instance took would cost slots or break the limit."""
    slots, fewer = (reserve(START, START, interval(limit), count) for count in (wanted, min(used, wanted)))
    assert list(fewer.waits) == list(slots.waits)[: min(used, wanted)]
    assert fewer.next_at <= slots.next_at


@pytest.mark.parametrize("limit", [1, 10, 20, 60, 600])
def test_a_steady_keeper_uses_nearly_the_whole_limit(limit: int) -> None:
    """If the margin ate more, thousands of voices would take longer than they have."""
    calls = granted([(SECOND / 4, 20)] * 4 * 600, interval(limit))
    assert 0.94 * limit * 10 <= len(calls) <= limit * 10


def test_an_idle_hour_saves_nothing_up() -> None:
    """If unused slots piled up, the first sweep after a pause would be a burst."""
    slots = reserve(START, START + HOUR, interval(60), 100)
    assert list(slots.waits) == [timedelta()]
    assert slots.next_at == START + HOUR + interval(60)


def test_a_slot_beyond_the_horizon_is_not_given_out() -> None:
    """If it were, a voice would be leased long before it is called."""
    slots = reserve(START + HORIZON + timedelta(microseconds=1), START, interval(60), 5)
    assert (list(slots.waits), slots.next_at) == ([], START + HORIZON + timedelta(microseconds=1))


def test_a_new_account_begins_at_once() -> None:
    """If no state meant no slot, an account would never make its first call."""
    assert list(reserve(None, START, interval(20), 4).waits) == [timedelta()]


def test_a_rate_comes_back_from_a_quarter_in_two_minutes() -> None:
    """If it came back at once, code 2045 would strike; if it took long, deadlines would pass meanwhile."""
    usual = interval(60)
    spaces = [ramped(usual, minutes * MINUTE) / usual for minutes in (-1, 0, 0.99, 1, 1.99, 2, 3, 60 * 24 * 3650)]
    assert spaces == [4, 4, 4, 2, 2, 1, 1, 1]


@pytest.mark.parametrize(("limit", "first"), [(20, 12.6), (10, 15), (4, 15.75), (1, 63), (0.5, 126)])
def test_a_low_rate_is_hardly_lowered(limit: float, first: float) -> None:
    """If one call a minute became one in four, a short outage would cost an account its deadlines."""
    assert ramped(interval(limit), timedelta()).total_seconds() == pytest.approx(first)


@given(LIMITS, st.timedeltas(-HOUR, 24 * HOUR), st.timedeltas(timedelta(), HOUR))
def test_a_rate_only_grows_back_and_never_beyond_the_limit(limit: float, well: timedelta, longer: timedelta) -> None:
    """If it fell again by itself, or passed the limit, the ramp would do what it is to prevent."""
    usual = interval(limit)
    assert usual <= ramped(usual, well + longer) <= ramped(usual, well) <= 4 * usual


def test_the_calls_after_an_outage() -> None:
    """If the calls of each minute did not grow step by step, the ramp would be one in name only."""
    now, state, calls = START, None, []
    while now < START + 4 * MINUTE:
        slots = reserve(state, now, ramped(interval(20), now - START), 4)
        calls += [now + wait for wait in slots.waits]
        state, now = slots.next_at, now + SECOND
    in_minute = [sum(START + i * MINUTE <= call < START + (i + 1) * MINUTE for call in calls) for i in range(4)]
    assert in_minute[0] <= 5 < in_minute[1] <= 10 < in_minute[2] <= 20
    assert in_minute[3] in (19, 20)
