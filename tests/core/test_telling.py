"""By whose clock people are told: quiet hours, digests, and which languages say the same."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from voicekeeper.core.channel import GAP, Rhythm, Rule, State, after, held_until
from voicekeeper.core.overdue import grace, in_time, pace

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        ((22, 7), "2026-03-01T21:59", None),
        ((22, 7), "2026-03-01T22:00", "2026-03-02T07:00"),
        ((22, 7), "2026-03-01T23:59", "2026-03-02T07:00"),
        ((22, 7), "2026-03-02T00:00", "2026-03-02T07:00"),
        ((22, 7), "2026-03-02T06:59", "2026-03-02T07:00"),
        ((22, 7), "2026-03-02T07:00", None),
        ((12, 14), "2026-03-02T11:59", None),
        ((12, 14), "2026-03-02T13:00", "2026-03-02T14:00"),
        ((12, 14), "2026-03-02T14:00", None),
    ],
)
def test_quiet_hours_begin_and_end_to_the_minute(hours: tuple[int, int], now: str, end: str | None) -> None:
    """People would be woken before they get up, or told hours later than they asked for."""
    rule = Rule(id="one", quiet=(time(hours[0]), time(hours[1])))
    assert rule.quiet_until(at(now)) == (at(end) if end else None)


def test_quiet_hours_are_local_also_when_the_clocks_change() -> None:
    """In the night in which summer time begins, people would be woken an hour too early."""
    rule = Rule(id="one", quiet=(time(22), time(7)), zone=BERLIN)
    assert rule.quiet_until(at("2026-03-28T22:00")) == at("2026-03-29T05:00")
    assert rule.quiet_until(at("2026-03-27T22:00")) == at("2026-03-28T06:00")


def test_without_quiet_hours_it_is_never_quiet() -> None:
    """Warnings would be held back that nobody asked to hold back."""
    assert Rule(id="one").quiet_until(at("2026-03-01T03:00")) is None


@pytest.mark.parametrize(
    ("rhythm", "now", "due"),
    [
        (Rhythm.DAILY, "2026-03-01T00:59", "2026-03-01T01:00"),
        (Rhythm.DAILY, "2026-03-01T01:00", "2026-03-02T01:00"),
        (Rhythm.WEEKLY, "2026-03-01T12:00", "2026-03-02T01:00"),  # a Sunday
        (Rhythm.WEEKLY, "2026-03-02T01:00", "2026-03-09T01:00"),
    ],
)
def test_a_digest_comes_at_its_local_hour(rhythm: Rhythm, now: str, due: str) -> None:
    """The morning's digest would come in the afternoon, or twice."""
    rule = Rule(id="one", digest=rhythm, digest_at=time(9), zone=SHANGHAI)
    assert rule.next_digest(at(now)) == at(due)


def test_a_failing_channel_is_left_alone_until_its_next_try() -> None:
    """A dead server would be called with every alert."""
    rule, now = Rule(id="one"), at("2026-03-01T12:00")
    failed = after(State(id="one"), now, ok=False)
    assert held_until(rule, failed, now, urgent=True) == now + MINUTE
    assert held_until(rule, failed, now + MINUTE, urgent=True) is None
    assert after(failed, now, ok=True) == State(id="one", told_at=now)


def test_only_what_does_not_hurry_waits_for_the_gap() -> None:
    """A loss would wait behind a warning."""
    rule, now = Rule(id="one"), at("2026-03-01T12:00")
    told = after(State(id="one"), now, ok=True)
    assert held_until(rule, told, now + MINUTE, urgent=True) is None
    assert held_until(rule, told, now + MINUTE, urgent=False) == now + GAP
    assert held_until(rule, told, now + GAP, urgent=False) is None


def test_a_line_is_in_time_if_each_voice_is() -> None:
    """One near deadline behind many far ones would be overlooked."""
    now = at("2026-03-01T12:00")
    far = [now + 100 * HOUR] * 50
    assert in_time(far, now, 2 * HOUR)
    assert not in_time(far, now, 3 * HOUR)
    assert in_time([*far, now + 3 * HOUR], now, HOUR)
    assert not in_time([*far, now + HOUR, now + HOUR], now, HOUR)
    assert in_time([now - HOUR], now, timedelta.max), "what is past its deadline is no part of the line"
    assert not in_time([now + HOUR], now, timedelta.max)


def test_the_pace_is_the_slowest_of_rate_and_budgets() -> None:
    """A budget would be overlooked, and its voices would be called safe."""
    assert pace(MINUTE, None, 1.0, 1.0) == MINUTE
    assert pace(MINUTE, 10.0, 100.0, None) == DAY / 10
    assert pace(MINUTE, 10.0, 100.0, 310.0) == DAY
    assert pace(MINUTE, 10.0, 1e9, None) == MINUTE
    assert pace(MINUTE, 10.0, 5.0, None) == timedelta.max


def test_overdue_is_an_hour_or_three_sweeps() -> None:
    """A daemon that sweeps once a day would report each voice that it has not come to yet."""
    assert grace(5 * MINUTE) == HOUR
    assert grace(DAY) == 3 * DAY
