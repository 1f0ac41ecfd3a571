"""A provider whose calls begin tasks: they go on by themselves, and are asked for by their ids, also after a crash."""

import asyncio
from datetime import timedelta

from tests.simulation.history import Task
from tests.simulation.plan import TIMEOUT, Kind
from tests.simulation.upstream import Effect, SimulatedProvider, account_name
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.emulator.records import Refused
from voicekeeper.providers import Note, tasks

#: Seconds that a task takes at most; a slow one may end only after its caller has stopped asking.
_QUICK, _SLOW = 5.0, 80.0
_SILENT: tuple[Kind, ...] = ("outage", "timeout", "error", "blocked", "throttled", "asked to wait", "flaky")


class TaskProvider(SimulatedProvider):
    """One account as one instance reaches it; begun, noted and followed as the real providers do it."""

    async def speak(self, voice_id: str, text: str, note: Note) -> Answer:
        """Begin one task and follow it."""
        begun: list[Task] = []

        async def noted(task_id: str) -> None:
            await note(task_id)
            down = self._up.plan.of("registry down", "commit lost")
            if not any(fault.covers(self._life.time()) for fault in down):
                begun[0].noted = self._life.time()

        def begin(effect: Effect, voice_id: str) -> Answer:
            return self._begun(effect, voice_id, begun)

        return self._heard(await tasks.followed(self._call(voice_id, text, begin), noted, self._ask, TIMEOUT))

    async def resume(self, task_id: str) -> Answer:
        """Ask once what came of a task."""
        return self._heard(await self._ask(task_id))

    def _begun(self, effect: Effect, voice_id: str, begun: list[Task]) -> Answer:
        """Begin at the provider what is begun there, and return what it answers."""
        key, said = account_name(self._account), Answer(outcome=effect.outcome, message=effect.outcome.value)
        if not effect.done:
            return said
        takes = timedelta(seconds=self._up.random.uniform(0.1, _QUICK if effect.seconds < 1 else _SLOW))
        try:
            self._up.world.admit(key, "speech")
        except Refused:
            return said if said.outcome is Outcome.AMBIGUOUS else Answer(outcome=Outcome.THROTTLED, message="too many")
        task = self._up.world.submit(key, voice_id, makes=None, takes=takes, at_most=1000, note={}, characters=3)
        begun.append(Task(task.task_id, self._life.time(), self._up.number(voice_id)))
        self._up.history.tasks.append(begun[0])
        return said if said.outcome is Outcome.AMBIGUOUS else tasks.still_open(str(task.task_id), "begun")

    async def _ask(self, task_id: str) -> Answer:
        """Ask what a task has come to: silence says nothing of it."""
        await self._life.step()
        await asyncio.sleep(0.1)
        silent = any(fault.covers(self._life.time()) for fault in self._up.plan.of(*_SILENT, who=self._account))
        state = tasks.still_open(task_id, "nobody answers") if silent else self._state(task_id)
        await self._life.step()
        return state

    def _state(self, task_id: str) -> Answer:
        task = self._up.world.task(account_name(self._account), int(task_id))
        if not task.ended:
            return tasks.still_open(task_id, "it goes on")
        outcome = Outcome.KEPT if task.error is None else Outcome.NOT_FOUND
        return Answer(outcome=outcome, message=outcome.value, task_id=task_id)
