"""A gateway of a known family is one row: by it alone it is configured, cloned through and kept."""

import re
from typing import Any

import pytest

from tests.cloning.conftest import Opened
from tests.recorder import Recorder
from tests.scenarios.commands import Emulated, Home
from voicekeeper.config import load
from voicekeeper.core.errors import ConfigError, InputError
from voicekeeper.core.voice import Intent
from voicekeeper.providers.cloning import CloneRequest
from voicekeeper.providers.gateways import GATEWAYS, Gateway
from voicekeeper.recordings import VOICE, Findings
from voicekeeper.wiring import open_app

NEWCOMER = "newcomer"
MODEL = "speech-02-hd"
#: For each family: the row without its address, what is cloned from and under which name, and the paths called.
ROWS: dict[str, tuple[dict[str, Any], str, str | None, str, str]] = {
    "minimax": (
        {"prefix": "/minimax", "upload_paths": ("/v1/nowhere", "/v1/files"), "can_list": False},
        "voice.wav",
        "voice-one-1",
        "/minimax/v1/voice_clone",
        "/minimax/v1/t2a_v2",
    ),
    "ppinfra": (
        {"can_list": False},
        "http://127.0.0.1:9/voice.wav",
        None,
        "/v3/minimax-voice-cloning",
        f"/v3/minimax-{MODEL}",
    ),
    "wavespeed": (
        {"prefix": "/api/v3", "can_list": False},
        "voice.wav",
        "voiceone1",
        "/api/v3/minimax/voice-clone",
        f"/api/v3/minimax/{MODEL}",
    ),
}


@pytest.mark.parametrize("family", ROWS)
async def test_one_row_is_enough(
    home: Home, emulator: Emulated, opened: Opened, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    """A new gateway would need code of its own: in the configuration, the keeper, the cloning or the commands."""
    row, given, name, clone_path, speech_path = ROWS[family]
    # The recorder is the gateway's address: what the account configures is its name and its key, nothing more.
    gateway = Gateway(name=NEWCOMER, family=family, base_url=recorder.url, model=MODEL, **row)
    monkeypatch.setitem(GATEWAYS, NEWCOMER, gateway)
    home.account("main", provider=NEWCOMER, base_url=None)
    findings = Findings()
    async with opened() as cloning:
        audio = await cloning.recording(given, VOICE, findings)
        made = await cloning.clone(CloneRequest(audio=audio, voice_id=name), "", Intent.KEEP, findings)
    async with open_app(load(home.config), home.folder) as app:
        report = await app.round()
    voice_id = str(made.voice.voice_id)
    assert (report.kept, home.voice(voice_id)["status"]) == (1, "kept")
    assert [len(recorder.of(path)) for path in (clone_path, speech_path)] == [1, 1]
    calls = emulator._order("GET", "/ledger", None)["calls"]
    assert [call["voice_id"] for call in calls if call["fee"] > 1] == [voice_id]


async def test_its_row_says_its_rules(home: Home, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of the new gateway would need code of its own, or be broken at the gateway."""
    strict = Gateway(name=NEWCOMER, family="minimax", id_rule=re.compile(r"nc-[0-9]+"), id_words='"nc-" and digits')
    monkeypatch.setitem(GATEWAYS, NEWCOMER, strict)
    home.account("main", provider=NEWCOMER, base_url=None)
    with pytest.raises(ConfigError, match='provider "newcomer" has no address of its own: set base_url'):
        load(home.config)
    home.account("main", provider=NEWCOMER)
    findings = Findings()
    async with opened() as cloning:
        audio = await cloning.recording("voice.wav", VOICE, findings)
        with pytest.raises(InputError, match='"voice-one-1" is impossible: "nc-" and digits'):
            await cloning.clone(CloneRequest(audio=audio, voice_id="voice-one-1"), "", Intent.KEEP, findings)


def test_without_its_row_it_is_refused(home: Home) -> None:
    """The tests above would pass for any name."""
    home.account("main", provider=NEWCOMER)
    with pytest.raises(ConfigError, match="unknown provider; known are"):
        load(home.config)
