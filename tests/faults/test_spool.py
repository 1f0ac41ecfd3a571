"""The spool file: what is put into it survives the process, and nothing in it stands in the way."""

import asyncio
import fcntl
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any, cast
from unittest.mock import Mock

import pytest

from tests.faults.disks import disk_of, fill
from voicekeeper import settlements
from voicekeeper import spool as module
from voicekeeper.clock import WallClock
from voicekeeper.core import lifecycle
from voicekeeper.core.account import Account
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.core.money import Price
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Intent, Origin, Status, Voice
from voicekeeper.journal import Journal
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.settling import Settlement
from voicekeeper.registry.spending import Terms
from voicekeeper.settlements import Settlements
from voicekeeper.spool import Spool

PRICE = Price(fee=Decimal("9.9"), per_10k=Decimal(2), characters=3)
NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


class Log:
    """A log that can be read."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, **_: Any) -> None:
        self.events.append(event)

    error = warning


def settlement(number: int = 1, outcome: Outcome = Outcome.KEPT) -> Settlement:
    """Return what came of one call."""
    voice = Voice(
        id=number,
        account="main",
        voice_id=f"voice-{number}",
        cloned_at=NOW - timedelta(hours=1),
        label='声 "x"\n',
        origin=Origin.CLONE,
        intent=Intent.KEEP,
        priority=0,
        status=Status.WAITING,
        deadline=NOW + timedelta(hours=160),
        due_at=NOW,
        attempts=0,
    )
    answer = Answer(outcome=outcome, message="said", code="0", http_status=200, trace_id="t", characters=3)
    claimed = Claimed(voice, Account(name="main"), 7, None, "host-1#1", timedelta(0), NOW + timedelta(seconds=90))
    settled = lifecycle.settle(voice, answer, NOW, account_paused=False)
    terms = Terms(account="main", model="m", space=timedelta(seconds=3), lease=timedelta(seconds=90), price=PRICE)
    return Settlement(claimed, settled, answer, NOW, terms)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "voicekeeper.spool"


@pytest.mark.parametrize("outcome", Outcome)
def test_every_answer_comes_back_as_it_was(path: Path, outcome: Outcome):
    """An answer that was changed on its way through the file would be settled as another one."""
    Spool(path, Log()).put(settlement(outcome=outcome))
    assert list(Spool(path, Log()).held().values()) == [settlement(outcome=outcome)]


def test_is_for_its_owner_alone(path: Path):
    """Voice names and prices would be read by every user of the machine."""
    Spool(path, Log()).put(settlement())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_is_on_the_disk_when_it_counts_as_written(path: Path, monkeypatch: pytest.MonkeyPatch):
    """A power cut would cost an answer that was paid for and said to be safe."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    spool = Spool(path, Log())
    spool.put(settlement(1))
    one = path.stat().st_size
    spool.put(settlement(2))
    two = path.stat().st_size
    spool.done(settlement(1))
    assert synced == [one, two, path.stat().st_size]


def test_goes_with_the_last_answer(path: Path):
    """A file that stays would be read at every claim, and worry whoever finds it."""
    spool = Spool(path, Log())
    one, other = settlement(1), settlement(2)
    spool.put(one)
    spool.put(other)
    spool.put(one)
    spool.done(one)
    assert list(Spool(path, Log()).held().values()) == [other]
    spool.done(other)
    assert not path.exists()
    assert not spool.waiting


def test_one_answer_put_twice_is_held_once(path: Path):
    """Each try to record it would add a line."""
    spool = Spool(path, Log())
    spool.put(settlement())
    spool.put(settlement())
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize("spoiled", ["{", "null", "\x00\x00", '{"claimed": 1}', "[]" * 5000, "half a line"])
def test_a_spoiled_line_goes_aside_and_stops_nothing(path: Path, spoiled: str):
    """One bad block of a disk would keep every other answer from being recorded."""
    Spool(path, Log()).put(settlement())
    with path.open("a", encoding="utf-8") as file:
        file.write(spoiled)  # without its end, as a crash leaves it
    log = Log()
    spool = Spool(path, log)
    spool.put(settlement(2))
    assert list(spool.held().values()) == [settlement(2), settlement(1)]
    assert "spool.set_aside" in log.events
    aside = path.with_name("voicekeeper.spool.unread")
    assert aside.read_text(encoding="utf-8").strip() == spoiled
    assert spoiled not in path.read_text(encoding="utf-8").splitlines()


