"""One way to reach people: what it is told and when, and how a try moves its state."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from voicekeeper.core.alert import Severity
from voicekeeper.core.wording import Language

#: A channel that fails is tried again so much later; the last wait repeats.
RETRY: tuple[timedelta, ...] = tuple(timedelta(minutes=n) for n in (1, 2, 5, 10))
#: A channel that has failed so often in a row is reported through the others.
REPORTED = 3
#: What does not hurry is held for so long after the last message, and goes out together.
GAP = timedelta(minutes=5)
_RANK = {None: 0, Severity.CRITICAL: 1, Severity.WARNING: 2, Severity.INFO: 3}


class Rhythm(StrEnum):
    """How often a digest is sent; a weekly one on Mondays."""

    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one channel is told, and when; `id` tells it from the others, and neither it nor `name` holds a secret.

    It hears of what is `least` severe or more: None is nothing. In its quiet hours, local times that may reach over
    midnight, it hears of criticals only.
    """

    id: str
    name: str = ""
    least: Severity | None = Severity.INFO
    quiet: tuple[time, time] | None = None
    zone: tzinfo = field(default=UTC)
    digest: Rhythm | None = None
    digest_at: time = time(9)
    language: Language = Language.EN

    def wants(self, severity: Severity) -> bool:
        """Tell whether it is to hear of an alert."""
        return _RANK[severity] <= _RANK[self.least]

    def quiet_until(self, now: datetime) -> datetime | None:
        """Return when its quiet hours end, None outside of them."""
        if self.quiet is None:
            return None
        begin, end = self.quiet
        local = now.astimezone(self.zone)
        clock = time(local.hour, local.minute, local.second)
        inside = begin <= clock < end if begin < end else clock >= begin or clock < end
        days = 1 if clock >= end else 0
        return _local(local, days, end) if inside else None

    def next_digest(self, now: datetime) -> datetime | None:
        """Return when its next digest is due, None where none is wanted."""
        if self.digest is None:
            return None
        local = now.astimezone(self.zone)
        days = [day for day in range(9) if self.digest is Rhythm.DAILY or (local + timedelta(days=day)).weekday() == 0]
        return next(moment for day in days if (moment := _local(local, day, self.digest_at)) > now)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the registry knows of a channel, for all instances.

    `told_at` is the last message's time; `tries` counts failures in a row, since `failing_since`, with the next try at
    `retry_at`; `digest_at` is the next digest's time, which reports from `digest_from` on.
    """

    id: str
    told_at: datetime | None = None
    tries: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    digest_at: datetime | None = None
    digest_from: datetime | None = None


def after(state: State, now: datetime, *, ok: bool) -> State:
    """Return a channel's state after a message."""
    if ok:
        return replace(state, told_at=now, tries=0, failing_since=None, retry_at=None)
    wait = RETRY[min(state.tries, len(RETRY) - 1)]
    return replace(state, tries=state.tries + 1, failing_since=state.failing_since or now, retry_at=now + wait)


def held_until(rule: Rule, state: State, now: datetime, *, urgent: bool) -> datetime | None:
    """Return until when this channel is told nothing, None for not at all; `urgent` is for what holds a critical."""
    if state.retry_at and state.retry_at > now:
        return state.retry_at
    if urgent:
        return None
    gap = state.told_at + GAP if state.told_at else now
    ends: Sequence[datetime] = [end for end in (rule.quiet_until(now), gap) if end and end > now]
    return max(ends, default=None)


def _local(local: datetime, days: int, at: time) -> datetime:
    """Return the moment of a local time, so many days on."""
    return datetime.combine((local + timedelta(days=days)).date(), at, local.tzinfo).astimezone(UTC)
