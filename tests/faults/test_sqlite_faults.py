"""SQLite under running processes: locked, hidden, replaced, full, and what a kill leaves behind."""

import asyncio
import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url, select

from tests.faults.disks import disk_of, fill
from tests.recorder import Gate
from tests.scenarios.commands import Emulated, Home, events, until
from tests.scenarios.gate import holding_answers
from tests.scenarios.serving import Running, running, serving
from tests.scenarios.sinks import Webhook
from voicekeeper.config import load
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.registry import accounts
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import voices
from voicekeeper.registry.voices import NewVoice, register
from voicekeeper.wiring import open_app

VOICE = "voice-one-1"


def spool(home: Home) -> Path:
    return home.folder / "voicekeeper.spool"


@contextmanager
def calling(home: Home, emulator: Emulated) -> Iterator[tuple[Running, Gate]]:
    """Start a sweep, and wait until its call is at the provider, whose answer waits at a gate."""
    emulator.make(VOICE)
    home.insert(VOICE)
    with holding_answers(home) as gate, running(home, "run") as sweep:
        until(lambda: gate.reached)
        yield sweep, gate


def test_an_answer_that_cannot_be_recorded_is_recorded_once_by_the_next_run(home: Home, emulator: Emulated):
    """A file that is away for a minute would cost a second call, or count a fee twice."""
    with calling(home, emulator) as (sweep, gate):
        hidden = home.registry.rename(home.folder / "hidden.db")
        gate.open()
        sweep.ended(75)
    hidden.rename(home.registry)
    assert sweep.events("spool.held")
    assert home.outcomes(VOICE) == [None]
    copy = spool(home).read_bytes()
    home.sweep(0)
    assert home.voice(VOICE)["status"] == "kept"
    assert not spool(home).exists()
    spool(home).write_bytes(copy)  # as after a kill between recording and forgetting
    home.sweep(0)
    assert home.outcomes(VOICE) == ["kept"]
    assert home.sql("SELECT sum(cost) AS paid FROM attempts") == [{"paid": 9.9}]
    assert emulator.spoken() == emulator.paid() == {VOICE: 1}


def test_killed_while_the_registry_is_away_nothing_is_forgotten(home: Home, emulator: Emulated):
    """The answer would be in the memory of a process that is no more, or in a folder that systemd lets nobody write."""
    state = home.folder / "state"
    state.mkdir()
    home.variables["STATE_DIRECTORY"] = str(state)
    with calling(home, emulator) as (sweep, gate), home.locked():
        gate.open()
        until((state / "voicekeeper.spool").exists)
        sweep.kill()
    home.sweep(0)
    assert home.outcomes(VOICE) == ["kept"]
    assert emulator.spoken() == {VOICE: 1}


def test_the_daemon_says_so_and_comes_back_by_itself(home: Home, emulator: Emulated, webhook: Webhook):
    """A registry that is away over night would be known in the morning, or by nobody."""
    emulator.make(VOICE)
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        hidden = home.registry.rename(home.folder / "hidden.db")
        until(lambda: webhook.messages)
        assert daemon.get("/readyz").status_code == 503
        daemon.wait_for("registry.unavailable", 6)
        assert len(webhook.messages) == 1, "once, however many rounds fail"
        assert "registry" in webhook.titles[0]
        hidden.rename(home.registry)
        home.insert(VOICE)
        daemon.wait_for("voice.kept")
        until(lambda: len(webhook.messages) == 2)
        assert "resolved" in webhook.titles[1].lower()
        assert until(lambda: daemon.get("/readyz").status_code == 200)
        daemon.end()


def test_a_reload_while_the_registry_is_away_does_not_end_the_daemon(home: Home):
    """A deployment in the wrong minute would stop all keeping."""
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        hidden = home.registry.rename(home.folder / "hidden.db")
        daemon.process.send_signal(1)
        daemon.wait_for("config.reread")
        daemon.wait_for("registry.unavailable")
        assert daemon.get("/healthz").status_code == 200
        hidden.rename(home.registry)
        daemon.end()


def test_a_reload_while_nothing_can_be_written_forgets_no_answer(home: Home, emulator: Emulated):
    """Whoever has the configuration read again before the full disk is freed would pay for a second call."""
    home.set("keep", spool="not/there/spool")
    emulator.make(VOICE)
    home.insert(VOICE)
    with holding_answers(home) as gate, serving(home) as daemon:
        until(lambda: gate.reached)
        with home.locked():
            gate.open()
            daemon.wait_for("spool.failed")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("registry.unavailable")
            daemon.wait_for("config.reread")
        until(lambda: home.voice(VOICE)["status"] == "kept", 60)
        daemon.end()
    assert home.outcomes(VOICE) == ["kept"]


