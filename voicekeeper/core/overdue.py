"""Should it have been done by now? How long a voice may be due and untried."""

from datetime import timedelta

#: Voices are overdue after so many sweeps, and this at least.
_SWEEPS = 3
_LEAST = timedelta(hours=1)


def grace(sweep_every: timedelta) -> timedelta:
    """Return how long a voice may be due and untried before somebody is told."""
    return max(_LEAST, _SWEEPS * sweep_every)
