"""Nothing ever spends beyond a budget, calls under way included; days and months are UTC's."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
    START,
    add,
    answer,
    change,
    claim,
    claim_one,
    due,
    open_account,
    settle,
    terms,
    try_once,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import spending
from voicekeeper.registry.database import Database

MIDNIGHT = datetime.combine(START.date() + DAY, datetime.min.time(), START.tzinfo)


@pytest.fixture(autouse=True)
def ten_voices(database: Database) -> None:
    """One open account with ten due voices."""
    open_account(database, ACCOUNT, "other")
    add(database, *(f"v{n}" for n in range(10)))


def committed(database: Database, since: datetime, **money: Any) -> float:
    return database.call(spending.committed, terms(**money), since)


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
    assert committed(database, START, price=9.9) == pytest.approx(29.7)


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
    assert committed(database, START, **money) == pytest.approx(9.9)
    try_once(database, Outcome.AMBIGUOUS, START, **money)
    assert committed(database, START, **money) == pytest.approx(19.8)
    assert claim(database, START, **money).stopped
    again = claim_one(database, START + 4 * MINUTE, price=9.9)
    assert committed(database, START, **money) == pytest.approx(19.8), "the same voice pays one fee"
    settle(database, again, answer(Outcome.KEPT), START + 4 * MINUTE, price=9.9)
    assert committed(database, START, **money) == pytest.approx(19.8)


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
    assert committed(database, START, **money) == pytest.approx(9.9)
    assert claim(database, later, **money).stopped


def test_a_voice_in_doubt_needs_a_budget_on_another_day(database: Database) -> None:
    """A call that is billed today would be paid from yesterday's budget."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9, "budget_per_month": 99.0}
    try_once(database, Outcome.AMBIGUOUS, START, **money)
    try_once(database, Outcome.KEPT, START + DAY, **money)
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
    assert committed(database, START - HOUR, price=5.0) == pytest.approx(11.0)
    assert committed(database, START + HOUR, price=5.0) == 0.0
