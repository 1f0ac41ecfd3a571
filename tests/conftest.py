"""Registries for every test: `registry_url` and `database` run a test on all three kinds, `sqlite_…` on one."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Registries
    from voicekeeper.registry.database import Database

#: A busy machine must not turn a property into a timing test.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

KINDS = ("sqlite", "postgresql", "mysql")


@pytest.fixture(scope="session")
def registries() -> Iterator[Registries]:
    """The registries of this session."""
    from tests.databases import Registries  # noqa: PLC0415 - SQLAlchemy, which the core's tests do without

    with closing(Registries()) as made:
        yield made


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of registry in turn."""
    found: str = request.param
    return found


@pytest.fixture
def registry_url(registries: Registries, kind: str) -> str:
    """The URL of a migrated, empty registry of each kind."""
    return registries.migrated(kind)


@pytest.fixture
def sqlite_url(registries: Registries) -> str:
    """The URL of a migrated, empty SQLite registry."""
    return registries.migrated("sqlite")


@pytest.fixture
def postgresql_url(registries: Registries) -> str:
    """The URL of a migrated, empty PostgreSQL registry."""
    return registries.migrated("postgresql")


@pytest.fixture
def mysql_url(registries: Registries) -> str:
    """The URL of a migrated, empty MySQL or MariaDB registry."""
    return registries.migrated("mysql")


@pytest.fixture
def bare_url(registries: Registries, kind: str) -> Iterator[str]:
    """The URL of a database of each kind, of the test's own, that has no tables yet."""
    with ExitStack() as ends:
        yield registries.new(kind, ends)


@pytest.fixture
def database(registries: Registries, registry_url: str) -> Iterator[Database]:
    """A migrated, empty registry of each kind, opened."""
    with registries.opened(registry_url) as opened:
        yield opened


@pytest.fixture
def sqlite_database(registries: Registries, sqlite_url: str) -> Iterator[Database]:
    """A migrated, empty SQLite registry, opened: for tests that need only one kind."""
    with registries.opened(sqlite_url) as opened:
        yield opened
