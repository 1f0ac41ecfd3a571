"""Is there anything to do: the cheap questions a sweep, and systemd's condition, ask first."""

from datetime import datetime

import pytest

from tests.registry.registry_steps import (
    ACCOUNT,
    HOUR,
    MINUTE,
    POLICY,
    START,
    add,
    claim_one,
    open_account,
    try_once,
    voice,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent
from voicekeeper.registry import claims, outbox, planning, upcoming
from voicekeeper.registry.database import Database


def busy(database: Database, now: datetime = START) -> bool:
    return database.call(upcoming.anything_to_do, now)


def test_an_empty_registry_has_nothing_to_do(database: Database) -> None:
    """Every minute's run would start in vain."""
    assert not busy(database)


def test_a_kept_voice_leaves_nothing_to_do(database: Database) -> None:
    """Every minute's run would start in vain, or the last alert go untold."""
    open_account(database)
    add(database, "mine")
    assert busy(database)
    try_once(database, Outcome.KEPT, START)
    assert not busy(database, START + 200 * HOUR)


@pytest.mark.parametrize(("intent", "hours"), [(Intent.KEEP, 1), (Intent.HOLD, 96), (Intent.RELEASE, 96)])
def test_what_comes_due_is_something_to_do(database: Database, intent: Intent, hours: int) -> None:
    """A voice would come due, or near its end, and no run would start."""
    add(database, "mine", cloned_at=START + (hours == 1) * HOUR, intent=intent)
    assert not busy(database, START + hours * HOUR - MINUTE)
    assert busy(database, START + hours * HOUR)


def test_an_untold_alert_is_something_to_do(database: Database) -> None:
    """An alarm would wait for the next voice that is due."""
    add(database, "mine", intent=Intent.HOLD)
    while database.call(planning.warn_some, {}, POLICY, START + 100 * HOUR):
        pass
    assert busy(database, START + 100 * HOUR)
    database.call(outbox.told, database.call(outbox.take, START + 100 * HOUR), START + 100 * HOUR, HOUR)
    assert not busy(database, START + 100 * HOUR)


def test_work_held_by_others_is_told_from_none(database: Database) -> None:
    """A run would report that all is done while another instance is at it."""
    open_account(database)
    add(database, "mine")
    assert not database.call(upcoming.held_elsewhere, ACCOUNT, START)
    claimed = claim_one(database, START)
    assert database.call(upcoming.held_elsewhere, ACCOUNT, START)
    assert not database.call(upcoming.held_elsewhere, "other", START)
    database.call(claims.give_back, claimed, START)
    assert voice(database, "mine").lease_owner is None
    assert not database.call(upcoming.held_elsewhere, ACCOUNT, START)
