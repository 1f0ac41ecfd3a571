"""From a registered voice to the queue: planned, in working order, set aside, warned of, let go."""

from datetime import datetime, timedelta

from sqlalchemy import update

from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    POLICY,
    START,
    account,
    add,
    change,
    claim,
    due,
    everyone,
    open_account,
    try_once,
    voice,
)
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import accounts, outbox, planning, upcoming, voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import voices as table

LATE = Policy(lifetime=100 * HOUR, keep_after=48 * HOUR, warn_before=(24 * HOUR,))


def named(database: Database, ids: list[int]) -> list[str]:
    by_id = {found.id: found.voice_id for found in everyone(database)}
    return [by_id[row] for row in ids]


def warn(database: Database, now: datetime, *paused: str) -> int:
    return database.call(planning.warn_some, {}, POLICY, now, paused=list(paused))


def keys(database: Database) -> list[str]:
    return [alert.key for alert in database.call(outbox.open_alerts)]


def test_each_account_is_planned_by_its_own_policy(database: Database) -> None:
    """An account's own lifetime would be ignored, and its voices lost before their planned deadline."""
    for name in ("main", "late"):
        database.call(voices.register, [voices.NewVoice(account=name, voice_id=name, cloned_at=START)])
    assert database.call(planning.plan_some, {"late": LATE}, POLICY) == 2
    assert database.call(planning.plan_some, {"late": LATE}, POLICY) == 0
    usual, late = voice(database, "main"), voice(database, "late")
    assert (usual.deadline, usual.due_at, usual.warn_at) == (START + 168 * HOUR, START, START + 96 * HOUR)
    assert (late.deadline, late.due_at, late.warn_at) == (START + 100 * HOUR, START + 48 * HOUR, START + 76 * HOUR)


def test_more_than_one_batch_is_planned(database: Database) -> None:
    """A large import would stay unplanned beyond the first batch, and never be due."""
    many = [voices.NewVoice(account=ACCOUNT, voice_id=f"v{n}", cloned_at=START) for n in range(1100)]
    database.call(voices.register, many)
    planned = []
    while some := database.call(planning.plan_some, {}, POLICY):
        planned.append(some)
    assert sum(planned) == 1100
    assert all(found.due_at for found in everyone(database))


def test_held_and_released_voices_are_planned_too(database: Database) -> None:
    """A voice on hold would never reach its deadline, and its owner would never be warned."""
    for intent in Intent:
        add(database, intent.value, intent=intent)
    assert all(found.deadline == START + 168 * HOUR for found in everyone(database))


def test_the_earliest_deadline_goes_first_then_priority(database: Database) -> None:
    """A voice with little time would wait behind one with much."""
    add(database, "late", cloned_at=START)
    add(database, "plain", "second", cloned_at=START - HOUR)
    add(database, "important", cloned_at=START - HOUR, priority=5)
    assert named(database, due(database, START)) == ["important", "plain", "second", "late"]


def test_what_can_be_saved_goes_before_what_is_past(database: Database) -> None:
    """A voice past its deadline would take the slot of one that can surely be saved."""
    add(database, "past", cloned_at=START - 169 * HOUR)
    add(database, "at the edge", cloned_at=START - 168 * HOUR)
    add(database, "savable", cloned_at=START - HOUR)
    assert named(database, due(database, START)) == ["savable", "past", "at the edge"]


def test_only_wanted_free_and_due_voices_are_due(database: Database) -> None:
    """A held voice would be paid for, or a voice under way called twice."""
    open_account(database)
    add(database, "held", intent=Intent.HOLD)
    add(database, "released", intent=Intent.RELEASE)
    add(database, "future", cloned_at=START + HOUR)
    add(database, "elsewhere", account="other")
    add(database, "busy", cloned_at=START - HOUR)
    assert len(claim(database, START).work) == 1
    add(database, "due")
    assert named(database, due(database, START)) == ["due"]


