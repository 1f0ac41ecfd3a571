"""Tasks at a provider: begun once, noted before anything can be lost, followed for a while, asked for again later."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import Note

#: Seconds between two questions; the last one repeats.
_WAITS = (0.3, 0.5, 1.0, 2.0, 3.0)


def still_open(task_id: str, reason: str) -> Answer:
    """Say that a task was begun and its end is not known."""
    return Answer(outcome=Outcome.AMBIGUOUS, message=f"Task {task_id}: {reason}.", task_id=task_id)


async def followed(
    begun: Awaitable[Answer], note: Note, ask: Callable[[str], Awaitable[Answer]], patience: float
) -> Answer:
    """Begin a task, write its id down, and ask until it has ended or `patience`, in seconds, is over."""
    answer = await begun
    if answer.task_id is None:
        return answer
    await note(answer.task_id)
    try:
        async with asyncio.timeout(patience):
            return await _asked_until_ended(answer.task_id, ask)
    except TimeoutError:
        return replace(answer, message=f"Task {answer.task_id} has not ended within {patience:g} s.")


async def _asked_until_ended(task_id: str, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
    number = 0
    while True:
        await asyncio.sleep(_WAITS[min(number, len(_WAITS) - 1)])
        number += 1
        answer = await ask(task_id)
        if answer.outcome is not Outcome.AMBIGUOUS:
            return replace(answer, task_id=task_id)
