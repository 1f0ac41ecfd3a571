"""What the machine may refuse a process: descriptors, threads, somebody who reads its log."""

import json
import os
import resource
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.scenarios.commands import VOICEKEEPER, Emulated, Home, names, until
from tests.scenarios.serving import Serving, serving

VOICE = "voice-one-1"


def descriptors(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def starve(process: int) -> None:
    """Leave a process no descriptor: neither above the lowest free number nor, where one was closed, below it."""
    taken = {int(one.name) for one in Path(f"/proc/{process}/fd").iterdir()}
    lowest = next(number for number in count() if number not in taken)
    most = resource.prlimit(process, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(process, resource.RLIMIT_NOFILE, (lowest, most))


def kept(home: Home, daemon: Serving) -> bool:
    """Let every wait be over, and tell whether the voice is kept: what is written late may set a wait again."""
    home.make_due()
    return bool(daemon.events("voice.kept"))


def test_without_descriptors_it_says_so_and_goes_on_when_there_are_some(home: Home, emulator: Emulated):
    """One leak elsewhere on the machine would end all keeping until somebody looks."""
    emulator.make(VOICE)
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        process = daemon.process.pid
        before = resource.prlimit(process, resource.RLIMIT_NOFILE)
        starve(process)
        home.insert(VOICE)
        seen = len(daemon.events("sweep.finished"))

        def troubled() -> bool:
            starve(process)
            return bool(daemon.events("voice.retry_scheduled") or daemon.events("registry.unavailable"))

        until(troubled)
        assert daemon.process.poll() is None
        resource.prlimit(process, resource.RLIMIT_NOFILE, before)
        until(lambda: kept(home, daemon))
        until(lambda: len(daemon.events("sweep.finished")) > seen)
        daemon.end()
    assert emulator.paid() == {VOICE: 1}


def test_idle_visitors_do_not_keep_it_from_keeping(home: Home, emulator: Emulated):
    """Whoever opens connections and says nothing would take every descriptor from the calls."""
    emulator.make(VOICE)
    hasty = "from voicekeeper.web import server; server.PATIENCE = 2.0; from voicekeeper.cli import main; main()"
    with ExitStack() as visitors, serving(home, sys.executable, "-c", hasty) as daemon:
        daemon.wait_for("sweep.finished")
        process = daemon.process.pid
        before = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (64, before[1]))
        url = httpx.URL(daemon.wait_for("serve.listening")["url"])

        def crowded() -> bool:
            for _ in range(80):
                visitors.enter_context(socket.create_connection((url.host, url.port or 80), timeout=5))
            return descriptors(process) >= 60

        until(crowded)
        home.insert(VOICE)
        until(lambda: kept(home, daemon))
        daemon.end()


def test_without_threads_the_registry_counts_as_away():
    """Work would be queued for a thread that never comes, and its caller wait for ever."""
    script = """
        import asyncio, resource, threading, sys
        from voicekeeper.core.errors import RegistryUnavailable
        from voicekeeper.registry.database import Database
        from sqlalchemy import text

        def look(connection):
            return connection.execute(text("SELECT 1")).scalar()

        async def main():
            threading.stack_size(1 << 30)
            database = Database("sqlite://", create=True)
            before = resource.getrlimit(resource.RLIMIT_AS)
            size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 28), before[1]))
            try:
                await database.run(look)
            except RegistryUnavailable as error:
                print(error)
            resource.setrlimit(resource.RLIMIT_AS, before)
            print(await database.run(look))
            database.close()

        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    said = done.stdout.splitlines()
    assert "can't start new thread" in said[0]
    assert said[1:] == ["1"]


@pytest.fixture
def unread() -> Iterator[tuple[int, int]]:
    """A pipe that is full and that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    yield reading, writing
    for end in (reading, writing):
        with suppress(OSError):
            os.close(end)


def test_a_log_that_nobody_reads_does_not_stop_keeping(home: Home, emulator: Emulated, unread: tuple[int, int]):
    """A collector that hangs would hold every sweep at its first line, and voices would be lost behind it."""
    ids = names(20)
    emulator.make(*ids)
    home.insert(*ids)
    process = subprocess.Popen([VOICEKEEPER, "serve"], cwd=home.folder, env=home.environment(), stderr=unread[1])
    try:
        until(lambda: home.statuses() == {"kept": 20})
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_a_terminal_that_nobody_reads_does_not_stop_a_run(home: Home, emulator: Emulated):
    """A laptop that is closed would stop, in the midst of its calls, what was begun on it over the network."""
    ids = names(300)
    emulator.make(*ids)
    home.insert(*ids)
    reading, terminal = os.openpty()
    command = ["sh", "-c", f"exec '{VOICEKEEPER}' run >/dev/null"]
    process = subprocess.Popen(command, cwd=home.folder, env=home.environment(), stderr=terminal)
    try:
        until(lambda: home.statuses() == {"kept": 300}, 90)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reading)
        os.close(terminal)


