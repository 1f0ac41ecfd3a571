"""One account's due voices in working order, a page at a time."""

from collections import deque
from collections.abc import Callable, Collection, Sequence

from voicekeeper.clock import Clock
from voicekeeper.registry import claims, upcoming
from voicekeeper.registry.database import Database

#: How many ids are offered for each place: several instances read the same page, and each claims from its front.
_MORE = 8


class DueVoices:
    """Hands out the ids of an account's due voices; another page is read only after the last one came to something.

    `without` gives the ids of voices that must not be called now, however due they are.
    """

    def __init__(self, database: Database, clock: Clock, account: str, without: Callable[[], Collection[int]]) -> None:
        self._database, self._clock, self._account, self._without = database, clock, account, without
        self._ids: deque[int] = deque()
        self._begun, self._fruitful, self._in_vain = False, True, False

    async def take(self, places: int) -> list[int]:
        """Return the next ids, some more than there are places, for others may work the first ones; none at the end."""
        if not self._ids:
            self._in_vain = not self._fruitful
            self._ids.extend(await self._page() if self._fruitful else ())
            self._fruitful = False
        return [self._ids.popleft() for _ in range(min(len(self._ids), places * _MORE))]

    async def _page(self) -> list[int]:
        page = await self._database.run(claims.due, self._account, self._clock.now())
        without = self._without()
        return [row for row in page if row not in without]

    def came_to(self, *, worked: bool, untouched: Sequence[int]) -> None:
        """Take back what was not touched; where something was worked, or waits for its slot, there may be more."""
        self._begun = True
        self._fruitful |= worked
        self._ids.extendleft(reversed(untouched))

    async def held_elsewhere(self) -> bool:
        """Tell, when nothing is left to take, whether other instances hold what is due."""
        if self._begun:
            return self._in_vain
        return await self._database.run(upcoming.held_elsewhere, self._account, self._clock.now())
