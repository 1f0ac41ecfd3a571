"""Accounts: slots, pauses, probes, and the alerts that go with them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.databases import HandClock
from tests.registry.registry_steps import (
    ACCOUNT,
    HOUR,
    MINUTE,
    POLICY,
    START,
    account,
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
    voice,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Status
from voicekeeper.registry import accounts, claims, outbox, planning
from voicekeeper.registry.database import Database
from voicekeeper.registry.outbox import Pending

SECOND = timedelta(seconds=1)
ALERT_KEY = f"account/{ACCOUNT}/paused"


@pytest.fixture(autouse=True)
def ten_voices(clocked: Database) -> None:
    """One open account with ten due voices."""
    open_account(clocked)
    add(clocked, *(f"v{n}" for n in range(10)))


def pause(database: Database) -> None:
    try_once(database, Outcome.BLOCKED, START)


def tell(database: Database) -> Sequence[Pending]:
    """Take what has to be told and say that it was."""
    pending = database.call(outbox.take, START)
    database.call(outbox.told, pending, START, HOUR)
    return pending


def test_slots_are_spaced_and_given_a_second_ahead(clocked: Database) -> None:
    """Calls would go out in bursts that the provider throttles."""
    claimed = claim(clocked, START, space=400 * timedelta(milliseconds=1))
    assert [one.wait.total_seconds() for one in claimed.work] == [0.0, 0.4, 0.8]
    assert len(claimed.untouched) == 7
    rest = claim(clocked, START, space=400 * timedelta(milliseconds=1))
    assert not rest.work
    assert rest.wait == timedelta(milliseconds=1200)


def test_a_slot_that_passed_unused_is_not_saved_up(clocked: Database, clock: HandClock) -> None:
    """An idle hour would be followed by an hour's calls at once."""
    claim_one(clocked, START, space=MINUTE)
    clock.move(HOUR)
    assert len(claim(clocked, START, space=MINUTE).work) == 1


@pytest.mark.parametrize("paused", [False, True])
def test_an_account_outlives_a_registry_clock_that_is_set_back(
    clocked: Database, clock: HandClock, *, paused: bool
) -> None:
    """No voice of the account would be called, nor a pause probed, until the clock is where it was."""
    if paused:
        pause(clocked)
    else:
        claim_one(clocked, START, space=MINUTE)
    clock.move(-8 * HOUR)
    assert len(claim(clocked, START, space=MINUTE).work) == 1
    assert not claim(clocked, START, space=MINUTE).work


def test_a_slot_is_used_only_by_a_voice_that_is_claimed(clocked: Database) -> None:
    """Voices that were somebody else's by then would slow the account down."""
    ids = due(clocked, START)
    clocked.call(claims.claim, terms(), ids, 10, START, "quick")
    assert not clocked.call(claims.claim, terms(space=MINUTE), ids, 10, START, "slow").work
    assert account(clocked).slot_at == START


@pytest.mark.parametrize("asked", [20 * SECOND, HOUR], ids=str)
def test_a_throttled_account_waits_as_long_as_it_is_asked(
    clocked: Database, clock: HandClock, asked: timedelta
) -> None:
    """The account would go on calling while the provider says no."""
    claimed = claim_one(clocked, START)
    settle(clocked, claimed, answer(Outcome.THROTTLED, retry_after=asked.total_seconds()), START)
    assert claim(clocked, START).wait == asked
    assert voice(clocked, "v0").attempts == 0
    clock.move(asked)
    assert claim(clocked, START).work


def test_throttles_in_a_row_wait_longer_until_a_success(clocked: Database, clock: HandClock) -> None:
    """The account would hammer on a provider that is overloaded."""
    waits = []
    for _ in range(3):
        try_once(clocked, Outcome.THROTTLED, START)
        waits.append((account(clocked).slot_at or START) - clock.now())
        clock.move(MINUTE)
    assert waits == [1 * SECOND, 2 * SECOND, 4 * SECOND]
    try_once(clocked, Outcome.KEPT, START)
    assert account(clocked).throttles == 0


def test_a_blocked_account_pauses_with_one_alert(clocked: Database) -> None:
    """Every voice of a bad key would be called, and every one reported."""
    under_way = claim(clocked, START, most=3).work
    for claimed in under_way:
        settle(clocked, claimed, answer(Outcome.BLOCKED, "invalid api key"), START)
    stopped = claim(clocked, START)
    assert stopped.stopped == "paused: invalid api key"
    assert not stopped.work
    assert [alert.key for alert in tell(clocked)] == [ALERT_KEY]
    assert voice(clocked, "v0").attempts == 0


