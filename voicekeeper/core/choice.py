"""Who is saved where not all can be."""

from collections.abc import Sequence
from heapq import heappop, heappush

from voicekeeper.core.pace import Capacity, Pace
from voicekeeper.core.queue import Load


def choose(loads: Sequence[Load], pace: Pace) -> dict[int, int]:
    """Return how many of each load have to let others go first, so that most are saved, and the most valuable.

    By deadline, each voice is taken in; where more are taken than can be called before it, the one of the lowest
    priority goes out, of these the one with the latest deadline. What stays can all be saved, and no other choice
    saves more, nor any of a higher priority instead: sets of unit jobs that can be done by their deadlines are a
    matroid, for which the greedy choice is the best one (Lawler 1976; Moore 1968). All voices count as due.
    """
    able, taken, inside = Capacity(pace), 0, list[tuple[int, int, int, int]]()
    out: dict[int, int] = {}
    for _, deadline, priority, key, count in sorted(loads, key=lambda load: load.deadline):
        heappush(inside, (priority, -deadline, -key, count))
        taken += count
        excess = taken - able.before(deadline)
        while excess > 0:
            lowest, late, name, there = heappop(inside)
            gone = min(there, excess)
            out[-name] = out.get(-name, 0) + gone
            taken -= gone
            excess -= gone
            if gone < there:
                heappush(inside, (lowest, late, name, there - gone))
    return out
