"""Every gateway of the table clones: real audio to the emulator of its family, then the keep call."""

import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cloning import sounds
from tests.cloning.conftest import Opened
from tests.cloning.recorder import Recorder
from tests.scenarios.commands import Emulated, Home
from voicekeeper.audio import recognise
from voicekeeper.cloning import Made, NotCloned
from voicekeeper.config import load
from voicekeeper.core.voice import Intent
from voicekeeper.providers.cloning import CloneRequest
from voicekeeper.providers.gateways import GATEWAYS
from voicekeeper.recordings import PROMPT, VOICE, Findings
from voicekeeper.wiring import open_app

Cloned = Callable[..., Awaitable[Made]]

URL = "http://127.0.0.1:9/voice.wav"
MINIMAX = "voice-one-1"
#: For each provider: what differs in the account, the emulator's habits, what is cloned from, and its name.
SYSTEMS: dict[str, tuple[str, dict[str, object], dict[str, object], str, str | None]] = {
    "minimax-cn": ("minimax-cn", {}, {}, "voice.wav", MINIMAX),
    "minimax-global": ("minimax-global", {}, {}, "voice.wav", MINIMAX),
    "hingnet": ("hingnet", {}, {}, "voice.wav", MINIMAX),
    "the aggregator": (
        "minimax-gateway",
        {"path_prefix": "/minimax"},
        {"minimax_prefix": "aggregator"},
        "voice.wav",
        MINIMAX,
    ),
    "kkiai": ("kkiai", {}, {"minimax_prefix": "kkiai", "kkiai_upload": "/v1/files/upload"}, "voice.wav", MINIMAX),
    "kkiai, the other path": (
        "kkiai",
        {},
        {"minimax_prefix": "kkiai", "kkiai_upload": "/v1/files"},
        "voice.wav",
        MINIMAX,
    ),
    "ppinfra": ("ppinfra", {}, {}, URL, None),
    "ppio": ("ppio", {}, {}, URL, None),
    "novita": ("novita", {}, {}, URL, None),
    "jiekou": ("jiekou", {}, {}, URL, None),
    "wavespeed": ("wavespeed", {}, {"task_seconds": 0.7}, "voice.wav", "voiceone1"),
    "wavespeed, by address": ("wavespeed", {}, {}, URL, "voiceone1"),
}


def test_no_gateway_is_left_out() -> None:
    """A gateway that is added to the table would be one that nobody has ever cloned through."""
    assert {provider for provider, *_ in SYSTEMS.values()} == set(GATEWAYS)


@pytest.fixture
def cloned(home: Home, emulator: Emulated, opened: Opened) -> Cloned:
    """Return a function that clones through a system, with these parameters."""

    async def clone(system: str, *, key: str = "env:SCENARIO_KEY", **parameters: Any) -> Made:
        provider, settings, habits, given, name = SYSTEMS[system]
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


async def test_an_address_is_looked_at_where_it_can_be(home: Home, emulator: Emulated, opened: Opened) -> None:
    """Audio that is too short would be sent because it lies elsewhere; or the key would go to where it lies."""
    home.account("main", provider="ppinfra")
    findings = Findings()
    async with opened() as cloning:
        await cloning.recording(f"{emulator.url}/_emulator/audio?format=wav&token=secret", VOICE, findings)
    (problem,) = findings.problems
    assert "plays 0.2 s: 10 s at least" in problem or "plays 0.3 s: 10 s at least" in problem
    assert "secret" not in problem


