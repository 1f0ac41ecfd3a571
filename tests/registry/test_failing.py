"""An account none of whose calls succeeds: told after an hour, while voices wait for it, and to its end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
    START,
    account,
    add,
    change,
    open_account,
    try_once,
)
from voicekeeper.core.account import Account, AccountState
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import accounts, failing, outbox
from voicekeeper.registry.database import Database

DOWN = Account(name=ACCOUNT, fingerprint="mark", failures=5, failing_since=START)
SLOWED = replace(DOWN, failures=0, throttles=3)


@pytest.fixture
def anna(clocked: Database) -> Database:
    """A registry with one voice that is due and was tried."""
    open_account(clocked)
    add(clocked, "anna")
    change(clocked, "anna", attempts=3, last_outcome="transient", last_error="HTTP 502: bad gateway")
    return clocked


def look(database: Database, now: datetime, state: Account | None = None, ahead: timedelta = timedelta()) -> list[str]:
    """Look at the account as it stands, or as it would stand, on a machine whose clock is ahead."""
    shared = database.engine.get_execution_options()["clock"]
    shared.move(now - shared.now())
    database.call(failing.look, [state or account(database)], now + ahead)
    return [one.title for one in database.call(outbox.open_alerts)]


@pytest.mark.parametrize("state", [DOWN, SLOWED], ids=["down", "throttled"])
def test_it_is_told_after_an_hour(anna: Database, state: Account) -> None:
    """A provider that is down would be told of when the first voice has three days left, of seven."""
    assert look(anna, START + 59 * MINUTE, state) == []
    assert look(anna, START + HOUR, state) == ["Account main: no call succeeds"]
    (told,) = anna.call(outbox.open_alerts)
    assert "HTTP 502: bad gateway" in told.body
    assert "1 voice" in told.body


@pytest.mark.parametrize(
    "state",
    [
        replace(DOWN, failures=4),
        replace(DOWN, failing_since=None),
        replace(DOWN, state=AccountState.PAUSED),
    ],
    ids=["few failures", "works", "paused"],
)
def test_what_is_no_outage_is_not_told(anna: Database, state: Account) -> None:
    """One unlucky voice, or an empty balance that is told already, would be one alarm more."""
    assert look(anna, START + DAY, state) == []


def test_a_wrong_clock_neither_raises_nor_ends_it(anna: Database) -> None:
    """Instances whose clocks differ would raise and end it in turn, and people be told of each time."""
    assert look(anna, START + HOUR / 2, DOWN, ahead=HOUR) == []
    assert look(anna, START + HOUR, DOWN)
    assert look(anna, START + HOUR, DOWN, ahead=-HOUR)


@pytest.mark.parametrize("change_of_mind", ["hold", "release"])
def test_it_ends_when_nobody_waits_any_more(anna: Database, change_of_mind: str) -> None:
    """Without a voice there is no call that could end it: it would be told again every four hours, for weeks."""
    assert look(anna, START + HOUR, DOWN)
    change(anna, "anna", intent=change_of_mind)
    assert look(anna, START + HOUR, DOWN) == []


def test_voices_that_have_days_until_they_are_due_do_not_wait(anna: Database) -> None:
    """It would go on after the last voice that was due is gone, for one that nobody would call today."""
    change(anna, "anna", due_at=START + DAY)
    assert look(anna, START + HOUR, DOWN) == []


def test_it_is_critical_when_the_deadline_is_near(anna: Database) -> None:
    """The last hours of a voice would be a mere warning."""
    severities = []
    for hours in (1, 160):
        look(anna, START + hours * HOUR, DOWN)
        severities += [one.severity for one in anna.call(outbox.open_alerts)]
    assert severities == ["warning", "critical"]


def test_calls_move_it_in_the_registry(database: Database) -> None:
    """A daemon that is started anew, or each run of cron, would count from its own beginning."""
    open_account(database)
    add(database, "anna", "bert")
    try_once(database, Outcome.TRANSIENT, START)
    since = account(database).failing_since
    assert since is not None
    try_once(database, Outcome.AMBIGUOUS, START)
    assert account(database).failing_since == since
    try_once(database, Outcome.KEPT, START + HOUR)
    assert account(database).failing_since is None


def test_a_changed_account_begins_anew(database: Database) -> None:
    """Who has mended the address would be told at once that it is still broken."""
    open_account(database)
    add(database, "anna")
    try_once(database, Outcome.TRANSIENT, START)
    accounts.sync(database, {ACCOUNT: accounts.Mark("another")})
    assert account(database).failing_since is None


def test_an_account_that_goes_takes_its_alert_along(anna: Database) -> None:
    """It would be told every four hours of an account that is configured no more."""
    assert look(anna, START + HOUR, DOWN)
    accounts.sync(anna, {})
    assert anna.call(outbox.open_alerts) == []
