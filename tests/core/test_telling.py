"""By whose clock people are told: quiet hours, digests, and which languages say the same."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from voicekeeper.core.channel import Rhythm, Rule, State, after, held_until
from voicekeeper.core.overdue import grace

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


def test_quiet_hours_that_end_in_the_repeated_hour_end_after_it() -> None:
    """What waits for their end would be looked for in the past, and be told with the next regular sweep only."""
    rule = Rule(id="one", quiet=(time(22), time(2, 30)), zone=BERLIN)
    assert rule.quiet_until(at("2026-10-25T00:10")) == at("2026-10-25T00:30")
    assert rule.quiet_until(at("2026-10-25T01:10")) == at("2026-10-25T01:30")


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
    now = at("2026-03-01T12:00")
    failed = after(State(id="one"), now, ok=False)
    assert held_until(failed, now, news=True) == now + MINUTE
    assert held_until(failed, now + MINUTE, news=True) is None
    assert after(failed, now, ok=True) == State(id="one", told_at=now, in_row=1)


def test_what_does_not_hurry_waits_longer_with_each_message_in_a_row() -> None:
    """An outage of days would be a message every five minutes, or a loss would wait behind a warning."""
    now, state, waits = at("2026-03-01T12:00"), State(id="one"), []
    for _ in range(7):
        state = after(state, now, ok=True)
        assert held_until(state, now, news=True) is None
        end = held_until(state, now, news=False)
        assert end is not None
        waits.append((end - now) / MINUTE)
        now = end
    assert waits == [5, 10, 20, 40, 60, 60, 60]
    assert state.told_at is not None
    assert after(state, state.told_at + 2 * HOUR, ok=True).in_row == 1, "after a time of peace it begins anew"


def test_an_urgent_thing_is_news_once_in_a_row_of_messages() -> None:
    """Each of ten thousand lost voices would be a message, or the second disaster would wait behind the first."""
    now = at("2026-03-01T12:00")
    told = after(State(id="one"), now, ok=True, topics=["lost main", "rung main", "lost main"])
    assert told.topics == ("lost main", "rung main")
    more = after(told, now + 2 * MINUTE, ok=True, topics=["lost other"])
    assert more.topics == ("lost main", "rung main", "lost other")
    assert more.gap_ends(now + 2 * MINUTE) == now + 5 * MINUTE, "news does not put off what waits"
    assert after(more, now + 2 * HOUR, ok=True, topics=["paused"]).topics == ("paused",), "the row is over"


def test_what_a_row_of_messages_remembers_is_bounded() -> None:
    """A thousand accounts that pause together would fill the registry's column, and nobody would be told any more."""
    told = after(State(id="one"), at("2026-03-01T12:00"), ok=True, topics=[f"paused {n}" for n in range(1000)])
    assert told.topics[-1] == "paused 999"
    assert len(told.topics) == 150


def test_overdue_is_an_hour_or_three_sweeps() -> None:
    """A daemon that sweeps once a day would report each voice that it has not come to yet."""
    assert grace(5 * MINUTE) == HOUR
    assert grace(DAY) == 3 * DAY
