"""When sources are read, and that a broken one is told once and stops nothing else."""

import threading
from datetime import timedelta

import pytest

from tests.registry.registry_steps import everyone
from tests.sources.owners import QUERY, Owner, Registrar, frozen_server, source
from voicekeeper.clock import WallClock
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.registry import foreign, sourced
from voicekeeper.sources import Sources, reading

ONE = "voice-number-1"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT voice_id, created_at, wish FROM own_voices", '"wish" is not a column: there are account, voice_id'),
        ("SELECT voice_id, created_at, voice_id AS id FROM own_voices", '"voice_id" and "id" both mean voice_id'),
        ("SELECT voice_id FROM own_voices", "the query gives no cloned_at"),
        ("SELECT created_at FROM own_voices", "the query gives no voice_id"),
        ("SELECT voice_id, created_at FROM theirs", "correct the query"),
        ("WITH x AS (SELECT 1) DELETE FROM own_voices", ""),
    ],
)
async def test_a_broken_source_is_told_once(owner: Owner, registrar: Registrar, query: str, words: str) -> None:
    """New voices would be lost in silence, or people be told at every sweep."""
    owner.clone(ONE)
    for _ in range(2):
        told = await registrar.read(source(owner.url, query))
        assert (told["event"], told["name"], told["registered"]) == ("source.failed", "app", 0)
        assert words in told["error"]
    (alert,) = registrar.open_alerts()
    assert (alert.key, alert.severity.value) == ("source/app/broken", "warning")
    assert words in alert.body
    await registrar.read(source(owner.url))
    assert registrar.open_alerts() == []
    assert owner.names() == [ONE]


async def test_no_account_at_all_is_said_so(sqlite_owner: Owner, registrar: Registrar) -> None:
    """Every row would be called bad, where one setting is missing."""
    told = await registrar.read(source(sqlite_owner.url, account=None))
    assert told["error"] == "the query gives no account: let it give one, or set account beside it"


async def test_a_broken_source_stops_no_other(sqlite_owner: Owner, registrar: Registrar) -> None:
    """One database that is down would keep the voices of all others from being kept."""
    sqlite_owner.clone(ONE)
    await registrar.read(source("sqlite:///nowhere.db", name="down"), source(sqlite_owner.url))
    assert {(one["event"], one["name"]) for one in registrar.log.told} == {
        ("source.failed", "down"),
        ("source.read", "app"),
    }
    assert [one.voice_id for one in everyone(registrar.database)] == [ONE]


async def test_what_could_be_read_is_taken_in(
    sqlite_owner: Owner, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where reading breaks off, the voices before would be lost as well."""
    monkeypatch.setattr(foreign, "LARGEST", foreign.PAGE)
    sqlite_owner.clone(*(f"voice-number-{number}" for number in range(foreign.PAGE + 1)))
    told = await registrar.read(source(sqlite_owner.url))
    assert (told["event"], told["registered"]) == ("source.failed", foreign.PAGE)
    assert len(everyone(registrar.database)) == foreign.PAGE


async def test_a_mistake_of_ours_stops_nothing_else(
    sqlite_owner: Owner, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that nobody thought of would end the sweep, and with it the keeping of all voices."""
    monkeypatch.setattr(foreign, "_pages", None)
    told = await registrar.read(source(sqlite_owner.url))
    assert (told["event"], told["error"]) == ("source.failed", "voicekeeper itself failed: TypeError")


async def test_a_registry_that_fails_is_not_the_sources_fault(sqlite_owner: Owner, registrar: Registrar) -> None:
    """The owner would be told to mend a database that is well."""
    sqlite_owner.clone(ONE)
    sources = registrar.sources(source(sqlite_owner.url))
    registrar.lose()
    with pytest.raises(RegistryUnavailable):
        await sources.read()


async def test_a_silent_database_holds_nothing_up(registrar: Registrar, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen database would stop the sweeps, and each sweep would leave one more thread behind."""
    monkeypatch.setattr(reading, "_LONGEST", 0.2)
    monkeypatch.setattr(reading, "_GRACE", 0.05)
    with frozen_server() as port:
        settings = registrar.settings(source(f"postgresql://me:hunter2secret@127.0.0.1:{port}/app"))
        sources = Sources(registrar.database, settings, registrar.folder, WallClock(), registrar.log)
        for _ in range(3):
            sources._read_at = None
            await sources.read()
        threads = [thread for thread in threading.enumerate() if thread.name == "source"]
        assert (len(threads), threads[0].daemon) == (1, True)
    assert "does not answer" in registrar.log.last["error"]
    assert "hunter2secret" not in f"{registrar.log.told}{registrar.open_alerts()}"
    threads[0].join()


async def test_a_program_that_stops_waits_for_no_source(registrar: Registrar) -> None:
    """The service manager would kill a daemon that waits for the owner's database, and blame the database for it."""
    with frozen_server() as port:
        section = source(f"postgresql://me@127.0.0.1:{port}/app")
        await registrar.sources(section).read(lambda: True)
    assert registrar.open_alerts() == []


async def test_rounds_that_follow_each_other_read_once(sqlite_owner: Owner, registrar: Registrar) -> None:
    """Voices that come due one after the other would have the owner's database read every few seconds."""
    sources = registrar.sources(source(sqlite_owner.url))
    for minutes in (0, 1, 1, 3):  # 5 between two sweeps
        registrar.clock.move(timedelta(minutes=minutes))
        await sources.read()
    assert len(registrar.log.told) == 2


async def test_a_source_that_is_gone_ends_its_alerts(registrar: Registrar) -> None:
    """Whoever takes a broken source out of the configuration would be told of it for ever."""
    await registrar.read(source("sqlite:///nowhere.db"), source("sqlite:///nowhere.db", name="other"))
    assert len(registrar.open_alerts()) == 2
    await registrar.read(source("sqlite:///nowhere.db", name="other"))
    assert [alert.key for alert in registrar.open_alerts()] == ["source/other/broken"]
    await registrar.sources().read()
    assert registrar.open_alerts() == []


async def test_looking_changes_nothing(sqlite_owner: Owner, registrar: Registrar) -> None:
    """`check` would register voices."""
    sqlite_owner.clone(*(f"voice-number-{number}" for number in range(foreign.PAGE + 5)))
    sqlite_owner.clone("no id!")
    tally = await registrar.sources(source(sqlite_owner.url, QUERY + " ORDER BY 1")).look("app")
    assert (tally.rows, tally.refused, len(tally.problems)) == (foreign.PAGE, 1, 1)
    assert everyone(registrar.database) == []


async def test_the_owners_database_is_free_while_the_registry_works(
    sqlite_owner: Owner, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application on SQLite could not write while its voices are registered."""
    sqlite_owner.clone(ONE)
    told = sourced.standing

    def meanwhile(*words: object) -> object:
        sqlite_owner.clone("voice-meanwhile-1")
        return told(*words)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(sourced, "standing", meanwhile)
    assert (await registrar.read(source(sqlite_owner.url)))["registered"] == 1
    assert sqlite_owner.names() == ["voice-meanwhile-1", ONE]


async def test_without_threads_it_is_told_and_tried_again(
    sqlite_owner: Owner, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has none left for a moment would end the daemon."""
    sqlite_owner.clone(ONE)
    await registrar.read(source(sqlite_owner.url))

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        told = await registrar.read(source(sqlite_owner.url))
    assert (told["event"], "can't start new thread" in told["error"]) == ("source.failed", True)
    assert (await registrar.read(source(sqlite_owner.url)))["event"] == "source.read"
