"""When a daemon looks again by itself: for what others held, and for what waits for a slot."""

from datetime import datetime

import pytest
from sqlalchemy import update

from tests.databases import HandClock
from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
    START,
    add,
    answer,
    change,
    claim_one,
    open_account,
    settle,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import upcoming
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import accounts


@pytest.fixture(autouse=True)
def _open(clocked: Database) -> None:
    """One account."""
    open_account(clocked)


def next_due(database: Database, now: datetime) -> datetime | None:
    """Return when there is something to do, if that is within a day: warnings come later."""
    found = database.call(upcoming.next_due, now)
    return found if found and found < now + DAY else None


def close_slots(database: Database, until: datetime, **values: object) -> None:
    """Let an account have no slot until then."""
    with database.transaction() as connection:
        connection.execute(update(accounts).where(accounts.c.name == ACCOUNT).values(slot_at=until, **values))


def test_the_end_of_a_lease_is_waited_for(clocked: Database, clock: HandClock) -> None:
    """What a killed instance held would wait for the next regular sweep, which may be hours after its deadline."""
    add(clocked, "anna", "bert")
    claim_one(clocked, START, lease=2 * MINUTE)
    clock.move(MINUTE)
    claim_one(clocked, START + MINUTE, lease=5 * MINUTE)
    assert next_due(clocked, START + MINUTE) == START + 2 * MINUTE
    clock.move(MINUTE)
    assert next_due(clocked, START + 2 * MINUTE) == START + 6 * MINUTE, "once for each end, however long it stays"


def test_leases_end_by_the_registrys_clock(clocked: Database) -> None:
    """A host whose clock is ahead would look too early and never again."""
    add(clocked, "anna")
    claim_one(clocked, START, lease=2 * MINUTE)
    assert next_due(clocked, START + HOUR) == START + HOUR + 2 * MINUTE


def test_only_the_lease_of_what_is_to_be_called_counts(clocked: Database) -> None:
    """A daemon would wake up for voices with which nothing is to be done."""
    add(clocked, "held", "kept")
    claimed = claim_one(clocked, START)
    claim_one(clocked, START)
    settle(clocked, claimed, answer(Outcome.KEPT), START)
    change(clocked, "kept" if claimed.voice.voice_id == "held" else "held", intent="hold")
    assert next_due(clocked, START + MINUTE / 2) is None


def test_a_slot_that_is_far_away_is_waited_for(clocked: Database, clock: HandClock) -> None:
    """Voices that a provider put off for minutes would wait for the next regular sweep, which may be hours later."""
    close_slots(clocked, START + 10 * MINUTE)
    assert next_due(clocked, START) is None, "no voice waits for it"
    add(clocked, "anna")
    assert next_due(clocked, START) == START + 10 * MINUTE
    clock.move(10 * MINUTE)
    assert next_due(clocked, START + 10 * MINUTE) is None, "it is due now, and was looked at"


def test_a_slot_does_not_count_while_nobody_could_use_it(clocked: Database) -> None:
    """A daemon would wake up at each slot of an account that is paused, or whose voices another one works."""
    add(clocked, "anna")
    close_slots(clocked, START + MINUTE, state="paused")
    assert next_due(clocked, START) is None
    close_slots(clocked, START + MINUTE, state="open")
    change(clocked, "anna", lease_owner="another", lease_until=START + 2 * MINUTE)
    assert next_due(clocked, START) == START + 2 * MINUTE
