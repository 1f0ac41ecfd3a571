"""The process itself: killed at any moment, asleep for hours, and with a part of it that has died."""

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import step_by_step
from tests.scenarios.commands import Emulated, Home, events, finished, names, until

VOICE = "voice-one-1"
#: More steps than a sweep with one voice has.
STEPS = 40


@pytest.mark.timeout(600)
def test_killed_at_any_step_the_voice_is_called_and_paid_once(tmp_path: Path, home: Home, emulator: Emulated):
    """A power cut at the wrong moment would cost the fee twice, or the voice."""
    ids = names(STEPS, "step")
    emulator.make(*ids)
    homes = []
    for number, name in enumerate(ids, 1):
        folder = tmp_path / "steps" / str(number)
        folder.mkdir(parents=True)
        homes.append(Home(folder, emulator.url))
        shutil.copy(home.registry, homes[-1].registry)
        homes[-1].insert(name)
    command = [sys.executable, step_by_step.__file__, str(tmp_path / "steps")]
    done = subprocess.run(command, env=home.environment(), capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = done.stdout.splitlines()
    assert any("before a call" in step for step in steps)
    assert any("after a call" in step for step in steps)
    assert len(steps) > 10, steps
    assert emulator.spoken() == emulator.paid() == dict.fromkeys(ids[: len(steps)], 1), steps
    assert {here.voice(name)["status"] for here, name, _ in zip(homes, ids, steps, strict=False)} == {"kept"}


@contextmanager
def serving_with(home: Home, before: str) -> Iterator[subprocess.Popen[str]]:
    """Start a daemon in whose process something has been done before."""
    script = f"{textwrap.dedent(before)}\nfrom voicekeeper.cli import main\nmain()\n"
    command = [sys.executable, "-c", script, "serve"]
    pipe, env = subprocess.PIPE, home.environment()
    with subprocess.Popen(command, cwd=home.folder, env=env, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_machine_that_slept_for_hours_looks_at_once(home: Home, emulator: Emulated):
    """A laptop that is opened in the morning would wait for an hour that had passed long ago."""
    home.set("serve", sweep_every="12h")
    home.set("keep", keep_after="8h")
    emulator.make(VOICE)
    home.insert(VOICE)
    asleep = """
        import os, datetime
        from apscheduler.executors import base as executors
        from apscheduler.schedulers import base as schedulers
        from voicekeeper import clock

        class Machine(datetime.datetime):
            @classmethod
            def now(cls, zone=None):
                slept = 9 if os.path.exists("slept") else 0
                return datetime.datetime.now(zone) + datetime.timedelta(hours=slept)

        for one in (clock, executors, schedulers):
            one.datetime = Machine
    """
    with serving_with(home, asleep) as daemon:
        until(lambda: home.voice(VOICE)["due_at"])
        assert not emulator.calls()
        (home.folder / "slept").touch()
        until(lambda: home.statuses() == {"kept": 1}, 30)
        assert daemon.stderr is not None
        assert any('"clock.stepped"' in line for line in daemon.stderr)
        daemon.terminate()
        done = finished(daemon)
    assert done.returncode == 0, done.stderr


def test_a_background_task_that_dies_ends_the_daemon(home: Home):
    """A daemon that goes on half alive looks healthy, and misses what the dead half was for."""
    broken = """
        import sys, time
        from voicekeeper.clock import WallClock

        begun = time.monotonic()

        def monotonic(self):
            if time.monotonic() - begun > 3 and sys._getframe(1).f_code.co_name == "watch_clock":
                raise OSError("the clock is gone")
            return time.monotonic()

        WallClock.monotonic = monotonic
    """
    with serving_with(home, broken) as daemon:
        done = finished(daemon)
    assert done.returncode == 1, done.stderr
    (said,) = [line for line in events(done.stderr) if line["event"] == "serve.failed"]
    assert "the clock is gone" in said["exception"]
