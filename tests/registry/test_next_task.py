"""What an earlier call began is asked for before anything is begun again."""

import pytest

from tests.registry.registry_steps import MINUTE, START, add, answer, change, claim_one, open_account, settle
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import claims
from voicekeeper.registry.database import Database


@pytest.fixture(autouse=True)
def one_voice(database: Database) -> None:
    """One open account with one due voice."""
    open_account(database)
    add(database, "mine")


def test_a_task_that_ended_is_not_asked_for_again(database: Database) -> None:
    """The one under way would never be asked for, and the voice be submitted and paid once more."""
    for number, (task, outcome) in enumerate([("T1", Outcome.TRANSIENT), ("T2", Outcome.AMBIGUOUS)]):
        now = START + number * 5 * MINUTE
        claimed = claim_one(database, now)
        database.call(claims.note_task, claimed, task)
        settle(database, claimed, answer(outcome, task_id=task), now)
    assert claim_one(database, START + 20 * MINUTE).task_id == "T2"


def test_a_task_is_given_up_an_hour_after_it_began(database: Database) -> None:
    """A task that never ends would be asked for again and again until the voice's deadline has passed."""
    asked = []
    for number, minutes in enumerate((0, 30, 59, 60)):
        now = START + minutes * MINUTE
        claimed = claim_one(database, now)
        asked.append(claimed.task_id)
        if claimed.task_id is None:
            database.call(claims.note_task, claimed, f"T{number}")
        settle(database, claimed, answer(Outcome.AMBIGUOUS, task_id=claimed.task_id or f"T{number}"), now)
        change(database, "mine", due_at=now)
    assert asked == [None, "T0", "T0", None]
