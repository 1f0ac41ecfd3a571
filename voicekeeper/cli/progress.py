"""A progress line for long sweeps on a terminal, which the log's lines do not tear."""

import io
import sys

from voicekeeper.report import Report

_CLEAR = "\r\033[K"


class Progress(io.TextIOBase):
    """Shows how a sweep goes on standard error; the log writes through it."""

    def __init__(self, *, shown: bool) -> None:
        super().__init__()
        self.shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._line = ""

    def update(self, report: Report) -> None:
        """Show what has been done so far."""
        parts = [f"{report.kept} kept"]
        parts += [f"{report.failed} to be retried"] if report.failed else []
        parts += [f"{report.lost} lost"] if report.lost else []
        self._draw("sweeping: " + ", ".join(parts))

    def done(self) -> None:
        """Take the line away."""
        self._draw("")

    def write(self, text: str) -> int:
        """Write the log's text above the line."""
        if self._line:
            sys.stderr.write(_CLEAR)
        sys.stderr.write(text)
        if self._line and text.endswith("\n"):
            sys.stderr.write(self._line)
        sys.stderr.flush()
        return len(text)

    def isatty(self) -> bool:
        """Tell whether anybody looks."""
        return sys.stderr.isatty()

    def _draw(self, line: str) -> None:
        if self.shown and (line or self._line):
            sys.stderr.write(_CLEAR + line)
            sys.stderr.flush()
            self._line = line
