"""Killed between call and answer: the next sweep takes over, and no call is paid twice."""

import subprocess

import pytest

from tests.scenarios.commands import LIST, Emulated, Home, finished, until

VOICE = "voice-one-1"


def _killed_in_the_call(home: Home, emulator: Emulated, kind: str) -> None:
    """Start a sweep, and kill it while its call is at the provider."""
    emulator.make(VOICE)
    emulator.fault(kind, times=1, **({"seconds": 30} if kind == "slow" else {}))
    home.insert(VOICE)
    with home.start("run") as process:
        until(emulator.calls)
        process.kill()
        assert finished(process).returncode == -9


@pytest.mark.parametrize(("kind", "calls"), [("slow", 1), ("hang", 2)], ids=["it was kept", "it was not"])
def test_killed_in_the_call(home: Home, emulator: Emulated, kind: str, calls: int) -> None:
    """If a crash were forgotten, a voice would be paid twice; if it were taken for a success, lost."""
    _killed_in_the_call(home, emulator, kind)
    voice = home.voice(VOICE)
    assert voice["lease_owner"]
    assert home.outcomes(VOICE) == [None], "the attempt is written before the call"
    home.end_leases()
    home.sweep(0)
    assert home.voice(VOICE)["status"] == "kept"
    assert home.outcomes(VOICE) == ["ambiguous", "kept"]
    assert emulator.calls(LIST), "the list is asked before a call is repeated"
    assert emulator.spoken() == {VOICE: calls}
    assert emulator.paid() == {VOICE: 1}


def test_a_dead_instances_lease_is_respected_until_it_ends(home: Home, emulator: Emulated) -> None:
    """If a living instance's voice were taken over, it would be called twice at the same time."""
    _killed_in_the_call(home, emulator, "hang")
    home.run("run")
    assert emulator.spoken() == {VOICE: 1}


def test_all_work_held_by_another_ends_with_75(home: Home, emulator: Emulated) -> None:
    """If a second sweep said "nothing was due" while another held the work, cron would report success for nothing."""
    emulator.make(VOICE)
    emulator.fault("slow", seconds=4, times=1)
    home.insert(VOICE)
    with home.start("run") as first:
        until(emulator.calls)
        second = home.run("run")
        assert finished(first).returncode == 0
    assert second.returncode == 75, second.stdout


def test_registry_locked_while_the_answer_comes(home: Home, emulator: Emulated) -> None:
    """If a locked registry lost an answer that was paid for, the voice would be paid again."""
    emulator.make(VOICE)
    emulator.fault("slow", seconds=1, times=1)
    home.insert(VOICE)
    with home.start("run") as process:
        until(emulator.calls)
        with subprocess.Popen(_holding(home, 7), stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            done = finished(process)
    assert done.returncode == 0, done.stderr
    assert "registry.unavailable" in done.stderr
    assert home.outcomes(VOICE) == ["kept"]
    assert emulator.spoken() == {VOICE: 1}


def _holding(home: Home, seconds: float) -> list[str]:
    """Return a command that holds the registry's lock for a while, longer than voicekeeper waits for it."""
    script = (
        "import sqlite3, sys, time; held = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "held.execute('BEGIN EXCLUSIVE'); print('held', flush=True); time.sleep(float(sys.argv[2]))"
    )
    return ["python3", "-c", script, str(home.registry), str(seconds)]
