"""Who is saved where not all can be."""

from collections.abc import Sequence
from heapq import heappop, heappush

from voicekeeper.core.pace import Capacity, Pace, instant
from voicekeeper.core.queue import CALL, Load

#: How a voice is weighed against others, the first to be given up first: its priority, whether it has not failed, its
#: deadline and its key, both turned round; then how many there are like it.
_Weighed = tuple[float, bool, int, int, int]
_NOBODY: _Weighed = (float("inf"), True, 0, 0, 0)
_FAR = 1 << 62


def choose(loads: Sequence[Load], pace: Pace) -> dict[int, int]:
    """Return how many of each load have to let others go first, so that most are saved, and the most valuable.

    By deadline, each voice is taken in; where more are taken than there are slots from some due time up to the
    deadline, those of the lowest priority among them go out, of these first the ones that failed, and then those with
    the latest deadlines. What stays can all be saved, and no other choice saves more, nor any of a higher priority
    instead: sets of unit jobs that can be matched with slots are a matroid, for which the greedy choice is the best one
    (Lawler 1976; without due times Moore 1968). The slots are those of a queue that never runs dry: what a budget buys
    is spent as early as it can be.
    """
    start = instant(pace.start)
    due = {load.key: max(min(load.due, load.deadline), start) for load in loads}
    able, opening, opens = Capacity(pace), Capacity(pace), sorted(set(due.values()))
    places = {at: number for number, at in enumerate(opens)}
    taken, out = _Taken([opening.before(at) for at in opens]), dict[int, int]()
    for load in sorted(loads, key=lambda load: load.deadline):
        taken.add(places[due[load.key]], load)
        could = able.before(load.deadline - CALL)
        while crowd := taken.beyond(could):
            key, gone = taken.drop(*crowd)
            out[key] = out.get(key, 0) + gone
    return out


class _Taken:
    """The voices taken in so far, by the places of their due times in order: a tree over these.

    A node knows of its places how many voices came due there, who of them would go first, and the least room that
    they leave: from the slots before a place, turned round, to the voices that came due there or later.
    """

    def __init__(self, slots_before: Sequence[int]) -> None:
        self._before, self._width = slots_before, 1 << max(len(slots_before) - 1, 0).bit_length()
        self._waiting: list[list[_Weighed]] = [[] for _ in range(self._width)]
        self._counts = [0] * (2 * self._width)
        self._least = [_NOBODY] * (2 * self._width)
        self._rooms = [_FAR] * (2 * self._width)

    def add(self, place: int, load: Load) -> None:
        """Take voices in that come due there."""
        heappush(self._waiting[place], (load.priority, not load.failed, -load.deadline, -load.key, load.size))
        self._change(place, load.size)

    def beyond(self, could: int) -> tuple[int, int] | None:
        """Return the last place from which on too many are taken for so many slots, and how many too many."""
        if could + self._rooms[1] >= 0:
            return None
        node, later = 1, 0
        while node < self._width:
            node = 2 * node + 1
            if could + self._rooms[node] - later >= 0:
                later += self._counts[node]
                node -= 1
        return node - self._width, later - could - self._rooms[node]

    def drop(self, first: int, most: int) -> tuple[int, int]:
        """Take out the least valuable load from a place on, or so many of it; return its key and how many."""
        place = self._where(first)
        weighed = heappop(self._waiting[place])
        name, there = weighed[-2:]
        gone = min(there, most)
        if gone < there:
            heappush(self._waiting[place], (*weighed[:-1], there - gone))
        self._change(place, -gone)
        return -name, gone

    def _where(self, first: int) -> int:
        """Return the place of the least valuable load from a place on."""
        node = best = first + self._width
        while node > 1:
            if node % 2 == 0 and self._least[node + 1] < self._least[best]:
                best = node + 1
            node //= 2
        while best < self._width:
            best = 2 * best + (self._least[2 * best + 1] < self._least[2 * best])
        return best - self._width

    def _change(self, place: int, by: int) -> None:
        node, waiting = place + self._width, self._waiting[place]
        self._counts[node] += by
        self._least[node] = waiting[0] if waiting else _NOBODY
        self._rooms[node] = -self._before[place] - self._counts[node] if waiting else _FAR
        while node := node // 2:
            self._join(node)

    def _join(self, node: int) -> None:
        left, right = 2 * node, 2 * node + 1
        self._counts[node] = self._counts[left] + self._counts[right]
        self._least[node] = min(self._least[left], self._least[right])
        self._rooms[node] = min(self._rooms[left] - self._counts[right], self._rooms[right])
