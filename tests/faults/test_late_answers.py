"""Answers that the registry could not take at once: recorded later by the rules, once, and into no other voice."""

from dataclasses import replace
from typing import Any

import pytest

from tests.registry.registry_steps import (
    HOUR,
    MINUTE,
    START,
    account,
    add,
    amount,
    answer,
    change,
    claim_one,
    evidence,
    open_account,
    settle,
    terms,
    voice,
)
from voicekeeper.core import lifecycle
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Status
from voicekeeper.registry import settling
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.settling import Settlement, Written
from voicekeeper.registry.tables import attempts

LATER = START + HOUR


@pytest.fixture(autouse=True)
def one_voice(database: Database) -> None:
    open_account(database)
    add(database, "mine")


def late(database: Database, claimed: Claimed, said: Answer, **changes: Any) -> Written:
    """Record an answer as the spool does."""
    settled = lifecycle.settle(claimed.voice, said, START, account_paused=claimed.account.paused)
    one = Settlement(claimed, settled, said, START, terms(price=9.9, currency="CNY"), late=True)
    (written,) = database.call(settling.settle, [replace(one, **changes)])
    return written


def taken_over(database: Database) -> Claimed:
    """Claim the voice anew, after its lease has run out."""
    change(database, "mine", lease_until=START - 24 * HOUR)
    return claim_one(database, LATER, "two#1")


def outcomes(database: Database) -> list[tuple[Any, Any]]:
    return [(one["outcome"], one["cost"]) for one in evidence(database, "mine")]


def test_a_success_is_recorded(database: Database):
    """A voice that was paid for would be paid again."""
    claimed = claim_one(database, START)
    assert late(database, claimed, answer(Outcome.KEPT)).ours
    assert voice(database, "mine").status is Status.KEPT
    assert outcomes(database) == [("kept", amount(9.9))]


def test_recorded_twice_it_changes_nothing(database: Database):
    """A crash between recording and forgetting would cost the fee once more, or take it away."""
    claimed = claim_one(database, START)
    late(database, claimed, answer(Outcome.KEPT))
    before = voice(database, "mine")
    assert not late(database, claimed, answer(Outcome.KEPT)).ours
    assert voice(database, "mine") == before
    assert outcomes(database) == [("kept", amount(9.9))]


def test_a_failure_moves_no_voice_that_has_passed_on(database: Database):
    """A process that slept would undo what another one is about to do."""
    claimed = claim_one(database, START)
    taken_over(database)
    before = voice(database, "mine")
    assert not late(database, claimed, answer(Outcome.TRANSIENT)).ours
    assert voice(database, "mine") == before
    assert outcomes(database) == [("transient", None), (None, None)], "what came of it is known all the same"


def test_a_success_is_the_truth_whoever_holds_the_voice(database: Database):
    """The voice would be called again although it is kept."""
    claimed = claim_one(database, START)
    taken_over(database)
    assert late(database, claimed, answer(Outcome.KEPT)).ours
    assert voice(database, "mine").status is Status.KEPT


def test_the_fee_is_counted_once(database: Database):
    """Two calls with one voice cost its fee once; a budget would run out at half."""
    claimed = claim_one(database, START)
    other = taken_over(database)
    settle(database, other, answer(Outcome.KEPT), LATER, price=9.9, currency="CNY")
    late(database, claimed, answer(Outcome.KEPT))
    assert outcomes(database) == [("kept", None), ("kept", amount(9.9))]


def test_the_fee_is_counted_once_where_an_instance_slept_during_its_call(database: Database):
    """It wakes with an answer that is not late by its own clock: the voice would cost two fees."""
    claimed = claim_one(database, START)
    settle(database, taken_over(database), answer(Outcome.KEPT), LATER, price=9.9, currency="CNY")
    settle(database, claimed, answer(Outcome.KEPT), LATER + MINUTE, price=9.9, currency="CNY")
    assert outcomes(database) == [("kept", None), ("kept", amount(9.9))]


def test_the_fee_of_a_voice_that_only_the_list_has_shown_is_counted(database: Database):
    """A late answer would come to a voice that is kept, and what was paid for it be nowhere."""
    claimed = claim_one(database, START)
    database.call(settling.write, [lifecycle.listed(claimed.voice, LATER)], LATER)
    late(database, claimed, answer(Outcome.KEPT))
    assert outcomes(database) == [("kept", amount(9.9))]


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED, Outcome.THROTTLED])
def test_an_old_answer_says_nothing_of_the_account(database: Database, outcome: Outcome):
    """An hour after the balance was filled up, its account would be paused again."""
    before = account(database)
    late(database, claim_one(database, START), answer(outcome))
    assert account(database) == replace(before, slot_at=account(database).slot_at)


def test_an_attempt_that_a_failover_forgot_is_entered_again(database: Database):
    """What was paid would be missing in `spend`, and no budget hold."""
    claimed = claim_one(database, START)
    with database.transaction() as connection:
        connection.execute(attempts.delete())
    late(database, claimed, answer(Outcome.KEPT, task_id="t-1"))
    (one,) = evidence(database, "mine")
    assert (one["outcome"], one["cost"], one["instance"], one["task_id"]) == ("kept", amount(9.9), "one", "t-1")
    assert voice(database, "mine").status is Status.KEPT


def test_another_call_under_the_same_number_is_left_alone(database: Database):
    """A standby that lagged gives numbers out again: somebody else's call would be closed with our answer."""
    claimed = claim_one(database, START)
    add(database, "other")
    change(database, "other", due_at=START)
    theirs = claim_one(database, START + MINUTE, "three#1")
    late(database, replace(claimed, attempt=theirs.attempt), answer(Outcome.KEPT))
    assert [one["outcome"] for one in evidence(database, "other")] == [None]
    assert voice(database, "other").status is Status.WAITING


def test_another_voice_under_the_same_number_is_not_touched(database: Database):
    """In a registry that was restored from elsewhere, a voice would count as kept that never was, and be lost."""
    claimed = claim_one(database, START)
    change(database, "mine", voice_id="somebody-else")
    written = late(database, claimed, answer(Outcome.KEPT))
    assert (written.ours, written.known) == (False, False)
    assert voice(database, "somebody-else").status is Status.WAITING
    assert [one["outcome"] for one in evidence(database, "somebody-else")] == [None]
