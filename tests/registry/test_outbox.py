"""The outbox: what happens is written once, told once, told again while it lasts, and told to be over only if told."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from tests.registry.registry_steps import HOUR, MINUTE, START
from voicekeeper.core.alert import Alert, Severity
from voicekeeper.registry import outbox
from voicekeeper.registry.database import Database
from voicekeeper.registry.outbox import Pending
from voicekeeper.registry.tables import alerts


def alert(key: str = "voice/1/rung", **changes: Any) -> Alert:
    usual: dict[str, Any] = {"severity": Severity.WARNING, "title": key, "body": "body"}
    return Alert(key=key, **usual | changes)


def rise(database: Database, *told: Alert, now: Any = START) -> None:
    for one in told or (alert(),):
        database.call(outbox.raise_alert, one, now)


def take(database: Database, now: Any = START) -> Sequence[Pending]:
    return database.call(outbox.take, now)


def tell(database: Database, now: Any = START) -> Sequence[Pending]:
    """Take what has to be told, and tell it."""
    pending = take(database, now)
    database.call(outbox.told, pending, now, 4 * HOUR)
    return pending


def count(database: Database) -> int:
    with database.transaction() as connection:
        return connection.execute(select(func.count()).select_from(alerts)).scalar_one()


def test_an_alert_is_raised_once_while_it_lasts(database: Database) -> None:
    """People would be told the same at every sweep."""
    rise(database, alert(), alert(), alert())
    assert count(database) == 1
    assert len(tell(database)) == 1
    rise(database)
    assert tell(database, START + HOUR) == []


def test_raising_it_again_brings_its_words_up_to_date(database: Database) -> None:
    """People would read yesterday's reason."""
    rise(database, alert(title="old"), alert(title="new", severity=Severity.CRITICAL))
    (told,) = tell(database)
    assert (told.title, told.severity) == ("new", Severity.CRITICAL)


def test_one_that_renews_is_told_again_when_it_is_raised_again(database: Database) -> None:
    """The last rung before the deadline would go untold, since the first had been."""
    rise(database, alert(renews=True))
    tell(database)
    rise(database, alert(renews=True, title="more urgent"), now=START + HOUR)
    assert [told.title for told in tell(database, START + HOUR)] == ["more urgent"]


def test_what_lasts_is_told_again_after_a_while(database: Database) -> None:
    """An alarm that was overlooked would never come again."""
    rise(database)
    tell(database)
    assert tell(database, START + 4 * HOUR - MINUTE) == []
    assert len(tell(database, START + 4 * HOUR)) == 1


def test_an_event_is_told_once_and_closed(database: Database) -> None:
    """A loss would be told every four hours for ever."""
    rise(database, alert(event=True))
    assert [told.event for told in tell(database)] == [True]
    assert tell(database, START + 100 * HOUR) == []
    assert database.call(outbox.open_alerts) == []


def test_an_event_that_happens_again_is_told_again(database: Database) -> None:
    """A voice that is lost a second time would be lost in silence."""
    rise(database, alert(event=True))
    tell(database)
    rise(database, alert(event=True), now=START + HOUR)
    assert len(tell(database, START + HOUR)) == 1


def test_over_is_told_once_and_only_for_what_was_told(database: Database) -> None:
    """People would hear that something is over of which they never heard, or never hear it."""
    rise(database, alert("voice/1/rung"), alert("voice/2/rung"))
    database.call(outbox.resolve, "voice/2/", START)
    assert [told.key for told in tell(database)] == ["voice/1/rung"]
    assert database.call(outbox.resolve, "voice/1/", START + HOUR) == 1
    assert [(told.key, told.resolved) for told in tell(database, START + HOUR)] == [("voice/1/rung", True)]
    assert tell(database, START + 100 * HOUR) == []


def test_a_silent_end_is_not_told(database: Database) -> None:
    """A loss would be followed by the word that its warning is over."""
    rise(database)
    tell(database)
    database.call(outbox.resolve, "voice/1/", START, silently=True)
    assert tell(database, START + HOUR) == []


