"""One way to reach people: what it is told and when, and how a try moves its state."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from voicekeeper.core.alert import Severity
from voicekeeper.core.wording import Language

#: A channel that fails is tried again so much later; the last wait repeats.
RETRY: tuple[timedelta, ...] = tuple(timedelta(minutes=n) for n in (1, 2, 5, 10))
#: A channel that has failed so often in a row is reported through the others.
REPORTED = 3
#: What does not hurry is held for so long after the last message, longer with each one in a row, and goes out together.
GAPS: tuple[timedelta, ...] = tuple(timedelta(minutes=n) for n in (5, 10, 20, 40, 60))
#: A row of messages ends with so much time without one.
PEACE = timedelta(hours=2)
#: A row of messages remembers at most so much of what it was about; what is forgotten is told at once again.
_TOPICS = 150
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
        return _local(local, days, end, 0 if days else local.fold) if inside else None

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

    `told_at` is the last message's time; `in_row` counts messages that followed closely on each other, and `topics`
    says which urgent matters they told of. `tries` counts failures in a row, since `failing_since`, with the next try
    at `retry_at`; `digest_at` is the next digest's time, which reports from `digest_from` on.
    """

    id: str
    told_at: datetime | None = None
    in_row: int = 0
    topics: tuple[str, ...] = ()
    tries: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    digest_at: datetime | None = None
    digest_from: datetime | None = None

    def gap_ends(self, now: datetime) -> datetime | None:
        """Return when it may be told what does not hurry, None for now."""
        if self.told_at is None:
            return None
        end = self.told_at + GAPS[min(max(self.in_row, 1), len(GAPS)) - 1]
        return end if end > now else None


def after(state: State, now: datetime, *, ok: bool, topics: Iterable[str] = ()) -> State:
    """Return a channel's state after a message; `topics` are the urgent ones of which it told."""
    if ok:
        return replace(_told(state, now, topics), tries=0, failing_since=None, retry_at=None)
    wait = RETRY[min(state.tries, len(RETRY) - 1)]
    return replace(state, tries=state.tries + 1, failing_since=state.failing_since or now, retry_at=now + wait)


def _told(state: State, now: datetime, topics: Iterable[str]) -> State:
    """Go on with a row of messages, or begin one; news within a gap does not put off what waits for its end."""
    goes_on = state.told_at is not None and now < state.told_at + PEACE
    in_row, before = (state.in_row, state.topics) if goes_on else (0, ())
    known = replace(state, topics=tuple(dict.fromkeys((*before, *topics)))[-_TOPICS:])
    return known if state.gap_ends(now) else replace(known, told_at=now, in_row=in_row + 1)


def held_until(state: State, now: datetime, *, news: bool) -> datetime | None:
    """Return until when this channel is told nothing, None for not at all; urgent `news` waits for no gap."""
    if state.retry_at and state.retry_at > now:
        return state.retry_at
    return None if news else state.gap_ends(now)


def _local(local: datetime, days: int, at: time, fold: int = 0) -> datetime:
    """Return the moment of a local time, so many days on; `fold` is 1 for the second of two like hours."""
    day = (local + timedelta(days=days)).date()
    return datetime.combine(day, at, local.tzinfo).replace(fold=fold).astimezone(UTC)
