"""Database servers that break in every way under a running daemon, which says so and comes back by itself.

Each scenario is played on PostgreSQL and on MariaDB at the same time: most of it is waiting.
"""

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.faults.disks import disk_of, filled
from tests.faults.proxy import proxying
from tests.faults.servers import Server, at_once, cram, insert, on_both, outcomes, statuses
from tests.recorder import Gate
from tests.scenarios.commands import Emulated, Home, until
from tests.scenarios.gate import holding_answers
from tests.scenarios.serving import Serving, serving
from tests.scenarios.sinks import listening

Another = Callable[[str, str], Home]
Urls = dict[str, str]
Servers = Callable[[str], Server]


def ready(daemon: Serving) -> bool:
    return daemon.get("/readyz").status_code == 200


def problem(daemon: Serving) -> str:
    """Return why the daemon says it is not ready."""
    return daemon.get("/readyz").json()["reason"] or ""


def four(kind: str) -> list[str]:
    return [f"{kind}-voice-{number}" for number in range(4)]


@contextmanager
def calling(emulator: Emulated, home: Home, url: str, names: list[str]) -> Iterator[tuple[Serving, Gate]]:
    """Start a daemon, and wait until all voices' calls are at the provider, whose answers wait at a gate."""
    emulator.make(*names)
    insert(url, *names)
    with holding_answers(home) as gate, serving(home) as daemon:
        until(lambda: gate.reached == len(names), 60)
        yield daemon, gate


def kept_once(url: str, emulator: Emulated, names: list[str]) -> None:
    assert statuses(url) == {"kept": len(names)}
    assert outcomes(url) == ["kept"] * len(names)
    assert {name: emulator.spoken()[name] for name in names} == dict.fromkeys(names, 1)


def test_a_server_that_crashes_and_starts_again(emulator: Emulated, another: Another, servers: Servers):
    """An update of the database server would end all keeping, or cost a second call for every voice in flight."""

    def play(kind: str) -> None:
        server, names = servers(kind), four(kind)
        home = another(kind, server.url)
        with calling(emulator, home, server.url, names) as (daemon, gate):
            server.crash()
            gate.open()
            daemon.wait_for("spool.held", 4)
            until(lambda: "registry" in problem(daemon), 60)
            server.start()
            daemon.wait_for("voice.kept", 4)
            until(lambda: ready(daemon))
            daemon.end()
        kept_once(server.url, emulator, names)
        assert not (home.folder / "voicekeeper.spool").exists()

    on_both(play)


def test_connections_that_break_under_a_call(emulator: Emulated, another: Another, urls: Urls):
    """A firewall that forgets connections would cost a second call for every voice in flight."""

    def play(kind: str) -> None:
        names = four(kind)
        with (
            proxying(urls[kind]) as way,
            calling(emulator, another(kind, way.url), urls[kind], names) as (daemon, gate),
        ):
            way.reset()
            gate.open()
            daemon.wait_for("voice.kept", 4)
            daemon.end()
        kept_once(urls[kind], emulator, names)

    on_both(play)


@pytest.mark.timeout(400)
def test_what_stands_still_holds_up_nothing(emulator: Emulated, another: Another, urls: Urls, servers: Servers):
    """A connection that is neither open nor closed would hold the daemon for hours, and a paid answer with it."""

    def lost_network(kind: str) -> None:
        names = four(kind)
        with (
            proxying(urls[kind]) as way,
            calling(emulator, another(kind, way.url), urls[kind], names) as (daemon, gate),
        ):
            way.silent = True
            gate.open()
            daemon.wait_for("spool.held", 4)
            assert daemon.get("/healthz").status_code == 200
            until(lambda: "in time" in problem(daemon), 60)
            way.silent = False
            daemon.wait_for("voice.kept", 4)
            until(lambda: ready(daemon))
            daemon.end()
        kept_once(urls[kind], emulator, names)

    def frozen_server(kind: str) -> None:
        server, names = servers(kind), [f"frozen-{name}" for name in four(kind)]
        home = another(f"frozen-{kind}", server.url)
        with calling(emulator, home, server.url, names) as (daemon, gate):
            server.signal(signal.SIGSTOP)
            gate.open()
            daemon.wait_for("spool.held", 4)
            daemon.process.terminate()
            assert daemon.process.wait(170) == 0, "systemd would kill it after three minutes"
        server.signal(signal.SIGCONT)
        home.sweep(0)
        kept_once(server.url, emulator, names)

    at_once(*(partial(play, kind) for play in (lost_network, frozen_server) for kind in urls))


