"""A registry that cannot be worked with: exit code 75, the mend in plain words, and not one call."""

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.commands import Done, Emulated, Home

VOICE = "voice-one-1"


def _refused(done: Done, emulator: Emulated, words: str) -> None:
    assert done.returncode == 75, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert emulator.calls() == [], "a call that cannot be written down is not made"


@pytest.fixture(autouse=True)
def due(home: Home, emulator: Emulated) -> None:
    """One voice that would be called if the registry could be worked with."""
    emulator.make(VOICE)
    home.insert(VOICE)


def test_missing(home: Home, emulator: Emulated) -> None:
    """If a missing file were made anew, a mistyped path would keep nothing and say nothing."""
    home.registry.unlink()
    _refused(home.run("run"), emulator, "`voicekeeper migrate` creates it")
    assert not home.registry.exists()


def test_without_tables_or_not_a_database(home: Home, emulator: Emulated) -> None:
    """If a wrong file gave a traceback, nobody would know what to correct."""
    home.registry.write_bytes(b"")
    _refused(home.run("run"), emulator, "run `voicekeeper migrate`")
    home.registry.write_bytes(b"these are somebody's notes\n" * 100)
    _refused(home.run("run"), emulator, "correct registry.url")


def test_locked(home: Home, emulator: Emulated) -> None:
    """If a locked registry hung or crashed a command, cron would pile up processes."""
    holder = sqlite3.connect(home.registry, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    for done in home.together(("run",), ("status",), ("add", "voice-two-2", "--account", "main")):
        _refused(done, emulator, "another program holds the file")
    holder.close()


def test_read_only(home: Home, emulator: Emulated) -> None:
    """If a registry that cannot be written were worked, every call would be repeated by the next sweep."""
    home.sql("PRAGMA journal_mode = DELETE")
    home.registry.chmod(0o444)
    home.folder.chmod(0o555)
    # Root may write anything unless it gives that right up.
    before = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
    try:
        _refused(home.run("run", before=before), emulator, "cannot be written by this user")
    finally:
        home.folder.chmod(0o755)


def test_full(home: Home, emulator: Emulated) -> None:
    """If a full disk were found out only after the call, every sweep would pay and forget."""
    disk = home.folder / "disk"
    disk.mkdir()
    home.set("registry", url="sqlite:///disk/registry.db")
    _refused(home.run("run", before=_on_a_full_disk(home.registry, disk)), emulator, "the disk")


def _on_a_full_disk(registry: Path, disk: Path) -> list[str]:
    """Return what starts a command with a copy of the registry on a disk without a free byte."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        # No disk of our own: let no file grow instead.
        (disk / registry.name).write_bytes(registry.read_bytes())
        return ["prlimit", "--fsize=1024"]
    mount = 'mount -t tmpfs -o size="$2" none "$1" && cp "$0" "$1" && { cat /dev/zero > "$1/rest" 2>&-; true; }'
    script = f'{mount} && shift 2 && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, str(registry), str(disk), str(registry.stat().st_size + 65536)]
