"""Four real processes on one server, daemons and one-shot sweeps, killed and stopped at random: each voice once."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from tests.faults.servers import insert, on_both, statuses
from tests.scenarios.commands import VOICEKEEPER, Emulated, Home, events, names, read, until
from tests.scenarios.sinks import listening
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import accounts

Another = Callable[[str, str], Home]
Urls = dict[str, str]

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
    slept: list[str] = field(default_factory=list)
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

    def sweeps(self) -> list[int]:
        """Return how many sweeps each process has completed."""
        return [_text(log.name).count('"sweep.finished"') for log in self.logs]

    def sweep_anew(self, times: int) -> None:
        """Wait until each process has made so many whole sweeps from now on: the one under way does not count."""
        before = self.sweeps()
        until(lambda: all(now > then + times for now, then in zip(self.sweeps(), before, strict=True)), 120)

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        for log in self.logs:
            log.close()


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


@contextmanager
def fleet_of(home: Home) -> Iterator[Fleet]:
    """Start processes in a folder whose account has a rate that binds; end those that are left."""
    home.account("main", requests_per_minute=PER_MINUTE, timeout=f"{TIMEOUT}s", max_concurrency=8)
    made = Fleet(home)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def stopped(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let a process stand still, as a machine that is suspended."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """See that a process is no more, whatever goes wrong: one that is stopped would never end by itself."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def most_in_a_window(calls: list[dict[str, Any]]) -> int:
    """Return how many calls began within any window of that length."""
    moments = sorted(read(call["at"]).timestamp() for call in calls)
    return max(sum(1 for other in moments[at:] if other - moment < WINDOW) for at, moment in enumerate(moments))


@pytest.mark.timeout(400)
def test_killed_and_stopped_at_random_each_voice_is_kept_once(emulator: Emulated, another: Another, urls: Urls):
    """A machine that dies or sleeps would leave voices behind, or have them paid twice."""

    def play(kind: str) -> None:
        ids, url = names(VOICES, kind), urls[kind]
        emulator.make(*ids)
        insert(url, *ids)
        with fleet_of(another(kind, url)) as fleet:
            stop_and_kill(fleet, Random(kind), lambda: len(calls(emulator, ids)))  # noqa: S311 - replays, not secrets
            until(lambda: statuses(url) == {"kept": VOICES}, 240)
            explain(fleet, emulator, ids)

    on_both(play)


def calls(emulator: Emulated, ids: list[str]) -> list[dict[str, Any]]:
    """Return the calls with these voices."""
    wanted = set(ids)
    return [call for call in emulator.calls() if call["voice_id"] in wanted]


def stop_and_kill(fleet: Fleet, chance: Random, called: Callable[[], int]) -> None:
    """Have four processes at work, of which one stands still for longer than a lease and the others die at random."""
    sleeper = fleet.start("serve")
    until(called)
    for command in ("run", "serve", "run"):
        fleet.start(command)
    begun = time.monotonic()
    fleet.slept.append(f"-{sleeper.pid}-")
    with stopped(sleeper):
        while called() < VOICES * 0.8:
            time.sleep(chance.uniform(0.5, 1.5))
            fleet.ended()
            victims = [process for process in fleet.running if process is not sleeper]
            if victims and len(fleet.killed) < 5:
                fleet.kill(chance.choice(victims))
            while len(fleet.running) < 4:
                fleet.start(chance.choice(["serve", "run"]))
        until(lambda: time.monotonic() - begun > LEASE + 1, LEASE + 2)


def explain(fleet: Fleet, emulator: Emulated, ids: list[str]) -> None:
    """Look that nothing was paid twice, no call came too early, and no voice was called again without a reason.

    A reason is a caller that died or stood still, or an answer that was no clear "kept", as on a busy machine.
    """
    made = calls(emulator, ids)
    spoken = Counter(call["voice_id"] for call in made)
    assert Counter(call["voice_id"] for call in made if call["fee"] > 1) == dict.fromkeys(ids, 1)
    reasons = [reason(fleet, name) for name, times in spoken.items() if times > 1]
    assert reasons.count("its caller died") <= 8 * len(fleet.killed)
    assert most_in_a_window(made) <= MOST
    assert not [line for line in fleet.said() if line["event"] in {"serve.failed", "voice.failed"}]


def reason(fleet: Fleet, name: str) -> str:
    """Return why a voice was called again; there has to be a reason."""
    history = fleet.home.json("show", name)["history"]
    gone = [any(mark in one["instance"] for mark in (*fleet.killed, *fleet.slept)) for one in history]
    if any(one["outcome"] != "kept" for one, dead in zip(history, gone, strict=True) if not dead):
        return "an unclear answer"
    assert any(gone), history
    return "its caller died"


def probe_at(url: str) -> datetime:
    """Return when the account is tried again."""
    with closing(Database(url)) as database:
        at = database.call(lambda connection: connection.execute(select(accounts.c.probe_at)).scalar_one())
    assert isinstance(at, datetime)
    return at


@pytest.mark.timeout(400)
def test_one_alert_and_one_probe_for_all_of_them(emulator: Emulated, another: Another, urls: Urls):
    """A key without money would wake its owner four times, and be tried four times as often."""
    emulator.change_key(balance=0)

    def play(kind: str) -> None:
        ids = names(40, kind)
        emulator.make(*ids)
        insert(urls[kind], *ids)
        home = another(kind, urls[kind])
        with listening() as webhook, fleet_of(home) as fleet:
            home.set("alerts", urls=[webhook.alert_url])
            for _ in range(4):
                fleet.start("serve")
            until(lambda: webhook.messages, 60)
            probe = probe_at(urls[kind])

            def early() -> int:
                return sum(read(call["at"]) < probe for call in calls(emulator, ids))

            fleet.sweep_anew(1)
            before = early()
            fleet.sweep_anew(2)
            assert early() == before, "the next probe is in a minute"
            assert before <= 4 * 8, "what was under way when the first answer came"
            assert ["paused" in title for title in webhook.titles] == [True]
            for process in fleet.running:
                process.terminate()
            assert [process.wait(60) for process in fleet.running] == [0] * 4

    on_both(play)


def test_a_process_that_stands_still_in_a_transaction_stops_no_other(urls: Urls):
    """A suspended machine would hold the account's row, and with it every other instance, until it wakes up."""
    script = """
        import os, signal, sys
        from sqlalchemy import text
        from voicekeeper.core.errors import RegistryUnavailable
        from voicekeeper.registry.database import Database

        def stand_still(connection):
            connection.execute(text("SELECT name FROM accounts FOR UPDATE")).all()
            os.kill(os.getpid(), signal.SIGSTOP)
            connection.execute(text("UPDATE accounts SET reason = 'too late'"))

        try:
            Database(sys.argv[1]).call(stand_still)
        except RegistryUnavailable:
            print("given up")
    """

    def play(kind: str) -> None:
        with closing(Database(urls[kind])) as database:
            database.call(lambda connection: connection.execute(accounts.insert().values(name="main")).close())
            command = [sys.executable, "-c", textwrap.dedent(script), urls[kind]]
            with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as sleeper:
                assert os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED | os.WNOWAIT)
                database.call(lambda connection: connection.execute(accounts.update().values(reason="other")).close())
                sleeper.send_signal(signal.SIGCONT)
                assert sleeper.communicate(timeout=60)[0] == "given up\n"
            assert database.call(lambda connection: connection.execute(select(accounts.c.reason)).scalars().all()) == [
                "other"
            ]

    on_both(play)
