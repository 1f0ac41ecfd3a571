"""As late as is safe: however long the line is, each voice is called with the reserve that it is to have."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from voicekeeper.core.latest import pulled
from voicekeeper.core.money import Budget, Price
from voicekeeper.core.pace import Pace, instant
from voicekeeper.core.queue import Load, play

NOW = datetime(2026, 3, 30, 0, tzinfo=UTC)
START = instant(NOW)
HOUR = 3_600_000_000
RESERVE = timedelta(hours=10)
PACE = Pace(as_of=NOW, start=NOW, space=timedelta(minutes=20))
LINES = st.lists(
    st.builds(
        lambda key, size: Load(START + (200 + key) * HOUR, START + (210 + key) * HOUR, 0, key, size),
        st.integers(0, 60),
        st.integers(1, 8),
    ),
    unique_by=lambda load: load.key,
)


def moved(loads: list[Load], pace: Pace) -> list[Load]:
    due = pulled(loads, pace, RESERVE)
    return [load._replace(due=min(load.due, due.get(load.deadline, load.due))) for load in loads]


@given(LINES)
def test_no_voice_is_called_with_less_than_the_reserve(loads: list[Load]) -> None:
    """The last of a bulk would have no time left for a second try."""
    quarter = HOUR // 4
    for run in play(moved(loads, PACE), PACE):
        assert run.at is not None
        last = run.at + (run.size - 1) * PACE.step
        assert run.deadline - last >= RESERVE / timedelta(microseconds=1) - quarter


@given(LINES)
def test_what_was_pulled_stays(loads: list[Load]) -> None:
    """Each sweep would write the same voices again."""
    assert pulled(moved(loads, PACE), PACE, RESERVE) == {}


def test_a_short_line_is_left_as_it_is() -> None:
    """Voices would be paid for earlier than they need to be."""
    assert pulled([Load(START + 200 * HOUR, START + 210 * HOUR, 0, 1)], PACE, RESERVE) == {}


def test_a_budget_makes_the_line_longer() -> None:
    """Thirty voices would be due in one day, of which ten can be paid."""
    price = Price(fee=Decimal(10))
    poor = replace(PACE, price=price, budget=Budget(per_day=Decimal(100)))
    found = pulled([Load(START + 200 * HOUR, START + 210 * HOUR, 0, 1, 30)], poor, RESERVE)
    assert found == {START + 210 * HOUR: START + 200 * HOUR - 29 * 24 * HOUR // 10}
