"""When each voice has to be due at the latest, so that the queue as a whole is not too late."""

from collections.abc import Iterable
from datetime import timedelta

from voicekeeper.core.pace import Pace
from voicekeeper.core.queue import Load

_MICROSECOND = timedelta(microseconds=1)
_QUARTER = 900_000_000


def pulled(loads: Iterable[Load], pace: Pace, reserve: timedelta) -> dict[int, int]:
    """Return by deadline when its voices have to be due, where the queue makes that earlier than they are.

    The queue is laid out from its end: the last voices are called `reserve` before their deadline, those before them
    so much earlier that each has its slot, or its share of a budget. What would change by less than a quarter of an
    hour is left as it is.
    """
    step, found = pace.steady, dict[int, int]()
    begins: int | None = None
    for load in sorted(loads, key=lambda load: load.deadline, reverse=True):
        latest = load.deadline - reserve // _MICROSECOND
        begins = (latest if begins is None else min(begins - step, latest)) - (load.size - 1) * step
        if begins <= load.due - _QUARTER:
            found[load.deadline] = min(found.get(load.deadline, begins), begins)
    return found
