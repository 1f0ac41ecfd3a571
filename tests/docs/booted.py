"""A machine with a systemd of its own, on which a document's commands are typed as root, at the paths that they name.

boot.sh boots it in namespaces, beside this machine and without changing it. Only two things are stood in for: `sudo`,
because whoever types is root, and what reaches for the package index (`pip` puts the checkout into an environment).
"""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs.documents import HOUSE
from tests.docs.systemctl import until
from tests.scenarios.commands import Done

_STAND_INS = {
    "sudo": """case "$1" in
    --user=*) user=${1#--user=}; shift; exec runuser --user "$user" -- "$@" ;;
    *) exec "$@" ;;
esac""",
    "python3": """[ "$1 $2" = "-m venv" ] || exec /usr/bin/python3 "$@"
/usr/bin/python3 -m venv --without-pip "$3"
ln -s /srv/stand-ins/pip "$3/bin/pip\"""",
    "pip": """bin=$(dirname "$0")
printf '/srv/packages\\n/srv/checkout\\n' > "$(echo "$bin"/../lib/python3*/site-packages)/checkout.pth"
printf '#!%s/python3\\nfrom voicekeeper.cli import main\\nmain()\\n' "$bin" > "$bin/voicekeeper"
chmod +x "$bin/voicekeeper\"""",
}
#: A service that is locked up as ours are, and does nothing.
_PROBE = """[Service]
Type=oneshot
ExecStart=/bin/true
DynamicUser=yes
PrivateUsers=yes
PrivateDevices=yes
ProtectSystem=strict
LoadCredential=probe:/etc/hostname
"""
_PYTHON = "/usr/bin/python3"
_NEEDED = ("/lib/systemd/systemd", "/usr/sbin/pivot_root", "/usr/sbin/runuser", "/usr/bin/nsenter", _PYTHON)


class Booted:
    """A booted machine."""

    def __init__(self, folder: Path) -> None:
        packages = sysconfig.get_path("purelib")
        script = HOUSE / "tests/docs/boot.sh"
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", script, folder, HOUSE, packages],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._pid = self._wait_for_systemd()
        try:
            self._settle()
        except BaseException:
            self.turn_off()
            raise

    def type(self, script: str, keys: str = "") -> str:
        """Run a script that has to work; return what it printed."""
        done = self.try_(script, keys)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}{self.journal()}"
        return done.stdout

    def try_(self, script: str, keys: str = "") -> Done:
        """Run a script; `keys` is what is typed when something reads from the terminal."""
        path = "/srv/stand-ins:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        enter = ["nsenter", f"--target={self._pid}", "--all", "--root", "--wd", "env", "--chdir=/srv/checkout"]
        return subprocess.run(
            [*enter, "--ignore-environment", f"PATH={path}", "HOME=/root", "bash", "-euo", "pipefail", "-c", script],
            input=keys,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def journal(self) -> str:
        """Return what the services have written."""
        return self.try_("journalctl --no-pager --output=cat --unit='voicekeeper*'").stdout

    def path(self, name: str) -> Path:
        """Return where a path of the machine is for us."""
        return Path(f"/proc/{self._pid}/root{name}")

    def state(self, unit: str, setting: str) -> str:
        """Return one property of a unit."""
        return self.type(f"systemctl show --value --property={setting} {unit}").strip()

    def turn_off(self) -> None:
        """End everything that was started on it."""
        os.kill(self._pid, signal.SIGKILL)
        self._process.communicate(timeout=30)

    def _settle(self) -> None:
        """Wait for the first target, see whether services can be locked up here, and put the stand-ins there."""
        until(lambda: self.try_("systemctl is-active walk.target systemd-journald.service").returncode == 0)
        self.path("/run/systemd/system/probe.service").write_text(_PROBE, encoding="utf-8")
        if self.try_("systemctl daemon-reload; systemctl start probe.service").returncode:
            pytest.skip("not run: no service can be locked up here")
        for name, script in _STAND_INS.items():
            path = self.path(f"/srv/stand-ins/{name}")
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh -e\n{script}\n")
            path.chmod(0o755)

    def _wait_for_systemd(self) -> int:
        last = time.monotonic() + 60
        while time.monotonic() < last and self._process.poll() is None:
            with suppress(OSError):  # commands of the script come and go
                if found := _systemd(self._process.pid):
                    return found
            time.sleep(0.05)
        self._process.kill()
        # Even where nothing may be skipped: whether a kernel lets root boot a systemd is not for a package to mend.
        pytest.skip(f"not run: no systemd can be booted here: {self._process.communicate()[0].strip()}")


def _systemd(pid: int) -> int | None:
    """Return the first in a process's line of children that is systemd; its own children begin with that name too."""
    if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8") == "systemd\n":
        return pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return _systemd(int(children[0])) if children else None


def boot(folder: Path) -> Booted:
    """Boot a machine; skip the test, visibly, where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("not run: only root can boot a systemd")
    missing = [path for path in _NEEDED if not Path(path).exists()]
    if missing:
        pytest.skip(f"not run: there is no {', '.join(missing)}")
    version = subprocess.check_output([_PYTHON, "-c", "import sys; print(sys.version_info[:2])"], text=True)
    if version.strip() != str(sys.version_info[:2]):
        pytest.skip(f"not run: {_PYTHON} is another Python than the one that runs the tests")
    folder.mkdir()
    return Booted(folder)
