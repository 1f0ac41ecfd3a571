"""What cannot be is refused before anything is sent, with its rule and its value."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cloning import sounds
from tests.cloning.conftest import Opened
from tests.providers.raw_server import raw_server, saying
from tests.recorder import Recorder
from tests.scenarios.commands import Home
from voicekeeper.core.errors import InputError
from voicekeeper.core.voice import Intent
from voicekeeper.providers.cloning import CloneRequest, DesignRequest
from voicekeeper.recordings import PROMPT, VOICE, Findings, Limits

LARGEST = 20 * 1024 * 1024


async def refused(opened: Opened, *, given: str = "voice.wav", **changes: Any) -> str:
    """Return what is said when a clone with this change is refused."""
    findings = Findings()
    async with opened() as cloning:
        audio = await cloning.recording(given, VOICE, findings)
        request = CloneRequest(audio=audio, **{"voice_id": "voice-one-1", **changes})
        with pytest.raises(InputError) as error:
            await cloning.clone(request, "", Intent.KEEP, findings)
    return str(error.value)


AUDIO: dict[str, tuple[Callable[[Path], object], str]] = {
    "too short": (lambda file: file.write_bytes(sounds.wav(9.5)), "plays 9.5 s: 10 s at least, 5 min at most"),
    "too long": (lambda file: file.write_bytes(sounds.wav(301)), "plays 301.0 s: 10 s at least, 5 min at most"),
    "mp3 too short": (lambda file: file.write_bytes(sounds.mp3(3)), "plays 3.0 s: 10 s at least"),
    "m4a too long": (lambda file: file.write_bytes(sounds.m4a(400)), "plays 400.0 s: 10 s at least"),
    "too large": (
        lambda file: file.write_bytes(sounds.wav(12).ljust(LARGEST + 1)),
        "has 20,971,521 bytes: 20,971,520 (20 MB) at most",
    ),
    "empty": (lambda file: file.touch(), "is empty"),
    "a folder": (lambda file: file.mkdir(), "is a folder"),
    "text": (lambda file: file.write_text("I am text. " * 999), "is text, not mp3, m4a or wav"),
    "flac": (lambda file: file.write_bytes(b"fLaC" + bytes(500)), "is FLAC, not mp3, m4a or wav"),
    "missing": (lambda _: None, "does not exist"),
}


@pytest.mark.parametrize(("make", "words"), AUDIO.values(), ids=AUDIO)
async def test_bad_audio(
    opened: Opened, home: Home, recorder: Recorder, make: Callable[[Path], object], words: str
) -> None:
    """The provider would be sent what it cannot take, and its refusal would come late and say less."""
    make(home.folder / "given.mp3")
    said = await refused(opened, given="given.mp3")
    assert f"audio given.mp3 {words}" in said
    assert recorder.heard == []
    assert home.sql("SELECT * FROM clonings") == []


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
async def test_an_address_with_too_much_behind_it(
    opened: Opened, home: Home, recorder: Recorder, *, told: bool
) -> None:
    """The gateway would be sent where it cannot take what lies there, and its refusal come late and say less."""
    home.account("main", provider="ppinfra")
    length = f"Content-Length: {LARGEST + 7}\r\n" if told else ""
    body = b"" if told else bytes(LARGEST + 1)
    async with raw_server(saying(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode() + body)) as server:
        said = await refused(opened, given=f"{server.url}/v.wav?token=secret", voice_id=None)
    size = "20,971,527" if told else "more than 20,971,520"
    assert f"/v.wav has {size} bytes: 20,971,520 (20 MB) at most" in said
    assert "secret" not in said
    assert recorder.heard == []


EDGES = [
    (10, VOICE, True),
    (300, VOICE, True),
    (9.9, VOICE, False),
    (300.1, VOICE, False),
    (7.9, PROMPT, True),
    (8, PROMPT, False),
]


@pytest.mark.parametrize(("seconds", "limits", "good"), EDGES)
async def test_the_edges_of_the_lengths(
    opened: Opened, home: Home, seconds: float, limits: Limits, *, good: bool
) -> None:
    """Audio that the provider takes would be refused, or the other way round."""
    (home.folder / "edge.wav").write_bytes(sounds.wav(seconds))
    findings = Findings()
    async with opened() as cloning:
        await cloning.recording("edge.wav", limits, findings)
    assert bool(findings.problems) is not good


@pytest.mark.parametrize("name", ["voice.txt", "voice", "Stimme größer.wav"])
async def test_the_name_does_not_matter(opened: Opened, home: Home, name: str) -> None:
    """Good audio under an odd name would be refused."""
    (home.folder / name).write_bytes(sounds.mp3(12))
    findings = Findings()
    async with opened() as cloning:
        recording = await cloning.recording(name, VOICE, findings)
    assert findings == Findings()
    assert recording.sound is not None


async def test_an_unreadable_length_warns_and_the_provider_decides(opened: Opened, home: Home) -> None:
    """Audio that only we cannot measure would be refused."""
    (home.folder / "odd.m4a").write_bytes(sounds.m4a(None))
    findings = Findings()
    async with opened() as cloning:
        recording = await cloning.recording("odd.m4a", VOICE, findings)
        request = CloneRequest(audio=recording, voice_id="voice-one-1")
        await cloning.clone(request, "", Intent.KEEP, findings)
    assert "its length cannot be read" in findings.warnings[0]
    assert home.voice("voice-one-1")["status"] == "waiting"


PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "voice_id too short": ({"voice_id": "abc"}, 'voice_id "abc" is impossible: 8 to 256'),
    "voice_id of digits": ({"voice_id": "1234567890"}, 'voice_id "1234567890" is impossible'),
    "voice_id ends badly": ({"voice_id": "voice-one-"}, "is impossible"),
    "voice_id missing": ({"voice_id": None}, "voice_id is missing: minimax-cn wants one of your own"),
    "text alone": ({"text": "Hello."}, "text has no model to speak it"),
    "text too long": ({"text": "x" * 1001, "model": "speech-2.8-hd"}, "text is 1001 characters long, 1000 at most"),
    "text of pauses": ({"text": "<#1.5#>", "model": "speech-2.8-hd"}, "has nothing to speak in it"),
    "prompt text alone": ({"prompt_text": "Hello."}, "the prompt has its text, but not its audio"),
    "accuracy above": ({"accuracy": 1.01}, "accuracy 1.01 is not between 0 and 1"),
    "accuracy below": ({"accuracy": -0.1}, "accuracy -0.1 is not between 0 and 1"),
    "accuracy nan": ({"accuracy": float("nan")}, "accuracy nan is not between 0 and 1"),
    "validation too long": ({"text_validation": "x" * 201}, "text_validation is 201 characters long, 200 at most"),
    "validation empty": ({"text_validation": " "}, "has nothing to speak in it"),
    "model empty": ({"model": ""}, 'model "" is no name'),
    "language with a line": ({"language_boost": "Eng\nlish"}, "is no name"),
}


@pytest.mark.parametrize(("changes", "words"), PARAMETERS.values(), ids=PARAMETERS)
async def test_bad_parameters(opened: Opened, recorder: Recorder, changes: dict[str, Any], words: str) -> None:
    """The provider would be asked for what it must refuse, after the audio was uploaded."""
    assert words in await refused(opened, **changes)
    assert recorder.heard == []


async def test_a_prompt_without_its_text_or_too_long(opened: Opened, home: Home, recorder: Recorder) -> None:
    """Half of a prompt would be sent, or one that the provider must refuse."""
    (home.folder / "long.wav").write_bytes(sounds.wav(9))
    findings = Findings()
    async with opened() as cloning:
        prompt = await cloning.recording("long.wav", PROMPT, findings)
        audio = await cloning.recording("voice.wav", VOICE, findings)
        request = CloneRequest(audio=audio, voice_id="voice-one-1", prompt_audio=prompt)
        with pytest.raises(InputError) as error:
            await cloning.clone(request, "", Intent.KEEP, findings)
    assert "the prompt has its audio, but not its text" in str(error.value)
    assert "prompt audio long.wav plays 9.0 s: less than 8 s" in str(error.value)
    assert recorder.heard == []


GATEWAYS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a file for PPInfra": ("ppinfra", "voice.wav", {"voice_id": None}, "ppinfra wants an address, not a file"),
    "a name for PPInfra": ("ppinfra", "voice.wav", {}, 'voice_id "voice-one-1" cannot be chosen: ppinfra makes it'),
    "a watermark for PPInfra": ("novita", "voice.wav", {"aigc_watermark": True}, "aigc_watermark is no parameter of"),
    "a long text for PPInfra": (
        "ppinfra",
        "voice.wav",
        {"text": "x" * 2001, "model": "speech-02-hd"},
        "text is 2001 characters long, 2000 at most",
    ),
    "an address for MiniMax": ("minimax-cn", "https://a.example/v.wav", {}, "minimax-cn wants a file: download it"),
    "a dash for WaveSpeed": ("wavespeed", "voice.wav", {}, 'voice_id "voice-one-1" is impossible: 8 or more letters'),
    "no digit for WaveSpeed": ("wavespeed", "voice.wav", {"voice_id": "voiceone"}, "both of them"),
    "no name for WaveSpeed": (
        "wavespeed",
        "voice.wav",
        {"voice_id": None},
        "8 or more letters and digits, both of them",
    ),
    "a prompt for WaveSpeed": ("wavespeed", "voice.wav", {"prompt_text": "x"}, "prompt_text is no parameter of"),
    "no address": ("wavespeed", "https:///", {"voice_id": "voiceone1"}, "audio https:/// is no address"),
    "a rewritten name": ("hingnet", "voice.wav", {"voice_id": "shimmer"}, 'voice_id "shimmer" is impossible'),
}


@pytest.mark.parametrize(("provider", "given", "changes", "words"), GATEWAYS.values(), ids=GATEWAYS)
async def test_each_gateways_own_rules(
    opened: Opened,
    home: Home,
    recorder: Recorder,
    provider: str,
    given: str,
    changes: dict[str, Any],
    words: str,
) -> None:
    """What one gateway takes would be sent to another, which does not."""
    home.account("main", provider=provider)
    assert words in await refused(opened, given=given, **changes)
    assert recorder.heard == []


async def test_design_rules(opened: Opened, home: Home, recorder: Recorder) -> None:
    """A design that cannot be would be asked for, or one of a gateway that has none."""
    good = DesignRequest(prompt="An old sailor.", preview_text="Ahoy.")
    bad = {
        "prompt is empty": replace(good, prompt=" "),
        "preview_text is 501 characters long, 500 at most": replace(good, preview_text="x" * 501),
        'voice_id "x" is impossible': replace(good, voice_id="x"),
    }
    async with opened() as cloning:
        for words, request in bad.items():
            with pytest.raises(InputError, match=words):
                await cloning.design(request, "", Intent.KEEP, Findings())
    others = {
        "ppinfra": ("ppinfra has no voice design", good),
        "hingnet": ('voice_id "nova" is impossible', replace(good, voice_id="nova")),
        "wavespeed": (
            "voice_id is missing: wavespeed wants one of your own(.|\n)*aigc_watermark is no parameter of wavespeed",
            replace(good, aigc_watermark=True),
        ),
    }
    for provider, (words, request) in others.items():
        home.account("main", provider=provider)
        async with opened() as cloning:
            with pytest.raises(InputError, match=words):
                await cloning.design(request, "", Intent.KEEP, Findings())
    assert recorder.heard == []


def test_the_command_says_everything_at_once(home: Home, recorder: Recorder) -> None:
    """Whoever makes three mistakes would be told of one at a time."""
    (home.folder / "song.mp3").write_text("la la la")
    words = (
        "--voice-id",
        "x",
        "--text",
        "Hello.",
        "--accuracy",
        "7",
        "--label",
        "y" * 300,
        "--preview",
        "no/where.mp3",
    )
    done = home.run("clone", "song.mp3", "--account", "main", *words)
    assert done.returncode == 2
    for mistake in (
        "audio song.mp3",
        'voice_id "x"',
        "text has no model",
        "accuracy 7",
        "label is 300",
        "no/where.mp3",
    ):
        assert mistake in done.stderr
    assert "nothing was sent" in done.stderr
    assert recorder.heard == []


def test_an_account_that_is_not_configured(home: Home) -> None:
    """A typing mistake would end in a traceback."""
    done = home.run("clone", "voice.wav", "--account", "other", "--voice-id", "voice-one-1")
    assert done.returncode == 2
    assert 'account "other" is not configured (there is: main)' in done.stderr


async def test_a_voice_that_is_registered_already(opened: Opened, home: Home, recorder: Recorder) -> None:
    """A second voice would be asked for under a name that is taken, after an upload of 20 MB."""
    home.insert("voice-one-1")
    assert "main/voice-one-1 is registered already" in await refused(opened)
    assert recorder.heard == []
