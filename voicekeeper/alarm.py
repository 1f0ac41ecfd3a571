"""Tells people directly that the registry does not work: everything else they are told comes out of it."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from voicekeeper.clock import Clock
from voicekeeper.core import alert
from voicekeeper.notify import Notifier

#: So many rounds must have failed in a row, over so long a time, or as long as two of them take where that is less.
_ROUNDS = 3
_AFTER = timedelta(minutes=10)


class RegistryAlarm:
    """One daemon's own alarm: raised once while it lasts, then told again like any alert, and told when it is over.

    Several daemons that lose the same registry each say so. What was told is remembered in `file`: the watchdog may
    start this one anew meanwhile, and whoever heard of the beginning has to hear of the end.
    """

    def __init__(self, clock: Clock, log: Any, file: Path) -> None:  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        self._clock, self._log, self._file = clock, log, file
        self._since, self._told = _remembered(file)
        self._rounds = 0

    async def failed(self, notifier: Notifier, problem: str, every: timedelta, repeat_every: timedelta) -> None:
        """Take in a round that failed; `every` says how often rounds are made."""
        now = self._clock.now()
        self._since = self._since or now
        self._rounds += 1
        if self._rounds < _ROUNDS or now - self._since < min(_AFTER, (_ROUNDS - 1) * every):
            return
        if self._told is not None and now - self._told < repeat_every:
            return
        if await notifier.at_once(alert.unreachable(problem, self._since)):
            self._told = now
            self._remember({"since": self._since.isoformat(), "told": now.isoformat()})

    async def works(self, notifier: Notifier) -> None:
        """Take in a round that was completed; while nobody takes the good news, it is offered with each."""
        if self._since is None:
            return
        if self._rounds:
            self._log.info("registry.available", seconds=round((self._clock.now() - self._since).total_seconds()))
        self._rounds = 0
        if self._told is None or await notifier.at_once(alert.unreachable("", self._since), resolved=True):
            self._since = self._told = None
            self._remember(None)

    def _remember(self, told: dict[str, str] | None) -> None:
        """Leave a note for the next process; where none can be left, this one's memory has to do."""
        try:
            if told is None:
                self._file.unlink(missing_ok=True)
            else:
                self._file.write_text(json.dumps(told), encoding="utf-8")
        except OSError as error:
            self._log.warning("alarm.unwritten", path=str(self._file), error=str(error))


def _remembered(file: Path) -> tuple[datetime | None, datetime | None]:
    """Return since when the registry is away and when people were told last, both None where they were not."""
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
        return datetime.fromisoformat(note["since"]), datetime.fromisoformat(note["told"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, None
