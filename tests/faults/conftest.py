"""What faults are planted in: an emulator, a folder with a registry, a webhook, a breakable way to a server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.faults.proxy import Proxy, proxying
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
def way(postgresql_url: str) -> Iterator[Proxy]:
    """A way to a migrated PostgreSQL registry that can be broken."""
    with proxying(postgresql_url) as proxy:
        yield proxy
