"""Nothing ever spends beyond a budget, calls under way included; days and months are those of the account's zone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
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
    settle,
    terms,
    try_once,
    voice,
)
from voicekeeper.core.money import Span
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Status
from voicekeeper.registry import spending
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.spending import Spent, Terms
from voicekeeper.registry.tables import attempts

MIDNIGHT = datetime.combine(START.date() + DAY, datetime.min.time(), START.tzinfo)


@pytest.fixture(autouse=True)
def ten_voices(database: Database) -> None:
    """One open account with ten due voices."""
    open_account(database, ACCOUNT, "other")
    add(database, *(f"v{n}" for n in range(10)))


def committed(database: Database, since: datetime, **money: Any) -> Decimal:
    return database.call(spending.committed, terms(**money), since, START + HOUR)[0]


@pytest.mark.parametrize(
    ("money", "granted"),
    [
        ({"price": 9.9, "budget_per_day": 29.7}, 3),
        ({"price": 9.9, "budget_per_day": 29.69}, 2),
        ({"price": 0.1, "budget_per_day": 0.3}, 3),
        ({"price": 9.9, "budget_per_month": 19.8}, 2),
        ({"price": 9.9, "budget_per_day": 99.0, "budget_per_month": 9.9}, 1),
        ({"price": 9.9, "budget_per_day": 9.8}, 0),
        ({"price": 9.9, "budget_per_day": 0.0}, 0),
        ({"price": 9.9}, 10),
        ({"price": 0.0, "budget_per_day": 0.0}, 10),
        ({"budget_per_day": 1.0}, 10),
        ({"price": 9.9, "per_10k": 2.0, "budget_per_day": 29.7018}, 3),
        ({"price": 9.9, "per_10k": 2.0, "budget_per_day": 29.701799}, 2),
        ({"per_10k": 2.0, "budget_per_day": 0.0012}, 2),
    ],
    ids=str,
)
def test_claims_stop_at_the_budget(database: Database, money: dict[str, Any], granted: int) -> None:
    """More would be called than the owner pays for, or fewer."""
    claimed = claim(database, START, **money)
    assert len(claimed.work) == granted
    assert (claimed.stopped == "its budget is spent") == (granted == 0)


def test_what_the_budget_stops_is_left_untouched(database: Database) -> None:
    """A voice beyond the budget would be locked, or written down as called."""
    claimed = claim(database, START, price=9.9, budget_per_day=29.7)
    assert len(claimed.untouched) == 7
    assert claim(database, START, price=9.9, budget_per_day=29.7).stopped
    assert committed(database, START, price=9.9) == amount(29.7)


def test_a_call_under_way_counts_as_paid_until_it_fails(database: Database) -> None:
    """Calls side by side would each find the budget unspent."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9}
    claimed = claim_one(database, START, **money)
    assert claim(database, START, **money).stopped
    settle(database, claimed, answer(Outcome.TRANSIENT), START, **money)
    assert len(claim(database, START, **money).work) == 1


def test_a_call_whose_answer_was_lost_counts_as_paid_once(database: Database) -> None:
    """What was billed without anybody having been told would be spent a second time."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 19.8}
    try_once(database, Outcome.AMBIGUOUS, START, **money)
    assert committed(database, START, **money) == amount(9.9)
    try_once(database, Outcome.AMBIGUOUS, START, **money)
    assert committed(database, START, **money) == amount(19.8)
    assert claim(database, START, **money).stopped
    again = claim_one(database, START + 4 * MINUTE, price=9.9)
    assert committed(database, START, **money) == amount(19.8), "the same voice pays one fee"
    settle(database, again, answer(Outcome.KEPT), START + 4 * MINUTE, price=9.9)
    assert committed(database, START, **money) == amount(19.8)


def test_a_voice_in_doubt_is_called_again_though_the_budget_is_spent(database: Database) -> None:
    """Its own fee, which is counted already, would keep it from its second call, and it would be lost."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9}
    try_once(database, Outcome.AMBIGUOUS, START, **money)
    change(database, "v5", deadline=START + HOUR)
    later = START + 4 * MINUTE
    assert due(database, later)[0] != 1, "others are before it in line, and may not be called"
    (again,) = claim(database, later, **money).work
    assert again.voice.voice_id == "v0"
    assert claim(database, later, **money).stopped, "it is being called"
    settle(database, again, answer(Outcome.KEPT), later, **money)
    assert committed(database, START, **money) == amount(9.9)
    assert claim(database, later, **money).stopped


