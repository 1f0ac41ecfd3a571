"""When a voice is due, when it is tried again, when its owner is warned."""

from datetime import datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.core.core_cases import DAY, HOUR, LIFETIME, MINUTE, SECOND, START, moments, spans
from voicekeeper.core.schedule import (
    RETRY_TABLE,
    KeepAfter,
    Policy,
    cap_wait,
    next_rung,
    plan,
    retry_wait,
    rung_reached,
)

TRIES = st.integers(1, 60)
NAMES = st.text(st.characters(codec="utf-8"), max_size=40)
LEFT = spans(-30 * DAY, 400 * DAY) | spans(-HOUR, HOUR)
RUNGS = st.lists(spans(0 * HOUR, 300 * HOUR), max_size=6, unique=True).map(lambda some: tuple(sorted(some)[::-1]))
#: So much time that no cap applies.
AGES = 10_000 * DAY


def test_the_table_is_the_designs() -> None:
    """If a number slipped, retries would not come when the design promises them."""
    minutes = [round(wait / MINUTE) for wait in RETRY_TABLE]
    assert minutes == [1, 2, 2, 5, *[10] * 3, *[20] * 4, *[30] * 6, *[60] * 3, *[120] * 2, *[180] * 2, 360]


def test_the_table_is_front_weighted() -> None:
    """If a later wait were shorter than an earlier one, a long outage would be met with a burst."""
    assert list(RETRY_TABLE) == sorted(RETRY_TABLE)


@given(TRIES, NAMES)
def test_a_wait_is_the_tables_within_a_tenth(tries: int, name: str) -> None:
    """If the jitter were wider or the wrong row read, a wait would not be the design's."""
    base = RETRY_TABLE[min(tries, len(RETRY_TABLE)) - 1]
    assert abs(retry_wait(tries, AGES, name) - base) <= base / 10
    assert retry_wait(tries, AGES, name) >= MINUTE


@given(TRIES, NAMES, LEFT)
def test_a_wait_is_the_same_however_often_it_is_computed(tries: int, name: str, left: timedelta) -> None:
    """If it were rolled anew, a restart or the next cron run would not go on where the last one stopped."""
    assert retry_wait(tries, left, name) == retry_wait(tries, left, name)


def test_jitter_is_the_same_in_every_process() -> None:
    """If it hung on the process (as hash() does), two instances would disagree about one voice."""
    assert retry_wait(12, AGES, "main/Anna-0001") == timedelta(seconds=1978, microseconds=767018)


def test_jitter_spreads_voices_and_tries() -> None:
    """If all voices shared one jitter, what failed together would come back together."""
    waits = {retry_wait(20, AGES, f"main/voice-{i:04}") for i in range(200)}
    assert len(waits) > 190
    assert min(waits) < 57 * MINUTE < 63 * MINUTE < max(waits)
    assert len({retry_wait(tries, AGES, "main/Anna-0001") for tries in (12, 13, 14, 15, 16, 17)}) == 6


@given(TRIES, LEFT, NAMES)
@example(50, MINUTE, "main/Anna-0001")
@example(50, 8 * MINUTE - SECOND, "main/Anna-0001")
def test_no_wait_ends_beyond_the_deadline(tries: int, left: timedelta, name: str) -> None:
    """If one did while there is a minute for another try, a voice that could be saved would be lost."""
    assume(left >= MINUTE)
    assert retry_wait(tries, left, name) <= left


@given(TRIES, LEFT, NAMES)
def test_a_wait_is_never_under_a_minute(tries: int, left: timedelta, name: str) -> None:
    """If it were, a failing voice would hammer the provider near its deadline."""
    assert retry_wait(tries, left, name) >= MINUTE


@given(TRIES, LEFT, NAMES)
def test_a_wait_takes_an_eighth_of_the_time_left_at_most(tries: int, left: timedelta, name: str) -> None:
    """If it took more, too few tries would fit in before the deadline."""
    assume(left > timedelta())
    assert retry_wait(tries, left, name) <= max(left / 8, MINUTE)


