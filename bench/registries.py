"""Registries to measure on: a folder with a configuration, a migrated database, and voices in bulk."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url

from voicekeeper import config
from voicekeeper.config import Settings
from voicekeeper.registry import schema
from voicekeeper.registry.database import Database
from voicekeeper.wiring import open_database

KINDS = ("sqlite", "postgresql", "mysql")
KEY = "a-key-that-opens-nothing"

_SERVERS = {
    "postgresql": ("VOICEKEEPER_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1"),
    "mysql": ("VOICEKEEPER_TEST_MYSQL_URL", "mysql://root@127.0.0.1"),
}
_CONFIGURATION = """
[registry]
url = "{url}"

[accounts.main]
provider = "minimax-cn"
base_url = "{provider}"
api_key = "{key}"
requests_per_minute = 1000000
max_concurrency = {at_once}

[log]
format = "json"
"""
#: No machine listens there: for what must make no call.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Registry:
    """A migrated registry without voices, and the configuration that names it."""

    path: Path
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where the configuration is, and what SQLite has written."""
        return self.path.parent

    def run(self, *statements: str, **values: object) -> None:
        """Run SQL in one transaction."""
        database = open_database(self.settings, self.folder)
        try:
            with database.transaction() as connection:
                for statement in statements:
                    connection.execute(text(statement), values)
        finally:
            database.close()


@contextmanager
def registry(kind: str = "sqlite", provider: str = NOWHERE, at_once: int = 32) -> Iterator[Registry]:
    """Make a registry of this kind, and drop it at the end; servers as the tests name them."""
    folder = Path(tempfile.mkdtemp(prefix="voicekeeper-bench-"))
    try:
        with _database(kind) as url:
            path = folder / "voicekeeper.toml"
            path.write_text(_CONFIGURATION.format(url=url, provider=provider, key=KEY, at_once=at_once))
            made = Registry(path, config.load(path))
            database = open_database(made.settings, folder, create=True)
            schema.migrate(database)
            database.close()
            yield made
    finally:
        shutil.rmtree(folder)


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield "sqlite:///voicekeeper.db"
        return
    variable, usual = _SERVERS[kind]
    server = os.environ.get(variable, usual)
    name = f"voicekeeper_bench_{secrets.token_hex(6)}"
    _on_server(server, f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _on_server(server, f"DROP DATABASE {name}" + (" WITH (FORCE)" if kind == "postgresql" else ""))


def _on_server(server: str, statement: str) -> None:
    database = Database(server)
    try:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
    finally:
        database.close()
