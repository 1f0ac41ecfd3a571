"""The commands that alerts name can be typed as they stand there."""

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.docs.test_commands import read_command
from voicekeeper.core import alert
from voicekeeper.core.cloning import Begun, doubted
from voicekeeper.core.voice import Origin, Voice

THEN = datetime(2026, 3, 1, tzinfo=UTC)
VOICE = Voice(id=1, account="main", voice_id="anna-0001", cloned_at=THEN, label="Grandmother's $HOME voice")
BEGUN = Begun(account="main", voice_id=None, cloned_at=THEN)


@pytest.mark.parametrize(
    "told",
    [
        alert.lost(VOICE, "gone").body,
        alert.lost(replace(VOICE, origin=Origin.DESIGN), "gone").body,
        doubted(1, BEGUN, "nobody knows").body,
    ],
    ids=["clone", "design", "add"],
)
def test_a_told_command_is_one(told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is woken at night would paste a command that does not exist."""
    (tmp_path / "AUDIO").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(told.split("`")[1])
    assert program == "voicekeeper"
    read_command(words)
