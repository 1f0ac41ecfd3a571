"""A voice whose row its owner has deleted: what is told of it ends by itself, and what has happened is still told."""

from datetime import datetime

import pytest
from sqlalchemy import delete, event

from tests.registry.delivery_steps import ONE, tell
from tests.registry.registry_steps import DAY, HOUR, POLICY, START, add, change, open_account, voice
from voicekeeper.registry import outbox, planning
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import voices

LATE = START + 7 * DAY - 4 * HOUR


@pytest.fixture(autouse=True)
def _warned(database: Database) -> None:
    """Two voices whose deadlines near."""
    open_account(database)
    add(database, "anna", "bert")
    database.call(planning.warn_some, {}, POLICY, LATE)


def forget(database: Database, name: str) -> None:
    """Delete a voice's row, as its owner does."""
    with database.transaction() as connection:
        connection.execute(delete(voices).where(voices.c.voice_id == name))


def said(database: Database, now: datetime) -> list[str]:
    return tell(database, now, [ONE]).get("one", [])


def rung(database: Database, name: str) -> str:
    return f"voice/{voice(database, name).id}/rung"


def test_what_is_told_of_a_voice_ends_with_its_row(database: Database) -> None:
    """People would be told every four hours for ever of a voice that is nowhere any more."""
    both = [rung(database, "anna"), rung(database, "bert")]
    assert said(database, LATE) == both
    forget(database, "anna")
    assert said(database, LATE + DAY) == both[1:]
    assert [one.key for one in database.call(outbox.open_alerts)] == both[1:]
    forget(database, "bert")
    assert said(database, LATE + 2 * DAY) == []
    assert database.call(outbox.open_alerts) == []


def test_what_was_not_told_yet_is_not_told_any_more(database: Database) -> None:
    """People would look for a voice that its owner has deleted before they were told."""
    bert = rung(database, "bert")
    forget(database, "anna")
    assert said(database, LATE) == [bert]


def test_a_loss_is_told_although_its_row_is_gone(database: Database) -> None:
    """Whoever deletes lost voices at once would never be told that they were lost."""
    lost = f"voice/{voice(database, 'anna').id}/lost"
    change(database, "anna", intent="hold")
    database.call(planning.expire_some, START + 7 * DAY)
    forget(database, "anna")
    assert lost in said(database, START + 7 * DAY)


def test_an_end_is_told_although_its_row_is_gone(database: Database) -> None:
    """People would wait for the end of what they were told of."""
    anna = rung(database, "anna")
    said(database, LATE)
    database.call(outbox.resolve, anna, LATE)
    forget(database, "anna")
    assert said(database, LATE + DAY) == [rung(database, "bert"), f"resolved {anna}"]


def test_only_what_is_told_now_is_looked_for(database: Database) -> None:
    """Each message would cost a look at all alerts that are open, or at all voices."""
    asked = []

    def heard(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    said(database, LATE)
    event.listen(database.engine, "before_cursor_execute", heard)
    try:
        assert said(database, LATE + HOUR) == []
    finally:
        event.remove(database.engine, "before_cursor_execute", heard)
    assert not [statement for statement in asked if "voices" in statement]
