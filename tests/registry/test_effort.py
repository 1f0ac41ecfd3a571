"""The cost of a sweep follows what is due, not what is stored: the databases' own counters say how much was read."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, text

from tests.databases import KINDS, Registries
from tests.registry.registry_steps import ACCOUNT, HOUR, MINUTE, POLICY, START, open_account, terms
from voicekeeper.core.account import Account
from voicekeeper.core.alert import Alert, Severity
from voicekeeper.core.channel import Rule
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import (
    census,
    claims,
    deliveries,
    failing,
    outbox,
    outline,
    overdue,
    pages,
    planning,
    schema,
    spending,
    upcoming,
)
from voicekeeper.registry.database import Database
from voicekeeper.registry.pages import VoiceFilter
from voicekeeper.registry.tables import alerts, attempts, voices

WAITING = KEPT = 10_000
OPEN_ALERTS, OLD_ALERTS = 1_000, 4_000
#: Rows; for SQLite, whose counter is of steps, some for each row.
ENOUGH = {"sqlite": 6_000, "postgresql": 600, "mysql": 600}

#: Nobody waits for it yet.
FAILING = Account(name=ACCOUNT, failures=5, failing_since=START - 30 * HOUR)

Work = Callable[[Connection], object]

IDLE: dict[str, Work] = {
    "plan_some": lambda connection: planning.plan_some(connection, {}, POLICY),
    "set_aside": lambda connection: planning.set_aside_some(connection, [ACCOUNT], START),
    "set_aside without accounts": lambda connection: planning.set_aside_some(connection, [], START),
    "due": lambda connection: claims.due(connection, ACCOUNT, START),
    "held_elsewhere": lambda connection: upcoming.held_elsewhere(connection, ACCOUNT, START),
    "expire_some": lambda connection: planning.expire_some(connection, START),
    "warn_some": lambda connection: planning.warn_some(connection, {}, POLICY, START),
    "anything_to_do": lambda connection: upcoming.anything_to_do(connection, START),
    "next_due": lambda connection: upcoming.next_due(connection, START),
    "overdue": lambda connection: overdue.look(connection, [ACCOUNT], [], HOUR, START),
    "failing": lambda connection: failing.look(connection, [FAILING], START - 7 * HOUR),
    "begin": lambda connection: deliveries.begin(connection, [Rule(id="one")], START, 4 * HOUR),
    "take": lambda connection: outbox.take(connection, START),
    "resolve": lambda connection: outbox.resolve(connection, "voice/77777/", START),
    "raise_alert": lambda connection: outbox.raise_alert(
        connection, Alert(key="voice/5/rung", severity=Severity.INFO, title="t", body="b"), START
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def crowded(registries: Registries, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A registry of each kind with many voices and alerts, and nothing to do."""
    with ExitStack() as ends:
        opened = Database(registries.new(request.param, ends), create=True)
        ends.callback(opened.close)
        schema.migrate(opened)
        open_account(opened)
        with opened.transaction() as connection:
            connection.execute(voices.insert(), [_voice(number) for number in range(WAITING + KEPT)])
            connection.execute(alerts.insert(), [_alert(number) for number in range(OPEN_ALERTS + OLD_ALERTS)])
            ids = connection.execute(select(voices.c.id)).scalars()
            connection.execute(attempts.insert(), [_attempt(row) for row in ids])
        _count_rows(opened)
        yield opened


def _voice(number: int) -> dict[str, object]:
    later = START + HOUR + number * timedelta(seconds=1)
    return {
        "account": ACCOUNT,
        "voice_id": f"v{number}",
        "cloned_at": START - HOUR,
        "intent": "keep" if number % 10 else "hold",
        "status": "waiting" if number < WAITING else "kept",
        "kept_at": None if number < WAITING else START,
        "deadline": later + 100 * HOUR,
        "due_at": later,
        "warn_at": later + 50 * HOUR,
    }


def _alert(number: int) -> dict[str, object]:
    over = number >= OPEN_ALERTS
    return {
        "key": f"voice/{number}/rung",
        "open_key": None if over else f"voice/{number}/rung",
        "severity": "warning",
        "title": "t",
        "body": "b",
        "opened_at": START - HOUR,
        "next_at": START + HOUR,
        "closed_at": START if over else None,
    }


def _count_rows(database: Database) -> None:
    """Let the planner know the tables, as it does by itself after a while."""
    statement = {"postgresql": "ANALYZE", "mysql": "ANALYZE TABLE voices, alerts, attempts"}.get(
        database.engine.dialect.name
    )
    if statement:
        with database.transaction() as connection:
            connection.execute(text(statement)).close()


