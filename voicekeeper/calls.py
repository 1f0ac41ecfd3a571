"""An account's calls under way: never more at once than it allows."""

import asyncio
from collections.abc import Coroutine


class Calls:
    """Starts calls in a task group and says when there is a place for another."""

    def __init__(self, group: asyncio.TaskGroup, most: int) -> None:
        self._group, self._most = group, most
        self._under_way: set[asyncio.Task[None]] = set()

    async def places(self) -> int:
        """Return how many more may be started now, after waiting until it is one at least."""
        while len(self._under_way) >= self._most:
            await asyncio.wait(set(self._under_way), return_when=asyncio.FIRST_COMPLETED)
        return self._most - len(self._under_way)

    def start(self, call: Coroutine[None, None, None]) -> None:
        """Start one call; whatever it raises ends the group."""
        task = self._group.create_task(call)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def all_done(self) -> None:
        """Wait until no call is under way."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))


def first_failure(failure: BaseException) -> BaseException:
    """Return the first real failure of a group of groups."""
    return first_failure(failure.exceptions[0]) if isinstance(failure, BaseExceptionGroup) else failure
