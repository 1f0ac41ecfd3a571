"""An owner's database of each kind, and an SQLite registry that it is read into."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.databases import Registries
from tests.sources.owners import Owner, Registrar
from voicekeeper.registry.database import Database


@pytest.fixture
def owner(bare_url: str, tmp_path: Path) -> Owner:
    """An application's database of each kind."""
    return Owner(bare_url, tmp_path)


@pytest.fixture
def sqlite_owner(registries: Registries, tmp_path: Path) -> Iterator[Owner]:
    """An application's SQLite database: for tests that need only one kind."""
    with ExitStack() as ends:
        yield Owner(registries.new("sqlite", ends), tmp_path)


@pytest.fixture
def registrar(sqlite_database: Database, tmp_path: Path) -> Registrar:
    """An SQLite registry, empty."""
    return Registrar(sqlite_database, tmp_path)


@pytest.fixture
def any_registrar(database: Database, tmp_path: Path) -> Registrar:
    """A registry of each kind, empty."""
    return Registrar(database, tmp_path)
