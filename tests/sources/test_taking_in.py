"""What becomes of a source's rows: new ones are registered, changed intents followed, bad ones told."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.databases import Registries
from tests.registry.registry_steps import POLICY, change, everyone, voice
from tests.sources.owners import QUERY, START, WISHES, Owner, Registrar, source
from voicekeeper import registration
from voicekeeper.core.voice import Intent, Origin, Status
from voicekeeper.registry import planning, sourced, tables, voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.foreign import PAGE
from voicekeeper.registry.voices import NewVoice

ONE, TWO = "voice-number-1", "voice-number-2"


def figures(rows: int = 0, registered: int = 0, followed: int = 0, refused: int = 0) -> dict[str, Any]:
    counts = {"rows": rows, "registered": registered, "followed": followed, "refused": refused}
    return {"event": "source.read", "name": "app", "whole": True} | counts


def said(registrar: Registrar, name: str) -> tuple[str, str | None]:
    """Return what is wanted with a voice, and what its source said last."""
    with registrar.database.transaction() as connection:
        query = tables.voices.select().where(tables.voices.c.voice_id == name)
        row = connection.execute(query).one()
    return row.intent, row.source_intent


async def test_new_rows_are_registered_once(owner: Owner, registrar: Registrar) -> None:
    """A voice that is only in the owner's database would be deleted, or be registered again at each sweep."""
    owner.clone(ONE, TWO, label="Anna")
    assert await registrar.read(source(owner.url)) == figures(2, registered=2)
    found = voice(registrar.database, ONE)
    assert (found.account, found.label, found.intent, found.status) == ("main", "Anna", Intent.KEEP, Status.WAITING)
    assert found.cloned_at == datetime(2026, 3, 10, 10, tzinfo=UTC)
    owner.clone("voice-number-3")
    assert await registrar.read(source(owner.url)) == figures(3, registered=1)
    assert await registrar.read(source(owner.url)) == figures(3)


async def test_every_registry_takes_them(sqlite_owner: Owner, any_registrar: Registrar) -> None:
    """A source would work with one kind of registry only."""
    names = [f"voice-number-{number}" for number in range(PAGE + 2)]
    sqlite_owner.clone(*names, wish="hold")
    assert await any_registrar.read(source(sqlite_owner.url, WISHES)) == figures(PAGE + 2, registered=PAGE + 2)
    sqlite_owner.wish("release", names[-1])
    assert await any_registrar.read(source(sqlite_owner.url, WISHES)) == figures(PAGE + 2, followed=1)
    assert said(any_registrar, names[-1]) == ("release", "release")
    assert said(any_registrar, names[0]) == ("hold", "hold")


async def test_two_instances_at_the_same_moment(sqlite_owner: Owner, any_registrar: Registrar) -> None:
    """Two instances would hold each other up, or one of them fail, whenever a voice is new."""
    names = {f"voice-number-{number}" for number in range(3 * PAGE)}
    sqlite_owner.clone(*names)
    section = source(sqlite_owner.url)
    await asyncio.gather(*(any_registrar.sources(section).read() for _ in range(4)))
    assert {event["event"] for event in any_registrar.log.told} == {"source.read"}
    assert {one.voice_id for one in everyone(any_registrar.database)} == names


