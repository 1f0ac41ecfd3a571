"""The live look ahead: an alert while not all can be saved, and the most valuable are claimed first then."""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import pytest

from tests.databases import HandClock
from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
    POLICY,
    START,
    add,
    answer,
    change,
    claim_one,
    due,
    everyone,
    insert,
    open_account,
    settle,
    terms,
    voice,
)
from voicekeeper.core.forecast import forecast
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.queue import play
from voicekeeper.core.remedy import unsavable
from voicekeeper.core.schedule import KeepAfter, Policy
from voicekeeper.core.voice import Intent
from voicekeeper.foresight import Ahead, Foresight
from voicekeeper.registry import accounts, outbox, outline, outlook, pacing, planning, voices, waiting
from voicekeeper.registry.accounts import Mark
from voicekeeper.registry.database import Database

#: After 167 hours one hour is left: for four calls, a quarter of an hour apart.
LATER = START + 167 * HOUR
SLOW = 15 * MINUTE


@pytest.fixture(autouse=True)
def account(database: Database) -> None:
    open_account(database)


async def look(database: Database, now: Any = LATER, sight: Foresight | None = None, **changes: Any) -> Foresight:
    """Look ahead once."""
    sight = sight or Foresight(database, HandClock(now))
    await sight.look([Ahead(terms(**{"space": SLOW} | changes), 4, POLICY)])
    return sight


def titles(database: Database) -> list[str]:
    return [one.title for one in database.call(outbox.open_alerts)]


def yielding(database: Database) -> set[str]:
    return {one.voice_id for one in everyone(database) if one.yields}


def in_order(database: Database, now: Any = LATER) -> list[str]:
    names = {one.id: one.voice_id for one in everyone(database)}
    return [names[row] for row in due(database, now)]


async def test_it_is_told_while_not_all_can_be_saved_and_ends_when_they_can(database: Database) -> None:
    """The sum would not work out, and nobody would hear of it before the deadline; or never that it is well again."""
    add(database, *(f"v{number}" for number in range(6)))
    await look(database)
    (alert,) = database.call(outbox.open_alerts)
    assert (alert.title, alert.severity) == ("Account main: 2 voices cannot be saved", "critical")
    assert "What would save all: requests_per_minute = 1." in alert.body
    assert yielding(database) == {"v4", "v5"}
    await look(database, space=MINUTE)
    assert titles(database) == []
    assert yielding(database) == set()


