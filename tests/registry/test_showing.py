"""What people look at first: nearest deadlines, open alerts, what was told about a voice."""

from datetime import timedelta

import pytest

from tests.registry.registry_steps import ACCOUNT, DAY, HOUR, START, add, change, voice
from voicekeeper.core import alert as alerts
from voicekeeper.core.alert import Alert, Severity
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Intent
from voicekeeper.core.wording import Language
from voicekeeper.registry import outbox, pages, showing
from voicekeeper.registry.database import Database
from voicekeeper.registry.pages import VoiceFilter


def rise(database: Database, *raised: Alert) -> None:
    with database.transaction() as connection:
        for alert in raised:
            outbox.raise_alert(connection, alert, START)


def test_the_nearest_deadlines(database: Database) -> None:
    """The list of what is most urgent would hold what is over, nobody's wish, or an account's late ones only."""
    for hours, name in enumerate(("third", "first", "second", "past", "kept", "let-go"), start=3):
        add(database, name, deadline=START + hours * HOUR)
    change(database, "first", deadline=START + HOUR)
    change(database, "second", deadline=START + 2 * HOUR, intent="hold")
    change(database, "past", deadline=START - HOUR, cloned_at=START - DAY)
    change(database, "kept", status="kept", kept_at=START)
    change(database, "let-go", intent="release")
    add(database, "elsewhere", account="other", deadline=START + timedelta(minutes=1))
    found = database.call(showing.nearest, None, START, 3)
    assert [one.voice_id for one in found] == ["elsewhere", "first", "second"]
    found = database.call(showing.nearest, ACCOUNT, START, 5)
    assert [one.voice_id for one in found] == ["first", "second", "third"]


def test_voices_by_their_whole_name(database: Database) -> None:
    """A voice among a million could be found by looking through all of them only."""
    add(database, "one", "a/b")
    add(database, "one", account="other")
    assert [one.name for one in database.call(showing.named, {ACCOUNT, "other"}, "one")] == ["main/one", "other/one"]
    assert [one.name for one in database.call(showing.named, {ACCOUNT}, "main/one")] == ["main/one"]
    assert [one.name for one in database.call(showing.named, {ACCOUNT}, "a/b")] == ["main/a/b"]
    assert [one.name for one in database.call(showing.named, {ACCOUNT}, "on")] == []


def test_what_a_name_or_a_label_begins_with(database: Database) -> None:
    """A search would miss voices, take "a" for "A" on one database, or a sign for a wildcard."""
    add(database, "Anna-1", "anna-2", "100%-3", "100x-4")
    add(database, "labelled-5", label="Anna, warm")
    expected = {"Anna": {"Anna-1", "labelled-5"}, "anna": {"anna-2"}, "100%": {"100%-3"}, "na": set()}
    for begins, names in expected.items():
        page = database.call(pages.voices_after, VoiceFilter(begins=begins), 0, 10)
        assert {one.voice_id for one in page.rows} == names


def test_open_alerts_the_most_severe_first(database: Database) -> None:
    """What hurries would stand behind what does not, or what is over would seem to last."""
    add(database, "one", "two", deadline=START + 3 * DAY)
    one, two = voice(database, "one"), voice(database, "two")
    critical = alerts.rung(two, HOUR, START)
    rise(database, alerts.rung(one, 2 * DAY, START), critical, alerts.unknown_account("gone"))
    rise(database, alerts.refused(one, Answer(outcome=Outcome.REFUSED, message="no")))
    database.call(outbox.resolve, f"voice/{one.id}/refused", START)
    found, count = database.call(showing.open_alerts, None, 2)
    assert count == 3
    assert [told.severity for told in found] == [Severity.CRITICAL, Severity.CRITICAL]
    found, count = database.call(showing.open_alerts, ACCOUNT, 5)
    assert [told.facts["voice_id"] for told in found] == ["two", "one"]


def test_more_alerts_than_are_looked_at(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry in which everything burns would be slow to look at."""
    monkeypatch.setattr(showing, "WINDOW", 3)
    rise(database, *(alerts.unknown_account(f"a{number}") for number in range(5)))
    found, count = database.call(showing.open_alerts, None, 2)
    assert (len(found), count) == (2, 3)


def test_what_was_told_about_a_voice(database: Database) -> None:
    """Another voice's alerts would stand on a voice's page, or its own ones would be missing once they are over."""
    add(database, "v0", "v1")
    change(database, "v0", id=7_000)
    change(database, "v1", id=70_001)
    first, alike = voice(database, "v0"), voice(database, "v1")
    rise(database, alerts.rung(first, HOUR, START), alerts.rung(alike, HOUR, START))
    database.call(outbox.resolve, alerts.voice_key(first), START + HOUR)
    rise(database, alerts.lost(first, "gone"))
    found = database.call(showing.told_under, alerts.voice_keys(first), 10)
    assert [(told.kind, told.resolved_at) for told in found] == [("lost", None), ("rung", START + HOUR)]
    assert found[0].words(Language.ZH)[0] == "音色 main/v0 已丢失"


def test_every_alert_of_a_voice_has_a_known_key(database: Database) -> None:
    """A new kind of alert would be missing on the voice's page."""
    add(database, "one", intent=Intent.HOLD)
    one, answer = voice(database, "one"), Answer(outcome=Outcome.REFUSED, message="no")
    raised = [
        alerts.lost(one, "gone"),
        alerts.rung(one, HOUR, START),
        alerts.refused(one, answer),
        alerts.missing(one, answer),
        alerts.unworkable(one, "no"),
    ]
    assert sorted(alert.key for alert in raised) == sorted(alerts.voice_keys(one))
