"""docs/deploy.md under a real systemd, with real users: what the units promise holds while the service works."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.booted import Booted, boot
from tests.docs.systemctl import until
from tests.docs.test_deploy_walk import (
    AFTER,
    BACKUP,
    CHECK,
    CONFIGURE,
    CRON,
    DAEMON,
    FIRST,
    INSTALL,
    RELOAD,
    RESTORE,
    ROLLBACK,
    ROTATE,
    TELL,
    TIMER,
    UNITS,
    UPGRADE,
)
from tests.scenarios.commands import KEY, SPARE

EMULATE = f"""systemd-run --quiet --unit=emulator --property=PrivateTmp=yes \
    voicekeeper emulate --port 8790 --key {KEY} --key {SPARE} --rpm 100000 --balance 100000
curl --silent --fail --retry 20 --retry-delay 1 --retry-all-errors http://127.0.0.1:8790/_emulator/ledger"""
#: A far end of alerts, whose journal says what arrives.
LISTEN = """systemd-run --quiet --unit=listener /usr/bin/python3 -uc '
from http.server import BaseHTTPRequestHandler, HTTPServer
class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()
HTTPServer(("127.0.0.1", 8791), Listener).serve_forever()'
"""
EDIT = r"""sed -i 's|^provider = .*|&\nbase_url = "http://127.0.0.1:8790"|' /etc/voicekeeper/config.toml"""
#: Somebody who holds the registry for as long as the unit runs.
HOLD = """systemd-run --quiet --unit=holder /usr/bin/python3 -uc '
import sqlite3, time
holder = sqlite3.connect("/var/lib/voicekeeper/voicekeeper.db", isolation_level=None)
holder.execute("BEGIN EXCLUSIVE")
print("held")
time.sleep(600)'
"""
VOICEKEEPER = "voicekeeper --config /etc/voicekeeper/config.toml"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Booted]:
    """A booted machine on which voicekeeper and a provider are installed, and nothing is configured."""
    booted = boot(tmp_path / "machine")
    try:
        booted.type(INSTALL)
        booted.type(EMULATE)
        yield booted
    finally:
        booted.turn_off()


@pytest.fixture
def served(machine: Booted) -> Booted:
    """A machine whose service works."""
    machine.type(CONFIGURE, KEY)
    machine.type(EDIT)
    machine.type(UNITS + DAEMON)
    return machine


def make(machine: Booted, voice_id: str, key: str = KEY) -> None:
    """Clone a voice at the provider."""
    body = f'{{"voice_id": "{voice_id}", "key": "{key}"}}'
    machine.type(f"curl --silent --fail -d '{body}' http://127.0.0.1:8790/_emulator/voices")


def kept(machine: Booted) -> set[str]:
    """Return the voices that the registry calls kept."""
    return set(re.findall(r"[\w-]+-voice\b", machine.type(f"{VOICEKEEPER} list --status kept")))


def test_a_stranger_gets_a_service_that_is_locked_up(machine: Booted):
    """A setting of the units would keep the program from working, and only a user's machine would show it."""
    machine.type(CONFIGURE, KEY)
    machine.type(EDIT)
    assert "error" not in machine.type(CHECK)
    assert '"ready"' in machine.type(UNITS + DAEMON)
    make(machine, "my-first-voice")
    assert "main     open" in machine.type(FIRST)
    assert kept(machine) == {"my-first-voice"}
    pid = machine.state("voicekeeper.service", "MainPID")
    status = machine.type(f"cat /proc/{pid}/status")
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "CapEff:\t0000000000000000" in status
    assert machine.type(f"ps -o user= -p {pid}").strip() == "voicekeeper"
    assert machine.type("stat --format='%U %a' --dereference /var/lib/voicekeeper").split() == ["voicekeeper", "700"]
    environment = machine.path(f"/proc/{pid}/environ").read_text(encoding="utf-8")
    assert KEY not in environment
    machine.type(TIMER)
    assert machine.state("voicekeeper-run.timer", "ActiveState") == "active"


