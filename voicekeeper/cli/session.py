"""What every command begins with: the configuration, the log, the registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOBase
from pathlib import Path

import click

from voicekeeper import config, logs
from voicekeeper.config import Settings
from voicekeeper.core.errors import InputError
from voicekeeper.core.voice import Voice
from voicekeeper.registry import schema, voices
from voicekeeper.registry.database import Database
from voicekeeper.wiring import open_database

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@dataclass(frozen=True, slots=True)
class Session:
    """A command's configuration, and the folder that its relative paths start at."""

    settings: Settings
    folder: Path
    path: Path

    @contextmanager
    def registry(self) -> Iterator[Database]:
        """Open the registry and make sure that it can be worked with."""
        database = open_database(self.settings, self.folder)
        try:
            schema.require_newest(database)
            yield database
        finally:
            database.close()


def begin(
    context: click.Context, *, secrets: bool = False, level: str | None = None, stream: TextIOBase | None = None
) -> Session:
    """Read the configuration and set up the log; `secrets` asks for keys as well."""
    path = config.find(context.find_root().obj)
    settings = config.load(path, secrets=secrets)
    logs.set_up(settings.log.format, level or settings.log.level, stream)
    return Session(settings, path.absolute().parent, path)


def require_account(session: Session, database: Database, account: str | None) -> None:
    """Raise InputError for an account that nobody knows: mistyped, it would look as if nothing were lost or paid."""
    known = session.settings.accounts
    if account is not None and account not in known and not database.call(voices.any_of, account):
        named = ", ".join(known) or "none"
        raise InputError(f'account "{account}" is not configured (there is: {named}), and no voice belongs to it')


def one_voice(database: Database, name: str) -> Voice:
    """Return the voice of that name; raise InputError when there is none, or more than one."""
    found = database.call(voices.find, name)
    if not found:
        raise InputError(f'there is no voice "{name}" in the registry: `voicekeeper list` shows what there is')
    if len(found) > 1:
        names = ", ".join(voice.name for voice in found)
        raise InputError(f'"{name}" stands for more than one voice: say which of {names}')
    return found[0]
