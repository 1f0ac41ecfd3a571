"""SQLite has no type for a moment: its checks take the forms that are read, and refuse all others."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.registry.registry_steps import POLICY, START, everyone, insert, voice
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.registry import claims, planning
from voicekeeper.registry.database import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REFUSED = (IntegrityError, RegistryUnavailable)  # the latter for "now", which SQLite allows in no check
#: Columns whose text is compared in queries, so that only one form will do.
COMPARED = ("deadline", "due_at", "warn_at")


def test_two_milliseconds_are_always_later(sqlite_database: Database) -> None:
    """A voice that passed every check of ours would be refused by the registry, for how SQLite rounds."""
    later = text("SELECT julianday(:deadline) > julianday(:cloned_at)")
    dice = random.Random(1)  # noqa: S311 - replays, not secrets
    with sqlite_database.transaction() as connection:
        for _ in range(20_000):
            cloned_at = NOON + timedelta(days=dice.randrange(50_000), microseconds=dice.randrange(60_000_000))
            row = {"cloned_at": cloned_at, "deadline": cloned_at + timedelta(milliseconds=2)}
            assert connection.scalar(later, {name: f"{at:%Y-%m-%d %H:%M:%S.%f}" for name, at in row.items()}), row


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-01 12:00:00", NOON),
        ("2026-03-01 12:00:00.25", NOON.replace(microsecond=250_000)),
        ("2026-03-01 12:00:00.123456789", NOON.replace(microsecond=123_456)),
        ("2026-03-01T12:00:00", NOON),
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01T12:00:00.123456Z", NOON.replace(microsecond=123_456)),
        ("2026-03-01T20:00:00+08:00", NOON),
        ("2026-03-01 07:00:00.5-05:00", NOON.replace(microsecond=500_000)),
        ("2024-02-29 12:00:00", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("2026-03-01 12:00:00\0", NOON),  # SQLite's checks see nothing behind it
        ("2026-03-01 12:00:00\0, or so", NOON),
    ],
)
def test_every_usual_form_is_taken_and_read_right(sqlite_database: Database, written: str, moment: datetime) -> None:
    """A clone time that an application writes in its own form would be refused, or read hours off."""
    with sqlite_database.transaction() as connection:
        insert(connection, cloned_at=written)
    assert voice(sqlite_database, "theirs").cloned_at == moment


@pytest.mark.parametrize(
    "written",
    [
        1767225600,
        1767225600.5,
        "1767225600",
        2461000.5,
        "2026-03-01",
        "2026-03-01 12:00",
        "now",
        "",
        "2026-02-29 12:00:00",
        "2026-04-31T12:00:00Z",
        "2026-03-01 24:00:00",
        "2026-03-01 12:60:00",
        "2026-03-01 12:00:00.",
        "2026-03-01 12:00:00.x",
        "2026-03-01 12:00:00 ",
        "2026-03-01 12:00:00.5 ",
        "2026-03-01T12:00:00Z ",
        "2026-03-01T12:00:00.5z",
        "2026-03-01 12:00:00.5 +08:00",
        "2026-03-01T12:00:00+0800",
        "2026-03-01T12:00:00+08",
        "2026-03-01 12:00:00 UTC",
        "01/03/2026 12:00:00",
        b"2026-03-01 12:00:00",
    ],
    ids=repr,
)
def test_what_is_no_moment_is_refused(sqlite_database: Database, written: object) -> None:
    """A row that cannot be read would stop every sweep."""
    with pytest.raises(REFUSED), sqlite_database.transaction() as connection:
        insert(connection, cloned_at=written)
    for column in (*COMPARED, "created_at", "kept_at"):
        with pytest.raises(REFUSED), sqlite_database.transaction() as connection:
            insert(connection, **_with(column, written))


def _with(column: str, value: object) -> dict[str, Any]:
    return {"deadline": "2026-03-08 12:00:00", column: value}


@pytest.mark.parametrize("column", COMPARED)
@pytest.mark.parametrize("written", ["2026-03-05T12:00:00", "2026-03-05 12:00:00Z", "2026-03-05 12:00:00+08:00"])
def test_a_compared_time_has_one_form(sqlite_database: Database, column: str, written: str) -> None:
    """A deadline that sorts wrongly as text would be worked days too late."""
    with pytest.raises(IntegrityError), sqlite_database.transaction() as connection:
        insert(connection, **_with(column, written))


def test_a_short_deadline_sorts_among_the_full_ones(sqlite_database: Database) -> None:
    """A deadline given without its fraction would fall out of order."""
    with sqlite_database.transaction() as connection:
        for name, deadline in (
            ("b", "2026-03-02 00:00:00.5"),
            ("a", "2026-03-02 00:00:00"),
            ("c", "2026-03-02 00:00:01"),
        ):
            insert(connection, voice_id=name, deadline=deadline)
    sqlite_database.call(planning.plan_some, {}, POLICY)
    in_order = sqlite_database.call(claims.due, "main", START)
    named = {found.id: found.voice_id for found in everyone(sqlite_database)}
    assert [named[row] for row in in_order] == ["a", "b", "c"]


@pytest.mark.parametrize("column", ["priority", "attempts", "streak"])
@pytest.mark.parametrize("value", ["many", 1.5, b"1"], ids=repr)
def test_a_count_is_a_whole_number(sqlite_database: Database, column: str, value: object) -> None:
    """SQLite would store a word where the sweep counts, and every sweep would stop there."""
    with pytest.raises(IntegrityError), sqlite_database.transaction() as connection:
        insert(connection, **_with(column, value))


@pytest.mark.parametrize(
    "values", [{"voice_id": b"bytes"}, {"account": b"bytes"}, {"account": "a" * 65}, {"label": "l" * 256}], ids=str
)
def test_a_name_is_text_of_the_usual_length(sqlite_database: Database, values: dict[str, Any]) -> None:
    """SQLite would store a name that no provider and no other database takes."""
    with pytest.raises(IntegrityError), sqlite_database.transaction() as connection:
        insert(connection, **values)


def test_what_was_written_by_hand_is_rewritten_in_full(sqlite_database: Database) -> None:
    """A deadline in short form would stay the odd one out after planning."""
    with sqlite_database.transaction() as connection:
        insert(connection, deadline="2026-03-02 00:00:00")
    sqlite_database.call(planning.plan_some, {}, POLICY)
    with sqlite_database.transaction() as connection:
        assert connection.execute(text("SELECT deadline FROM voices")).scalar() == "2026-03-02 00:00:00.000000"