def test_what_was_not_written_is_counted():
    """A gap in the log would look like a night in which nothing happened."""
    script = """
        import os, sys, threading, time
        from voicekeeper import logs
        reading, writing = os.pipe()
        stream = logs.Unblocked(writing, most=10)
        logs.set_up("json", "info", stream)
        for number in range(5000):
            logs.logger().info("line", number=number, fill="x" * 100)
        with os.fdopen(reading, "rb") as pipe:
            threading.Thread(target=lambda: (time.sleep(0.5), stream.finish(), os.close(writing))).start()
            sys.stdout.buffer.write(pipe.read())
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    written = [line["number"] for line in lines if line["event"] == "line"]
    dropped = sum(line["lines"] for line in lines if line["event"] == "log.dropped")
    assert written == sorted(written)
    assert dropped > 0
    assert len(written) + dropped == 5000


def test_a_reader_that_stops_at_the_count_of_lost_lines_stops_nobody():
    """A log that is read now and then would stop every call of the daemon, from the first line on that was lost."""
    script = """
        import fcntl, os, threading
        from voicekeeper import logs
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        stream = logs.Unblocked(writing, most=1)
        logs.set_up("json", "info", stream)
        stream.write("x" * 8192)  # fills the pipe twice
        for number in range(3):  # one waits, the others are lost
            logs.logger().info("line", number=number)
        os.read(reading, 4096)  # the rest fills it again, and the count of what was lost has to wait
        threading.Event().wait(0.5)
        speaking = threading.Thread(target=logs.logger().info, args=("line",), daemon=True)
        speaking.start()
        speaking.join(5)
        print("stopped" if speaking.is_alive() else "goes on", flush=True)
        os.close(reading)
        os._exit(0)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "goes on\n"


@pytest.mark.parametrize("closing_it", ["2>&-", "2>/dev/full", "2>&- 1>&-"])
def test_without_standard_error_it_keeps(home: Home, emulator: Emulated, closing_it: str):
    """A unit or a crontab that throws its output away would keep nothing."""
    emulator.make(VOICE)
    home.insert(VOICE)
    shell = ["bash", "-c", f"exec '{VOICEKEEPER}' run {closing_it}"]
    subprocess.run(shell, cwd=home.folder, env=home.environment(), timeout=30, check=False)
    assert home.voice(VOICE)["status"] == "kept"


def test_a_reader_that_has_gone_does_not_end_the_daemon(home: Home, emulator: Emulated):
    """A restarted collector would take every daemon with it."""
    emulator.make(VOICE)
    reading, writing = os.pipe()
    process = subprocess.Popen([VOICEKEEPER, "serve"], cwd=home.folder, env=home.environment(), stderr=writing)
    os.close(writing)
    try:
        with closing(os.fdopen(reading, "rb")) as pipe:
            assert b"serve.listening" in pipe.readline()
        home.insert(VOICE)
        until(lambda: home.statuses() == {"kept": 1})
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
