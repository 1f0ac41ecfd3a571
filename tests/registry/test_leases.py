"""Claiming and settling: a voice is one instance's at a time, and every call leaves its evidence."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.databases import HandClock
from tests.registry.registry_steps import (
    HOUR,
    MINUTE,
    POLICY,
    START,
    add,
    amount,
    answer,
    change,
    claim,
    claim_one,
    due,
    evidence,
    open_account,
    open_attempts,
    settle,
    terms,
    try_once,
    voice,
)
from voicekeeper.core import lifecycle
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import claims, outbox, planning, settling, voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.settling import Settlement
from voicekeeper.registry.tables import attempts

OVER = timedelta(seconds=-1)  # a lease that has run out as soon as it is given


@pytest.fixture(autouse=True)
def one_voice(database: Database) -> None:
    """One open account with one due voice."""
    open_account(database)
    add(database, "mine")


def test_the_attempt_is_written_before_the_call(database: Database) -> None:
    """A call that ends with the machine would leave no trace, and be paid twice."""
    claimed = claim_one(database, START, instance="one", model="speech-x")
    (attempt,) = evidence(database, "mine")
    assert attempt["id"] == claimed.attempt
    assert (attempt["instance"], attempt["model"], attempt["started_at"]) == ("one", "speech-x", START)
    assert attempt["finished_at"] is attempt["outcome"] is None
    assert voice(database, "mine").lease_owner == "one"


def test_a_claimed_voice_is_nobody_elses(database: Database) -> None:
    """Two instances would call the same voice."""
    ids = due(database, START)
    assert len(database.call(claims.claim, terms(), ids, 10, START, "one").work) == 1
    assert due(database, START) == []
    assert not database.call(claims.claim, terms(), ids, 10, START, "two").work


def test_what_others_hold_is_passed_over(database: Database) -> None:
    """Of two instances that have read the same list, one would find its front taken again and again."""
    add(database, *(f"v{n}" for n in range(9)))
    ids = due(database, START)
    one, two = (database.call(claims.claim, terms(), ids, 3, START, name) for name in ("one", "two"))
    assert [claimed.voice.id for claimed in (*one.work, *two.work)] == ids[:6]
    assert list(two.untouched) == ids[6:]


def test_a_voice_that_changed_since_it_was_listed_is_not_claimed(database: Database) -> None:
    """A voice put on hold a moment ago would still be paid for."""
    ids = due(database, START)
    database.call(voices.decide, voice(database, "mine"), Intent.HOLD, START)
    assert not database.call(claims.claim, terms(), ids, 10, START, "one").work


def test_work_comes_in_the_order_it_was_asked_for(database: Database) -> None:
    """The first slot would go to a voice that has time."""
    add(database, "hurried", cloned_at=START - HOUR)
    assert [one.voice.voice_id for one in claim(database, START).work] == ["hurried", "mine"]


def test_a_settled_voice_is_kept_and_free(database: Database) -> None:
    """A success would be forgotten, or the voice stay locked."""
    claimed = claim_one(database, START)
    said = answer(Outcome.KEPT, code="0", http_status=200, trace_id="trace", task_id="task", characters=3)
    settle(database, claimed, said, START + MINUTE, price=9.9, currency="CNY")
    mine = voice(database, "mine")
    assert (mine.status, mine.kept_at, mine.attempts) == (Status.KEPT, START + MINUTE, 1)
    assert (mine.lease_owner, mine.lease_until, mine.last_error) == (None, None, None)
    (attempt,) = evidence(database, "mine")
    assert (attempt["outcome"], attempt["finished_at"]) == ("kept", START + MINUTE)
    assert (attempt["provider_code"], attempt["http_status"]) == ("0", 200)
    assert (attempt["trace_id"], attempt["task_id"], attempt["characters"]) == ("trace", "task", 3)
    assert (attempt["cost"], attempt["currency"]) == (amount(9.9), "CNY")


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.KEPT])
def test_nothing_but_a_keep_costs(database: Database, outcome: Outcome) -> None:
    """A failed call would use up the budget."""
    try_once(database, outcome, START, price=9.9, currency="CNY")
    (attempt,) = evidence(database, "mine")
    assert attempt["outcome"] == outcome
    assert attempt["cost"] is attempt["currency"] is None
    assert voice(database, "mine").lease_owner is None


@pytest.mark.parametrize("text", ["long " * 2000, "nul \0 inside", "half a pair \ud83d", "😀" * 2000])
def test_no_words_of_a_provider_keep_an_answer_from_being_recorded(database: Database, text: str) -> None:
    """A provider's odd message would fail to be stored, and the answer with it."""
    for outcome in (Outcome.NOT_FOUND, Outcome.BLOCKED):
        said = Answer(outcome=outcome, message=text, code=text, trace_id=text, task_id=text)
        settle(database, claim_one(database, START), said, START)
        change(database, "mine", due_at=START)
    assert [attempt["outcome"] for attempt in evidence(database, "mine")] == ["not_found", "blocked"]


