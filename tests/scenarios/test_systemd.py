"""sd_notify on a real socket: READY, WATCHDOG, RELOADING, STOPPING, and a watchdog that is not fed for nothing."""

import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.scenarios.commands import Home
from tests.scenarios.serving import serving
from tests.scenarios.sinks import ServiceManager


@pytest.fixture
def systemd(home: Home) -> Iterator[ServiceManager]:
    """A service manager that listens, in a folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        listening = ServiceManager(Path(folder) / "notify")
        home.variables["NOTIFY_SOCKET"] = str(listening.path)
        yield listening
        listening.close()


def test_ready_reloading_stopping(home: Home, systemd: ServiceManager) -> None:
    """If READY or STOPPING were not said, `systemctl start` would hang and a drain would be killed."""
    with serving(home) as daemon:
        systemd.wait_for("READY=1")
        systemd.wait_for("WATCHDOG=1")
        daemon.process.send_signal(signal.SIGHUP)
        systemd.wait_for("RELOADING=1")
        systemd.wait_for("READY=1")
        daemon.end()
        systemd.wait_for("STOPPING=1")
    assert systemd.received[0] == "READY=1"
    assert systemd.received[-1] == "STOPPING=1"


def test_a_service_manager_that_is_gone_ends_nothing(home: Home, systemd: ServiceManager) -> None:
    """If a reload insisted on a service manager that listens, voices would be lost for the want of one."""
    with serving(home) as daemon:
        systemd.wait_for("READY=1")
        systemd.close()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("config.reread")
        daemon.wait_for("serve.ready", 2)
        daemon.end()


def test_the_watchdog_is_withheld_while_the_registry_is_locked(home: Home, systemd: ServiceManager) -> None:
    """If a daemon that cannot work fed its watchdog, systemd would never restart it."""
    home.variables["WATCHDOG_USEC"] = "1500000"
    with serving(home) as daemon:
        for _ in range(3):  # more often than the regular sweeps of five minutes
            systemd.wait_for("WATCHDOG=1")
        holder = sqlite3.connect(home.registry, isolation_level=None, timeout=10)
        holder.execute("BEGIN EXCLUSIVE")
        systemd.drain()
        assert "WATCHDOG=1" not in systemd.during(2.5)
        holder.close()
        systemd.wait_for("WATCHDOG=1")
        daemon.end()


def test_a_start_without_its_registry_is_ready_to_wait_and_says_what_for(home: Home, systemd: ServiceManager) -> None:
    """If `systemctl start` hung for as long, what waits for it would be held up, and nobody know why."""
    home.variables["WATCHDOG_USEC"] = "1500000"
    with closing(sqlite3.connect(home.registry, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with serving(home) as daemon:
            systemd.wait_for("READY=1")
            said = systemd.during(1)
            assert any(line.startswith("STATUS=") and "another program holds the file" in line for line in said)
            assert "WATCHDOG=1" not in systemd.received
            holder.execute("ROLLBACK")
            systemd.wait_for("WATCHDOG=1")
            systemd.wait_for("STATUS=keeping voices")
            daemon.end()