async def test_it_is_computed_between_transactions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many voices it takes longer than a server lets a transaction stand still: nobody would be told anything."""
    open_ones = []

    def noted(real: Callable[..., Any]) -> Callable[..., Any]:
        def computed(*args: Any) -> Any:
            open_ones.append(database.engine.pool.checkedout())  # type: ignore[attr-defined] # of the pools in use here
            return real(*args)

        return computed

    for name in ("unsavable", "forecast"):
        monkeypatch.setattr(outlook, name, noted(getattr(outlook, name)))
    add(database, *(f"v{number}" for number in range(6)))
    await look(database)
    assert len(titles(database)) == 1
    assert open_ones == [0, 0]


@pytest.mark.parametrize("how", ["decide", "sql", "retry", "account gone"])
async def test_who_is_wanted_again_lets_nobody_go_first(database: Database, how: str) -> None:
    """A mark left from a crowd that is no more would let a new bulk go first, and the voice be lost for it."""
    add(database, *(f"v{number}" for number in range(6)))
    await look(database)
    for name in ("v4", "v5"):
        if how == "decide":
            database.call(voices.decide, voice(database, name), Intent.HOLD, LATER)
        elif how == "sql":
            change(database, name, intent="hold")
        elif how == "retry":
            change(database, name, status="lost")
    if how == "account gone":
        accounts.sync(database, {ACCOUNT: Mark("known")})
        accounts.sync(database, {})
    await look(database, space=MINUTE)
    for name in ("v4", "v5"):
        if how == "retry":
            database.call(voices.retry, voice(database, name), POLICY, LATER)
        else:
            change(database, name, intent="keep")
    assert yielding(database) == set()


async def test_it_is_a_warning_days_before(database: Database) -> None:
    """A budget that is too small for the week would wake somebody at night, or nobody at all."""
    add(database, *(f"v{number}" for number in range(9)))
    await look(database, START, space=MINUTE, price=9.9, budget_per_day=9.9)
    (alert,) = database.call(outbox.open_alerts)
    assert (alert.title, alert.severity) == ("Account main: 1 voice cannot be saved", "warning")
    assert "What would save all: budget_per_day = 19.8." in alert.body


async def test_what_a_voice_has_set_aside_is_not_taken_for_spent_by_another(
    clocked: Database, clock: HandClock
) -> None:
    """Where one instance looks while another calls, each call would raise the alarm, and its end resolve it."""
    money: dict[str, Any] = {"price": 9.9, "budget_per_day": 9.9}
    add(clocked, "mine")
    now = clock.move(164 * HOUR)
    claimed = claim_one(clocked, now, lease=HOUR, **money)
    await look(clocked, now, **money)
    assert titles(clocked) == []
    settle(clocked, claimed, answer(Outcome.AMBIGUOUS), now, **money)
    await look(clocked, now, **money)
    assert titles(clocked) == [], "one in doubt is tried again within what it has set aside"
    add(clocked, "another")
    await look(clocked, now, **money)
    assert titles(clocked) == ["Account main: 1 voice cannot be saved"]


async def test_the_most_valuable_go_first_when_not_all_can_be_saved(database: Database) -> None:
    """Who pays for a voice would lose it, and a trial's would be kept."""
    add(database, *(f"trial{number}" for number in range(4)))
    add(database, *(f"paid{number}" for number in range(2)), priority=5)
    add(database, "later", cloned_at=START + DAY)
    assert in_order(database)[:2] == ["paid0", "paid1"], "of one deadline the higher priority is first"
    change(database, "paid0", deadline=START + 168 * HOUR + MINUTE)
    change(database, "paid1", deadline=START + 168 * HOUR + MINUTE)
    assert in_order(database)[:2] == ["trial0", "trial1"], "while all can be saved, the deadline decides"
    await look(database, LATER + 2 * MINUTE)
    assert yielding(database) == {"trial2", "trial3"}
    assert in_order(database) == ["trial0", "trial1", "paid0", "paid1", "later", "trial2", "trial3"]


def hurried(database: Database, *seconds: int) -> None:
    """Add voices with so many seconds left."""
    for left in seconds:
        add(database, f"v{left}")
        change(database, f"v{left}", deadline=LATER + timedelta(seconds=left))


async def test_who_has_seconds_left_goes_last_where_not_all_can_be_saved(database: Database) -> None:
    """A crowd's last slots would go to calls that end too late, and those who wait for them be lost as well."""
    hurried(database, -3600, 4, 6, 7, 60)
    await look(database)
    assert yielding(database) == {"v4", "v7", "v60"}
    assert in_order(database)[0] == "v6"


async def test_who_has_seconds_left_goes_first_where_nobody_else_is_in_danger(database: Database) -> None:
    """A call that would have been in time is put behind a bulk that has days, and too little rate be blamed for it."""
    hurried(database, 4, 3600)
    add(database, "retried")
    change(database, "retried", due_at=LATER + timedelta(seconds=56), deadline=LATER + timedelta(seconds=60))
    await look(database)
    assert (yielding(database), in_order(database)) == (set(), ["v4", "v3600"])
    assert titles(database) == []


async def test_what_was_judged_before_is_judged_anew(database: Database) -> None:
    """A voice whose owner has raised its priority would stay the last."""
    add(database, *(f"v{number}" for number in range(6)))
    sight = await look(database)
    assert yielding(database) == {"v4", "v5"}
    change(database, "v5", priority=1)
    await look(database, sight=sight)
    assert yielding(database) == {"v3", "v4"}
    change(database, "v0", intent="release")
    change(database, "v1", intent="release")
    await look(database, sight=sight)
    assert (yielding(database), titles(database)) == (set(), [])