def test_a_file_that_cannot_be_written_is_no_reason_to_forget(tmp_path: Path):
    """A full disk beside a registry that is away would cost an answer that was paid for."""
    log = Log()
    spool = Spool(tmp_path / "missing" / "voicekeeper.spool", log)
    spool.put(settlement())
    assert log.events == ["spool.failed"]
    assert list(spool.held().values()) == [settlement()]
    spool.done(settlement())
    assert not spool.waiting


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("64k", tmp_path) as folder:
        yield folder


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_it_is_written_once_the_disk_takes_it(small_disk: Path, fault: str):
    """A second fault after the first, a kill, would cost the answer although there was room for it by then."""
    path = small_disk / "voicekeeper.spool"
    log, ballast = Log(), small_disk / "ballast"
    fill(ballast)
    if fault == "read-only":
        remount(small_disk, "ro")
    spool = Spool(path, log)
    spool.put(settlement())
    assert log.events == ["spool.failed"]
    remount(small_disk, "rw")
    ballast.unlink()
    spool.put(settlement())
    assert log.events == ["spool.failed", "spool.held"]
    assert list(Spool(path, Log()).held().values()) == [settlement()]


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def test_a_version_that_knows_more_is_read_by_one_that_knows_less(path: Path):
    """A downgrade between crash and start would put every answer aside."""
    Spool(path, Log()).put(settlement())
    line = json.loads(path.read_text(encoding="utf-8"))
    line["claimed"]["voice"]["shoe_size"] = 42
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    spool = Spool(path, Log())
    assert list(spool.held().values()) == [settlement()]
    spool.done(settlement())
    assert not path.exists()


def test_several_users_of_one_file_lose_nothing(path: Path):
    """Cron and a daemon on one machine would write over each other's answers."""

    def work(first: int) -> None:
        spool = Spool(path, Log())
        for number in range(first, first + 20):
            spool.put(settlement(number))
            if number % 2:
                spool.done(settlement(number))

    threads = [Thread(target=work, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = {one.claimed.voice.id for one in Spool(path, Log()).held().values()}
    assert left == {100 * n + number for n in range(4) for number in range(0, 20, 2)}


def test_no_secret_stands_in_it(path: Path):
    """A key in a file that nobody knows of would outlive every rotation."""
    Spool(path, Log()).put(replace(settlement()))
    names = set(json.loads(path.read_text(encoding="utf-8"))["terms"])
    assert not {name for name in names if "key" in name or "url" in name}


def test_a_process_that_is_suspended_with_the_file_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon would stand still, and not even end when it is told to, until that process wakes up."""
    monkeypatch.setattr(module, "_LOOKS", 5)
    path = tmp_path / "spool"
    log = Log()
    spool = Spool(path, log)
    with path.open("a") as suspended:
        fcntl.flock(suspended, fcntl.LOCK_EX)
        spool.put(settlement(1))
        spool.put(settlement(2))
        assert len(spool.held()) == 2
    assert set(log.events) == {"spool.failed"}
    spool.held()
    assert len(path.read_text().splitlines()) == 2


class Silent:
    """A registry that never answers, or one that always fails."""

    def __init__(self, failure: RegistryUnavailable | None) -> None:
        self.failure = failure

    async def together(self, *_: Any) -> Any:
        if self.failure:
            raise self.failure
        await asyncio.Event().wait()


@pytest.mark.parametrize("failure", [None, RegistryUnavailable("away")], ids=["silent", "fails"])
async def test_an_answer_is_in_the_file_while_the_registry_is_tried(
    path: Path, monkeypatch: pytest.MonkeyPatch, failure: RegistryUnavailable | None
) -> None:
    """A crash within the quarter of a minute in which it is tried would cost an answer that was paid for."""
    monkeypatch.setattr(settlements, "_SAFE_AFTER", 0.01 if failure is None else 3600)
    database, log, held = cast("Database", Silent(failure)), Mock(), asyncio.Event()
    log.warning.side_effect = lambda event, **_: held.set() if event == "spool.held" else None
    waiting = Settlements(database, Spool(path, log), WallClock(), Journal(log))
    recording = asyncio.create_task(waiting.record(settlement()))
    async with asyncio.timeout(5):
        await held.wait()
    assert not recording.done()
    assert list(Spool(path, Log()).held().values()) == [settlement()]
    recording.cancel()


async def test_an_answer_is_in_the_file_when_the_process_ends_before_the_registry_has_it(path: Path) -> None:
    """Whoever is told twice to end while the registry is silent would take an answer along that was paid for."""
    waiting = Settlements(cast("Database", Silent(None)), Spool(path, Mock()), WallClock(), Journal(Mock()))
    recording = asyncio.create_task(waiting.record(settlement()))
    await asyncio.sleep(0)
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    assert list(Spool(path, Log()).held().values()) == [settlement()]


async def test_an_answer_of_another_registry_is_set_aside(path: Path, sqlite_database: Database) -> None:
    """It would count as recorded and be forgotten, or be tried for ever: that of the old registry has to be told."""
    Spool(path, Log()).put(settlement())
    spool = Spool(path, Mock())
    (line,) = spool.held()
    waiting = Settlements(sqlite_database, spool, WallClock(), Journal(Mock()))
    assert [one async for one in waiting.catch_up()] == []
    assert not spool.waiting
    assert path.with_name("voicekeeper.spool.unread").read_text() == f"{line}\n"
