"""An account's rate limit as evenly spaced slots (GCRA without a burst): one time per account is its whole state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: Calls are spaced a little wider than the limit asks, so that jitter on the way cannot break it.
_MARGIN = 1.05
#: Slots are given out at most this far ahead, so that a claimed voice is called at once.
HORIZON = timedelta(seconds=1)
#: A slot is never further ahead than a provider may ask for, an hour, or than the next one; some is left for a clock
#: that is corrected a little.
_FARTHEST = timedelta(minutes=65)
#: After trouble calls begin four times as far apart, and twice as fast with each minute that goes well.
_WIDEST = 4
_STEP = timedelta(minutes=1)
#: Four calls a minute are growth for nobody: a rate at or below that comes back at once.
_SLOW = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Slots:
    """When the granted calls may be made, and when the next one may.

    `waits` holds one wait for each granted call; `next_at` is the state to store.
    """

    waits: Sequence[timedelta]
    next_at: datetime


def interval(requests_per_minute: float) -> timedelta:
    """Return the space between two calls."""
    return timedelta(seconds=60 / requests_per_minute * _MARGIN)


def ramped(space: timedelta, well_for: timedelta) -> timedelta:
    """Return the space between two calls where an account has worked again for `well_for` after trouble.

    Providers punish requests that grow fast (MiniMax's code 2045), and one that has just come back has little to give.
    """
    steps = min(max(well_for, timedelta()) // _STEP, _WIDEST)
    return max(space, min(space * max(_WIDEST >> steps, 1), _SLOW))


def reserve(next_at: datetime | None, now: datetime, space: timedelta, wanted: int) -> Slots:
    """Grant up to `wanted` slots that start within the horizon; none when the next one is further away.

    One that is further away than any is ever set was set before the clock was set back, and counts no more.
    """
    farthest = now + max(_FARTHEST, HORIZON + space)
    first = next_at if next_at is not None and now < next_at <= farthest else now
    granted = [first + i * space for i in range(wanted) if first + i * space <= now + HORIZON]
    return Slots([slot - now for slot in granted], first + len(granted) * space)
