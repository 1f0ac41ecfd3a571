"""A progress line for long sweeps on a terminal, which the log's lines do not tear.

It goes out as the log does: a terminal that takes nothing more holds up no call.
"""

import io
import sys

from voicekeeper import logs
from voicekeeper.report import Report

_CLEAR = "\r\033[K"


class Progress(io.TextIOBase):
    """Shows how a sweep goes on standard error; the log writes through it."""

    def __init__(self, *, shown: bool) -> None:
        super().__init__()
        self.shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._line = ""
        self._out = logs.standard_error() if self.shown else io.TextIOBase()

    def update(self, report: Report) -> None:
        """Show what has been done so far."""
        parts = [f"{report.kept} kept"]
        parts += [f"{report.failed} to be retried"] if report.failed else []
        parts += [f"{report.lost} lost"] if report.lost else []
        self._draw("sweeping: " + ", ".join(parts))

    def done(self) -> None:
        """Take the line away, before anything else is printed."""
        self._draw("")
        if self.shown and isinstance(self._out, logs.Unblocked):
            self._out.finish()

    def write(self, text: str) -> int:
        """Write the log's text above the line."""
        again = self._line if text.endswith("\n") else ""
        self._out.write(f"{_CLEAR if self._line else ''}{text}{again}")
        return len(text)

    def isatty(self) -> bool:
        """Tell whether anybody looks."""
        return sys.stderr.isatty()

    def _draw(self, line: str) -> None:
        if self.shown and (line or self._line):
            self._out.write(_CLEAR + line)
            self._line = line
