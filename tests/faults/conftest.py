"""What faults are planted in: an emulator, a folder with a registry, a webhook, servers."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.databases import Registries
from tests.faults.servers import SERVERS, Server, empty, migrated
from tests.scenarios.commands import Emulated, Home, emulating
from tests.scenarios.sinks import Webhook, listening


@pytest.fixture(scope="session")
def honest() -> Iterator[Emulated]:
    with emulating() as running:
        yield running


@pytest.fixture
def emulator(honest: Emulated) -> Emulated:
    """An emulator that does what it is asked."""
    honest.reset()
    return honest


@pytest.fixture
def home(tmp_path: Path, emulator: Emulated, sqlite_url: str) -> Home:
    """A folder with a migrated SQLite registry, whose account is at the emulator."""
    made = Home(tmp_path, emulator.url)
    shutil.copy(make_url(sqlite_url).database or "", made.registry)
    made.set("serve", sweep_every="1s")
    return made


@pytest.fixture
def webhook(home: Home) -> Iterator[Webhook]:
    """A webhook that the folder's alerts go to."""
    with listening() as running:
        home.set("alerts", urls=[running.alert_url])
        yield running


@pytest.fixture
def another(tmp_path: Path, emulator: Emulated) -> Callable[[str, str], Home]:
    """Makes further folders, each with the URL of its registry."""

    def made(name: str, url: str) -> Home:
        folder = tmp_path / name
        folder.mkdir()
        home = Home(folder, emulator.url)
        home.set("registry", url=url)
        home.set("serve", sweep_every="1s")
        return home

    return made


@pytest.fixture
def urls(registries: Registries) -> dict[str, str]:
    """The URLs of a migrated, empty registry on this machine's PostgreSQL and MariaDB, by kind."""
    return {kind: registries.migrated(kind) for kind in SERVERS}


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], Server]]:
    """Servers of the tests' own by their kind, each started when it is first asked for, with a registry on it."""
    running: dict[str, Server] = {}
    with ExitStack() as ends:

        def of(kind: str) -> Server:
            if kind not in running:
                running[kind] = SERVERS[kind](Path(ends.enter_context(tempfile.TemporaryDirectory())))
                ends.callback(running[kind].close)
                migrated(running[kind].url)
            running[kind].revive()
            empty(running[kind].url)
            return running[kind]

        yield of
