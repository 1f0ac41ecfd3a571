"""The API of PPInfra, PPIO, Novita and Jiekou: MiniMax's models below paths of their own.

Source: PPIO's and Novita's API documentation, "MiniMax Speech". The model stands in the path; the generations 02, 2.5
and 2.6 answer `{audio, status}`, 2.8 answers in MiniMax's shape. Errors are HTTP statuses with `{code, reason,
message, metadata}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import Listing, Note, http_status, tasks
from voicekeeper.providers.answers import (
    answer,
    as_object,
    is_audio,
    judged,
    no_answer,
    spoken,
    status_code,
    unreadable,
)
from voicekeeper.providers.gateways import Access, Gateway
from voicekeeper.providers.minimax import AUDIO
from voicekeeper.providers.minimax_codes import Meaning
from voicekeeper.providers.wire import Reply, Wire, WireError

#: What the family's own `reason` means, whatever the HTTP status.
_REASONS = {
    "NOT_ENOUGH_BALANCE": Meaning(Outcome.BLOCKED, "the balance is too low", "top up the account"),
    "INVALID_API_KEY": Meaning(Outcome.BLOCKED, "the key is not valid", "check api_key"),
    "MODEL_NOT_FOUND": Meaning(Outcome.BLOCKED, "there is no such model", "choose another model"),
    "RATE_LIMIT_EXCEEDED": Meaning(Outcome.THROTTLED, "too many requests", "lower requests_per_minute"),
}
_TASK_STATES = {
    "TASK_STATUS_SUCCEED": Meaning(Outcome.KEPT, "the task succeeded"),
    "TASK_STATUS_FAILED": Meaning(Outcome.TRANSIENT, "the task failed"),
}


def connect(gateway: Gateway, access: Access) -> "PPInfra":  # noqa: ARG001 - the shape of every family
    """Return one account of this family."""
    wire = Wire(access)
    return PPInfra(wire, access.prefix, access.model, access.timeout if access.asynchronous else None)


@dataclass(frozen=True, slots=True)
class PPInfra:
    """One account; with `patience`, in seconds, it uses the task API and follows a task for so long."""

    wire: Wire
    prefix: str
    model: str
    patience: float | None = None

    async def speak(self, voice_id: str, text: str, note: Note) -> Answer:
        """Make one T2A call, or begin a T2A task and follow it."""
        body: dict[str, Any] = {"text": text, "voice_setting": {"voice_id": voice_id}}
        if self.patience is not None:
            return await tasks.followed(self._begin(body), note, self.resume, self.patience)
        whole = body | {"stream": False, "output_format": "hex", "audio_setting": AUDIO}
        try:
            return read_speech(await self.wire.post(f"{self.prefix}/v3/minimax-{self.model}", whole))
        except WireError as error:
            return no_answer(error)

    async def resume(self, task_id: str) -> Answer:
        """Ask once what came of a task."""
        try:
            reply = await self.wire.get(f"{self.prefix}/v3/async/task-result", {"task_id": task_id})
        except WireError as error:
            return tasks.still_open(task_id, str(error))
        return read_task(reply, task_id)

    async def listed(self) -> Listing:
        """Say that there is no list."""
        return Listing(None, "this gateway has no list of voices", absent=True)

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()

    async def _begin(self, body: dict[str, Any]) -> Answer:
        try:
            reply = await self.wire.post(f"{self.prefix}/v3/async/minimax-{self.model}", body)
        except WireError as error:
            return no_answer(error)
        found = as_object(reply) or {}
        task_id = found.get("task_id")
        if http_status.meaning(reply.status) is None and isinstance(task_id, str) and task_id:
            return tasks.still_open(task_id[:128], "the task is under way")
        return _problem(reply, found)


def read_speech(reply: Reply) -> Answer:
    """Read the answer to a T2A call, in either shape."""
    if is_audio(reply):
        return spoken(reply, {})
    body = as_object(reply)
    if body is None:
        return unreadable(reply)
    flat = http_status.meaning(reply.status) is None and "audio" in body and not _refuses(body)
    if flat and isinstance(body["audio"], str) and body["audio"].strip():
        return spoken(reply, body)
    if flat:
        return answer(reply, body, Meaning(Outcome.AMBIGUOUS, "success without audio"), None)
    return _problem(reply, body)


def _refuses(body: dict[str, Any]) -> bool:
    """Tell whether a flat answer says that it is none, in MiniMax's words or in the family's."""
    return bool(body.get("reason")) or (bool(body.get("base_resp")) and status_code(body) != 0)


def read_task(reply: Reply, task_id: str) -> Answer:
    """Read a task's state; a failed one says why in the gateway's words, where MiniMax's code may stand."""
    body = as_object(reply) or {}
    task = body.get("task")
    if http_status.meaning(reply.status) is not None:
        return _of_question(_problem(reply, body), task_id)
    state = str(task.get("status")) if isinstance(task, dict) else ""
    if state not in _TASK_STATES:
        return tasks.still_open(task_id, "it is under way")
    if state == "TASK_STATUS_FAILED" and isinstance(task, dict):
        said = {"message": str(task.get("reason") or "")}
        found = judged(reply, said)
        meaning = found if found.code is not None else answer(reply, said, _TASK_STATES[state], None)
        return replace(meaning, task_id=task_id)
    return replace(answer(reply, body, _TASK_STATES[state], None), task_id=task_id)


def _of_question(problem: Answer, task_id: str) -> Answer:
    """A question that failed says nothing about the task, unless the account itself is at fault."""
    if problem.outcome in (Outcome.BLOCKED, Outcome.THROTTLED):
        return replace(problem, outcome=Outcome.AMBIGUOUS, task_id=task_id)
    return tasks.still_open(task_id, problem.message)


def reason_of(body: Mapping[str, Any]) -> Meaning | None:
    """Return what the family's own reason means; None where there is none, or an unknown one."""
    return _REASONS.get(str(body.get("reason", "")).upper())


def _problem(reply: Reply, body: dict[str, Any]) -> Answer:
    """Judge an error by MiniMax's code in it, by the family's own reason, then by its HTTP status."""
    reason = reason_of(body)
    found = judged(reply, body)
    if reason is not None and found.code is None:
        return answer(reply, body, reason, None)
    return found
