"""A stand-in for systemctl where no systemd runs: it starts, reloads and stops what the installed units say.

`python systemctl.py ROOT WORDS…`, where ROOT holds etc/systemd/system. It hands over credentials, makes the state
folder, waits for READY=1, and takes exit codes as systemd.service(5) says. It knows no sandbox: what the units shut
off is looked at by systemd-analyze.
"""

import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

#: Seconds for a daemon to be ready, and to end.
PATIENCE = 30


class Unit:
    """An installed unit, with its drop-ins."""

    def __init__(self, root: Path, name: str) -> None:
        self.name, self.root = name, root
        folder = root / "etc/systemd/system"
        files = [folder / name, *sorted((folder / f"{name}.d").glob("*.conf"))]
        lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
        self._settings = [line.partition("=")[::2] for line in lines if "=" in line and not line.startswith("#")]
        self._pidfile = root / f"{name}.pid"

    def every(self, key: str) -> list[str]:
        return [value for name, value in self._settings if name == key]

    def start(self) -> None:
        if self.name.endswith(".timer"):
            assert (self.root / "etc/systemd/system" / self.name.replace(".timer", ".service")).is_file()
            return
        self._make_folders()
        if any(not self._clean(self._run(command)) for command in self.every("ExecCondition")):
            return
        for command in self.every("ExecStartPre"):
            self._insist(command)
        if self.every("Type") == ["oneshot"]:
            for command in self.every("ExecStart"):
                self._insist(command)
        else:
            self._spawn(self.every("ExecStart")[0])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if pid := self.running():
            os.kill(pid, number)
            until(lambda: self.running() is None)

    def reload(self) -> None:
        pid = self.running()
        assert pid, f"{self.name} is not running"
        for command in self.every("ExecReload"):
            self._insist(command.replace("$MAINPID", str(pid)))

    def running(self) -> int | None:
        """Return the daemon's process id: while it runs, it holds a lock on the file in which that stands."""
        if not self._pidfile.exists():
            return None
        with self._pidfile.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
        return None

    def _make_folders(self) -> None:
        for name in self.every("StateDirectory"):
            (self.root / "var/lib" / name).mkdir(parents=True, exist_ok=True)
        for name, source in self._credentials():
            self._secrets.mkdir(parents=True, exist_ok=True)
            (self._secrets / name).write_bytes(source.read_bytes())

    @property
    def _secrets(self) -> Path:
        return self.root / "run/credentials" / self.name

    def _credentials(self) -> Iterator[tuple[str, Path]]:
        for one in self.every("LoadCredential"):
            name, _, path = one.partition(":")
            yield name, Path(path)

    def _environment(self) -> dict[str, str]:
        own = dict(one.split("=", 1) for one in self.every("Environment"))
        return os.environ | own | {"CREDENTIALS_DIRECTORY": str(self._secrets)}

    def _run(self, command: str) -> int:
        words = shlex.split(command.replace("$$", "$"))
        with (self.root / "journal").open("a", encoding="utf-8") as journal:
            done = subprocess.run(
                words, env=self._environment(), stdin=subprocess.DEVNULL, stdout=journal, stderr=journal, check=False
            )
        return done.returncode

    def _clean(self, code: int) -> bool:
        return code == 0 or str(code) in self.every("SuccessExitStatus")

    def _insist(self, command: str) -> None:
        code = self._run(command.removeprefix("-"))
        if not command.startswith("-") and not self._clean(code):
            sys.exit(f"{self.name}: {command} ended with {code}")

    def _spawn(self, command: str) -> None:
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.bind(f"{folder}/notify")
            journal = (self.root / "journal").open("a", encoding="utf-8")
            lock = self._pidfile.open("w", encoding="utf-8")
            with journal, lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                process = subprocess.Popen(
                    shlex.split(command),
                    pass_fds=[lock.fileno()],
                    env=self._environment() | {"NOTIFY_SOCKET": f"{folder}/notify"},
                    stdin=subprocess.DEVNULL,
                    stdout=journal,
                    stderr=journal,
                    start_new_session=True,
                )
                lock.write(str(process.pid))
            channel.settimeout(0.2)
            until(lambda: process.poll() is not None or _said_ready(channel))
            if process.poll() is not None:
                sys.exit(f"{self.name}: {command} ended with {process.returncode}")


def until(seen: Callable[[], bool]) -> None:
    """Look until there is something to see."""
    last = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < last, "it never came"
        time.sleep(0.05)


def _said_ready(channel: socket.socket) -> bool:
    try:
        return b"READY=1" in channel.recv(4096)
    except TimeoutError:
        return False


def main() -> None:
    """Do what is asked for."""
    root, verb, *words = Path(sys.argv[1]), *sys.argv[2:]
    units = [Unit(root, word) for word in words if not word.startswith("--")]
    now = verb in {"start", "restart"} or (verb == "enable" and "--now" in words)
    assert now or verb in {"stop", "reload", "daemon-reload"}, f"systemctl {verb} is not known here"
    for unit in units:
        if verb in {"stop", "restart"}:
            unit.stop()
        if verb == "reload":
            unit.reload()
        if now:
            unit.start()


if __name__ == "__main__":
    main()
