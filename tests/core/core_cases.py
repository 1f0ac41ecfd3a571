"""What the core's tests share: moments, voices, answers, and how hypothesis draws them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Voice

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LIFETIME = 168 * HOUR

moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - see timezones
retry_afters = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 7200).map(float)
outcomes = st.sampled_from(Outcome)


def spans(shortest: timedelta, longest: timedelta) -> st.SearchStrategy[timedelta]:
    """Draw a duration between these."""
    return st.timedeltas(shortest, longest)


def a_voice(**changes: Any) -> Voice:
    """Return a planned voice, cloned at START, due at once."""
    planned = {"cloned_at": START, "deadline": START + LIFETIME, "due_at": START, "warn_at": START + 96 * HOUR}
    return Voice(**{"id": 7, "account": "main", "voice_id": "Anna-0001", **planned, **changes})


def an_answer(outcome: Outcome, retry_after: float | None = None, message: str = "the provider's words") -> Answer:
    """Return an answer with this outcome."""
    return Answer(outcome=outcome, message=message, retry_after=retry_after)