def test_a_file_that_was_replaced_is_the_one_that_is_worked(home: Home, emulator: Emulated):
    """After a restore the daemon would write into a file that has no name any more, and keep nothing of the new one."""
    emulator.make(VOICE, "voice-two-2")
    backup = home.folder / "backup.db"
    shutil.copy(home.registry, backup)
    home.insert(VOICE)
    with serving(home) as daemon:
        daemon.wait_for("voice.kept")
        restored = sqlite3.connect(backup)
        values = "VALUES ('main', 'voice-two-2', CURRENT_TIMESTAMP)"
        restored.execute(f"INSERT INTO voices (account, voice_id, cloned_at) {values}")
        restored.commit()
        restored.close()
        backup.replace(home.registry)
        assert daemon.wait_for("voice.kept", 2)["voice_id"] == "voice-two-2"
        assert "was replaced" in daemon.wait_for("registry.unavailable")["error"]
        daemon.end()
    assert [row["voice_id"] for row in home.sql("SELECT voice_id FROM voices")] == ["voice-two-2"]
    assert home.sql("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


async def test_a_visitor_who_finds_a_replaced_file_hides_it_from_no_sweep(
    home: Home, emulator: Emulated, monkeypatch: pytest.MonkeyPatch
):
    """The sweep would work in the new file without having entered its accounts there, and fail for want of them."""
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    emulator.make(VOICE)
    empty, backup = home.folder / "empty.db", home.folder / "backup.db"
    shutil.copy(home.registry, empty)
    home.insert(VOICE)
    home.registry.rename(backup)
    empty.rename(home.registry)
    async with open_app(load(home.config, secrets=True), home.folder) as app:
        await app.round()
        backup.replace(home.registry)
        with pytest.raises(RegistryUnavailable, match="was replaced"):
            await app.database.show(accounts.everyone)
        with pytest.raises(RegistryUnavailable, match="was replaced"):
            await app.round()
        await app.look_again()
        assert (await app.round()).kept == 1


def test_a_second_connection_plays_no_old_changes_into_a_new_file(home: Home, sqlite_url: str):
    """A restored registry would be broken by what the one before it had in its log."""
    path = Path(make_url(sqlite_url).database or "")
    home.insert(VOICE)
    with closing(Database(sqlite_url)) as database:
        database.call(register, [NewVoice(account="main", voice_id="voice-two-2", cloned_at=datetime.now(UTC))])
        with database.transaction(reading=True):
            home.registry.replace(path)
            with pytest.raises(RegistryUnavailable, match="was replaced"):
                database.call(accounts.everyone)
        with database.transaction(reading=True) as connection:
            assert connection.execute(select(voices.c.voice_id)).scalars().all() == [VOICE]


async def test_all_who_work_together_are_told_of_a_replaced_file(home: Home, sqlite_url: str):
    """The first would be told, and the others write into a file that nobody has entered."""
    hold = threading.Event()
    with closing(Database(sqlite_url)) as database:
        database.call(accounts.everyone)
        home.registry.replace(make_url(sqlite_url).database or "")
        database._threads.submit(hold.wait)
        waiting = [asyncio.create_task(database.run(accounts.everyone)) for _ in range(3)]
        await asyncio.sleep(0)
        hold.set()
        came = await asyncio.gather(*waiting, return_exceptions=True)
        assert ["was replaced" in str(one) for one in came] == [True] * 3
        assert await database.run(accounts.everyone) == []


def test_what_a_killed_daemon_left_in_the_log_file_is_there(home: Home, emulator: Emulated):
    """SQLite's WAL holds what was committed last: a keep in it would be repeated."""
    emulator.make(VOICE)
    home.insert(VOICE)
    with serving(home) as daemon:
        daemon.wait_for("voice.kept")
        daemon.process.kill()
        daemon.process.wait()
    assert home.registry.with_name("registry.db-wal").stat().st_size
    home.sweep(0)
    assert home.outcomes(VOICE) == ["kept"]
    assert emulator.spoken() == {VOICE: 1}


@pytest.fixture
def small_disk(home: Home) -> Iterator[Home]:
    """The folder's registry on a disk of two megabytes."""
    disk = home.folder / "disk"
    disk.mkdir()
    with disk_of("2m", disk):
        shutil.move(home.registry, disk / "registry.db")
        home.registry = disk / "registry.db"
        home.set("registry", url="sqlite:///disk/registry.db")
        yield home


def test_a_full_disk_costs_no_answer(small_disk: Home, emulator: Emulated):
    """A full disk is found out after the call: the answer has to wait elsewhere."""
    home = small_disk
    with calling(home, emulator) as (sweep, gate):
        ballast = home.registry.with_name("ballast")
        fill(ballast)
        gate.open()
        until(spool(home).exists)
        ballast.unlink()
        sweep.ended()
    assert home.outcomes(VOICE) == ["kept"]
    assert not spool(home).exists()
    assert emulator.spoken() == {VOICE: 1}


def test_an_answer_that_the_registry_refuses_is_set_aside(home: Home, emulator: Emulated):
    """One row that a trigger or a constraint does not take would end every sweep, and with it all keeping."""
    other = "voice-two-2"
    emulator.make(VOICE, other)
    home.insert(VOICE, other)
    mine = home.voice(VOICE)["id"]
    refusal = f"WHEN NEW.outcome = 'kept' AND NEW.voice = {mine} BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    home.sql(f"CREATE TRIGGER refuse BEFORE UPDATE ON attempts {refusal}")
    done = home.run("run")
    assert done.returncode == 0, done.stderr
    assert home.statuses() == {"kept": 2}, "the provider's list shows the first, all the same"
    assert [line["reason"] for line in events(done.stderr) if line["event"] == "spool.set_aside"], done.stderr
    assert VOICE in spool(home).with_name("voicekeeper.spool.unread").read_text(encoding="utf-8")
    assert not spool(home).exists()
