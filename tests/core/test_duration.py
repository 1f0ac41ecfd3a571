"""Durations as people write and read them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.core_cases import DAY, HOUR, MINUTE, SECOND
from voicekeeper.core.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("168h", 168 * HOUR),
        ("90s", 90 * SECOND),
        ("2d", 2 * DAY),
        ("1h30m", 90 * MINUTE),
        ("1h 30m", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        ("0h", timedelta()),
        ("36500d", 36500 * DAY),
    ],
)
def test_what_people_write_is_read(text: str, span: timedelta) -> None:
    """If one of these were refused or misread, the configuration's own examples would not work."""
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "168", "h", "-1h", "+1h", "1h-30m", "1w", "1H", "1 h", "1h30", "1e3h", ".5h", "1.h", "1,5h"),
        *("nanh", "infs", "1h and 2m", "PT1H", "1 2h", "1h\n", "0x10s", "36501d", "9999999d", "9" * 400 + "h"),
    ],
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    """If it were read as something, a slip of the pen would become a wrong deadline."""
    with pytest.raises(ValueError, match=r"is not a duration: write it like|is longer than any voice will live"):
        parse_duration(text)


@given(st.text(alphabet="0123456789.dhms -", max_size=12))
def test_no_text_breaks_the_reader(text: str) -> None:
    """If a text raised anything but ValueError, a mistyped configuration would end in a traceback."""
    with suppress(ValueError):
        assert parse_duration(text) >= timedelta()


@given(st.integers(0, 400 * 86400))
def test_what_is_written_can_be_read_back(seconds: int) -> None:
    """If it could not, a duration copied from a message into the configuration would change or be refused."""
    text = format_duration(timedelta(seconds=seconds))
    read = parse_duration(text)
    second_unit = {"d": HOUR, "h": MINUTE, "m": SECOND, "s": SECOND}[text.split()[0][-1]]
    assert format_duration(read) == text
    assert timedelta() <= timedelta(seconds=seconds) - read < second_unit


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(), "0s"),
        (0.4 * SECOND, "0s"),
        (8 * SECOND, "8s"),
        (59.6 * SECOND, "1m"),
        (35 * MINUTE + 10 * SECOND, "35m 10s"),
        (HOUR, "1h"),
        (2 * DAY + 4 * HOUR + 59 * MINUTE, "2d 4h"),
        (DAY + 5 * MINUTE, "1d"),
        (-90 * MINUTE, "1h 30m"),
    ],
)
def test_two_units_say_enough(span: timedelta, text: str) -> None:
    """If more, fewer or the wrong units were shown, alerts would mislead about the time left."""
    assert format_duration(span) == text
