"""A voice that cannot be worked is put aside: said once, looked at later, never at the cost of another instance."""

import pytest

from tests.registry.registry_steps import HOUR, START, add, change, claim_one, due, evidence, open_account, voice
from voicekeeper.registry import claims, outbox
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
