"""What another program may write into the registry with plain SQL, and what the database itself refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError

from tests.registry.registry_steps import (
    ACCOUNT,
    HOUR,
    POLICY,
    START,
    claim_one,
    due,
    everyone,
    insert,
    open_account,
    voice,
)
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Intent, Origin, Status
from voicekeeper.registry import accounts, planning
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import alerts

REFUSED = (IntegrityError, DataError, RegistryUnavailable)
KEPT_AT = {"kept_at": "2026-03-01 13:00:00"}


def test_three_columns_are_enough(database: Database) -> None:
    """Another program's plain INSERT would not become a voice that is kept."""
    open_account(database)
    with database.transaction() as connection:
        insert(connection)
    assert database.call(planning.plan_some, {}, POLICY) == 1
    claimed = claim_one(database, START)
    assert claimed.voice.name == f"{ACCOUNT}/theirs"
    assert claimed.voice.deadline == START + 168 * HOUR


def test_the_defaults_are_the_contract(database: Database) -> None:
    """A column's default in the database would differ from what the contract promises."""
    with database.transaction() as connection:
        insert(connection)
    theirs = voice(database, "theirs")
    assert (theirs.label, theirs.origin, theirs.intent) == ("", Origin.CLONE, Intent.KEEP)
    assert (theirs.priority, theirs.status, theirs.attempts) == (0, Status.WAITING, 0)
    empty = (theirs.deadline, theirs.due_at, theirs.warn_at, theirs.last_outcome, theirs.kept_at, theirs.lease_owner)
    assert set(empty) == {None}
    assert theirs.created_at is not None
    assert abs(theirs.created_at - datetime.now(UTC)) < HOUR


def test_a_name_that_is_anothers_to_the_database_is_so_altogether(database: Database) -> None:
    """MariaDB and MySQL take "main " for "main": it was called as that one, and planned as nobody's: lost unwarned."""
    short = Policy(lifetime=48 * HOUR)
    accounts.sync(database, {ACCOUNT: accounts.Mark("mark", short.lifetime)})
    with database.transaction() as connection:
        insert(connection, account=f"{ACCOUNT} ")
        same = connection.execute(text("SELECT 'main ' = name FROM accounts")).scalar_one()
    database.call(planning.plan_some, {ACCOUNT: short}, POLICY)
    theirs = voice(database, "theirs")
    if same:
        assert (theirs.account, theirs.deadline) == (ACCOUNT, START + short.lifetime)
        assert database.call(planning.set_aside_some, [ACCOUNT], START) == []
        assert due(database, START) == [theirs.id]
    else:
        assert database.call(planning.set_aside_some, [ACCOUNT], START) == [f"{ACCOUNT} "]
        assert due(database, START) == []


def test_a_given_deadline_stands(database: Database) -> None:
    """An owner's own deadline would be overwritten by the usual lifetime."""
    with database.transaction() as connection:
        insert(connection, deadline="2026-03-02 00:00:00")
    database.call(planning.plan_some, {}, POLICY)
    assert voice(database, "theirs").deadline == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "values",
    [
        {"status": "keeping"},
        {"status": ""},
        {"status": "Waiting"},
        {"intent": "maybe"},
        {"origin": "robbery"},
        {"last_outcome": "fine"},
        {"account": ""},
        {"voice_id": ""},
        {"voice_id": "v" * 257},
        {"attempts": -1},
        {"streak": -1},
        {"attempts": "many"},
        {"priority": "high"},
        {"cloned_at": "some day"},
        {"cloned_at": ""},
        {"cloned_at": "0000-00-00 00:00:00"},
        {"cloned_at": "2026-02-30 12:00:00"},
        {"cloned_at": "2026-03-01 25:00:00"},
        {"cloned_at": "1970-01-01 00:00:00"},
        {"cloned_at": "2999-01-01 00:00:00"},
        {"deadline": "2026-03-01 12:00:00"},
        {"deadline": "2026-02-28 00:00:00"},
        {"deadline": "2300-01-01 00:00:00"},
        {"due_at": "2026-03-01 12:00:00"},
        {"deadline": "2026-03-08 12:00:00", "due_at": "1970-01-01 00:00:00"},
        {"warn_at": "9999-12-31 23:59:59"},
        {"status": "kept"},
        {"status": "kept", "kept_at": "1970-01-01 00:00:00"},
        {"verified_at": "1970-01-01 00:00:00"},
        {"created_at": "1970-01-01 00:00:00"},
        {"updated_at": "9999-12-31 23:59:59"},
        {"lease_owner": "somebody"},
        {"lease_until": "2026-03-01 12:00:00"},
        {"account": None},
        {"voice_id": None},
        {"cloned_at": None},
        {"label": None},
    ],
    ids=str,
)
def test_the_database_refuses_what_cannot_be(database: Database, values: dict[str, Any]) -> None:
    """Another program could write a row that stops every sweep."""
    with pytest.raises(REFUSED), database.transaction() as connection:
        insert(connection, **values)
    assert everyone(database) == []


