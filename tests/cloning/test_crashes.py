"""Killed at each step of a clone, and answers that are lost: the voice is never forgotten, and never made twice."""

import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.recorder import Recorder
from tests.scenarios.commands import SPEECH, Done, Emulated, Home, finished, moment, read, until
from tests.scenarios.serving import Running, running

VOICE = "voice-one-1"
UPLOAD, CLONE, DESIGN = "/v1/files/upload", "/v1/voice_clone", "/v1/voice_design"
COMMAND = ("clone", "voice.wav", "--account", "main", "--voice-id", VOICE, "--label", "Anna")
UNNAMED = ("design", "--account", "main", "--prompt", "calm", "--preview-text", "Ahoy.", "--label", "Anna")
DESIGNING = (*UNNAMED, "--voice-id", VOICE)


def stopped(
    home: Home,
    recorder: Recorder,
    path: str,
    number: int = signal.SIGKILL,
    command: tuple[str, ...] = COMMAND,
    after: int = 0,
) -> Done:
    """Start a clone, and end it with a signal when it is at that path for the first time `after` so many."""
    with home.start(*command) as process:
        until(lambda: len(recorder.of(path)) > after)
        process.send_signal(number)
        return finished(process)


def end_leases(home: Home) -> None:
    """Let the time pass for which a trace is left to its instance."""
    home.sql("UPDATE clonings SET lease_until = ?", moment(datetime.now(UTC)))


def trace(home: Home) -> dict[str, Any]:
    (found,) = home.sql("SELECT * FROM clonings")
    return found


def alerts(home: Home) -> list[dict[str, Any]]:
    return home.sql("SELECT severity, title, body FROM alerts ORDER BY id")


def test_killed_during_the_upload(home: Home, recorder: Recorder, emulator: Emulated) -> None:
    """Nothing was made: a voice that is registered all the same would end as a false alarm."""
    recorder.held = UPLOAD
    stopped(home, recorder, UPLOAD)
    assert home.sql("SELECT * FROM clonings") == []
    home.sweep(0)
    assert home.sql("SELECT * FROM voices") == []
    assert emulator.calls(CLONE) == []


def test_killed_during_the_prompts_upload(home: Home, recorder: Recorder, emulator: Emulated) -> None:
    """Nothing was made yet, though a file lies at the provider: the same command must do when it is given again."""
    recorder.held, recorder.answered = UPLOAD, 1
    command = (*COMMAND, "--prompt-audio", "prompt.wav", "--prompt-text", "My words.")
    stopped(home, recorder, UPLOAD, command=command, after=1)
    assert home.sql("SELECT * FROM clonings") == []
    home.sweep(0)
    assert home.sql("SELECT * FROM voices") == []
    assert alerts(home) == emulator.calls(CLONE) == []
    recorder.held = ""
    assert home.run(*command).returncode == 0
    assert home.voice(VOICE)["status"] == "waiting"


@pytest.mark.parametrize(("path", "command"), [(CLONE, COMMAND), (DESIGN, DESIGNING)], ids=["clone", "design"])
def test_killed_when_the_provider_had_made_it(
    home: Home, recorder: Recorder, emulator: Emulated, path: str, command: tuple[str, ...]
) -> None:
    """The voice is there and nobody would know: it would be deleted, and its name stay taken."""
    emulator.fault("slow", path=path, seconds=30)
    stopped(home, recorder, path, command=command)
    until(lambda: emulator.calls(path))
    begun = trace(home)
    assert (begun["voice_id"], begun["finished_at"], begun["outcome"]) == (VOICE, None, None)
    home.sweep(0)
    assert home.sql("SELECT * FROM voices") == [], "its instance may be alive: its lease has not run out"
    end_leases(home)
    assert home.run("needs-keeping").returncode == 0, "or systemd would not start the sweep that picks it up"
    done = home.sweep(0)
    assert '"event": "clone.cut_off"' in done.stderr
    voice = home.voice(VOICE)
    assert (voice["status"], voice["label"], voice["cloned_at"]) == ("kept", "Anna", begun["cloned_at"])
    assert voice["origin"] == command[0]
    assert read(voice["cloned_at"]) <= read(emulator.calls(path)[0]["at"])
    assert (trace(home)["outcome"], len(emulator.calls(path))) == ("ambiguous", 1)
    (alert,) = alerts(home)
    assert alert["severity"] == "info"
    assert VOICE in alert["title"]


