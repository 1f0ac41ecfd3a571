"""Tells people directly that the registry does not work: everything else they are told comes out of it."""

from datetime import datetime, timedelta
from typing import Any

from voicekeeper.clock import Clock
from voicekeeper.core import alert
from voicekeeper.notify import Notifier

#: So many rounds must have failed in a row, over so long a time, or as long as two of them take where that is less.
_ROUNDS = 3
_AFTER = timedelta(minutes=10)


class RegistryAlarm:
    """One daemon's own alarm: raised once while it lasts, then told again like any alert, and told when it is over.

    Its memory is this process's; several daemons that lose the same registry each say so.
    """

    def __init__(self, clock: Clock, log: Any) -> None:  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        self._clock, self._log = clock, log
        self._since: datetime | None = None
        self._rounds = 0
        self._told: datetime | None = None

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

    async def works(self, notifier: Notifier) -> None:
        """Take in a round that was completed."""
        if self._since is None:
            return
        since, told = self._since, self._told
        self._since, self._rounds, self._told = None, 0, None
        self._log.info("registry.available", seconds=round((self._clock.now() - since).total_seconds()))
        if told is not None:
            await notifier.at_once(alert.unreachable("", since), resolved=True)
