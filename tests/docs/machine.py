"""A machine on which a document's commands are typed: a folder that stands for its root, and no root's rights.

Paths of the system lead into that folder. `sudo`, `systemctl`, `useradd` and the making of environments are stood in
for; everything else is the real program.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.docs.documents import HOUSE, UNITS
from tests.docs.systemctl import Unit
from tests.scenarios.commands import VOICEKEEPER, Done

#: What the documents name of a machine; all of it is made below the root.
_PLACES = ("/etc/voicekeeper", "/etc/systemd/system", "/etc/cron.d", "/opt/voicekeeper", "/usr/local/bin")
_STATE = ("/var/lib/voicekeeper", "/var/backups/voicekeeper")
_PATH = re.compile(rf"(?<![\w.])({'|'.join(_PLACES + _STATE)})(?![\w-])")
_PORT = "8710"
_STAND_INS = {
    "sudo": 'while [ "${1#--user=}" != "$1" ]; do shift; done\nexec "$@"',
    "systemctl": f'exec "{sys.executable}" "{HOUSE}/tests/docs/systemctl.py" "$ROOT" "$@"',
    "useradd": 'echo "$@" >> "$ROOT/useradd"\nmkdir -p "$ROOT/var/lib/voicekeeper"',
    "pip": 'echo "$0 $@" >> "$ROOT/pip"',
    "python3": f"""[ "$1 $2" = "-m venv" ] || exec "{sys.executable}" "$@"
mkdir -p "$3/bin"
ln -s "{VOICEKEEPER}" "$ROOT/stand-ins/pip" "$3/bin/\"""",
}


class Machine:
    """One machine; `emulator` is where its configured account leads."""

    def __init__(self, folder: Path, emulator: str) -> None:
        self.root, self._checkout = folder / "root", folder / "checkout"
        self.port = _free_port()
        for place in ("stand-ins", *(path.lstrip("/") for path in (*_PLACES[1:3], _PLACES[4], "/var/lib"))):
            (self.root / place).mkdir(parents=True)
        for name, script in _STAND_INS.items():
            path = self.root / "stand-ins" / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        shutil.copytree(HOUSE / "deploy", self._checkout / "deploy")
        for path in (file for file in self._checkout.rglob("*") if file.is_file()):
            path.write_text(self.here(path.read_text(encoding="utf-8")), encoding="utf-8")
        self._configure(emulator)

    def _configure(self, emulator: str) -> None:
        """Do to the configuration what a reader does by hand."""
        path = self._checkout / "deploy/systemd/config.toml"
        account = f'\\1\nbase_url = "{emulator}"\nrequests_per_minute = 60000'
        text = re.sub(r"(?m)^(provider = .*)$", account, path.read_text(encoding="utf-8"))
        path.write_text(f'{text}\n[serve]\nlisten = "127.0.0.1:{self.port}"\n', encoding="utf-8")

    def here(self, text: str) -> str:
        """Let the paths and the port of a text be this machine's."""
        return _PATH.sub(lambda found: f"{self.root}{found[0]}", text).replace(f":{_PORT}", f":{self.port}")

    def path(self, name: str) -> Path:
        """Return where a path of the machine really is."""
        return self.root / name.lstrip("/")

    def try_(self, script: str, keys: str = "", **variables: str) -> Done:
        """Run a script; `keys` is what is typed when something reads from the terminal."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("VOICEKEEPER")}
        path = f"{self.root}/usr/local/bin:{self.root}/stand-ins:{variables.pop('PATH', os.environ['PATH'])}"
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(script)],
            cwd=self._checkout,
            env=mine | {"ROOT": str(self.root), "PATH": path, "NO_PROXY": "127.0.0.1"} | variables,
            input=keys,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def type(self, script: str, keys: str = "", **variables: str) -> str:
        """Run a script that has to work; return what it printed."""
        done = self.try_(script, keys, **variables)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}{self.journal()}"
        return done.stdout

    def journal(self) -> str:
        """Return what the services have written."""
        path = self.root / "journal"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def turn_off(self) -> None:
        """Kill what still runs of what was started here."""
        for name in UNITS:
            if self.path(f"/etc/systemd/system/{name}").exists():
                Unit(self.root, name).stop(signal.SIGKILL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
