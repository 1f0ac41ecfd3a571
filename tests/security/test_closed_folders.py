"""Folders that this user may not look into: a clear word, and no traceback with paths and code of ours."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicekeeper import config
from voicekeeper.cli.clone import _check_preview
from voicekeeper.core.errors import ConfigError, RegistryUnavailable, SourceError
from voicekeeper.recordings import Findings
from voicekeeper.registry import foreign, schema
from voicekeeper.registry.database import Database

NOBODY = 65534


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that is closed to whoever runs this; root is somebody else for the time of a test."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000)
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    yield folder
    os.seteuid(before)
    folder.chmod(0o700)


def test_a_registry(closed: Path):
    """Whoever forgets `sudo` would be shown a traceback instead of what to do."""
    database = Database(f"sqlite:///{closed}/voicekeeper.db")
    try:
        with pytest.raises(RegistryUnavailable, match="closed to this user: run voicekeeper as its owner, or as root"):
            schema.require_newest(database)
    finally:
        database.close()


def test_a_configuration(closed: Path, monkeypatch: pytest.MonkeyPatch):
    """The search for a configuration would end in a traceback, or go on and take another one."""
    place = closed / "config.toml"
    monkeypatch.delenv("VOICEKEEPER_CONFIG", raising=False)
    monkeypatch.setattr(sys.modules[config.find.__module__], "_PLACES", (closed / "other.toml", place))
    with pytest.raises(ConfigError, match=r"config\.toml: cannot be read: Permission denied"):
        config.load(config.find(None))


def test_a_source(closed: Path):
    """One source in a closed folder would end the whole sweep."""
    with (
        pytest.raises(SourceError, match="its folder is closed to this user"),
        foreign.reading(f"sqlite:///{closed}/app.db", "SELECT voice_id FROM voices", closed),
    ):
        pass


def test_a_place_for_the_preview(closed: Path):
    """The mistake would hide all the others that are told at once."""
    findings = Findings()
    _check_preview(closed / "deeper" / "preview.mp3", findings, force=False)
    assert "no place for a file: Permission denied" in findings.problems[0]
