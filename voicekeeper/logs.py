"""Logging: structlog, one line for each event, console on a terminal and JSON otherwise.

Nobody waits for whoever reads the log: lines go out by a thread of their own, and where its reader stands still, so
many wait and the others are counted.
"""

import atexit
import logging
import os
import queue
import select
import sys
import threading
from contextlib import suppress
from functools import cache
from io import TextIOBase, UnsupportedOperation
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict

from voicekeeper.core.shown import escaped, printable_lines

#: httpx logs full URLs at INFO, Apprise logs addresses that it refuses, urllib3 paths: all may hold secrets.
_TALKERS = ("httpx", "httpcore", "apprise", "urllib3", "requests", "apscheduler", "alembic", "uvicorn", "asyncio")
#: Lines that wait for a reader who stands still, and seconds that a process waits for it at its end.
_WAITING = 10_000
_AT_END = 2.0


def set_up(form: str = "auto", level: str = "info", stream: TextIOBase | None = None) -> None:
    """Send everything to standard error, or to the stream; standard output belongs to what a command was asked for.

    May be called again: loggers that were given out before follow.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    pretty = form == "console" or (form == "auto" and _on_terminal())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_last_steps(pretty=pretty),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", stream or standard_error())),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()], force=True)
    for name in _TALKERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Libraries(logging.Handler):
    """Gives what libraries log the same form as our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        say = logger().error if record.levelno >= logging.ERROR else logger().warning
        say("library", library=record.name, message=record.getMessage(), exc_info=record.exc_info or None)


class Unblocked(TextIOBase):
    """Writes to a file descriptor without ever waiting for it; a line that cannot be written is dropped."""

    def __init__(self, descriptor: int, most: int = _WAITING) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: queue.Queue[str] = queue.Queue(most)
        self._own: list[str] = []
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        atexit.register(self.finish)

    def write(self, text: str) -> int:
        """Have a line written soon."""
        if threading.current_thread() is self._thread:
            self._own.append(text)
            return len(text)
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            with self._lock:
                self._dropped += 1
        if self._thread is None:
            self._start()
        return len(text)

    def _start(self) -> None:
        with self._lock, suppress(RuntimeError):  # no thread to be had now: the next line tries again
            if self._thread is None:
                thread = threading.Thread(target=self._write_all, name="log", daemon=True)
                self._thread = thread
                try:
                    thread.start()
                except RuntimeError:
                    self._thread = None
                    raise

    def _write_all(self) -> None:
        while True:
            text = self._lines.get()
            self._put(text)
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                logger().warning("log.dropped", lines=dropped)
            while self._own:  # not within the logger: it holds a lock that all others wait for
                self._put(self._own.pop())
            self._lines.task_done()

    def _put(self, text: str) -> None:
        with suppress(OSError):  # nobody reads any more
            _write_whole(self._descriptor, text.encode(errors="replace"))

    def finish(self) -> None:
        """Let what waits be written, within a time."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, _AT_END)


def _write_whole(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody else has set the descriptor so
            select.select([], [descriptor], [])


def standard_error() -> TextIOBase:
    """Return what never holds up its writer; it goes nowhere, where the process was started without standard error."""
    if sys.stderr is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open for as long as the process lives
    try:
        return _unblocked(sys.stderr.fileno())
    except (UnsupportedOperation, AttributeError):
        return cast("TextIOBase", sys.stderr)


@cache
def _unblocked(descriptor: int) -> Unblocked:
    """Return the one writer to a descriptor: two would tear each other's lines."""
    return Unblocked(descriptor)


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _last_steps(*, pretty: bool) -> list[Any]:
    if pretty:
        # Where rich is installed, structlog would print every local variable of a traceback, keys among them.
        plain = structlog.dev.plain_traceback
        console = structlog.dev.ConsoleRenderer(colors=_on_terminal(), exception_formatter=plain)
        return [structlog.processors.format_exc_info, _shown, console]
    json = structlog.processors.JSONRenderer(ensure_ascii=False)
    return [structlog.processors.format_exc_info, json, lambda _log, _name, line: escaped(line)]


def _shown(_log: object, _name: str, event: EventDict) -> EventDict:
    """Take out of an event what could steer a terminal: much in it comes from providers and databases."""
    return {key: printable_lines(value) if isinstance(value, str) else value for key, value in event.items()}


def logger() -> Any:  # noqa: ANN401 - structlog's loggers take their methods from the configuration
    """Return the program's logger."""
    return structlog.get_logger("voicekeeper")
