"""When a voice is due, when it is tried again, when its owner is warned."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)

#: Front-weighted waits between tries; the last one repeats.
RETRY_TABLE: tuple[timedelta, ...] = (
    *(n * _MINUTE for n in (1, 2, 2, 5, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30, 30, 30, 30)),
    *(n * _HOUR for n in (1, 1, 1, 2, 2, 3, 3, 6)),
)
SHORTEST_WAIT = _MINUTE
_SHARE_OF_TIME_LEFT = 8
_JITTER = 0.1
#: What is left to the deadline at least when a voice first comes due; less in a life under eight hours.
LAST_ROOM = _HOUR


#: What must be left for retries, and beside them for a provider that is down, where voices are kept as late as is safe.
_RETRIES, _MARGIN = sum(RETRY_TABLE[:17], timedelta()), 24 * _HOUR


class KeepAfter(StrEnum):
    """Ways to choose when a voice is due, beside a fixed wait after it was cloned.

    `latest-safe` leaves time for retries, for a day without the provider, and for all voices that come before: the
    last is known from the queue alone, so `core.latest` pulls the due times forward. `spread` is evenly over the life
    up to then, at a place that belongs to the voice.
    """

    IMMEDIATE = "immediate"
    HALF_LIFE = "half-life"
    LATEST_SAFE = "latest-safe"
    SPREAD = "spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How an account's voices are kept: their lifetime, when they are due, the rungs of warning.

    `warn_before` is ordered from the longest to the shortest.
    """

    lifetime: timedelta = timedelta(hours=168)
    keep_after: timedelta | KeepAfter = timedelta()
    warn_before: tuple[timedelta, ...] = (72 * _HOUR, 24 * _HOUR, 12 * _HOUR, 6 * _HOUR, _HOUR)


@dataclass(frozen=True, slots=True)
class Plan:
    """The three times that make a registered voice workable."""

    deadline: datetime
    due_at: datetime
    warn_at: datetime | None


def plan(cloned_at: datetime, deadline: datetime | None, policy: Policy, name: str = "") -> Plan:
    """Plan a voice from its clone time; a deadline given by its owner stands, `name` tells it from all others.

    It is due in time for some tries even where `keep_after` reaches to the deadline or beyond.
    """
    last = deadline or cloned_at + policy.lifetime
    life = max(last - cloned_at, timedelta())
    wait = _WAITS[policy.keep_after](life, name) if isinstance(policy.keep_after, KeepAfter) else policy.keep_after
    due = min(cloned_at + wait, last - min(life / _SHARE_OF_TIME_LEFT, LAST_ROOM))
    warn_at = next_rung(last, cloned_at, policy.warn_before)
    if warn_at is None and policy.warn_before:
        warn_at = last - life / 2  # a life that is shorter than every rung must not end in silence
    return Plan(last, due, warn_at)


def next_rung(deadline: datetime, after: datetime, rungs: Sequence[timedelta]) -> datetime | None:
    """Return when the next rung is reached after the time `after`, or None past the last one."""
    return min((deadline - rung for rung in rungs if deadline - rung > after), default=None)


def rung_reached(deadline: datetime, now: datetime, rungs: Sequence[timedelta]) -> timedelta | None:
    """Return the most urgent rung that has been reached, or None before the first."""
    return min((rung for rung in rungs if deadline - rung <= now), default=None)


def retry_wait(tries: int, left: timedelta, seed: str) -> timedelta:
    """Return how long to wait after the try with number `tries`, counted from 1.

    The table's wait, shifted by up to 10 % that belong to this voice and try, is capped at an eighth of the time
    left and is never under a minute; past the deadline only the table counts.
    """
    wait = RETRY_TABLE[min(max(tries, 1), len(RETRY_TABLE)) - 1] * (1 + _jitter(f"{seed}:{tries}"))
    return cap_wait(wait, left)


def cap_wait(wait: timedelta, left: timedelta) -> timedelta:
    """Cap a wait at an eighth of the time left, never under a minute."""
    if left > timedelta():
        wait = min(wait, left / _SHARE_OF_TIME_LEFT)
    return max(wait, SHORTEST_WAIT)


def latest_safe(life: timedelta) -> timedelta:
    """Return how late in a life a voice may be called: time for retries and a margin is left, half the life at most."""
    return life - min(_RETRIES + _MARGIN, life / 2)


_WAITS: Mapping[KeepAfter, Callable[[timedelta, str], timedelta]] = {
    KeepAfter.IMMEDIATE: lambda _life, _name: timedelta(),
    KeepAfter.HALF_LIFE: lambda life, _name: life / 2,
    KeepAfter.LATEST_SAFE: lambda life, _name: latest_safe(life),
    KeepAfter.SPREAD: lambda life, name: latest_safe(life) * _share(name),
}


def _jitter(seed: str) -> float:
    """Return a number in ±10 % that is always the same for the same seed."""
    return _JITTER * (_share(seed) * 2 - 1)


def _share(seed: str) -> float:
    """Return a number from 0 to 1 that is always the same for the same seed."""
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest()) / 0xFFFFFFFF
