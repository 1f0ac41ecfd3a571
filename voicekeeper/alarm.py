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
    """One daemon's own alarm: each channel is told once while it lasts, again like of any alert, and when it is over.

    Several daemons that lose the same registry each say so. Who was told is remembered in `file`: the watchdog may
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
        told = alert.unreachable(problem, self._since)
        recent = {channel for channel, at in self._told.items() if now - at < repeat_every}
        heard = await notifier.at_once(told, notifier.listeners(told) - recent)
        if heard:
            self._told |= dict.fromkeys(heard, now)
            self._remember()

    async def works(self, notifier: Notifier) -> None:
        """Take in a round that was completed; who does not take the good news is offered it with each."""
        now = self._clock.now()
        since, self._since = self._since or now, None
        if self._rounds:
            self._log.info("registry.available", seconds=round((now - since).total_seconds()))
        self._rounds = 0
        if self._told:
            over = alert.unreachable("", since)
            owed = notifier.listeners(over) & self._told.keys()
            owed -= await notifier.at_once(over, owed, resolved=True)
            self._told = {channel: self._told[channel] for channel in owed}
            self._remember()

    def _remember(self) -> None:
        """Leave a note for the next process; where none can be left, this one's memory has to do."""
        since = self._since.isoformat() if self._since else None
        told = {channel: at.isoformat() for channel, at in self._told.items()}
        try:
            if told:
                self._file.write_text(json.dumps({"since": since, "told": told}), encoding="utf-8")
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            self._log.warning("alarm.unwritten", path=str(self._file), error=str(error))


def _remembered(file: Path) -> tuple[datetime | None, dict[str, datetime]]:
    """Return since when the registry is away, and when each channel was told of it last."""
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
        told = {channel: datetime.fromisoformat(at) for channel, at in note["told"].items()}
        return note["since"] and datetime.fromisoformat(note["since"]), told
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, {}
