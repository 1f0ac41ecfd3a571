"""What drivers do not notice by themselves: a server that stands still, a file that is another one by now."""

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import Dialect, Engine, event
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    import psycopg

#: Seconds between two looks at a silent server.
_LOOK = 1.0
#: What SQLite keeps beside its file.
_LOGS = ("-wal", "-shm")


def hang_up(engine: Engine, seconds: float) -> None:
    """Give up a PostgreSQL server that is silent for so many seconds.

    Its own statement_timeout does not help where it stands still or the network is gone: psycopg would wait for ever.
    """

    def connect(_dialect: Dialect, _record: object, given: list[Any], named: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's
        return _impatient(seconds).connect(*given, **named)

    event.listen(engine, "do_connect", connect)


def _impatient(seconds: float) -> "type[psycopg.Connection[Any]]":
    import psycopg  # noqa: PLC0415 - only where the registry is one

    class Impatient(psycopg.Connection[Any]):
        """A connection that ends when its server says nothing for too long."""

        def wait(self, gen: Generator[Any, Any, Any], *_: object, **__: object) -> Any:  # noqa: ANN401 - the driver's
            return super().wait(self._listening(gen), interval=_LOOK)

        def _listening(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            """Pass on what psycopg waits for, and count the looks that found nothing."""
            silent, ready = 0, None
            while silent * _LOOK < seconds:
                try:
                    wanted = gen.send(ready)
                except StopIteration as done:
                    return done.value
                ready = yield wanted
                silent = 0 if ready else silent + 1
            self.pgconn.finish()
            raise psycopg.OperationalError(f"timeout: nothing came for {seconds:g} seconds")

    return Impatient


def watch_file(engine: Engine, path: str | None) -> None:
    """Leave an SQLite file that was replaced or removed while it was open: what is written into it is lost."""
    if path and path != ":memory:":
        file = _File(engine, path)
        event.listen(engine, "do_connect", file.connecting)
        event.listen(engine, "connect", file.connected)
        event.listen(engine, "checkin", file.given_back)
        event.listen(engine, "checkout", file.taken)


class _File:
    """An SQLite file and its logs, as each connection has found them."""

    def __init__(self, engine: Engine, path: str) -> None:
        self._engine, self._path, self._logs = engine, path, [path + ending for ending in _LOGS]
        self._file: tuple[int, int] | None = None
        self._found: dict[str, tuple[int, int] | None] = {}

    def connecting(self, *_: object) -> None:
        """Refuse to open another file beside the one that is open: SQLite would find the old one's logs there."""
        if self._file not in {None, _identity(self._path)}:
            self._leave(self._found)

    def connected(self, _connection: object, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        """Note which file this is."""
        self._file = record.info["file"] = _identity(self._path)

    def given_back(self, _connection: object, record: Any) -> None:  # noqa: ANN401 - likewise
        """Note its logs, which are there at the latest after the first transaction."""
        if "logs" not in record.info:
            self._found = record.info["logs"] = {log: _identity(log) for log in self._logs}

    def taken(self, _connection: object, record: Any, _proxy: object) -> None:  # noqa: ANN401 - likewise
        """Refuse a connection to a file that is not there any more; the next one is to what is."""
        if record.info["file"] == _identity(self._path):
            return
        record.invalidate()
        self._leave(record.info.get("logs", {}))

    def _leave(self, logs: dict[str, tuple[int, int] | None]) -> NoReturn:
        """Forget the file and put its logs aside."""
        self._file = None
        self._engine.dispose()
        for log, known in logs.items():
            # SQLite would play the old file's changes into the new one.
            if known is not None and known == _identity(log):
                os.replace(log, f"{log}.old")  # noqa: PTH105 - text from SQLAlchemy, as below
        reason = ValueError(f"the file {self._path} was replaced while it was open")
        raise OperationalError(None, None, reason)


def _identity(path: str) -> tuple[int, int] | None:
    """Tell a file from another one under the same name."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a tenth of what Path costs, and it is asked for every transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino
