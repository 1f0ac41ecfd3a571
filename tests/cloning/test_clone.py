"""`clone` and `design` from the command line to the provider: what arrives, what is registered, what is saved."""

import json
import stat

from tests.recorder import Recorder
from tests.scenarios.commands import Emulated, Home, read

VOICE = "voice-one-1"
EVERYTHING = (
    *("clone", "voice.wav", "--account", "main", "--voice-id", VOICE),
    *("--prompt-audio", "prompt.wav", "--prompt-text", "These are my words."),
    *("--text", "This is how I sound.", "--model", "speech-2.8-hd"),
    *("--language-boost", "Chinese,Yue", "--text-validation", "What I say.", "--accuracy", "0"),
    *("--noise-reduction", "--volume-normalization", "--watermark"),
)


def test_every_parameter_arrives(home: Home, recorder: Recorder) -> None:
    """A parameter that was dropped on the way would make another voice than was asked for."""
    done = home.run(*EVERYTHING)
    assert done.returncode == 0, done.stderr
    audio, prompt = recorder.of("/v1/files/upload")
    assert b'name="purpose"\r\n\r\nvoice_clone\r\n' in audio.body
    assert (home.folder / "voice.wav").read_bytes() in audio.body
    assert b'filename="voice_clone.wav"' in audio.body
    assert b'name="purpose"\r\n\r\nprompt_audio\r\n' in prompt.body
    assert (home.folder / "prompt.wav").read_bytes() in prompt.body
    (call,) = recorder.of("/v1/voice_clone")
    body = call.json
    assert isinstance(body.pop("file_id"), int)
    assert isinstance(body["clone_prompt"].pop("prompt_audio"), int)
    assert body == {
        "voice_id": VOICE,
        "clone_prompt": {"prompt_text": "These are my words."},
        "text": "This is how I sound.",
        "model": "speech-2.8-hd",
        "language_boost": "Chinese,Yue",
        "text_validation": "What I say.",
        "accuracy": 0,
        "need_noise_reduction": True,
        "need_volume_normalization": True,
        "aigc_watermark": True,
    }


def test_what_was_not_given_is_not_sent(home: Home, recorder: Recorder) -> None:
    """A default of ours would override the provider's own."""
    assert home.run("clone", "voice.wav", "--account", "main", "--voice-id", VOICE).returncode == 0
    (call,) = recorder.of("/v1/voice_clone")
    assert set(call.json) == {"file_id", "voice_id"}


def test_the_voice_is_registered_with_the_time_before_the_call(home: Home, emulator: Emulated) -> None:
    """With a later time the deadline would lie after the provider's, and the voice could be deleted unnoticed."""
    emulator.fault("slow", path="/v1/voice_clone", seconds=1)
    done = home.run("clone", "voice.wav", "--account", "main", "--voice-id", VOICE, "--label", "Anna", "--hold")
    assert done.returncode == 0, done.stderr
    assert "main/voice-one-1" in done.stdout
    voice = home.voice(VOICE)
    assert (voice["status"], voice["label"], voice["intent"], voice["origin"]) == ("waiting", "Anna", "hold", "clone")
    (call,) = emulator.calls("/v1/voice_clone")
    assert read(voice["cloned_at"]) <= read(call["at"])
    (trace,) = home.sql("SELECT * FROM clonings")
    assert (trace["voice_id"], trace["outcome"], trace["cloned_at"]) == (VOICE, "cloned", voice["cloned_at"])


def test_the_preview_is_saved_for_its_owner_only_and_keeps_nothing(
    home: Home, emulator: Emulated, recorder: Recorder
) -> None:
    """If the preview counted as a keep, the voice would be deleted; with the key along, any server would have it."""
    done = home.run(*EVERYTHING, "--preview", "preview.mp3")
    assert done.returncode == 0, done.stderr
    saved = home.folder / "preview.mp3"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert saved.read_bytes()[:1] == b"\xff"
    assert home.voice(VOICE)["status"] == "waiting"
    assert home.outcomes(VOICE) == []
    assert emulator.spoken() == {}
    home.sweep(0)
    assert emulator.paid() == {VOICE: 1}
    (fetched,) = [one for one in recorder.heard if one.path.startswith("/_emulator/audio")]
    assert "authorization" not in fetched.headers


def test_a_preview_replaces_a_file_only_by_force(home: Home, recorder: Recorder) -> None:
    """Something that its owner needs could be gone."""
    (home.folder / "mine.mp3").write_bytes(b"mine")
    refused = home.run(*EVERYTHING, "--preview", "mine.mp3")
    assert refused.returncode == 2
    assert "exists already" in refused.stderr
    assert recorder.heard == []
    assert home.run(*EVERYTHING, "--preview", "mine.mp3", "--force").returncode == 0
    saved = home.folder / "mine.mp3"
    assert saved.read_bytes() != b"mine"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert sorted(path.name for path in home.folder.glob("*mp3*")) == ["mine.mp3"]


def test_a_preview_that_cannot_be_had_leaves_the_voice(home: Home, recorder: Recorder) -> None:
    """A voice that was made and paid for later would be called a failure."""
    recorder.held = "/_emulator/audio"
    home.account("main", timeout="1s")
    done = home.run(*EVERYTHING, "--preview", "preview.mp3")
    assert done.returncode == 0, done.stderr
    assert "preview cannot be had" in done.stderr
    assert home.voice(VOICE)["status"] == "waiting"


def test_design_registers_what_the_provider_named(home: Home, recorder: Recorder) -> None:
    """A designed voice that is not registered is deleted after its lifetime, like a clone."""
    words = ("--prompt", "An old sailor.", "--preview-text", "Ahoy.", "--watermark")
    done = home.run("design", "--account", "main", *words, "--preview", "trial.mp3", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["origin"] == "design"
    assert told["preview"] == "trial.mp3"
    assert told["warnings"] == []
    (call,) = recorder.of("/v1/voice_design")
    assert call.json == {"prompt": "An old sailor.", "preview_text": "Ahoy.", "aigc_watermark": True}
    voice = home.voice(told["voice_id"])
    assert (voice["origin"], voice["status"]) == ("design", "waiting")
    home.sweep(0)
    assert home.voice(told["voice_id"])["status"] == "kept"


def test_design_takes_a_name(home: Home, recorder: Recorder) -> None:
    """An owner's own name would be lost, and their program could not find the voice."""
    words = ("--prompt", "An old sailor.", "--preview-text", "Ahoy.", "--voice-id", VOICE)
    assert home.run("design", "--account", "main", *words).returncode == 0
    assert recorder.of("/v1/voice_design")[0].json["voice_id"] == VOICE
    assert home.voice(VOICE)["origin"] == "design"


def test_clone_tells_programs_what_it_made(home: Home) -> None:
    """A program that clones could not read what came of it."""
    done = home.run("clone", "voice.wav", "--account", "main", "--voice-id", VOICE, "--json")
    told = json.loads(done.stdout)
    assert (told["account"], told["voice_id"], told["intent"]) == ("main", VOICE, "keep")
    assert told["cloned_at"].endswith("Z")
    assert told["deadline"] > told["cloned_at"]
    assert told["trace_id"]


def test_a_registry_that_cannot_be_worked_with_stops_it_first(home: Home, emulator: Emulated) -> None:
    """A voice would be made that nothing reminds of its deadline."""
    home.registry.unlink()
    done = home.run("clone", "voice.wav", "--account", "main", "--voice-id", VOICE)
    assert done.returncode == 75
    assert emulator.calls("/v1/files/upload") == emulator.calls("/v1/voice_clone") == []
