"""The outline of a line: small, and never rosier than the line itself."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from voicekeeper.core.pace import Pace, instant
from voicekeeper.core.profile import Profile
from voicekeeper.core.queue import Load
from voicekeeper.core.remedy import unsavable

NOW = datetime(2026, 3, 30, 20, tzinfo=UTC)
START = instant(NOW)
MINUTE = 60_000_000
PACE = Pace(as_of=NOW, start=NOW, space=timedelta(minutes=10))


def lines(step: int) -> st.SearchStrategy[list[Load]]:
    """Lines with due times and deadlines on every so many minutes."""
    one = st.builds(
        lambda due, life, priority: Load(
            START + due * step * MINUTE, START + (due + life) * step * MINUTE, priority, 0
        ),
        st.integers(0, 600 // step),
        st.integers(0, 900 // step),
        st.integers(0, 2),
    )
    return st.lists(one, max_size=40).map(lambda found: [load._replace(key=n) for n, load in enumerate(found)])


def outline(loads: list[Load]) -> list[Load]:
    profile = Profile()
    for load in loads:
        profile.add(load)
    return profile.loads()


@given(lines(1))
def test_an_outline_never_looks_better_than_the_line(loads: list[Load]) -> None:
    """A loss would be seen too late, because the outline had hidden it."""
    assert unsavable(outline(loads), PACE) >= unsavable(loads, PACE)


@given(lines(15))
def test_on_the_quarters_an_outline_says_the_same_as_the_line(loads: list[Load]) -> None:
    """Alarms would be raised for lines that all can be saved of."""
    assert unsavable(outline(loads), PACE) == unsavable(loads, PACE)


def test_an_outline_is_small() -> None:
    """A look ahead would cost as much as there are voices."""
    loads = [Load(START, START + number * MINUTE // 100, number % 2, number) for number in range(10_000)]
    assert len(outline(loads)) == 2 * 7
    assert sum(load.size for load in outline(loads)) == 10_000