def test_what_ends_while_it_is_being_told_is_told_to_be_over(database: Database) -> None:
    """The end would be overwritten by the news of the beginning."""
    rise(database)
    pending = take(database)
    database.call(outbox.resolve, "voice/1/", START)
    database.call(outbox.told, pending, START, 4 * HOUR)
    assert [told.resolved for told in tell(database)] == [True]
    assert tell(database, START + 100 * HOUR) == []


def test_only_keys_that_begin_so_are_ended(database: Database) -> None:
    """The end of one voice's alert would end another's."""
    keys = ["voice/1/rung", "voice/1/missing", "voice/10/rung", "voice/11/rung", "voice/2/rung", "account/1/paused"]
    keys += ["account/a_b/paused", "account/axb/paused", "account/A_b/paused"]
    rise(database, *map(alert, keys))
    assert database.call(outbox.resolve, "voice/1/", START) == 2
    assert database.call(outbox.resolve, "account/a_b/", START) == 1
    left = {one.key for one in database.call(outbox.open_alerts)}
    assert left == set(keys) - {"voice/1/rung", "voice/1/missing", "account/a_b/paused"}


def test_the_most_severe_comes_first_and_what_is_over_last(database: Database) -> None:
    """The loss would stand below a hundred notes."""
    rise(database, alert("voice/9/rung"))
    tell(database)
    database.call(outbox.resolve, "voice/9/", START)
    for number, severity in enumerate((Severity.INFO, Severity.WARNING, Severity.CRITICAL)):
        rise(database, alert(f"voice/{number}/rung", severity=severity))
    order = [(told.severity, told.resolved) for told in take(database)]
    assert order == [
        (Severity.CRITICAL, False),
        (Severity.WARNING, False),
        (Severity.INFO, False),
        (Severity.WARNING, True),
    ]


def test_what_one_instance_takes_no_other_does_until_it_is_given_up(database: Database) -> None:
    """Two instances would tell the same, or a dead one keep it to itself."""
    rise(database)
    assert len(take(database)) == 1
    assert take(database, START + MINUTE) == []
    assert len(take(database, START + 2 * MINUTE)) == 1


def test_nothing_told_and_nothing_owed_changes_nothing(database: Database) -> None:
    """An empty message would close every alert."""
    rise(database)
    database.call(outbox.told, [], START, HOUR)
    database.call(outbox.owe, [], START)
    database.call(outbox.close, [], START)
    assert len(take(database)) == 1


@pytest.mark.parametrize("text", ["long " * 20_000, "nul \0 inside", "half a pair \ud83d"], ids=["long", "nul", "half"])
def test_any_words_can_be_told(database: Database, text: str) -> None:
    """An alert with odd words would fail to be stored, and its cause with it."""
    rise(database, alert(title=text, body=text))
    (told,) = take(database)
    assert told.title[:4] == text[:4]


def test_a_rolled_back_cause_leaves_no_alert(database: Database) -> None:
    """People would be told of what did not happen."""

    def interrupted(connection: Connection) -> None:
        outbox.raise_alert(connection, alert(), START)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.call(interrupted)
    assert count(database) == 0


def test_an_alert_renewed_while_it_is_told_is_told_again_at_once(database: Database) -> None:
    """The more urgent rung, raised in the seconds that a mail takes, would wait for hours behind the older one."""
    rise(database, alert(renews=True))
    taken = take(database)
    rise(database, alert(renews=True, title="more urgent"), now=START + MINUTE / 12)
    database.call(outbox.told, taken, START + MINUTE / 6, 4 * HOUR)
    assert [one.title for one in take(database, START + MINUTE / 6)] == ["more urgent"]


def test_an_alert_that_took_long_to_tell_is_not_told_again_at_once(database: Database) -> None:
    """A slow channel would make every sweep send the same message."""
    rise(database, alert(renews=True))
    taken = take(database)
    database.call(outbox.told, taken, START + 5 * MINUTE, 4 * HOUR)
    assert take(database, START + 4 * HOUR) == []
    assert len(take(database, START + 5 * MINUTE + 4 * HOUR)) == 1