def test_a_voice_in_doubt_needs_a_budget_on_another_day(database: Database) -> None:
    """A call that is billed today would be paid from yesterday's budget."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9, "budget_per_month": 99.0}
    try_once(database, Outcome.AMBIGUOUS, START, **money)
    change(database, "v5", deadline=START + 2 * DAY)
    try_once(database, Outcome.KEPT, START + DAY, **money)
    assert voice(database, "v5").status is Status.KEPT, "the one in doubt waits still"
    assert claim(database, START + DAY + HOUR, **money).stopped


def test_a_new_day_brings_a_new_budget_but_the_same_month(database: Database) -> None:
    """Yesterday's spend would be forgotten in the month, or held against today."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9, "budget_per_month": 19.8}
    try_once(database, Outcome.KEPT, MIDNIGHT - timedelta(seconds=1), **money)
    assert claim(database, MIDNIGHT - timedelta(seconds=1), **money).stopped
    try_once(database, Outcome.KEPT, MIDNIGHT, **money)
    assert claim(database, MIDNIGHT + DAY, **money).stopped
    next_month = datetime(2026, 4, 1, tzinfo=START.tzinfo)
    assert len(claim(database, next_month, **money).work) == 1


def test_each_account_spends_its_own_budget(database: Database) -> None:
    """One account's spend would stop another's voices."""
    add(database, "theirs", account="other")
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9}
    try_once(database, Outcome.KEPT, START, **money)
    assert len(claim(database, START, account="other", **money).work) == 1


def test_spend_is_the_sum_over_recorded_keeps(database: Database) -> None:
    """What was paid at an earlier price would be counted at today's."""
    for price in (9.9, 1.1):
        try_once(database, Outcome.KEPT, START, price=price)
    assert committed(database, START - HOUR, price=5.0) == amount(11.0)
    assert committed(database, START + HOUR, price=5.0) == 0


def test_sums_are_exact(database: Database) -> None:
    """A budget would let one voice too many through, or one too few, once enough tenths had been added up."""
    money: dict[str, Any] = {"price": 0.1, "per_10k": 0.01, "budget_per_day": 1.00003}
    for number in range(9):
        try_once(database, Outcome.KEPT, START + timedelta(seconds=number), **money)
    assert committed(database, START, **money) == Decimal("0.900027")
    assert len(claim(database, START + MINUTE, **money).work) == 1


def test_what_is_set_aside_is_booked_or_given_back(database: Database) -> None:
    """Money would stay set aside for calls that are over, or be spent twice while they last."""
    money: dict[str, Any] = {"price": 9.9, "per_10k": 2.0, "budget_per_day": 99.0}
    expected = {Outcome.KEPT: "9.9008", Outcome.TRANSIENT: "0", Outcome.REFUSED: "0", Outcome.AMBIGUOUS: "9.9006"}
    for outcome, left in expected.items():
        before = committed(database, START, **money)
        claimed = claim_one(database, START, **money)
        assert committed(database, START, **money) - before == Decimal("9.9006")
        settle(database, claimed, answer(outcome, characters=4), START, **money)
        assert committed(database, START, **money) - before == Decimal(left), outcome
        (attempt,) = evidence(database, claimed.voice.voice_id)
        assert attempt["reserved"] == (Decimal("9.9006") if outcome is Outcome.AMBIGUOUS else None)


def test_a_new_price_does_not_change_what_was_set_aside(database: Database) -> None:
    """A restart with another price would overrun the budget by the calls under way."""
    claim_one(database, START, price=9.9)
    assert committed(database, START, price=1.0) == amount(9.9)


@pytest.mark.parametrize(
    ("zone", "spent_at", "opens_at"),
    [
        ("Asia/Shanghai", "2026-03-01T15:59:59", "2026-03-01T16:00:00"),
        ("America/Los_Angeles", "2026-03-08T08:00:00", "2026-03-09T07:00:00"),
        ("America/Los_Angeles", "2026-11-01T07:00:00", "2026-11-02T08:00:00"),
        ("Africa/Cairo", "2026-04-23T21:59:59", "2026-04-23T22:00:00"),
        ("Pacific/Kiritimati", "2028-02-29T09:59:59", "2028-02-29T10:00:00"),
    ],
    ids=["offset", "clocks go forward", "clocks go back", "a midnight that is skipped", "leap day"],
)
def test_a_day_is_the_accounts_own(database: Database, zone: str, spent_at: str, opens_at: str) -> None:
    """Money would be spent twice on the owner's day, or not at all on a day when the clocks change."""
    spent, opens = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (spent_at, opens_at))
    for number in range(10):
        change(database, f"v{number}", due_at=START - DAY)
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9, "zone": zone}
    try_once(database, Outcome.KEPT, spent, **money)
    assert claim(database, opens - timedelta(microseconds=1), **money).stopped
    (day,) = database.call(spending.standing, terms(**money), spent).values()
    assert (day.left, day.until) == (Decimal(), opens)
    assert len(claim(database, opens, **money).work) == 1