@pytest.mark.parametrize("values", [{"status": "lost"}, {"status": "kept", **KEPT_AT}, {"intent": "hold"}], ids=str)
def test_the_database_takes_what_can_be(database: Database, values: dict[str, Any]) -> None:
    """The checks would refuse what the contract allows."""
    with database.transaction() as connection:
        insert(connection, **values)
    assert len(everyone(database)) == 1


def test_an_attempt_needs_its_voice_and_both_halves_of_its_end(database: Database) -> None:
    """Evidence could stand without its voice, or with an outcome that was never finished."""
    open_account(database)
    with database.transaction() as connection:
        insert(connection)
    known = voice(database, "theirs").id
    attempt = {"instance": "them", "started_at": "2026-03-01 12:00:00"}
    for values in ({"voice": known + 1}, {"voice": known, "outcome": "kept"}, {"voice": known, "outcome": "fine"}):
        with pytest.raises(REFUSED), database.transaction() as connection:
            insert(connection, "attempts", **attempt | values)


def test_an_account_and_an_alert_have_only_known_states(database: Database) -> None:
    """An account could stand in a state that nothing reads."""
    told = {"key": "k", "title": "t", "body": "b", "opened_at": START, "next_at": START}
    with pytest.raises(REFUSED), database.transaction() as connection:
        insert(connection, "accounts", name="odd", state="half open")
    with pytest.raises(REFUSED), database.transaction() as connection:
        connection.execute(alerts.insert().values(severity="loud", **told))


def test_names_that_differ_in_case_are_two_voices(database: Database) -> None:
    """MariaDB's usual collation would take one voice for the other and lose it."""
    with database.transaction() as connection:
        for name in ("anna", "Anna", "ANNA"):
            insert(connection, voice_id=name)
        insert(connection, account="Main", voice_id="anna")
    assert [found.voice_id for found in everyone(database)] == ["anna", "Anna", "ANNA", "anna"]
    assert [found.account for found in [voice(database, "Main/anna")]] == ["Main"]


def test_the_same_name_twice_is_refused(database: Database) -> None:
    """One voice could be kept twice, and paid twice."""
    with database.transaction() as connection:
        insert(connection)
    with pytest.raises(IntegrityError), database.transaction() as connection:
        insert(connection)


def test_a_time_keeps_its_microseconds_and_its_zone(database: Database) -> None:
    """A deadline would move by up to a second, or by hours, between writing and reading."""
    exact = datetime(2026, 3, 1, 12, 34, 56, 123456, tzinfo=UTC)
    with database.transaction() as connection:
        insert(connection)
        connection.execute(text("UPDATE voices SET kept_at = '2026-03-01 12:34:56.123456'"))
    kept_at = voice(database, "theirs").kept_at
    assert kept_at == exact
    assert kept_at is not None
    assert kept_at.tzinfo is UTC