def test_only_who_was_put_off_and_has_little_time_left_is_waited_for(database: Database) -> None:
    """A one-shot would stay for every retry, or leave a voice behind whose deadline comes before the next run."""
    minute = timedelta(minutes=1)
    for name in ("hurried", "at ease", "later", "past", "failed"):
        add(database, name)
        change(database, name, due_at=START + minute, deadline=START + HOUR, last_outcome="throttled")
    change(database, "failed", due_at=START + timedelta(seconds=3), last_outcome="transient")
    change(database, "at ease", due_at=START + timedelta(seconds=1), deadline=START + 2 * HOUR)
    change(database, "later", due_at=START + 2 * minute)
    change(database, "past", due_at=START + timedelta(seconds=2), deadline=START + timedelta(seconds=1))

    def waited_for(*names: str) -> datetime | None:
        return database.call(upcoming.next_hurried, names, START, START + minute)

    assert waited_for(ACCOUNT, "other") == START + minute
    assert waited_for("other") is waited_for() is None


def test_the_next_due_time_skips_what_is_due_already(database: Database) -> None:
    """The daemon would sleep past the next voice, or not at all."""
    assert database.call(upcoming.next_due, START) is None
    add(database, "now")
    add(database, "soon", cloned_at=START + HOUR)
    add(database, "later", cloned_at=START + DAY)
    add(database, "held", cloned_at=START + timedelta(minutes=1), intent=Intent.HOLD)
    assert database.call(upcoming.next_due, START) == START + HOUR
    assert database.call(upcoming.next_due, START + 2 * HOUR, START) == START + HOUR, "it came due during a sweep"


def test_voices_of_an_unknown_account_are_set_aside_with_one_alert(database: Database) -> None:
    """Rows that nobody can work would stop the sweep, or be reported once for each row."""
    add(database, "theirs", "theirs too", account="unknown")
    add(database, "ours")
    assert database.call(planning.set_aside_some, [ACCOUNT], START) == ["unknown"]
    assert keys(database) == ["account/unknown/unknown"]
    assert voice(database, "theirs").due_at == START + HOUR
    assert voice(database, "ours").due_at == START
    assert database.call(planning.set_aside_some, [ACCOUNT], START) == []


def test_an_account_that_becomes_known_is_worked_at_once(database: Database) -> None:
    """Voices set aside would wait an hour although the mistake is mended."""
    add(database, "theirs", account="unknown")
    database.call(planning.set_aside_some, [ACCOUNT], START)
    accounts.sync(database, {"unknown": accounts.Mark("mark")})
    database.call(planning.plan_some, {}, POLICY)
    theirs = voice(database, "theirs")
    assert theirs.due_at == START
    assert theirs.last_error is None


def test_a_changed_account_is_probed_and_planned_anew(database: Database) -> None:
    """A new key or new terms would take effect only hours later."""
    open_account(database)
    add(database, "untried", "tried")
    change(database, "tried", attempts=1, due_at=START + HOUR)
    change(database, "untried", due_at=START + HOUR)
    accounts.sync(database, {ACCOUNT: accounts.Mark("mark")})
    assert voice(database, "untried").due_at == START + HOUR
    accounts.sync(database, {ACCOUNT: accounts.Mark("another mark")})
    assert voice(database, "untried").due_at is None
    assert voice(database, "tried").due_at == START + HOUR
    assert account(database).probe_at is not None


def test_a_changed_lifetime_moves_the_deadlines_that_follow_from_it(database: Database) -> None:
    """Voices would be planned by a lifetime that their provider does not give them, and be lost without a warning."""
    open_account(database)
    add(database, "computed")
    add(database, "given", deadline=START + 100 * HOUR)
    add(database, "tried")
    change(database, "tried", attempts=3)
    accounts.sync(database, {ACCOUNT: accounts.Mark("shorter", 24 * HOUR)})
    database.call(planning.plan_some, {ACCOUNT: Policy(lifetime=24 * HOUR)}, POLICY)
    ends = {name: voice(database, name).deadline for name in ("computed", "given", "tried")}
    assert ends == {"computed": START + 24 * HOUR, "given": START + 100 * HOUR, "tried": START + 24 * HOUR}
    assert warn(database, START + 19 * HOUR) == 2
    accounts.sync(database, {ACCOUNT: accounts.Mark("longer", 72 * HOUR)})
    assert voice(database, "tried").deadline == START + 72 * HOUR


def test_a_sweep_is_needed_where_a_lifetime_has_changed(database: Database) -> None:
    """A timer that asks first would never take the change up: the voices would be due by their old deadlines."""

    def needed(hours: int) -> bool:
        return database.call(accounts.to_live_anew, {ACCOUNT: hours * HOUR, "other": HOUR}, POLICY.lifetime)

    add(database, "early")
    assert (needed(72), needed(168)) == (True, False), "an account that was not there yet"
    accounts.sync(database, {ACCOUNT: accounts.Mark("mark", 72 * HOUR)})
    assert (needed(72), needed(168)) == (False, True)
    accounts.sync(database, {})
    assert needed(72), "one that was away"
    change(database, "early", status="released")
    assert not needed(24), "nothing waits"


