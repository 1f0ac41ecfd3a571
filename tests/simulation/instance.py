"""One host of a simulation: a daemon or cron that sweeps, dies, is started again, sleeps too long."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from math import ceil, inf
from typing import TYPE_CHECKING

from tests.simulation import ledger
from tests.simulation.life import LIFE, Died, Life
from tests.simulation.outside import Silence, Simulated
from tests.simulation.plan import DAY, Fault
from tests.simulation.ticking import Ticking
from tests.simulation.virtual import START, SteppedClock
from voicekeeper.core.errors import RegistryError
from voicekeeper.wiring import App, open_app

if TYPE_CHECKING:
    from tests.simulation.stage import Stage

#: Seconds after which a service manager starts a failed service again.
_RESTART = 5.0
#: Seconds between two starts while the registry is down.
_STARTED_AGAIN = 300.0


class Instance:
    """A host of the plan; its lives follow each other."""

    def __init__(self, stage: "Stage", number: int) -> None:
        self._stage, self.number, self.plan = stage, number, stage.plan.hosts[number]
        self._ends = sorted(stage.plan.of("crash", "stopped", "reloaded", who=number), key=lambda fault: fault.start)
        self.steps = stage.plan.of("clock step", who=number)
        self.folder = stage.folder / f"host-{number}"
        self._life: Life | None = None
        self._waking: asyncio.Future[None] | None = None
        self._ticking: Ticking | None = None
        self._run: App | None = None

    async def run(self) -> None:
        """Live, die and live again until the simulation is over."""
        while not self._stage.over:
            end = self._ends.pop(0) if self._ends else None
            await self._live(end)
            if end and end.kind != "reloaded":
                await asyncio.sleep(max(end.end - self._stage.loop.time(), _RESTART))

    def end(self) -> None:
        """Die without being counted: the simulation is over."""
        if self._life:
            self._life.dead = True
            lives = self._stage.history.lives[self.number]
            if lives and lives[-1][1] == float("inf"):
                lives[-1] = (lives[-1][0], self._stage.loop.time())
            self._stage.history.killed[self.number].append(self._stage.loop.time())

    def look_again(self) -> None:
        """Let an idle instance look whether there is something to do earlier than it thought."""
        if self._ticking:
            self._ticking.look_again()
        if self._waking and not self._waking.done():
            self._waking.set_result(None)

    def offset(self, time: float) -> float:
        """Return how many seconds this host's clock is ahead."""
        return sum(step.number for step in self.steps if step.covers(time))

    async def _live(self, end: Fault | None) -> None:
        """Live once, from start to crash, or until told to end."""
        stage = self._stage
        crash = end if end and end.kind == "crash" else None
        life = self._life = Life(stage.plan, self.number, stage.history, stage.random, crash)
        lives = stage.history.lives[self.number]
        lives.append((stage.loop.time(), float("inf")))
        LIFE.set(life)
        work = asyncio.create_task(self._daemon(life) if self.plan.runs == "daemon" else self._cron(life))
        LIFE.set(None)
        order = asyncio.create_task(self._told(end if end is not crash else None, life))
        await asyncio.wait([work, order, life.died], return_when=asyncio.FIRST_COMPLETED)
        lives[-1] = (lives[-1][0], stage.loop.time())
        if order.done() and end and not (life.dead or work.done()):
            await self._obey(end, work)
            if end.kind == "stopped":
                await life.end()
        order.cancel()
        if life.died.done():
            stage.history.killed[self.number].append(stage.loop.time())
        elif not work.cancelled():
            work.result()
        stage.changed()

    async def _told(self, order: Fault | None, life: Life) -> None:
        """Wait until this instance is told to end, or for ever; a machine that sleeps hears it when it wakes up."""
        if order is None:
            await self._stage.loop.create_future()
            return
        await asyncio.sleep(max(order.start - self._stage.loop.time(), 0.0))
        await life.step()
        self._stage.history.count(order.kind)
        self._stage.history.note(self._stage.loop.time(), order.kind, self.number)

    async def _obey(self, order: Fault, work: asyncio.Task[None]) -> None:
        """Let the calls under way end, as SIGTERM and SIGHUP do; a second SIGTERM cuts them, of a daemon."""
        if self._run:
            self._run.keeper.stopping = True
        elif self._ticking:
            self._ticking.stop()
        else:
            work.cancel()
        done, _ = await asyncio.wait([work], timeout=order.number or None)
        if not done and self._ticking:
            self._ticking.cut()
        await asyncio.wait([work])

    async def _daemon(self, life: Life) -> None:
        """Make rounds as the real daemon's ticks have it, until the end of this life."""
        async with AsyncExitStack() as stack:
            app = await self._opened(life, stack)
            ticking = self._ticking = Ticking(self._stage, self, app, life)
            stack.callback(self._end_ticking)
            await asyncio.wait([life.died, ticking.ended], return_when=asyncio.FIRST_COMPLETED)
            if not life.dead:
                ticking.ended.result()

    def _end_ticking(self) -> None:
        if self._ticking:
            self._ticking.end()
            self._ticking = None

    async def _cron(self, life: Life) -> None:
        """Sweep by the minute of the clock on the wall, as `voicekeeper run` from cron does."""
        while True:
            await self._idle(life)
            await life.step()
            async with AsyncExitStack() as stack:
                app = self._run = await self._opened(life, stack)
                self._stage.history.sweeps += 1
                with suppress(RegistryError):
                    await app.rounds()
                self._run = None
                if app.keeper.stopping:
                    return

    def clock(self, life: Life) -> SteppedClock:
        """Return this host's clock, on which a life waits."""
        return SteppedClock(self._stage.loop, self.offset, life.sleep)

    async def _opened(self, life: Life, stack: AsyncExitStack) -> App:
        """Start a new process; a registry that is down is waited for, as a service manager would."""
        stage, folder = self._stage, self.folder
        folder.mkdir(exist_ok=True)
        log, outside = Silence(stage.history.mistakes), Simulated(stage, life)
        while True:
            try:
                opening = open_app(stage.settings, folder, clock=self.clock(life), log=log, outside=outside)
                return await stack.enter_async_context(opening)
            except RegistryError:
                await life.sleep(min(_STARTED_AGAIN, self.plan.every))

    async def _idle(self, life: Life) -> None:
        """Wait for cron's next sweep that can find something to do; those that cannot are left out."""
        begun, every = self._stage.loop.time(), self.plan.every
        while True:
            now = self._stage.loop.time()
            # A sweep that was left out is over: what happened after it waits for the next one.
            earliest = max(self.quiet_until(now), now - 0.001, begun + 0.001)
            until = ceil(earliest / every) * every if earliest < inf else inf
            if now >= until:
                return
            await self._wait(min(until - now, DAY))
            if life.dead:
                raise Died

    def quiet_until(self, now: float) -> float:
        """Return the true time before which no sweep of this host can find anything."""
        stage = self._stage
        shared = self.offset(now) if len(stage.plan.hosts) == 1 else 0.0
        found = ledger.quiet_until(stage.raw, START + timedelta(seconds=now + shared))
        if found is None:
            return inf
        # The earlier of the two clocks' readings: looking too often costs nothing but time.
        until = (found - START).total_seconds() - max(self.offset(now), 0.0)
        return until if until > now + 0.001 else 0.0  # at once: the next regular sweep, which may be now

    async def _wait(self, seconds: float) -> None:
        loop = self._stage.loop
        self._waking = loop.create_future()
        handle = loop.call_later(max(seconds, 0.001), self.look_again)
        await self._waking
        handle.cancel()