@pytest.mark.parametrize("singly", [5_000, 3])
async def test_who_failed_lets_others_go_first_where_not_all_can_be_saved(
    database: Database, monkeypatch: pytest.MonkeyPatch, singly: int
) -> None:
    """A voice that fails each time would take the slots of the last minutes from those that could be saved."""
    monkeypatch.setattr(waiting, "_SINGLY", singly)
    add(database, *(f"v{number}" for number in range(6)))
    for name, outcome in (("v0", "transient"), ("v1", "throttled"), ("v2", "ambiguous"), ("v3", "blocked")):
        change(database, name, last_outcome=outcome, streak=1)
    await look(database)
    assert yielding(database) == {"v0", "v3"}
    change(database, "v3", streak=0)  # its owner has it tried again
    await look(database)
    assert yielding(database) == {"v0", "v5"}


async def test_voices_of_one_minute_yield_as_each_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bulk of thousands others would be given up than of a few."""
    monkeypatch.setattr(waiting, "_SINGLY", 3)
    add(database, *(f"v{number}" for number in range(7)), deadline=LATER + HOUR)
    for number in range(7):
        change(database, f"v{number}", deadline=LATER + HOUR + timedelta(seconds=number % 2))
    change(database, "v1", priority=1)
    await look(database)
    assert yielding(database) == {"v3", "v5", "v6"}


async def test_as_many_yield_as_have_to_though_they_come_due_in_other_minutes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of voices that were tried before and that were not, too few would let others go first."""
    monkeypatch.setattr(waiting, "_SINGLY", 3)
    add(database, *(f"v{number}" for number in range(9)), deadline=LATER + HOUR)
    for number in range(9):
        change(database, f"v{number}", due_at=START + number // 5 * MINUTE)
    await look(database)
    assert len(yielding(database)) == 5


async def test_where_nothing_is_new_nothing_is_written(database: Database) -> None:
    """Each sweep would wait for whoever writes, and hold up the next who does."""
    add(database, "v0")
    with ExitStack() as ends:
        if database.is_sqlite:  # elsewhere a transaction that writes nothing waits for nobody
            other = ends.enter_context(closing(sqlite3.connect(database.url.database or "", isolation_level=None)))
            other.execute("BEGIN IMMEDIATE")
        sight = await look(database)
    assert sight.outlooks[ACCOUNT].pace is not None


async def test_the_outline_says_what_the_whole_line_says(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The live alert would be another forecast than the one that people ask for."""
    monkeypatch.setattr(outline, "SLICE", 3)
    for number in range(20):
        deadline = START + DAY + number // 3 * SLOW
        add(database, f"v{number}", deadline=deadline, priority=number % 3, cloned_at=START)
    for now in (START, START + 20 * HOUR, START + 23 * HOUR, START + DAY, START + DAY + HOUR):
        sight = await look(database, now)
        pace = database.call(pacing.pace, terms(space=SLOW), 4, now)
        line = database.call(waiting.waiting, ACCOUNT, POLICY, now).loads
        told = forecast(line, pace)
        assert unsavable(sight.outline(ACCOUNT), pace) == told.lost == sight.outlooks[ACCOUNT].lost
        assert sight.outlooks[ACCOUNT].first_loss == told.first_loss
        assert sight.outlooks[ACCOUNT].remedies == told.remedies


async def test_an_outline_is_read_on_where_the_last_look_stopped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million voices would hold up a sweep, or never be read to their end."""
    monkeypatch.setattr(outline, "SLICE", 4)
    for number in range(10):
        add(database, f"v{number}", deadline=START + DAY + number * MINUTE)

    class Slow(HandClock):
        """A clock by which every look at it takes a minute."""

        def monotonic(self) -> float:
            self.move(MINUTE)
            return super().monotonic()

    sight = Foresight(database, Slow(START))
    sizes = []
    for _ in range(3):
        await look(database, sight=sight)
        sizes.append(sum(load.size for load in sight.outline(ACCOUNT)))
    assert sizes == [0, 0, 10]


async def test_an_outline_counts_each_voice_once_whoever_wrote_its_deadline(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bulk that another program has entered, with short forms of deadlines, one slice only would be seen."""
    monkeypatch.setattr(outline, "SLICE", 3)
    with database.transaction() as connection:
        for number in range(11):
            deadline = f"2026-03-09 12:00:0{number % 2}{'.5' if number > 7 else ''}"
            insert(connection, voice_id=f"v{number}", deadline=deadline)
    sight = await look(database, START)
    assert sum(load.size for load in sight.outline(ACCOUNT)) == 11


def test_the_line_is_called_in_the_order_that_forecasts_play(database: Database) -> None:
    """People would be told another order than the one that is worked."""
    for number, (hours, priority, yields) in enumerate(
        [(9, 0, 0), (8, 1, 1), (8, 0, 0), (8, 2, 0), (9, 0, 0), (7, 0, 1)]
    ):
        add(database, f"v{number}", deadline=START + hours * HOUR, priority=priority)
        change(database, f"v{number}", yields=yields)
    pace = database.call(pacing.pace, terms(space=MINUTE), 4, START)
    line = database.call(waiting.waiting, ACCOUNT, POLICY, START).loads
    last = {voice(database, name).id: 1 for name in yielding(database)}
    assert [run.key for run in play(line, pace, last)] == due(database, START)


def test_what_cannot_be_played_is_counted(database: Database) -> None:
    """Voices on hold, past their deadline or not planned yet would be called, or be left out of the count."""
    add(database, "held", "late", "mine")
    change(database, "held", intent="hold")
    change(database, "late", deadline=START + HOUR)
    change(database, "mine", due_at=None)
    found = database.call(waiting.waiting, ACCOUNT, POLICY, START + 2 * HOUR)
    assert ([load.key for load in found.loads], found.on_hold, found.past) == ([voice(database, "mine").id], 1, 1)


async def test_a_long_line_that_is_kept_as_late_as_is_safe_is_due_earlier(database: Database) -> None:
    """A bulk of voices would be due at the last moment for each of them, which is too late for most."""
    late = Policy(keep_after=KeepAfter.LATEST_SAFE)
    add(database, *(f"v{number}" for number in range(8)))
    for number in range(8):
        change(database, f"v{number}", due_at=None)
    change(database, "v7", attempts=1, due_at=START + 150 * HOUR)
    database.call(planning.plan_some, {}, late)
    planned = voice(database, "v0").due_at
    sight = Foresight(database, HandClock(START))
    await sight.look([Ahead(terms(space=HOUR), 4, late)])
    assert planned is not None
    assert voice(database, "v0").due_at == planned - 7 * HOUR
    assert voice(database, "v7").due_at == START + 150 * HOUR, "a retry keeps its time"


@pytest.mark.parametrize("budget", [0, 9.9])
async def test_a_line_that_would_have_to_begin_in_another_century_stops_no_sweep(
    database: Database, budget: float
) -> None:
    """No due time that far back can be stored: the daemon would end with every sweep, before it tells anybody."""
    late = Policy(keep_after=KeepAfter.LATEST_SAFE)
    add(database, *(f"v{number}" for number in range(400)))
    sight = Foresight(database, HandClock(START))
    await sight.look([Ahead(terms(price=9.9, budget_per_month=budget), 4, late)])
    assert len(due(database, START)) == 400
    assert titles(database) != []


async def test_a_retry_past_its_deadline_is_no_matter_of_the_rate(database: Database) -> None:
    """A voice that fails would be told with a rate that would save it, which it would not."""
    add(database, "failing")
    change(database, "failing", attempts=9, due_at=LATER + 2 * HOUR)
    await look(database)
    assert titles(database) == []
