"""The spool: a local file of answers that the registry would not take, one JSON object a line, no secret in it.

Several processes may share it: each change is made under the file's lock, and what is in it may be recorded twice
without harm. A line that cannot be read is put into a file beside it, and never stands in the way of the others.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from voicekeeper.registry.settling import Settlement

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_MODE = 0o600
_ASIDE = ".unread"
#: How often it is looked whether another process still has the file, and seconds between two looks: two seconds.
_LOOKS, _PAUSE = 100, 0.02


class Spool:
    """Holds answers in memory and in a file until they are recorded; without a path in memory alone.

    Each answer goes by its line in the file.
    """

    def __init__(self, path: Path | None, log: Any) -> None:  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        self.path, self._log = path, log
        self._held: dict[str, Settlement] = {}
        self._unwritten: set[str] = set()

    @property
    def waiting(self) -> bool:
        """Whether there may be an answer that waits to be recorded."""
        return bool(self._held) or self._there()

    @property
    def voices(self) -> set[int]:
        """The ids of the voices whose answers are held here."""
        return {one.claimed.voice.id for one in self._held.values()}

    @property
    def in_memory_alone(self) -> list[Settlement]:
        """The answers that stand in no file, because none could be written."""
        return [self._held[line] for line in self._unwritten]

    def put(self, settlement: Settlement) -> None:
        """Hold an answer; where the file cannot be written, the memory of this process has to do."""
        if settlement not in self._held.values():
            line = _form().dump_json(settlement).decode()
            self._held[line] = settlement
            self._unwritten.add(line)
        self._write_down()

    def held(self) -> dict[str, Settlement]:
        """Return every answer that waits to be recorded, also those that earlier processes left, by its line."""
        self._write_down()
        with self._complaining(self.path):
            self._read()
        return dict(self._held)

    def done(self, settlement: Settlement) -> None:
        """Forget an answer that was recorded; the file goes with the last of them."""
        lines = {line for line, one in self._held.items() if one == settlement}
        if lines:
            self._unwritten -= lines
            for line in lines:
                del self._held[line]
            with self._complaining(self.path):  # recording it again would change nothing
                self._rewrite(lines)

    def put_aside(self, settlement: Settlement, reason: str) -> None:
        """Take an answer out that this registry can never take, and keep it beside the spool."""
        self._aside([line for line, one in self._held.items() if one == settlement], reason)
        self.done(settlement)

    def _write_down(self) -> None:
        """Write what the file does not have yet; what it does not take now it is offered again."""
        with self._complaining(self.path):  # what is at fault with one of them is so with the others
            for line in list(self._unwritten):
                one = self._held[line]
                where = {"account": one.terms.account, "voice_id": one.claimed.voice.voice_id}
                self._append(line)
                self._unwritten.discard(line)
                self._log.warning("spool.held", **where, outcome=one.answer.outcome.value, path=str(self.path))

    def _there(self) -> bool:
        return self.path is not None and os.access(self.path, os.F_OK)

    @contextmanager
    def _complaining(self, path: Path | None) -> Iterator[None]:
        """Say what the file system refuses, and go on."""
        try:
            yield
        except OSError as error:
            self._log.error("spool.failed", path=str(path), error=str(error))

    def _append(self, line: str) -> None:
        if self.path is None:
            return
        with _locked(self.path) as file:
            size = os.fstat(file).st_size
            whole = size == 0 or os.pread(file, 1, size - 1) == b"\n"
            # A crash may have left half a line: it must not spoil this one.
            _write(file, [line] if whole else ["", line])

    def _read(self) -> None:
        """Take in what stands in the file."""
        if self.path is None or not self._there():
            return
        with _locked(self.path) as file:
            lines = _lines(file)
        spoiled = [line for line in lines if line not in self._held and not self._take(line)]
        if spoiled:
            self._aside(spoiled, "it cannot be read")
            self._rewrite(set(spoiled))

    def _take(self, line: str) -> bool:
        try:
            self._held[line] = _form().validate_json(line)
        except ValueError:
            return False
        return True

    def _rewrite(self, without: set[str]) -> None:
        """Write the file anew without these lines, in one step; remove it where nothing is left."""
        if self.path is None or not self._there():
            return
        with _locked(self.path) as file:
            left = [line for line in _lines(file) if line not in without]
            if not left:
                self.path.unlink()
                return
            new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            with _opened(new, os.O_TRUNC) as copy:
                _write(copy, left)
            new.replace(self.path)

    def _aside(self, lines: list[str], reason: str) -> None:
        if self.path is None:
            self._log.error("spool.set_aside", lines=len(lines), reason=reason)
            return
        aside = self.path.with_name(self.path.name + _ASIDE)
        self._log.error("spool.set_aside", lines=len(lines), path=str(aside), reason=reason)
        with self._complaining(aside), _opened(aside) as file:
            _write(file, lines)


@cache
def _form() -> "TypeAdapter[Settlement]":
    """Return what writes and reads one line; made when it is first needed, which mostly is never."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - as said above

    return TypeAdapter(Settlement)


@contextmanager
def _opened(path: Path, how: int = 0) -> Iterator[int]:
    """Open a file to read and to append, made if need be, for its owner alone."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | how, _MODE)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the file as its only user; one that was removed or replaced while its lock was awaited is opened again.

    Raises OSError where another process keeps it: one that is suspended must not hold up this one.
    """
    while True:
        with _opened(path) as file:
            _lock(file)
            if os.access(path, os.F_OK) and os.path.samestat(os.fstat(file), path.stat()):
                yield file
                return


def _lock(file: int) -> None:
    for _ in range(_LOOKS):
        with suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sleep(_PAUSE)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lines(file: int) -> list[str]:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, "rb", closefd=False) as stream:
        return [line.decode(errors="replace") for line in stream.read().split(b"\n") if line.strip()]


def _write(file: int, lines: list[str]) -> None:
    """Append lines, and wait until the disk has them."""
    with open(file, "ab", closefd=False) as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode())
    os.fsync(file)