def test_reload_and_a_new_key(served: Booted):
    """A reload would end the service, or a new key would never reach it."""
    pid = served.state("voicekeeper.service", "MainPID")
    served.type(RELOAD)
    until(lambda: "config.reread" in served.journal())
    assert served.state("voicekeeper.service", "MainPID") == pid
    served.type(ROTATE, SPARE)
    make(served, "new-voice", SPARE)
    served.type(f"{VOICEKEEPER} add new-voice --account main; {RELOAD}")
    until(lambda: kept(served) == {"new-voice"})


def test_people_are_told(served: Booted):
    """What sends alerts would not run where so much is shut off, and its owner would hear nothing at all."""
    served.type(LISTEN)
    served.type("for _ in $(seq 100); do curl --silent http://127.0.0.1:8791 && break; sleep 0.1; done")
    served.type(TELL, "json://127.0.0.1:8791/hook")
    served.type(f"{VOICEKEEPER} add never-made-1 --account main; {RELOAD}")
    until(lambda: "never-made-1" in served.type("journalctl --no-pager --unit=listener"))


def test_a_crash_is_mended_and_a_mistake_is_not_repeated(served: Booted):
    """Systemd would give up a service that crashed, or start one for ever that only its owner can mend."""
    served.type("systemctl kill --signal=KILL voicekeeper.service")
    until(lambda: served.state("voicekeeper.service", "SubState") == "auto-restart")
    served.path("/etc/voicekeeper/config.toml").write_text("[nonsense]\n", encoding="utf-8")
    assert served.try_("systemctl restart voicekeeper.service").returncode == 1
    assert served.state("voicekeeper.service", "SubState") == "failed"
    assert served.state("voicekeeper.service", "ExecMainStatus") == "2"


def test_a_start_while_the_registry_is_away(served: Booted):
    """A boot would hang or fail for as long, and nobody see why."""
    served.type(r"""printf '\n[serve]\nsweep_every = "1s"\n' >> /etc/voicekeeper/config.toml""")
    served.type(HOLD)
    until(lambda: "held" in served.type("journalctl --no-pager --unit=holder"))
    served.type("systemctl restart voicekeeper.service")
    assert served.state("voicekeeper.service", "ActiveState") == "active"
    until(lambda: "another program holds the file" in served.state("voicekeeper.service", "StatusText"))
    pid = served.state("voicekeeper.service", "MainPID")
    served.type("systemctl stop holder.service")
    until(lambda: served.state("voicekeeper.service", "StatusText") == "keeping voices")
    assert served.state("voicekeeper.service", "MainPID") == pid


def test_a_run_with_nothing_to_do_is_skipped(served: Booted):
    """The timer would show a failure every ten minutes, or do nothing with a registry that is away."""
    served.type("systemctl start voicekeeper-run.service")
    assert "voicekeeper-run.service: Skipped due to 'exec-condition'" in served.journal()
    assert "nothing was due" not in served.journal()
    served.type("systemctl stop voicekeeper.service; echo nonsense > /var/lib/voicekeeper/voicekeeper.db")
    assert served.try_("systemctl start voicekeeper-run.service").returncode == 1
    assert served.state("voicekeeper-run.service", "Result") == "exit-code"


def test_backup_upgrade_rollback_restore(served: Booted):
    """After work by hand as root, the service could not write its own registry."""
    make(served, "old-voice")
    served.type(f"{VOICEKEEPER} add old-voice --account main; {RELOAD}")
    until(lambda: kept(served) == {"old-voice"})
    served.type(BACKUP)
    served.type(UPGRADE)
    served.type(ROLLBACK)
    served.type(RESTORE + AFTER)
    make(served, "new-voice")
    served.type(f"{VOICEKEEPER} add new-voice --account main; {RELOAD}")
    until(lambda: kept(served) == {"old-voice", "new-voice"})


def test_cron_as_its_own_user(machine: Booted):
    """Cron's user could not read the key or the configuration, or write the registry."""
    machine.type(CRON, KEY)
    machine.type(EDIT)
    make(machine, "cron-voice")
    machine.type(f"sudo --user=voicekeeper {VOICEKEEPER} add cron-voice --account main")
    *_, user, command = machine.path("/etc/cron.d/voicekeeper").read_text().splitlines()[-1].split(maxsplit=6)
    done = machine.try_(f"cd /; sudo --user={user} env --ignore-environment sh -c '{command}'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert kept(machine) == {"cron-voice"}
