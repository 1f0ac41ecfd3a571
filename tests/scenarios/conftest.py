"""What every scenario starts from: an emulator, a folder with a migrated registry, a webhook."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.commands import Emulated, Home, emulating
from tests.scenarios.sinks import Webhook, listening


@pytest.fixture(scope="session")
def honest_process() -> Iterator[Emulated]:
    with emulating() as running:
        yield running


@pytest.fixture(scope="session")
def moody_process() -> Iterator[Emulated]:
    with emulating("--misbehave", "0.03", "--seed", "5") as running:
        yield running


@pytest.fixture
def emulator(honest_process: Emulated) -> Emulated:
    """An emulator that does what it is asked unless a scenario plants a fault: for those that count calls."""
    honest_process.reset()
    return honest_process


@pytest.fixture
def moody(moody_process: Emulated) -> Emulated:
    """An emulator in which three calls of a hundred go wrong by themselves, always the same ones."""
    moody_process.reset()
    return moody_process


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty registry, made by the command."""
    home = Home(tmp_path_factory.mktemp("migrated"), "http://127.0.0.1:9")
    done = home.run("migrate")
    assert done.returncode == 0, done.stderr
    return home.registry


def _home(folder: Path, emulator: Emulated, migrated: Path) -> Home:
    home = Home(folder, emulator.url)
    shutil.copy(migrated, home.registry)
    return home


@pytest.fixture
def home(tmp_path: Path, emulator: Emulated, migrated: Path) -> Home:
    """A folder whose account is at the honest emulator."""
    return _home(tmp_path, emulator, migrated)


@pytest.fixture
def moody_home(tmp_path: Path, moody: Emulated, migrated: Path) -> Home:
    """A folder whose account is at the moody one."""
    return _home(tmp_path, moody, migrated)


@pytest.fixture
def webhook(home: Home) -> Iterator[Webhook]:
    """A webhook that the folder's alerts go to."""
    with listening() as running:
        home.set("alerts", urls=[running.alert_url])
        yield running
