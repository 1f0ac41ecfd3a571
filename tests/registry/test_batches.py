"""What concerns all voices of an account is done a batch at a time: a statement over a million would be cut off."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.registry.registry_steps import (
    ACCOUNT,
    HOUR,
    POLICY,
    START,
    account,
    add,
    answer,
    change,
    claim_one,
    everyone,
    open_account,
    settle,
    voice,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.registry import accounts, planning, renewal
from voicekeeper.registry.accounts import Mark
from voicekeeper.registry.database import Database

NAMES = ("anna", "bert", "cora", "dora", "emil")
SHORTER = {ACCOUNT: Mark("shorter", 24 * HOUR)}


@pytest.fixture(autouse=True)
def _two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches of two, so that five voices are many."""
    monkeypatch.setattr(planning, "ASIDE", 2)
    monkeypatch.setattr(renewal, "BATCH", 2)


@contextmanager
def sizes(database: Database) -> Iterator[list[int]]:
    """Yield how many voices each transaction meanwhile has written, and at the end how many its last statement did."""
    found = [0]

    def wrote(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE voices"):
            found[-1] += cursor.rowcount

    listeners = (("after_cursor_execute", wrote), ("commit", lambda _: found.append(0)))
    for name, listener in listeners:
        event.listen(database.engine, name, listener)
    try:
        yield found
    finally:
        for name, listener in listeners:
            event.remove(database.engine, name, listener)


def cut_off(database: Database, monkeypatch: pytest.MonkeyPatch, marks: dict[str, Mark], after: int) -> None:
    """Begin to enter accounts, and die after so many batches."""
    whole, done = renewal.renew_some, list[int]()

    def dying(*given: Any) -> Any:
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(1)
        return whole(*given)

    with monkeypatch.context() as patch:
        patch.setattr(renewal, "renew_some", dying)
        with pytest.raises(KeyboardInterrupt):
            accounts.sync(database, marks)


def aside(database: Database) -> list[bool]:
    """Return which voices are put off, by id."""
    return [found.due_at != START for found in everyone(database)]


def test_what_no_account_can_keep_is_set_aside_a_batch_at_a_time(database: Database) -> None:
    """With a million such rows each sweep would be cut off before any account's first call."""
    add(database, *NAMES, account="unknown")
    add(database, "ours")
    with sizes(database) as written:
        while database.call(planning.set_aside_some, [ACCOUNT], START):
            pass
    assert [size for size in written if size] == [2, 2, 1]
    assert aside(database) == [True] * 5 + [False]


def test_what_was_not_set_aside_in_time_is_found_again(database: Database) -> None:
    """A sweep that dies, or whose round ends, would leave the rest in the way for ever."""
    add(database, *NAMES, account="unknown")
    assert database.call(planning.set_aside_some, [ACCOUNT], START) == ["unknown"]
    assert aside(database) == [True, True, False, False, False]
    assert database.call(planning.set_aside_some, [ACCOUNT], START) == ["unknown"]
    assert aside(database) == [True] * 4 + [False]


def test_a_changed_account_has_its_voices_planned_anew_a_batch_at_a_time(database: Database) -> None:
    """With a million voices a start or a reload with another key or lifetime would be cut off, each time anew."""
    open_account(database)
    add(database, *NAMES)
    with sizes(database) as written:
        accounts.sync(database, SHORTER)
    assert max(written) <= 2 * 2, "two voices, planned anew and with another deadline"
    assert len(written) > 3
    assert {(found.due_at, found.deadline) for found in everyone(database)} == {(None, START + 24 * HOUR)}


@pytest.mark.parametrize("after", range(4))
def test_a_start_that_dies_half_way_is_made_up_for(
    database: Database, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Voices behind the last batch would keep a deadline that is days too late: lost without a warning."""
    open_account(database)
    add(database, *NAMES)
    add(database, "given", deadline=START + 100 * HOUR)
    cut_off(database, monkeypatch, SHORTER, after)
    assert account(database).fingerprint != "shorter", "the next start could not tell that anything is left to do"
    assert database.call(accounts.to_live_anew, {ACCOUNT: 24 * HOUR}, POLICY.lifetime)
    database.call(planning.plan_some, {ACCOUNT: Policy(lifetime=24 * HOUR)}, POLICY)
    accounts.sync(database, SHORTER)
    ends = {found.voice_id: found.deadline for found in everyone(database)}
    assert ends == dict.fromkeys(NAMES, START + 24 * HOUR) | {"given": START + 100 * HOUR}
    assert account(database).fingerprint == "shorter"


@pytest.mark.parametrize("mark", [Mark("mark"), Mark("another", 72 * HOUR)], ids=["taken back", "another one"])
@pytest.mark.parametrize("new", ["new", "known"])
def test_a_start_that_dies_half_way_is_made_up_for_by_one_with_another_lifetime(
    database: Database, monkeypatch: pytest.MonkeyPatch, mark: Mark, new: str
) -> None:
    """Whoever takes a wrong lifetime back would leave it to the voices that have been moved already."""
    if new == "known":
        open_account(database)
    add(database, *NAMES)
    cut_off(database, monkeypatch, SHORTER, 1)
    accounts.sync(database, {ACCOUNT: mark})
    database.call(planning.plan_some, {}, POLICY)
    assert {found.deadline for found in everyone(database)} == {START + mark.lifetime}


def test_an_account_that_was_away_is_made_up_for_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was registered meanwhile would keep the default's deadline where the start that finds it dies."""
    accounts.sync(database, {ACCOUNT: Mark("mark", 72 * HOUR)})
    add(database, *NAMES[:2], deadline=START + 72 * HOUR)
    accounts.sync(database, {})
    add(database, *NAMES[2:])
    cut_off(database, monkeypatch, SHORTER, 2)
    accounts.sync(database, SHORTER)
    assert {found.deadline for found in everyone(database)} == {START + 24 * HOUR}


def test_a_start_goes_on_while_other_instances_plan_what_it_leaves_to_be_planned(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would find the same voices again and again, and never come up."""
    open_account(database)
    add(database, *NAMES)
    whole = renewal.renew_some

    def beside_another(*given: Any) -> Any:
        planning.plan_some(given[0], {}, POLICY)
        return whole(*given)

    monkeypatch.setattr(renewal, "renew_some", beside_another)
    accounts.sync(database, {ACCOUNT: Mark("a new key")})
    assert account(database).fingerprint == "a new key"


def test_voices_that_are_worked_kept_or_anothers_stay_as_they_are(database: Database) -> None:
    """A call under way would be made twice, or a kept voice be planned again."""
    open_account(database, ACCOUNT, "other")
    add(database, "kept", "worked", "failed")
    add(database, "anothers", account="other")
    settle(database, claim_one(database, START), answer(Outcome.KEPT), START)
    claim_one(database, START)
    change(database, "failed", attempts=1, due_at=START + HOUR, last_outcome="transient")
    before = everyone(database)
    accounts.sync(database, {ACCOUNT: Mark("a new key"), "other": Mark("mark")})
    assert everyone(database) == before


@pytest.mark.parametrize("gap", [0, 1_000_000_000])
def test_ids_with_gaps_are_walked_through(database: Database, gap: int) -> None:
    """A cluster gives ids far apart: the walk would take as long as the numbers are large."""
    open_account(database)
    add(database, *NAMES[:3])
    change(database, "cora", id=voice(database, "cora").id + gap)
    with sizes(database) as written:
        accounts.sync(database, {ACCOUNT: Mark("a new key")})
    assert len(written) < 10
    assert {found.due_at for found in everyone(database)} == {None}


def test_what_is_set_aside_comes_back_by_itself(database: Database) -> None:
    """A batch that was put off would be forgotten, or be put off again at once for ever."""
    add(database, *NAMES, account="unknown")
    for _ in range(3):
        database.call(planning.set_aside_some, ["none"], START)
    assert database.call(planning.set_aside_some, ["none"], START + timedelta(minutes=59)) == []
    assert database.call(planning.set_aside_some, ["none"], START + HOUR) == ["unknown"]