def test_a_task_outlives_the_instance_that_began_it(database: Database) -> None:
    """The task would be begun a second time, and paid a second time."""
    for ending in ("dies", "is stopped"):
        claimed = claim_one(database, START, lease=OVER)
        database.call(claims.note_task, claimed, f"task of one that {ending}")
        if ending == "is stopped":
            settle(database, claimed, answer(Outcome.AMBIGUOUS), START)
            change(database, "mine", due_at=START)
        again = claim_one(database, START + MINUTE)
        assert again.task_id == f"task of one that {ending}"
        settle(database, again, answer(Outcome.TRANSIENT), START + MINUTE)
        change(database, "mine", due_at=START)
        with database.transaction() as connection:
            connection.execute(attempts.update().values(task_id=None))


def test_a_doubt_outlives_a_claim_that_is_given_back(database: Database) -> None:
    """The list would not be asked, nor the task that is under way: the call would be made twice, and paid twice."""
    dead = claim_one(database, START, lease=OVER)
    database.call(claims.note_task, dead, "task of one that died")
    asleep = claim_one(database, START, lease=OVER)
    database.call(claims.give_back, asleep, START)
    again = claim_one(database, START)
    assert (again.voice.last_outcome, again.task_id) == (Outcome.AMBIGUOUS, "task of one that died")


def test_a_doubt_outlives_a_deadline_on_hold(database: Database) -> None:
    """Tried once more, the voice would be called without a look at the list, and its first call be open for ever."""
    dead = claim_one(database, START + 168 * HOUR - MINUTE, lease=OVER)
    database.call(claims.note_task, dead, "task of one that died")
    database.call(voices.decide, voice(database, "mine"), Intent.HOLD, START + 168 * HOUR - MINUTE)
    (gone,) = database.call(planning.expire_some, START + 168 * HOUR)
    assert (gone.status, gone.last_error) == (Status.LOST, "held past its deadline")
    database.call(voices.retry, voice(database, "mine"), POLICY, START + 168 * HOUR)
    again = claim_one(database, START + 168 * HOUR)
    assert (again.voice.last_outcome, again.task_id) == (Outcome.AMBIGUOUS, "task of one that died")


def test_a_call_never_made_leaves_nothing_behind(database: Database) -> None:
    """A claim given back would count as a call, or keep the voice locked."""
    claimed = claim_one(database, START)
    database.call(claims.give_back, claimed, START)
    assert evidence(database, "mine") == []
    assert voice(database, "mine").lease_owner is None
    assert len(due(database, START)) == 1


def test_a_late_give_back_does_not_free_another_instances_lease(database: Database) -> None:
    """A slow instance would free the voice that another is calling."""
    slow = claim_one(database, START, instance="slow", lease=OVER)
    claim_one(database, START, instance="quick")
    database.call(claims.give_back, slow, START)
    assert voice(database, "mine").lease_owner == "quick"
    assert [attempt["outcome"] for attempt in evidence(database, "mine")] == ["ambiguous", None]


def test_a_lease_runs_out_by_itself(clocked: Database, clock: HandClock) -> None:
    """A voice of a dead instance would stay locked until it is lost."""
    open_account(clocked)
    claim_one(clocked, START, instance="dead", lease=MINUTE)
    clock.move(MINUTE - timedelta(microseconds=1))
    assert due(clocked, START) == []
    clock.move(timedelta(microseconds=1))
    assert len(due(clocked, START)) == 1


def test_a_dead_instances_call_counts_as_ambiguous(database: Database) -> None:
    """A call that may have been paid would be repeated without a look at the provider's list."""
    claim_one(database, START, instance="dead", lease=OVER)
    taken = claim_one(database, START + MINUTE, instance="alive")
    assert taken.voice.last_outcome == Outcome.AMBIGUOUS
    first, second = evidence(database, "mine")
    assert (first["outcome"], first["finished_at"]) == ("ambiguous", START + MINUTE)
    assert (second["instance"], second["outcome"]) == ("alive", None)


