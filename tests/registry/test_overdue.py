"""Should it have been done by now? An alert for what no sweep takes, none for what waits in line."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
    START,
    add,
    change,
    claim_one,
    open_account,
    try_once,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import outbox, overdue
from voicekeeper.registry.database import Database

LATER = START + 2 * HOUR


@pytest.fixture
def anna(database: Database) -> Database:
    """A registry with one voice that is due since START, and registered then."""
    open_account(database)
    add(database, "anna")
    change(database, "anna", created_at=START)
    return database


def look(database: Database, now: Any = LATER, excused: Sequence[str] = ()) -> list[str]:
    return database.call(overdue.look, [ACCOUNT], excused, HOUR, now)


def titles(database: Database) -> list[str]:
    return [one.title for one in database.call(outbox.open_alerts)]


def test_a_voice_that_no_sweep_takes_is_told_and_ends_when_one_does(anna: Database) -> None:
    """A scheduler that has failed would be noticed at the deadline."""
    assert look(anna) == [ACCOUNT]
    assert titles(anna) == ["Account main: 1 voice overdue and not tried"]
    assert "start voicekeeper anew" in anna.call(outbox.open_alerts)[0].body
    try_once(anna, Outcome.TRANSIENT, LATER)
    assert look(anna) == []
    assert titles(anna) == []


@pytest.mark.parametrize("minutes", [0, 30, 59])
def test_what_is_due_for_a_short_while_is_not_told(anna: Database, minutes: int) -> None:
    """Each voice that a sweep has not reached yet would be an alarm."""
    assert look(anna, START + minutes * MINUTE) == []


def test_a_voice_that_was_registered_late_is_not_overdue(anna: Database) -> None:
    """An import of voices that were cloned days ago would be an alarm before its first sweep."""
    change(anna, "anna", created_at=LATER - MINUTE)
    assert look(anna) == []


def test_a_paused_account_and_one_in_line_speak_for_themselves(anna: Database) -> None:
    """An empty balance, or a thousand voices behind a rate limit, would be two alarms."""
    assert look(anna) == [ACCOUNT]
    assert look(anna, excused=[ACCOUNT]) == []
    assert titles(anna) == []


def test_what_is_under_way_is_not_overdue(anna: Database) -> None:
    """A voice in the middle of its call would be reported as forgotten."""
    claim_one(anna, LATER)
    assert look(anna) == []


@pytest.mark.parametrize("column", ["attempts", "last_outcome"])
def test_what_was_tried_has_alerts_of_its_own(anna: Database, column: str) -> None:
    """A voice that fails would be called untried."""
    change(anna, "anna", **{column: 1 if column == "attempts" else "throttled"})
    assert look(anna) == []


def test_it_is_critical_when_the_deadline_is_near(anna: Database) -> None:
    """The last hours of a voice that nobody works would be a mere warning."""
    look(anna)
    assert [one.severity for one in anna.call(outbox.open_alerts)] == ["warning"]
    look(anna, START + 160 * HOUR)
    assert [one.severity for one in anna.call(outbox.open_alerts)] == ["critical"]


def test_a_held_voice_is_not_overdue(anna: Database) -> None:
    """What its owner holds back would be an alarm about the scheduler."""
    change(anna, "anna", intent="hold")
    assert look(anna, START + DAY) == []