def test_a_month_ends_by_the_accounts_clock(database: Database) -> None:
    """The last hours of a month would be paid from the next one's budget."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_month": 9.9, "zone": "Asia/Shanghai"}
    end = datetime(2028, 2, 29, 16, tzinfo=UTC)
    try_once(database, Outcome.KEPT, end - timedelta(seconds=1), **money)
    assert claim(database, end - timedelta(microseconds=1), **money).stopped
    assert len(claim(database, end, **money).work) == 1


def test_a_call_that_ends_while_the_budget_is_added_up_is_counted(database: Database) -> None:
    """It would be neither under way any more nor paid yet, and its money be spent twice."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9}
    under_way = [claim_one(database, START, **money)]

    def end_it(*_: object) -> None:
        while under_way and not database.is_sqlite:  # which lets nobody write meanwhile
            settle(database, under_way.pop(), answer(Outcome.KEPT), START, **money)

    event.listen(database.engine, "after_cursor_execute", end_it)
    try:
        assert committed(database, START, **money) == amount(9.9)
    finally:
        event.remove(database.engine, "after_cursor_execute", end_it)


def _anew(connection: Connection, own: Terms, now: datetime) -> Mapping[Span, Spent]:
    """Add up the budgets as a process that has just begun."""
    return spending.standing(connection.execution_options(remembered={}), own, now)


def test_what_is_remembered_is_what_would_be_added_up_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that runs for a month would spend more, or less, than one that has just begun."""
    monkeypatch.setattr(spending, "_NEWEST", 3)
    money: dict[str, Any] = {"price": 9.9, "per_10k": 2.0, "budget_per_day": 9999.0, "budget_per_month": 9999.0}
    add(database, *(f"more{n}" for n in range(40)))
    random = Random(5)  # noqa: S311 - not for secrets: it has to come out the same again
    under_way, late = list[Claimed](), list[Claimed]()
    for step in range(60):
        now = START + step * MINUTE
        under_way.append(claim_one(database, now, **money))
        if random.random() < 0.7:
            one = under_way.pop(random.randrange(len(under_way)))
            outcome = random.choice([Outcome.KEPT, Outcome.KEPT, Outcome.TRANSIENT, Outcome.AMBIGUOUS])
            settle(database, one, answer(outcome, characters=step), now, **money)
            late += [one] if outcome is Outcome.AMBIGUOUS else []
        if late and random.random() < 0.2:
            settle(database, late.pop(0), answer(Outcome.KEPT), now, **money)
        known = database.call(spending.standing, terms(**money), START + 2 * HOUR)
        assert known == database.call(_anew, terms(**money), START + 2 * HOUR)
        assert bool(known[Span.DAY].committed)


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])  # SQLite lets one write at a time
def test_a_call_that_is_written_late_counts_though_others_were_remembered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt with a lower id would never be added up, and its money be spent a second time."""
    monkeypatch.setattr(spending, "_NEWEST", 3)
    money: dict[str, Any] = {"price": 1.0, "budget_per_day": 99.0}
    first = voice(database, "v9").id
    with database.engine.connect() as late:
        row = {"voice": first, "instance": "slow", "started_at": START, "reserved": 1}
        late.execute(attempts.insert(), row)
        for _ in range(8):
            try_once(database, Outcome.KEPT, START, **money)
        database.call(spending.standing, terms(**money), START + MINUTE)
        late.commit()
    (day,) = database.call(spending.standing, terms(**money), START + MINUTE).values()
    assert day.committed == 9


def test_another_copy_of_the_registry_is_added_up_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a backup was brought back, new calls would count for nothing until there are as many as there were."""
    monkeypatch.setattr(spending, "_NEWEST", 4)
    money: dict[str, Any] = {"price": 1.0, "budget_per_day": 99.0}
    add(database, "more")
    for _ in range(10):
        try_once(database, Outcome.KEPT, START, **money)
        committed(database, MIDNIGHT - DAY, **money)
    (fifth,) = (attempt["id"] for attempt in evidence(database, "v4"))
    with database.transaction() as connection:
        connection.execute(attempts.delete().where(attempts.c.id >= fifth))
    assert committed(database, MIDNIGHT - DAY, **money) == 4
    try_once(database, Outcome.KEPT, START, **money)
    assert committed(database, MIDNIGHT - DAY, **money) == 5
