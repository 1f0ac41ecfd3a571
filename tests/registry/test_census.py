"""Counting in slices: every voice once and every payment once, whoever wrote them."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.registry.registry_steps import ACCOUNT, DAY, HOUR, START, add, change, insert, open_account, try_once, voice
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import census
from voicekeeper.registry.database import Database


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows make several slices."""
    monkeypatch.setattr(census, "SLICE", 4)


def counted(database: Database) -> Counter[tuple[str, Status, Intent]]:
    """Count all slices."""
    found: Counter[tuple[str, Status, Intent]] = Counter()
    after: int | None = 0
    while after is not None:
        stands, after = database.call(census.stands, after)
        for one in stands:
            found[one.account, one.status, one.intent] += one.count
    return found


def paid(database: Database, after: int = 0, until: int | None = None) -> dict[tuple[str, str], Decimal]:
    """Add up all slices."""
    found: Counter[Any] = Counter()
    last: int | None = after
    while last is not None:
        sums, last = database.call(census.paid, last, until)
        found.update(sums)
    return dict(found)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 11])
def test_every_voice_is_counted_once(database: Database, count: int) -> None:
    """A dashboard would miss the voices at the border of two slices, or count them twice."""
    with database.transaction() as connection:
        for number in range(count):
            insert(connection, voice_id=f"v{number}", account="one" if number % 3 else "two")
    assert sum(counted(database).values()) == count
    assert counted(database)["two", Status.WAITING, Intent.KEEP] == len(range(0, count, 3))


def test_gaps_between_ids_end_nothing(database: Database) -> None:
    """Deleted rows would hide what comes after them, or an id far away would be counted up to one by one."""
    with database.transaction() as connection:
        for number in (*range(1, 9), 10**12):
            insert(connection, id=number, voice_id=f"v{number}")
    with database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM voices WHERE id IN (2, 3, 4, 5, 6)")
    assert sum(counted(database).values()) == 4


def test_the_first_deadline_of_each_kind(database: Database) -> None:
    """The metric would tell a deadline of a voice that nobody waits for."""
    add(database, "late", "early", deadline=START + 3 * DAY)
    change(database, "early", deadline=START + DAY)
    add(database, "let-go", deadline=START + HOUR, intent=Intent.RELEASE)
    stands, _ = database.call(census.stands, 0)
    assert {(stand.intent, stand.first_deadline) for stand in stands} == {
        (Intent.KEEP, START + DAY),
        (Intent.KEEP, START + 3 * DAY),
        (Intent.RELEASE, START + HOUR),
    }


def test_the_hours_of_due_times_and_deadlines(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture of the next days would show voices in another hour, or in none."""
    monkeypatch.setattr(census, "SLICE", 40)
    open_account(database)
    add(database, "planned", "twin", deadline=START + DAY + timedelta(minutes=59, seconds=59))
    change(database, "planned", due_at=START + 2 * HOUR + timedelta(microseconds=1))
    change(database, "twin", due_at=START + 3 * HOUR - timedelta(microseconds=1))
    with database.transaction() as connection:
        insert(connection, voice_id="unplanned", cloned_at="2026-03-01 12:00:00")
    add(database, "gone", "kept", deadline=START + DAY, cloned_at=START - DAY)
    change(database, "unplanned", deadline=None, due_at=None)
    change(database, "gone", status="lost")
    change(database, "kept", status="kept", kept_at=START)
    stands, _ = database.call(census.stands, 0)
    hours = {(stand.status, stand.due_hour, stand.deadline_hour): stand.count for stand in stands}
    assert hours == {
        (Status.WAITING, START + 2 * HOUR, START + DAY): 2,
        (Status.WAITING, None, None): 1,
        (Status.LOST, None, START + DAY): 1,
        (Status.KEPT, None, None): 1,
    }


def test_what_was_paid(database: Database) -> None:
    """Spend would be told wrong: failed calls counted, or some of the paid ones not."""
    open_account(database)
    for number in range(9):
        add(database, f"v{number}")
        euros = {"currency": "EUR"} if number % 2 else {"currency": "CNY"}
        try_once(database, Outcome.KEPT, START, price=1.5, **euros)
    add(database, "failed")
    try_once(database, Outcome.REFUSED, START, price=1.5, currency="CNY")
    assert paid(database) == {(ACCOUNT, "CNY"): Decimal("7.5"), (ACCOUNT, "EUR"): Decimal(6)}


def test_what_is_closed_and_what_is_not(database: Database) -> None:
    """A payment at the border would be added twice, or never."""
    open_account(database)
    for number in range(6):
        add(database, f"v{number}", cloned_at=START + number * HOUR)
        try_once(database, Outcome.KEPT, START + number * HOUR, price=1.0, currency="CNY")
    until = database.call(census.settled_until, START + 3 * HOUR)
    assert paid(database, 0, until) == {(ACCOUNT, "CNY"): 3.0}
    assert paid(database, until) == {(ACCOUNT, "CNY"): 3.0}
    assert database.call(census.settled_until, START) == 0
    assert voice(database, "v0").status is Status.KEPT


def test_a_price_without_a_currency(database: Database) -> None:
    """A missing currency would stop the whole count."""
    open_account(database)
    add(database, "v")
    try_once(database, Outcome.KEPT, START, price=2.0)
    assert paid(database) == {(ACCOUNT, ""): 2.0}
