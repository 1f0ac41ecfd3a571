"""Killed between call and answer: the next sweep takes over, and no call is paid twice."""

import pytest

from tests.scenarios.commands import LIST, Emulated, Home, finished, until
from tests.scenarios.gate import holding_answers
from tests.scenarios.serving import running

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
    home.insert(VOICE)
    with holding_answers(home) as gate, running(home, "run") as first:
        until(lambda: gate.reached)
        second = home.run("run")
        gate.open()
        first.ended()
    assert second.returncode == 75, second.stdout


def test_registry_locked_while_the_answer_comes(home: Home, emulator: Emulated) -> None:
    """If a locked registry lost an answer that was paid for, the voice would be paid again."""
    emulator.make(VOICE)
    home.insert(VOICE)
    with holding_answers(home) as gate, running(home, "run") as sweep:
        until(lambda: gate.reached)
        with home.locked():
            gate.open()
            sweep.said("registry.unavailable")
        sweep.ended()
    assert home.outcomes(VOICE) == ["kept"]
    assert emulator.spoken() == {VOICE: 1}
