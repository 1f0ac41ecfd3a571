"""How far this machine's clock is from a provider's, and from when on that endangers voices.

Deadlines are counted on this machine's clock, and so is when a voice was cloned with `voicekeeper clone`: whichever
way it is wrong, some deadline is believed later than it is.
"""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from voicekeeper.core.alert import Severity
from voicekeeper.core.duration import format_duration

_LEVELS = ((timedelta(hours=1), Severity.CRITICAL), (timedelta(minutes=5), Severity.WARNING))
#: HTTP's dates have whole seconds, and an answer takes a moment on its way.
_NOISE = timedelta(seconds=2)
MEND = "synchronise this machine's clock (chrony, systemd-timesyncd)"


def severity(skew: timedelta) -> Severity | None:
    """Say how much a skew endangers, None for not at all."""
    return next((level for least, level in _LEVELS if abs(skew) >= least), None)


def of_all(skews: Sequence[timedelta]) -> timedelta:
    """Return the one that stands for all, one at least: a single server with a wrong clock decides nothing."""
    return timedelta(seconds=median(skew.total_seconds() for skew in skews))


def words(skew: timedelta) -> str:
    """Say how far this machine's clock is from another: "3s behind", "2h 5m ahead of"."""
    if abs(skew) <= _NOISE:
        return "in step with"
    return f"{format_duration(skew)} {'ahead of' if skew > timedelta() else 'behind'}"