@given(TRIES, spans(-1000 * DAY, timedelta()), NAMES)
def test_past_the_deadline_only_the_table_counts(tries: int, left: timedelta, name: str) -> None:
    """If time that is gone still capped the wait, a voice past its deadline would be tried every minute for ever."""
    assert retry_wait(tries, left, name) == retry_wait(tries, AGES, name)


@given(LEFT, LEFT, LEFT)
def test_a_cap_keeps_the_order_of_waits(one: timedelta, other: timedelta, left: timedelta) -> None:
    """If a longer wait came out shorter, asking for patience would bring haste."""
    short, long = sorted([one, other])
    assert cap_wait(short, left) <= cap_wait(long, left)


@pytest.mark.parametrize("tries", [0, -3])
def test_a_count_below_one_waits_like_the_first(tries: int) -> None:
    """If it wrapped round, a voice whose attempts were reset by hand would wait six hours."""
    assert retry_wait(tries, AGES, "main/Anna-0001") < 2 * MINUTE


@given(spans(2 * MINUTE, LIFETIME), NAMES)
def test_tries_thicken_towards_the_deadline(left: timedelta, name: str) -> None:
    """If a failing voice ran out of tries before its last minutes, the provider's recovery would come too late."""
    tries, due, last = 1, timedelta(), left
    while (rest := left - due) >= MINUTE:
        last = rest
        due += retry_wait(tries, rest, name)
        tries += 1
    assert last < 2 * MINUTE
    assert tries <= 120


def test_a_voice_is_planned_from_its_clone_time() -> None:
    """If the plan began when it was made, a voice registered late would be kept too late."""
    planned = plan(START, None, Policy())
    assert (planned.deadline, planned.due_at, planned.warn_at) == (START + LIFETIME, START, START + 96 * HOUR)


def test_keep_after_delays_the_first_try() -> None:
    """If it did not, an owner who wants to choose before paying would pay for all."""
    assert plan(START, None, Policy(keep_after=100 * HOUR)).due_at == START + 100 * HOUR


@given(moments, st.none() | spans(SECOND, 400 * DAY), spans(SECOND, 400 * DAY), spans(0 * HOUR, 500 * DAY), RUNGS)
def test_a_plan_holds_together(
    cloned_at: datetime,
    stated: timedelta | None,
    lifetime: timedelta,
    keep_after: timedelta,
    rungs: tuple[timedelta, ...],
) -> None:
    """If a given deadline moved, or a voice came due only when its deadline is there, it would be lost by plan."""
    deadline = cloned_at + stated if stated else None
    planned = plan(cloned_at, deadline, Policy(lifetime=lifetime, keep_after=keep_after, warn_before=rungs))
    assert planned.deadline == (deadline or cloned_at + lifetime)
    assert cloned_at <= planned.due_at < planned.deadline
    assert planned.due_at <= cloned_at + keep_after
    assert (planned.warn_at is None) == (not rungs)
    if planned.warn_at:
        assert cloned_at < planned.warn_at <= planned.deadline


def test_a_deadline_in_the_past_can_be_planned() -> None:
    """If it could not, one row with a wrong deadline would stop all planning."""
    planned = plan(START, START - DAY, Policy(keep_after=HOUR))
    assert planned.due_at <= planned.deadline == START - DAY


@pytest.mark.parametrize(("keep_after", "life"), [(48 * HOUR, 24 * HOUR), (24 * HOUR, 24 * HOUR), (HOUR, 2 * MINUTE)])
def test_a_deadline_sooner_than_keep_after_leaves_room_to_try(keep_after: timedelta, life: timedelta) -> None:
    """If such a voice came due at its deadline, its owner's own date would be what loses it."""
    planned = plan(START, START + life, Policy(keep_after=keep_after))
    assert planned.deadline - planned.due_at == min(HOUR, life / 8)


