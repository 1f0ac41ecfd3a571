"""What the keeper says in the log: one canonical line for each unit of work, under stable names."""

import logging
from datetime import datetime, timedelta
from typing import Any, Protocol

from voicekeeper.core.account import Account
from voicekeeper.core.outcome import Answer
from voicekeeper.core.voice import Status, Voice

_EVENTS = {
    Status.KEPT: (logging.INFO, "voice.kept"),
    Status.WAITING: (logging.WARNING, "voice.retry_scheduled"),
    Status.LOST: (logging.ERROR, "voice.lost"),
    Status.RELEASED: (logging.INFO, "voice.released"),
}


class Observer(Protocol):
    """Who counts what the keeper does, beside the log."""

    def settled(self, voice: Voice, answer: Answer, slack: timedelta | None, seconds: float) -> None:
        """Take in one settled keep call: the voice as it is now, its slack then, and how long the call took."""
        ...


class Journal:
    """Writes the keeper's lines to structlog's logger, and tells its observer."""

    def __init__(self, log: Any, observer: Observer | None = None) -> None:  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        self.log, self._observer = log, observer

    def settled(self, voice: Voice, answer: Answer, attempt: int, now: datetime, seconds: float | None) -> None:
        """Say what came of one keep call; `seconds` is None where it was made long ago."""
        level, event = _EVENTS[voice.status]
        slack = voice.slack(now)
        more = {} if voice.status is Status.KEPT else {"reason": answer.message, "due_at": text(voice.due_at)}
        self.log.log(
            level,
            event,
            account=voice.account,
            voice_id=voice.voice_id,
            outcome=answer.outcome.value,
            attempt=attempt,
            slack_s=round(slack.total_seconds()) if slack is not None else None,
            latency_ms=round(seconds * 1000) if seconds is not None else None,
            trace_id=answer.trace_id,
            **more,
        )
        if self._observer is not None and seconds is not None:
            self._observer.settled(voice, answer, slack, seconds)

    def superseded(self, voice: Voice, answer: Answer, attempt: int) -> None:
        """Say that an answer came after the voice had passed into other hands: only its evidence was written."""
        said = {"outcome": answer.outcome.value, "attempt": attempt, "trace_id": answer.trace_id}
        self.log.warning("voice.superseded", account=voice.account, voice_id=voice.voice_id, **said)

    def account(self, before: Account, after: Account) -> None:
        """Say that an account was paused or goes on."""
        if after.paused and not before.paused:
            self.log.error("account.paused", account=after.name, reason=after.reason)
        elif before.paused and not after.paused:
            self.log.info("account.resumed", account=after.name)

    def let_go(self, voice: Voice) -> None:
        """Say that a held or released voice has passed its deadline."""
        level, event = _EVENTS[voice.status]
        self.log.log(level, event, account=voice.account, voice_id=voice.voice_id, reason=voice.last_error)

    def set_aside(self, voice: Voice, reason: str) -> None:
        """Say that a voice cannot be worked."""
        self.log.error("voice.set_aside", account=voice.account, voice_id=voice.voice_id, reason=reason)

    def unrecorded(self, voice: Voice, error: Exception, **facts: object) -> None:
        """Say that the registry would not take what must not be lost."""
        self.log.error(
            "registry.unavailable", account=voice.account, voice_id=voice.voice_id, error=str(error), **facts
        )


def text(moment: datetime | None) -> str | None:
    """Return a moment as logs have it: ISO 8601 with Z."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
