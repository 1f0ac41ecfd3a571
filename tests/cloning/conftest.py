"""What every cloning starts from: an emulator, a proxy that writes requests down, a folder with audio."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from tests.cloning import sounds
from tests.cloning.systems import SYSTEMS, URL, Cloned
from tests.recorder import Recorder, recording
from tests.scenarios.commands import Emulated, Home, emulating
from voicekeeper.audio import recognise
from voicekeeper.cloning import Cloning, Made
from voicekeeper.config import load
from voicekeeper.core.voice import Intent
from voicekeeper.providers.cloning import CloneRequest
from voicekeeper.recordings import PROMPT, VOICE, Findings
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import clonings
from voicekeeper.wiring import open_cloning

Opened = Callable[..., AbstractAsyncContextManager[Cloning]]


@pytest.fixture(scope="session")
def cloning_process() -> Iterator[Emulated]:
    with emulating() as running:
        yield running


@pytest.fixture
def emulator(cloning_process: Emulated) -> Emulated:
    """An emulator that does what it is asked; asynchronous work takes no time."""
    cloning_process.reset()
    cloning_process._order("PATCH", "/habits", {"task_seconds": 0})
    return cloning_process


@pytest.fixture
def recorder(emulator: Emulated) -> Iterator[Recorder]:
    """A proxy before the emulator."""
    with recording(emulator.url) as running:
        yield running


@pytest.fixture(scope="session")
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("migrated"), "http://127.0.0.1:9")
    done = home.run("migrate")
    assert done.returncode == 0, done.stderr
    return home.registry


@pytest.fixture
def home(tmp_path: Path, recorder: Recorder, migrated_once: Path) -> Home:
    """A folder with an account at the emulator, twelve seconds to clone from and five for a prompt."""
    home = Home(tmp_path, recorder.url)
    shutil.copy(migrated_once, home.registry)
    home.account("main", timeout="2s")
    (tmp_path / "voice.wav").write_bytes(sounds.wav(12))
    (tmp_path / "prompt.wav").write_bytes(sounds.wav(5))
    return home


@pytest.fixture
def opened(home: Home, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Return a function that opens what clones through the folder's account, in this process."""
    monkeypatch.setenv("NO_PROXY", "*")
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home.folder)

    def connect(account: str = "main") -> AbstractAsyncContextManager[Cloning]:
        return open_cloning(load(home.config), home.folder, account)

    return connect


@pytest.fixture
def traces(database: Database) -> Database:
    """A registry of each kind, without traces of other tests."""
    with database.transaction() as connection:
        connection.execute(delete(clonings))
    return database


@pytest.fixture
def cloned(home: Home, emulator: Emulated, opened: Opened) -> Cloned:
    """Return a function that clones through a system, with these parameters."""

    async def clone(system: str, *, key: str = "env:SCENARIO_KEY", **parameters: Any) -> Made:
        provider, settings, habits, usual, name = SYSTEMS[system]
        given = parameters.pop("given", usual)
        home.account("main", provider=provider, api_key=key, **settings)
        emulator._order("PATCH", "/habits", habits)
        findings = Findings()
        async with opened() as cloning:
            audio = await cloning.recording(given, VOICE, findings)
            if prompt := parameters.pop("prompt", None):
                parameters["prompt_audio"] = await cloning.recording(prompt, PROMPT, findings)
            made = await cloning.clone(
                CloneRequest(audio=audio, voice_id=name, **parameters), "", Intent.KEEP, findings
            )
            if made.answer.preview:
                assert recognise(await cloning.preview(made))
        assert bool(findings.warnings) is (given == URL), findings.warnings
        return made

    return clone