async def test_rows_hold_all_that_import_takes(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A column that `import` knows would be refused here, or be dropped."""
    sqlite_owner.clone(ONE, wish="HOLD ")
    query = (
        "SELECT voice_id AS id, '2026-03-10T12:00:00+02:00' AS createdAt, 'two' AS account, 5 AS priority,"
        " 'design' AS origin, wish AS intent, '2026-03-16 10:00' AS expires_at, 'Anna' AS name FROM own_voices"
    )
    assert await registrar.read(source(sqlite_owner.url, query)) == figures(1, registered=1)
    found = voice(registrar.database, ONE)
    assert (found.account, found.priority, found.origin, found.intent) == ("two", 5, Origin.DESIGN, Intent.HOLD)
    assert found.cloned_at == datetime(2026, 3, 10, 10, tzinfo=UTC)
    assert found.deadline == datetime(2026, 3, 16, 10, tzinfo=UTC)
    assert await registrar.read(source(sqlite_owner.url, query)) == figures(1)


async def test_a_time_with_its_zone_is_taken_for_what_it_is(owner: Owner, registrar: Registrar, kind: str) -> None:
    """A deadline would be hours off where the owner's database has another time zone."""
    owner.clone(ONE)
    zoned = {
        "postgresql": "TIMESTAMPTZ '2026-03-10 12:30:00.25+02:30'",
        "mysql": "FROM_UNIXTIME(1773136800.25)",
        "sqlite": "'2026-03-10T10:00:00.25Z'",
    }
    query = f"SELECT voice_id, {zoned[kind]} AS cloned_at FROM own_voices"  # noqa: S608 - our own table
    await registrar.read(source(owner.url, query))
    assert voice(registrar.database, ONE).cloned_at == datetime(2026, 3, 10, 10, 0, 0, 250_000, tzinfo=UTC)


async def test_a_deadline_that_passed_stops_nothing(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A voice that a late try may still save would not be tried."""
    sqlite_owner.clone(ONE, at="2026-02-01 10:00:00")
    assert await registrar.read(source(sqlite_owner.url)) == figures(1, registered=1)


async def test_a_changed_intent_is_followed_and_a_persons_stands(owner: Owner, registrar: Registrar) -> None:
    """A fee would be paid that a person or the owner's program had stopped, or a wanted voice would be lost."""
    section = source(owner.url, WISHES)
    owner.clone(ONE, wish="keep")
    await registrar.read(section)
    registrar.database.call(voices.decide, voice(registrar.database, ONE), Intent.HOLD, START)
    assert await registrar.read(section) == figures(1)
    assert said(registrar, ONE) == ("hold", "keep"), "the source has said nothing new"
    owner.wish("release", ONE)
    assert await registrar.read(section) == figures(1, followed=1)
    assert said(registrar, ONE) == ("release", "release")
    owner.wish("keep", ONE)
    assert await registrar.read(section) == figures(1, followed=1)
    assert said(registrar, ONE) == ("keep", "keep")


async def test_the_first_word_of_a_source(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A query that gains a column for the intent would pay for what a person holds, or not let go what it says."""
    sqlite_owner.clone(ONE, TWO)
    await registrar.read(source(sqlite_owner.url))
    registrar.database.call(voices.decide, voice(registrar.database, ONE), Intent.HOLD, START)
    sqlite_owner.wish("keep", ONE)
    sqlite_owner.wish("release", TWO)
    assert await registrar.read(source(sqlite_owner.url, WISHES)) == figures(2, followed=1)
    assert said(registrar, ONE)[0] == "hold"
    assert said(registrar, TWO) == ("release", "release")


@pytest.mark.parametrize("query", [QUERY, WISHES])
async def test_a_source_that_says_nothing_changes_nothing(
    sqlite_owner: Owner, registrar: Registrar, query: str
) -> None:
    """A query without an intent, or with an empty one, would undo what people decided."""
    sqlite_owner.clone(ONE, wish="hold")
    await registrar.read(source(sqlite_owner.url, WISHES))
    sqlite_owner.wish(None, ONE)
    assert await registrar.read(source(sqlite_owner.url, query)) == figures(1)
    assert said(registrar, ONE) == ("hold", "hold")


async def test_a_voice_that_waits_no_longer_stays_as_it_is(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A kept voice would change, or a person's later retry be undone by what the source had said long before."""
    section = source(sqlite_owner.url, WISHES)
    sqlite_owner.clone(ONE, wish="keep")
    await registrar.read(section)
    registrar.database.call(planning.plan_some, {}, POLICY)
    change(registrar.database, ONE, status="lost")
    sqlite_owner.wish("release", ONE)
    assert await registrar.read(section) == figures(1)
    assert said(registrar, ONE) == ("keep", "release")
    registrar.database.call(voices.retry, voice(registrar.database, ONE), POLICY, START)
    assert await registrar.read(section) == figures(1)
    assert said(registrar, ONE)[0] == "keep"


async def test_a_change_is_followed_by_one_instance(sqlite_owner: Owner, any_registrar: Registrar) -> None:
    """An instance that read a little earlier would undo what a person decided since."""
    sqlite_owner.clone(ONE, wish="keep")
    await any_registrar.read(source(sqlite_owner.url, WISHES))
    found = voice(any_registrar.database, ONE)
    change_of_mind = {found.id: (Intent.KEEP, Intent.HOLD)}
    assert any_registrar.database.call(sourced.take_in, [], change_of_mind, START).followed == 1
    any_registrar.database.call(voices.decide, found, Intent.KEEP, START)
    assert any_registrar.database.call(sourced.take_in, [], change_of_mind, START).followed == 0
    assert said(any_registrar, ONE) == ("keep", "hold")


async def test_what_vanishes_or_changes_otherwise_is_not_followed(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A voice would be forgotten because its row was deleted, or lose the label that a person gave it."""
    sqlite_owner.clone(ONE, TWO, label="Anna")
    await registrar.read(source(sqlite_owner.url))
    sqlite_owner.run("DELETE FROM own_voices WHERE voice_id = 'voice-number-1'")
    sqlite_owner.run("UPDATE own_voices SET label = 'Berta', created_at = '2026-03-09 10:00:00'")
    assert await registrar.read(source(sqlite_owner.url)) == figures(1)
    assert {(one.voice_id, one.label) for one in everyone(registrar.database)} == {(ONE, "Anna"), (TWO, "Anna")}


async def test_a_voice_that_is_there_twice_is_registered_once(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A query that joins two tables would fail, or register a voice again."""
    sqlite_owner.clone(ONE, ONE)
    assert await registrar.read(source(sqlite_owner.url)) == figures(2, registered=1)


async def test_unchanged_rows_cost_a_query_a_page(sqlite_owner: Owner, registrar: Registrar) -> None:
    """Each sweep over a large table would ask the registry for every voice by itself."""
    sqlite_owner.clone(*(f"voice-number-{number}" for number in range(2 * PAGE)), wish="hold")
    await registrar.read(source(sqlite_owner.url, WISHES))
    asked: list[str] = []
    event.listen(registrar.database.engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
    await registrar.read(source(sqlite_owner.url, WISHES))
    assert sum("SELECT" in statement and "voices" in statement for statement in asked) == 2
    assert not [statement for statement in asked if "INSERT" in statement or "UPDATE voices" in statement]


async def test_bad_rows_are_told_once_and_stop_no_other(owner: Owner, registrar: Registrar) -> None:
    """One bad row would keep all others from being kept, or its own loss be a surprise."""
    section = source(owner.url)
    owner.clone(*(f"voice-refused-{number}" for number in range(7)), at=None)
    owner.clone(ONE, TWO)
    assert await registrar.read(section) == figures(9, registered=2, refused=7)
    assert await registrar.read(section) == figures(9, refused=7)
    (alert,) = registrar.open_alerts()
    assert (alert.key, alert.title) == ("source/app/rows", "Source app: 7 rows cannot be registered")
    assert alert.body.count("voice-refused-") == alert.body.count("cloned_at is missing") == 5
    assert "and 2 more" in alert.body
    owner.run("DELETE FROM own_voices WHERE voice_id LIKE 'voice-refused-%'")
    assert await registrar.read(section) == figures(2)
    assert registrar.open_alerts() == []


BAD: dict[str, dict[str, Any]] = {
    "lies in the future": {"at": "2026-03-11 10:00:00"},
    "not in this century": {"at": "1999-01-01 00:00:00"},
    "is not a time": {"at": "0000-00-00 00:00:00"},
    "is not one of keep, hold, release": {"wish": "perhaps"},
    'account "three" is not configured': {"account": "three"},
    "characters long, 255 at most": {"label": "x" * 256},
}


@pytest.mark.parametrize(("words", "columns"), BAD.items(), ids=BAD)
async def test_every_mistake_of_a_row_is_named(
    sqlite_owner: Owner, registrar: Registrar, words: str, columns: dict[str, Any]
) -> None:
    """The owner would search a whole row for what is wrong with it, or a voice be registered that cannot be kept."""
    sqlite_owner.clone(ONE, **columns)
    section = source(sqlite_owner.url, WISHES.replace("SELECT", "SELECT account,"))
    assert await registrar.read(section) == figures(1, refused=1)
    assert words in registrar.open_alerts()[0].body


CLOSE = "SELECT voice_id, created_at AS cloned_at, wish AS deadline FROM own_voices"


async def test_a_deadline_as_good_as_at_cloning(sqlite_owner: Owner, registrar: Registrar) -> None:
    """SQLite, which counts milliseconds, would refuse the row, and with it its page and all pages behind it."""
    sqlite_owner.clone(ONE, TWO)
    sqlite_owner.clone("voice-odd-3", at="2026-03-10 10:00:00.000100", wish="2026-03-10 10:00:00.000180")
    assert await registrar.read(source(sqlite_owner.url, CLOSE)) == figures(3, registered=2, refused=1)
    (alert,) = registrar.open_alerts()
    assert "'voice-odd-3': deadline must be later than cloned_at" in alert.body


async def test_what_the_registry_refuses_holds_up_no_other(
    sqlite_owner: Owner, any_registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that only the database finds wrong would keep a thousand others from being registered, at each sweep."""
    monkeypatch.setitem(registration._READERS, "label", str)
    names = {f"voice-number-{number}" for number in range(PAGE + 2)}
    sqlite_owner.clone("voice-odd-1", label="x" * 256, wish="hold")
    sqlite_owner.clone(*names, wish="hold")
    told = await any_registrar.read(source(sqlite_owner.url, WISHES))
    assert told == figures(PAGE + 3, registered=PAGE + 2, refused=1)
    assert {one.voice_id for one in everyone(any_registrar.database)} == names
    (alert,) = any_registrar.open_alerts()
    assert "voice_id 'voice-odd-1': the registry refuses it" in alert.body
    sqlite_owner.wish("release", "voice-number-1")
    assert await any_registrar.read(source(sqlite_owner.url, WISHES)) == figures(PAGE + 3, followed=1, refused=1)


@pytest.mark.parametrize("voice_id", ["no id!", "x" * 300, "voice-\x01-one", "", None, "1starts-with-a-digit"])
async def test_an_impossible_voice_id_is_refused(sqlite_owner: Owner, registrar: Registrar, voice_id: Any) -> None:
    """A name that no provider can have would be called for ever."""
    sqlite_owner.clone(voice_id)
    assert await registrar.read(source(sqlite_owner.url)) == figures(1, refused=1)


async def test_what_is_no_text_is_refused(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A binary column would be registered as something that looks like Python."""
    sqlite_owner.clone(ONE)
    query = "SELECT CAST(voice_id AS BLOB) AS voice_id, created_at AS cloned_at FROM own_voices"
    assert await registrar.read(source(sqlite_owner.url, query)) == figures(1, refused=1)


async def test_a_time_that_is_none_spoils_no_other_row(registries: Registries, registrar: Registrar) -> None:
    """PostgreSQL's infinity would make the whole source unreadable."""
    with ExitStack() as ends:
        owner = Owner(registries.new("postgresql", ends), registrar.folder)
        owner.clone(ONE)
        owner.clone(TWO, at="infinity")
        assert await registrar.read(source(owner.url)) == figures(2, registered=1, refused=1)


async def test_a_bad_intent_of_a_known_voice_is_told(sqlite_owner: Owner, registrar: Registrar) -> None:
    """A mistyped "release" would be paid for in silence."""
    section = source(sqlite_owner.url, WISHES)
    sqlite_owner.clone(ONE, wish="keep")
    await registrar.read(section)
    sqlite_owner.wish("relaese", ONE)
    assert await registrar.read(section) == figures(1, refused=1)
    assert "relaese" in registrar.open_alerts()[0].body


async def test_an_account_of_the_row_goes_before_that_of_the_source(sqlite_owner: Owner, registrar: Registrar) -> None:
    """Voices of several accounts in one table would all be called through one key."""
    sqlite_owner.clone(ONE, account="two")
    sqlite_owner.clone(TWO)
    query = QUERY.replace("label", "account")
    assert await registrar.read(source(sqlite_owner.url, query)) == figures(2, registered=2)
    assert {(one.account, one.voice_id) for one in everyone(registrar.database)} == {("two", ONE), ("main", TWO)}
    assert (await registrar.read(source(sqlite_owner.url, query, account=None)))["refused"] == 1


async def test_a_voice_that_a_person_registered_is_known(
    sqlite_owner: Owner, registrar: Registrar, sqlite_database: Database
) -> None:
    """A voice in both places would be registered again, or the sweep fail."""
    sqlite_database.call(voices.register, [NewVoice(account="main", voice_id=ONE, cloned_at=START - timedelta(days=1))])
    sqlite_owner.clone(ONE)
    assert await registrar.read(source(sqlite_owner.url)) == figures(1)
    assert voice(sqlite_database, ONE).cloned_at == START - timedelta(days=1)
