"""One life of an instance: from its start to its crash, every await on the way is a place to die or stand still."""

import asyncio
from contextvars import ContextVar
from random import Random
from typing import Any
from weakref import WeakSet

from tests.simulation.history import History
from tests.simulation.plan import Fault, Plan
from voicekeeper.core.errors import RegistryUnavailable

#: Seconds that the way to the registry takes at most where several instances share it.
_WAY = 0.01


#: The life in which a task was begun.
LIFE: ContextVar["Life | None"] = ContextVar("life", default=None)


def born(loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> asyncio.Task[Any]:
    """Begin a task that belongs to the life in which it is begun, as to a process; an event loop's task factory."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **how)
    if life := LIFE.get():
        life.tasks.add(task)
    return task


class Died(BaseException):
    """The instance is dead: nothing of it has any effect from here on. Not an Exception, so that nobody catches it."""


class Life:
    """What an instance is and when it dies; `step` stands at every await that reaches outside.

    A dead instance's tasks may still run for a moment, but every effect lies behind a `step`, and that raises.
    """

    def __init__(self, plan: Plan, host: int, history: History, random: Random, crash: Fault | None) -> None:
        self.host, self.dead = host, False
        self._plan, self._history, self._random, self._crash = plan, history, random, crash
        self._steps_left = int(crash.number) if crash else 0
        self._asleep = {fault: int(fault.number) for fault in plan.of("asleep", who=host)}
        self._down, self._lost = plan.of("registry down"), plan.of("commit lost")
        self._shared = len(plan.hosts) > 1
        self.died = asyncio.get_running_loop().create_future()
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()

    def time(self) -> float:
        """Return true time."""
        return asyncio.get_running_loop().time()

    async def step(self) -> None:
        """Pass one place where this instance may die or stand still."""
        self._check()
        for fault, steps_left in self._asleep.items():
            if fault.covers(self.time()):
                self._asleep[fault] -= 1
                if steps_left <= 0:
                    self._history.count("asleep")
                    self._history.standstills.append(self.time())
                    await asyncio.sleep(fault.end - self.time())
                    self._check()

    def _check(self) -> None:
        if self._crash and not self.dead and self.time() >= self._crash.start:
            self._steps_left -= 1
            if self._steps_left < 0:
                self.die()
        if self.dead:
            raise Died

    def die(self) -> None:
        """End this life."""
        self.dead = True
        self._history.count("crash")
        self._history.crashes.append(self.time())
        self._history.note(self.time(), "crash", self.host)
        if not self.died.done():
            self.died.set_result(None)

    async def end(self) -> None:
        """Let the process end: what is still under way is cut off, as asyncio's own end has it."""
        if left := {task for task in self.tasks if not task.done()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left)
        self.dead = True

    async def sleep(self, seconds: float) -> None:
        """Wait as the instance's clock does."""
        await self.step()
        await asyncio.sleep(seconds)
        await self.step()

    async def before_transaction(self) -> None:
        """Go to the registry."""
        await asyncio.sleep(self._random.random() * _WAY if self._shared else 0)
        await self.step()

    def reach(self) -> None:
        """Find the registry, or find it down."""
        if any(fault.covers(self.time()) for fault in self._down):
            self._history.count("registry down")
            raise RegistryUnavailable("the registry is down")

    async def after_transaction(self) -> None:
        """Come back from the registry."""
        await self.step()
        if any(fault.covers(self.time()) for fault in self._lost):
            self._history.count("commit lost")
            raise RegistryUnavailable("the registry's answer was lost")