def test_killed_before_the_provider_had_made_it(home: Home, recorder: Recorder, emulator: Emulated) -> None:
    """The voice is registered for nothing; its keep call must say so, and nothing may be paid."""
    recorder.held = CLONE
    stopped(home, recorder, CLONE)
    end_leases(home)
    home.sweep(1)
    assert home.voice(VOICE)["status"] == "waiting"
    assert home.voice(VOICE)["last_outcome"] == "not_found"
    assert emulator.paid() == {}
    assert [alert["severity"] for alert in alerts(home)] == ["info", "warning"]


@contextmanager
def locked_before_the_answer(home: Home, recorder: Recorder) -> Iterator[Running]:
    """Have a voice cloned, whose answer finds the registry locked; unless it is killed before, it has to end well."""
    home.account("main", timeout="60s")
    gate = recorder.gate(CLONE)
    with running(home, *COMMAND) as cloning:
        until(lambda: gate.reached)
        with home.locked():
            gate.open()
            yield cloning
        if cloning.process.returncode is None:
            cloning.ended()


def test_killed_between_the_answer_and_the_registration(home: Home, recorder: Recorder, emulator: Emulated) -> None:
    """The provider has accepted it and the registry would not take it: the next run has to."""
    with locked_before_the_answer(home, recorder) as cloning:
        cloning.said("voice.cloned")
        cloning.kill()
    assert home.sql("SELECT * FROM voices") == []
    end_leases(home)
    home.sweep(0)
    assert home.voice(VOICE)["status"] == "kept"
    assert len(emulator.calls(CLONE)) == 1


def test_killed_after_the_registration(home: Home, recorder: Recorder) -> None:
    """What is registered needs no picking up: people would be told of a doubt that there is not."""
    recorder.held = "/_emulator/audio"
    command = (*COMMAND, "--text", "Hello.", "--model", "speech-02-hd", "--preview", "p.mp3")
    with home.start(*command) as process:
        until(lambda: [one for one in recorder.heard if one.path.startswith("/_emulator/audio")])
        process.kill()
        finished(process)
    assert home.voice(VOICE)["status"] == "waiting"
    assert trace(home)["outcome"] == "cloned"
    assert not (home.folder / "p.mp3").exists()
    end_leases(home)
    home.sweep(0)
    assert alerts(home) == []


def test_killed_where_the_gateway_makes_the_name(home: Home, recorder: Recorder, emulator: Emulated) -> None:
    """A voice may be there that nobody can name: only a person can look, and has to be told what for."""
    home.account("main", provider="ppinfra")
    path = "/v3/minimax-voice-cloning"
    emulator.fault("slow", path=path, seconds=30)
    command = ("clone", "http://127.0.0.1:9/voice.wav", "--account", "main", "--label", "Anna")
    stopped(home, recorder, path, command=command)
    begun = trace(home)
    assert begun["voice_id"] is None
    end_leases(home)
    home.sweep(0)
    (alert,) = alerts(home)
    assert alert["severity"] == "critical"
    assert read(begun["cloned_at"]).strftime("%Y-%m-%d %H:%M:%S UTC") in alert["body"]
    assert '("Anna")' in alert["body"]
    assert "voicekeeper add VOICE_ID --account main --cloned-at" in alert["body"]
    home.sweep(0)
    assert len(alerts(home)) == 1, "it is told once"
    assert home.sql("SELECT * FROM voices") == []


def test_killed_where_the_provider_names_its_design(home: Home, recorder: Recorder, emulator: Emulated) -> None:
    """A designed voice that nobody can name would be registered as a clone, or be paid for though it was to wait."""
    emulator.fault("slow", path=DESIGN, seconds=30)
    stopped(home, recorder, DESIGN, command=(*UNNAMED, "--hold"))
    until(lambda: emulator.calls(DESIGN))
    end_leases(home)
    home.sweep(0)
    (alert,) = alerts(home)
    assert alert["severity"] == "critical"
    (command,) = re.findall("`voicekeeper add VOICE_ID (.*)`", alert["body"])
    assert home.run("add", "ttv-voice-found", *shlex.split(command)).returncode == 0
    voice = home.voice("ttv-voice-found")
    assert (voice["origin"], voice["intent"], voice["label"]) == ("design", "hold", "Anna")
    assert abs(read(voice["cloned_at"]) - read(trace(home)["cloned_at"])) < timedelta(seconds=1)


