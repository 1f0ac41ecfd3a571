"""Watches this machine's clock against what the providers' answers say anyway; people are told when they disagree."""

from collections import defaultdict, deque
from datetime import datetime, timedelta
from typing import Any

from voicekeeper.clock import Clock
from voicekeeper.core import skew
from voicekeeper.core.alert import Severity
from voicekeeper.registry import accounts
from voicekeeper.registry.database import Database

#: Answers of a sweep that are looked at: more would say nothing else.
_MOST = 99


class SkewWatch:
    """Hears the providers' clocks for a sweep; what is right and was right is not written to the registry again."""

    def __init__(self, database: Database, clock: Clock, log: Any) -> None:  # noqa: ANN401 - structlog's logger
        self._database, self._clock, self._log = database, clock, log
        self._heard: defaultdict[str, deque[timedelta]] = defaultdict(lambda: deque(maxlen=_MOST))
        self._told: dict[str, Severity | None] = {}

    def hear(self, account: str, server_time: datetime | None) -> None:
        """Take in what a provider's clock said just now."""
        if server_time is not None:
            # On a clock that runs fast, what an answer takes on its way looks longer by as much.
            self._heard[account].append((self._clock.now() - server_time) / self._clock.scale)

    async def judge(self, account: str) -> None:
        """Judge what was heard from an account's provider since the last time, and tell people of a change."""
        heard = self._heard.pop(account, None)
        if not heard:
            return
        found = skew.of_all(heard)
        level = skew.severity(found)
        known = account in self._told and self._told[account] is level
        if known and level is None:
            return
        # Another instance, whose clock is right, may have ended the alert meanwhile.
        await self._database.run(accounts.judge_clock, account, found, self._clock.now())
        self._told[account] = level
        if level is not None and not known:
            self._log.warning("clock.skewed", account=account, skew_s=round(found.total_seconds()))