def test_the_answer_of_a_lost_lease_is_evidence_only(database: Database) -> None:
    """A slow instance's failure would overwrite what the present one does."""
    slow = claim_one(database, START, instance="slow", lease=OVER)
    claim_one(database, START, instance="quick")
    settle(database, slow, answer(Outcome.TRANSIENT), START + MINUTE)
    mine = voice(database, "mine")
    assert (mine.lease_owner, mine.attempts, mine.due_at) == ("quick", 0, START)
    assert [attempt["outcome"] for attempt in evidence(database, "mine")] == ["transient", None]


def test_a_success_is_the_truth_even_after_the_lease_was_lost(database: Database) -> None:
    """A voice that is paid and kept would be called again."""
    slow = claim_one(database, START, instance="slow", lease=OVER)
    quick = claim_one(database, START, instance="quick")
    settle(database, slow, answer(Outcome.KEPT), START + MINUTE)
    assert voice(database, "mine").status is Status.KEPT
    settle(database, quick, answer(Outcome.TRANSIENT), START + 2 * MINUTE)
    mine = voice(database, "mine")
    assert (mine.status, mine.kept_at) == (Status.KEPT, START + MINUTE)
    assert [attempt["outcome"] for attempt in evidence(database, "mine")] == ["kept", "transient"]


def test_the_first_of_two_successes_stands(database: Database) -> None:
    """The time at which a voice was kept would move, and with it the proof of who was first."""
    slow = claim_one(database, START, instance="slow", lease=OVER)
    quick = claim_one(database, START, instance="quick")
    settle(database, quick, answer(Outcome.KEPT), START + MINUTE)
    settle(database, slow, answer(Outcome.KEPT), START + 2 * MINUTE)
    assert voice(database, "mine").kept_at == START + MINUTE


@pytest.mark.parametrize("late", [Outcome.KEPT, Outcome.TRANSIENT])
@pytest.mark.parametrize("first", ["slow", "quick"])
def test_two_answers_of_one_voice_that_are_written_together(database: Database, late: Outcome, first: str) -> None:
    """Whoever slept during a call and made another would book two fees, or take back what was kept."""
    cost = {"price": 9.9, "currency": "CNY"}
    slow = claim_one(database, START, instance="slow", lease=OVER, **cost)
    quick = claim_one(database, START, instance="quick", **cost)
    both = [settlement(slow, late, **cost), settlement(quick, Outcome.KEPT, **cost)]
    database.call(settling.settle, both if first == "slow" else both[::-1])
    assert voice(database, "mine").status is Status.KEPT
    assert [one["cost"] for one in evidence(database, "mine") if one["cost"]] == [amount(9.9)]


def settlement(claimed: Claimed, outcome: Outcome, **changes: Any) -> Settlement:
    """Return what is to be written of a call, a minute after the start."""
    said, now = answer(outcome), START + MINUTE
    settled = lifecycle.settle(claimed.voice, said, now, account_paused=False)
    return Settlement(claimed, settled, said, now, terms(**changes))


def test_the_lease_outlives_no_longer_than_it_says(database: Database) -> None:
    """An instance would call a voice that is somebody else's by then."""
    assert claim_one(database, START, lease=5 * MINUTE).until == START + 5 * MINUTE


def test_a_lost_voice_raises_its_alert_with_its_state(database: Database) -> None:
    """A voice would be lost without a word."""
    claimed = claim_one(database, START + 169 * HOUR)
    settle(database, claimed, answer(Outcome.NOT_FOUND), START + 169 * HOUR)
    assert voice(database, "mine").status is Status.LOST
    assert [alert.title for alert in database.call(outbox.take, START + 169 * HOUR)] == ["Voice main/mine is lost"]


def test_a_failed_settlement_leaves_everything_as_it_was(database: Database) -> None:
    """Half a settlement would be written: evidence without its voice, or an alert without its cause."""
    claimed = claim_one(database, START + 169 * HOUR)
    said = answer(Outcome.NOT_FOUND)
    settled = lifecycle.settle(claimed.voice, said, START + 169 * HOUR, account_paused=False)

    def interrupted(connection: Connection) -> None:
        settling.settle(connection, [Settlement(claimed, settled, said, START + 169 * HOUR, terms())])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.call(interrupted)
    with database.transaction() as connection:
        assert open_attempts(connection) == 1
    assert voice(database, "mine").status is Status.WAITING
    assert database.call(outbox.open_alerts) == []
