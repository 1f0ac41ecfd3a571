"""Every gateway of the table clones: real audio to the emulator of its family, then the keep call."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.cloning import sounds
from tests.cloning.conftest import Opened
from tests.cloning.systems import MINIMAX, SYSTEMS, URL, Cloned
from tests.loopback import answering
from tests.recorder import Recorder
from tests.scenarios.commands import Emulated, Home
from voicekeeper.audio import recognise
from voicekeeper.config import load
from voicekeeper.core.voice import Intent
from voicekeeper.providers.cloning import DesignRequest
from voicekeeper.providers.gateways import GATEWAYS
from voicekeeper.recordings import VOICE, Findings
from voicekeeper.wiring import open_app


def test_no_gateway_is_left_out() -> None:
    """A gateway that is added to the table would be one that nobody has ever cloned through."""
    assert {provider for provider, *_ in SYSTEMS.values()} == set(GATEWAYS)


def paid(emulator: Emulated) -> list[str]:
    """Return the voice of every call that cost a clone fee, whatever its path."""
    return [call["voice_id"] for call in emulator._order("GET", "/ledger", None)["calls"] if call["fee"] > 1]


@pytest.mark.parametrize("system", SYSTEMS)
async def test_cloned_registered_previewed_and_kept(
    home: Home, emulator: Emulated, cloned: Cloned, system: str
) -> None:
    """A voice that was cloned through this gateway would not be kept through it."""
    made = await cloned(system, text="Hello.", model="speech-02-hd")
    assert bool(made.answer.preview) is ("kkiai" not in system), "kkiai answers {}"
    voice_id = str(made.voice.voice_id)
    assert home.voice(voice_id)["status"] == "waiting"
    async with open_app(load(home.config), home.folder) as app:
        report = await app.round()
    assert (report.kept, report.failed) == (1, 0)
    assert home.voice(voice_id)["status"] == "kept"
    assert paid(emulator) == [voice_id]


#: All that MiniMax's clone call takes beside its audio and its prompt.
PLAIN: dict[str, Any] = {
    "text": "x" * 1000,
    "model": "speech-2.8-hd",
    "language_boost": "Chinese,Yue",
    "text_validation": "Mine.",
    "accuracy": 0.0,
    "need_noise_reduction": True,
    "need_volume_normalization": True,
    "aigc_watermark": True,
}


@pytest.mark.parametrize("system", [name for name, (*_, voice_id) in SYSTEMS.items() if voice_id == MINIMAX])
async def test_every_parameter_arrives_through_minimaxs_family(cloned: Cloned, recorder: Recorder, system: str) -> None:
    """A gateway would make another voice than was asked for, from another audio or without its prompt."""
    await cloned(system, prompt="prompt.wav", prompt_text="My words.", **PLAIN)
    uploads = [one for one in recorder.heard if one.path.partition("?")[0].endswith(("/v1/files/upload", "/v1/files"))]
    assert [b"\r\n\r\nprompt_audio\r\n" in one.body for one in uploads][-1:] == [True]
    (call,) = [one for one in recorder.heard if one.path.endswith("/v1/voice_clone")]
    body = call.json
    ids = body.pop("file_id"), body["clone_prompt"].pop("prompt_audio")
    assert all(isinstance(one, int) for one in ids)
    assert ids[0] != ids[1]
    assert body == {"voice_id": MINIMAX, "clone_prompt": {"prompt_text": "My words."}, **PLAIN}


PARAMETERS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "ppinfra": (
        {
            "prompt": "http://127.0.0.1:9/p.mp3?signed=1",
            "prompt_text": "My words.",
            "text": "x" * 2000,
            "model": "speech-2.6-hd",
            "text_validation": "Mine.",
            "accuracy": 1.0,
            "need_noise_reduction": True,
            "need_volume_normalization": True,
        },
        "/v3/minimax-voice-cloning",
        {
            "audio_url": URL,
            "clone_prompt": {"prompt_audio_url": "http://127.0.0.1:9/p.mp3?signed=1", "prompt_text": "My words."},
            "text": "x" * 2000,
            "model": "speech-2.6-hd",
            "text_validation": "Mine.",
            "accuracy": 1,
            "need_noise_reduction": True,
            "need_volume_normalization": True,
        },
    ),
    "wavespeed, by address": (
        {
            "text": "x" * 2000,
            "model": "speech-02-turbo",
            "language_boost": "French",
            "accuracy": 0.5,
            "need_noise_reduction": True,
            "need_volume_normalization": True,
        },
        "/api/v3/minimax/voice-clone",
        {
            "audio": URL,
            "custom_voice_id": "voiceone1",
            "text": "x" * 2000,
            "model": "speech-02-turbo",
            "language_boost": "French",
            "accuracy": 0.5,
            "need_noise_reduction": True,
            "need_volume_normalization": True,
        },
    ),
}


@pytest.mark.parametrize("system", PARAMETERS)
async def test_every_parameter_arrives(cloned: Cloned, recorder: Recorder, system: str) -> None:
    """A parameter that was dropped on the way would make another voice than was asked for."""
    given, path, body = PARAMETERS[system]
    await cloned(system, **given)
    (call,) = recorder.of(path)
    assert call.json == body


async def test_a_file_goes_to_wavespeed_as_a_data_url(home: Home, cloned: Cloned, recorder: Recorder) -> None:
    """The gateway could not tell what it was sent."""
    (home.folder / "voice.wav").write_bytes(sounds.mp3(12))
    await cloned("wavespeed")
    (call,) = recorder.of("/api/v3/minimax/voice-clone")
    assert call.json["audio"].startswith("data:audio/mpeg;base64,")
    assert call.json["model"] == "speech-2.8-turbo"


async def test_wavespeed_designs_a_voice(home: Home, emulator: Emulated, opened: Opened, recorder: Recorder) -> None:
    """A voice that is designed there lives under the same rule, and nothing would remind of it."""
    home.account("main", provider="wavespeed", timeout="10s")
    emulator._order("PATCH", "/habits", {"task_seconds": 0.7})
    request = DesignRequest(prompt="An old sailor.", preview_text="Ahoy.", voice_id="voiceone1")
    async with opened() as cloning:
        made = await cloning.design(request, "", Intent.KEEP, Findings())
        assert recognise(await cloning.preview(made))
    (call,) = recorder.of("/api/v3/minimax/voice-design")
    assert call.json == {"prompt": "An old sailor.", "custom_voice_id": "voiceone1", "text": "Ahoy."}
    assert (home.voice("voiceone1")["origin"], paid(emulator)) == ("design", [])
    async with open_app(load(home.config), home.folder) as app:
        assert (await app.round()).kept == 1


async def test_an_address_is_looked_at_where_it_can_be(home: Home, emulator: Emulated, opened: Opened) -> None:
    """Audio that is too short would be sent because it lies elsewhere; or the key would go to where it lies."""
    home.account("main", provider="ppinfra")
    findings = Findings()
    async with opened() as cloning:
        await cloning.recording(f"{emulator.url}/_emulator/audio?format=wav&token=secret", VOICE, findings)
    (problem,) = findings.problems
    assert "plays 0.2 s: 10 s at least" in problem or "plays 0.3 s: 10 s at least" in problem
    assert "secret" not in problem


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech by espeak-ng, a Debian package: real audio, as its owners have it."""
    program = shutil.which("espeak-ng")
    if program is None:
        reason = "no espeak-ng here: install the Debian package"
        if os.environ.get("VOICEKEEPER_TEST_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    file = tmp_path_factory.mktemp("speech") / "spoken.wav"
    text = (
        "My voice is cloned and kept, and here is what it sounds like when it reads a rather long sentence aloud. " * 3
    )
    subprocess.run([program, "-w", str(file), text], check=True)
    return file


@pytest.fixture
def served(spoken: Path) -> Iterator[str]:
    """The same speech behind an address, where gateways want one."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(spoken.parent))
    with answering(handler) as port:
        yield f"http://127.0.0.1:{port}/{spoken.name}"


@pytest.mark.parametrize("system", SYSTEMS)
async def test_speech_by_a_synthesiser_is_cloned(
    home: Home, cloned: Cloned, recorder: Recorder, spoken: Path, served: str, system: str
) -> None:
    """Audio made by hand is not what people have: a real file could be refused or measured wrongly."""
    shutil.copy(spoken, home.folder / "voice.wav")
    by_address = SYSTEMS[system][3] == URL
    made = await cloned(system, **({"given": served} if by_address else {}))
    assert home.voice(str(made.voice.voice_id))["status"] == "waiting"
    (call,) = [one for one in recorder.heard if one.path.endswith(("/voice_clone", "voice-cloning", "/voice-clone"))]
    assert (served.encode() in call.body) is by_address
