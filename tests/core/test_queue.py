"""The line played forward: nothing is called twice or too fast, and scarcity is met with the best choice there is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.core.exact import best, worth
from voicekeeper.core.choice import choose
from voicekeeper.core.money import Budget, Price, Span
from voicekeeper.core.pace import Capacity, Pace, instant
from voicekeeper.core.queue import CALL, Load, Run, play

NOW = datetime(2026, 3, 30, 20, tzinfo=UTC)
START = instant(NOW)
HOUR, SECOND = 3_600_000_000, 1_000_000
HOURLY = Pace(as_of=NOW, start=NOW, space=timedelta(hours=1))
PRICE = Price(fee=Decimal("9.9"))


def paying(per_day: int | None, per_month: int | None = None, spent: int = 0) -> Pace:
    """Return the hourly pace with budgets of so many keeps."""
    limits = [None if count is None else count * PRICE.fee for count in (per_day, per_month)]
    committed = dict.fromkeys(Span, spent * PRICE.fee)
    budget = Budget(per_day=limits[0], per_month=limits[1])
    return replace(HOURLY, price=PRICE, budget=budget, committed=committed)


@st.composite
def paces(draw: st.DrawFn) -> Pace:
    keeps = st.none() | st.integers(0, 5)
    budgeted = paying(draw(keeps), draw(keeps), draw(st.integers(0, 2)))
    return replace(budgeted, start=NOW + timedelta(minutes=draw(st.integers(0, 90))))


def a_load(due: int, deadline: int, seconds: int, priority: int, count: int, tries: int) -> Load:
    return Load(START + due * HOUR, START + deadline * HOUR + seconds * SECOND, priority, 0, count, failed=tries > 0)


def lines(most: int = 8, due: int = 0, count: int = 1, seconds: Sequence[int] = (0,)) -> st.SearchStrategy[list[Load]]:
    """Lines of loads, due within so many hours, with deadlines over two days, so many seconds after a whole hour."""
    times = st.integers(0, due), st.integers(1, 48), st.sampled_from(seconds)
    one = st.builds(a_load, *times, st.integers(0, 3), st.integers(1, count), st.integers(0, 1))
    return st.lists(one, max_size=most).map(lambda found: [load._replace(key=n) for n, load in enumerate(found)])


def saved(runs: Sequence[Run]) -> dict[int, int]:
    found: dict[int, int] = {}
    for run in runs:
        if run.at is not None:
            found[run.key] = found.get(run.key, 0) + run.size
    return found


@given(lines(due=30, count=4, seconds=(0, 4, 6)), paces())
def test_no_rule_is_broken(loads: list[Load], pace: Pace) -> None:
    """A forecast would promise calls that the rate, the budget or the due time does not allow."""
    runs = list(play(loads, pace))
    of = {load.key: load for load in loads}
    calls = [(run.at + n * pace.step, run) for run in runs if run.at is not None for n in range(run.size)]
    assert all(max(of[run.key].due, instant(pace.start)) <= at < run.deadline - CALL for at, run in calls)
    assert all(later - earlier >= pace.step for (earlier, _), (later, _) in pairwise(calls))
    for span, limit in pace.budget.limits.items():
        first = pace.committed[span] // PRICE.fee
        ends = [instant(NOW), *_ends(span, 4)]
        for number, (begin, end) in enumerate(pairwise(ends)):
            room = int(max(limit // PRICE.fee - (0 if number else first), Decimal()))
            within = [at for at, _ in calls if begin <= at < end]
            assert len(within) <= room
    assert sum(run.size for run in runs) == sum(load.size for load in loads), "a voice was forgotten or counted twice"


def _ends(span: Span, count: int) -> list[int]:
    found, at = [], NOW
    for _ in range(count):
        at = span.ends(at, UTC)
        found.append(instant(at))
    return found


@given(lines(due=30, count=4), paces())
def test_many_voices_as_one_load_are_played_like_each_by_itself(loads: list[Load], pace: Pace) -> None:
    """The live check would say something else than the forecast."""
    alone = [load._replace(size=1, key=100 * load.key + n) for load in loads for n in range(load.size)]
    together, singly = saved(list(play(loads, pace))), saved(list(play(alone, pace)))
    assert together == {
        key: count for load in loads if (count := sum(one // 100 == load.key for one in singly)) for key in [load.key]
    }


@given(paces(), st.lists(st.integers(0, 72), min_size=1))
def test_capacity_is_what_a_full_line_gets(pace: Pace, hours: list[int]) -> None:
    """Voices would be given up that could be saved, or promised what cannot be."""
    able = Capacity(pace)
    for end in sorted(START + hour * HOUR for hour in hours):
        full = play([Load(START, end, 0, 1, 500)], pace)
        assert able.before(end - CALL) == sum(run.size for run in full if run.at is not None)


@given(lines(most=6), paces())
def test_the_choice_is_the_best_there_is(loads: list[Load], pace: Pace) -> None:
    """A voice would be lost that could be saved, or one of low priority be saved instead of a high one."""
    _is_best(loads, pace)


@given(lines(most=6, due=30, seconds=(0, 4, 6)), st.integers(0, 20))
def test_it_is_the_best_where_voices_come_due_later_and_the_rate_is_short(loads: list[Load], after: int) -> None:
    """While a bulk waits for its due time, one of lower priority would take the slots that it will need."""
    _is_best(loads, replace(HOURLY, start=NOW + timedelta(hours=after)))


def _is_best(loads: Sequence[Load], pace: Pace) -> None:
    out = choose(loads, pace)
    kept = saved(list(play(loads, pace, out)))
    assert set(kept) == {load.key for load in loads} - set(out), "exactly those that yield are lost"
    assert sum(worth(load) for load in loads if load.key in kept) == best(loads, pace)


def test_who_comes_due_later_and_is_worth_more_is_saved() -> None:
    """There would be slots enough in all, and nobody would see that there are too few after the due time."""
    early = [Load(START, START + 5 * HOUR, 0, 1), *(Load(START + 5 * HOUR, START + 8 * HOUR, 0, n) for n in (2, 3))]
    worthy = [Load(START + 5 * HOUR, START + 9 * HOUR, 1, n) for n in (4, 5, 6)]
    assert choose([*early, *worthy], HOURLY) == {3: 1}


@given(lines(due=30, count=4), paces())
def test_the_choice_among_many_is_the_choice_among_each(loads: list[Load], pace: Pace) -> None:
    """The profile's choice would be another one than the voices' own."""
    alone = [load._replace(size=1, key=100 * load.key + n) for load in loads for n in range(load.size)]
    assert sum(choose(loads, pace).values()) == len(choose(alone, pace))


def test_who_has_no_time_left_for_a_call_takes_no_slot() -> None:
    """Claims let others go before it: of those somebody would be given up for a slot that it never gets."""
    hurried = Load(START, START + 4 * SECOND, 0, 1)
    loads = [hurried, Load(START, START + 6 * SECOND, 0, 2), Load(START, START + HOUR + 6 * SECOND, 0, 3)]
    assert choose(loads, HOURLY) == {1: 1}
    assert saved(list(play(loads, HOURLY, {1: 1}))) == {2: 1, 3: 1}
    assert saved(list(play([hurried], HOURLY))) == {}


def test_equals_are_given_up_from_the_latest_deadline() -> None:
    """Help that comes later could save fewer of those that were given up."""
    loads = [Load(START, START + hour * HOUR, 0, hour) for hour in (1, 1, 2, 2)]
    loads = [load._replace(key=number) for number, load in enumerate(loads)]
    assert choose(loads[2:] + loads[:2], HOURLY) == {1: 1, 3: 1}


def test_of_equals_the_one_that_failed_is_given_up_first() -> None:
    """A voice that fails each time would take the slots of the last minutes from those that could be saved."""
    loads = [Load(START, START + hour * HOUR, 0, hour) for hour in (1, 2, 2)]
    failed = loads[0]._replace(failed=True)
    loads = [load._replace(key=number) for number, load in enumerate([failed, *loads[1:]])]
    assert choose(loads, HOURLY) == {0: 1}
    assert choose([loads[0]._replace(priority=1), *loads[1:]], HOURLY) == {2: 1}, "who is worth more goes first"


def test_the_first_slot_and_the_order() -> None:
    """The first voice would wait for a space that nobody needs, or the wrong one would be first."""
    loads = [
        Load(START, START + 9 * HOUR, 0, 1),
        Load(START, START + 8 * HOUR, 0, 2),
        Load(START, START + 8 * HOUR, 1, 3),
        Load(START + HOUR + 1, START + 7 * HOUR, 0, 4),
        Load(START, START, 0, 5),
    ]
    assert [(run.key, run.at) for run in play(loads, HOURLY)] == [
        (5, None),
        (3, START),
        (2, START + HOUR),
        (4, START + 2 * HOUR),
        (1, START + 3 * HOUR),
    ]
