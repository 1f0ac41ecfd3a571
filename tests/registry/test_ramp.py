"""After trouble an account's rate comes back step by step, over all instances; near deadlines go first."""

from datetime import timedelta

import pytest

from tests.databases import HandClock
from tests.registry.registry_steps import (
    ACCOUNT,
    HOUR,
    MINUTE,
    START,
    account,
    add,
    answer,
    claim,
    claim_one,
    open_account,
    settle,
    try_once,
)
from voicekeeper import logs
from voicekeeper.core import alert
from voicekeeper.core.alert import Severity
from voicekeeper.core.outcome import Outcome
from voicekeeper.registry import accounts, outbox
from voicekeeper.registry.database import Database
from voicekeeper.skew import SkewWatch

SECOND = timedelta(seconds=1)
SPACE = 2 * SECOND


@pytest.fixture(autouse=True)
def thirty_voices(clocked: Database) -> None:
    """One open account with due voices that have time."""
    open_account(clocked)
    add(clocked, *(f"v{n:02}" for n in range(30)))


def seconds_to_the_next(database: Database, clock: HandClock) -> float:
    """Claim one voice and return how long the account has to wait for the next one's slot; then let it pass."""
    assert claim(database, START, most=1, space=SPACE).work
    wait = (account(database).slot_at or START) - clock.now()
    clock.move(wait)
    return wait.total_seconds()


def test_the_rate_after_an_outage(clocked: Database, clock: HandClock) -> None:
    """Everything that an outage dammed up would go out at once, and the provider punish it."""
    assert seconds_to_the_next(clocked, clock) == 2
    under_way = [claim_one(clocked, START) for _ in range(5)]
    for claimed in under_way:
        settle(clocked, claimed, answer(Outcome.TRANSIENT), START)
    assert account(clocked).failures == 5
    assert seconds_to_the_next(clocked, clock) == 8
    try_once(clocked, Outcome.KEPT, START)
    assert (account(clocked).failures, account(clocked).ramp_at) == (0, clock.now())
    up, waits = clock.now(), []
    for since in (0, 50, 60, 110, 120, 3600):
        clock.move(up + since * SECOND - clock.now())
        waits.append(seconds_to_the_next(clocked, clock))
    assert waits == [8, 8, 4, 4, 2, 2]


def test_a_throttled_account_does_not_burst_when_it_may_go_on(clocked: Database, clock: HandClock) -> None:
    """The first call after "too many requests" would be followed by the full rate, and by the next punishment."""
    settle(clocked, claim_one(clocked, START), answer(Outcome.THROTTLED, retry_after=20.0), START)
    clock.move(20 * SECOND)
    assert seconds_to_the_next(clocked, clock) == 8


def test_a_near_deadline_goes_before_the_ramp(clocked: Database, clock: HandClock) -> None:
    """A voice would be lost for politeness."""
    settle(clocked, claim_one(clocked, START), answer(Outcome.THROTTLED), START)
    clock.move(MINUTE)
    for name, minutes, space in (("in time", 61, 4 * SPACE), ("hurried", 60, SPACE)):
        add(clocked, name, cloned_at=START - 168 * HOUR + minutes * MINUTE)
        claimed = claim(clocked, START, most=1, space=SPACE)
        assert [one.voice.voice_id for one in claimed.work] == [name]
        assert account(clocked).slot_at == clock.now() + space
        clock.move(space)
    assert seconds_to_the_next(clocked, clock) == 8


def test_a_deadline_that_has_passed_does_not_hurry(clocked: Database, clock: HandClock) -> None:
    """Voices that may be gone would take the account out of its ramp for ever."""
    settle(clocked, claim_one(clocked, START), answer(Outcome.THROTTLED), START)
    clock.move(MINUTE)
    later = START + timedelta(hours=200)
    claimed = claim(clocked, later, most=1, space=SPACE)
    assert claimed.work
    assert account(clocked).slot_at == clock.now() + 4 * SPACE


def test_a_keep_forgets_single_failures(clocked: Database) -> None:
    """Four failures in a week would make the fifth an outage."""
    for _ in range(4):
        try_once(clocked, Outcome.TRANSIENT, START)
    assert account(clocked).failures == 4
    try_once(clocked, Outcome.KEPT, START)
    assert (account(clocked).failures, account(clocked).ramp_at) == (0, None)


def test_the_clocks_alert_is_raised_once_changed_and_resolved(clocked: Database) -> None:
    """A wrong clock would be told with every sweep, or never as mended."""
    clocked.call(accounts.judge_clock, ACCOUNT, timedelta(minutes=6), START)
    clocked.call(accounts.judge_clock, ACCOUNT, timedelta(hours=-2), START)
    (raised,) = clocked.call(outbox.open_alerts)
    assert (raised.key, raised.severity) == (alert.clock_key(ACCOUNT), Severity.CRITICAL)
    assert "2h behind" in raised.title
    clocked.call(accounts.judge_clock, ACCOUNT, timedelta(seconds=3), START + HOUR)
    assert clocked.call(outbox.open_alerts) == []


async def test_a_right_clock_elsewhere_does_not_end_the_alert_of_a_wrong_one_for_good(
    clocked: Database, clock: HandClock
) -> None:
    """An instance that begins anew, as after a reload, would silence the alarm of another host's wrong clock."""
    wrong, right = (SkewWatch(clocked, clock, logs.logger()) for _ in range(2))
    for watch, behind in ((wrong, 2 * HOUR), (right, SECOND), (wrong, 2 * HOUR), (right, SECOND)):
        watch.hear(ACCOUNT, clock.now() + behind)
        await watch.judge(ACCOUNT)
    assert [one.key for one in clocked.call(outbox.open_alerts)] == [alert.clock_key(ACCOUNT)]
