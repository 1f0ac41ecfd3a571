"""The queue of waiting voices, played forward: who is called when, and who comes too late.

The order is the one that claims follow: those that let others go first come last, then the earliest deadline, then
the highest priority, then who was registered first. A load is a voice, or many voices of one deadline that count as
one; so a whole account is played in milliseconds, and each of its voices where that is asked for.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

from voicekeeper.core.pace import Pace, Purse, instant

_NEVER = 1 << 62
#: Microseconds that a call may take: one that begins with less than that left may come too late.
CALL = 5_000_000


class Load(NamedTuple):
    """`size` voices of one deadline and priority, due at `due`; `key` is a voice's id, or a number of one's own.

    `failed` tells that their last calls failed by themselves, so that the next ones may too.
    """

    due: int
    deadline: int
    priority: int
    key: int
    size: int = 1
    failed: bool = False


class Run(NamedTuple):
    """Calls with `size` voices of a load from `at` on, one a slot; `at` is None for voices that come too late."""

    key: int
    deadline: int
    at: int | None
    size: int


#: A load as it waits: whether it lets others go first, its deadline, its priority turned round, its key, its size.
_Waiting = tuple[int, int, int, int, int]


def play(loads: Iterable[Load], pace: Pace, yielding: Mapping[int, int] | None = None) -> Iterator[Run]:
    """Yield what happens with each load, in the order of time; `yielding` says how many of a load let others go first.

    A call that begins a `CALL` before the deadline counts as in time, and as successful.
    """
    arriving, desk = _arriving(loads, yielding or {}), _Desk(pace)
    queue: list[_Waiting] = []
    while arriving:
        if not queue:
            desk.at = max(desk.at, arriving[-1][0])
        while arriving and arriving[-1][0] <= desk.at:
            heappush(queue, arriving.pop()[1])
        change = arriving[-1][0] if arriving else desk.at
        while queue and desk.at < change:
            waiting = heappop(queue)
            yield from desk.serve(waiting, change)
            if desk.left:
                heappush(queue, (*waiting[:-1], desk.left))
    for waiting in sorted(queue):  # nobody comes any more, so their order is settled
        yield from desk.serve(waiting, _NEVER)


class _Desk:
    """Where the queue is served: a call a slot, as many as can be paid; `left` is what the last load had left over."""

    def __init__(self, pace: Pace) -> None:
        self.at, self.left, self._step = instant(pace.start), 0, pace.step
        self._purse, self._taken = Purse(pace), 0
        self._paid, self._until = self._purse.open(self.at)

    def serve(self, waiting: _Waiting, change: int) -> Iterator[Run]:
        """Yield the calls with a load that begin before something may change, and what of it comes too late."""
        _, deadline, _, key, self.left = waiting
        last = deadline - CALL
        while self.left and self.at < change:
            if last <= self.at:
                yield Run(key, deadline, None, self.left)
                self.left = 0
                return
            if self.at >= self._until:
                self._paid, self._until = self._purse.open(self.at, self._taken)
                self._taken = 0
            if not self._paid:
                self.at = min(self._until, change)  # who comes meanwhile may go first
                continue
            end = min(last, self._until, change)
            calls = min(self.left, self._paid, -((self.at - end) // self._step))
            yield Run(key, deadline, self.at, calls)
            self._take(calls)

    def _take(self, calls: int) -> None:
        self.left -= calls
        self.at += calls * self._step
        self._taken += calls
        self._paid -= calls


def _arriving(loads: Iterable[Load], yielding: Mapping[int, int]) -> list[tuple[int, _Waiting]]:
    """Return the loads by when they are due, the last first, so that the next one is taken from the end."""
    found = []
    for due, deadline, priority, key, size, _ in loads:
        after = yielding.get(key, 0) if yielding else 0
        if size > after:
            found.append((due, (0, deadline, -priority, key, size - after)))
        if after:
            found.append((due, (1, deadline, -priority, key, after)))
    found.sort(reverse=True)
    return found