def test_probes_come_after_1_2_5_then_every_10_minutes(clocked: Database, clock: HandClock) -> None:
    """A paused account would be hammered, or resume hours after it was mended."""
    pause(clocked)
    waits = []
    for _ in range(5):
        before = account(clocked).probe_at or START
        clock.move(before - clock.now() - SECOND)
        assert claim(clocked, START).stopped
        clock.move(SECOND)
        claimed = claim(clocked, START)
        assert claimed.probe
        assert len(claimed.work) == 1
        settle(clocked, claimed.work[0], answer(Outcome.BLOCKED), START)
        change(clocked, claimed.work[0].voice.voice_id, due_at=START)
        waits.append((account(clocked).probe_at or START) - before)
    assert [int(wait / MINUTE) for wait in waits] == [2, 5, 10, 10, 10]
    assert len(tell(clocked)) == 1


def test_a_probe_works_the_earliest_deadline(clocked: Database, clock: HandClock) -> None:
    """A probe would be spent on a voice that has time."""
    pause(clocked)
    add(clocked, "hurried", cloned_at=START - HOUR)
    clock.move(MINUTE)
    assert claim_one(clocked, START).voice.voice_id == "hurried"


def test_the_first_probe_and_every_second_one_spares_the_voice_that_was_blocked(
    clocked: Database, clock: HandClock
) -> None:
    """One poisoned voice with the earliest deadline would keep its account closed for ever, or take the few sweeps."""
    pause(clocked)
    change(clocked, "v0", due_at=START, cloned_at=START - HOUR, deadline=START + HOUR)
    probed = []
    for _ in range(3):
        clock.move(15 * MINUTE)
        probe = claim_one(clocked, START)
        probed.append(probe.voice.voice_id)
        settle(clocked, probe, answer(Outcome.BLOCKED), START)
        change(clocked, "v0", due_at=START)
    assert probed == ["v1", "v0", "v2"]


def test_a_probe_is_not_used_up_without_a_call(clocked: Database, clock: HandClock) -> None:
    """A paused account would resume minutes later than it could, for want of a slot, money or a free voice."""
    pause(clocked)
    probe_at = account(clocked).probe_at
    clock.move(MINUTE)
    assert not clocked.call(claims.claim, terms(), [1], 10, START - HOUR, "one").work, "nothing is due"
    assert claim(clocked, START, price=9.9, budget_per_day=0.0).stopped
    assert account(clocked).probe_at == probe_at
    assert len(claim(clocked, START).work) == 1


def test_an_account_resumes_by_itself_and_says_so(clocked: Database, clock: HandClock) -> None:
    """The owner would mend the key and never know that all is well."""
    pause(clocked)
    tell(clocked)
    clock.move(MINUTE)
    assert not try_once(clocked, Outcome.KEPT, START).paused
    assert voice(clocked, "v1").status is Status.KEPT
    (over,) = tell(clocked)
    assert (over.key, over.resolved) == (ALERT_KEY, True)
    assert len(claim(clocked, START).work) == 8


def test_a_pause_that_nobody_heard_of_ends_in_silence(clocked: Database, clock: HandClock) -> None:
    """People would hear that something is over of which they never heard that it was."""
    pause(clocked)
    clock.move(MINUTE)
    try_once(clocked, Outcome.KEPT, START)
    assert tell(clocked) == []


def test_a_changed_key_probes_at_once(clocked: Database) -> None:
    """A mended key would be tried only minutes later."""
    pause(clocked)
    assert claim(clocked, START).stopped
    accounts.sync(clocked, {ACCOUNT: accounts.Mark("a new key")})
    clocked.call(planning.plan_some, {}, POLICY)
    assert claim(clocked, START).probe


def test_an_unchanged_account_is_left_alone(clocked: Database) -> None:
    """Every run from cron would probe a paused account at once."""
    pause(clocked)
    before = account(clocked)
    open_account(clocked)
    assert account(clocked) == before


def test_a_voice_that_is_blocked_alone_does_not_pause_its_account(clocked: Database) -> None:
    """One odd voice would stop all others again and again."""
    change(clocked, "v0", last_outcome="blocked", streak=9)
    again = claim_one(clocked, START)
    assert again.voice.voice_id == "v0"
    assert not settle(clocked, again, answer(Outcome.BLOCKED), START).paused
    assert voice(clocked, "v0").attempts == 1


def test_the_alert_says_what_is_endangered(clocked: Database) -> None:
    """The owner would not know whether there are hours or days to mend the key."""
    pause(clocked)
    (told,) = tell(clocked)
    assert "Its next deadline is in 7d." in told.body


def test_the_database_clock_is_close_to_this_hosts(database: Database) -> None:
    """Leases would run by a clock in another time zone: never over, or over at once."""
    claimed = claim_one(database, START, lease=MINUTE)
    until = voice(database, claimed.voice.voice_id).lease_until
    assert until is not None
    shared = database.call(lambda connection: accounts.lock(connection, ACCOUNT)[1])
    assert timedelta() < until - shared <= MINUTE