CLONES = {
    "minimax-cn": "/v1/voice_clone",
    "hingnet": "/minimaxi/v1/voice_clone",
    "the aggregator": "/minimax/v1/voice_clone",
    "kkiai": "/minimax/v1/voice_clone",
    "ppinfra": "/v3/minimax-voice-cloning",
    "wavespeed": "/api/v3/minimax/voice-clone",
}
REFUSALS = {
    1002: (1, "too many requests", ""),
    1008: (3, "the balance is too low", "top up the account"),
    1026: (2, "the text counts as sensitive", "change the text"),
    1043: (2, "the audio does not say what text_validation says", "correct text_validation, or lower accuracy"),
    1044: (2, "the prompt does not sound like the audio", "use a prompt of the same speaker"),
    2013: (2, "a parameter is invalid", "check audio, voice_id and the other parameters"),
    2037: (2, "the audio is too short or too long", "use 10 seconds to 5 minutes"),
    2038: (3, "the account may not clone", "verify its identity at the provider"),
    2048: (2, "the prompt audio is too long", "use less than 8 seconds"),
    7777: (1, "a code that is not documented", ""),
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refusal_is_shown_with_code_meaning_and_mend(
    home: Home, emulator: Emulated, cloned: Cloned, code: int
) -> None:
    """Whoever cloned would have to look a number up, and a program would not know whether to try again."""
    exit_code, meaning, mend = REFUSALS[code]
    emulator.fault("code", path="/v1/voice_clone", code=code)
    with pytest.raises(NotCloned) as refused:
        await cloned("minimax-cn")
    assert refused.value.exit_code == exit_code
    assert f"{meaning}" in str(refused.value)
    assert f"(code {code}" in str(refused.value)
    assert mend in str(refused.value)
    assert home.sql("SELECT * FROM voices") == []
    assert [row["outcome"] is not None for row in home.sql("SELECT outcome FROM clonings")] == [True]


@pytest.mark.parametrize("code", [1008, 1043, 2037, 2038])
@pytest.mark.parametrize("system", ["hingnet", "the aggregator", "kkiai", "ppinfra", "wavespeed"])
async def test_refusals_are_read_in_each_familys_own_form(
    home: Home, emulator: Emulated, cloned: Cloned, system: str, code: int
) -> None:
    """A refusal in another shape would be taken for an answer that was lost, and the voice for made."""
    emulator.fault("code", path=CLONES[system], code=code, message=SAID[code])
    with pytest.raises(NotCloned) as refused:
        await cloned(system)
    assert (refused.value.exit_code, REFUSALS[code][1] in str(refused.value)) == (REFUSALS[code][0], True), (
        refused.value
    )
    assert home.sql("SELECT * FROM voices") == []


#: What stands in a failed prediction, where no number does.
SAID = {
    1008: "insufficient balance",
    1043: "ASR similarity check failed",
    2037: "voice duration too short",
    2038: "no cloning permission",
}


@pytest.mark.parametrize("system", CLONES)
async def test_a_wrong_key_is_said_in_every_family(home: Home, cloned: Cloned, system: str) -> None:
    """A key that is refused would look like a failure that passes by itself; and no key may be shown."""
    with pytest.raises(NotCloned) as refused:
        await cloned(system, key="sk-of-nobody")
    assert refused.value.exit_code == 3
    assert "sk-of-nobody" not in str(refused.value)
    assert home.sql("SELECT * FROM voices") == []


@pytest.mark.parametrize("system", CLONES)
@pytest.mark.parametrize("kind", ["http", "html"])
async def test_a_gateway_that_fails_on_the_way(
    home: Home, emulator: Emulated, cloned: Cloned, system: str, kind: str
) -> None:
    """After a gateway's own 503 the voice may be there; after a web page nothing has reached the API."""
    emulator.fault(kind, path=CLONES[system])
    with pytest.raises(NotCloned) as failed:
        await cloned(system)
    assert failed.value.exit_code == 1
    registered = kind == "http" and system != "ppinfra"
    assert len(home.sql("SELECT * FROM voices")) == registered


async def test_a_name_that_is_taken_says_what_may_have_happened(emulator: Emulated, cloned: Cloned) -> None:
    """After a lost answer the voice is there and its name is taken: nobody would think of registering it."""
    emulator.make("voice-one-1")
    with pytest.raises(NotCloned) as refused:
        await cloned("minimax-cn")
    assert refused.value.exit_code == 2
    assert "the voice_id is taken (code 2039" in str(refused.value)
    assert "`voicekeeper add`" in str(refused.value)


async def test_a_redirect_does_not_get_the_key(emulator: Emulated, cloned: Cloned, recorder: Recorder) -> None:
    """A gateway that was taken over could send the key anywhere."""
    emulator.fault("redirect", path="/v1/files/upload", location=f"{recorder.url}/elsewhere")
    with pytest.raises(NotCloned, match="redirects elsewhere") as refused:
        await cloned("minimax-cn")
    assert refused.value.exit_code == 3
    assert recorder.of("/elsewhere") == []


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


@pytest.mark.parametrize("system", [name for name, (*_, audio, _) in SYSTEMS.items() if audio != URL])
async def test_speech_by_a_synthesiser_is_cloned(home: Home, cloned: Cloned, spoken: Path, system: str) -> None:
    """Audio made by hand is not what people have: a real file could be refused or measured wrongly."""
    shutil.copy(spoken, home.folder / "voice.wav")
    made = await cloned(system)
    assert home.voice(str(made.voice.voice_id))["status"] == "waiting"