def test_killed_while_it_asks_for_its_prediction(home: Home, recorder: Recorder, emulator: Emulated) -> None:
    """The gateway goes on and makes the voice that nobody would know of, or a second submission would make two."""
    home.account("main", provider="wavespeed", timeout="10s")
    emulator._order("PATCH", "/habits", {"task_seconds": 3})
    path = "/api/v3/minimax/voice-clone"
    with home.start(*COMMAND[:-3], "voiceone1", "--label", "Anna") as process:
        until(lambda: [one for one in recorder.heard if one.path.startswith("/api/v3/predictions/")])
        process.kill()
        finished(process)
    begun = trace(home)
    assert (begun["voice_id"], begun["finished_at"]) == ("voiceone1", None)
    assert home.sql("SELECT * FROM voices") == []
    emulator.advance(timedelta(seconds=3))
    end_leases(home)
    home.sweep(0)
    voice = home.voice("voiceone1")
    assert (voice["status"], voice["label"], voice["cloned_at"]) == ("kept", "Anna", begun["cloned_at"])
    assert len(emulator.calls(path)) == 1
    assert [alert["severity"] for alert in alerts(home)] == ["info"]


def test_interrupted_by_its_user(home: Home, recorder: Recorder) -> None:
    """Ctrl-C during the call would forget a voice that the provider goes on to make."""
    recorder.held = CLONE
    done = stopped(home, recorder, CLONE, signal.SIGINT)
    assert done.returncode == 1
    assert trace(home)["outcome"] == "ambiguous"
    assert home.voice(VOICE)["label"] == "Anna"


@pytest.mark.parametrize("kind", ["lost", "truncated", "reset", "hang"])
def test_an_answer_that_is_lost_is_not_asked_for_again(home: Home, emulator: Emulated, kind: str) -> None:
    """A second call would be refused as a duplicate, or make a second voice; no call would forget the first."""
    home.account("main", timeout="1s")
    emulator.fault(kind, path=CLONE, times=1)
    done = home.run(*COMMAND)
    assert done.returncode == 1
    assert "may have been made all the same, so main/voice-one-1 is registered" in done.stderr
    assert len(emulator.calls(CLONE)) == 1
    assert trace(home)["outcome"] == "ambiguous"
    made = kind in {"lost", "truncated"}
    home.sweep(0 if made else 1)
    assert home.voice(VOICE)["status"] == ("kept" if made else "waiting")
    assert len(emulator.calls(CLONE)) == 1
    assert len(emulator.calls(SPEECH)) == 1


def test_a_lost_answer_where_the_gateway_makes_the_name(home: Home, emulator: Emulated) -> None:
    """The one who cloned may have gone: whoever is on call has to hear of it too."""
    home.account("main", provider="ppinfra")
    emulator.fault("lost", path="/v3/minimax-voice-cloning", times=1)
    done = home.run("clone", "http://127.0.0.1:9/voice.wav", "--account", "main")
    assert done.returncode == 1
    assert "look at the provider's console before you try again" in done.stderr
    assert [alert["severity"] for alert in alerts(home)] == ["critical"]
    assert trace(home)["outcome"] == "ambiguous"


def test_a_locked_registry_clones_nothing(home: Home, recorder: Recorder) -> None:
    """A voice would be made that stands in no registry."""
    with home.locked():
        done = home.run(*COMMAND)
    assert done.returncode == 75
    assert recorder.heard == []


def test_a_registry_that_is_locked_for_a_moment_is_asked_again(home: Home, recorder: Recorder) -> None:
    """A voice that was made would be left to the next sweep, which may be an hour away."""
    with locked_before_the_answer(home, recorder) as cloning:
        cloning.said("registry.unavailable")
    assert home.voice(VOICE)["status"] == "waiting"
    assert trace(home)["outcome"] == "cloned"
