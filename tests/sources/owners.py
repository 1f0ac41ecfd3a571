"""Owners' databases of each kind, and the sources that read them into a registry."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.databases import HandClock
from voicekeeper.config import Settings, load
from voicekeeper.registry import outbox
from voicekeeper.registry.database import Database
from voicekeeper.registry.outbox import Pending
from voicekeeper.sources import Sources

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
QUERY = "SELECT voice_id, created_at AS cloned_at, label FROM own_voices"
WISHES = QUERY.replace("label", "label, wish AS intent")


class Owner:
    """An application's own database with a table of voices."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self._folder = url, folder
        self.run(
            "CREATE TABLE own_voices (voice_id VARCHAR(300), created_at TIMESTAMP NULL, label VARCHAR(300),"
            " wish VARCHAR(20), account VARCHAR(80))"
        )

    def run(self, statement: str, *rows: dict[str, Any]) -> None:
        """Run a statement as the application does."""
        with closing(Database(self.url, create=True)) as database, database.transaction() as connection:
            connection.execute(text(statement), list(rows) or None)

    def clone(self, *names: str, at: str | None = "2026-03-10 10:00:00", **columns: Any) -> None:
        """Enter voices, as the application does when its users clone them."""
        rows = [{"voice_id": name, "created_at": at} | columns for name in names]
        marks = ", ".join(f":{column}" for column in rows[0])
        self.run(f"INSERT INTO own_voices ({', '.join(rows[0])}) VALUES ({marks})", *rows)  # noqa: S608 - our own columns

    def wish(self, intent: str | None, name: str) -> None:
        self.run("UPDATE own_voices SET wish = :wish WHERE voice_id = :name", {"wish": intent, "name": name})

    def names(self) -> list[str]:
        """Return the voices that are in there."""
        with closing(Database(self.url)) as database, database.transaction() as connection:
            return list(connection.execute(text("SELECT voice_id FROM own_voices ORDER BY 1")).scalars())


class Events:
    """A log that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def info(self, event: str, **words: Any) -> None:
        self.told.append({"event": event} | words)

    error = exception = info

    @property
    def last(self) -> dict[str, Any]:
        return self.told[-1]


class Registrar:
    """A registry, and sources that are read into it on a clock of the test's own."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.clock, self.log = database, folder, HandClock(START), Events()

    def settings(self, *sections: str) -> Settings:
        """Return a configuration with two accounts and these sections of sources."""
        accounts = "".join(
            f'[accounts.{name}]\nprovider = "minimax-cn"\napi_key = "sk-x"\n' for name in ("main", "two")
        )
        path = self.folder / "voicekeeper.toml"
        path.write_text('[registry]\nurl = "sqlite:///unused.db"\n' + accounts + "".join(sections))
        return load(path)

    def sources(self, *sections: str) -> Sources:
        return Sources(self.database, self.settings(*sections), self.folder, self.clock, self.log)

    async def read(self, *sections: str) -> dict[str, Any]:
        """Read these sources once; return what the log said last."""
        await self.sources(*sections).read()
        return self.log.last

    def lose(self) -> None:
        """Take the registry's file away."""
        Path(self.database.url.database or "").unlink()

    def open_alerts(self) -> list[Pending]:
        return self.database.call(outbox.open_alerts)


def source(url: str, query: str = QUERY, name: str = "app", account: str | None = "main") -> str:
    """Return a section of the configuration."""
    named = f'account = "{account}"\n' if account else ""
    return f"[sources.{name}]\nurl = '{url}'\nquery = '''{query}'''\n{named}"


@contextmanager
def frozen_server() -> Iterator[int]:
    """Listen on a port of loopback where everybody is taken in and nobody is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