def effort(connection: Connection, work: Work) -> int:
    """Return how many rows, or on SQLite steps, the database says that this took."""
    if connection.dialect.name == "sqlite":
        return _steps(connection, work)
    counted = _ROWS_READ[connection.dialect.name]
    before = _counter(connection, counted)
    work(connection)
    return _counter(connection, counted) - before


_ROWS_READ = {
    "postgresql": "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables",
    "mysql": "SHOW SESSION STATUS LIKE 'Handler_read%'",
}


def _counter(connection: Connection, statement: str) -> int:
    return sum(int(row[1]) for row in connection.execute(text(statement)))


def _steps(connection: Connection, work: Work) -> int:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    steps = []
    driver.set_progress_handler(lambda: steps.append(100), 100)
    try:
        work(connection)
    finally:
        driver.set_progress_handler(None, 0)
    return sum(steps)


@pytest.mark.parametrize("name", IDLE)
def test_an_idle_sweep_reads_next_to_nothing(crowded: Database, name: str) -> None:
    """A sweep with nothing due would read the whole table, every few minutes for ever."""
    with crowded.transaction() as connection:
        assert effort(connection, IDLE[name]) < ENOUGH[crowded.engine.dialect.name]


def test_the_counter_would_notice_a_scan(crowded: Database) -> None:
    """The tests of this file could not fail."""
    with crowded.transaction() as connection:
        found = effort(connection, lambda one: one.execute(text("SELECT id FROM voices WHERE label = 'none'")).all())
    assert found > 2 * ENOUGH[crowded.engine.dialect.name]


def test_what_is_due_is_found_without_reading_what_is_not(crowded: Database) -> None:
    """Each page of due voices would cost a pass over the whole table."""
    soon = START + HOUR + 2 * MINUTE
    with crowded.transaction() as connection:
        spent = effort(connection, lambda one: claims.due(one, ACCOUNT, soon))
        assert len(claims.due(connection, ACCOUNT, soon)) == 108
    assert spent < 2 * ENOUGH[crowded.engine.dialect.name]


LOOKS: dict[str, Work] = {
    "a rare status": lambda connection: pages.voices_after(connection, VoiceFilter(status=Status.LOST), 5_000, 50),
    "a common status": lambda connection: pages.voices_after(connection, VoiceFilter(status=Status.KEPT), 100, 50),
    "an account": lambda connection: pages.voices_after(connection, VoiceFilter(account="none"), 5_000, 50),
    "an intent": lambda connection: pages.voices_after(connection, VoiceFilter(intent=Intent.RELEASE), 5_000, 50),
    "a label": lambda connection: pages.voices_after(connection, VoiceFilter(label="none"), 5_000, 50),
    "at risk": lambda connection: pages.voices_after(connection, VoiceFilter(at_risk_before=START), 15_000, 50),
    "no filter": lambda connection: pages.voices_after(connection, VoiceFilter(), 15_000, 50),
    "a slice of the outline": lambda connection: outline.read(connection, outline.Place(START, START + 102 * HOUR)),
    "a slice of the census": lambda connection: census.stands(connection, 5_000),
}


@pytest.mark.parametrize("name", LOOKS)
def test_who_looks_reads_a_window_only(crowded: Database, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of the API, or a slice of the count behind the metrics, would cost a pass over the table."""
    monkeypatch.setattr(pages, "WINDOW", 150)
    monkeypatch.setattr(census, "SLICE", 75)
    monkeypatch.setattr(outline, "SLICE", 75)
    with crowded.transaction() as connection:
        assert effort(connection, LOOKS[name]) < ENOUGH[crowded.engine.dialect.name]


def test_a_budget_is_not_added_up_from_the_beginning_of_its_month_each_time(
    crowded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each claim would cost more than the last one, all month long."""
    monkeypatch.setattr(spending, "_NEWEST", 25)
    with crowded.transaction() as connection:
        _budget(connection)
        assert effort(connection, _budget) < ENOUGH[crowded.engine.dialect.name]


def _attempt(row: int) -> dict[str, object]:
    return {
        "voice": row,
        "instance": "one",
        "started_at": START,
        "finished_at": START,
        "outcome": "kept",
        "cost": 1,
    }


def _budget(connection: Connection) -> object:
    return spending.standing(connection, terms(price=1.0, budget_per_month=99.0), START + HOUR)
