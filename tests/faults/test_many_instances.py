"""Four real processes on one server, daemons and one-shot sweeps, killed and stopped at random: each voice once."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Registries
from tests.scenarios.commands import VOICEKEEPER, Emulated, Home, ago, events, names, read, until
from tests.scenarios.sinks import Webhook

VOICES = 240
PER_MINUTE = 1200
#: Calls that may begin in so many seconds: their slots, and what each of four processes brings late to its own.
WINDOW = 5
MOST = WINDOW * PER_MINUTE / 60 + 4 * 8
#: Seconds. The lease is twice the timeout and half a minute.
TIMEOUT, LEASE = 1, 32


@dataclass
class Fleet:
    """Processes of the installed command on one registry; each knows how it ended."""

    home: Home
    running: dict[subprocess.Popen[bytes], str] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)

    def start(self, command: str) -> subprocess.Popen[bytes]:
        log = (self.home.folder / f"{len(self.logs)}.log").open("w+b")
        self.logs.append(log)
        process = subprocess.Popen(
            [VOICEKEEPER, command], cwd=self.home.folder, env=self.home.environment(), stdout=log, stderr=log
        )
        self.running[process] = command
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.running.pop(process)
        self.killed.append(f"-{process.pid}-")

    def ended(self) -> list[int]:
        """Let those go that have come to their end; return their exit codes."""
        done = [process for process in self.running if process.poll() is not None]
        for process in done:
            self.running.pop(process)
        return [process.returncode for process in done]

    def said(self) -> list[dict[str, Any]]:
        return [line for log in self.logs for line in events(_text(log.name))]

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        for log in self.logs:
            log.close()


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture(params=["postgresql", "mysql"])
def served(request: pytest.FixtureRequest, registries: Registries, home: Home) -> Home:
    """A folder whose registry is on a server, and whose account has a rate that binds."""
    home.set("registry", url=registries.migrated(request.param))
    home.account("main", requests_per_minute=PER_MINUTE, timeout=f"{TIMEOUT}s", max_concurrency=8)
    return home


@pytest.fixture
def fleet(served: Home) -> Iterator[Fleet]:
    made = Fleet(served)
    try:
        yield made
    finally:
        made.close()


def register(home: Home, ids: list[str]) -> None:
    file = home.folder / "voices.csv"
    file.write_text("voice_id,cloned_at\n" + "".join(f"{name},{ago(hours=1)}\n" for name in ids), encoding="utf-8")
    done = home.run("import", str(file), "--account", "main")
    assert done.returncode == 0, done.stderr


def statuses(home: Home) -> Counter[str]:
    return Counter(voice["status"] for voice in home.json("list"))


@contextmanager
def stopped(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let a process stand still, as a machine that is suspended."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def most_in_a_window(calls: list[dict[str, Any]]) -> int:
    """Return how many calls began within any window of that length."""
    moments = sorted(read(call["at"]).timestamp() for call in calls)
    return max(sum(1 for other in moments[at:] if other - moment < WINDOW) for at, moment in enumerate(moments))


def test_killed_and_stopped_at_random_each_voice_is_kept_once(fleet: Fleet, served: Home, emulator: Emulated):
    """A machine that dies or sleeps would leave voices behind, or have them paid twice."""
    chance = random.Random(20261121)  # noqa: S311 - replays, not secrets
    ids = names(VOICES)
    emulator.make(*ids)
    register(served, ids)
    sleeper = fleet.start("serve")
    until(emulator.calls)
    for command in ("run", "serve", "run"):
        fleet.start(command)
    begun = time.monotonic()
    with stopped(sleeper):
        while len(emulator.spoken()) < VOICES * 0.8:
            time.sleep(chance.uniform(0.3, 1.0))
            fleet.ended()
            victims = [process for process in fleet.running if process is not sleeper]
            if victims and len(fleet.killed) < 6:
                fleet.kill(chance.choice(victims))
            while len(fleet.running) < 4:
                fleet.start(chance.choice(["serve", "run"]))
        until(lambda: time.monotonic() - begun > LEASE + 1, LEASE + 2)
    until(lambda: statuses(served) == {"kept": VOICES}, 60)
    explain(fleet, served, emulator, ids)


def explain(fleet: Fleet, served: Home, emulator: Emulated, ids: list[str]) -> None:
    """Look that nothing was paid twice, no call came too early, and every second call has a dead caller."""
    spoken = emulator.spoken()
    assert emulator.paid() == dict.fromkeys(ids, 1)
    assert set(spoken) == set(ids)
    twice = [name for name, calls in spoken.items() if calls > 1]
    for name in twice:
        attempts = served.json("show", name)["attempts"]
        assert any(mark in one["instance"] for one in attempts for mark in fleet.killed), attempts
    assert len(twice) <= 8 * len(fleet.killed)
    assert most_in_a_window(emulator.calls()) <= MOST
    assert not [line for line in fleet.said() if line["event"] in {"serve.failed", "voice.failed"}]


def test_one_alert_and_one_probe_for_all_of_them(fleet: Fleet, served: Home, emulator: Emulated, webhook: Webhook):
    """A key without money would wake its owner four times, and be tried four times as often."""
    emulator.make(*names(40))
    emulator.change_key(balance=0)
    register(served, names(40))
    for _ in range(4):
        fleet.start("serve")
    until(lambda: webhook.messages)
    until(lambda: all("sweep.finished" in _text(log.name) for log in fleet.logs))
    before = len(emulator.calls())
    until(lambda: sum(line["event"] == "sweep.finished" for line in fleet.said()) > 12)
    assert len(emulator.calls()) == before, "the next probe is in a minute"
    assert before <= 4 * 8, "what was under way when the first answer came"
    assert [title for title in webhook.titles if "paused" in title] == webhook.titles
    assert len(webhook.messages) == 1
    for process in fleet.running:
        process.terminate()
    assert [process.wait(20) for process in fleet.running] == [0] * 4


def test_starting_and_migrating_together(home: Home, bare_url: str):
    """An upgrade of four machines at once would leave half a schema."""
    home.set("registry", url=bare_url)
    ends = home.together(*[("migrate",)] * 4)
    assert [done.returncode for done in ends] == [0] * 4, [done.stderr for done in ends]
    assert home.run("run").returncode == 0