def test_a_server_that_takes_no_writes_is_named(emulator: Emulated, another: Another, servers: Servers):
    """After a failover to the wrong side, every call would be made and none recorded."""

    def play(kind: str) -> None:
        server, name = servers(kind), f"{kind}-voice"
        emulator.make(name)
        with serving(another(kind, server.url)) as daemon:
            daemon.wait_for("sweep.finished")
            server.forbid_writing(on=True)
            insert(server.admin, name)
            until(lambda: "read-only" in problem(daemon))
            assert not emulator.spoken()[name]
            server.forbid_writing(on=False)
            daemon.wait_for("voice.kept")
            daemon.end()
        assert emulator.spoken()[name] == 1

    on_both(play)


def test_a_server_whose_disk_is_full(emulator: Emulated, another: Another, servers: Servers):
    """The call would be made although nothing of it can be written down, sweep after sweep."""

    def play(kind: str) -> None:
        server, name = servers(kind), f"{kind}-voice"
        emulator.make(name)
        with (
            tempfile.TemporaryDirectory() as folder,
            disk_of("4m", Path(folder)) as disk,
            server.on_disk(disk, "attempts"),
            filled(disk / "ballast"),
        ):
            cram(server.url)
            insert(server.url, name)
            with serving(another(kind, server.url)) as daemon:
                until(lambda: "disk is full" in problem(daemon))
                assert not emulator.spoken()[name]
                (disk / "ballast").unlink()
                daemon.wait_for("voice.kept")
                daemon.end()
        assert emulator.spoken()[name] == 1

    on_both(play)


def test_a_server_that_hangs_up_on_who_is_idle(emulator: Emulated, another: Another, servers: Servers):
    """Where nothing is due for a night, the first sweep of the morning would fail."""

    def play(kind: str) -> None:
        server, name = servers(kind), f"{kind}-voice"
        emulator.make(name)
        home = another(kind, server.url)
        home.set("serve", sweep_every="12s")
        with server.hanging_up_on_idlers(), serving(home) as daemon:
            daemon.wait_for("serve.ready")
            until(lambda: daemon.events("sweep.finished") and not server.connections(), 60)
            insert(server.url, name)
            daemon.wait_for("voice.kept")
            daemon.end()
        assert daemon.events("registry.unavailable") == []

    on_both(play)


def test_a_failover_to_a_copy_that_lagged(emulator: Emulated, another: Another, urls: Urls, servers: Servers):
    """The new server does not know of the calls under way: their answers would be lost, or their fees not counted."""

    def play(kind: str) -> None:
        standby, names = servers(kind).standby_of(urls[kind]), four(kind)
        insert(standby, *names)
        with (
            proxying(urls[kind]) as way,
            calling(emulator, another(kind, way.url), urls[kind], names) as (daemon, gate),
        ):
            way.lead_to(standby)
            gate.open()
            until(lambda: statuses(standby) == {"kept": 4})
            daemon.end()
        kept_once(standby, emulator, names)

    on_both(play)


def test_a_daemon_that_starts_before_its_server_waits_for_it(emulator: Emulated, another: Another, servers: Servers):
    """After a power cut the daemon would be back first, and end; or be up again, and nobody hear that all is well."""

    def play(kind: str) -> None:
        server, name = servers(kind), f"{kind}-voice"
        emulator.make(name)
        insert(server.url, name)
        server.crash()
        home = another(kind, server.url)
        with listening() as webhook:
            home.set("alerts", urls=[webhook.alert_url])
            with serving(home) as daemon:  # the watchdog ends it, and systemd starts another one
                until(lambda: "registry" in problem(daemon))
                assert daemon.get("/healthz").status_code == 200
                assert "registry" in daemon.get("/api/voices").json()["detail"]
                until(lambda: list(home.folder.glob("*.alarm")))
            with serving(home) as daemon:
                until(lambda: "registry" in problem(daemon))
                server.start()
                daemon.wait_for("voice.kept")
                until(lambda: ready(daemon))
                until(lambda: len(webhook.titles) > 1)
                daemon.end()
            assert ["resolved" in title for title in webhook.titles] == [False, True]
        assert list(home.folder.glob("*.alarm")) == []
        assert emulator.spoken()[name] == 1

    on_both(play)


def test_a_mistake_in_the_address_is_no_outage(another: Another, urls: Urls):
    """Who mistyped the user would see a daemon that runs, and find out days later that it never kept a voice."""
    for kind, url in urls.items():
        wrong = make_url(url).set(username="nosuchuser", password="wrong")
        ended = another(kind, wrong.render_as_string(hide_password=False)).run("serve")
        assert ended.returncode == 75, ended.stderr
        assert "correct user and password in registry.url" in ended.stderr