def test_a_retry_that_would_come_after_a_shorter_lifetime_is_made_at_once(database: Database) -> None:
    """The wait was chosen for another deadline: the voice would be lost although it could be tried in time."""
    open_account(database)
    add(database, "late", "early")
    change(database, "late", attempts=31, due_at=START + 25 * HOUR)
    change(database, "early", attempts=31, due_at=START + 20 * HOUR)
    accounts.sync(database, {ACCOUNT: accounts.Mark("shorter", 24 * HOUR)})
    database.call(planning.plan_some, {ACCOUNT: Policy(lifetime=24 * HOUR)}, POLICY)
    assert named(database, due(database, START + 19 * HOUR)) == ["late"]
    assert voice(database, "early").due_at == START + 20 * HOUR


def test_an_account_that_is_configured_late_gives_its_voices_its_own_lifetime(database: Database) -> None:
    """Voices that were registered before their account would keep the deadline of the default."""
    add(database, "early", account="late")
    accounts.sync(database, {"late": accounts.Mark("mark", 24 * HOUR)})
    assert voice(database, "early").deadline == START + 24 * HOUR


def test_each_rung_of_warning_is_told_once(database: Database) -> None:
    """The owner would not hear of a voice in danger, or hear of it at every sweep."""
    add(database, "mine")
    told = []
    for hours in range(90, 168):
        warn(database, START + hours * HOUR)
        if pending := database.call(outbox.take, START + hours * HOUR):
            database.call(outbox.told, pending, START + hours * HOUR, 1000 * HOUR)
            told.append(hours)
    assert told == [168 - rung for rung in (72, 24, 12, 6, 1)]


def test_warnings_of_a_paused_account_are_held_back_until_it_resumes(database: Database) -> None:
    """One paused account would raise thousands of alarms, or swallow them for good."""
    add(database, "mine")
    assert warn(database, START + 100 * HOUR, ACCOUNT) == 0
    assert warn(database, START + 101 * HOUR) == 1
    assert len(keys(database)) == 1


def test_a_voice_that_waits_in_line_is_looked_at_again(database: Database) -> None:
    """A long queue would raise an alarm for each of its voices, or loop for ever over them."""
    add(database, "mine")
    assert database.call(planning.warn_some, {}, POLICY, START + 97 * HOUR, queued={ACCOUNT}) == 1
    assert database.call(planning.warn_some, {}, POLICY, START + 97 * HOUR, queued={ACCOUNT}) == 0
    assert keys(database) == []
    assert warn(database, START + 100 * HOUR) == 1
    assert len(keys(database)) == 1


def test_what_is_kept_is_not_warned_of(database: Database) -> None:
    """The alarm would be raised for a voice that is safe."""
    open_account(database)
    add(database, "mine")
    warn(database, START + 100 * HOUR)
    try_once(database, Outcome.KEPT, START + 101 * HOUR)
    assert warn(database, START + 167 * HOUR) == 0
    assert keys(database) == []


def test_a_deadline_settles_only_what_is_held_or_released(database: Database) -> None:
    """The clock alone would make a wanted voice lost."""
    for intent in Intent:
        add(database, intent.value, intent=intent)
    assert database.call(planning.expire_some, START + 168 * HOUR - timedelta(microseconds=1)) == []
    gone = database.call(planning.expire_some, START + 168 * HOUR)
    assert {found.voice_id: found.status for found in gone} == {"hold": Status.LOST, "release": Status.RELEASED}
    assert database.call(planning.expire_some, START + 168 * HOUR) == []
    assert voice(database, "keep").status is Status.WAITING
    assert voice(database, "hold").last_error == "held past its deadline"
    assert keys(database) == [f"voice/{voice(database, 'hold').id}/lost"]


def test_a_voice_without_a_plan_is_never_due(database: Database) -> None:
    """A due time without a deadline would hide the voice from every warning."""
    add(database, "mine")
    with database.transaction() as connection:
        connection.execute(update(table).values(due_at=None))
    assert due(database, START + 200 * HOUR) == []
