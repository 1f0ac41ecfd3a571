"""Registries on a clock that only a test moves, and four processes that work one registry together."""

from collections.abc import Iterator

import pytest

from tests.databases import HandClock
from tests.registry.processes import Crew
from tests.registry.registry_steps import START
from voicekeeper.registry.database import Database


@pytest.fixture
def clock() -> HandClock:
    """The time that all instances share, standing still until it is moved."""
    return HandClock(START)


@pytest.fixture
def clocked(registry_url: str, clock: HandClock) -> Iterator[Database]:
    """A migrated, empty registry of each kind whose shared time is `clock`."""
    opened = Database(registry_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    """Four processes, started once for the session."""
    with Crew() as together:
        yield together
