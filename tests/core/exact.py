"""An exact solver for small queues: it tries every way to use every slot."""

from collections.abc import Sequence
from functools import cache

from voicekeeper.core.money import Span
from voicekeeper.core.pace import Pace, instant, moment
from voicekeeper.core.queue import CALL, Load


def worth(load: Load) -> int:
    """Weigh a voice so that any counts, and one of a higher priority more than all of the lower ones."""
    weight: int = 10 ** (2 * load.priority)
    return weight


def best(loads: Sequence[Load], pace: Pace) -> int:
    """Return what the most valuable voices that can all be called are worth; each load is one voice."""
    first, end = instant(pace.start), max((load.deadline for load in loads), default=0)
    slots = range(first, end, pace.step)
    limits = {span: int(limit // pace.cost) for span, limit in pace.budget.limits.items()}
    paid = {span: int(pace.committed.get(span, 0) // pace.cost) for span in limits}

    @cache
    def saved(number: int, left: frozenset[int], spent: tuple[int, ...]) -> int:
        left = frozenset(key for key in left if loads[key].deadline - CALL > first + number * pace.step)
        if number == len(slots) or not left:
            return 0
        at = slots[number]
        began = slots[number - 1] if number else instant(pace.as_of)
        now = [0 if _new(span, began, at, pace) else calls for span, calls in zip(limits, spent, strict=True)]
        found = [saved(number + 1, left, tuple(now))]
        if all(calls < most for calls, most in zip(now, limits.values(), strict=True)):
            after = tuple(calls + 1 for calls in now)
            ready = (key for key in left if loads[key].due <= at)
            found += [worth(loads[key]) + saved(number + 1, left - {key}, after) for key in ready]
        return max(found)

    most: int = saved(0, frozenset(range(len(loads))), tuple(paid.values()))
    return most


def _new(span: Span, before: int, at: int, pace: Pace) -> bool:
    """Tell whether a day or month began between two moments."""
    return span.began(moment(at), pace.budget.zone) > span.began(moment(before), pace.budget.zone)
