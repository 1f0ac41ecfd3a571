"""A voice that cannot be worked is put aside: said once, looked at later, never at the cost of another instance."""

import pytest

from tests.registry.registry_steps import (
    ACCOUNT,
    HOUR,
    START,
    account,
    add,
    answer,
    change,
    claim,
    claim_one,
    due,
    evidence,
    open_account,
    settle,
    voice,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import accounts, claims, outbox
from voicekeeper.registry.accounts import Mark
from voicekeeper.registry.database import Database


@pytest.fixture(autouse=True)
def one_voice(database: Database) -> None:
    """One open account with one due voice."""
    open_account(database)
    add(database, "mine")


def test_it_is_said_once_and_looked_at_later(database: Database) -> None:
    """It would be claimed again at once for ever, or be forgotten."""
    for again in range(2):
        now = START + again * HOUR
        database.call(claims.put_aside, claim_one(database, now), "it is impossible", now)
        assert voice(database, "mine").last_error == "it is impossible"
        assert due(database, now) == []
        assert evidence(database, "mine") == [], "no call was made"
    assert len(database.call(outbox.take, START + HOUR)) == 1
    assert len(due(database, START + 2 * HOUR)) == 1


def test_a_lost_lease_moves_nothing(database: Database) -> None:
    """An instance that woke up late would put off what another one works on."""
    claimed = claim_one(database, START, instance="one")
    change(database, "mine", lease_owner="two")
    before = voice(database, "mine")
    database.call(claims.put_aside, claimed, "it is impossible", START)
    assert voice(database, "mine") == before
    assert database.call(outbox.take, START) == []


def test_it_leaves_a_paused_accounts_probe_to_a_voice_that_can_be_called(database: Database) -> None:
    """Probes would go to ids that cannot be, and the account stay paused long after its key was mended."""
    settle(database, claim_one(database, START), answer(Outcome.BLOCKED), START)
    accounts.sync(database, {ACCOUNT: Mark("a new key")})
    add(database, "impossible", "well")
    taken = claim_one(database, START)
    database.call(claims.put_aside, taken, "it is impossible", START)
    assert account(database).probes == taken.account.probes - 1
    again = claim(database, START)
    assert again.probe
    assert again.work[0].voice.voice_id != taken.voice.voice_id


def test_it_gives_no_probe_back_that_another_has_taken_since(database: Database) -> None:
    """A slow instance would have a paused account hammered."""
    settle(database, claim_one(database, START), answer(Outcome.BLOCKED), START)
    accounts.sync(database, {ACCOUNT: Mark("a new key")})
    add(database, "impossible")
    taken = claim_one(database, START)
    accounts.sync(database, {ACCOUNT: Mark("a newer key")})
    before = account(database)
    database.call(claims.put_aside, taken, "it is impossible", START)
    assert account(database) == before
