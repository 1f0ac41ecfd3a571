"""Processes that migrate a registry and are killed."""

import os
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from sqlalchemy import Engine, event

from voicekeeper.registry import schema
from voicekeeper.registry.database import Database

KILLED = 137
_CHANGES = ("CREATE ", "ALTER ", "DROP ")


def started(url: str, known: Path | None = None) -> ForkServerProcess:
    """Start a process that migrates; with `known`, it dies after the first change of a table that is not in there."""
    processes: ForkServerContext = get_context("forkserver")
    processes.set_forkserver_preload(["alembic.command", __name__])
    process = processes.Process(target=_migrate, args=(url, known))
    process.start()
    return process


def _migrate(url: str, known: Path | None) -> None:
    if known:
        event.listen(Engine, "after_cursor_execute", partial(_die_after_another, known))
    with closing(Database(url, create=True)) as database:
        schema.migrate(database)


def _die_after_another(known: Path, _connection: object, _cursor: object, statement: str, *_: object) -> None:
    """Die as after a kill: nothing is tidied up, and the server sees the connection break."""
    line = " ".join(statement.split())
    if line.upper().startswith(_CHANGES) and line not in known.read_text().splitlines():
        with known.open("a") as file:
            file.write(line + "\n")
        os._exit(KILLED)