def test_a_late_keep_after_stands() -> None:
    """If the room for tries reached further, it would override what the owner has configured."""
    assert plan(START, None, Policy(keep_after=LIFETIME - HOUR)).due_at == START + LIFETIME - HOUR


def test_a_life_shorter_than_every_rung_is_warned_of_halfway() -> None:
    """If only rungs within the life counted, a provider with a short window would lose voices without a word."""
    planned = plan(START, None, Policy(lifetime=48 * HOUR, warn_before=(72 * HOUR, 48 * HOUR)))
    assert planned.warn_at == START + 24 * HOUR


def test_the_rungs_of_a_week() -> None:
    """If a rung were reached early, late or out of order, the alarm would not come when it was asked for."""
    rungs, deadline = Policy().warn_before, START + LIFETIME
    assert rung_reached(deadline, deadline - 72 * HOUR - SECOND, rungs) is None
    assert rung_reached(deadline, deadline - 72 * HOUR, rungs) == 72 * HOUR
    assert next_rung(deadline, deadline - 72 * HOUR, rungs) == deadline - 24 * HOUR
    assert rung_reached(deadline, deadline - 12 * HOUR + SECOND, rungs) == 12 * HOUR
    assert next_rung(deadline, deadline - HOUR, rungs) is None
    assert rung_reached(deadline, deadline + DAY, rungs) == HOUR


@given(spans(-100 * HOUR, 400 * HOUR), RUNGS)
def test_next_and_reached_agree(left: timedelta, rungs: tuple[timedelta, ...]) -> None:
    """If they did not, a rung would be skipped or told twice."""
    deadline = START + left
    following, reached = next_rung(deadline, START, rungs), rung_reached(deadline, START, rungs)
    if reached is not None:
        assert deadline - reached <= START
    if following is not None:
        assert following > START
        assert rung_reached(deadline, following, rungs) == deadline - following
        assert reached is None or deadline - following < reached
    assert bool(rungs) == (following is not None or reached is not None)


@given(spans(-100 * HOUR, 400 * HOUR), RUNGS)
def test_walking_from_rung_to_rung_meets_each_once(left: timedelta, rungs: tuple[timedelta, ...]) -> None:
    """If the walk stood still or leapt, a sweep would loop or a warning be missing."""
    deadline, at = START + left, START
    met = []
    while (at_next := next_rung(deadline, at, rungs)) is not None:
        at = at_next
        met.append(rung_reached(deadline, at, rungs))
    assert met == [rung for rung in rungs if rung < left]


LIFE = timedelta(hours=168)


def due_after(keep_after: KeepAfter, life: timedelta = LIFE, name: str = "main/anna") -> timedelta:
    return plan(START, None, Policy(lifetime=life, keep_after=keep_after), name).due_at - START


def test_a_voice_is_due_by_its_policy() -> None:
    """Money would be paid before its owner could choose, or a voice be called when it is too late for a second try."""
    assert due_after(KeepAfter.IMMEDIATE) == timedelta()
    assert due_after(KeepAfter.HALF_LIFE) == LIFE / 2
    left = LIFE - due_after(KeepAfter.LATEST_SAFE)
    assert timedelta(hours=28) <= left <= timedelta(hours=30), "a day without the provider, and five hours of retries"
    assert due_after(KeepAfter.LATEST_SAFE, timedelta(hours=12)) == timedelta(hours=6)


def test_spread_voices_are_due_all_along_and_always_at_the_same_time() -> None:
    """A bulk import would be due all at once, or be put off again by each restart."""
    latest = due_after(KeepAfter.LATEST_SAFE)
    waits = sorted(due_after(KeepAfter.SPREAD, name=f"main/{number}") for number in range(400))
    assert waits == sorted(due_after(KeepAfter.SPREAD, name=f"main/{number}") for number in range(400))
    for part in range(8):
        within = [wait for wait in waits if latest * part / 8 <= wait < latest * (part + 1) / 8]
        assert 30 <= len(within) <= 70
