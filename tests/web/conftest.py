"""The face of a registry of each kind, and of SQLite alone for what does not touch the registry."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Stage]:
    """An SQLite registry on show."""
    async with staged(tmp_path, sqlite_url) as made:
        yield made


@pytest.fixture
async def every_stage(tmp_path: Path, registry_url: str) -> AsyncIterator[Stage]:
    """A registry of each kind on show."""
    async with staged(tmp_path, registry_url) as made:
        yield made
