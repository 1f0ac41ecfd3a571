"""Money is counted exactly, and days and months begin when the owner's clocks say so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicekeeper.core.money import Budget, Price, Span, billed_characters

ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe"]
SECONDS = st.integers(1_262_304_000, 2_208_988_800)  # of the years 2010 to 2039


@given(SECONDS, st.sampled_from(ZONES), st.sampled_from(Span))
def test_spans_follow_each_other_without_gap_or_overlap(second: int, name: str, span: Span) -> None:
    """Money spent at some moment would count in two days, or in none."""
    now, zone = datetime.fromtimestamp(second, UTC), ZoneInfo(name)
    began, ends = span.began(now, zone), span.ends(now, zone)
    assert began <= now < ends
    assert span.began(began, zone) == began == span.began(ends - timedelta(microseconds=1), zone)
    assert span.began(ends, zone) == ends


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        ("America/New_York", "2026-03-08T12:00", 23),
        ("America/New_York", "2026-11-01T12:00", 25),
        ("America/Havana", "2026-11-01T12:00", 25),
        ("Australia/Lord_Howe", "2026-10-04T00:00", 23.5),
        ("Asia/Shanghai", "2026-10-04T00:00", 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, now: str, hours: float) -> None:
    """A budget would be opened an hour early or late where the clocks change."""
    at, there = datetime.fromisoformat(now).replace(tzinfo=UTC), ZoneInfo(zone)
    assert Span.DAY.ends(at, there) - Span.DAY.began(at, there) == timedelta(hours=hours)


@pytest.mark.parametrize(("month", "days"), [("2028-02", 29), ("2026-02", 28), ("2026-01", 31), ("2026-04", 30)])
def test_a_month_is_as_long_as_the_calendar_makes_it(month: str, days: int) -> None:
    """A leap day would have no budget, or two."""
    now = datetime.fromisoformat(f"{month}-15T00:00").replace(tzinfo=UTC)
    assert Span.MONTH.ends(now, UTC) - Span.MONTH.began(now, UTC) == timedelta(days=days)


def test_a_keep_costs_its_fee_and_its_characters() -> None:
    """The characters of a thousand voices would be paid from nobody's budget."""
    price = Price(fee=Decimal("9.9"), per_10k=Decimal(2), characters=12)
    assert price.speech == Decimal("0.0024")
    assert price.keep == Decimal("9.9024")
    assert Price(per_10k=Decimal("3.5"), characters=1).keep == Decimal("0.00035")


@pytest.mark.parametrize(("text", "count"), [("Hi.", 3), ("你好。", 5), ("Hi 你", 5), ("㐀", 2), ("", 0)])
def test_chinese_is_billed_twice(text: str, count: int) -> None:
    """A Chinese keep.text would cost twice what is set aside for it."""
    assert billed_characters(text) == count


def test_only_what_is_limited_is_a_limit() -> None:
    """A budget of nothing would be taken for no budget."""
    assert Budget().limits == {}
    assert Budget(per_day=Decimal(0)).limits == {Span.DAY: Decimal(0)}
