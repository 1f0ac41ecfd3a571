"""Four real processes on one registry: no voice twice, no slot too many, no budget exceeded, no alert told twice."""

from collections import Counter
from datetime import timedelta

from tests.registry import processes
from tests.registry.processes import PROCESSES, Crew
from tests.registry.registry_steps import (
    ACCOUNT,
    HOUR,
    POLICY,
    START,
    account,
    add,
    due,
    everyone,
    open_account,
    open_attempts,
    terms,
)
from voicekeeper.core.alert import Alert, Severity
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import accounts, outbox, planning, spending
from voicekeeper.registry import voices as registered
from voicekeeper.registry.database import Database
from voicekeeper.registry.schema import HEAD, current


def test_no_voice_is_claimed_twice(database: Database, registry_url: str, crew: Crew) -> None:
    """A voice would be called, and paid, by two instances."""
    open_account(database)
    add(database, *(f"v{n}" for n in range(200)))
    kept = Counter(row for part in crew.together(processes.keep_all, registry_url, START) for row in part)
    assert len(kept) == 200
    assert set(kept.values()) == {1}
    assert all(found.status is Status.KEPT and found.lease_owner is None for found in everyone(database))
    with database.transaction() as connection:
        assert open_attempts(connection) == 0


def test_a_budget_holds_over_all_instances(database: Database, registry_url: str, crew: Crew) -> None:
    """Four instances together would spend four times the budget."""
    open_account(database)
    add(database, *(f"v{n}" for n in range(300)))
    assert sorted(crew.together(processes.claim_once, registry_url, START, 60, 1.0, 100.0)) == [0, 0, 40, 60]
    with database.transaction() as connection:
        assert spending.committed(connection, terms(price=1.0), START - HOUR, START)[0] == 100


def test_the_rate_limit_holds_over_all_instances(database: Database, registry_url: str, crew: Crew) -> None:
    """Four instances together would break the provider's limit, and be throttled by it."""
    open_account(database)
    add(database, *(f"v{n}" for n in range(200)))
    space = timedelta(milliseconds=10)
    slots = [slot for part in crew.together(processes.claim_slots, registry_url, START, space) for slot in part]
    # One second's slots are given ahead, the first and the last included.
    assert sorted(slots) == [number * space for number in range(101)]


def test_two_takers_never_tell_the_same(database: Database, registry_url: str, crew: Crew) -> None:
    """People would be told everything as often as there are instances."""
    with database.transaction() as connection:
        for number in range(300):
            told = Alert(key=f"voice/{number}/lost", severity=Severity.CRITICAL, title="t", body="b", event=True)
            outbox.raise_alert(connection, told, START)
    taken = Counter(row for part in crew.together(processes.take_alerts, registry_url, START) for row in part)
    assert len(taken) == 300
    assert set(taken.values()) == {1}


def test_a_pause_is_raised_once_by_all_together(database: Database, registry_url: str, crew: Crew) -> None:
    """One bad key would raise an alert on every instance, or a deadlock."""
    open_account(database)
    crew.together(processes.raise_one, registry_url, START)
    assert account(database).paused
    assert [alert.key for alert in database.call(outbox.open_alerts)] == [f"account/{ACCOUNT}/paused"]


def test_instances_that_adopt_together_enter_each_voice_once(database: Database, registry_url: str, crew: Crew) -> None:
    """Two who verify at the same time would stop each other, or enter a voice twice."""
    crew.together(processes.adopt, registry_url, START)
    assert [found.status for found in everyone(database)] == [Status.KEPT] * 300


def test_instances_that_start_together_enter_each_account_once(
    database: Database, registry_url: str, crew: Crew
) -> None:
    """Two instances that start at the same moment would stop each other with an error."""
    crew.together(processes.start_up, registry_url)
    assert len(database.call(accounts.everyone)) == 20


def test_instances_that_sweep_together_do_not_stop_each_other(
    database: Database, registry_url: str, crew: Crew
) -> None:
    """Four sweeps at once would deadlock over planning, warnings and what is let go."""
    for name, intent in ((ACCOUNT, Intent.KEEP), (ACCOUNT, Intent.HOLD), ("unknown", Intent.KEEP)):
        new = [
            registered.NewVoice(account=name, voice_id=f"{intent}-{n}", cloned_at=START, intent=intent)
            for n in range(100)
        ]
        database.call(registered.register, new)
    crew.together(processes.look_after, registry_url, START + 168 * HOUR)
    # What one skipped because another one held it just then is left to the next sweep.
    processes.look_after(database, 0, START + 168 * HOUR)
    found = everyone(database)
    assert {one.status for one in found if one.intent is Intent.HOLD} == {Status.LOST}
    assert due(database, START + 168 * HOUR, "unknown") == []
    told = Counter(alert.key.rpartition("/")[2] for alert in database.call(outbox.take, START + 168 * HOUR))
    # An unknown account's voices may be warned of by one instance before another has set them aside.
    assert (told["lost"], told["unknown"]) == (100, 1)
    assert 100 <= told["rung"] <= 200


def test_migrating_at_once_is_safe(bare_url: str, crew: Crew) -> None:
    """Two instances that are upgraded at the same moment would leave half a schema."""
    assert crew.together(processes.migrate, bare_url) == [HEAD] * PROCESSES
    opened = Database(bare_url)
    with opened.transaction() as connection:
        assert current(connection) == HEAD
    assert opened.call(planning.plan_some, {}, POLICY) == 0
    opened.close()
