"""Files that voicekeeper makes are their owner's alone."""

import sqlite3
import stat
from contextlib import closing

from tests.scenarios.commands import Emulated, Home

#: Starts a command with nothing taken off by the umask, so that whatever is private is so by our doing.
OPEN_HOUSE = ("sh", "-c", 'umask 0; exec "$0" "$@"')


def modes(home: Home) -> dict[str, str]:
    """Return the permissions of everything in the folder that its owner did not put there."""
    found = (path for path in home.folder.iterdir() if path != home.config)
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in found}


def test_the_registry_is_its_owners_alone(home: Home, emulator: Emulated) -> None:
    """Everybody on the machine could read which voices there are, and what their providers said."""
    home.registry.unlink()
    assert home.run("migrate", before=OPEN_HOUSE).returncode == 0
    emulator.make("voice-one-1")
    home.insert("voice-one-1")
    with closing(sqlite3.connect(home.registry)) as reader:  # while somebody reads, the files beside it stay
        reader.execute("SELECT count(*) FROM voices").fetchone()
        assert home.run("run", before=OPEN_HOUSE).returncode == 0
        assert set(modes(home)) >= {"registry.db", "registry.db-wal"}
        assert set(modes(home).values()) == {"0o600"}


def test_an_owners_own_permissions_stay(home: Home) -> None:
    """An application that shares the file would be locked out by every upgrade."""
    home.registry.chmod(0o660)
    assert home.run("migrate").returncode == 0
    assert modes(home)["registry.db"] == "0o660"
